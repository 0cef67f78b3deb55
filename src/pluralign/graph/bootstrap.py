"""What would another sample of people have said? Resamples of the participants, counted all at once.

A resample draws participants with replacement, each with all their judgements, because the answers of one person hang
together. Knows arrays, not cards. Sources: B. Efron, Annals of Statistics 7 (1979); for sizes other than the sample's
own, P. J. Bickel, F. Goetze and W. R. van Zwet, Statistica Sinica 7 (1997).
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pluralign.core.moral_graph import Thresholds
from pluralign.graph.aggregate import PairTable, cells, entropy, entropy_of, likelihood, passes, recounted
from pluralign.graph.judgements import RELATIONSHIPS, Codes, JudgementTable, pack
from pluralign.graph.ranking import page_ranks

Floats = NDArray[np.float64]
# Numbers held at once while resampling; 8 bytes each, and about ten arrays of this size live together.
_AT_ONCE = 4_000_000
Progress = Callable[[int], None]
"""Is told how many more resamples are done."""


class Places(NamedTuple):
    """Where a value can stand: one row per value and context in which it was judged, by context, then value."""

    value: Codes
    context: Codes
    of_source: Codes
    """Row of the source of each pair."""
    of_candidate: Codes

    def spans(self) -> list[tuple[int, int]]:
        """First row, and one past the last, of each context."""
        bounds = np.flatnonzero(np.diff(self.context)) + 1
        edges = [0, *bounds.tolist(), len(self.context)]
        return [(start, end) for start, end in pairwise(edges) if end > start]


def places(pairs: PairTable) -> Places:
    """The places of all values of the pairs."""
    value = np.concatenate([pairs.source, pairs.candidate])
    context = np.concatenate([pairs.context, pairs.context])
    _, first, place = np.unique(pack(context + 1, value), return_index=True, return_inverse=True)
    return Places(value[first], context[first], place[: len(pairs)], place[len(pairs) :])


class Resampled(NamedTuple):
    """Some resamples: which pairs are kept, and what follows."""

    kept: NDArray[np.bool_]
    """Shape (resamples, pairs)."""
    wisdom: Floats
    """Shape (resamples, places)."""
    page_rank: Floats | None
    """Shape (resamples, places); 0 for a value without an edge. None unless asked for."""


def resample(
    table: JudgementTable,
    pairs: PairTable,
    thresholds: Thresholds,
    *,
    published: bool,
    resamples: int,
    seed: int,
    participants: int | None = None,
    with_page_rank: bool = True,
) -> Iterator[Resampled]:
    """Resample, some at a time. ``pairs`` are those of the whole table, in the same mode.

    ``participants`` is the size of a resample; by default that of the sample.
    """
    pooled = len(pairs) > 0 and bool(pairs.context[0] == -1)
    found = cells(table, pooled=pooled)
    used, cell = np.unique(found.cell(table), return_inverse=True)
    _, person = np.unique(table.participant, return_inverse=True)
    people = int(person.max(initial=-1)) + 1
    answers = sparse.csr_array((np.ones(len(table)), (cell, person)), shape=(len(used), people))
    size = len(found.first) * 2 * len(RELATIONSHIPS)
    where = places(pairs)
    arriving = sparse.csr_array(
        (np.ones(len(pairs)), (where.of_candidate, np.arange(len(pairs)))), shape=(len(where.value), len(pairs))
    )
    random = np.random.default_rng(seed)
    at_once = max(1, min(resamples, _AT_ONCE // max(size, people, 1)))
    done = 0
    while done < resamples:
        now = min(at_once, resamples - done)
        drawn = random.multinomial(participants or people, np.full(people, 1 / people), size=now)
        counted = np.zeros((now, size), dtype=np.int64)
        counted[:, used] = (answers @ drawn.T).T
        again = recounted(pairs, counted.reshape(now, len(found.first), 2, len(RELATIONSHIPS)))
        kept = passes(again, thresholds, _published_entropy(again) if published else entropy(again))
        likelihoods = likelihood(again)
        wisdom = (arriving @ np.where(kept, likelihoods, 0.0).T).T
        ranks = _ranks(where, likelihoods, kept) if with_page_rank else None
        yield Resampled(kept, wisdom, ranks)
        done += now


def _published_entropy(pairs: PairTable) -> Floats:
    # Equal to `aggregate.published_entropy` but for the last bits, which decide nothing here.
    columns = (pairs.wiser, pairs.not_wiser, pairs.less_wise, pairs.unsure, pairs.impressions)
    return entropy_of(np.stack(columns))


def _ranks(where: Places, likelihoods: Floats, kept: NDArray[np.bool_]) -> Floats:
    ranks = np.zeros((len(kept), len(where.value)))
    for start, end in where.spans():
        here = np.flatnonzero((where.of_source >= start) & (where.of_source < end))
        source, wiser = where.of_source[here] - start, where.of_candidate[here] - start
        ranks[:, start:end] = page_ranks(likelihoods[:, here], kept[:, here], source, wiser, end - start)
    return ranks


class Bootstrap(NamedTuple):
    """What the resamples say. Pairs are in the order of the pair table, places in that of `places`."""

    survival: Floats
    """Share of resamples in which each pair is kept."""
    wisdom_low: Floats
    """Percentile interval of wisdom, per place."""
    wisdom_high: Floats
    wins: Floats
    """Share of resamples in which each place has the highest wisdom of its context; ties share."""
    page_rank_wins: Floats
    similarity: float
    """Mean Jaccard index of the kept pairs with those of the whole sample, over all contexts."""


def bootstrap(
    table: JudgementTable,
    pairs: PairTable,
    kept: NDArray[np.bool_],
    thresholds: Thresholds,
    *,
    published: bool,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    progress: Progress | None = None,
) -> Bootstrap:
    """Resample the participants ``resamples`` times. ``kept`` are the pairs that the whole sample keeps."""
    where = places(pairs)
    survived, wins, rank_wins = np.zeros(len(pairs)), np.zeros(len(where.value)), np.zeros(len(where.value))
    wisdoms, similar, done = np.empty((resamples, len(where.value))), 0.0, 0
    for batch in resample(table, pairs, thresholds, published=published, resamples=resamples, seed=seed):
        survived += batch.kept.sum(axis=0)
        wins += winners(batch.wisdom, where).sum(axis=0)
        assert batch.page_rank is not None
        rank_wins += winners(batch.page_rank, where).sum(axis=0)
        wisdoms[done : done + len(batch.wisdom)] = batch.wisdom
        done += len(batch.wisdom)
        similar += float(jaccard(batch.kept, kept).sum())
        if progress is not None:
            progress(len(batch.kept))
    low, high = np.quantile(wisdoms, [0.5 - level / 2, 0.5 + level / 2], axis=0, overwrite_input=True)
    return Bootstrap(survived / resamples, low, high, wins / resamples, rank_wins / resamples, similar / resamples)


def winners(scores: Floats, where: Places) -> Floats:
    """Who has the highest score of each context, per resample; ties share, and a score of 0 does not win.

    Shapes (resamples, places).
    """
    won = np.zeros_like(scores)
    for start, end in where.spans():
        here = scores[:, start:end]
        best = here.max(axis=1, keepdims=True)
        top = (here >= best - 1e-12) & (here > 1e-12)
        won[:, start:end] = top / np.maximum(top.sum(axis=1, keepdims=True), 1)
    return won


def jaccard(kept: NDArray[np.bool_], reference: NDArray[np.bool_]) -> Floats:
    """Jaccard index of each row with the reference, in [0, 1]; 1 where both are empty."""
    union = (kept | reference).sum(axis=-1)
    return np.where(union == 0, 1.0, (kept & reference).sum(axis=-1) / np.maximum(union, 1))


class ConvergencePoint(NamedTuple):
    """How sure one context's winner would be with more or fewer people."""

    context: int
    """Code, or -1 where contexts are pooled."""
    participants: int
    judgements: int
    """Judgements to be expected in this context from so many participants."""
    winner: int
    """Code of the value that wins most often at this size."""
    probability: float
    """Share of resamples that it wins."""


def convergence(
    table: JudgementTable,
    pairs: PairTable,
    thresholds: Thresholds,
    *,
    published: bool,
    multiples: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0),
    resamples: int = 200,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[ConvergencePoint]:
    """The probability of each context's most frequent winner, for samples of other sizes.

    Sizes above 1 assume that further people answer as those so far: they say how many are needed for chance to stop
    deciding, not that the people so far are the right ones.
    """
    where = places(pairs)
    people = len(np.unique(table.participant))
    per_context = np.bincount(table.context)
    points = []
    for multiple in multiples:
        size = max(1, round(multiple * people))
        won = np.zeros(len(where.value))
        for batch in resample(
            table,
            pairs,
            thresholds,
            published=published,
            resamples=resamples,
            seed=seed,
            participants=size,
            with_page_rank=False,
        ):
            won += winners(batch.wisdom, where).sum(axis=0)
            if progress is not None:
                progress(len(batch.kept))
        for start, end in where.spans():
            best = start + int(np.argmax(won[start:end]))
            context = int(where.context[start])
            heard = len(table) if context == -1 else int(per_context[context])
            points.append(
                ConvergencePoint(
                    context,
                    size,
                    round(heard * size / people),
                    int(where.value[best]),
                    float(won[best] / resamples),
                )
            )
    return points


def further_judgements(points: list[ConvergencePoint], context: int, heard: int, target: float = 0.95) -> int | None:
    """How many more judgements make the winner of a context stable: 0 if it is, None if the curve does not say.

    ``heard`` is the number so far. The curve is read between its points on a straight line.
    """
    curve = sorted((point for point in points if point.context == context), key=lambda point: point.judgements)
    unstable = [index for index, point in enumerate(curve) if point.probability < target]
    if not unstable:
        return 0
    last = unstable[-1]
    if last + 1 == len(curve):
        return None
    before, after = curve[last], curve[last + 1]
    part = (target - before.probability) / max(after.probability - before.probability, 1e-12)
    needed = before.judgements + part * (after.judgements - before.judgements)
    return max(0, int(np.ceil(needed)) - heard)
