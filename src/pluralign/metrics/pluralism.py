"""Measures of pluralism beyond distance: juries, the Overton window, gains from steering, the SimBench score.

Small pure functions over numbers. Definitions: Sorensen et al. 2024 (juries, Overton, steerable); OvertonBench
2026 (coverage); SimBench 2025 (score). Knows neither texts nor people.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from pluralign.core.errors import UsageError


def power_mean(utilities: Sequence[float], power: float) -> float:
    """Welfare of a jury: the generalised mean of the jurors' utilities, which must not be negative.

    ``power`` 1 is the mean (utilitarian), 0 the geometric mean, minus infinity the least (Rawls), infinity the
    greatest. A utility of zero makes every mean with a power below zero 0. Raises :class:`UsageError` for no juror, a
    negative utility, and a utility of zero with the power 0, where the geometric mean needs positive ones.
    """
    if not utilities:
        raise UsageError("a jury needs at least one juror")
    if not all(math.isfinite(utility) and utility >= 0 for utility in utilities):
        raise UsageError(f"utilities must be finite and not negative, got {list(utilities)}")
    least, greatest = min(utilities), max(utilities)
    if power == 0 and least == 0:
        raise UsageError("the power mean with power 0 needs positive utilities, and one is 0")
    if least == greatest or power == -math.inf:
        return float(least)
    if power == math.inf:
        return float(greatest)
    if power == 0:
        return math.exp(math.fsum(math.log(utility) for utility in utilities) / len(utilities))
    if power < 0 and least == 0:
        return 0.0
    # Scaled by the term that dominates, so that large powers neither overflow nor vanish.
    scale = greatest if power > 0 else least
    mean = math.fsum((utility / scale) ** power for utility in utilities) / len(utilities)
    return float(scale * mean ** (1 / power))


def gini(utilities: Sequence[float]) -> float | None:
    """Inequality of a jury's utilities: half their mean absolute difference over their mean. In [0, 1).

    ``None`` where all are zero. Raises :class:`UsageError` for no juror or a negative utility.
    """
    if not utilities or not all(math.isfinite(utility) and utility >= 0 for utility in utilities):
        raise UsageError(f"inequality needs utilities that are finite and not negative, got {list(utilities)}")
    total, count = math.fsum(utilities), len(utilities)
    if total == 0:
        return None
    ranked = math.fsum((2 * rank - count + 1) * utility for rank, utility in enumerate(sorted(utilities)))
    return ranked / (count * total)


class Viewpoint(NamedTuple):
    """A cluster of people who see a question alike, and how well a text speaks for them."""

    size: int
    """Number of people."""
    rating: float
    """Their mean rating of "my view is represented", 1 to 5; or any number that a threshold is set on."""


class Coverage(NamedTuple):
    """How much of an Overton window a text covers, in [0, 1]."""

    share: float
    """Covered viewpoints over all viewpoints."""
    weighted: float
    """People in covered viewpoints over all people."""


def overton_coverage(viewpoints: Sequence[Viewpoint], *, threshold: float = 4.0) -> Coverage:
    """Coverage of one question: a viewpoint is covered if its rating is at least ``threshold``.

    Raises :class:`UsageError` for no viewpoint or a size that is not positive.
    """
    if not viewpoints or any(viewpoint.size <= 0 for viewpoint in viewpoints):
        raise UsageError("coverage needs at least one viewpoint, each of at least one person")
    covered = [viewpoint for viewpoint in viewpoints if viewpoint.rating >= threshold]
    people = sum(viewpoint.size for viewpoint in viewpoints)
    return Coverage(len(covered) / len(viewpoints), sum(viewpoint.size for viewpoint in covered) / people)


def overton_score(questions: Sequence[Coverage]) -> Coverage | None:
    """Mean coverage over questions, each with the same weight; ``None`` of none."""
    if not questions:
        return None
    count = len(questions)
    return Coverage(
        math.fsum(one.share for one in questions) / count, math.fsum(one.weighted for one in questions) / count
    )


def simbench_score(voice_tv: float | None, uniform_tv: float | None) -> float | None:
    """100 (1 - TV / TV of the uniform answer): 100 is perfect, 0 no better than uniform, below 0 worse.

    Of mean total variations over the same questions. ``None`` where the people are uniform themselves or a side is
    unknown.
    """
    if voice_tv is None or uniform_tv is None or not uniform_tv > 0:
        return None
    return 100 * (1 - voice_tv / uniform_tv)


def steerability_gap(default: float | None, steered: float | None) -> float | None:
    """How much closer a voice comes when told whom to speak for: distance unsteered less distance steered.

    Above zero: steering helps. Both are mean distances to the same population over the same questions; ``None`` where
    one is unknown.
    """
    return None if default is None or steered is None else default - steered
