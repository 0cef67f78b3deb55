"""Finished runs made in memory: surveys and answers from a seed, or as given."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pluralign.core.collective import Collective
from pluralign.core.distribution import Distribution, Obtained
from pluralign.core.question import Option, Question, Scale
from pluralign.core.run import RunRecord, RunSpec
from pluralign.core.survey import Survey
from pluralign.poll.finished import Finished, Said
from pluralign.poll.study import Study

Shares = Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]]
"""Voice -> collective ("" for nobody) -> question -> probabilities."""


def made_survey(
    questions: int = 12, peoples: int = 3, *, seed: int = 0, topics: int = 4, nominal: bool = True, holes: bool = False
) -> Survey:
    """A survey with random references; every fourth question nominal, some unasked where there may be ``holes``."""
    generator = np.random.default_rng(seed)
    asked = [
        Question(
            id=f"Q{at + 1:03}",
            text=f"Question number {at + 1}?",
            options=tuple(Option(id=place + 1, text=f"option {place + 1}") for place in range(2 + at % 4)),
            scale=Scale.NOMINAL if nominal and at % 4 == 3 else Scale.ORDINAL,
            topic=f"Topic {at % topics}",
        )
        for at in range(questions)
    ]
    collectives = tuple(Collective(id=f"P{at + 1}", name=f"People {at + 1}") for at in range(peoples))
    references = {
        people.id: {
            question.id: Distribution.from_weights(
                generator.dirichlet(np.ones(len(question.options))), Obtained.PEOPLE, n=500 + 10 * at
            )
            for at, question in enumerate(asked)
            if not (holes and generator.random() < 0.2 and at)
        }
        for people in collectives
    }
    return Survey(name="made", questions=tuple(asked), collectives=collectives, references=references)


def made_answers(
    survey: Survey, *, seed: int, truth: float = 0.3, voices: Sequence[str] = ("plain", "persona")
) -> Shares:
    """Random answers of voices, a part of them (``truth``) the people's own."""
    generator = np.random.default_rng([seed, 1])

    def one(question: Question, people: str) -> list[float]:
        drawn = generator.dirichlet(np.ones(len(question.options)))
        reference = survey.reference(people, question.id)
        known = drawn if reference is None else reference.array
        return [float(share) for share in truth * known + (1 - truth) * drawn]

    return {
        voice: {
            people: {question.id: one(question, people) for question in survey.questions}
            for people in ([""] if voice == "plain" else [each.id for each in survey.collectives])
        }
        for voice in voices
    }


def finished(
    survey: Survey, answers: Shares, folder: str = "run", *, method: str = "exact", **study: object
) -> Finished:
    """A run of these answers."""
    chosen = Study.model_validate({"model": folder, "survey": survey.name, "voices": list(answers), **study})
    said: Said = {
        voice: {
            people: {
                question: Distribution(probabilities=tuple(shares), obtained=Obtained.EXACT)
                for question, shares in row.items()
            }
            for people, row in by_people.items()
        }
        for voice, by_people in answers.items()
    }
    spec = RunSpec(
        kind="poll",
        study=chosen.model_dump(mode="json", by_alias=True),
        given=(),
        survey_checksum=survey.checksum,
        engine={"name": chosen.model, "adapter": chosen.adapter},
        templates={"system.v1": "1"},
        seed=chosen.seed,
    )
    record = RunRecord(
        spec=spec, versions={}, started="2026-01-01T00:00:00+00:00", finished="2026-01-01T00:00:01+00:00"
    )
    peoples = tuple(one.id for one in survey.collectives if survey.references.get(one.id))
    return Finished(Path(folder), record, chosen, survey, peoples, said, method)
