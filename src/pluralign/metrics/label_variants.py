"""From the scores of a label's written forms to the shares of options. Knows no model and no token.

A model may write the answer A as "A", as " A", or on a line of its own. ``published`` does with their scores what
Sorensen et al. 2024 (arXiv 2402.05070) did; by default probabilities are added and averaged.
"""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def variant_shares(scores: npt.ArrayLike, *, published: bool = False) -> Array | None:
    """Shares of the options, shape (options,), summing to one; ``None`` where no option has any probability.

    ``scores``: natural logs of probabilities, or logits, of shape (options, variants) or, for several draws of the
    prompt, (draws, options, variants); ``-inf`` where there is none.

    By default the exponentials are averaged over draws and added over variants, then renormalised. ``published``:
    scores are averaged over draws, those that are ``-inf`` in any of them are dropped, the rest is *added* (a product
    of probabilities), an option without any gets 0, and a softmax makes shares of the sums: so two variants that score
    alike make an answer as much sharper as a temperature of a half would.
    """
    found = np.asarray(scores, dtype=np.float64)
    if found.ndim == 2:
        found = found[None]
    if found.ndim != 3:
        raise ValueError(f"scores must be of shape (draws, options, variants), got {found.shape}")
    if published:
        with np.errstate(invalid="ignore"):
            means = found.mean(axis=0)
        totals = np.where(np.isneginf(means), 0.0, means).sum(axis=1)
    else:
        highest = found.max()
        if not np.isfinite(highest):
            return None
        with np.errstate(divide="ignore"):
            totals = np.log(np.exp(found - highest).mean(axis=0).sum(axis=1))
    weights = np.exp(totals - totals.max())
    return np.asarray(weights / weights.sum(), dtype=np.float64)
