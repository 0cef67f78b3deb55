"""What rate limits count in: a cache of Django's whose counts stand in the database, so that all processes share them.

Knows counts only. Keys are kept as keyed digests, since they are made of addresses. Rows live as long as the limit's
window; those whose time is over are swept now and then.
"""

import random
from datetime import timedelta
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from pluralign.assembly.digests import digest

SWEEP = 0.005
"""Share of new counts at which those are deleted whose time is over."""


class Counters(BaseCache):
    """The part of a cache that counting needs: add, get, incr and clear."""

    def __init__(self, _location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def add(self, key: str, value: int, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Begin a count, unless there is one. Of two at once one begins it."""
        from pluralign.assembly.models import Counted

        if self.get(key, version=version) is not None:
            return False
        seconds = self.default_timeout if timeout is DEFAULT_TIMEOUT or timeout is None else timeout
        begun, now = self._kept(key, version), timezone.now()
        with transaction.atomic():
            if random.random() < SWEEP:
                Counted.objects.filter(expires_at__lt=now).delete()
            Counted.objects.filter(digest=begun, expires_at__lt=now).delete()
            _row, made = Counted.objects.get_or_create(
                digest=begun, defaults={"times": value, "expires_at": now + timedelta(seconds=seconds)}
            )
        return made

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        """The count, or the default where there is none."""
        from pluralign.assembly.models import Counted

        found = Counted.objects.filter(digest=self._kept(key, version), expires_at__gte=timezone.now())
        times = found.values_list("times", flat=True).first()
        return default if times is None else times

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        """Count on, in one step of the database. Raises ValueError where there is no count."""
        from pluralign.assembly.models import Counted

        found = Counted.objects.filter(digest=self._kept(key, version), expires_at__gte=timezone.now())
        with transaction.atomic():
            if not found.update(times=F("times") + delta):
                raise ValueError(f"nothing is counted under {key!r}")
            return int(found.values_list("times", flat=True).get())

    def clear(self) -> None:
        """Forget all counts."""
        from pluralign.assembly.models import Counted

        Counted.objects.all().delete()

    def _kept(self, key: str, version: int | None) -> str:
        return digest("limit", self.make_key(key, version))
