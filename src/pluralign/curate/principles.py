"""Principles as models are told of them, as records name them, and as rounds draw them. Knows no recipe's keys."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Literal

from pluralign.core.constitution import Alternative, Principle
from pluralign.core.errors import UsageError


def statement(principle: Principle) -> str:
    """A principle as a model is told of it.

    >>> print(statement(Principle(id="1", title="Candour", description="Say what is true.", context="In grief")))
    In grief: Candour
    Say what is true.
    """
    head = ": ".join(part for part in (principle.context, principle.title) if part)
    said = principle.description or principle.critique_request
    return "\n".join(part for part in (head, said) if part)


def parents_of(principle: Principle) -> tuple[str, ...]:
    """The principle and the value cards it rests on, as a record names them."""
    return (f"principle:{principle.id}", *(f"value:{one.card}" for one in principle.citations))


def people_behind(principle: Principle) -> int:
    """People counted behind a principle; 0 where nobody counted."""
    return max((one.people or 0 for one in principle.citations), default=0)


def weights(weigh: Literal["equally", "people"], principles: Sequence[Principle]) -> Mapping[str, float]:
    """Principle id -> weight with which it is drawn. Raises :class:`UsageError` where people are wanted and unknown."""
    if weigh == "equally":
        return {one.id: 1.0 for one in principles}
    found = {one.id: float(people_behind(one)) for one in principles}
    if not all(found.values()):
        none = next(name for name, count in found.items() if not count)
        raise UsageError(f"weigh: people needs people behind every principle, and nobody is counted behind {none!r}")
    return found


def in_its_place(principle: Principle, chance: Random) -> Principle:
    """The principle, or a value that contests it, in proportion to how often each wins; evenly where nobody knows."""
    rivals = principle.alternatives
    if not rivals:
        return principle
    wins = [principle.win_probability, *(one.win_probability for one in rivals)]
    known = [win for win in wins if win is not None]
    (at,) = chance.choices(range(len(wins)), known if len(known) == len(wins) and sum(known) > 0 else None)
    return principle if at == 0 else _as_principle(principle, rivals[at - 1])


def _as_principle(principle: Principle, rival: Alternative) -> Principle:
    return principle.model_copy(
        update={
            "title": rival.title,
            "description": rival.description,
            "critique_request": rival.critique_request,
            "revision_request": rival.revision_request,
            "citations": (rival.citation,),
        }
    )
