"""What one collective would rather say than another: pairs of options, from two distributions. Pure.

Suppose one answer was given by a member of A and one by a member of B, to the same question, and they are i and j. The
probability that it was A's member who said i is

    preference(i over j) = a_i b_j / (a_i b_j + a_j b_i) = 1 / (1 + exp(-margin))
    margin = log(a_i / b_i) - log(a_j / b_j)

so the soft label and the margin say the same: by how much i against j speaks for A (Bayes, both orders alike likely
beforehand). The weight a_i b_j + a_j b_i is the probability that just this pair is heard. Records of all pairs with
these labels and weights have, in expectation, the very loss of answers drawn from both collectives, each pair once
with A's answer as the chosen one: nothing is lost to a majority.

Margins of counted answers come with a standard error, sqrt(1/A_i + 1/A_j + 1/B_i + 1/B_j) over counts, half an answer
added to each (Haldane 1956; Gart 1966), so that an option nobody chose has a finite margin.
"""

import math
from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pluralign.core.distribution import Distribution

Array = npt.NDArray[np.float64]

LEAST_SHARE = 1e-6
"""What an option has at least where shares are a model's own and nobody was counted."""


class Pair(NamedTuple):
    """Two options of which A would rather say the first."""

    chosen: int
    """0-based position."""
    rejected: int
    preference: float
    """In [0.5, 1]."""
    margin: float
    """Log odds in nats, at least 0."""
    error: float
    """Standard error of the margin; 0 where nobody was counted."""
    weight: float
    """Probability that one answer of each is just this pair, in either order; all pairs together make at most 1."""


def pairs(speaker: Distribution, other: Distribution) -> tuple[Pair, ...]:
    """Every pair of options, the heaviest first; ties in the order of the options. Both have the same options."""
    own, theirs = _counted(speaker), _counted(other)
    found = []
    for i, j in combinations(range(len(own.shares)), 2):
        straight = own.shares[i] * theirs.shares[j]
        crossed = own.shares[j] * theirs.shares[i]
        if straight < crossed:
            i, j, straight, crossed = j, i, crossed, straight
        weight = float(straight + crossed)
        error = math.sqrt(own.variances[i] + own.variances[j] + theirs.variances[i] + theirs.variances[j])
        margin = math.log(straight / crossed)
        found.append(Pair(i, j, float(straight / weight), max(0.0, margin), error, weight))
    return tuple(sorted(found, key=lambda pair: -pair.weight))


class _Counted(NamedTuple):
    shares: Array
    """All positive; sum to 1."""
    variances: Array
    """Of each log share, as far as counting goes; 0 where nobody was counted."""


def _counted(distribution: Distribution) -> _Counted:
    shares = distribution.array
    if distribution.n is None:
        floored = np.maximum(shares, LEAST_SHARE)
        return _Counted(floored / floored.sum(), np.zeros(len(shares)))
    counts = shares * distribution.n + 0.5
    return _Counted(counts / counts.sum(), 1 / counts)
