"""Trait profiles before and after: what a personality inventory says of a voice in two runs. Asks nothing."""

from collections.abc import Mapping, Sequence

import numpy as np

from pluralign.core.distribution import Distribution
from pluralign.core.survey import Survey
from pluralign.metrics.distances import Array
from pluralign.metrics.traits import item_scores
from pluralign.poll.comparison import TraitChange
from pluralign.poll.resampled import Draws, changes, mean

Said = Mapping[str, Distribution]
"""Question id -> answer."""


def trait_changes(
    survey: Survey, spoken_for: Sequence[str], before: Sequence[Said], after: Sequence[Said], draws: Draws
) -> tuple[TraitChange, ...]:
    """Every trait of every people spoken for, over the statements answered in both runs; none without traits.

    ``before`` and ``after``: what was answered for each of ``spoken_for`` (empty: for nobody in particular). Draws are
    over all questions of the survey, of which a trait has its own.
    """
    found = []
    for trait, keys in survey.traits.items():
        sides = [_columns(survey, keys, side) for side in (before, after)]
        both = ~np.isnan(sides[0]) & ~np.isnan(sides[1])
        sides = [np.where(both, side, np.nan) for side in sides]
        each = changes(mean(sides[0]), mean(sides[1]), both, draws)
        for at, (people, change) in enumerate(zip(spoken_for, each, strict=True)):
            if change.before.value is None:
                continue
            reference = survey.references.get(people) or _only(survey)
            theirs = _columns(survey, keys, [reference or {}])[both[:, at]]
            known = not np.isnan(theirs).any()
            found.append(
                TraitChange(
                    trait=trait,
                    collective=people,
                    items=int(both[:, at].sum()),
                    top=len(survey.question(next(iter(keys))).options),
                    people=float(theirs.mean()) if known else None,
                    change=change,
                )
            )
    return tuple(found)


def _only(survey: Survey) -> Said | None:
    """The people of a survey that has only one: a voice that speaks for nobody is held against them."""
    references = [answers for answers in survey.references.values() if answers]
    return references[0] if len(references) == 1 else None


def _columns(survey: Survey, keys: Mapping[str, int], said: Sequence[Said]) -> Array:
    """Scores of a trait's statements, shape (questions of the survey, columns), NaN on all others."""
    columns = np.full((len(survey.questions), len(said)), np.nan)
    for row, question in enumerate(survey.questions):
        if question.id in keys:
            for column, answers in enumerate(said):
                if question.id in answers:
                    shares = answers[question.id].array[None]
                    columns[row, column] = item_scores(shares, [keys[question.id]])[0]
    return columns
