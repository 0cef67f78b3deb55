"""Do two methods hear the same from the same voice? Convergent validity (Campbell and Fiske 1959). Asks nothing."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from pluralign.core.distribution import Obtained
from pluralign.core.question import Question
from pluralign.metrics.baselines import sample_distances
from pluralign.metrics.concordance import rank_correlations
from pluralign.metrics.distances import Array
from pluralign.metrics.scales import Scales, all_distances
from pluralign.metrics.shuffled import shuffled_distances
from pluralign.metrics.uncertainty import bootstrap, weighted_mean
from pluralign.poll.answerers import Answerer
from pluralign.poll.cells import measure
from pluralign.poll.scores import MethodAgreement
from pluralign.voices.panel import Asked

_DRAWN = (Obtained.SAMPLED, Obtained.FREE_TEXT)


def agreements(
    answerers: Sequence[Answerer], questions: Sequence[Question], seed: int, resamples: int
) -> Iterator[MethodAgreement]:
    """Every pair of methods of every way of speaking, on the same questions asked for the same peoples."""
    by_way: dict[str, list[Answerer]] = {}
    for one in answerers:
        if one.temperature == 1:  # a calibrated answer is the exact one, made softer
            by_way.setdefault(one.way.name, []).append(one)
    for ways in by_way.values():
        for first, second in combinations(ways, 2):
            yield _agreement(first, second, questions, seed, resamples)


def _agreement(
    first: Answerer, second: Answerer, questions: Sequence[Question], seed: int, resamples: int
) -> MethodAgreement:
    scales = Scales.of(questions)
    columns: dict[str, list[Array]] = {name: [] for name in ("tv", "wasserstein", "rank", "sampling", "shuffled")}
    pairs = 0
    for voice in first.voices:
        (p, p_n), (q, q_n) = (_shares(one, voice, questions, scales.width) for one in (first, second))
        both = np.flatnonzero(~(np.isnan(p[:, 0]) | np.isnan(q[:, 0])))
        pairs += len(both)
        rows = {name: np.full(len(questions), np.nan) for name in columns}
        if len(both):
            some, distances = scales.take(both), all_distances(p[both], q[both], scales.take(both))
            rows["tv"][both], rows["wasserstein"][both] = distances.tv, distances.wasserstein
            rows["rank"][both] = rank_correlations(p[both], q[both], some.options)
            rows["shuffled"][both] = shuffled_distances(p[both], q[both], some.options).tv
            rows["sampling"][both] = _by_sampling(p[both], p_n[both], q[both], q_n[both], some)
        for name, values in rows.items():
            columns[name].append(values)
    # Every people counts alike within a question, and every question alike.
    alike = np.ones((1, len(first.voices)))
    means = {name: weighted_mean(alike, np.stack(values))[0] for name, values in columns.items()}
    draws = bootstrap(len(questions), seed=seed, resamples=resamples)
    return MethodAgreement(
        voice=first.way.name,
        label=first.way.label,
        first=first.method,
        second=second.method,
        questions=int((~np.isnan(means["tv"])).sum()),
        pairs=pairs,
        total_variation=measure(draws.mean(means["tv"])),
        wasserstein=measure(draws.mean(means["wasserstein"])),
        rank_correlation=measure(draws.mean(means["rank"])),
        by_sampling=_overall(means["sampling"]),
        shuffled=_overall(means["shuffled"]),
    )


def _shares(one: Answerer, voice: Asked, questions: Sequence[Question], width: int) -> tuple[Array, Array]:
    """Shares, shape (questions, width), NaN where there is no answer; and the replies drawn, NaN where none were."""
    heard = one.heard[voice.id]
    shares, n = np.full((len(questions), width), np.nan), np.full(len(questions), np.nan)
    for row, question in enumerate(questions):
        said = heard.get(question.id)
        if said is None or said.shares is None:
            continue
        shares[row] = 0
        shares[row, : len(said.shares)] = said.shares
        if said.obtained in _DRAWN and said.n is not None:
            n[row] = said.n
    return shares, n


def _by_sampling(p: Array, p_n: Array, q: Array, q_n: Array, scales: Scales) -> Array:
    """Total variation that so few replies would be off by, were the other side the truth; NaN without replies."""
    found = np.full(len(p), np.nan)
    for truth, n, other in ((p, q_n, p_n), (q, p_n, q_n)):
        at = np.flatnonzero(~np.isnan(n) & np.isnan(other))
        if len(at):
            found[at] = sample_distances(truth[at], np.maximum(np.rint(n[at]), 1), scales.take(at))[1]
    return found


def _overall(values: Array) -> float | None:
    return None if np.isnan(values).all() else float(np.nanmean(values))
