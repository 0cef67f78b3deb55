"""The model that asks and the model that compares, each opened once per process, when first needed."""

import functools
import logging
import threading
import time

from django.conf import settings
from django.db.models import Count, Sum

from pluralign.assembly.models import Assembly, Participation
from pluralign.assembly.settings import INTERVIEW_PATIENCE
from pluralign.core.errors import PluralignError
from pluralign.elicit.embeddings import Embedder, open_embedder
from pluralign.engines.base import Engine
from pluralign.engines.open import open_engine

log = logging.getLogger("pluralign.assembly")


RETRIES = 1
"""Of a request of the interview. A person waits for it, and the form stands ready."""
OPENED_AGAIN_AFTER = 60.0
"""Seconds after which a model that could not be opened is tried again: a server may start later than the site."""
_PATIENCE = 10.0
"""Seconds that a request waits while another opens the model."""
_lock = threading.Lock()
_engines: dict[tuple[str, str | None], Engine] = {}
_failed_at: dict[tuple[str, str | None], float] = {}


def _opened(name: str, key: str | None) -> Engine | None:
    which = (name, key)
    if which in _engines:
        return _engines[which]
    if time.monotonic() - _failed_at.get(which, -OPENED_AGAIN_AFTER) < OPENED_AGAIN_AFTER:
        return None
    if not _lock.acquire(timeout=_PATIENCE):
        return None
    try:
        if which not in _engines:
            _engines[which] = open_engine(name, api_key=key, timeout=INTERVIEW_PATIENCE, retries=RETRIES)
        return _engines[which]
    except PluralignError as error:
        _failed_at[which] = time.monotonic()
        log.error("the model %r cannot be opened (%s): people answer the guided form; it is tried again in a minute",
                  name, error)  # fmt: skip
        return None
    finally:
        _lock.release()


def engine() -> Engine | None:
    """The model, or None where there is none or it cannot be opened."""
    site = settings.PLURALIGN
    if site.engine_instance is not None:
        found: Engine = site.engine_instance
        return found
    return _opened(site.engine, site.engine_key) if site.engine else None


def engine_for(assembly: Assembly, mine: Participation | None = None) -> Engine | None:
    """The model, as long as the assembly's budget of calls and tokens lasts and, where it is for one person, theirs."""
    found = engine()
    if found is None or not found.can.chat or not assembly.uses_model:
        return None
    spent = assembly.model_calls.aggregate(calls=Count("pk"), tokens=Sum("tokens"))
    if spent["calls"] >= assembly.call_budget or (spent["tokens"] or 0) >= assembly.token_budget:
        return None
    cap = assembly.person_call_budget
    if mine is not None and cap and mine.model_calls.count() >= cap:
        return None
    return found


@functools.cache
def embedder() -> Embedder:
    """What turns texts into vectors."""
    return open_embedder(settings.PLURALIGN.embedder)
