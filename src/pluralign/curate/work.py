"""The seam between recipes and models: tasks, what came of them, and what a recipe makes. Knows no engine's insides.

A recipe is a generator. It hands lists of tasks to a :class:`Work`, gets outcomes back in the same order, and yields
records and drops. It keeps no state: after an interruption it runs again from the top, and finished tasks are
answered from the store. Whatever is random in it must therefore be drawn from :func:`seeded`.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, NamedTuple, Protocol, TypeVar

from pluralign.core.chat import Message
from pluralign.core.ids import content_hash
from pluralign.core.records import Record
from pluralign.curate.recipe import Sampling
from pluralign.engines.base import OptionScores, ScoreRequest

T = TypeVar("T")
Item = TypeVar("Item")
USUAL = Sampling()


@dataclass(frozen=True)
class Task(Generic[T]):
    """One thing to ask a model for."""

    id: str
    """Stable and unique within the run, such as ``dignity/3/critique/1``: with the seed it decides the draw."""
    stage: str
    """What it is for, such as ``critique``; data cards count by it."""
    messages: tuple[Message, ...]
    read: Callable[[str], T]
    """From the reply to what it says; raises :class:`pluralign.curate.replies.UnreadableReplyError`."""
    sample: str
    """A reply of the usual form and length: what a forecast reckons with."""
    role: str = "model"
    """Who is asked."""
    sampling: Sampling = USUAL
    may_decline: bool = False
    """Whether a reply that declines counts as a reply like any other."""
    may_be_cut: bool = False
    """Whether a reply that ran into ``max_tokens`` counts, up to its last whole sentence."""


class Status(StrEnum):
    """What came of a task."""

    OK = "ok"
    REFUSED = "refused"
    """The model, or a filter before it, declined."""
    UNREADABLE = "unreadable"
    """It is not what was asked for, also after the retries."""
    CUT = "cut"
    """It ran into the longest reply, also after the retries."""
    FAILED = "failed"
    """The engine could not take the request, such as one longer than the model reads."""


UNDECIDED = "undecided"
"""Reason of a pair that a judge could not decide; a forecast, which has no judge, reckons it as made."""


class Dropped(NamedTuple):
    """Something that did not become a record, and why."""

    item: str
    """Id of the task or record."""
    stage: str
    reason: str
    """One word or two to count by, such as ``refused`` or ``near-duplicate``."""
    detail: str = ""
    """In words: of which record, which question of which survey, what is wrong with the JSON."""
    reply: str = ""
    """What the model wrote, kept for people to look at; no model sees it again."""
    parents: tuple[str, ...] = ()


class Document(NamedTuple):
    """A further file that a recipe writes into its folder, such as the constitution with its drafted requests."""

    file: str
    text: str


class Section(NamedTuple):
    """A further part of the data card, such as what a recipe measured while it chose."""

    title: str
    text: str
    """Markdown."""


Made = Record | Dropped | Document | Section


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What came of a task."""

    task: Task[T]
    status: Status
    value: T | None
    """What the reply says; ``None`` unless ``status`` is ``OK``."""
    detail: str = ""
    reply: str = ""
    attempts: int = 1

    def dropped(self, parents: tuple[str, ...] = ()) -> Dropped:
        """The account of a task that failed."""
        return Dropped(self.task.id, self.task.stage, self.status.value, self.detail, self.reply, parents)


class Work(Protocol):
    """Whoever carries out tasks: models, or a forecast."""

    def ask(self, tasks: Sequence[Task[T]]) -> list[Outcome[T]]:
        """What came of each task, in order."""
        ...

    def score(self, requests: Sequence[ScoreRequest], *, stage: str, role: str = "model") -> list[OptionScores]:
        """Scores of each request's options, in order."""
        ...


def seeded(seed: int, *what: str | int) -> random.Random:
    """A generator of random numbers for one purpose: the same in every run, whatever was drawn before."""
    return random.Random(content_hash([seed, *what]))


def blocks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Consecutive stretches of at most ``size`` items.

    A recipe carries one block through all its stages before it begins the next, so that a cap leaves whole records.
    """
    for start in range(0, len(items), size):
        yield items[start : start + size]


_SYLLABLES = ("ba", "de", "fi", "go", "ku", "la", "me", "ni", "po", "ru", "sa", "te", "vi", "wo", "zu")


def filler(words: int, *what: str | int) -> str:
    """So many made-up words, the same for the same purpose: sample replies for forecasts, of about English length."""
    chance = seeded(0, "filler", *what)
    return " ".join("".join(chance.choices(_SYLLABLES, k=2)) for _ in range(words)) + "."
