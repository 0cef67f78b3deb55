"""How a voice tells peoples apart, before and after: confusion, exaggeration, and whom telling it helps.

Stereotypes show in three places: answers of one mind where people are divided (the entropy ratio, measured
elsewhere), greater differences between peoples than there are, and differences where there are none. Knows arrays of
shares; reads no file.
"""

from collections.abc import Sequence

import numpy as np

from pluralign.metrics.distances import Array, total_variations, wassersteins
from pluralign.metrics.scales import Scales
from pluralign.metrics.uncertainty import weighted_mean
from pluralign.poll.comparison import Confusion, Contrast
from pluralign.poll.resampled import Draws, changes, quotient
from pluralign.poll.scores import DistanceName

_TIE = 1e-12


def headline_distances(p: Array, q: Array, scales: Scales, headline: DistanceName) -> Array:
    """The headline distance along the last axis; NaN on questions it is not defined on.

    ``p`` and ``q`` broadcast and end in (questions, width); NaN in, NaN out.
    """
    if headline == "total_variation":
        return total_variations(p, q)
    return np.where(scales.ordered, wassersteins(p, q, scales.options), np.nan)


def contrast(
    before: Array, after: Array, truth: Array, scales: Scales, headline: DistanceName, draws: Draws
) -> Contrast | None:
    """Whether the voice's answers for different peoples lie as far apart as the peoples do, and in the same direction.

    All three: shape (peoples, questions, width), NaN where one was not asked or did not answer; only what all three
    have is used. ``None`` unless some question has two peoples.
    """
    used = np.asarray(~np.isnan(np.stack([before, after, truth])).any(axis=(0, 3)))
    sides = [np.where(used[:, :, None], one, np.nan) for one in (before, after, truth)]
    apart = [_apart(one, scales, headline)[:, None] for one in sides]
    known = ~np.isnan(apart[2])
    if not known.any():
        return None
    away = [_away(one) for one in sides]
    products = {(one, two): (away[one] * away[two]).sum(axis=(0, 2)) for one, two in ((0, 2), (1, 2), (0, 0), (1, 1))}
    people = (away[2] ** 2).sum(axis=(0, 2))
    several = (used.sum(axis=0) > 1)[:, None]

    def ratio(side: int, counts: Array) -> Array:
        return quotient(weighted_mean(counts, apart[side]), weighted_mean(counts, apart[2]))

    def correlation(side: int, counts: Array) -> Array:
        scale = np.sqrt((counts @ products[side, side]) * (counts @ people))
        return quotient(counts @ products[side, 2], scale)[:, None]

    spread = changes(lambda counts: ratio(0, counts), lambda counts: ratio(1, counts), known, draws)[0]
    direction = changes(lambda counts: correlation(0, counts), lambda counts: correlation(1, counts), several, draws)[0]
    return Contrast(
        peoples=len(truth),
        questions=int(known.sum()),
        people=float(np.nanmean(apart[2])),
        spread=spread,
        direction=direction,
    )


def _apart(shares: Array, scales: Scales, headline: DistanceName) -> Array:
    """Mean headline distance between two peoples' shares on each question, shape (questions,); NaN without a pair."""
    total, pairs = np.zeros(shares.shape[1]), np.zeros(shares.shape[1])
    for at in range(len(shares) - 1):
        distances = headline_distances(shares[at], shares[at + 1 :], scales, headline)
        total += np.nansum(distances, axis=0)
        pairs += (~np.isnan(distances)).sum(axis=0)
    return quotient(total, pairs)


def _away(shares: Array) -> Array:
    """How far each people's shares lie from the mean of the peoples, question by question; 0 where there are none."""
    known = ~np.isnan(shares[:, :, :1])
    means = np.where(known, shares, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(known, shares - means, 0.0)


def _means(counts: Array, table: Array) -> Array:
    """:func:`weighted_mean`, by matrix products: with n peoples there are n squared columns, which makes them large."""
    known = ~np.isnan(table)
    sums = counts @ np.where(known, table, 0.0)
    same = bool((known == known[:, :1]).all())
    weights = counts @ (known[:, :1] if same else known).astype(np.float64)
    return np.asarray(np.divide(sums, weights, out=np.full(sums.shape, np.nan), where=weights > 0))


def confusion(
    before: Array,
    after: Array,
    spoken_for: Sequence[str],
    truth: Array,
    compared: Sequence[str],
    scales: Scales,
    headline: DistanceName,
    draws: Draws,
) -> Confusion | None:
    """Asked to be each people, closest to which?

    ``before`` and ``after``: shape (spoken for, questions, width); ``truth``: (compared, questions, width). Over the
    questions that all peoples compared were asked, because on different questions peoples could not be told from
    questionnaires; where there is none, over each people's own. ``None`` with a single people to compare.
    """
    if len(compared) < 2 or not spoken_for:
        return None
    asked = ~np.isnan(truth[:, :, 0])
    if headline == "wasserstein":
        asked &= scales.ordered
    common = asked.all(axis=0)
    usable = common if common.any() else asked.any(axis=0)
    answered = ~np.isnan(before[:, :, 0]) & ~np.isnan(after[:, :, 0]) & usable
    if not answered.any(axis=1).all():
        return None
    tables = [
        [
            np.where(row[:, None], headline_distances(one, truth, scales, headline).T, np.nan)
            for one, row in zip(side, answered, strict=True)
        ]
        for side in (before, after)
    ]
    own = [list(compared).index(people) for people in spoken_for]

    def right(side: int, counts: Array) -> Array:
        hits = np.zeros((len(counts), 1))
        for table, place in zip(tables[side], own, strict=True):
            means = _means(counts, table)
            # A resample without any of a people's questions says nothing of them: never the closest.
            means = np.where(np.isnan(means), np.inf, means)
            hits[:, 0] += means[:, place] <= means.min(axis=1) + _TIE
        return hits

    once = np.ones((1, truth.shape[1]))
    means = [[_means(once, table)[0] for table in side] for side in tables]
    rows = [
        {
            people: {other: float(value) for other, value in zip(compared, row, strict=True) if not np.isnan(value)}
            for people, row in zip(spoken_for, side, strict=True)
        }
        for side in means
    ]
    return Confusion(
        questions=int(answered.any(axis=0).sum()),
        before=rows[0],
        after=rows[1],
        right=changes(
            lambda counts: right(0, counts),
            lambda counts: right(1, counts),
            np.asarray(answered.any(axis=0))[:, None],
            draws,
        )[0],
        chance=len(spoken_for) / len(compared),
    )
