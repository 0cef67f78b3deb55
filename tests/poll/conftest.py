"""A small survey with two populations, and engines that know the answers."""

import math
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from pluralign.core.survey import Survey
from pluralign.engines.base import ScoreRequest
from pluralign.engines.scripted import ScriptedEngine
from pluralign.poll import compare, records, run
from pluralign.poll.run import Answers, Prepared
from pluralign.poll.scores import Scores
from pluralign.poll.study import Study
from pluralign.surveys import load

SURVEY = """
name: tea
title: Tea and talk
collectives:
  - {id: north, name: The North, adjective: Northern}
  - {id: south, name: The South, adjective: Southern}
questions:
  - id: tea
    text: How often do you drink tea?
    topic: Drinks
    scale: ordinal
    options: [Never, Sometimes, Often]
    references:
      north: {shares: [0.2, 0.3, 0.5], n: 1000}
      south: {shares: [0.6, 0.3, 0.1], n: 500}
  - id: milk
    text: Do you take milk?
    topic: Drinks
    scale: nominal
    options: ["Yes", "No", "Only on Sundays"]
    references:
      north: {shares: [0.7, 0.2, 0.1], n: 1000}
      south: {shares: [0.1, 0.8, 0.1], n: 500}
  - id: talk
    text: How much do you like to talk, from 1 (not at all) to 4 (very much)?
    topic: Talk
    scale: interval
    options: ["1", "2", "3", "4"]
    references:
      north: {shares: [0.1, 0.2, 0.3, 0.4], n: 1000}
"""


@pytest.fixture
def survey_file(tmp_path: Path) -> Path:
    path = tmp_path / "tea.yaml"
    path.write_text(SURVEY)
    return path


def wordings(request: ScoreRequest) -> list[str]:
    """Per option of the request the wording that its label stands before on the page: read back as a model would."""
    user = request.messages[-1].content
    last = user[user.rindex("Question: ") :]
    lines = dict(re.findall(r"^(\w+)\. (.+)$", last, re.MULTILINE))
    return [lines.get(forms[0], forms[0]) for forms in request.options]


def oracle(survey: Survey, spread: float = 1.0) -> ScriptedEngine:
    """Answers as the people do whom the system message names; options hold ``spread`` of the probability."""

    def score(request: ScoreRequest) -> Sequence[float]:
        system, user = request.messages[0].content, request.messages[-1].content
        people = next(
            (one.id for one in survey.collectives if one.adjective and one.adjective in system),
            survey.collectives[0].id,
        )
        asked = user[user.rindex("Question: ") :]
        question = next(question for question in survey.questions if f"Question: {question.text}\n" in asked)
        reference = survey.reference(people, question.id)
        shares = [1 / len(question.options)] * len(question.options) if reference is None else reference.probabilities
        by_wording = dict(zip((option.text for option in question.options), shares, strict=True))
        return [
            math.log(spread * by_wording[wording]) if by_wording[wording] > 0 else -math.inf
            for wording in wordings(request)
        ]

    return ScriptedEngine(score, name="oracle", version=str(spread))


def carry_out(
    study: Study, engine: ScriptedEngine, folder: Path, reader: ScriptedEngine | None = None
) -> tuple[Prepared, Answers, Scores]:
    """A whole poll without the command line."""
    prepared = run.prepare(study)
    spec = records.specify(prepared, engine, reader)
    records.open_run(folder, spec, ())
    answers = run.poll(prepared, engine, folder, lambda _: None, reader=reader)
    return prepared, answers, compare.compare(prepared, answers, spec)


@pytest.fixture
def survey(survey_file: Path) -> Survey:
    return load(str(survey_file))
