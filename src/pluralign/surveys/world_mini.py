"""The bundled survey: 77 questions on 13 topics in our own words, answered by people of 18 countries.

Each question asks what one item of the World Values Survey (wave 7) measures, with as many options in the same order.
The answers are that survey's own counts, unweighted. Knows no file but the bundled one; ``tools/build_world_mini.py``
fills its figures from the original's.
"""

import json
from importlib.resources import files
from typing import Any

from pluralign.core.distribution import Distribution, Obtained
from pluralign.core.question import Option, Question
from pluralign.core.survey import Survey
from pluralign.surveys.wvs import COUNTRIES

NAME = "world-mini"
FILE = "world_mini.json"


def load_world_mini() -> Survey:
    """The survey with a reference for every one of its 18 x 77 cells.

    ``n`` of a reference is the number of people with a valid answer, ``refused`` the share of all others who were
    interviewed.
    """
    data = _data()
    questions = tuple(_question(record) for record in data["questions"])
    return Survey(
        name=data["name"],
        title=data["title"],
        questions=questions,
        collectives=tuple(COUNTRIES[code].collective for code in data["references"]),
        references={
            code: {
                question_id: _distribution(counts, answers["respondents"])
                for question_id, counts in answers["counts"].items()
            }
            for code, answers in data["references"].items()
        },
        citation=data["citation"],
        licence=data["licence"],
        notes=data["notes"],
    )


def source_ids() -> dict[str, str]:
    """Question id -> id of the World Values Survey item it paraphrases, such as ``happiness`` -> ``Q46``."""
    return {record["id"]: record["source"] for record in _data()["questions"]}


def _data() -> dict[str, Any]:
    text = files("pluralign.surveys").joinpath("data", FILE).read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return data


def _question(record: dict[str, Any]) -> Question:
    if "numbers" in record:  # the ends are named in the question's text
        first, last = record["numbers"]
        options = tuple(Option(id=number, text=str(number)) for number in range(first, last + 1))
    else:
        options = tuple(Option(id=at, text=text) for at, text in enumerate(record["options"], start=1))
    return Question(id=record["id"], text=record["text"], options=options, scale=record["scale"], topic=record["topic"])


def _distribution(counts: list[int], respondents: int) -> Distribution:
    answered = sum(counts)
    return Distribution.from_weights(counts, Obtained.PEOPLE, n=answered, refused=1 - answered / respondents)
