"""The survey in the loop: a few questions polled while training goes on, by the polls' own scorer. Knows no loss."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from pluralign.core.collective import Collective
from pluralign.core.distribution import Obtained
from pluralign.core.survey import Survey
from pluralign.engines.base import Engine
from pluralign.poll.answerers import Answerer
from pluralign.poll.ask import items
from pluralign.poll.cells import baselines, measured
from pluralign.poll.heard import Ledger, captured, probabilities
from pluralign.poll.study import Method
from pluralign.prompts.options import Labels
from pluralign.train.steering import Steering
from pluralign.voices.library import Library
from pluralign.voices.voice import speakers
from pluralign.voices.way import Way

PREFIX = "anchor_"
"""How the names of readings begin in a loss curve."""
RESAMPLES = 100
"""Behind intervals that nobody looks at: the fewest that are computed."""


class Reading(NamedTuple):
    """What an anchor survey found, each people counting alike."""

    distance: float
    """The headline distance, in [0, 1]."""
    skill: float | None
    """0: no better than all respondents together; 1: a fresh sample of the people. ``None`` where undefined."""
    skill_over_uniform: float | None
    entropy_ratio: float | None
    """The voice's entropy over the people's."""
    captured: float
    """Probability that the reply is an option."""

    def row(self) -> dict[str, float]:
        """As it stands in loss curves: ``anchor_distance`` and so on, without what is undefined."""
        return {PREFIX + name: float(value) for name, value in self._asdict().items() if value is not None}


class AnchorSurvey:
    """A small survey that is asked again and again."""

    def __init__(
        self,
        survey: Survey,
        question_ids: Sequence[str],
        peoples: Sequence[Collective],
        way: Way,
        *,
        labels: Labels = Labels.NUMBER,
        orders: int = 2,
        seed: int = 0,
    ):
        """``way`` is asked as its adapter would be; its ``adapter`` is empty, as the weights are in the model."""
        self.survey = survey.select(question_ids=question_ids)
        self.peoples = tuple(peoples)
        self.voices = speakers(way, self.peoples, Library(survey))
        self._labels, self._orders, self._seed = labels, orders, seed
        self._tables = {one.id: baselines(self.survey, one, seed) for one in self.peoples}

    def read(self, engine: Engine) -> Reading:
        """Poll it."""
        ledger = Ledger([voice.id for voice in self.voices], self.survey.questions, Obtained.EXACT)
        asked = list(
            items(self.voices, self.survey.questions, order_count=self._orders, labels=self._labels, seed=self._seed)
        )
        scores = engine.score([item.request for item in asked])
        for item, found in zip(asked, scores, strict=True):
            ledger.add(item.voice.id, item.question.id, probabilities(found), captured(found), at=item.at)
        ledger.close()
        way = self.voices[0].way
        answerer = Answerer(way, Method.EXACT.value, way.name, way.label, self.voices, ledger.heard)
        cells = []
        for people in self.peoples:
            voice = next(one for one in self.voices if one.collective is None or one.collective == people)
            heard = dict(ledger.heard[voice.id])
            said = {key: one.distribution() for key, one in heard.items()}
            table = self._tables[people.id]
            cells.append(measured(answerer, heard, said, self.survey, people, table, self._seed, RESAMPLES).cell)
        return Reading(
            distance=float(np.mean([cell.distances[cell.headline].value or 0.0 for cell in cells])),
            skill=_mean([cell.skill.value for cell in cells]),
            skill_over_uniform=_mean([cell.skill_over_uniform.value for cell in cells]),
            entropy_ratio=_mean([cell.entropy_ratio.value for cell in cells]),
            captured=float(np.mean([cell.captured for cell in cells])),
        )


def readings(curve: Iterable[Mapping[str, Any]]) -> list[Reading]:
    """What the anchor survey found along a loss curve: the rows that :meth:`Reading.row` wrote, in order."""
    return [
        Reading(
            distance=row[PREFIX + "distance"],
            skill=row.get(PREFIX + "skill"),
            skill_over_uniform=row.get(PREFIX + "skill_over_uniform"),
            entropy_ratio=row.get(PREFIX + "entropy_ratio"),
            captured=row[PREFIX + "captured"],
        )
        for row in curve
        if PREFIX + "distance" in row
    ]


def best_of(found: Sequence[Reading]) -> int:
    """Place of the reading with the smallest distance, the first of equals."""
    return min(range(len(found)), key=lambda at: found[at].distance)


def reason_to_stop(found: Sequence[Reading], steering: Steering | None) -> str:
    """Why to stop after the last of these readings; empty where training goes on, or was never polled."""
    if steering is None or not found:
        return ""
    last, worse = found[-1], len(found) - 1 - best_of(found)
    if steering.patience is not None and worse >= steering.patience:
        return f"the distance of the anchor survey has not fallen for {worse} polls"
    ratio = last.entropy_ratio
    if steering.entropy_ratio is not None and ratio is not None:
        low, high = steering.entropy_ratio
        if not low <= ratio <= high:
            return f"the entropy ratio {ratio:.2f} has left the range from {low} to {high}"
    if steering.skill is not None and last.skill is not None and last.skill < steering.skill:
        return f"the skill {last.skill:.2f} has fallen below {steering.skill}"
    return ""


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
