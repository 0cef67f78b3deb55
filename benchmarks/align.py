"""What training changed: voices of finished polls against the best prompting voice and all floors, with intervals.

    python -m benchmarks.align RUN [RUN …]

``make align`` runs it at its end. The runs put the same questions to the same peoples, some by prompting, some by
adapters. Distances are Wasserstein over ordered questions, means over peoples and questions; intervals resample
questions, the same for all voices. A cut is 1 - distance / distance of the best prompting voice; beside it how much
closer than answering every option alike, question by question. A people's rank is its place among all peoples of the
survey, ordered by how close they are to the voice that speaks for it: 1 if the voice is closest to just them; a voice
that says the same for everybody is at the middle, 9.5 of 18, over all peoples.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pluralign.core.distribution import Distribution
from pluralign.engines.manifest import read_manifest
from pluralign.metrics.distances import Array, entropies, pad
from pluralign.metrics.scales import Scales, all_distances
from pluralign.metrics.uncertainty import Bootstrap, Estimate, bootstrap, weighted_mean
from pluralign.poll.cells import baselines
from pluralign.poll.finished import Finished, read_finished
from pluralign.voices.way import ADAPTER, label_of, way

RESAMPLES = 2000
FLOORS = {
    "uniform": "every option alike",
    "others": "mean of the other peoples",
    "marginal": "everyone together",
    "noise": "the people asked again",
}


class Row(NamedTuple):
    """One voice, or one floor."""

    label: str
    distances: Array
    """Per ordered question the mean over peoples."""
    entropy: Array
    people_entropy: Array
    apart: Array
    """Distance of the voice for each people it speaks for to each people of the survey, shape (spoken for, peoples,
    questions); empty for floors."""
    own: tuple[int, ...]
    """Place among the survey's peoples of those that are spoken for."""
    prompting: bool


def rows(runs: list[Finished]) -> list[Row]:
    """Voices in the order of the runs, then the floors."""
    first = runs[0]
    questions = [one for one in first.survey.questions if one.scale.ordered]
    scales = Scales.of(questions)
    ids = [one.id for one in questions]

    def shares(answers: dict[str, Distribution]) -> Array:
        return pad([answers[one] for one in ids], scales.width)

    peoples = {one: shares(dict(answers)) for one, answers in first.survey.references.items()}
    theirs = np.mean([entropies(peoples[one]) for one in first.peoples], axis=0)
    own = tuple(list(peoples).index(one) for one in first.peoples)
    found = []
    for run in runs:
        if [one.id for one in run.survey.questions] != [one.id for one in first.survey.questions]:
            sys.exit(f"{run.folder} asked other questions than {first.folder}")
        for voice, by_people in run.said.items():
            answered = {one: shares(by_people.get(one) or by_people[""]) for one in first.peoples}
            apart = np.array(
                [
                    [all_distances(answered[one], theirs_, scales).wasserstein for theirs_ in peoples.values()]
                    for one in first.peoples
                ]
            )
            found.append(
                Row(
                    label_of(voice),
                    np.mean([apart[at, place] for at, place in enumerate(own)], axis=0),
                    np.mean([entropies(answered[one]) for one in first.peoples], axis=0),
                    theirs,
                    apart,
                    own,
                    not voice.startswith(ADAPTER),
                )
            )
    tables = [baselines(first.survey, first.survey.collective(one), 0) for one in first.peoples]
    place = [at for at, one in enumerate(first.survey.questions) if one.scale.ordered]
    nothing = np.full(len(ids), np.nan)
    for name, label in FLOORS.items():
        values = np.mean([table[name].distances.wasserstein[place] for table in tables], axis=0)
        found.append(Row(label, values, nothing, theirs, np.zeros((0, 0, len(ids))), (), prompting=False))
    return found


def table(runs: list[Finished]) -> str:
    """A table in Markdown."""
    everything = rows(runs)
    draws = bootstrap(len(everything[0].distances), seed=0, resamples=RESAMPLES)
    prompting = [one for one in everything if one.prompting]
    best = min(prompting, key=lambda one: float(np.nanmean(one.distances)))
    of_all = len(runs[0].survey.references)
    floor = next(one for one in everything if one.label == FLOORS["uniform"])
    head = (
        "| voice | distance | cut | closer than every option alike | entropy ratio | closest to its own | "
        f"rank of its own, of {of_all} |"
    )
    lines = [head, "|---|---|---|---|---|---|---|"]
    for one in everything:
        cut = "" if one is best else _shown(_estimate(draws, lambda c, one=one: _cut(c, one, best)), "{:.0%}")  # type: ignore[misc]
        ratio = _estimate(draws, lambda c, one=one: _mean(c, one.entropy) / _mean(c, one.people_entropy))  # type: ignore[misc]
        distance = _shown(_estimate(draws, lambda c, one=one: _mean(c, one.distances)), "{:.3f}")  # type: ignore[misc]
        spread = "" if np.isnan(one.entropy).any() else _shown(ratio, "{:.2f}")
        rank, closest = "", ""
        if one.own:
            rank = _shown(_estimate(draws, lambda c, one=one: ranks(c, one).mean(axis=-1)), "{:.1f}")  # type: ignore[misc]
            closest = f"{int((ranks(np.ones((1, len(one.distances))), one) == 1).sum())} of {len(one.own)}"
        over = ""
        if one.label not in FLOORS.values():
            gain = _estimate(draws, lambda c, one=one: _mean(c, floor.distances - one.distances))  # type: ignore[misc]
            over = _shown(gain, "{:+.3f}")
        cells = (one.label, distance, cut or "the best of prompting", over, spread, closest, rank)
        lines.append("| " + " | ".join(cells) + " |")
    first = runs[0]
    asked = f"{len(everything[0].distances)} ordered questions of {len(first.survey.questions)}"
    return "\n".join([f"{first.study.name}: {asked}, {len(first.peoples)} peoples", "", *lines])


def ranks(counts: Array, one: Row) -> Array:
    """Rank of each people that is spoken for, 1 for the closest, ties at their middle; shape (resamples, spoken for).

    ``counts``: how often each question counts, shape (resamples, questions).
    """
    found = []
    for apart, own in zip(one.apart, one.own, strict=True):
        means = weighted_mean(counts, apart.T)
        theirs = means[:, [own]]
        found.append(0.5 + (means < theirs).sum(axis=-1) + 0.5 * (means == theirs).sum(axis=-1))
    return np.stack(found, axis=-1)


def _mean(counts: Array, values: Array) -> Array:
    return weighted_mean(counts, values)


def _cut(counts: Array, one: Row, best: Row) -> Array:
    return np.asarray(1 - _mean(counts, one.distances) / _mean(counts, best.distances))


def _estimate(draws: Bootstrap, statistic: Callable[[Array], Array]) -> Estimate:
    return draws.estimate(statistic)


def _shown(estimate: Estimate, form: str) -> str:
    if estimate.value is None:
        return ""
    between = (
        ""
        if estimate.low is None or estimate.high is None
        else (f" ({form.format(estimate.low)} to {form.format(estimate.high)})")
    )
    return form.format(estimate.value) + between


def main() -> None:
    """Print a table per part: runs of the same study stand together."""
    folders = [Path(one) for one in sys.argv[1:]]
    parts: dict[str, list[Finished]] = {}
    adapters: dict[str, str] = {}
    for folder in folders:
        run = read_finished(folder)
        parts.setdefault(run.study.name, []).append(run)
        for voice in run.said:
            if voice.startswith(ADAPTER):
                adapters.setdefault(label_of(voice), way(voice).adapter)
    for runs in parts.values():
        print(table(runs) + "\n")
    for label, adapter in adapters.items():
        manifest = read_manifest(adapter)
        if manifest is not None:
            known = [key for key in ("steps", "examples", "processor_seconds") if key in manifest.training]
            told = ", ".join(f"{manifest.training[key]:,} {key.replace('_', ' ')}" for key in known)
            print(f"{label}: {told}")


if __name__ == "__main__":
    main()
