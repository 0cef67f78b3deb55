"""A voice: one way of making a model speak for one collective. Knows no engine's insides and no score.

Every voice, however it is made, turns a question into a request to an engine; that is all a poll needs of it.
"""

from dataclasses import dataclass, field

from pluralign.core.collective import Collective
from pluralign.core.question import Question
from pluralign.engines.base import ScoreRequest
from pluralign.prompts.options import Labels, Order, show
from pluralign.prompts.strategies import Context, Strategy
from pluralign.voices.library import Library


@dataclass(frozen=True)
class Voice:
    """A strategy, and the collective it speaks for."""

    strategy: Strategy
    collective: Collective | None
    """Whom it speaks for; ``None`` where the strategy makes no difference between collectives."""
    library: Library = field(repr=False, compare=False)
    """What the strategy may know of peoples: similar cultures, answered examples."""

    @property
    def id(self) -> str:
        """``persona@USA``; ``plain`` for a voice that speaks for nobody in particular."""
        return self.strategy.name if self.collective is None else f"{self.strategy.name}@{self.collective.id}"

    def ask(self, question: Question, order: Order, labels: Labels) -> ScoreRequest:
        """The request that puts this question to this voice, options listed in this order.

        Raises :class:`pluralign.core.errors.UsageError` where the strategy needs what the library does not have.
        """
        shown = show(question, order, labels)
        context = Context(collective=self.collective)
        if self.collective is not None and self.strategy.needs_neighbours:
            similar, different = self.library.neighbours(self.collective, question)
            context = context._replace(similar=similar, different=different)
        if self.collective is not None and self.strategy.needs_examples:
            context = context._replace(examples=self.library.examples(self.collective, question, labels))
        return ScoreRequest(self.strategy.messages(shown, context), shown.forms)


def speakers(strategy: Strategy, collectives: tuple[Collective, ...], library: Library) -> tuple[Voice, ...]:
    """One voice per collective; a single one where the strategy makes no difference between them."""
    if not strategy.steered:
        return (Voice(strategy, None, library),)
    return tuple(Voice(strategy, collective, library) for collective in collectives)
