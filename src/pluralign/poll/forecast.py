"""What a poll will take and what it will buy, before it runs. Stores nothing.

The time is measured on a few of the poll's own prompts; the width of the interval is read off how much the floors
vary over the very questions that will be asked.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, NamedTuple

import numpy as np

from pluralign.engines.base import Engine, Plan
from pluralign.metrics.baselines import baseline_table
from pluralign.metrics.uncertainty import bootstrap
from pluralign.poll.ask import Item, Request, replies, scored
from pluralign.poll.run import SHARD, Prepared, check_engines, shards
from pluralign.poll.study import Method, Study

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
    """That are written in reply, at most; 0 where a model in this process only scores options."""
    cost: float | None
    """What the server will charge at the study's prices, at most: its discounts for cached prompts and for batches are
    not counted, nor what a reader costs. ``None`` where no price is given, and where nothing is sent to a server."""
    seconds: float | None
    """Expected time; ``None`` where it was not measured."""
    interval_width: float | None
    """Expected width of the 95 % interval of a voice's mean distance to one people; ``None`` without references."""


def forecast(
    prepared: Prepared, engine: Engine, *, reader: Engine | None = None, measure_speed: bool = True
) -> Forecast:
    """Lay out the whole poll, count it, and answer a few prompts to see how fast it will go.

    What a reader will be asked is not known before there are texts to read; its prompts are counted, not their tokens.
    """
    study, voices = prepared.study, prepared.voices
    check_engines(study, engine, reader)
    size = _Size()
    seconds = 0.0
    for method in study.methods:
        if method is Method.EXACT:
            everything = scored(study, voices, prepared.survey.questions)
            sample = size.add(everything, engine.plan)
            if measure_speed:  # scores take as long as tokens are many, replies as they are many themselves
                of_sample = engine.plan(sample.requests).computed_tokens
                seconds += _timed(sample, engine.score) * sample.computed_tokens / max(of_sample, 1)
        else:
            written = replies(method, study, voices, prepared.measured.questions)
            drawn = size.add(written, engine.plan_chat)
            if measure_speed:
                seconds += _timed(drawn, engine.chat) * drawn.prompts / max(len(drawn.requests), 1)
            if method is Method.FREE_TEXT:
                size.prompts += drawn.prompts
    return Forecast(
        questions=len(prepared.survey.questions),
        voices=len(voices),
        prompts=size.prompts,
        distinct=size.distinct,
        prompt_tokens=size.prompt_tokens,
        computed_tokens=size.computed_tokens,
        unique_tokens=size.unique_tokens,
        calls=size.calls,
        reply_tokens=size.reply_tokens,
        cost=_cost(study, size.computed_tokens, size.reply_tokens) if size.calls else None,
        seconds=seconds if measure_speed and seconds else None,
        interval_width=_interval_width(prepared),
    )


class _Sample(NamedTuple, Generic[Request]):
    """What is asked by one method, and a few of its requests."""

    requests: list[Request]
    prompts: int
    computed_tokens: int


class _Size:
    """What a poll comes to, method by method."""

    def __init__(self) -> None:
        self.prompts = self.distinct = self.prompt_tokens = self.computed_tokens = self.unique_tokens = 0
        self.calls = self.reply_tokens = 0
        self._seen: set[str] = set()

    def add(self, everything: Iterator[Item[Request]], layout: Callable[[Sequence[Request]], Plan]) -> _Sample[Request]:
        """Count everything that is asked by one method."""
        sample: list[Request] = []
        prompts = computed = 0
        for shard in shards(everything, SHARD):
            requests: list[Request] = list(dict.fromkeys(one for item in shard for one in item.requests))
            plan = layout(requests)
            new = [at for at, key in enumerate(plan.keys) if key not in self._seen]
            self._seen.update(plan.keys)
            prompts += sum(len(item.requests) for item in shard)
            computed += plan.computed_tokens
            self.reply_tokens += plan.reply_tokens
            self.calls += plan.calls
            self.distinct += len(new)
            self.prompt_tokens += plan.prompt_tokens
            self.unique_tokens += plan.unique_tokens
            if not sample and plan.batches:
                sample = [requests[at] for at in plan.batches[len(plan.batches) // 2][:SAMPLE]]
        self.prompts += prompts
        self.computed_tokens += computed
        return _Sample(sample, prompts, computed)


def _cost(study: Study, read: int, written: int) -> float | None:
    if study.price_in is None and study.price_out is None:
        return None
    return ((study.price_in or 0.0) * read + (study.price_out or 0.0) * written) / 1e6


def _timed(sample: _Sample[Request], ask: Callable[[Sequence[Request]], Any]) -> float:
    """Seconds for the sample, after a warm-up; 0 where there is nothing to ask."""
    if not sample.requests:
        return 0.0
    ask(sample.requests[:1])
    started = time.perf_counter()
    ask(sample.requests)
    return time.perf_counter() - started


def _interval_width(prepared: Prepared) -> float | None:
    """Mean width over peoples of the interval that the uniform floor would get on these questions."""
    survey, study = prepared.measured, prepared.study
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
