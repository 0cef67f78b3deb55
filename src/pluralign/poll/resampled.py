"""A number before and after, resampled on the same questions on both sides. Knows arrays of questions by columns.

A column is whatever is measured: a people, or all of them together. What makes a question hard for both sides cancels,
because the very same questions are drawn for both (Efron and Tibshirani 1993, chapter 13).
"""

from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pluralign.core.ids import finite_or_none
from pluralign.metrics.distances import Array
from pluralign.metrics.multiple import bootstrap_p, expanded_level, expanded_p
from pluralign.metrics.skill import skills
from pluralign.metrics.uncertainty import Bootstrap, bootstrap, weighted_mean
from pluralign.poll.comparison import Change
from pluralign.poll.scores import Difference, Measure

Statistic = Callable[[Array], Array]
"""How often each question counts, shape (resamples, questions) -> numbers, shape (resamples, columns)."""
Defined = npt.NDArray[np.bool_]
"""Where a question can contribute to a column, shape (questions, columns)."""
ARITHMETIC = 1e-12
"""A difference smaller than this is rounding: the same answers, computed in another order."""


class Draws(NamedTuple):
    """The resamples that every number of a comparison shares."""

    questions: Bootstrap
    topics: Bootstrap


def draw(topics: Sequence[Hashable], *, seed: int, resamples: int) -> Draws:
    """Resamples of as many questions as there are ``topics``, one label per question."""
    return Draws(
        bootstrap(len(topics), seed=seed, resamples=resamples),
        bootstrap(len(topics), seed=seed, resamples=resamples, clusters=topics),
    )


def changes(before: Statistic, after: Statistic, defined: Defined, draws: Draws) -> list[Change]:
    """Every column before, after, and the difference with its intervals and p-values."""
    once = np.ones((1, len(defined)))
    points = [np.asarray(side(once))[0] for side in (before, after)]
    drawn = [np.asarray(side(draws.questions.counts)) for side in (before, after)]
    topical = [np.asarray(side(draws.topics.counts)) for side in (before, after)]
    gap, gaps, topical_gaps = (_rounded(one[0] - one[1]) for one in (points, drawn, topical))
    found = []
    for column in range(defined.shape[1]):
        groups = [len(np.unique(way.groups[defined[:, column]])) for way in draws]
        sides = [
            Measure(value=finite_or_none(point[column]), low=interval.low, high=interval.high)
            for point, values in zip(points, drawn, strict=True)
            for interval in [_interval(values[:, column], draws.questions.level, groups[0])]
        ]
        differences = [
            _difference(gap[column], values[:, column], way.level, known)
            for values, way, known in zip((gaps, topical_gaps), draws, groups, strict=True)
        ]
        found.append(Change(before=sides[0], after=sides[1], difference=differences[0], by_topic=differences[1]))
    return found


def difference(gaps: Array, draws: Bootstrap) -> Difference:
    """Mean of one difference per question, shape (questions,), NaN where undefined, with its interval and p-value."""
    defined = ~np.isnan(gaps)
    if not defined.any():
        return Difference(value=None)
    point = float(gaps[defined].mean())
    groups = len(np.unique(draws.groups[defined]))
    return _difference(point, _rounded(weighted_mean(draws.counts, gaps)), draws.level, groups)


class _Interval(NamedTuple):
    low: float | None
    high: float | None


def _interval(drawn: Array, level: float, groups: int) -> _Interval:
    drawn = drawn[np.isfinite(drawn)]
    if groups < 2 or drawn.size < 2:
        return _Interval(None, None)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return _Interval(float(low), float(high))


def _difference(gap: float, drawn: Array, level: float, groups: int) -> Difference:
    """Widened for few questions or topics: what is called a difference must not be the smallness of the sample."""
    value = finite_or_none(float(gap))
    if value is None or groups < 2:
        return Difference(value=value)
    low, high = _interval(drawn, expanded_level(level, groups), groups)
    p = None if low is None else finite_or_none(expanded_p(bootstrap_p(drawn), groups))
    return Difference(value=value, low=low, high=high, p=p)


def _rounded(gaps: Array) -> Array:
    return np.where(np.abs(gaps) < ARITHMETIC, 0.0, gaps)


# --- statistics -----------------------------------------------------------------------------------------------------


def mean(values: Array) -> Statistic:
    """Mean of each column over its questions; ``values``: shape (questions, columns), NaN where undefined."""
    return lambda counts: weighted_mean(counts, values)


def ratio(values: Array, reference: Array) -> Statistic:
    """Mean of each column over the mean of the reference's."""

    def statistic(counts: Array) -> Array:
        return quotient(weighted_mean(counts, values), weighted_mean(counts, reference))

    return statistic


def skill(distance: Array, marginal: Array, noise: Array) -> Statistic:
    """Skill of each column, from mean distances over the questions where all three are known."""
    sides = _where_all(distance, marginal, noise)
    return lambda counts: skills(*(weighted_mean(counts, side) for side in sides))


def mean_overall(values: Array) -> Statistic:
    """Mean of the columns' means, each column counting alike however many questions it has."""
    kept = _some(values)
    return lambda counts: _over(weighted_mean(counts, kept))


def ratio_overall(values: Array, reference: Array) -> Statistic:
    """Mean over columns over the reference's mean over columns."""

    def statistic(counts: Array) -> Array:
        return quotient(_over(weighted_mean(counts, values)), _over(weighted_mean(counts, reference)))

    return statistic


def skill_overall(distance: Array, marginal: Array, noise: Array) -> Statistic:
    """Skill of distances that are means over the columns where all three are known."""
    sides = _where_all(distance, marginal, noise)
    kept = ~np.isnan(sides[0]).all(axis=0)
    sides = sides[:, :, kept]

    def statistic(counts: Array) -> Array:
        if not kept.any():
            return np.full((len(counts), 1), np.nan)
        return skills(*(_over(weighted_mean(counts, side)) for side in sides))

    return statistic


def quotient(above: Array, below: Array) -> Array:
    """Element by element; NaN where there is nothing to divide by."""
    return np.asarray(np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0))


def _over(means: Array) -> Array:
    return np.asarray(means.mean(axis=1, keepdims=True)) if means.shape[1] else np.full((len(means), 1), np.nan)


def _some(values: Array) -> Array:
    """Columns with at least one number."""
    return np.asarray(values[:, ~np.isnan(values).all(axis=0)])


def _where_all(*sides: Array) -> Array:
    stacked = np.stack(sides)
    stacked[:, np.isnan(stacked).any(axis=0)] = np.nan
    return stacked
