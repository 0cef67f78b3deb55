"""How much voices give to an option for its place and its label, over all questions. Asks nothing."""

from collections.abc import Iterator, Sequence

import numpy as np

from pluralign.core.question import Question
from pluralign.metrics.distances import Array
from pluralign.metrics.uncertainty import bootstrap, weighted_mean
from pluralign.poll.answerers import Answerer
from pluralign.poll.cells import measure
from pluralign.poll.scores import LabelEffect, OrderBias
from pluralign.poll.study import Method
from pluralign.prompts.options import Labels, label_names


def order_biases(
    answerers: Sequence[Answerer], questions: Sequence[Question], labels: Labels, seed: int, resamples: int
) -> Iterator[OrderBias]:
    """One row for every way and method whose option orders tell anything of places."""
    draws = bootstrap(len(questions), seed=seed, resamples=resamples)
    ids = [question.id for question in questions]
    last = np.array([len(question.options) - 1 for question in questions])
    names = [label_names(question, labels) for question in questions]
    for one in answerers:
        if one.temperature != 1:
            continue
        of_place, of_label = (
            _mean(np.stack(tables))
            for tables in zip(*(one.heard[voice.id].order_effects(ids) for voice in one.voices), strict=True)
        )
        if np.isnan(of_place).all():
            continue
        every = np.arange(len(questions))
        yield OrderBias(
            voice=one.name,
            label=one.label,
            method=one.method,
            questions=int((~np.isnan(of_place[:, 0])).sum()),
            apart=bool((~np.isnan(of_label)).any()),
            first=measure(draws.mean(of_place[:, 0])),
            last=measure(draws.mean(of_place[every, last])),
            # Of few replies the sum of sizes is mostly luck; first and last, with their signs, average it out.
            moved=None if one.method == Method.SAMPLES else _overall(np.abs(of_place)),
            labels=tuple(
                LabelEffect(label=name, effect=measure(draws.mean(values)), questions=int((~np.isnan(values)).sum()))
                for name, values in _by_name(of_label, names).items()
            ),
        )


def _by_name(of_label: Array, names: Sequence[Sequence[str]]) -> dict[str, Array]:
    """Label -> its effect in every question, NaN where it does not stand."""
    found: dict[str, Array] = {}
    for row, (effects, own) in enumerate(zip(of_label, names, strict=True)):
        for name, effect in zip(own, effects, strict=False):
            if not np.isnan(effect):
                found.setdefault(name, np.full(len(names), np.nan))[row] = effect
    return dict(sorted(found.items(), key=lambda pair: (len(pair[0]), pair[0])))


def _mean(tables: Array) -> Array:
    """Means over voices of what is known; NaN where nothing is."""
    flat = weighted_mean(np.ones((1, len(tables))), tables.reshape(len(tables), -1))
    return np.asarray(flat.reshape(tables.shape[1:]))


def _overall(sizes: Array) -> float | None:
    """Mean over questions of half the sum over places: the share that stands where it does for its place."""
    known = ~np.isnan(sizes[:, 0])
    return float(np.nansum(sizes[known], axis=1).mean() / 2) if known.any() else None
