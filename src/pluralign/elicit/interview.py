"""The interview as a state machine: what has been asked and answered, what comes next, when it is over.

It asks about one choice that went well, and looks for what the person attended to when they chose: not goals, not
rules, not what others expect (Democratic Fine-Tuning's "sources of meaning"; stages and words are our own). Whether a
model words a question or the guided form does, the machine is the same, so one can take over from the other at any
turn. Knows no model and no language: a fixed question is a key, and `QUESTIONS` has its English words.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

LONGEST_ANSWER = 4000
"""Characters of one answer; what is over is refused, not cut off."""
LEAST_BUDGET = 3
MOST_PER_STAGE = 2
"""A question and, with a model, one follow-up: people found more of them hectoring."""


def _(text: str) -> str:
    """Mark words for translators; whoever shows them translates them."""
    return text


class Stage(StrEnum):
    """What a question is for, in this order."""

    MOMENT = "moment"
    """A choice of theirs that went well."""
    NOTICED = "noticed"
    """What they looked out for in it."""
    OPENED = "opened"
    """What good came of attending to that."""
    LIMITS = "limits"
    """Where it is right to attend to it, and where not."""
    BEFORE = "before"
    """What they went by before they knew this."""
    LIST = "list"
    """The things to look out for, one by one, as somebody else could use them."""


STAGES = tuple(Stage)


class FixedQuestion(NamedTuple):
    """A question of the guided form."""

    text: str
    hint: str


QUESTIONS: Mapping[Stage, FixedQuestion] = {
    Stage.MOMENT: FixedQuestion(
        _("Think of a time when you, or somebody you look up to, chose well in something like this. What happened?"),
        _("A few sentences are enough. Please leave out names."),
    ),
    Stage.NOTICED: FixedQuestion(
        _("In that moment, what did you look out for?"),
        _("Things that somebody watching could notice too: faces, words, places, feelings in the body."),
    ),
    Stage.OPENED: FixedQuestion(
        _("What became possible because you looked out for that?"),
        _("For you or for others."),
    ),
    Stage.LIMITS: FixedQuestion(
        _("When is that the right thing to look out for, and when is it not?"),
        _("Think of a situation where you would go by something else."),
    ),
    Stage.BEFORE: FixedQuestion(
        _("What did you go by earlier in life, before you knew this?"),
        _("And what changed your mind?"),
    ),
    Stage.LIST: FixedQuestion(
        _("If somebody wanted to choose as you did, what should they look out for?"),
        _("Three to seven things, one on each line."),
    ),
}


class Turn(BaseModel):
    """One question and what was said to it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: Stage
    question: str = ""
    """As a model worded it; empty is the fixed question of the stage."""
    answer: str | None = None
    """None: not answered yet, or skipped."""
    skipped: bool = False


class Interview(BaseModel):
    """Where an interview stands. Changed by the functions below only; each returns a new one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    budget: Annotated[int, Field(ge=LEAST_BUDGET)]
    """Questions at most."""
    stage: Stage = Stage.MOMENT
    turns: tuple[Turn, ...] = ()
    finished: bool = False

    @property
    def pending(self) -> Turn | None:
        """The question that waits for an answer."""
        last = self.turns[-1] if self.turns else None
        return last if last is not None and last.answer is None and not last.skipped and not self.finished else None

    @property
    def standing(self) -> Literal["to_ask", "asked", "finished"]:
        """What must happen next: a question, an answer, or nothing."""
        return "finished" if self.finished else "asked" if self.pending is not None else "to_ask"

    @property
    def left(self) -> int:
        """Questions that may still be asked."""
        return self.budget - len(self.turns)

    @property
    def answers(self) -> tuple[Turn, ...]:
        """What was answered."""
        return tuple(turn for turn in self.turns if turn.answer is not None)

    def asked_in(self, stage: Stage) -> int:
        """How many questions a stage had."""
        return sum(turn.stage is stage for turn in self.turns)

    @model_validator(mode="after")
    def _within_budget(self) -> Self:
        if len(self.turns) > self.budget:
            raise ValueError(f"{len(self.turns)} questions were asked of {self.budget} allowed")
        for turn in self.turns[:-1]:
            if turn.answer is None and not turn.skipped:
                raise ValueError("a question was passed over: only the last may be open")
        return self


class WrongMoveError(ValueError):
    """The interview is not at a point where this can happen."""


def begin(budget: int) -> Interview:
    """An interview of at most ``budget`` questions, before the first."""
    return Interview(budget=max(budget, LEAST_BUDGET))


def ask(interview: Interview, question: str = "") -> Interview:
    """Ask the next question: in a model's words, or the fixed one. Raises WrongMoveError unless one is due."""
    if interview.standing != "to_ask":
        raise WrongMoveError(f"an interview that is {interview.standing} cannot ask")
    turn = Turn(stage=interview.stage, question=question.strip())
    return interview.model_copy(update={"turns": (*interview.turns, turn)})


def answer(interview: Interview, text: str, *, follow_up: bool = False) -> Interview:
    """Take an answer. ``follow_up`` stays in the stage for one more question, if the budget has room for it.

    Raises WrongMoveError if no question is open, ValueError for an answer that is blank or too long.
    """
    if interview.pending is None:
        raise WrongMoveError("no question is open")
    said = text.strip()
    if not said:
        raise ValueError("an answer must not be blank")
    if len(said) > LONGEST_ANSWER:
        raise ValueError(f"an answer has at most {LONGEST_ANSWER} characters, not {len(said)}")
    closed = interview.pending.model_copy(update={"answer": said})
    return _onwards(interview, closed, stay=follow_up)


def skip(interview: Interview) -> Interview:
    """Leave a question out. Raises WrongMoveError if none is open."""
    if interview.pending is None:
        raise WrongMoveError("no question is open")
    return _onwards(interview, interview.pending.model_copy(update={"skipped": True}), stay=False)


def enough(interview: Interview) -> Interview:
    """ "That's enough": end here, at any time. What was said stays; an open question is left out."""
    if interview.finished:
        return interview
    turns = interview.turns
    if interview.pending is not None:
        turns = (*turns[:-1], interview.pending.model_copy(update={"skipped": True}))
    return interview.model_copy(update={"turns": turns, "finished": True})


def _onwards(interview: Interview, closed: Turn, *, stay: bool) -> Interview:
    turns = (*interview.turns[:-1], closed)
    left = interview.budget - len(turns)
    stage: Stage | None = interview.stage
    if not (stay and _room_for_follow_up(interview, left)):
        stage = _stage_after(interview.stage, left)
    update = {"turns": turns, "finished": stage is None, "stage": stage or interview.stage}
    return interview.model_copy(update=update)


def _room_for_follow_up(interview: Interview, left: int) -> bool:
    """One follow-up per stage, and only where every later stage can still have its question."""
    later = len(STAGES) - 1 - STAGES.index(interview.stage)
    return interview.asked_in(interview.stage) < MOST_PER_STAGE and left > later


def _stage_after(stage: Stage, left: int) -> Stage | None:
    """The next stage that the budget has room for. The list always comes last; what is left out lies before it."""
    later = STAGES[STAGES.index(stage) + 1 :]
    if not later or left <= 0:
        return None
    return Stage.LIST if left == 1 else later[0]
