"""Whether a culture changes an answer: two distributions over a question's options held against sampling noise.

CultureSPA (Xu et al., NAACL 2025) draws one answer each and keeps the question where they differ. Two draws from one
and the same distribution p differ with probability 1 - sum p_i^2, so most of what that rule keeps may be chance
(:func:`chance_rate`). Here the distributions themselves are compared. Pure: knows no question and no model.

The test. Suppose ``answers`` people had answered on either side. The G statistic of that table (Sokal & Rohlf 1981)
is G = 2 ``answers`` [KL(p || m) + KL(q || m)] with m = (p + q) / 2, in nats; were both sides drawn from one
distribution over k options, G would follow chi-squared with k - 1 degrees of freedom. A shift counts where G exceeds
that law's quantile at 1 - ``level``.

Its error rate. Where answers are counted, ``level`` is the share of unmoved questions that would be kept (simulated in
the tests). Exact scores carry no sampling noise at all: for them an unmoved question has G = 0 and is never kept, and
``answers`` says how small a shift is still worth a record: the least one that a poll of so many would tell from noise.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Shift(NamedTuple):
    """How far an answer moved."""

    variation: float
    """Total variation between the two distributions, in [0, 1]."""
    statistic: float
    """G, at least 0."""
    threshold: float
    """What G must exceed."""

    @property
    def counts(self) -> bool:
        """Whether the answer moved by more than sampling noise."""
        return self.statistic > self.threshold


def shift(before: Array, after: Array, *, answers: int, level: float) -> Shift:
    """Compare two distributions over the same options, each of shape (options,) and summing to 1.

    ``answers``: imagined answers on either side. ``level``: error rate of the test, in (0, 1).
    """
    middle = (before + after) / 2
    statistic = 2 * answers * (_divergence(before, middle) + _divergence(after, middle))
    variation = float(np.abs(before - after).sum() / 2)
    return Shift(variation, max(0.0, statistic), threshold(len(before), level))


@cache
def threshold(options: int, level: float) -> float:
    """Quantile at 1 - ``level`` of chi-squared with ``options`` - 1 degrees of freedom."""
    from scipy.stats import chi2

    return float(chi2.isf(level, options - 1))


def chance_rate(shares: Array) -> float:
    """Probability that two answers drawn from one distribution differ: what the published rule keeps by chance."""
    return float(1 - np.square(shares).sum())


def differ_rate(before: Array, after: Array) -> float:
    """Probability that one answer drawn from each differ: what the published rule keeps of this question."""
    return float(1 - (before * after).sum())


def _divergence(shares: Array, middle: Array) -> float:
    """Kullback-Leibler divergence in nats; ``middle`` is positive wherever ``shares`` is."""
    own = shares > 0
    return float((shares[own] * np.log(shares[own] / middle[own])).sum())
