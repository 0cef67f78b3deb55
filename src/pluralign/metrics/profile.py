"""All measures of one voice against one population: what the poll room stores and the report shows.

Puts the other modules of this room together. Knows neither who the voice is nor who the people are.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np

from pluralign.core.distribution import Distribution
from pluralign.core.ids import finite_or_none
from pluralign.core.question import Question
from pluralign.metrics.baselines import BaselineTable, baseline_alignment, baseline_table, shares_of
from pluralign.metrics.cultural_alignment import AlignmentTerms, alignment_terms
from pluralign.metrics.distances import Array, entropies, matches
from pluralign.metrics.scales import Distances, all_distances
from pluralign.metrics.shuffled import shuffled_distances
from pluralign.metrics.skill import Worth, sample_curves, skill, skills, worth_n, worths
from pluralign.metrics.uncertainty import UNDEFINED, Bootstrap, Estimate, bootstrap, weighted_mean

Headline = Literal["wasserstein", "tv"]
"""Wasserstein where any question has an order, else total variation."""


class Silence(NamedTuple):
    """A question the voice was asked and gave no option to at all; the two sum to one."""

    refused: float
    unreadable: float


@dataclass(frozen=True, slots=True)
class Counts:
    """How many questions everything rests on. ``asked = used + unanswered + without_reference``."""

    asked: int
    used: int
    """Voice and people both answered."""
    ordered: int
    """Of the used: those with an order, which Wasserstein is over."""
    nominal: int
    """Of the used: those without."""
    unanswered: int
    """The voice named no option at all."""
    without_reference: int
    """The voice answered, the people were not asked."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A floor or ceiling on the axis of each measure; means over the used questions where it is defined."""

    name: str
    kind: Literal["floor", "ceiling"]
    sentence: str
    """What it knows, in one plain sentence."""
    wasserstein: float | None
    js: float | None
    tv: float | None
    alignment_published: float | None
    alignment_normalised: float | None
    questions: int
    """On how many of the used questions it is defined."""


@dataclass(frozen=True, slots=True)
class Row:
    """One question that both answered."""

    question_id: str
    topic: str
    options: int
    ordered: bool
    wasserstein: float | None
    """``None`` without an order."""
    js: float
    tv: float
    match: float
    """Share of the voice's most likely options that are the people's; 1 or 0 but for ties."""
    voice_entropy: float
    """Nats."""
    people_entropy: float
    refused: float
    """Share of the voice's answers that declined."""
    unreadable: float
    people_missing: float
    """Share of the people without a valid answer."""


@dataclass(frozen=True, slots=True)
class WorthEstimate:
    """How many random people of the group the voice is worth, with its interval."""

    value: Worth
    low: float | None
    """Cut off at the ends of the curve, 1 and 10,000; ``None`` where there are too few questions."""
    high: float | None


@dataclass(frozen=True, slots=True)
class Profile:
    """One voice against one population. Distances: smaller is closer. Intervals: bootstrap over questions."""

    counts: Counts
    headline: Headline | None
    """The distance that skill and worth are on; ``None`` where nothing can be compared."""
    wasserstein: Estimate
    """Mean over ordered questions, in [0, 1]."""
    js: Estimate
    """Mean Jensen-Shannon distance, base 2, in [0, 1]."""
    tv: Estimate
    """Mean total variation, in [0, 1]."""
    match: Estimate
    """Share of questions whose most likely answer agrees."""
    entropy: Estimate
    """Mean entropy of the voice, nats."""
    people_entropy: Estimate
    """Mean entropy of the people on the same questions, nats."""
    entropy_ratio: Estimate
    """The first mean over the second; below 1: the voice is more of one mind than the people."""
    alignment_published: Estimate
    """Cultural Alignment Score of the most likely answers on raw option numbers, at most 1."""
    alignment_normalised: Estimate
    """The same with every question on its own scale."""
    shuffled_wasserstein: float | None
    """Expected mean distance with the voice's probabilities permuted; likewise the next two."""
    shuffled_js: float | None
    shuffled_tv: float | None
    shuffled_js_error: float | None
    """Standard error of ``shuffled_js`` from drawing permutations; 0 where all were visited."""
    skill: Estimate
    """0: no better than all respondents together; 1: a fresh sample of the people; on the headline distance."""
    skill_undefined: str
    """Why there is no skill; empty where there is."""
    worth: WorthEstimate | None
    """On the headline distance."""
    refused: float | None
    """Mean share of the voice's answers that declined, over all asked questions; likewise the next two."""
    unreadable: float | None
    captured: float | None
    """Mean share that was one of the options."""
    people_missing: float | None
    """Mean share of the people without a valid answer, over the used questions."""
    marks: tuple[Mark, ...]
    """uniform, middle, others, marginal (floors), noise (ceiling)."""
    rows: tuple[Row, ...]
    """One per used question, in the survey's order."""

    def mark(self, name: str) -> Mark:
        """The floor or ceiling of that name."""
        return next(mark for mark in self.marks if mark.name == name)

    def to_dict(self, *, rows: bool = True) -> dict[str, Any]:
        """Plain data for JSON: no NaN, no infinity; ``rows=False`` leaves the question table out."""
        fields: dict[str, Any] = _plain(self)
        if not rows:
            del fields["rows"]
        return fields


def profile(
    questions: Sequence[Question],
    voice: Mapping[str, Distribution],
    people: Mapping[str, Distribution],
    others: Mapping[str, Mapping[str, Distribution]],
    *,
    seed: int,
    resamples: int = 1000,
    unanswered: Mapping[str, Silence] = MappingProxyType({}),
    baselines: BaselineTable | None = None,
    by_topic: bool = False,
) -> Profile:
    """Compare one voice with one population, question by question.

    ``voice`` and ``people``: question id -> distribution. ``others``: every other population of the survey, without
    this one. ``unanswered``: questions the voice was asked and named no option to. ``baselines``: the population's
    :func:`~pluralign.metrics.baselines.baseline_table`, where several voices share it. ``by_topic``: draw whole topics
    in the bootstrap instead of questions. Equal arguments give equal results. Raises :class:`DistributionError` where
    a distribution does not fit its question.
    """
    used = [question for question in questions if question.id in voice and question.id in people]
    table = baseline_table(used, people, others, seed=seed) if baselines is None else baselines
    rows_of = {question_id: row for row, question_id in enumerate(table.question_ids)}
    table = table.take(np.array([rows_of[question.id] for question in used], dtype=np.int64))
    answers = [voice[question.id] for question in used]
    shares = shares_of(used, voice, table.scales.width)
    distances = all_distances(shares, table.people, table.scales)
    voice_entropy, people_entropy = entropies(shares), entropies(table.people)
    agreement = matches(shares, table.people) if used else np.zeros(0)
    topics = [question.topic for question in used] if by_topic else None
    draws = bootstrap(len(used), seed=seed, resamples=resamples, clusters=topics)
    modes = np.array([one.mode for one in answers], dtype=np.int64)
    alignment = [alignment_terms(table.scales, modes, table.modes, published=published) for published in (True, False)]
    shuffled = shuffled_distances(shares, table.people, table.scales.options, seed=seed)
    ordered = table.scales.ordered
    headline: Headline | None = None if not used else "wasserstein" if ordered.any() else "tv"
    skilled, reason = _skill(table, distances, headline, draws)
    asked = [question for question in questions if question.id in voice or question.id in unanswered]
    refused = [_silence(question.id, voice, unanswered).refused for question in asked]
    unreadable = [_silence(question.id, voice, unanswered).unreadable for question in asked]
    missing = [people[question.id].refused + people[question.id].unreadable for question in used]

    return Profile(
        counts=Counts(
            asked=len(asked),
            used=len(used),
            ordered=int(ordered.sum()),
            nominal=int((~ordered).sum()),
            unanswered=sum(question.id not in voice for question in asked),
            without_reference=sum(question.id in voice and question.id not in people for question in asked),
        ),
        headline=headline,
        wasserstein=draws.mean(distances.wasserstein),
        js=draws.mean(distances.js),
        tv=draws.mean(distances.tv),
        match=draws.mean(agreement),
        entropy=draws.mean(voice_entropy),
        people_entropy=draws.mean(people_entropy),
        entropy_ratio=draws.estimate(
            lambda counts: weighted_mean(counts, voice_entropy) / _positive(weighted_mean(counts, people_entropy))
        ),
        alignment_published=_alignment(alignment[0], draws),
        alignment_normalised=_alignment(alignment[1], draws),
        shuffled_wasserstein=_mean(shuffled.wasserstein[ordered]),
        shuffled_js=_mean(shuffled.js),
        shuffled_tv=_mean(shuffled.tv),
        # The same permutations serve all questions, so their errors add up rather than cancel: an upper bound.
        shuffled_js_error=_mean(shuffled.js_error),
        skill=skilled,
        skill_undefined=reason,
        worth=_worth(table, distances, headline, draws),
        refused=_mean(np.array(refused)),
        unreadable=_mean(np.array(unreadable)),
        captured=_mean(1 - np.array(refused) - np.array(unreadable)),
        people_missing=_mean(np.array(missing)),
        marks=_marks(table, seed),
        rows=tuple(
            Row(
                question_id=question.id,
                topic=question.topic,
                options=len(question.options),
                ordered=bool(ordered[at]),
                wasserstein=finite_or_none(float(distances.wasserstein[at])),
                js=float(distances.js[at]),
                tv=float(distances.tv[at]),
                match=float(agreement[at]),
                voice_entropy=float(voice_entropy[at]),
                people_entropy=float(people_entropy[at]),
                refused=answers[at].refused,
                unreadable=answers[at].unreadable,
                people_missing=missing[at],
            )
            for at, question in enumerate(used)
        ),
    )


def _skill(
    table: BaselineTable, distances: Distances, headline: Headline | None, draws: Bootstrap
) -> tuple[Estimate, str]:
    """Skill over the questions where voice, marginal and noise are all defined, and why there is none."""
    if headline is None:
        return UNDEFINED, skill(None, None, None).reason
    sides = np.stack([_on(headline, one) for one in (distances, table["marginal"].distances, table["noise"].distances)])
    sides[:, np.isnan(sides[1:]).any(axis=0)] = np.nan
    defined = ~np.isnan(sides[0])
    if not defined.any():
        return UNDEFINED, skill(1.0, None, None).reason
    whole = skill(*(_mean(side) for side in sides))
    if whole.value is None:
        return UNDEFINED, whole.reason
    return draws.estimate(lambda counts: skills(*(weighted_mean(counts, side) for side in sides)), defined), ""


def _worth(
    table: BaselineTable, distances: Distances, headline: Headline | None, draws: Bootstrap
) -> WorthEstimate | None:
    """Worth n over the questions the headline distance is over."""
    if headline is None:
        return None
    measured = _on(headline, distances)
    curves = sample_curves(table.people, table.scales)
    curve = curves.wasserstein if headline == "wasserstein" else curves.tv
    defined = ~np.isnan(measured)

    def people(counts: Array) -> Array:
        counts = counts[:, defined]
        return worths(weighted_mean(counts, measured[defined]), curves.sizes, weighted_mean(counts, curve[defined]))

    interval = draws.estimate(people, defined)
    value = worth_n(float(measured[defined].mean()), curves.sizes, curve[defined].mean(axis=0))
    return WorthEstimate(value, interval.low, interval.high)


def _alignment(terms: AlignmentTerms, draws: Bootstrap) -> Estimate:
    return draws.estimate(terms.score)


def _marks(table: BaselineTable, seed: int) -> tuple[Mark, ...]:
    marks = []
    for one in table.baselines:
        alignment = baseline_alignment(table, one, seed=seed)
        marks.append(
            Mark(
                name=one.name,
                kind=one.kind,
                sentence=one.sentence,
                wasserstein=_mean(one.distances.wasserstein),
                js=_mean(one.distances.js),
                tv=_mean(one.distances.tv),
                alignment_published=alignment.published,
                alignment_normalised=alignment.normalised,
                questions=int((~np.isnan(one.distances.tv)).sum()),
            )
        )
    return tuple(marks)


def _on(headline: Headline, distances: Distances) -> Array:
    return distances.wasserstein if headline == "wasserstein" else distances.tv


def _silence(question_id: str, voice: Mapping[str, Distribution], unanswered: Mapping[str, Silence]) -> Silence:
    answer = voice.get(question_id)
    return unanswered[question_id] if answer is None else Silence(answer.refused, answer.unreadable)


def _mean(values: Array) -> float | None:
    """Mean of what is not NaN; ``None`` of nothing."""
    kept = values[~np.isnan(values)]
    return float(kept.mean()) if kept.size else None


def _positive(values: Array) -> Array:
    return np.where(values > 0, values, np.nan)


def _plain(value: Any) -> Any:
    if isinstance(value, Worth):
        return {"people": finite_or_none(value.people), "relation": value.relation, "text": str(value)}
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return finite_or_none(value) if isinstance(value, float) else value
