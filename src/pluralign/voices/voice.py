"""A voice: one way of making a model speak for one collective. Knows no engine's insides and no score.

Every voice, however it is made, turns a question into requests to an engine; that is all a poll needs of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from pluralign.core.chat import Message
from pluralign.core.collective import Collective
from pluralign.core.question import Question
from pluralign.engines.base import ScoreRequest
from pluralign.prompts.demonstrations import DRAWS, demonstrations
from pluralign.prompts.options import Labels, Order, show
from pluralign.prompts.strategies import Context, Task
from pluralign.voices.library import Library
from pluralign.voices.way import Way


class Part(NamedTuple):
    """One request that a voice makes of a question, and how much its answer counts in the voice's."""

    weight: float
    """Above 0; the weights of a question's parts sum to one."""
    request: ScoreRequest


@dataclass(frozen=True)
class Voice:
    """A way of speaking, and the collective it speaks for."""

    way: Way
    collective: Collective | None
    """Whom it speaks for; ``None`` where the way makes no difference between collectives."""
    library: Library = field(repr=False, compare=False)
    """What the way of asking may know of peoples: similar cultures, answered examples."""
    draw: int = 0
    """Which of several draws its demonstrations are, where the way of asking has them."""

    @property
    def name(self) -> str:
        """What the way of speaking is called: ``persona``, ``adapter:out/joint``."""
        return self.way.name

    @property
    def id(self) -> str:
        """``persona@USA``; ``plain`` for a voice that speaks for nobody in particular."""
        return self.name if self.collective is None else f"{self.name}@{self.collective.id}"

    @property
    def ways(self) -> tuple[Way, ...]:
        """The ways of speaking behind it: its own."""
        return (self.way,)

    @property
    def draws_on_people(self) -> bool:
        """Whether prompts are made from what the people answered to other questions."""
        return self.way.strategy.needs_neighbours or self.way.strategy.needs_examples

    @property
    def template_hashes(self) -> dict[str, str]:
        """Template file -> content hash, of all the texts it is asked with."""
        return self.way.hashes(self.way.strategy.template_hashes)

    def hashes_for(self, tasks: Sequence[Task]) -> dict[str, str]:
        """Template file -> content hash, of all the texts it is asked with for these tasks."""
        return self.way.hashes(self.way.strategy.hashes_for(tasks))

    def ask(
        self,
        question: Question,
        order: Order,
        labels: Labels,
        *,
        marks: Order | None = None,
        task: Task = Task.CHOOSE,
    ) -> ScoreRequest:
        """The request that puts this question to this voice, options listed in this order.

        ``marks``: which label stands in which place, see :func:`pluralign.prompts.options.show`. ``task``: what it is
        asked to do; with any but choosing an option only the conversation matters, and no option is scored.

        Raises :class:`pluralign.core.errors.UsageError` where the strategy needs what the library does not have, or
        the adapter has no token for the collective.
        """
        strategy = self.way.strategy
        shown = show(question, order, labels, marks)
        context = Context(collective=self.collective, charter=self.way.charter)
        if self.collective is not None and strategy.needs_neighbours:
            similar, different = self.library.neighbours(self.collective, question)
            context = context._replace(similar=similar, different=different)
        if self.collective is not None and strategy.needs_examples:
            context = context._replace(examples=self.library.examples(self.collective, question, labels))
        if strategy.demonstrates:
            drawn = demonstrations(question.id, self.draw, statements=strategy.rates_statements)
            context = context._replace(examples=drawn)
            # Nothing says whether the reply goes on the line of the cue, with a space or without, or on the next.
            shown = shown._replace(forms=tuple((*forms, f"\n{forms[0]}") for forms in shown.forms))
        first, *rest = strategy.messages(shown, context, task)
        opening = self.way.opening(self.collective)
        return ScoreRequest(
            (Message(first.role, opening + first.content), *rest),
            shown.forms,
            reply_start=self.way.start(self.collective),
            adapter=self.way.adapter,
        )

    def parts(
        self, question: Question, order: Order, labels: Labels, *, marks: Order | None = None
    ) -> tuple[Part, ...]:
        """The requests that put this question to this voice, options to be scored: one, or one for each draw of its
        demonstrations."""
        return tuple(
            Part(1.0 / self.part_count, self.member(turn).ask(question, order, labels, marks=marks))
            for turn in range(self.part_count)
        )

    @property
    def part_count(self) -> int:
        """How many requests :meth:`parts` makes of a question."""
        return DRAWS if self.way.strategy.demonstrates else 1

    def member(self, turn: int) -> "Voice":
        """Who gives the reply of that turn, counted from 0: a voice by itself gives them all, with one draw of its
        demonstrations after the other."""
        return replace(self, draw=turn % DRAWS) if self.way.strategy.demonstrates else self


def speakers(way: Way, collectives: tuple[Collective, ...], library: Library) -> tuple[Voice, ...]:
    """One voice per collective; a single one where the way makes no difference between them."""
    if not way.steered:
        return (Voice(way, None, library),)
    return tuple(Voice(way, collective, library) for collective in collectives)
