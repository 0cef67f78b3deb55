"""Distances between two answer distributions, and what one distribution says by itself.

Every measure comes twice: for one pair (``js_distance``) and for whole arrays (``js_distances``), where the last axis
holds the options and rows of different length are padded with zeros (:func:`pad`). Knows no survey and no interval.

Sources: Jensen-Shannon as a distance, Endres and Schindelin 2003, and Sorensen et al. 2024 (base 2); total variation,
Meister et al. 2025; Wasserstein on ordered options, Santurkar et al. 2023, here divided by its greatest value.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pluralign.core.distribution import Distribution
from pluralign.core.errors import DistributionError
from pluralign.core.question import Question

Array = npt.NDArray[np.float64]
Shares = Distribution | Sequence[float] | Array
"""A distribution, or non-negative weights over the options that are renormalised when used."""


def pad(distributions: Sequence[Distribution], width: int | None = None) -> Array:
    """Stack distributions of different length as rows of one array of shape (distributions, width), zeros behind."""
    shares = [one.probabilities for one in distributions]
    lengths = np.array([len(one) for one in shares], dtype=np.int64)
    rows = np.zeros((len(shares), int(lengths.max(initial=1)) if width is None else width))
    for length in set(lengths.tolist()):  # all rows of a length at once
        at = np.flatnonzero(lengths == length)
        rows[at, :length] = [shares[row] for row in at.tolist()]
    return rows


def is_ordered(question: Question) -> bool:
    """Whether Wasserstein is defined on the question: its scale is ordered, or it has just two options."""
    return question.scale.ordered or len(question.options) == 2


# --- one pair -------------------------------------------------------------------------------------------------------


def js_distance(p: Shares, q: Shares, *, base: float = 2.0) -> float:
    """Jensen-Shannon distance: the square root of the divergence. In [0, 1] with base 2, [0, 0.8326] with base e.

    Raises :class:`DistributionError` unless both have the same number of options, no negative and not only zeros.
    """
    return float(js_distances(*_pair(p, q), base=base))


def total_variation(p: Shares, q: Shares) -> float:
    """Half the sum of absolute differences: the share of people who would have to answer otherwise. In [0, 1]."""
    return float(total_variations(*_pair(p, q)))


def wasserstein(p: Shares, q: Shares) -> float:
    """Mean absolute difference of the cumulative shares over the first K-1 of K ordered options. In [0, 1].

    The caller says that the options are ordered; :func:`wasserstein_on` asks the question. With two options it equals
    total variation. Raises :class:`DistributionError` for fewer than two options.
    """
    first, second = _pair(p, q)
    if first.size < 2:
        raise DistributionError("Wasserstein distance needs at least two options")
    return float(wassersteins(first, second, np.array(first.size)))


def wasserstein_on(question: Question, p: Shares, q: Shares) -> float | None:
    """:func:`wasserstein`, or ``None`` where the options have no order and are more than two."""
    return wasserstein(p, q) if is_ordered(question) else None


def entropy(p: Shares) -> float:
    """Shannon entropy in nats, with 0 log 0 = 0. In [0, ln K]."""
    return float(entropies(_shares(p)))


def entropy_ratio(voice: Shares, people: Shares) -> float | None:
    """Entropy of the voice over entropy of the people; below 1: the voice is more of one mind than they are.

    ``None`` where the people are all of one mind.
    """
    denominator = entropy(people)
    return entropy(voice) / denominator if denominator > 0 else None


def most_likely_match(voice: Distribution, people: Distribution, *, published: bool = False) -> float:
    """Whether the voice's most frequent answer is the people's. In [0, 1].

    Ties are fractions: the share of the voice's equally likely first answers that are a first answer of the people's,
    so that a uniform voice gains nothing from the order of the options. ``published``: 1 or 0 by the first of several.
    """
    if len(voice) != len(people):
        raise DistributionError(f"cannot compare {len(voice)} options with {len(people)}")
    if published:
        return float(voice.mode == people.mode)
    mine = voice.modes
    return len(set(mine) & set(people.modes)) / len(mine)


# --- arrays of pairs ------------------------------------------------------------------------------------------------


def js_terms(p: Array, q: Array) -> Array:
    """What each option adds to the Jensen-Shannon divergence, in nats; broadcasts, at least zero.

    Written in d = (p - q) / (p + q), which keeps full precision where p and q nearly agree.
    """
    total = p + q
    d = np.divide(p - q, total, out=np.zeros(np.shape(total)), where=total > 0)
    return np.maximum((_x_log_x(d) + _x_log_x(-d)) * total / 4, 0.0)


def js_distances(p: Array, q: Array, *, base: float = 2.0) -> Array:
    """:func:`js_distance` along the last axis; rows must sum to one (or be padded)."""
    return np.asarray(np.sqrt(js_terms(p, q).sum(axis=-1) / math.log(base)))


def total_variations(p: Array, q: Array) -> Array:
    """:func:`total_variation` along the last axis; rows must sum to one (or be padded)."""
    return np.asarray(np.abs(p - q).sum(axis=-1) / 2)


def wassersteins(p: Array, q: Array, options: npt.NDArray[np.int64]) -> Array:
    """:func:`wasserstein` along the last axis; ``options`` holds the number of options of each row, at least two."""
    # Behind a row's last option both cumulative shares are 1: padding adds nothing.
    gaps = np.abs(np.cumsum(p - q, axis=-1))[..., :-1]
    return np.asarray(gaps.sum(axis=-1) / (options - 1))


def entropies(p: Array) -> Array:
    """:func:`entropy` along the last axis; rows must sum to one (or be padded)."""
    logs = np.log(p, out=np.zeros_like(p), where=p > 0)
    return np.asarray(np.maximum(-(p * logs).sum(axis=-1), 0.0))


def matches(voice: Array, people: Array) -> Array:
    """:func:`most_likely_match` along the last axis; ties within 1e-12."""
    mine = voice >= voice.max(axis=-1, keepdims=True) - 1e-12
    theirs = people >= people.max(axis=-1, keepdims=True) - 1e-12
    return np.asarray((mine & theirs).sum(axis=-1) / mine.sum(axis=-1))


def _x_log_x(d: Array) -> Array:
    """(1 + d) log(1 + d), continued to 0 at d = -1."""
    return np.asarray((1 + d) * np.log1p(d, out=np.zeros_like(d), where=d > -1))


def _shares(p: Shares) -> Array:
    """Weights as probabilities."""
    if isinstance(p, Distribution):
        return p.array
    array = np.asarray(p, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all() or (array < 0).any() or array.sum() <= 0:
        raise DistributionError(f"shares must be finite, not negative and not all zero, got {array.tolist()}")
    return np.asarray(array / array.sum())


def _pair(p: Shares, q: Shares) -> tuple[Array, Array]:
    first, second = _shares(p), _shares(q)
    if first.size != second.size:
        raise DistributionError(f"cannot compare {first.size} options with {second.size}")
    return first, second
