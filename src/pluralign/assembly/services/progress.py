"""How far somebody has come, and what they may do next. Read from what was kept; nothing else remembers it."""

from dataclasses import dataclass
from typing import Literal

from pluralign.assembly.models import Card, CardStatus, Dialogue, DrawKind, Participation, Question

StepState = Literal["done", "now", "later", "closed"]


@dataclass(frozen=True)
class Steps:
    """The four steps of one question."""

    dialogue: StepState
    card: StepState
    votes: StepState
    transitions: StepState


@dataclass(frozen=True)
class QuestionProgress:
    """One question, for one person."""

    question: Question
    dialogue: Dialogue | None
    """The dialogue that is under way."""
    cards: tuple[Card, ...]
    """All of them, the latest last."""
    judgements: int
    state: Steps


@dataclass(frozen=True)
class Progress:
    """Where somebody stands in an assembly."""

    questions: tuple[QuestionProgress, ...]
    judgements_wished: int
    done: bool
    """All four steps, for one question at least."""


def progress(mine: Participation) -> Progress:
    """Where this person stands."""
    wished = mine.assembly.transitions_per_person
    questions = tuple(_question(mine, each, wished) for each in mine.assembly.questions.filter(is_open=True))
    return Progress(
        questions=questions,
        judgements_wished=wished,
        done=any(
            each.state == Steps(dialogue="done", card="done", votes="done", transitions="done") for each in questions
        ),
    )


def _question(mine: Participation, question: Question, wished: int) -> QuestionProgress:
    assembly = mine.assembly
    dialogue = mine.dialogues.filter(question=question, ended_at=None).first()
    cards = tuple(mine.cards.filter(question=question))
    submitted = any(card.status == CardStatus.SUBMITTED for card in cards)
    voted = mine.draws.filter(question=question, kind=DrawKind.CARDS).exclude(answered_at=None).exists()
    judgements = mine.judgements.filter(question=question).count()
    judged = judgements >= wished or (judgements > 0 and mine.transitions_finished_at is not None)
    ready = submitted or not assembly.collects
    return QuestionProgress(
        question=question,
        dialogue=dialogue,
        cards=cards,
        judgements=judgements,
        state=Steps(
            dialogue="done" if cards else "now" if assembly.collects else "closed",
            card="done" if submitted else "closed" if not assembly.collects else "now" if cards else "later",
            votes="done" if voted else "closed" if not assembly.judges else "now" if ready else "later",
            transitions="done" if judged else "closed" if not assembly.judges else "now" if voted else "later",
        ),
    )
