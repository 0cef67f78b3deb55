"""Answers to one list of prompts: what is stored is taken from the store, the rest is computed batch by batch.

Several processes may work on one run. Each claims a batch before it computes it, and waits for those of the others.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from pluralign.engines.base import Engine, OptionScores
from pluralign.poll.ask import Item
from pluralign.store.answers import AnswerStore
from pluralign.store.shared import Batch, compute, lacking


class Progress(NamedTuple):
    """How far a poll has come."""

    done: int
    """Answers in hand, resumed ones included."""
    total: int
    computed: int
    """Answers computed by this process."""
    waiting: int = 0
    """Answers this process has nothing left to do but wait for, as another process is computing them."""


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
    request_of = dict(zip(reversed(plan.keys), reversed(unique), strict=True))
    keys = [key_of[item.request] for item in shard]
    repeats = Counter(keys)
    stored = store.get(plan.keys)
    done = counts["prompts"] + sum(repeats[key] for key in stored)
    counts["prompts"] += len(shard)
    counts["prompt_tokens"] += plan.prompt_tokens
    counts["computed_tokens"] += plan.computed_tokens
    counts["unique_tokens"] += plan.unique_tokens
    counts["resumed"] += len(stored)
    on_progress(Progress(done, total, counts["computed"]))

    def score(batch: Batch) -> dict[str, Any]:
        return dict(zip(batch.keys, map(packed, engine.score([request_of[key] for key in batch.keys])), strict=True))

    def take(fresh: Mapping[str, Any], mine: bool) -> None:
        nonlocal done
        counts["computed" if mine else "resumed"] += len(fresh)
        stored.update(fresh)
        done += sum(repeats[key] for key in fresh)
        on_progress(Progress(done, total, counts["computed"]))

    def wait(left: int) -> None:
        on_progress(Progress(done, total, counts["computed"], left))

    batches = lacking(([plan.keys[at] for at in batch] for batch in plan.batches), stored)
    compute(store, batches, score, on_batch=take, on_wait=wait)
    return keys, {key: unpacked(payload) for key, payload in stored.items()}


def packed(scores: OptionScores) -> dict[str, Any]:
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


def unpacked(payload: dict[str, Any]) -> OptionScores:
    """What :func:`packed` packed."""

    def numbers(values: Sequence[float | None]) -> tuple[float, ...]:
        return tuple(-math.inf if value is None else value for value in values)

    return OptionScores(
        numbers(payload["logprobs"]),
        tuple(numbers(forms) for forms in payload["forms"]),
        payload["prompt_tokens"],
        *(numbers(payload[bound]) for bound in ("low", "high") if bound in payload),
    )
