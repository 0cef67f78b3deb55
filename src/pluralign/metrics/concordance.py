"""Whether two ways of measuring the same answers agree: does the option that one puts first come first with the other?

Spearman's rank correlation of the shares of one question's options (Spearman 1904), for many questions at once. It is
blind to how sharp the shares are; distances are not. Knows arrays only.
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
