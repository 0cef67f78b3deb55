"""The ways of asking a model to speak for a group: six strategies of CultureSPA (Xu et al., NAACL 2025), two of the
Roadmap to Pluralistic Alignment (Sorensen et al., ICML 2024), and one of ours; own wording.

Knows no survey: whoever asks brings the neighbours and the answered examples a strategy calls for.

=============================  =======  ==========================================================
name                           paper    what the model is told
=============================  =======  ==========================================================
plain                          unaware  to be a person with values
persona                        P1       … with the collective's cultural background
cross-culture                  P2       … and to think of cultures near to and far from it
self-alignment                 P3       five questions "it answered before", as the collective did
persona+self-alignment         P1+P3    both
cross-culture+self-alignment   P2+P3    both
persona-last                            persona, named after the question: all collectives share it
demonstrations                 Roadmap  nothing: three questions answered at random, then the question
statements                     MPI      nothing: three statements rated at random, then the statement
=============================  =======  ==========================================================
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from pluralign.core.chat import Message
from pluralign.core.collective import Collective
from pluralign.core.constitution import Constitution
from pluralign.core.errors import UnknownNameError, UsageError
from pluralign.prompts import templates
from pluralign.prompts.examples import NEIGHBOURS
from pluralign.prompts.options import Shown


class Task(StrEnum):
    """What a voice is asked to do with a question. Each has a user text of its own beside every strategy's."""

    CHOOSE = ""
    """Choose one of the options."""
    STATE = "shares"
    """State how answers are distributed over the options."""
    TELL = "words"
    """Answer in words of its own, without seeing the options."""


class Example(NamedTuple):
    """A question already answered as the collective answers it."""

    shown: Shown
    answer: str
    """Label and wording of the answer, such as "1. Agree"."""


class Context(NamedTuple):
    """What a strategy may draw on for one question and one collective."""

    collective: Collective | None = None
    similar: tuple[Collective, ...] = ()
    """Nearest first."""
    different: tuple[Collective, ...] = ()
    """Farthest first."""
    examples: tuple[Example, ...] = ()
    charter: Constitution | None = None


class Strategy(NamedTuple):
    """A way of asking: a system text and a user text."""

    name: str
    paper: str
    """What the source calls it; empty if it has none."""
    summary: str
    """One plain sentence for readers."""
    system: str
    user: str

    @property
    def steered(self) -> bool:
        """Whether answers depend on the collective. If not, one poll serves all of them."""
        return self.names_collective or self.needs_examples

    @property
    def names_collective(self) -> bool:
        """Whether the prompt says whom to speak for."""
        return self.system not in ("", "system_plain.v1", "system_charter.v1") or self.user.startswith(
            "user_persona_last"
        )

    @property
    def needs_neighbours(self) -> bool:
        """Whether the prompt names similar and different cultures."""
        return self.system.startswith("system_cross_culture")

    @property
    def needs_examples(self) -> bool:
        """Whether the prompt shows answered questions."""
        return self.user.startswith("user_self_alignment")

    @property
    def demonstrates(self) -> bool:
        """Whether the prompt shows answers drawn at random, and is put several times, each with another draw."""
        return self.user.startswith("user_demonstrations")

    @property
    def rates_statements(self) -> bool:
        """Whether what it shows are statements about the reader, not questions."""
        return self.user.startswith("user_demonstrations_statements")

    def user_template(self, task: Task = Task.CHOOSE) -> str:
        """Name of the user text for a task: ``user_plain.v1``, ``user_plain_shares.v1``, ``user_plain_words.v1``."""
        if task is Task.CHOOSE:
            return self.user
        name, _, version = self.user.rpartition(".")
        return f"{name}_{task.value}.{version}"

    @property
    def template_hashes(self) -> dict[str, str]:
        """Template file -> content hash, of the task of choosing."""
        return self.hashes_for((Task.CHOOSE,))

    def hashes_for(self, tasks: Sequence[Task]) -> dict[str, str]:
        """Template file -> content hash, of all that these tasks use."""
        names = (*filter(None, [self.system]), *(self.user_template(task) for task in tasks))
        return {name: templates.template_hash(name) for name in names}

    def messages(self, shown: Shown, context: Context, task: Task = Task.CHOOSE) -> tuple[Message, ...]:
        """Render the conversation. Raises :class:`UsageError` where the context lacks what the strategy needs."""
        if self.names_collective and context.collective is None:
            raise UsageError(f"the voice {self.name!r} needs a collective to speak for")
        if self.needs_neighbours and min(len(context.similar), len(context.different)) < NEIGHBOURS:
            raise UsageError(
                f"the voice {self.name!r} compares with {2 * NEIGHBOURS} other populations; "
                "this survey has too few: use 'persona'"
            )
        if self.needs_examples and not context.examples:
            raise UsageError(
                f"the voice {self.name!r} needs answered questions from other topics and there are none: use 'persona'"
            )
        if self.demonstrates and task is not Task.CHOOSE:
            raise UsageError(f"the voice {self.name!r} only ever chooses an option: ask with --method exact or samples")
        if self.demonstrates and shown.label_name != "letter":
            raise UsageError(f"the voice {self.name!r} is asked by letters: add --labels letter")
        user = Message("user", templates.render(self.user_template(task), shown=shown, **context._asdict()))
        if not self.system:
            return (user,)
        return (Message("system", templates.render(self.system, **context._asdict())), user)


STRATEGIES: dict[str, Strategy] = {
    strategy.name: strategy
    for strategy in (
        Strategy(
            "plain",
            "unaware",
            "asked as itself, nobody named",
            "system_plain.v1",
            "user_plain.v1",
        ),
        Strategy(
            "persona",
            "P1",
            "told to be a person of that background",
            "system_persona.v1",
            "user_plain.v1",
        ),
        Strategy(
            "cross-culture",
            "P2",
            "told to be a person of that background and to think of similar and different cultures",
            "system_cross_culture.v1",
            "user_plain.v1",
        ),
        Strategy(
            "self-alignment",
            "P3",
            "shown five other questions as the people's majority answered them, nobody named",
            "system_plain.v1",
            "user_self_alignment.v1",
        ),
        Strategy(
            "persona+self-alignment",
            "P1+P3",
            "told to be a person of that background and shown five answered questions",
            "system_persona.v1",
            "user_self_alignment.v1",
        ),
        Strategy(
            "cross-culture+self-alignment",
            "P2+P3",
            "told of similar and different cultures and shown five answered questions",
            "system_cross_culture.v1",
            "user_self_alignment.v1",
        ),
        Strategy(
            "persona-last",
            "",
            "asked to answer as a person of that background would, named after the question",
            "system_plain.v1",
            "user_persona_last.v1",
        ),
        Strategy(
            "demonstrations",
            "Roadmap",
            "given nothing but three questions answered at random, then the question",
            "",
            "user_demonstrations.v1",
        ),
        Strategy(
            "statements",
            "MPI",
            "given nothing but three statements rated at random, then the statement to rate",
            "",
            "user_demonstrations_statements.v1",
        ),
    )
}


CHARTERED = Strategy("charter", "", "told what its community agreed on", "system_charter.v1", "user_plain.v1")
"""Not among those that a name alone stands for: which charter it is must be said, too."""


def strategy(name: str) -> Strategy:
    """The strategy of that name or of the paper's ("P1"); raises :class:`UnknownNameError`."""
    folded = name.strip().casefold().replace("_", "-")
    for candidate in STRATEGIES.values():
        if folded and folded in (candidate.name, candidate.paper.casefold()):
            return candidate
    raise UnknownNameError("voice", name, STRATEGIES)


def strategy_names() -> Sequence[str]:
    """All names, in the order of the papers."""
    return tuple(STRATEGIES)
