"""Where the lines of the dashboards' figures go, in the units of their SVG. The templates draw; knows no database."""

from collections.abc import Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 460, 190
LEFT, RIGHT, TOP, BOTTOM = 44, 14, 12, 30


class Tick(NamedTuple):
    """A label on an axis."""

    at: float
    label: str


class Curve(NamedTuple):
    """How sure the first place is with fewer and more judgements."""

    line: str
    """Points of a polyline."""
    dots: tuple[tuple[float, float], ...]
    goal: float
    """Height of the line that has to be reached."""
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    words: str
    """The same in words, for who does not see it."""


def curve(points: Sequence[tuple[int, float]], target: float) -> Curve:
    """Place (judgements, share in [0, 1]) points at even distances, since each is twice the one before or so."""
    step = (WIDTH - LEFT - RIGHT) / (len(points) - 1)
    places = tuple((round(LEFT + step * at, 1), _height(share)) for at, (_, share) in enumerate(points))
    told = ", ".join(f"{share:.0%} with {judgements:,}" for judgements, share in points)
    return Curve(
        line=" ".join(f"{across},{up}" for across, up in places),
        dots=places,
        goal=_height(target),
        across=tuple(Tick(place[0], f"{judgements:,}") for place, (judgements, _) in zip(places, points, strict=True)),
        up=tuple(Tick(_height(share), f"{share:.0%}") for share in (0.0, 0.5, 1.0)),
        words=f"How often the same value comes first, by number of judgements: {told}.",
    )


def _height(share: float) -> float:
    return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - share), 1)
