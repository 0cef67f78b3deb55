"""Trait profiles: what a personality inventory says of voices, and of the people. Asks nothing."""

from collections.abc import Mapping, Sequence

import numpy as np

from pluralign.core.distribution import Distribution
from pluralign.core.survey import Survey
from pluralign.metrics.distances import Array
from pluralign.metrics.traits import item_scores, spread
from pluralign.metrics.uncertainty import bootstrap
from pluralign.poll.cells import measure
from pluralign.poll.scores import TraitScore

Said = Mapping[str, Distribution | None]
"""Question id -> answers."""


def trait_scores(
    survey: Survey,
    voices: Sequence[tuple[str, str, Said]],
    *,
    seed: int,
    resamples: int,
) -> tuple[TraitScore, ...]:
    """Every trait of every people of the survey and of every voice; nothing where the survey has no traits.

    ``voices``: name, collective spoken for (empty: nobody), answers. A voice that speaks for nobody, or for a
    people the survey has no answers of, is held against the survey's people where it has only one. Intervals are over
    items.
    """
    peoples: dict[str, Said] = {key: dict(answers) for key, answers in survey.references.items() if answers}
    only = next(iter(peoples)) if len(peoples) == 1 else None
    found = []
    for trait, keyed in survey.traits.items():
        ids, keys = list(keyed), list(keyed.values())
        draws = bootstrap(len(ids), seed=seed, resamples=resamples)

        def scored(said: Said, ids: list[str] = ids, keys: list[int] = keys) -> Array:
            rows = [None if (one := said.get(key)) is None else one.array for key in ids]
            width = next((len(row) for row in rows if row is not None), 1)
            return item_scores(np.array([np.full(width, np.nan) if row is None else row for row in rows]), keys)

        of_people = {key: scored(said) for key, said in peoples.items()}
        sides = [("", key, values) for key, values in of_people.items()]
        sides += [(name, spoken_for, scored(said)) for name, spoken_for, said in voices]
        for voice, collective, values in sides:
            against = of_people.get(collective if collective in of_people else only or "")
            compared = voice and against is not None
            found.append(
                TraitScore(
                    trait=trait,
                    voice=voice,
                    collective=collective,
                    score=measure(draws.mean(values)),
                    spread=spread(values),
                    items=int((~np.isnan(values)).sum()),
                    top=len(survey.question(ids[0]).options),
                    difference=measure(draws.mean(values - against)) if compared and against is not None else None,
                )
            )
    return tuple(found)
