"""Hold runs against each other: finished runs in, a :class:`Comparison` out. Asks no model and prints nothing.

Every difference is paired: the same questions, the same peoples, the same floors on both sides, and resamples that
draw them for both at once. Two intervals that overlap do not mean that nothing changed; the interval of the difference
says it.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pluralign import __version__
from pluralign.core.distribution import Distribution
from pluralign.core.errors import UsageError
from pluralign.core.survey import Survey
from pluralign.metrics.baselines import SENTENCES, BaselineTable, baseline_table, shares_of
from pluralign.metrics.distances import Array, entropies, matches
from pluralign.metrics.multiple import false_discovery_rates
from pluralign.metrics.scales import Distances, Scales, all_distances
from pluralign.poll import between
from pluralign.poll.between_traits import trait_changes
from pluralign.poll.cells import LABELS
from pluralign.poll.comparison import (
    MEASURES,
    Change,
    Comparison,
    Difference,
    MeasureName,
    Pair,
    PeopleChange,
    Steering,
    TraitChange,
    VoiceChange,
    Worst,
)
from pluralign.poll.finished import Finished
from pluralign.poll.joint import Joint, join
from pluralign.poll.provenance import labels, notes
from pluralign.poll.records import now
from pluralign.poll.resampled import (
    Defined,
    Draws,
    Statistic,
    changes,
    draw,
    mean,
    mean_overall,
    ratio,
    ratio_overall,
    skill,
    skill_overall,
)
from pluralign.poll.scores import DISTANCES, DistanceName, Mark
from pluralign.voices.way import label_of, summary_of

RESAMPLES = 2000
"""More than a report's: a p-value is never below 2 / (resamples + 1), and correcting for many needs small ones."""


def compare_runs(runs: Sequence[Finished], *, seed: int = 0, resamples: int = RESAMPLES) -> Comparison:
    """Hold the first run against each of the others.

    Equal runs give equal numbers but for the date. Raises :class:`UsageError` for fewer than two runs and where they
    have no question, no people or no voice in common.
    """
    if len(runs) < 2:
        raise UsageError("comparing needs at least two runs: name the folder of the one before, then of the one after")
    joint = join(runs)
    survey = joint.survey
    scales = Scales.of(survey.questions)
    field = _Field(
        joint,
        scales,
        "wasserstein" if scales.ordered.any() else "total_variation",
        {one.id: _baselines(joint, one.id, seed) for one in survey.collectives},
        draw([question.topic for question in survey.questions], seed=seed, resamples=resamples),
    )
    return Comparison(
        created=now(),
        version=__version__,
        runs=labels(runs),
        survey=survey.name,
        survey_title=survey.title or survey.name,
        citation=survey.citation,
        licence=survey.licence,
        survey_notes=survey.notes,
        collectives=survey.collectives,
        headline=field.headline,
        questions=len(survey.questions),
        ordered=int(scales.ordered.sum()),
        topics=len(survey.topics),
        resamples=resamples,
        seed=seed,
        pairs=tuple(_pair(field, runs, at) for at in range(1, len(runs))),
        left_out=joint.left_out,
    )


class _Field(NamedTuple):
    """What all numbers of a comparison share."""

    joint: Joint
    scales: Scales
    headline: DistanceName
    tables: dict[str, BaselineTable]
    """People -> floors and ceilings, on the questions they answered."""
    draws: Draws


def _baselines(joint: Joint, people: str, seed: int) -> BaselineTable:
    references = joint.survey.references
    others = {key: value for key, value in references.items() if key != people}
    return baseline_table(joint.survey.questions, references[people], others, seed=seed)


# --- two runs -------------------------------------------------------------------------------------------------------


def _pair(field: _Field, runs: Sequence[Finished], after: int) -> Pair:
    two = (runs[0], runs[after])
    answers = {voice: _answers(field, two, voice, peoples) for voice, peoples in field.joint.peoples.items()}
    answers = {voice: one for voice, one in answers.items() if one.peoples}
    if not answers:
        raise UsageError(
            f"nothing can be compared: no question was answered by a voice in {str(two[0].folder)!r}, by the same "
            f"voice in {str(two[1].folder)!r} and by the people it is measured against"
        )
    voices = _corrected([_voice(field, two, voice, one) for voice, one in answers.items()])
    steering = [
        found
        for unsteered in voices
        for steered in voices
        if not unsteered.steered and steered.steered
        if (found := _steering(field, unsteered, steered, answers)) is not None
    ]
    same = all(np.array_equal(one.before, one.after, equal_nan=True) for one in answers.values())
    return Pair(
        before=0,
        after=after,
        voices=tuple(voices),
        steering=tuple(steering),
        same_answers=same,
        notes=notes(*two, silent=sum(one.silent for one in answers.values())),
    )


class _Answers(NamedTuple):
    """One voice in two runs, against each people. Arrays of shape (peoples, questions, width), NaN for no answer."""

    peoples: tuple[str, ...]
    before: Array
    after: Array
    truth: Array
    steered: bool

    @property
    def used(self) -> npt.NDArray[np.bool_]:
        """Where all three have an answer, shape (peoples, questions)."""
        return np.asarray(~np.isnan(np.stack([self.before, self.after, self.truth])).any(axis=(0, 3)))

    @property
    def silent(self) -> int:
        """How many answers of the people have nothing to be held against, before or after."""
        return int((~np.isnan(self.truth[:, :, 0]) & ~self.used).sum())


def _answers(field: _Field, two: tuple[Finished, Finished], voice: str, peoples: Sequence[str]) -> _Answers:
    """Peoples without a single question that all three answered are left out."""
    survey, width = field.joint.survey, field.scales.width

    def stacked(source: Mapping[str, Mapping[str, Distribution]], unsteered: bool) -> Array:
        return np.stack([shares_of(survey.questions, source["" if unsteered else people], width) for people in peoples])

    named = ["" not in one.said[voice] for one in two]
    sides = [stacked(one.said[voice], not steered) for one, steered in zip(two, named, strict=True)]
    found = _Answers(tuple(peoples), sides[0], sides[1], stacked(survey.references, False), all(named))
    kept = np.asarray(found.used.any(axis=1))
    return _Answers(
        tuple(one for one, some in zip(peoples, kept, strict=True) if some),
        found.before[kept],
        found.after[kept],
        found.truth[kept],
        found.steered,
    )


class _Grid(NamedTuple):
    """One side's measures per question and people: arrays of shape (questions, peoples), NaN where not used."""

    distances: Distances
    agreement: Array
    entropy: Array

    def of(self, name: DistanceName) -> Array:
        """A distance by name."""
        return {"wasserstein": self.distances.wasserstein, "js_distance": self.distances.js}.get(
            name, self.distances.tv
        )


def _grid(shares: Array, truth: Array, used: npt.NDArray[np.bool_], scales: Scales) -> _Grid:
    columns = [np.full(used.T.shape, np.nan) for _ in range(5)]
    for people, rows in enumerate(used):
        mine, theirs = shares[people][rows], truth[people][rows]
        found = (
            *all_distances(mine, theirs, scales.take(np.flatnonzero(rows))),
            matches(mine, theirs),
            entropies(mine),
        )
        for column, values in zip(columns, found, strict=True):
            column[rows, people] = values
    return _Grid(Distances(*columns[:3]), columns[3], columns[4])


def _floors(field: _Field, one: _Answers, name: str) -> Distances:
    """A floor or ceiling on the used questions, arrays of shape (questions, peoples)."""
    columns = [np.full(one.used.T.shape, np.nan) for _ in range(3)]
    place = {question.id: at for at, question in enumerate(field.joint.survey.questions)}
    for at, people in enumerate(one.peoples):
        table = field.tables[people]
        rows = [place[question] for question in table.question_ids]
        for column, values in zip(columns, table[name].distances, strict=True):
            column[rows, at] = np.where(one.used[at][rows], values, np.nan)
    return Distances(*columns)


def _voice(field: _Field, two: tuple[Finished, Finished], voice: str, one: _Answers) -> VoiceChange:
    used, scales, draws = one.used, field.scales, field.draws
    before, after = (_grid(side, one.truth, used, scales) for side in (one.before, one.after))
    floors = {name: _floors(field, one, name) for name in SENTENCES}
    people_entropy = _grid(one.truth, one.truth, used, scales).entropy
    marginal, noise = (_Grid(floors[name], before.agreement, before.entropy) for name in ("marginal", "noise"))

    def statistics(side: _Grid, *, overall: bool) -> dict[MeasureName, Statistic]:
        average, fraction, skilled = (mean_overall, ratio_overall, skill_overall) if overall else (mean, ratio, skill)
        found: dict[MeasureName, Statistic] = {name: average(side.of(name)) for name in DISTANCES}
        found["entropy_ratio"] = fraction(side.entropy, people_entropy)
        found["agreement"] = average(side.agreement)
        bars = (marginal.of(field.headline), noise.of(field.headline))
        found["skill"] = skilled(side.of(field.headline), *bars)
        return found

    each: dict[MeasureName, list[Change]] = {}
    overall: dict[MeasureName, Change] = {}
    columns = (statistics(before, overall=False), statistics(after, overall=False))
    whole = (statistics(before, overall=True), statistics(after, overall=True))
    for name in MEASURES:
        defined = _defined(name, before, field.headline)
        each[name] = changes(columns[0][name], columns[1][name], defined, draws)
        overall[name] = changes(whole[0][name], whole[1][name], _anywhere(defined), draws)[0]
    peoples = tuple(
        PeopleChange(
            collective=people,
            questions=int(used[at].sum()),
            measures={name: each[name][at] for name in MEASURES},
            marks=_marks({name: Distances(*(values[:, at] for values in floors[name])) for name in SENTENCES}),
            **_sample(field.joint.survey, people, used[at]),
        )
        for at, people in enumerate(one.peoples)
    )
    compared = [people.id for people in field.joint.survey.collectives]
    telling = one.steered and len(one.peoples) > 1
    return VoiceChange(
        voice=voice,
        label=label_of(voice),
        sentence=summary_of(voice),
        steered=one.steered,
        overall=overall,
        marks=_mean_marks([people.marks for people in peoples]),
        peoples=peoples,
        worst=_worst(field, peoples, columns, before),
        contrast=between.contrast(one.before, one.after, one.truth, scales, field.headline, draws) if telling else None,
        confusion=between.confusion(
            one.before, one.after, one.peoples, _truth(field), compared, scales, field.headline, draws
        )
        if one.steered
        else None,
        traits=_traits(field, two, voice, one),
    )


def _traits(field: _Field, two: tuple[Finished, Finished], voice: str, one: _Answers) -> tuple[TraitChange, ...]:
    spoken_for = one.peoples if one.steered else ("",)
    sides = [[run.said[voice].get(people, run.said[voice].get("", {})) for people in spoken_for] for run in two]
    return trait_changes(field.joint.survey, spoken_for, sides[0], sides[1], field.draws)


def _sample(survey: Survey, people: str, used: npt.NDArray[np.bool_]) -> dict[str, float | None]:
    """How many people are behind an answer, and what their weights cost."""
    kept = [survey.reference(people, one.id) for one, some in zip(survey.questions, used, strict=True) if some]
    sizes = [one.n for one in kept if one is not None and one.n is not None]
    effects = [one.design_effect for one in kept if one is not None and one.design_effect is not None]
    return {
        "people_n": float(np.mean(sizes)) if sizes else None,
        "design_effect": float(np.mean(effects)) if effects else None,
    }


def _defined(name: MeasureName, side: _Grid, headline: DistanceName) -> Defined:
    if name == "agreement" or name == "entropy_ratio":
        return ~np.isnan(side.agreement)
    distance = headline if name == "skill" else name
    return ~np.isnan(side.of(distance))


def _anywhere(defined: Defined) -> Defined:
    """Where a question can contribute to a number over all columns."""
    return np.asarray(defined.any(axis=1, keepdims=True))


def _truth(field: _Field) -> Array:
    survey = field.joint.survey
    rows = [shares_of(survey.questions, survey.references[one.id], field.scales.width) for one in survey.collectives]
    return np.stack(rows)


def _worst(
    field: _Field,
    peoples: Sequence[PeopleChange],
    statistics: tuple[dict[MeasureName, Statistic], dict[MeasureName, Statistic]],
    side: _Grid,
) -> Worst | None:
    """Least skill; where some people has none, the greatest headline distance.

    Who is worst is settled on all questions and then held: the worst of a resample is worse than the worst there is,
    the more so the more peoples there are, and an interval of it can miss the number it is about.
    """
    skills = [(one.measures["skill"].before.value, one.measures["skill"].after.value) for one in peoples]
    skilled = all(value is not None for both in skills for value in both)
    name: MeasureName = "skill" if skilled else field.headline
    known = [at for at, one in enumerate(peoples) if one.measures[name].before.value is not None]
    if len(known) < 2:
        return None
    sign = 1 if skilled else -1
    before = min(known, key=lambda at: sign * (peoples[at].measures[name].before.value or 0.0))
    after = min(known, key=lambda at: sign * (peoples[at].measures[name].after.value or 0.0))
    change = changes(
        lambda counts: statistics[0][name](counts)[:, [before]],
        lambda counts: statistics[1][name](counts)[:, [after]],
        _anywhere(_defined(name, side, field.headline)[:, [before, after]]),
        field.draws,
    )[0]
    return Worst(
        by="skill" if skilled else "distance",
        before=peoples[before].collective,
        after=peoples[after].collective,
        change=change,
    )


def _steering(
    field: _Field, unsteered: VoiceChange, steered: VoiceChange, answers: Mapping[str, _Answers]
) -> Steering | None:
    """On the peoples and questions that both voices answered in both runs."""
    plain, told = answers[unsteered.voice], answers[steered.voice]
    peoples = [one for one in told.peoples if one in plain.peoples]
    rows = [[one.peoples.index(people) for people in peoples] for one in (plain, told)]
    used = plain.used[rows[0]] & told.used[rows[1]]
    if not used.any():
        return None
    gaps = []
    for moment in ("before", "after"):
        sides = [
            between.headline_distances(
                (one.before if moment == "before" else one.after)[kept], one.truth[kept], field.scales, field.headline
            )
            for one, kept in zip((plain, told), rows, strict=True)
        ]
        gaps.append(np.where(used, sides[0] - sides[1], np.nan).T)
    defined = _anywhere(~np.isnan(gaps[0]))
    if not defined.any():
        return None
    gap = changes(mean_overall(gaps[0]), mean_overall(gaps[1]), defined, field.draws)[0]
    return Steering(unsteered=unsteered.voice, steered=steered.voice, peoples=len(peoples), gap=gap)


def _corrected(voices: Sequence[VoiceChange]) -> list[VoiceChange]:
    """The same with every people's p-values corrected for their number, measure by measure.

    The family is all peoples of all voices of two runs: that is the list a reader looks through for differences.
    """
    rates: dict[tuple[MeasureName, bool], list[float]] = {}
    for name in MEASURES:
        for by_topic in (False, True):
            p_values = [one.measures[name].spread(by_topic).p for voice in voices for one in voice.peoples]
            known = np.array([np.nan if p is None else p for p in p_values])
            rates[name, by_topic] = false_discovery_rates(known).tolist()
    place = iter(range(sum(len(voice.peoples) for voice in voices)))

    def corrected(difference: Difference, rate: float) -> Difference:
        return difference.model_copy(update={"p_adjusted": None if np.isnan(rate) else rate})

    found = []
    for voice in voices:
        peoples = []
        for one in voice.peoples:
            at = next(place)
            measures = {
                name: change.model_copy(
                    update={
                        "difference": corrected(change.difference, rates[name, False][at]),
                        "by_topic": corrected(change.by_topic, rates[name, True][at]),
                    }
                )
                for name, change in one.measures.items()
            }
            peoples.append(one.model_copy(update={"measures": measures}))
        found.append(voice.model_copy(update={"peoples": tuple(peoples)}))
    return found


# --- floors and names ----------------------------------------------------------------------------------------


def _marks(floors: Mapping[str, Distances]) -> tuple[Mark, ...]:
    return tuple(
        Mark(
            name=name,
            label=LABELS[name],
            sentence=SENTENCES[name],
            kind="ceiling" if name == "noise" else "floor",
            distances={
                "wasserstein": _mean(values.wasserstein),
                "js_distance": _mean(values.js),
                "total_variation": _mean(values.tv),
            },
        )
        for name, values in floors.items()
    )


def _mean_marks(each: Sequence[tuple[Mark, ...]]) -> tuple[Mark, ...]:
    """Over peoples; undefined where one of them has no number: a mean over some would not be comparable."""
    found = []
    for same in zip(*each, strict=True):
        distances: dict[DistanceName, float | None] = {}
        for name in DISTANCES:
            values = [value for mark in same if (value := mark.distances[name]) is not None]
            distances[name] = float(np.mean(values)) if len(values) == len(same) else None
        found.append(same[0].model_copy(update={"distances": distances}))
    return tuple(found)


def _mean(values: Array) -> float | None:
    kept = values[~np.isnan(values)]
    return float(kept.mean()) if kept.size else None
