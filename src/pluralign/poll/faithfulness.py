"""How faithful one voice was measured to be, overall and topic by topic, from the scores of a run. Asks nothing.

A topic has few questions, so nothing is claimed of it but the mean distance, its interval, and what two answerers who
know nothing of this people reach on the same questions: uniform answers, and the mean of the other peoples.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from pluralign.core.distribution import Distribution, Obtained
from pluralign.core.question import Option, Question, Scale
from pluralign.metrics.baselines import baseline_table, shares_of
from pluralign.metrics.scales import Distances, all_distances
from pluralign.metrics.uncertainty import bootstrap
from pluralign.poll.scores import Cell, DistanceName, Measure, QuestionAnswers, Scores


class TopicFaithfulness(BaseModel):
    """One voice against one people on the questions of one topic. Smaller distances are closer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: str
    questions: int
    distance: Measure
    """Mean headline distance, in [0, 1]."""
    uniform: float
    """The same of an answerer who finds every option alike: the floor of one who was told nothing."""
    others: float | None
    """The same of the mean of the other peoples; ``None`` where there are none."""

    @property
    def below_floor(self) -> bool:
        """Whether uniform answers are at least as close to the people."""
        return self.distance.value is None or self.distance.value >= self.uniform


class Faithfulness(BaseModel):
    """How faithful one voice was measured to be to one people."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    survey: str
    survey_title: str
    citation: str
    licence: str
    model: str
    voice: str
    """As the run calls it."""
    collective: str
    measured: str
    """When, in UTC."""
    run: str
    method: str
    headline: DistanceName
    questions: int
    distance: Measure
    uniform: float | None
    others: float | None
    marginal: float | None
    """Mean distance of all respondents together."""
    skill_over_uniform: Measure
    worth_text: str
    """How many random members of the people come as close, in words."""
    entropy_ratio: Measure
    captured: float
    topics: tuple[TopicFaithfulness, ...]
    published_leak: bool
    """Whether prompts drew on the measured answers themselves."""

    @property
    def below_floor(self) -> bool:
        """Whether uniform answers are at least as close to the people, over all questions."""
        return self.distance.value is None or (self.uniform is not None and self.distance.value >= self.uniform)


class Answered(NamedTuple):
    """One question, as the people and the voice answered it."""

    question: Question
    people: Distribution
    voice: Distribution


def faithfulness(scores: Scores, voice: str, collective: str, *, resamples: int = 500) -> Faithfulness | None:
    """The measured profile of a voice for a people; ``None`` where the run did not measure it."""
    cell = next((one for one in scores.cells if one.voice == voice and one.collective == collective), None)
    if cell is None:
        return None
    marks = {mark.name: mark.distances.get(cell.headline) for mark in cell.marks}
    return Faithfulness(
        survey=scores.survey,
        survey_title=scores.survey_title,
        citation=scores.citation,
        licence=scores.licence,
        model=scores.asked.model,
        voice=voice,
        collective=collective,
        measured=scores.created,
        run=scores.run,
        method=scores.asked.method,
        headline=cell.headline,
        questions=cell.questions,
        distance=cell.distances[cell.headline],
        uniform=marks.get("uniform"),
        others=marks.get("others"),
        marginal=marks.get("marginal"),
        skill_over_uniform=cell.skill_over_uniform,
        worth_text=cell.worth_text,
        entropy_ratio=cell.entropy_ratio,
        captured=cell.captured,
        topics=_topics(scores, cell, resamples),
        published_leak=scores.asked.published_leak,
    )


def answered(scores: Scores, voice: str, collective: str) -> dict[str, Answered]:
    """Question id -> how people and voice answered, of the questions that both answered."""
    found = {}
    for one in scores.questions:
        shares = one.voices.get(voice, {})
        said = shares.get(collective, shares.get(""))
        if said is not None and collective in one.people:
            found[one.id] = Answered(
                question_of(one),
                Distribution(probabilities=one.people[collective], obtained=Obtained.PEOPLE),
                Distribution(probabilities=said, obtained=Obtained.DERIVED),
            )
    return found


def question_of(one: QuestionAnswers) -> Question:
    """The question as a noun; its codes are its options' places."""
    return Question(
        id=one.id,
        text=one.text,
        topic=one.topic,
        scale=Scale(one.scale),
        options=tuple(Option(id=place, text=text) for place, text in enumerate(one.options, start=1)),
    )


def on(headline: DistanceName, distances: Distances) -> np.ndarray:
    """The headline's own array."""
    return {
        "wasserstein": distances.wasserstein,
        "total_variation": distances.tv,
        "js_distance": distances.js,
    }[headline]


def _topics(scores: Scores, cell: Cell, resamples: int) -> tuple[TopicFaithfulness, ...]:
    both = answered(scores, cell.voice, cell.collective)
    if not both:
        return ()
    questions = [one.question for one in both.values()]
    others: dict[str, Mapping[str, Distribution]] = {
        people: {
            one.id: Distribution(probabilities=one.people[people], obtained=Obtained.PEOPLE)
            for one in scores.questions
            if one.id in both and people in one.people
        }
        for people in dict.fromkeys(people for one in scores.questions for people in one.people)
        if people != cell.collective
    }
    table = baseline_table(questions, {key: one.people for key, one in both.items()}, others, seed=0)
    voice = shares_of(questions, {key: one.voice for key, one in both.items()}, table.scales.width)
    measured = on(cell.headline, all_distances(voice, table.people, table.scales))
    uniform, mean = (on(cell.headline, table[name].distances) for name in ("uniform", "others"))
    found = []
    for topic in dict.fromkeys(question.topic for question in questions):
        rows = np.array([question.topic == topic for question in questions]) & ~np.isnan(measured)
        if not rows.any():
            continue
        estimate = bootstrap(int(rows.sum()), seed=0, resamples=resamples).mean(measured[rows])
        found.append(
            TopicFaithfulness(
                topic=topic,
                questions=int(rows.sum()),
                distance=Measure(value=estimate.value, low=estimate.low, high=estimate.high),
                uniform=float(uniform[rows].mean()),
                others=_mean(mean[rows]),
            )
        )
    return tuple(found)


def _mean(values: Sequence[float] | np.ndarray) -> float | None:
    kept = np.asarray(values)[~np.isnan(values)]
    return float(kept.mean()) if kept.size else None
