"""The shuffled baseline: how close would a voice be if its own probabilities stood at other options?

It tells closeness of shape (a voice as undecided as the people) from closeness of content (the right options). The
original permutes each item once at random (Sorensen et al. 2024, appendix B); here it is the expectation over all
permutations. Exact for total variation, for Wasserstein, and for Jensen-Shannon up to seven options; with more
options Jensen-Shannon is drawn, and its standard error is given.
"""

import itertools
import math
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pluralign.metrics.distances import Array, Shares, _pair, js_terms

EXACT_JS = 7
"""Up to this many options all permutations are visited (7! = 5,040)."""
EXACT_WASSERSTEIN = 16
"""Up to this many options all subsets are visited (2^16 = 65,536)."""
DRAWS = 100
"""Random permutations beyond that; each is also turned round in a circle, so that every probability visits every
option equally often."""


class Shuffled(NamedTuple):
    """Expected distances after shuffling, each an array of shape (pairs,)."""

    wasserstein: Array
    js: Array
    tv: Array
    js_error: Array
    """Standard error of ``js``; zero where it is exact."""


def shuffled_distances(voice: Array, people: Array, options: npt.NDArray[np.int64], *, seed: int = 0) -> Shuffled:
    """Expected distance to ``people`` of ``voice`` with its probabilities permuted, for each pair.

    Takes arrays of shape (pairs, width) padded with zeros, and the number of options of each pair. Jensen-Shannon has
    base 2. Wasserstein is computed for every pair; whether the options are ordered is the caller's to know.
    """
    pairs = len(options)
    result = Shuffled(*(np.zeros(pairs) for _ in range(4)))
    for count in np.unique(options).tolist():
        rows = np.flatnonzero(options == count)
        p, q = voice[rows, :count], people[rows, :count]
        result.tv[rows] = np.abs(p[:, :, None] - q[:, None, :]).sum(axis=(1, 2)) / (2 * count)
        result.wasserstein[rows] = _expected_wasserstein(p, q, seed)
        result.js[rows], result.js_error[rows] = _expected_js(p, q, seed)
    return result


def shuffled_js(voice: Shares, people: Shares, *, seed: int = 0) -> float:
    """Expected Jensen-Shannon distance (base 2) of one pair after shuffling the voice."""
    return float(_one(voice, people, seed).js[0])


def shuffled_tv(voice: Shares, people: Shares) -> float:
    """Expected total variation of one pair after shuffling the voice."""
    return float(_one(voice, people, 0).tv[0])


def shuffled_wasserstein(voice: Shares, people: Shares, *, seed: int = 0) -> float:
    """Expected Wasserstein distance of one pair, on an ordered scale, after shuffling the voice."""
    return float(_one(voice, people, seed).wasserstein[0])


def _one(voice: Shares, people: Shares, seed: int) -> Shuffled:
    p, q = _pair(voice, people)
    return shuffled_distances(p[None, :], q[None, :], np.array([p.size]), seed=seed)


def _expected_wasserstein(p: Array, q: Array, seed: int) -> Array:
    """After a random permutation the cumulative share of k options is the sum of a random subset of size k."""
    count = p.shape[1]
    if count < 2:
        return np.zeros(len(p))
    total = np.zeros(len(p))
    cumulative = np.cumsum(q, axis=1)
    if count <= EXACT_WASSERSTEIN:
        for size in range(1, count):
            sums = p @ _subsets(count, size).T
            total += np.abs(sums - cumulative[:, size - 1, None]).mean(axis=1)
        total /= count - 1
        return total
    orders = _orders(count, seed)
    for row in range(len(p)):
        gaps = np.abs(np.cumsum(p[row][orders], axis=1) - cumulative[row])[:, :-1]
        total[row] = gaps.mean()
    return total


def _expected_js(p: Array, q: Array, seed: int) -> tuple[Array, Array]:
    """The divergence is a sum over options, so one table of terms per pair serves every permutation."""
    count = p.shape[1]
    terms = js_terms(p[:, :, None], q[:, None, :])
    orders = _permutations(count) if count <= EXACT_JS else _orders(count, seed)
    sums = np.zeros((len(p), len(orders)))
    for position in range(count):
        sums += terms[:, :, position][:, orders[:, position]]
    values = np.sqrt(sums / math.log(2))
    if count <= EXACT_JS:
        return values.mean(axis=1), np.zeros(len(p))
    means = values.reshape(len(p), DRAWS, count).mean(axis=2)
    return means.mean(axis=1), means.std(axis=1, ddof=1) / math.sqrt(DRAWS)


@cache
def _permutations(count: int) -> npt.NDArray[np.int64]:
    return np.array(list(itertools.permutations(range(count))))


@cache
def _subsets(count: int, size: int) -> Array:
    """Every choice of ``size`` out of ``count``, as rows of zeros and ones."""
    chosen = np.array(list(itertools.combinations(range(count), size)))
    rows = np.zeros((len(chosen), count))
    np.put_along_axis(rows, chosen, 1.0, axis=1)
    return rows


@lru_cache(maxsize=64)
def _orders(count: int, seed: int) -> npt.NDArray[np.int64]:
    """Random permutations, each followed by all its turns."""
    generator = np.random.default_rng([seed, count])
    circles = [
        [np.roll(order, turn) for turn in range(count)]
        for order in generator.permuted(np.tile(np.arange(count), (DRAWS, 1)), axis=1)
    ]
    return np.array(circles).reshape(DRAWS * count, count)
