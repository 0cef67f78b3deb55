"""How much one client may ask: requests and tokens in a moving minute, counted by the ``limits`` library."""

import time
from typing import NamedTuple

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter, RateLimiter, SlidingWindowCounterRateLimiter

from pluralign.serve.errors import ApiError


class Allowance(NamedTuple):
    """What a client may have in a minute; ``None``: as much as it likes."""

    requests: int | None
    tokens: int | None


class Limiter:
    """Counts what clients ask. In this process only: several servers each count their own."""

    def __init__(self) -> None:
        storage = MemoryStorage()
        self._requests = SlidingWindowCounterRateLimiter(storage)
        # What a reply costs is known after it was given, and must be counted even where it goes over the limit; a
        # sliding window counts only what it admits.
        self._tokens = FixedWindowRateLimiter(storage)

    def admit(self, client: str, allowance: Allowance) -> dict[str, str]:
        """Count a request; gives headers that say what is left. Raises :class:`ApiError` (429) where nothing is."""
        headers: dict[str, str] = {}
        if allowance.tokens is not None:
            item = RateLimitItemPerMinute(allowance.tokens, namespace="tokens")
            if not self._tokens.test(item, client):
                raise _refused(self._tokens, item, client, "tokens")
            headers |= _told(self._tokens, item, client, "tokens")
        if allowance.requests is not None:
            item = RateLimitItemPerMinute(allowance.requests, namespace="requests")
            if not self._requests.hit(item, client):
                raise _refused(self._requests, item, client, "requests")
            headers |= _told(self._requests, item, client, "requests")
        return headers

    def spend(self, client: str, allowance: Allowance, tokens: int) -> None:
        """Count tokens of a reply that was given. The one that goes over the limit is the last for a while."""
        if allowance.tokens is not None and tokens > 0:
            self._tokens.hit(RateLimitItemPerMinute(allowance.tokens, namespace="tokens"), client, cost=tokens)


def _told(counted: RateLimiter, item: RateLimitItemPerMinute, client: str, what: str) -> dict[str, str]:
    left = counted.get_window_stats(item, client)
    return {
        f"x-ratelimit-limit-{what}": str(item.amount),
        f"x-ratelimit-remaining-{what}": str(max(left.remaining, 0)),
        f"x-ratelimit-reset-{what}": f"{max(left.reset_time - time.time(), 0):.0f}s",
    }


def _refused(counted: RateLimiter, item: RateLimitItemPerMinute, client: str, what: str) -> ApiError:
    wait = max(1, round(counted.get_window_stats(item, client).reset_time - time.time()))
    return ApiError(
        429,
        f"Rate limit reached: {item.amount} {what} a minute. Try again in {wait} s.",
        kind="rate_limit_error",
        code="rate_limit_exceeded",
        headers={"Retry-After": str(wait), **_told(counted, item, client, what)},
    )
