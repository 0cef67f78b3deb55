"""From judgements to counted pairs: W, N, L, U, I, likelihood, entropy, and which pairs pass the thresholds.

All in arrays, a row per ordered pair (or per ordered pair and context). Knows no card, no file and no ranking.
Formulas: Democratic Fine-Tuning, section 6 of our specification; the published entropy takes the impressions for a
fifth outcome, ours does not.
"""

import math
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pluralign.core.moral_graph import EdgeCounts, Thresholds
from pluralign.graph.judgements import (
    DIFFERENT,
    LESS_WISE,
    NOT_WISER,
    RELATIONSHIPS,
    UNSURE,
    WISER,
    Codes,
    JudgementTable,
    pack,
)
from pluralign.graph.uncertainty import wilson

Floats = NDArray[np.float64]
# The published rule; and the same rule with its entropy read as votes alone (1.69 = 1 + 1.38 / 2) and four answers at
# least: Wilson's interval of three holds one half even if all agree (3 / (3 + 1.96^2) = 0.44), that of four does not.
PUBLISHED_THRESHOLDS = Thresholds(min_wiser=2, min_likelihood=0.33, max_entropy=1.69)
DEFAULT_THRESHOLDS = Thresholds(min_wiser=2, min_total=4, min_likelihood=0.33, max_entropy=1.38)


@dataclass(frozen=True)
class PairTable:
    """Counted ordered pairs that somebody judged, in order of first appearance. All columns have the same length.

    The five counts may have more dimensions in front, such as one for the resamples of a bootstrap.
    """

    source: Codes
    candidate: Codes
    context: Codes
    """Code of the context, or -1 where contexts are pooled."""
    wiser: Codes
    not_wiser: Codes
    less_wise: Codes
    unsure: Codes
    impressions: Codes
    group: Codes
    """Number of the unordered pair (and context): the two directions of a pair share it."""
    reverse: NDArray[np.bool_]
    """Whether the pair runs from the higher value code to the lower."""

    def __len__(self) -> int:
        return len(self.source)

    def where(self, chosen: NDArray[np.bool_] | Codes) -> "PairTable":
        """The chosen rows, by mask or by positions."""
        return PairTable(**{field.name: getattr(self, field.name)[chosen] for field in fields(self)})

    @property
    def total(self) -> Codes:
        """T = W + N + L + U; at least 1."""
        return self.wiser + self.not_wiser + self.less_wise + self.unsure

    def counts(self, row: int) -> EdgeCounts:
        """The counts of one row as a noun."""
        return EdgeCounts(
            wiser=int(self.wiser[row]),
            not_wiser=int(self.not_wiser[row]),
            less_wise=int(self.less_wise[row]),
            unsure=int(self.unsure[row]),
            impressions=int(self.impressions[row]),
        )


class Cells(NamedTuple):
    """Where each judgement falls: the unordered pair, the direction, and the answer."""

    group: Codes
    """Number of the unordered pair (and context) of each judgement, from 0."""
    first: Codes
    """Position of the first judgement of each group."""
    reverse: Codes
    """1 for a judgement from the higher value code to the lower, else 0."""

    def cell(self, table: JudgementTable) -> Codes:
        """(group, direction, answer) of each judgement as one number, in [0, groups * 2 * 5)."""
        return (self.group * 2 + self.reverse) * len(RELATIONSHIPS) + table.relationship


def count(table: JudgementTable, found: Cells, among: NDArray[np.bool_] | None = None) -> Codes:
    """Number of judgements of each (group, direction, answer), by default all; shape (groups, 2, 5)."""
    cell = found.cell(table)
    size = len(found.first) * 2 * len(RELATIONSHIPS)
    counted = np.bincount(cell if among is None else cell[among], minlength=size)
    return counted.reshape(len(found.first), 2, len(RELATIONSHIPS))


def cells(table: JudgementTable, *, pooled: bool) -> Cells:
    """Number the unordered pairs, per context unless ``pooled``."""
    low = np.minimum(table.source, table.candidate)
    high = np.maximum(table.source, table.candidate)
    key = pack(low, high, *([] if pooled else [table.context]))
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    return Cells(group.astype(np.int64), first, (table.source > table.candidate).astype(np.int64))


class Outcomes(NamedTuple):
    """W, N, L, U and I of each group and direction; each of shape (..., groups, 2)."""

    wiser: Codes
    not_wiser: Codes
    less_wise: Codes
    unsure: Codes
    impressions: Codes


def outcomes(counted: Codes) -> Outcomes:
    """From counts per (group, direction, answer), of shape (..., groups, 2, 5), to the five outcomes.

    "Less wise" on a pair and "wiser" on its reverse say the same.
    """
    other = counted[..., ::-1, :]
    shown = counted.sum(axis=(-2, -1))[..., None]
    return Outcomes(
        wiser=counted[..., WISER] + other[..., LESS_WISE],
        not_wiser=counted[..., NOT_WISER] + counted[..., DIFFERENT],
        less_wise=other[..., WISER] + counted[..., LESS_WISE],
        unsure=counted[..., UNSURE],
        impressions=np.broadcast_to(shown, (*shown.shape[:-1], 2)),
    )


def aggregate(table: JudgementTable, *, pooled: bool) -> PairTable:
    """Count every ordered pair that was judged in this direction, or found the other way round ("less wise")."""
    found = cells(table, pooled=pooled)
    counted = count(table, found)
    tallied = outcomes(counted)
    asked = counted.sum(axis=2) > 0
    group, reverse = np.nonzero(asked | (tallied.wiser > 0))
    first = found.first[group]
    low = np.minimum(table.source[first], table.candidate[first])
    high = np.maximum(table.source[first], table.candidate[first])
    pairs = PairTable(
        source=np.where(reverse == 0, low, high),
        candidate=np.where(reverse == 0, high, low),
        context=np.full(len(group), -1) if pooled else table.context[first],
        wiser=tallied.wiser[group, reverse],
        not_wiser=tallied.not_wiser[group, reverse],
        less_wise=tallied.less_wise[group, reverse],
        unsure=tallied.unsure[group, reverse],
        impressions=tallied.impressions[group, reverse],
        group=group,
        reverse=reverse == 1,
    )
    # By first appearance of the pair in either direction; of the two, the direction asked first comes first.
    turned = found.reverse[first] != reverse
    return pairs.where(np.lexsort((turned, first)))


def recounted(pairs: PairTable, counted: Codes) -> PairTable:
    """The same pairs with other counts of (group, direction, answer), of shape (..., groups, 2, 5)."""
    direction = pairs.reverse.astype(np.int64)
    columns = {name: column[..., pairs.group, direction] for name, column in outcomes(counted)._asdict().items()}
    return replace(pairs, **columns)


def likelihood(pairs: PairTable) -> Floats:
    """(W - L) / T of each pair, in [-1, 1]; 0 for a pair nobody judged, as there may be in a resample."""
    return np.asarray((pairs.wiser - pairs.less_wise) / np.maximum(pairs.total, 1))


def entropy(pairs: PairTable) -> Floats:
    """Shannon entropy in bits of (W, N, L, U), in [0, 2]: 0 where all answered alike."""
    return entropy_of(np.stack([pairs.wiser, pairs.not_wiser, pairs.less_wise, pairs.unsure]))


def entropy_of(counts: Codes) -> Floats:
    """Entropy in bits along the first axis; 0 where there are no counts."""
    shares = counts / np.maximum(counts.sum(axis=0), 1)
    logs = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
    return np.asarray(np.abs(-(shares * logs).sum(axis=0)))


def published_entropy(pairs: PairTable) -> Floats:
    """Entropy in bits of (W, N, L, U, I), as published: the impressions as a fifth outcome.

    Bit-exact on every machine: numpy's vector logarithm may differ from the C library's in the last bit, so each
    different row of counts is computed once, in the order of the original's sum.
    """
    columns = (pairs.wiser, pairs.not_wiser, pairs.less_wise, pairs.unsure, pairs.impressions)
    _, first, inverse = np.unique(pack(*columns), return_index=True, return_inverse=True)
    rows = zip(*(column[first].tolist() for column in columns), strict=True)
    return np.array([_published_entropy(row) for row in rows], dtype=np.float64)[inverse]


def _published_entropy(counts: tuple[int, ...]) -> float:
    whole = sum(counts)
    bits = 0.0
    for count in counts:
        if count:
            bits -= count / whole * math.log2(count / whole)
    return bits


def failures(pairs: PairTable, thresholds: Thresholds, entropies: Floats) -> dict[str, NDArray[np.bool_]]:
    """For each threshold that is applied, which pairs do not pass it, by the field's name."""
    failed = {
        "min_wiser": pairs.wiser < thresholds.min_wiser,
        "min_total": pairs.total < thresholds.min_total,
    }
    if thresholds.min_likelihood is not None:
        failed["min_likelihood"] = likelihood(pairs) < thresholds.min_likelihood
    if thresholds.max_entropy is not None:
        failed["max_entropy"] = entropies > thresholds.max_entropy
    if thresholds.min_support_low is not None:
        failed["min_support_low"] = wilson(pairs.wiser, pairs.total).low <= thresholds.min_support_low
    return failed


def passes(pairs: PairTable, thresholds: Thresholds, entropies: Floats) -> NDArray[np.bool_]:
    """Which pairs pass all thresholds."""
    failed = np.zeros(pairs.wiser.shape, dtype=bool)
    for each in failures(pairs, thresholds, entropies).values():
        failed |= each
    return ~failed


class PairContexts(NamedTuple):
    """The contexts of each group of pairs, in order of first appearance in either direction."""

    starts: Codes
    """Where the contexts of group g start in `contexts`; those of the last group end at the last entry."""
    contexts: Codes

    def of(self, group: int) -> Codes:
        """Codes of the contexts of one group."""
        return self.contexts[self.starts[group] : self.starts[group + 1]]


def pair_contexts(table: JudgementTable) -> PairContexts:
    """Contexts by unordered pair, for pooled pairs. Group numbers are those of `cells(table, pooled=True)`."""
    group = cells(table, pooled=True).group
    _, first = np.unique(pack(group, table.context), return_index=True)
    order = first[np.lexsort((first, group[first]))]
    groups = int(group.max(initial=-1)) + 1
    return PairContexts(np.searchsorted(group[order], np.arange(groups + 1)), table.context[order])
