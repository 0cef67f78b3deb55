"""Trait profiles arranged as the page and the terminal show them: a row for each bearer, a cell for each trait.

Knows no HTML; measures nothing.
"""

from typing import NamedTuple

from pluralign.poll.scores import Scores, TraitScore


class TraitCell(NamedTuple):
    """One trait of one bearer, and where it lies between the lowest and the highest score, in per cent."""

    score: TraitScore
    at: float | None
    low: float | None
    high: float | None
    people: float | None
    """Where the people's own score lies; ``None`` in the people's own row and where there are none."""
    apart: bool
    """Whether the interval of the difference from the people leaves out zero."""


class ProfileRow(NamedTuple):
    """One people, or one voice speaking for one."""

    name: str
    is_people: bool
    cells: tuple[TraitCell, ...]


class Profiles(NamedTuple):
    """All profiles of a run."""

    traits: tuple[str, ...]
    top: int
    """The highest score there is; the lowest is 1."""
    rows: tuple[ProfileRow, ...]


def profiles(scores: Scores) -> Profiles | None:
    """``None`` where the survey is no inventory of traits. Peoples come first."""
    if not scores.traits:
        return None
    traits = tuple(dict.fromkeys(one.trait for one in scores.traits))
    found = {(one.voice, one.collective, one.trait): one for one in scores.traits}
    names = {each.id: each.name for each in scores.collectives}
    labels = {summary.voice: summary.label for summary in scores.summaries}
    peoples = [one.collective for one in scores.traits if not one.voice]
    only = peoples[0] if len(set(peoples)) == 1 else ""
    rows = []
    for voice, collective in dict.fromkeys((one.voice, one.collective) for one in scores.traits):
        who = names.get(collective, collective)
        name = who if not voice else ", ".join(filter(None, (labels.get(voice, voice), who)))
        against = collective if collective in peoples else only
        cells = tuple(
            _cell(found[voice, collective, trait], found.get(("", against, trait)) if voice else None)
            for trait in traits
        )
        rows.append(ProfileRow(name, not voice, cells))
    return Profiles(traits, scores.traits[0].top, tuple(rows))


def _cell(score: TraitScore, people: TraitScore | None) -> TraitCell:
    def at(value: float | None) -> float | None:
        return None if value is None else round(100 * (value - 1) / (score.top - 1), 2)

    difference = score.difference
    apart = (
        difference is not None
        and difference.low is not None
        and difference.high is not None
        and (difference.low > 0 or difference.high < 0)
    )
    return TraitCell(
        score=score,
        at=at(score.score.value),
        low=at(score.score.low),
        high=at(score.score.high),
        people=at(people.score.value) if people is not None else None,
        apart=apart,
    )
