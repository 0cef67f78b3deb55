"""What a poll will take and what it will buy, before it runs. Stores nothing.

The time is measured on a few of the poll's own prompts; the width of the interval is read off how much the floors
vary over the very questions that will be asked.
"""

import time
from typing import NamedTuple

import numpy as np

from pluralign.engines.base import Engine, ScoreRequest
from pluralign.metrics.baselines import baseline_table
from pluralign.metrics.uncertainty import bootstrap
from pluralign.poll.ask import items
from pluralign.poll.run import SHARD, Prepared, shards
from pluralign.poll.study import Study

SAMPLE = 16
"""How many prompts are answered to measure speed."""


class Forecast(NamedTuple):
    """The size of a poll."""

    questions: int
    voices: int
    prompts: int
    distinct: int
    """Prompts that differ; equal ones are computed once."""
    prompt_tokens: int
    """Of the distinct prompts."""
    computed_tokens: int
    """That pass through the model, shared beginnings counted once per batch."""
    unique_tokens: int
    """That an infinite cache would compute."""
    calls: int
    """Prompts that a server is sent; 0 for a model in this process."""
    reply_tokens: int
    """That a server writes in reply, at most."""
    cost: float | None
    """What the server will charge at the study's prices, at most: its discounts for cached prompts and for batches are
    not counted. ``None`` where no price is given, and where nothing is sent to a server."""
    seconds: float | None
    """Expected time; ``None`` where it was not measured."""
    interval_width: float | None
    """Expected width of the 95 % interval of a voice's mean distance to one people; ``None`` without references."""


def forecast(prepared: Prepared, engine: Engine, *, measure_speed: bool = True) -> Forecast:
    """Lay out the whole poll, count it, and answer a few prompts to see how fast it will go."""
    study = prepared.study
    prompts = distinct = tokens = computed = unique = calls = replies = 0
    sample: list[ScoreRequest] = []
    everything = items(
        prepared.voices, prepared.survey.questions, order_count=study.orders, labels=study.labels, seed=study.seed
    )
    seen: set[str] = set()
    for shard in shards(everything, SHARD):
        requests = list(dict.fromkeys(item.request for item in shard))
        plan = engine.plan(requests)
        new = [at for at, key in enumerate(plan.keys) if key not in seen]
        seen.update(plan.keys)
        prompts += len(shard)
        distinct += len(new)
        tokens, computed, unique = (
            tokens + plan.prompt_tokens,
            computed + plan.computed_tokens,
            unique + plan.unique_tokens,
        )
        calls, replies = calls + plan.calls, replies + plan.reply_tokens
        if not sample and plan.batches:
            sample = [requests[at] for at in plan.batches[len(plan.batches) // 2][:SAMPLE]]
    return Forecast(
        questions=len(prepared.survey.questions),
        voices=len(prepared.voices),
        prompts=prompts,
        distinct=distinct,
        prompt_tokens=tokens,
        computed_tokens=computed,
        unique_tokens=unique,
        calls=calls,
        reply_tokens=replies,
        cost=_cost(study, computed, replies) if calls else None,
        seconds=_seconds(engine, sample, computed) if measure_speed and sample else None,
        interval_width=_interval_width(prepared),
    )


def _cost(study: Study, read: int, written: int) -> float | None:
    if study.price_in is None and study.price_out is None:
        return None
    return ((study.price_in or 0.0) * read + (study.price_out or 0.0) * written) / 1e6


def _seconds(engine: Engine, sample: list[ScoreRequest], tokens: int) -> float:
    """Answer a warm-up and the sample, and scale by computed tokens."""
    engine.score(sample[:1])
    of_sample = engine.plan(sample).computed_tokens
    started = time.perf_counter()
    engine.score(sample)
    return (time.perf_counter() - started) * tokens / max(of_sample, 1)


def _interval_width(prepared: Prepared) -> float | None:
    """Mean width over peoples of the interval that the uniform floor would get on these questions."""
    survey, study = prepared.survey, prepared.study
    widths = []
    for people in prepared.collectives:
        reference = survey.references.get(people.id)
        if not reference:
            continue
        table = baseline_table(survey.questions, reference, {}, seed=study.seed)
        distances = table["uniform"].distances
        values = distances.tv if np.isnan(distances.wasserstein).all() else distances.wasserstein
        interval = bootstrap(len(values), seed=study.seed, resamples=study.resamples).mean(values)
        if interval.low is not None and interval.high is not None:
            widths.append(interval.high - interval.low)
    return float(np.mean(widths)) if widths else None
