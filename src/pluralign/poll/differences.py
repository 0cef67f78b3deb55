"""What of one page's differences is more than luck: voice against voice, told against untold, people against people.

Works on scores alone, so that the voices may come from one run or from several. Differences are paired: the same
questions and peoples on both sides, drawn for both at once. Many at once are corrected for their number.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from pluralign.core.question import Option, Question, Scale
from pluralign.metrics.distances import Array
from pluralign.metrics.multiple import false_discovery_rates
from pluralign.metrics.scales import Scales
from pluralign.poll import between
from pluralign.poll.resampled import Draws, changes, draw, mean_overall
from pluralign.poll.scores import Cell, Difference, Gap, GapKind, QuestionAnswers, Scores, Summary, Telling

MOST_PEOPLES = 200
"""With more peoples, how far apart every two of them are is not worked out: there are as many pairs as peoples
squared."""


def with_differences(scores: Scores, *, seed: int, resamples: int) -> Scores:
    """The scores with their gaps, how voices tell peoples apart, and p-values corrected for their number."""
    field = _Field(scores, seed, resamples)
    gaps = [gap for kind, first, second in _pairs(scores) if (gap := field.gap(kind, first, second))]
    return scores.model_copy(
        update={
            "gaps": _corrected(gaps),
            "tellings": tuple(found for one in scores.summaries if (found := field.telling(one))),
            "cells": _corrected_cells(scores.cells),
        }
    )


def steered(scores: Scores, voice: str) -> bool:
    """Whether a voice is told whom to speak for."""
    return any(scores.closest.get(voice, {}))


def _pairs(scores: Scores) -> Iterator[tuple[GapKind, Summary, Summary]]:
    """What a reader would hold against each other, each pair once.

    Within a model and method every voice that names nobody against every one that is told, and the closest voice
    against the others; between models the same way of speaking.
    """
    summaries = scores.summaries
    seen: set[frozenset[str]] = set()

    def fresh(first: Summary, second: Summary) -> bool:
        pair = frozenset((first.voice, second.voice))
        new = len(pair) == 2 and pair not in seen
        seen.add(pair)
        return new

    groups: dict[tuple[str, str], list[Summary]] = {}
    for one in summaries:
        groups.setdefault((one.model, one.method), []).append(one)
    for group in groups.values():
        for plain in group:
            for told in group:
                if not steered(scores, plain.voice) and steered(scores, told.voice) and fresh(plain, told):
                    yield "telling", plain, told
        known = [one for one in group if one.distance.value is not None]
        closest = min(known, key=lambda one: one.distance.value or 0.0, default=None)
        for other in known:
            if closest is not None and fresh(other, closest):
                yield "voices", other, closest
    by_way: dict[tuple[str, str], list[Summary]] = {}
    for one in summaries:
        by_way.setdefault((one.way or one.voice, one.method), []).append(one)
    for same in by_way.values():
        known = [one for one in same if one.distance.value is not None]
        closest = min(known, key=lambda one: one.distance.value or 0.0, default=None)
        for other in known:
            if closest is not None and fresh(other, closest):
                yield "models", other, closest


class _Side(NamedTuple):
    """What one voice answered for its peoples."""

    peoples: tuple[str, ...]
    said: Array
    """Shape (peoples, questions, width); NaN where there is no answer."""
    truth: Array


class _Field:
    """Answers of a page as arrays."""

    def __init__(self, scores: Scores, seed: int, resamples: int):
        self._scores, self._seed, self._resamples = scores, seed, resamples
        self._scales = Scales.of([_question(one) for one in scores.questions])
        self._cells: dict[str, list[str]] = {}
        for cell in scores.cells:
            self._cells.setdefault(cell.voice, []).append(cell.collective)
        self._sides: dict[str, _Side] = {}

    @cached_property
    def _draws(self) -> Draws:
        topics = [one.topic for one in self._scores.questions]
        return draw(topics, seed=self._seed, resamples=self._resamples)

    def gap(self, kind: GapKind, first: Summary, second: Summary) -> Gap | None:
        """Distance of the first less distance of the second, on the peoples and questions of both; ``None`` of none."""
        sides = [self._side(one.voice) for one in (first, second)]
        peoples = [one for one in sides[0].peoples if one in sides[1].peoples]
        if not peoples:
            return None
        headline = self._scores.headline
        distances = []
        for side in sides:
            rows = [side.peoples.index(people) for people in peoples]
            distances.append(between.headline_distances(side.said[rows], side.truth[rows], self._scales, headline).T)
        both = ~np.isnan(distances[0]) & ~np.isnan(distances[1])
        if not both.any():
            return None
        before, after = (mean_overall(np.where(both, one, np.nan)) for one in distances)
        change = changes(before, after, np.asarray(both.any(axis=1, keepdims=True)), self._draws)[0]
        return Gap(
            kind=kind,
            first=first.voice,
            second=second.voice,
            peoples=int(both.any(axis=0).sum()),
            questions=int(both.any(axis=1).sum()),
            before=change.before,
            after=change.after,
            difference=change.difference,
            by_topic=change.by_topic,
        )

    def telling(self, one: Summary) -> Telling | None:
        """Whether the voice exaggerates how peoples differ; ``None`` where it names nobody, or too few or too many."""
        side = self._side(one.voice)
        if not steered(self._scores, one.voice) or not 1 < len(side.peoples) <= MOST_PEOPLES:
            return None
        found = between.contrast(side.said, side.said, side.truth, self._scales, self._scores.headline, self._draws)
        if found is None:
            return None
        return Telling(
            voice=one.voice,
            label=one.label,
            peoples=found.peoples,
            questions=found.questions,
            people=found.people,
            spread=found.spread.after,
            direction=found.direction.after,
        )

    def _side(self, voice: str) -> _Side:
        if voice not in self._sides:
            peoples = tuple(self._cells.get(voice, ()))
            said = [self._stacked([self._answer(one, voice, people) for people in peoples]) for one in self._questions]
            truth = [self._stacked([one.people.get(people) for people in peoples]) for one in self._questions]
            self._sides[voice] = _Side(peoples, *(np.stack(rows, axis=1) for rows in (said, truth)))
        return self._sides[voice]

    @property
    def _questions(self) -> tuple[QuestionAnswers, ...]:
        return self._scores.questions

    @staticmethod
    def _answer(one: QuestionAnswers, voice: str, people: str) -> tuple[float, ...] | None:
        said: Mapping[str, tuple[float, ...]] = one.voices.get(voice, {})
        return said.get(people, said.get(""))

    def _stacked(self, answers: Sequence[tuple[float, ...] | None]) -> Array:
        """Shape (peoples, width): zeros behind the last option, NaN where there is no answer."""
        rows = np.full((len(answers), self._scales.width), np.nan)
        for row, shares in zip(rows, answers, strict=True):
            if shares is not None:
                row[:] = 0.0
                row[: len(shares)] = shares
        return rows


def _question(one: QuestionAnswers) -> Question:
    """The question as measures want it."""
    options = tuple(Option(id=at, text=text) for at, text in enumerate(one.options))
    return Question(id=one.id, text=one.text, options=options, scale=Scale(one.scale), topic=one.topic)


def _corrected(gaps: Sequence[Gap]) -> tuple[Gap, ...]:
    """All gaps of a page are one family: that is the list a reader looks through for differences."""
    found = list(gaps)
    for name in ("difference", "by_topic"):
        adjusted = _adjusted([getattr(gap, name) for gap in found])
        found = [gap.model_copy(update={name: one}) for gap, one in zip(found, adjusted, strict=True)]
    return tuple(found)


def _corrected_cells(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """Another family: for whom a voice is closer than everyone's average."""
    known = [cell for cell in cells if cell.over_average is not None]
    adjusted = iter(_adjusted([cell.over_average for cell in known if cell.over_average is not None]))
    return tuple(
        cell if cell.over_average is None else cell.model_copy(update={"over_average": next(adjusted)})
        for cell in cells
    )


def _adjusted(differences: Sequence[Difference]) -> list[Difference]:
    rates = false_discovery_rates(np.array([np.nan if one.p is None else one.p for one in differences]))
    return [
        one.model_copy(update={"p_adjusted": None if np.isnan(rate) else float(rate)})
        for one, rate in zip(differences, rates, strict=True)
    ]
