"""One voice held against one people: every measure, floor and ceiling. Knows neither page nor file."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pluralign.core.collective import Collective
from pluralign.core.distribution import Distribution, Obtained
from pluralign.core.survey import Survey
from pluralign.metrics.baselines import BaselineTable, baseline_table
from pluralign.metrics.distances import Array
from pluralign.metrics.profile import Mark as ProfileMark
from pluralign.metrics.profile import Profile, Silence, profile
from pluralign.metrics.skill import skills
from pluralign.metrics.uncertainty import Estimate, bootstrap, weighted_mean
from pluralign.poll.answerers import Answerer
from pluralign.poll.heard import Heard
from pluralign.poll.resampled import difference
from pluralign.poll.scores import Cell, Difference, DistanceName, Mark, Measure

LABELS = {
    "uniform": "coin toss",
    "middle": "always the middle",
    "others": "mean of the others",
    "marginal": "everyone together",
    "noise": "the people themselves",
}
"""What readers see for each floor and ceiling."""


class Measured(NamedTuple):
    """One voice against one people, with the question table behind it."""

    cell: Cell
    profile: Profile
    table: BaselineTable


def baselines(survey: Survey, people: Collective, seed: int) -> BaselineTable:
    """Floors and ceilings of one people, shared by all voices held against it."""
    others = {key: value for key, value in survey.references.items() if key != people.id}
    return baseline_table(survey.questions, survey.references[people.id], others, seed=seed)


def measured(
    answerer: Answerer,
    heard: Mapping[str, Heard],
    said: Mapping[str, Distribution | None],
    survey: Survey,
    people: Collective,
    table: BaselineTable,
    seed: int,
    resamples: int,
) -> Measured:
    """Every measure of what was heard from one voice against one people.

    ``heard``: question id -> answers; ``said``: the same as distributions.
    """
    answered = {key: one for key, one in said.items() if one is not None}
    silent = {
        key: Silence(refused=heard[key].mean_refused, unreadable=1 - heard[key].mean_refused)
        for key, one in said.items()
        if one is None
    }
    result = profile(
        survey.questions,
        answered,
        survey.references[people.id],
        {},
        seed=seed,
        resamples=resamples,
        unanswered=silent,
        baselines=table,
    )
    effects = [one.order_effect for key, one in heard.items() if key in answered and one.order_effect is not None]
    headline: DistanceName = "total_variation" if result.headline == "tv" else "wasserstein"
    worth = result.worth
    cell = Cell(
        voice=answerer.name,
        collective=people.id,
        method=answerer.method,
        headline=headline,
        distances={
            "wasserstein": measure(result.wasserstein),
            "js_distance": measure(result.js),
            "total_variation": measure(result.tv),
        },
        shuffled={
            "wasserstein": result.shuffled_wasserstein,
            "js_distance": result.shuffled_js,
            "total_variation": result.shuffled_tv,
        },
        entropy=measure(result.entropy),
        people_entropy=result.people_entropy.value,
        entropy_ratio=measure(result.entropy_ratio),
        agreement=measure(result.match),
        alignment_published=result.alignment_published.value,
        alignment=measure(result.alignment_normalised),
        skill=measure(result.skill),
        skill_over_uniform=_over_uniform(result, table, headline, seed, resamples),
        skill_note=result.skill_undefined,
        worth_people=None if worth is None else worth.value.people,
        worth_text="undefined" if worth is None else in_words(str(worth.value)),
        marks=tuple(_mark(one) for one in result.marks),
        questions=result.counts.used,
        ordered=result.counts.ordered,
        nominal=result.counts.nominal,
        without_reference=result.counts.without_reference,
        unanswerable=result.counts.unanswered,
        captured=result.captured or 0.0,
        refused=float(np.mean([one.mean_refused for one in heard.values()])) if heard else 0.0,
        replies=_mean_replies(heard),
        lowest_captured=min((one.mean_captured for one in heard.values()), default=0.0),
        people_missing=result.people_missing or 0.0,
        order_effect=float(np.mean(effects)) if effects else None,
        over_average=None if result.skill_undefined else _over_average(result, table, headline, seed, resamples),
        **_sample(survey, people, result),
    )
    return Measured(cell, result, table)


def _over_average(
    result: Profile, table: BaselineTable, headline: DistanceName, seed: int, resamples: int
) -> Difference:
    gaps = mark_values(table, result, "marginal", headline) - headline_values(result, headline)
    return difference(gaps, bootstrap(len(gaps), seed=seed, resamples=resamples))


def _sample(survey: Survey, people: Collective, result: Profile) -> dict[str, float | None]:
    """How many people are behind an answer, and what their weights cost; means over the questions that were used."""
    references = [survey.references[people.id][row.question_id] for row in result.rows]

    def mean(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return float(np.mean(known)) if known else None

    return {
        "people_n": mean([one.n for one in references]),
        "respondents": mean([one.respondents for one in references]),
        "design_effect": mean([one.design_effect for one in references]),
    }


def _mean_replies(heard: Mapping[str, Heard]) -> float | None:
    """Mean number of readable replies to a question, those without any included; ``None`` if none were drawn."""
    if not any(one.obtained in (Obtained.SAMPLED, Obtained.FREE_TEXT) for one in heard.values()):
        return None
    return float(np.mean([one.n or 0.0 for one in heard.values()]))


def measure(estimate: Estimate) -> Measure:
    """An estimate as it is written to disk."""
    return Measure(value=estimate.value, low=estimate.low, high=estimate.high)


def in_words(worth: str) -> str:
    """``<1`` as "fewer than 1", ``>10000`` as "more than 10,000"."""
    if worth[0] not in "<>":
        return worth
    return f"{'fewer' if worth[0] == '<' else 'more'} than {int(worth[1:]):,}"


def headline_values(result: Profile, headline: DistanceName) -> Array:
    """The headline distance of each used question; NaN where undefined."""
    values = [row.wasserstein if headline == "wasserstein" else row.tv for row in result.rows]
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def mark_values(table: BaselineTable, result: Profile, name: str, headline: DistanceName) -> Array:
    """The headline distance of a floor or ceiling on each used question; NaN where undefined."""
    distances = table[name].distances.take(table_rows(table, result))
    return distances.wasserstein if headline == "wasserstein" else distances.tv


def table_rows(table: BaselineTable, result: Profile) -> npt.NDArray[np.int64]:
    """Rows of the table that hold the used questions."""
    at = {question_id: row for row, question_id in enumerate(table.question_ids)}
    return np.array([at[row.question_id] for row in result.rows], dtype=np.int64)


def _over_uniform(result: Profile, table: BaselineTable, headline: DistanceName, seed: int, resamples: int) -> Measure:
    if not result.rows:
        return Measure(value=None)
    sides = np.stack(
        [
            headline_values(result, headline),
            mark_values(table, result, "uniform", headline),
            mark_values(table, result, "noise", headline),
        ]
    )
    sides[:, np.isnan(sides).any(axis=0)] = np.nan
    draws = bootstrap(sides.shape[1], seed=seed, resamples=resamples)
    return measure(
        draws.estimate(lambda counts: skills(*(weighted_mean(counts, side) for side in sides)), ~np.isnan(sides[0]))
    )


def _mark(mark: ProfileMark) -> Mark:
    return Mark(
        name=mark.name,
        label=LABELS.get(mark.name, mark.name),
        sentence=mark.sentence,
        kind=mark.kind,
        distances={"wasserstein": mark.wasserstein, "js_distance": mark.js, "total_variation": mark.tv},
    )
