"""Whether ways of measuring the same thing agree. Knows arrays only.

Of two ways of asking: does the option that one puts first come first with the other? Spearman's rank correlation of the
shares of one question's options (Spearman 1904), for many questions at once; it is blind to how sharp the shares are,
distances are not. Of people who judge the same things: Krippendorff's alpha.
"""

import numpy as np
import numpy.typing as npt

from pluralign.metrics.distances import Array

_TIE = 1e-9


def rank_correlations(p: Array, q: Array, options: npt.NDArray[np.int64]) -> Array:
    """Spearman's correlation within each row, in [-1, 1]; NaN where one side gives every option the same share.

    ``p`` and ``q``: shape (rows, width), zeros or NaN behind the ``options`` of a row, NaN in all of a row that is not
    known. Shares that differ by less than 1e-9 are ties and get the mean of their ranks.
    """
    found = np.full(len(options), np.nan)
    known = ~(np.isnan(p[:, 0]) | np.isnan(q[:, 0]))
    for count in np.unique(options[known]).tolist():
        rows = np.flatnonzero(known & (options == count))
        first, second = (_centred_ranks(side[rows, :count]) for side in (p, q))
        scale = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
        found[rows] = np.divide((first * second).sum(axis=1), scale, out=np.full(len(rows), np.nan), where=scale > 0)
    return found


def _centred_ranks(shares: Array) -> Array:
    """Ranks less their mean: half of how many shares are smaller less how many are larger."""
    gaps = shares[:, :, None] - shares[:, None, :]
    return np.asarray(((gaps > _TIE).sum(axis=2) - (gaps < -_TIE).sum(axis=2)) / 2)


def nominal_alpha(counts: npt.NDArray[np.int64]) -> float:
    """Krippendorff's alpha for nominal data: 1 where all who judged one thing agree, 0 where they agree as by chance.

    ``counts``: shape (things, categories), how often each was said of each; rows may have different sums, and rows of
    fewer than two do not count. In (-1, 1]; NaN where nothing was judged twice or only one category was ever used.
    Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", section C.
    """
    counts = counts[counts.sum(axis=1) >= 2]
    judged = counts.sum(axis=1)
    total = judged.sum()
    if not total:
        return float("nan")
    used = counts.sum(axis=0)
    expected = (total**2 - (used**2).sum()) / (total - 1)
    if not expected:
        return float("nan")
    observed = ((judged**2 - (counts**2).sum(axis=1)) / (judged - 1)).sum()
    return float(1 - observed / expected)
