"""Where a number lies on a shared axis: ticks, positions in per cent, letters for its floors. Knows no HTML."""

import math
from collections.abc import Iterable, Mapping, Sequence
from string import ascii_uppercase
from typing import NamedTuple

from pluralign.poll.scores import DistanceName, Mark, Measure

_LETTER_WIDTH = 4.5
"""Per cent of a narrow plot that a letter needs; closer letters go to a lower line."""


class Axis(NamedTuple):
    """A scale from 0, the same answers, to ``top``."""

    top: float
    ticks: tuple[float, ...]

    def at(self, value: float) -> float:
        """Position in per cent from the left, kept on the axis."""
        return round(100 * min(max(value / self.top, 0.0), 1.0), 2)


class PlacedMark(NamedTuple):
    """A floor or ceiling on the axis."""

    letter: str
    label: str
    kind: str
    value: float
    at: float
    line: int
    """On which line below the axis the letter stands, from 0."""


class Plot(NamedTuple):
    """One row's picture: a dot, its interval, and the marks to hold it against."""

    value: float | None
    at: float | None
    low: float | None
    """Position of the interval's lower end."""
    high: float | None
    marks: tuple[PlacedMark, ...]
    lines: int
    """How many lines of letters there are."""


def axis(values: Iterable[float | None]) -> Axis:
    """The shortest axis with round ticks that holds all values."""
    largest = max((value for value in values if value is not None), default=0.0)
    if largest <= 0:
        return Axis(1.0, (0.0, 0.5, 1.0))
    rough = largest / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * (1 - 1e-9))
    count = math.ceil(largest / step - 1e-9)
    return Axis(count * step, tuple(round(step * at, 10) for at in range(count + 1)))


def letters(groups: Iterable[Sequence[Mark]], distance: DistanceName) -> dict[str, str]:
    """A letter for every mark's name, from the nearest to the farthest as first met."""
    first: dict[str, float] = {}
    for marks in groups:
        for mark in marks:
            value = mark.distances.get(distance)
            if mark.name not in first or (math.isinf(first[mark.name]) and value is not None):
                first[mark.name] = math.inf if value is None else value
    ordered = sorted(first, key=lambda name: first[name])
    return {name: ascii_uppercase[at % 26] for at, name in enumerate(ordered)}


def plot(measure: Measure, marks: Sequence[Mark], distance: DistanceName, scale: Axis, key: Mapping[str, str]) -> Plot:
    """Place a distance and its marks on the axis."""
    known = [(mark.distances.get(distance), mark) for mark in marks]
    ordered = sorted(((value, mark) for value, mark in known if value is not None), key=lambda pair: pair[0])
    ends: list[float] = []
    placed = []
    for value, mark in ordered:
        at = scale.at(value)
        line = next((line for line, end in enumerate(ends) if at - end >= _LETTER_WIDTH), len(ends))
        if line == len(ends):
            ends.append(at)
        else:
            ends[line] = at
        placed.append(PlacedMark(key[mark.name], mark.label, mark.kind, value, at, line))
    return Plot(
        measure.value,
        None if measure.value is None else scale.at(measure.value),
        None if measure.low is None else scale.at(measure.low),
        None if measure.high is None else scale.at(measure.high),
        tuple(placed),
        len(ends),
    )
