"""How sure a share of answers is: Wilson's interval, and a Beta-binomial posterior that learns from all pairs.

Pure functions from counts to numbers; knows no graph. Sources: E. B. Wilson, "Probable inference, the law of
succession, and statistical inference", JASA 22 (1927); J. G. Skellam, "A probability distribution derived from the
binomial distribution by regarding the probability of success as variable between the sets of trials", JRSS B 10 (1948).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

Floats = NDArray[np.float64]


class Bounds(NamedTuple):
    """Lower and upper ends, each an array in [0, 1]."""

    low: Floats
    high: Floats


def wilson(successes: ArrayLike, trials: ArrayLike, level: float = 0.95) -> Bounds:
    """Wilson's score interval, without continuity correction, of each share ``successes / trials``.

    No trials give [0, 1]: nothing is known.
    """
    k, n = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    z = float(special.ndtri(0.5 + level / 2))
    centre = (k + z * z / 2) / (n + z * z)
    some = np.maximum(n, 1)
    half = z / (n + z * z) * np.sqrt(k * (n - k) / some + z * z / 4)
    # Rounding must not put a bound a hair beyond certainty.
    return Bounds(
        np.where(k == 0, 0.0, np.maximum(centre - half, 0)), np.where(k == n, 1.0, np.minimum(centre + half, 1))
    )


class BetaPrior(NamedTuple):
    """A Beta distribution over the share of "wiser" among pairs: both numbers above 0."""

    alpha: float
    beta: float


# Pseudo-answers that a prior may be worth. With few pairs the likelihood is flat, and its top may lie at infinity,
# which would say that all pairs have the same share; fifty answers is as strong a belief as we let it form.
_WEIGHT = (0.5, 50.0)


def learn_prior(successes: ArrayLike, trials: ArrayLike) -> BetaPrior:
    """The Beta prior under which the counts of all pairs are most likely (Beta-binomial, maximum likelihood).

    Its weight alpha + beta is held between 0.5 and 50 answers. Fewer than two pairs teach nothing: Beta(1, 1).
    """
    k, n = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    if len(k) < 2 or not n.any():
        return BetaPrior(1.0, 1.0)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        mean, weight = float(special.expit(parameters[0])), float(np.exp(parameters[1]))
        alpha, beta = mean * weight, (1 - mean) * weight
        value = float((special.betaln(k + alpha, n - k + beta) - special.betaln(alpha, beta)).sum())
        shared = special.digamma(alpha + beta) - special.digamma(n + alpha + beta)
        by_alpha = float((special.digamma(k + alpha) - special.digamma(alpha) + shared).sum())
        by_beta = float((special.digamma(n - k + beta) - special.digamma(beta) + shared).sum())
        by_mean = (by_alpha - by_beta) * weight * mean * (1 - mean)
        by_weight = by_alpha * alpha + by_beta * beta
        return -value, -np.array([by_mean, by_weight])

    pooled = (k.sum() + 0.5) / (n.sum() + 1)
    found = optimize.minimize(
        loss,
        np.array([special.logit(pooled), np.log(4.0)]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-7.0, 7.0), (np.log(_WEIGHT[0]), np.log(_WEIGHT[1]))],
    )
    mean, weight = float(special.expit(found.x[0])), float(np.exp(found.x[1]))
    return BetaPrior(mean * weight, (1 - mean) * weight)


class Posterior(NamedTuple):
    """What is believed of each share after its answers; arrays in (0, 1)."""

    mean: Floats
    low: Floats
    high: Floats


def posterior(successes: ArrayLike, trials: ArrayLike, prior: BetaPrior, level: float = 0.95) -> Posterior:
    """Mean and equal-tailed credible interval of Beta(alpha + k, beta + n - k)."""
    k, n = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    alpha, beta = prior.alpha + k, prior.beta + n - k
    return Posterior(
        alpha / (alpha + beta),
        special.betaincinv(alpha, beta, 0.5 - level / 2),
        special.betaincinv(alpha, beta, 0.5 + level / 2),
    )
