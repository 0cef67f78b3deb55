"""The survey in the loop: a few questions polled while training goes on, by the polls' own scorer. Knows no loss."""

from collections.abc import Sequence
from typing import NamedTuple

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
from pluralign.voices.library import Library
from pluralign.voices.voice import speakers
from pluralign.voices.way import Way

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


def reason_to_stop(
    reading: Reading,
    worse: int,
    *,
    patience: int | None,
    entropy_ratio: tuple[float, float] | None,
    skill: float | None,
) -> str:
    """Why to stop after a reading, or nothing. ``worse``: how many readings in a row have not been the best so far."""
    if patience is not None and worse >= patience:
        return f"the distance of the anchor survey has not fallen for {worse} polls"
    ratio = reading.entropy_ratio
    if entropy_ratio is not None and ratio is not None:
        low, high = entropy_ratio
        if not low <= ratio <= high:
            return f"the entropy ratio {ratio:.2f} has left the range from {low} to {high}"
    if skill is not None and reading.skill is not None and reading.skill < skill:
        return f"the skill {reading.skill:.2f} has fallen below {skill}"
    return ""


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
