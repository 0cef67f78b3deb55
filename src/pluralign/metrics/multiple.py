"""How surprising is a difference, and how many of many differences are luck? p-values and their corrections.

The p-value of a resampled difference is read off where zero lies among the resamples (Davison and Hinkley 1997,
section 4.4, with one added to both counts; two-sided as in Efron and Tibshirani 1993, section 15.4). Resamples of few
questions vary too little: levels and p-values are widened after Hesterberg 2015. Many p-values at once are corrected
after Benjamini and Hochberg 1995. Knows nothing of what differs.
"""

import math

import numpy as np

from pluralign.metrics.distances import Array


def bootstrap_p(resampled: Array) -> float:
    """Two-sided p-value of "the difference is zero" from resamples of the difference, shape (resamples,).

    Twice the smaller share of resamples on either side of zero, resamples at zero counting for both. In
    [2 / (resamples + 1), 1]: a p-value is never smaller than the number of resamples can show. NaN are left out; of
    nothing it is NaN.
    """
    drawn = resampled[~np.isnan(resampled)]
    if not drawn.size:
        return float("nan")
    side = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    return min(1.0, 2 * (side + 1) / (drawn.size + 1))


def expanded_level(level: float, groups: int) -> float:
    """The level at which a percentile interval from ``groups`` questions (or topics) covers about ``level``.

    Resamples of n things vary as if divided by n and not n - 1, and have the tails of a normal, not of Student's t
    (Hesterberg 2015, section 4.6: expanded percentile intervals). 0.95 becomes 0.954 for 100 things, 0.986 for 9, and
    all of the resamples for 2. Between ``level`` and 1; ``groups`` at least 2.
    """
    from scipy.special import ndtr, stdtrit

    return float(1 - 2 * ndtr(math.sqrt(groups / (groups - 1)) * stdtrit(groups - 1, (1 - level) / 2)))


def expanded_p(p: float, groups: int) -> float:
    """A bootstrap p-value widened in the same way: at most 0.05 just where the expanded 0.95 interval leaves out zero.

    In [p, 1]; ``groups`` at least 2.
    """
    from scipy.special import ndtri, stdtr

    return float(2 * stdtr(groups - 1, ndtri(p / 2) * math.sqrt((groups - 1) / groups)))


def false_discovery_rates(p_values: Array) -> Array:
    """p-values corrected for their number, after Benjamini and Hochberg; NaN stay NaN and are not counted.

    Calling everything at or below 0.05 a difference then makes, on average, at most 5 % of what is called one a mere
    accident. Holds for independent tests and for tests that err together, as peoples asked the same questions do
    (Benjamini and Yekutieli 2001, theorem 1.2). Shape (tests,), in [0, 1], never below the p-value.
    """
    adjusted = np.full(len(p_values), np.nan)
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    inflated = p_values[order] * (len(order) / np.arange(1, len(order) + 1))
    # A p-value may not become better than a greater one: the least of all from here on.
    adjusted[order] = np.minimum(np.minimum.accumulate(inflated[::-1])[::-1], 1.0)
    return adjusted
