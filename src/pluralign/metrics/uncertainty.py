"""Bootstrap intervals: how far would a number move, had other questions of the same kind been asked?

Questions (or whole topics) are drawn with replacement and the number is computed again (Efron and Tibshirani 1993,
chapter 13, percentile intervals). Knows nothing of what the numbers mean. It says how much the choice of questions
matters, not how well any one answer is known.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from pluralign.core.errors import UsageError
from pluralign.core.ids import finite_or_none
from pluralign.metrics.distances import Array

Statistic = Callable[[Array], Array]
"""How often each question counts, shape (resamples, questions) -> a number per resample; NaN where undefined."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and the interval it lies in. ``None`` stands for undefined."""

    value: float | None
    """The number itself; ``None`` where nothing could be averaged."""
    low: float | None = None
    """Lower end; ``None`` where there are too few questions (or topics) to tell."""
    high: float | None = None
    """Upper end."""

    def to_dict(self) -> dict[str, float | None]:
        """Plain data for JSON."""
        return {"value": self.value, "low": self.low, "high": self.high}


UNDEFINED = Estimate(None)


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrap:
    """One set of resamples, to be shared by every number of a table so that they can be compared."""

    counts: Array
    """How often each question was drawn, shape (resamples, questions)."""
    level: float
    """Share of resamples inside an interval, such as 0.95."""
    groups: npt.NDArray[np.int64]
    """The group (question, or topic) that each question is drawn with, shape (questions,)."""

    def estimate(self, statistic: Statistic, defined: npt.NDArray[np.bool_] | None = None) -> Estimate:
        """The statistic on all questions once, and its interval.

        ``defined``: questions that can contribute. With fewer than two groups of them there is no interval: resampling
        one question gives that question again, and an interval of no width would claim certainty.
        """
        questions = self.counts.shape[1]
        defined = np.ones(questions, dtype=bool) if defined is None else defined
        if not defined.any():
            return UNDEFINED
        value = finite_or_none(float(statistic(np.ones((1, questions)))[0]))
        if value is None or len(np.unique(self.groups[defined])) < 2:
            return Estimate(value)
        drawn = statistic(self.counts)
        drawn = drawn[np.isfinite(drawn)]
        if drawn.size < 2:
            return Estimate(value)
        low, high = np.quantile(drawn, [(1 - self.level) / 2, (1 + self.level) / 2])
        return Estimate(value, float(low), float(high))

    def mean(self, values: Array) -> Estimate:
        """Mean over the questions where the value is not NaN, with its interval."""
        defined = ~np.isnan(values)
        return self.estimate(lambda counts: weighted_mean(counts, values), defined)


def weighted_mean(counts: Array, values: Array) -> Array:
    """Mean of the values that are not NaN, each counted ``counts`` times along the last axis; NaN over nothing.

    ``counts``: shape (resamples, questions); ``values``: (questions,) or (questions, columns).
    """
    defined = ~np.isnan(values)
    if defined.all():
        sums, weights = _product(counts, values), _product(counts, np.ones(len(values)))
        weights = weights if values.ndim == 1 else weights[:, None]
    else:
        sums, weights = _product(counts, np.where(defined, values, 0.0)), _product(counts, defined.astype(np.float64))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums / weights)


def _product(counts: Array, values: Array) -> Array:
    """``counts @ values`` without the threads of a matrix product: these are small, and on a busy machine waiting for
    threads takes several times as long as the sums.
    """
    return np.asarray(np.einsum("bq,q...->b...", counts, values))


def bootstrap(
    questions: int,
    *,
    seed: int,
    resamples: int = 1000,
    level: float = 0.95,
    clusters: Sequence[Hashable] | None = None,
) -> Bootstrap:
    """Draw resamples of ``questions`` questions; the same arguments give the same resamples.

    ``clusters``: one label per question, such as its topic; whole clusters are then drawn, which is right where
    questions of a topic go up and down together. Raises :class:`UsageError` for no resamples or a level outside (0, 1).
    """
    if resamples < 1 or not 0 < level < 1:
        raise UsageError(f"a bootstrap needs resamples and a level between 0 and 1, got {resamples} and {level}")
    if clusters is None:
        groups = np.arange(questions)
    else:
        labels = list(dict.fromkeys(clusters))
        groups = np.array([labels.index(label) for label in clusters], dtype=np.int64)
    if len(groups) != questions:
        raise UsageError(f"{len(groups)} clusters named for {questions} questions")
    size = int(groups.max()) + 1 if questions else 0
    counts = _draws(size, resamples, seed)[:, groups]
    return Bootstrap(counts, level, groups)


@lru_cache(maxsize=64)
def _draws(groups: int, resamples: int, seed: int) -> Array:
    """How often each of the groups is drawn, in each resample."""
    generator = np.random.default_rng([seed, groups, resamples])
    if groups == 0:
        return np.zeros((resamples, 0))
    counts = generator.multinomial(groups, np.full(groups, 1 / groups), size=resamples).astype(np.float64)
    counts.flags.writeable = False
    return counts


def bootstrap_mean(
    values: Sequence[float | None] | Array,
    *,
    seed: int,
    resamples: int = 1000,
    level: float = 0.95,
    clusters: Sequence[Hashable] | None = None,
) -> Estimate:
    """Mean of one number per question with a percentile interval; ``None`` and NaN take no part."""
    array = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return bootstrap(len(array), seed=seed, resamples=resamples, level=level, clusters=clusters).mean(array)


def paired_difference(
    first: Sequence[float | None] | Array,
    second: Sequence[float | None] | Array,
    *,
    seed: int,
    resamples: int = 1000,
    level: float = 0.95,
    clusters: Sequence[Hashable] | None = None,
) -> Estimate:
    """Mean of ``first - second`` over the questions both have, with a percentile interval.

    The differences are resampled, not the two sides: what makes a question hard for both cancels. Raises
    :class:`UsageError` unless both have the same length, question by question.
    """
    if len(first) != len(second):
        raise UsageError(f"paired differences need the same questions, got {len(first)} and {len(second)}")
    gaps = [None if a is None or b is None else a - b for a, b in zip(first, second, strict=True)]
    return bootstrap_mean(gaps, seed=seed, resamples=resamples, level=level, clusters=clusters)
