"""k-anonymity of what an assembly hands out: rows that fewer than k people share are coarsened or left out.

Knows people and what they share as hashable things, no judgement and no file. It hides who among k gave a row; it does
not hide an answer that all of them gave, nor what the difference of two exports tells, and says neither.
L. Sweeney, "k-anonymity: a model for protecting privacy" (2002); withheld counts as in statistical offices' tables.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

Class = TypeVar("Class", bound=Hashable)
Row = TypeVar("Row")


class Released(NamedTuple):
    """What came of a table: positions of its rows."""

    whole: tuple[int, ...]
    """Rows whose finest class at least k people share."""
    coarsened: tuple[int, ...]
    """Rows that are shared by k people only in the coarser class, among those that are not whole."""
    withheld: tuple[int, ...]


def shared(pairs: Iterable[tuple[Hashable, Class]], k: int) -> frozenset[Class]:
    """The classes that at least ``k`` distinct people are in. ``pairs`` are (person, class)."""
    people: dict[Class, set[Hashable]] = defaultdict(set)
    for person, which in pairs:
        people[which].add(person)
    return frozenset(which for which, who in people.items() if len(who) >= k)


def release(
    rows: Sequence[Row],
    k: int,
    *,
    person: Callable[[Row], Hashable],
    fine: Callable[[Row], Hashable],
    coarse: Callable[[Row], Hashable] | None = None,
) -> Released:
    """Sort rows by whether ``k`` people share their fine class, else their coarse class, else nothing."""
    finely = shared(((person(row), fine(row)) for row in rows), k)
    whole = tuple(place for place, row in enumerate(rows) if fine(row) in finely)
    rest = tuple(place for place, row in enumerate(rows) if fine(row) not in finely)
    if coarse is None:
        return Released(whole, (), rest)
    coarsely = shared(((person(rows[place]), coarse(rows[place])) for place in rest), k)
    return Released(
        whole,
        tuple(place for place in rest if coarse(rows[place]) in coarsely),
        tuple(place for place in rest if coarse(rows[place]) not in coarsely),
    )


def small(counts: Mapping[Class, int], k: int) -> frozenset[Class]:
    """The classes to leave blank in a table whose total is shown: those of 1 to k - 1 people, and, where the total
    would tell what the blanks hold, the next smallest until the blanks hold at least k people in two classes.

    Nought is shown: nobody is in it.
    """
    blank = {which for which, count in counts.items() if 0 < count < k}
    others = sorted((which for which, count in counts.items() if count >= k), key=lambda which: counts[which])
    while blank and others and (len(blank) < 2 or sum(counts[which] for which in blank) < k):
        blank.add(others.pop(0))
    return frozenset(blank)


def significant(number: float, digits: int = 2) -> float:
    """A number to so many significant digits, so that it cannot be matched with another table's."""
    return float(f"{number:.{digits}g}")
