"""Score text answers that were produced elsewhere against one people. Asks no model.

Reproduces CultureSPA's Cultural Alignment Score from its released answers (Xu et al., NAACL 2025) in ``published``
mode; by default answers are read strictly and every question weighs the same.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pluralign.core.collective import Collective
from pluralign.core.distribution import Distribution, Obtained
from pluralign.core.errors import DataError
from pluralign.core.ids import finite_or_none
from pluralign.core.question import Question
from pluralign.core.survey import Survey
from pluralign.metrics.cultural_alignment import AlignmentScore, cultural_alignment
from pluralign.metrics.profile import Profile, Silence, profile
from pluralign.prompts.answers import Kind, Reading, read_published, read_strict
from pluralign.surveys.files import read_json


class Rescored(NamedTuple):
    """What answers are worth, and how many of them could be used."""

    collective: Collective
    published: bool
    alignment: AlignmentScore
    """The Cultural Alignment Score of the chosen mode, with counts and with bounds for what could not be read."""
    readings: Mapping[str, Reading]
    """Question id -> what was read."""
    unknown: tuple[str, ...]
    """Question ids in the file that the survey does not have; left out and listed."""
    profile: Profile
    """Every other measure. One text per question is a distribution with all its mass on one option."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        kinds = Counter(reading.kind for reading in self.readings.values())
        measures = self.profile.to_dict(rows=False)
        return {
            "collective": self.collective.id,
            "mode": "published" if self.published else "default",
            "cultural_alignment": finite_or_none(self.alignment.score),
            "cultural_alignment_lowest": finite_or_none(self.alignment.lowest),
            "cultural_alignment_highest": finite_or_none(self.alignment.highest),
            "used": self.alignment.used,
            "invalid": self.alignment.invalid,
            "no_reference": self.alignment.no_reference,
            "unasked": self.alignment.unasked,
            "refused": kinds[Kind.REFUSED],
            "unreadable": kinds[Kind.UNREADABLE],
            "unknown_questions": list(self.unknown),
            **{
                name: measures[key]
                for name, key in (
                    ("wasserstein", "wasserstein"),
                    ("js_distance", "js"),
                    ("total_variation", "tv"),
                    ("agreement", "match"),
                    ("entropy_ratio", "entropy_ratio"),
                    ("cultural_alignment_normalised", "alignment_normalised"),
                    ("skill", "skill"),
                    ("skill_undefined", "skill_undefined"),
                    ("worth_people", "worth"),
                    ("marks", "marks"),
                )
            },
        }


def read_answers(path: Path) -> dict[str, str]:
    """Answers from JSON: an object of question id -> text, or a list of records with ``Q_id`` and ``answer``.

    Numbers are taken as their text, ``null`` as no text. Raises :class:`DataError` naming the record.
    """
    data = read_json(path)
    if isinstance(data, dict):
        pairs = [(f"[{key!r}]", key, value) for key, value in data.items()]
    elif isinstance(data, list):
        pairs = []
        for at, record in enumerate(data):
            if not isinstance(record, dict) or "Q_id" not in record or "answer" not in record:
                raise DataError("needs the keys 'Q_id' and 'answer'", file=str(path), field=f"[{at}]")
            pairs.append((f"[{at}].answer", str(record["Q_id"]), record["answer"]))
    else:
        raise DataError("must be an object of question id -> text, or a list of records", file=str(path))
    if not pairs:
        raise DataError("holds no answers", file=str(path))
    answers: dict[str, str] = {}
    for where, question_id, value in pairs:
        if question_id in answers:
            raise DataError(f"question {question_id!r} is answered twice", file=str(path), field=where)
        if isinstance(value, bool) or not (value is None or isinstance(value, str | int | float)):
            raise DataError(f"an answer must be text, found {value!r}", file=str(path), field=where)
        answers[question_id] = "" if value is None else str(value)
    return answers


def rescore(
    survey: Survey,
    collective: Collective,
    answers: Mapping[str, str],
    *,
    published: bool = False,
    seed: int = 0,
    resamples: int = 1000,
) -> Rescored:
    """Score answers against a people. Raises :class:`DataError` where the survey has none of the questions."""
    known = {question.id: question for question in survey.questions}
    unknown = tuple(question_id for question_id in answers if question_id not in known)
    if len(unknown) == len(answers):
        raise DataError(f"none of the {len(answers)} answered questions, such as {unknown[0]!r}, is in {survey.name}")
    codes: dict[str, int | None] = {}
    readings: dict[str, Reading] = {}
    for question in survey.questions:
        if question.id in answers:
            codes[question.id], readings[question.id] = _read(answers[question.id], question, published)
    people = survey.references.get(collective.id, {})
    voice = {
        key: _one_hot(known[key], reading.option) for key, reading in readings.items() if reading.option is not None
    }
    silent = {
        key: Silence(float(reading.kind is Kind.REFUSED), float(reading.kind is Kind.UNREADABLE))
        for key, reading in readings.items()
        if reading.option is None
    }
    others = {key: value for key, value in survey.references.items() if key != collective.id}
    return Rescored(
        collective,
        published,
        cultural_alignment(survey.questions, codes, people, published=published),
        readings,
        unknown,
        profile(survey.questions, voice, people, others, seed=seed, resamples=resamples, unanswered=silent),
    )


def _read(text: str, question: Question, published: bool) -> tuple[int | None, Reading]:
    """The option code as the score takes it, and what the text turned out to be."""
    if published:
        code = read_published(text)
        position = None if code is None else question.position(code)
        return code, Reading(Kind.UNREADABLE if position is None else Kind.ANSWER, position)
    reading = read_strict(text, question)
    return None if reading.option is None else question.options[reading.option].id, reading


def _one_hot(question: Question, position: int) -> Distribution:
    weights = [float(at == position) for at in range(len(question.options))]
    return Distribution.from_weights(weights, Obtained.SAMPLED, n=1)
