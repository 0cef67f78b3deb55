"""Answers to one list of prompts: what is stored is taken from the store, the rest is computed batch by batch.

Several processes may work on one run. Each claims a batch before it computes it, and waits for those of the others.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from pluralign.engines.base import Engine, OptionScores, Plan
from pluralign.poll.ask import Item
from pluralign.store.answers import AnswerStore, Claim

POLL_SECONDS = 0.2
"""How often a process that waits for another looks whether its answers have come."""


class Progress(NamedTuple):
    """How far a poll has come."""

    done: int
    """Answers in hand, resumed ones included."""
    total: int
    computed: int
    """Answers computed by this process."""
    waiting: int = 0
    """Answers this process has nothing left to do but wait for, as another process is computing them."""


class _Batch(NamedTuple):
    id: str
    """The same in every process."""
    asked: dict[str, int]
    """Key -> position of the request, of those that had no answer."""


def answer(
    shard: Sequence[Item],
    engine: Engine,
    store: AnswerStore,
    counts: dict[str, int],
    total: int,
    on_progress: Callable[[Progress], None],
) -> tuple[list[str], dict[str, OptionScores]]:
    """Keys of the items, and the scores behind the keys, computing what neither the store nor another process has.

    Returns when all are there, so that processes go through a run shard by shard together: what one shard computes,
    the next finds stored, whoever computed it.
    """
    unique = list(dict.fromkeys(item.request for item in shard))
    plan = engine.plan(unique)
    key_of = dict(zip(unique, plan.keys, strict=True))
    keys = [key_of[item.request] for item in shard]
    repeats = Counter(keys)
    stored = store.get(plan.keys)
    before = counts["prompts"]
    counts["prompts"] += len(shard)
    counts["prompt_tokens"] += plan.prompt_tokens
    counts["computed_tokens"] += plan.computed_tokens
    counts["unique_tokens"] += plan.unique_tokens
    counts["resumed"] += len(stored)
    done = before + sum(repeats[key] for key in stored)
    on_progress(Progress(done, total, counts["computed"]))
    left = list(_unanswered(plan, stored))
    while left:
        taken = []
        for batch in left:
            claim = store.claim(batch.id, list(batch.asked))
            if claim is Claim.TAKEN:
                taken.append(batch)
                continue
            if claim is Claim.MINE:
                computed = engine.score([unique[at] for at in batch.asked.values()])
                fresh = dict(zip(batch.asked, map(_packed, computed), strict=True))
                if not store.put(fresh):  # given up for dead meanwhile: what was stored first counts
                    fresh = store.get(list(fresh))
                counts["computed"] += len(fresh)
            else:
                fresh = store.get(list(batch.asked))
                counts["resumed"] += len(fresh)
            stored.update(fresh)
            done += sum(repeats[key] for key in fresh)
            on_progress(Progress(done, total, counts["computed"]))
        if len(taken) == len(left):
            on_progress(Progress(done, total, counts["computed"], sum(len(batch.asked) for batch in taken)))
            time.sleep(POLL_SECONDS)
        left = taken
    return keys, {key: _unpacked(payload) for key, payload in stored.items()}


def _unanswered(plan: Plan, stored: dict[str, Any]) -> Iterator[_Batch]:
    """Batches with what they lack. A key that stands in several batches belongs to the first."""
    seen: set[str] = set()
    for batch in plan.batches:
        first: dict[str, int] = {}
        for at in batch:
            if plan.keys[at] not in seen:
                first.setdefault(plan.keys[at], at)
        seen.update(first)
        lacking = {key: at for key, at in first.items() if key not in stored}
        if lacking:
            yield _Batch(next(iter(first)), lacking)


def _packed(scores: OptionScores) -> dict[str, Any]:
    """Plain data; a probability of zero is written as null, as JSON has no infinity."""

    def plain(values: Sequence[float]) -> list[float | None]:
        return [value if math.isfinite(value) else None for value in values]

    packed = {
        "logprobs": plain(scores.logprobs),
        "forms": [plain(forms) for forms in scores.forms],
        "prompt_tokens": scores.prompt_tokens,
    }
    if scores.low is not None and scores.high is not None:
        packed |= {"low": plain(scores.low), "high": plain(scores.high)}
    return packed


def _unpacked(payload: dict[str, Any]) -> OptionScores:
    def numbers(values: Sequence[float | None]) -> tuple[float, ...]:
        return tuple(-math.inf if value is None else value for value in values)

    return OptionScores(
        numbers(payload["logprobs"]),
        tuple(numbers(forms) for forms in payload["forms"]),
        payload["prompt_tokens"],
        *(numbers(payload[bound]) for bound in ("low", "high") if bound in payload),
    )
