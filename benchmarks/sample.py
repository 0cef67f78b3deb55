"""The prompts that benchmarks put to a model: a fixed sample of the bundled survey, as a poll would ask it."""

from collections.abc import Sequence
from typing import NamedTuple

from pluralign import surveys
from pluralign.core.question import Question
from pluralign.core.survey import Survey
from pluralign.engines.base import ScoreRequest
from pluralign.prompts.options import Labels, orders
from pluralign.voices.library import ExampleOrder, Library
from pluralign.voices.voice import speakers
from pluralign.voices.way import way


class Prompt(NamedTuple):
    """One question put for one people, its options in one order."""

    people: str
    question: Question
    order: tuple[int, ...]
    request: ScoreRequest


def bundled() -> Survey:
    """The survey of all benchmarks: 77 questions with the answers of 18 peoples."""
    return surveys.load("world-mini")


def spread(questions: Sequence[Question], count: int) -> tuple[Question, ...]:
    """``count`` questions, evenly spread over the list."""
    return tuple(questions[at * len(questions) // count] for at in range(min(count, len(questions))))


def prompts(
    voice: str = "persona",
    *,
    questions: int,
    peoples: int = 18,
    order_count: int = 1,
    wordings: bool = False,
    examples: ExampleOrder = "shared",
) -> list[Prompt]:
    """People by people, question by question. Each option has one form: its label, or its whole wording."""
    survey = bundled()
    made = []
    for speaker in speakers(way(voice), survey.collectives[:peoples], Library(survey, order=examples)):
        for question in spread(survey.questions, questions):
            for order in orders(question, order_count):
                request = speaker.ask(question, order, Labels.NUMBER)
                texts = [one.text for one in question.options] if wordings else [forms[0] for forms in request.options]
                plain = ScoreRequest(request.messages, tuple((text,) for text in texts), request.reply_start)
                made.append(Prompt(speaker.collective.id if speaker.collective else "", question, order, plain))
    return made


def requests(asked: Sequence[Prompt]) -> list[ScoreRequest]:
    return [one.request for one in asked]
