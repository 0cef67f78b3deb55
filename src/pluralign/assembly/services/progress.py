"""How far somebody has come, and what they may do next."""

from dataclasses import dataclass
from typing import Literal

from pluralign.assembly.models import Card, CardStatus, Dialogue, Participation, Question

StepState = Literal["done", "now", "later", "closed"]


@dataclass(frozen=True)
class QuestionProgress:
    """One question, for one person."""

    question: Question
    dialogue: Dialogue | None
    """The dialogue that is under way."""
    cards: tuple[Card, ...]
    """Those not withdrawn, the latest last."""


@dataclass(frozen=True)
class Progress:
    """Where somebody stands in an assembly."""

    questions: tuple[QuestionProgress, ...]
    dialogue: StepState
    card: StepState
    votes: StepState
    transitions: StepState
    votes_given: int
    judgements_given: int
    judgements_wished: int
    done: bool


def progress(mine: Participation) -> Progress:
    """Read it from what was kept; nothing else remembers where somebody stopped."""
    assembly = mine.assembly
    questions = tuple(_question(mine, question) for question in assembly.questions.filter(is_open=True))
    submitted = any(card.status == CardStatus.SUBMITTED for each in questions for card in each.cards)
    drafted = any(each.cards for each in questions)
    votes, judgements = mine.votes.count(), mine.judgements.count()
    wished = assembly.transitions_per_person
    has_voted = mine.votes_finished_at is not None
    has_judged = mine.transitions_finished_at is not None
    collects, judges = assembly.collects, assembly.judges
    return Progress(
        questions=questions,
        dialogue="done" if drafted else "now" if collects else "closed",
        card="done" if submitted else "closed" if not collects else "now" if drafted else "later",
        votes="done" if has_voted else "closed" if not judges else "now" if submitted or not collects else "later",
        transitions="done" if has_judged else "closed" if not judges else "now" if has_voted else "later",
        votes_given=votes,
        judgements_given=judgements,
        judgements_wished=wished,
        done=submitted and has_voted and has_judged,
    )


def _question(mine: Participation, question: Question) -> QuestionProgress:
    dialogue = mine.dialogues.filter(question=question, ended_at=None).first()
    cards = tuple(mine.cards.filter(question=question).exclude(status=CardStatus.WITHDRAWN))
    return QuestionProgress(question, dialogue, cards)
