"""Two readings of a distance that mean something to people: skill, and "worth n people".

Skill follows the reporting of weather forecasts (0: no better than a reference, 1: perfect). Worth n: how many random
members of the group one would have to ask to come as close. Both are read off curves of the very questions that were
measured. Knows distances only.
"""

from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np

from pluralign.metrics.baselines import sample_distances
from pluralign.metrics.distances import Array
from pluralign.metrics.scales import Scales

SIZES: Array = np.unique(np.concatenate([np.arange(1, 21), np.rint(np.geomspace(20, 10_000, 45))])).astype(np.float64)
"""Numbers of people at which the curve is computed; between them it is a straight line in logarithms."""


class Skill(NamedTuple):
    """(marginal - voice) / (marginal - noise), or why there is none."""

    value: float | None
    """0: no better than all respondents together; 1: as good as a fresh sample of the people; below 0: worse."""
    reason: str = ""
    """Why it is undefined; empty where it is defined."""


def skill(voice: float | None, marginal: float | None, noise: float | None) -> Skill:
    """How far a mean distance has come from the whole-sample marginal towards a fresh sample of the people.

    All three are means of the same distance over the same questions; ``None`` or NaN where unknown.
    """
    if voice is None or not np.isfinite(voice):
        return Skill(None, "the voice answered no question that can be compared")
    if marginal is None or noise is None or not (np.isfinite(marginal) and np.isfinite(noise)):
        return Skill(None, "the number of people behind the shares is not known")
    if marginal <= noise:
        return Skill(None, "these people cannot be told from all respondents together by samples of this size")
    return Skill((marginal - voice) / (marginal - noise))


def skills(voice: Array, marginal: Array, noise: Array) -> Array:
    """:func:`skill` for arrays; NaN where undefined."""
    room = marginal - noise
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(room > 0, (marginal - voice) / room, np.nan)


class Worth(NamedTuple):
    """How many random people of the group come as close on average."""

    people: float
    """A number of people, whole or not, between 1 and the greatest of the curve."""
    relation: Literal["=", "<", ">"] = "="
    """``<``: farther than even one person; ``>``: closer than the greatest number computed."""

    def __str__(self) -> str:
        """``9.2``, ``<1`` or ``>10000``."""
        number = f"{self.people:.0f}" if self.people >= 10 or self.people == 1 else f"{self.people:.1f}"
        return number if self.relation == "=" else f"{self.relation}{number}"


class SampleCurves(NamedTuple):
    """Expected distance of n random people from their own group, shape (questions, sizes), exact."""

    sizes: Array
    wasserstein: Array
    """NaN on questions without an order."""
    tv: Array


def sample_curves(people: Array, scales: Scales, sizes: Array = SIZES) -> SampleCurves:
    """Compute the curves of each question from the people's shares, an array of shape (questions, width).

    The last populations are remembered, because several voices are measured against each of them.
    """
    return _curves(
        people.tobytes(), scales.width, scales.options.tobytes(), scales.ordered.tobytes(), np.asarray(sizes).tobytes()
    )


@lru_cache(maxsize=32)
def _curves(people: bytes, width: int, options: bytes, ordered: bytes, sizes: bytes) -> SampleCurves:
    shares = np.frombuffer(people).reshape(-1, width)
    scales = Scales(np.frombuffer(options, dtype=np.int64), np.frombuffer(ordered, dtype=np.bool_), shares)
    numbers = np.frombuffer(sizes)
    wasserstein, tv = sample_distances(shares, numbers[:, None], scales)
    return SampleCurves(numbers, np.ascontiguousarray(wasserstein.T), np.ascontiguousarray(tv.T))


def worth_n(distance: float, sizes: Array, curve: Array) -> Worth:
    """Invert a falling curve of expected distances at ``distance``, by interpolation in logarithms.

    ``curve``: mean expected distance at each of ``sizes``, the mean taken over the questions behind ``distance``. On
    a flat stretch the smaller number is given. People who all agree make the curve zero: nothing can then be told
    from them but a distance above zero (``<1``).
    """
    number = float(worths(np.array([distance]), sizes, curve[None, :])[0])
    if distance > curve[0]:
        return Worth(float(sizes[0]), "<")
    if distance < curve[-1]:
        return Worth(float(sizes[-1]), ">")
    return Worth(number)


def worths(distances: Array, sizes: Array, curves: Array) -> Array:
    """:func:`worth_n` for many distances, each with its own curve (rows); cut off at the ends of ``sizes``."""
    falling = np.minimum.accumulate(curves, axis=1)
    wanted = distances[:, None]
    # The first size at which the curve is no longer above the distance, and the one before it.
    after = (falling > wanted).sum(axis=1)
    right = np.clip(after, 1, len(sizes) - 1)
    rows = np.arange(len(distances))
    high, low = falling[rows, right - 1], falling[rows, right]
    tiny = np.finfo(np.float64).tiny
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.log(np.maximum(high, tiny) / np.maximum(distances, tiny)) / np.log(
            np.maximum(high, tiny) / np.maximum(low, tiny)
        )
        between = sizes[right - 1] * (sizes[right] / sizes[right - 1]) ** np.clip(part, 0, 1)
    inside = np.where(after == 0, sizes[0], np.where(after == len(sizes), sizes[-1], between))
    return np.asarray(np.where(np.isfinite(distances), inside, np.nan))
