"""Floors and ceilings: what a number is worth is told by what knows nothing, and by what nothing can beat.

Floors are answers anybody could give without a model; the ceiling is the people themselves, asked again. Expected
distances of a sample from its own population are exact for Wasserstein and total variation (the mean absolute
deviation of a binomial, De Moivre 1730) and drawn for Jensen-Shannon. Knows no voice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from pluralign.core.distribution import Distribution, Obtained
from pluralign.core.errors import DistributionError
from pluralign.core.question import Question
from pluralign.metrics.cultural_alignment import alignment_terms
from pluralign.metrics.distances import Array, js_distances, pad
from pluralign.metrics.scales import Distances, Scales, all_distances

JS_DRAWS = 100
"""Resamples behind the Jensen-Shannon noise of one question; averaged over 259 questions its error is below 0.0005."""
RANDOM_RUNS = 300
"""Runs of uniformly random answers behind their expected alignment score."""


# --- floors as distributions ----------------------------------------------------------------------------------------


def uniform(question: Question) -> Distribution:
    """Every option equally likely."""
    count = len(question.options)
    return Distribution(probabilities=(1 / count,) * count, obtained=Obtained.DERIVED)


def middle_position(options: int, *, upper: bool = False) -> int:
    """0-based position of the middle option. An even number has two: the lower is the default here, everywhere."""
    return options // 2 if upper else (options - 1) // 2


def middle(question: Question, *, upper: bool = False) -> Distribution:
    """Always the middle option in the question's order; of two, the lower unless ``upper``."""
    count = len(question.options)
    chosen = middle_position(count, upper=upper)
    return Distribution(probabilities=tuple(float(at == chosen) for at in range(count)), obtained=Obtained.DERIVED)


def others_mean(shares: Array) -> Array:
    """Mean of populations, each with the same weight whatever its size.

    ``shares``: shape (populations, questions, width), NaN where a population was not asked; gives (questions, width),
    NaN where none was.
    """
    return _weighted_mean(shares, np.ones(shares.shape[:2]))


def whole_sample(shares: Array, sizes: Array) -> Array:
    """All respondents together, each with the same weight: the whole-sample marginal.

    ``sizes``: number of respondents, shape (populations, questions). NaN on a question where the size of a population
    that was asked is not known.
    """
    unknown = np.any(np.isnan(sizes) & ~np.isnan(shares[..., 0]), axis=0)
    return np.where(np.expand_dims(unknown, 1), np.nan, _weighted_mean(shares, np.nan_to_num(sizes)))


def _weighted_mean(shares: Array, weights: Array) -> Array:
    weights = weights * ~np.isnan(shares[..., 0])
    with np.errstate(invalid="ignore"):
        return np.asarray(np.einsum("pq,pqk->qk", weights, np.nan_to_num(shares)) / weights.sum(axis=0)[:, None])


# --- samples of the people themselves -------------------------------------------------------------------------------


def mean_absolute_deviation(n: Array, p: Array) -> Array:
    """E|X/n - p| for X binomial(n, p), exact; broadcasts. Falls as n grows, about as sqrt(2 p (1 - p) / (pi n))."""
    from scipy.special import gammaln

    n = np.asarray(n, dtype=np.float64)
    p = np.clip(p, 0.0, 1.0)
    inside = (p > 0) & (p < 1)
    safe = np.where(inside, p, 0.5)
    # De Moivre: E|X - np| = 2 m C(n, m) p^m (1 - p)^(n - m + 1) with m = floor(np) + 1.
    m = np.minimum(np.floor(n * safe) + 1, n)
    logs = gammaln(n + 1) - gammaln(m + 1) - gammaln(n - m + 1) + m * np.log(safe) + (n - m + 1) * np.log1p(-safe)
    return np.asarray(np.where(inside, 2 * m * np.exp(logs) / n, 0.0))


def sample_distances(people: Array, n: Array, scales: Scales) -> tuple[Array, Array]:
    """Expected Wasserstein and total variation between ``n`` random people and the population they come from.

    ``people``: shares of shape (questions, width); ``n``: whole numbers that broadcast against (..., questions).
    Wasserstein is NaN on questions without an order. Both are exact.
    """
    sizes = np.asarray(n, dtype=np.float64)[..., None]
    last = np.arange(scales.width) < scales.options[:, None] - 1
    gaps = mean_absolute_deviation(sizes, np.cumsum(people, axis=-1)) * last
    wasserstein = np.where(scales.ordered, gaps.sum(axis=-1) / (scales.options - 1), np.nan)
    return wasserstein, np.asarray(mean_absolute_deviation(sizes, people).sum(axis=-1) / 2)


def sampling_noise(people: Array, n: Array, scales: Scales, *, seed: int, draws: int = JS_DRAWS) -> Distances:
    """Expected distances between a fresh sample of the same ``n`` people and their shares; NaN where ``n`` is NaN.

    Wasserstein and total variation are exact; Jensen-Shannon is the mean of ``draws`` multinomial resamples.
    """
    known = np.flatnonzero(~np.isnan(n))
    result = Distances(*(np.full(len(n), np.nan) for _ in range(3)))
    if known.size:
        sizes = np.maximum(np.rint(n[known]), 1)
        result.wasserstein[known], result.tv[known] = sample_distances(people[known], sizes, scales.take(known))
        generator = np.random.default_rng([seed, draws])
        counts = generator.multinomial(sizes.astype(np.int64), people[known], size=(draws, len(known)))
        result.js[known] = js_distances(counts / sizes[:, None], people[known]).mean(axis=0)
    return result


# --- all of them for one population ---------------------------------------------------------------------------------


class Alignments(NamedTuple):
    """What a baseline reaches on the Cultural Alignment Score; ``None`` where it is not defined."""

    published: float | None
    normalised: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """One floor or ceiling on every question."""

    name: str
    kind: Literal["floor", "ceiling"]
    sentence: str
    """What it knows, in one plain sentence."""
    distances: Distances
    """Its distances to the people."""
    answers: npt.NDArray[np.int64] | None
    """Its most likely option on every question, -1 where undefined; ``None`` for what has no single answer."""


SENTENCES = {
    "uniform": "Every option equally likely: knows nothing of the question or of the people.",
    "middle": "Always the middle option (the lower of two): knows only how many options there are.",
    "others": "The average of the other populations: knows what people elsewhere answer, nothing of these people.",
    "marginal": "All respondents together, these people among them: knows everyone, tells nobody apart.",
    "noise": "As many people of the same population asked afresh: nothing below this can be told from the real thing.",
}


@dataclass(frozen=True, slots=True, eq=False)
class BaselineTable:
    """All floors and ceilings of one population on some questions."""

    question_ids: tuple[str, ...]
    scales: Scales
    people: Array
    """The people's shares, shape (questions, width)."""
    modes: npt.NDArray[np.int64]
    """The people's most frequent option, 0-based."""
    baselines: tuple[Baseline, ...]
    """uniform, middle, others, marginal, noise: in this order."""

    def __getitem__(self, name: str) -> Baseline:
        return next(baseline for baseline in self.baselines if baseline.name == name)

    def take(self, rows: npt.NDArray[np.int64]) -> "BaselineTable":
        """The same for some of the questions."""
        return BaselineTable(
            tuple(self.question_ids[row] for row in rows),
            self.scales.take(rows),
            self.people[rows],
            self.modes[rows],
            tuple(
                Baseline(
                    one.name,
                    one.kind,
                    one.sentence,
                    one.distances.take(rows),
                    None if one.answers is None else one.answers[rows],
                )
                for one in self.baselines
            ),
        )


def baseline_table(
    questions: Sequence[Question],
    people: Mapping[str, Distribution],
    others: Mapping[str, Mapping[str, Distribution]],
    *,
    seed: int,
) -> BaselineTable:
    """Floors and ceilings of one population on those of the questions that it answered.

    ``others``: every other population of the survey, without this one, by id and question id. The mean of the others
    is undefined on a question nobody else answered; the marginal and the noise where an ``n`` is not known.
    """
    questions = [question for question in questions if question.id in people]
    scales = Scales.of(questions)
    truth = shares_of(questions, people, scales.width)
    elsewhere = [shares_of(questions, other, scales.width) for other in others.values()]
    everyone = np.stack([*elsewhere, truth])
    sizes = np.stack([sizes_of(questions, population) for population in (*others.values(), people)])
    floors = {
        "uniform": pad([uniform(question) for question in questions], scales.width),
        "middle": pad([middle(question) for question in questions], scales.width),
        "others": others_mean(everyone[:-1]),
        "marginal": whole_sample(everyone, sizes),
    }
    baselines = [_floor(name, shares, truth, scales) for name, shares in floors.items()]
    noise = sampling_noise(truth, sizes[-1], scales, seed=seed)
    baselines.append(Baseline("noise", "ceiling", SENTENCES["noise"], noise, None))
    modes = np.array([people[question.id].mode for question in questions], dtype=np.int64)
    return BaselineTable(tuple(question.id for question in questions), scales, truth, modes, tuple(baselines))


def shares_of(questions: Sequence[Question], answers: Mapping[str, Distribution], width: int) -> Array:
    """One row of shares per question, shape (questions, width), NaN where there is no answer.

    Raises :class:`DistributionError` where an answer does not fit its question.
    """
    rows = np.full((len(questions), width), np.nan)
    found: list[Distribution] = []
    at: list[int] = []
    for row, question in enumerate(questions):
        answer = answers.get(question.id)
        if answer is not None:
            if len(answer.probabilities) != len(question.options):
                raise DistributionError(f"{question.id} has {len(question.options)} options and {len(answer)} shares")
            found.append(answer)
            at.append(row)
    if at:
        rows[at] = pad(found, width)
    return rows


def sizes_of(questions: Sequence[Question], answers: Mapping[str, Distribution]) -> Array:
    """Number of people behind each answer, shape (questions,), NaN where it is not known."""
    found = [answers.get(question.id) for question in questions]
    return np.array([np.nan if one is None or one.n is None else one.n for one in found], dtype=np.float64)


def _floor(name: str, shares: Array, truth: Array, scales: Scales) -> Baseline:
    defined = ~np.isnan(shares).any(axis=1)
    answers = np.where(defined, np.argmax(np.nan_to_num(shares), axis=1), -1)
    # A uniform answerer has no most likely option; its score is that of random answers.
    return Baseline(
        name, "floor", SENTENCES[name], all_distances(shares, truth, scales), None if name == "uniform" else answers
    )


def baseline_alignment(table: BaselineTable, baseline: Baseline, *, seed: int, runs: int = RANDOM_RUNS) -> Alignments:
    """The baseline's Cultural Alignment Score on all questions of the table.

    Of a uniform answerer: the mean score of ``runs`` runs of random answers. Of the people asked afresh: undefined.
    """
    if baseline.kind == "ceiling" or not len(table.question_ids):
        return Alignments(None, None)
    answers = baseline.answers
    if answers is None:
        generator = np.random.default_rng([seed, runs])
        answers = generator.integers(0, table.scales.options, size=(runs, len(table.question_ids)))
    scores = []
    for published in (True, False):
        score = alignment_terms(table.scales, answers, table.modes, published=published).score()
        scores.append(float(np.mean(score)) if np.isfinite(score).all() else None)
    return Alignments(*scores)
