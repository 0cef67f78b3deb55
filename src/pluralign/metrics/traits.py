"""Trait scores of a personality inventory: the mean rating of a trait's statements, turned round where its key says so.

As Jiang et al. (2023, arXiv 2206.07550) score OCEAN, but of whole distributions of answers in place of single ones.
Knows no survey.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pluralign.metrics.distances import Array


def item_scores(shares: Array, keys: Sequence[int] | npt.NDArray[np.int64]) -> Array:
    """Expected score of every item, in [1, K].

    ``shares``: shape (items, K), from the option that agrees most to the one that agrees least; a row of NaN stays NaN.
    ``keys``: 1 where agreeing means more of the trait: options count K, K - 1, … 1; -1 where it means less: 1, 2, … K.
    """
    options = shares.shape[1]
    expected = shares @ np.arange(options, 0, -1, dtype=np.float64)
    return np.asarray(np.where(np.asarray(keys) > 0, expected, options + 1 - expected))


def spread(scores: Array) -> float | None:
    """Standard deviation over items, as Jiang et al. give it beside the mean; ``None`` with fewer than two items."""
    known = scores[~np.isnan(scores)]
    return float(np.std(known, ddof=1)) if known.size > 1 else None
