"""Answers to one list of prompts: what is stored is taken from the store, the rest is computed batch by batch.

Several processes may work on one run. Each claims a batch before it computes it, and waits for those of the others.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from pluralign.engines.base import ChatRequest, Completion, Engine, OptionScores, Plan, ScoreRequest
from pluralign.store.answers import AnswerStore
from pluralign.store.shared import Batch, compute, lacking

Request = TypeVar("Request", ScoreRequest, ChatRequest)
Reply = TypeVar("Reply", OptionScores, Completion)


class Progress(NamedTuple):
    """How far a poll has come."""

    done: int
    """Answers in hand, resumed ones included."""
    total: int
    computed: int
    """Answers computed by this process."""
    waiting: int = 0
    """Answers this process has nothing left to do but wait for, as another process is computing them."""


class Work(NamedTuple, Generic[Request, Reply]):
    """One kind of thing that is asked of an engine, and how replies are kept."""

    plan: Callable[[Sequence[Request]], Plan]
    compute: Callable[[Sequence[Request]], list[Reply]]
    packed: Callable[[Reply], dict[str, Any]]
    unpacked: Callable[[dict[str, Any]], Reply]


def scoring(engine: Engine) -> Work[ScoreRequest, OptionScores]:
    """Scores of options."""
    return Work(engine.plan, engine.score, packed, unpacked)


def chatting(engine: Engine) -> Work[ChatRequest, Completion]:
    """Replies."""
    return Work(engine.plan_chat, engine.chat, packed_reply, unpacked_reply)


class Answered(NamedTuple, Generic[Reply]):
    """Replies to a list of requests."""

    keys: list[str]
    """Per request the key of its reply."""
    replies: dict[str, Reply]


def answer(
    requests: Sequence[Request],
    work: Work[Request, Reply],
    store: AnswerStore,
    counts: dict[str, int],
    total: int,
    on_progress: Callable[[Progress], None],
) -> Answered[Reply]:
    """Keys of the requests, and the replies behind the keys, computing what neither store nor another process has.

    Returns when all are there, so that processes go through a run shard by shard together: what one shard computes,
    the next finds stored, whoever computed it.
    """
    unique = list(dict.fromkeys(requests))
    plan = work.plan(unique)
    key_of = dict(zip(unique, plan.keys, strict=True))
    request_of = dict(zip(reversed(plan.keys), reversed(unique), strict=True))
    keys = [key_of[request] for request in requests]
    repeats = Counter(keys)
    stored = store.get(plan.keys)
    done = counts["prompts"] + sum(repeats[key] for key in stored)
    counts["prompts"] += len(requests)
    counts["prompt_tokens"] += plan.prompt_tokens
    counts["computed_tokens"] += plan.computed_tokens
    counts["unique_tokens"] += plan.unique_tokens
    counts["resumed"] += len(stored)
    on_progress(Progress(done, total, counts["computed"]))

    def ask(batch: Batch) -> dict[str, Any]:
        replies = work.compute([request_of[key] for key in batch.keys])
        return dict(zip(batch.keys, map(work.packed, replies), strict=True))

    def take(fresh: Mapping[str, Any], mine: bool) -> None:
        nonlocal done
        counts["computed" if mine else "resumed"] += len(fresh)
        stored.update(fresh)
        done += sum(repeats[key] for key in fresh)
        on_progress(Progress(done, total, counts["computed"]))

    def wait(left: int) -> None:
        on_progress(Progress(done, total, counts["computed"], left))

    batches = lacking(([plan.keys[at] for at in batch] for batch in plan.batches), stored)
    compute(store, batches, ask, on_batch=take, on_wait=wait)
    return Answered(keys, {key: work.unpacked(payload) for key, payload in stored.items()})


def packed(scores: OptionScores) -> dict[str, Any]:
    """Scores as plain data; a probability of zero is written as null, as JSON has no infinity."""

    def plain(values: Sequence[float]) -> list[float | None]:
        return [value if math.isfinite(value) else None for value in values]

    found = {
        "logprobs": plain(scores.logprobs),
        "forms": [plain(forms) for forms in scores.forms],
        "prompt_tokens": scores.prompt_tokens,
    }
    if scores.low is not None and scores.high is not None:
        found |= {"low": plain(scores.low), "high": plain(scores.high)}
    return found


def unpacked(payload: dict[str, Any]) -> OptionScores:
    """What :func:`packed` was given."""

    def numbers(values: Sequence[float | None]) -> tuple[float, ...]:
        return tuple(-math.inf if value is None else value for value in values)

    return OptionScores(
        numbers(payload["logprobs"]),
        tuple(numbers(forms) for forms in payload["forms"]),
        payload["prompt_tokens"],
        *(numbers(payload[bound]) for bound in ("low", "high") if bound in payload),
    )


def packed_reply(reply: Completion) -> dict[str, Any]:
    """A reply as plain data. Half a surrogate pair, which servers may send, is no text and becomes a question mark."""
    return {
        "text": reply.text.encode(errors="replace").decode(),
        "finish": reply.finish,
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.completion_tokens,
    }


def unpacked_reply(payload: dict[str, Any]) -> Completion:
    """What :func:`packed_reply` was given."""
    return Completion(**payload)
