"""What may be learned and what is kept back: figures of questions and peoples, and proof that the two do not meet.

Three walls stand between training and measuring: topics, questions and peoples. Other surveys may ask the same thing in
other words, so questions worded alike are kept back with the held-out ones. Knows no model.
"""

import random
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pluralign.core.adapter import Lessons
from pluralign.core.collective import Collective
from pluralign.core.errors import UsageError
from pluralign.core.question import Question
from pluralign.core.survey import Survey
from pluralign.prompts.examples import chrf
from pluralign.surveys import load
from pluralign.surveys.world_mini import NAME as WORLD_MINI
from pluralign.surveys.world_mini import source_ids
from pluralign.train.distributional_config import DistributionalConfig


class Figure(NamedTuple):
    """One question as several peoples answered it."""

    survey: str
    question: Question
    peoples: tuple[Collective, ...]
    shares: tuple[tuple[float, ...], ...]
    """Per people its shares of the options."""
    mean: tuple[float, ...]
    """Of all peoples that may be learned from, each counting alike: what nobody in particular says."""
    weight: float = 1.0


class Learned(NamedTuple):
    """Figures to learn, and what is kept back from them."""

    figures: tuple[Figure, ...]
    validation: tuple[Question, ...]
    """Questions of the first survey kept back for the survey in the loop."""
    survey: Survey
    """The first survey, whole."""
    peoples: tuple[Collective, ...]
    """The first survey's peoples that are learned from."""
    others: tuple[Collective, ...]
    """Those that are held out."""
    held_out: tuple[Question, ...]
    left_out: dict[str, int]
    """Survey -> questions left out as they are too much like a held-out one."""

    def lessons(self) -> Lessons:
        """What of the first survey is learned, for whoever polls the adapter."""
        ids = {one.question.id for one in self.figures if one.survey == self.survey.name}
        return Lessons(
            survey=self.survey.name,
            questions=tuple(question.id for question in self.survey.questions if question.id in ids),
            peoples=tuple(one.id for one in self.peoples),
        )

    def split(self) -> dict[str, object]:
        """The split in plain data, as it is kept beside the adapter."""
        return {
            "survey": self.survey.name,
            "learned_questions": sorted({one.question.id for one in self.figures if one.survey == self.survey.name}),
            "validation_questions": [question.id for question in self.validation],
            "held_out_questions": [question.id for question in self.held_out],
            "learned_peoples": [one.id for one in self.peoples],
            "held_out_peoples": [one.id for one in self.others],
            "other_surveys": {
                name: sum(one.survey == name for one in self.figures)
                for name in dict.fromkeys(one.survey for one in self.figures)
                if name != self.survey.name
            },
            "left_out_as_alike": self.left_out,
        }


def learned(config: DistributionalConfig) -> Learned:
    """Draw the line. Raises :class:`UsageError` where nothing is left, or names are not known."""
    kept_back = config.held_out
    first = load(config.learn_from[0].survey)
    peoples = {first.collective(name).id for name in kept_back.collectives}
    topics = set()
    for name in kept_back.topics:
        topics |= {question.topic for question in first.select(topics=[name]).questions}
    ids = {first.question(name).id for name in kept_back.questions}
    held = tuple(question for question in first.questions if question.topic in topics or question.id in ids)
    open_questions = [question for question in first.questions if question not in held]
    validation = _validation(open_questions, config)
    barred = {question.id for question in (*held, *validation)}
    figures: list[Figure] = []
    left_out: dict[str, int] = {}
    for at, source in enumerate(config.learn_from):
        survey = first if at == 0 else load(source.survey)
        questions = [question for question in survey.questions if question.topic not in set(source.without_topics)]
        if at == 0:
            questions = [question for question in questions if question.id not in barred]
        else:
            known = len(questions)
            questions = _unlike(questions, survey, first, (*held, *validation), kept_back.alike)
            left_out[survey.name] = known - len(questions)
        figures += [one for question in questions if (one := _figure(survey, question, peoples, source.weight))]
    taught = tuple(one for one in first.collectives if one.id not in peoples)
    if not figures or not taught:
        raise UsageError("nothing is left to learn: hold out fewer topics, questions or collectives")
    found = Learned(
        tuple(figures),
        validation,
        first,
        taught,
        tuple(one for one in first.collectives if one.id in peoples),
        held,
        left_out,
    )
    check_leaks(found)
    return found


def check_leaks(found: Learned) -> None:
    """Raise :class:`UsageError` if a held-out question, topic or people is among what is learned."""
    held = {question.id for question in (*found.held_out, *found.validation)}
    texts = {question.text for question in (*found.held_out, *found.validation)}
    topics = {question.topic for question in found.held_out} - {
        question.topic for question in found.survey.questions if question.id not in {one.id for one in found.held_out}
    }
    others = {one.id for one in found.others} | {one.name for one in found.others}
    for one in found.figures:
        first = one.survey == found.survey.name
        if (first and (one.question.id in held or one.question.topic in topics)) or one.question.text in texts:
            raise UsageError(f"the question {one.question.id!r} of {one.survey} is both learned and held out")
        for people in one.peoples:
            if people.id in others or people.name in others:
                raise UsageError(f"{people.name} is both learned from, in {one.survey}, and held out")


def _validation(questions: Sequence[Question], config: DistributionalConfig) -> tuple[Question, ...]:
    """Questions for the survey in the loop, drawn by the seed."""
    if config.anchor is None or len(questions) < 2:
        return ()
    count = min(len(questions) - 1, max(1, round(config.anchor.share * len(questions))))
    drawn = random.Random(f"validation/{config.seed}").sample(range(len(questions)), count)
    return tuple(questions[at] for at in sorted(drawn))


def _figure(survey: Survey, question: Question, barred: set[str], weight: float) -> Figure | None:
    """The question with the figures that may be learned; ``None`` where there are none."""
    asked = [
        (one, reference.probabilities)
        for one in survey.collectives
        if one.id not in barred and (reference := survey.reference(one.id, question.id)) is not None
    ]
    if not asked:
        return None
    mean = np.mean([shares for _, shares in asked], axis=0)
    return Figure(
        survey.name,
        question,
        tuple(one for one, _ in asked),
        tuple(shares for _, shares in asked),
        tuple((mean / mean.sum()).tolist()),
        weight,
    )


def _unlike(
    questions: Sequence[Question], survey: Survey, first: Survey, held: Sequence[Question], most: float
) -> list[Question]:
    """Questions of another survey that are not a held-out one in other words."""
    sources = set()
    wordings = [question.text for question in held]
    if first.name == WORLD_MINI:
        # The bundled survey paraphrases items of the World Values Survey, and says which.
        by_id = source_ids()
        sources = {by_id[question.id] for question in held if question.id in by_id}
        wordings += [question.text for question in survey.questions if question.id in sources]
    if not wordings or not questions:
        return list(questions)
    alike = chrf([question.text for question in questions], wordings).max(axis=1)
    return [
        question
        for question, score in zip(questions, alike, strict=True)
        if score < most and question.id not in sources
    ]
