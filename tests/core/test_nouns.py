"""Questions, distributions, surveys and documents refuse to exist unless they make sense."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from pluralign.core.collective import Collective
from pluralign.core.distribution import Distribution, Obtained
from pluralign.core.documents import parse, validate
from pluralign.core.errors import DataError, DistributionError, UnknownNameError, UsageError
from pluralign.core.ids import canonical_json, content_hash
from pluralign.core.question import Option, Question, Scale
from pluralign.core.survey import Survey


def question(question_id: str = "Q", topic: str = "", options: int = 2) -> Question:
    return Question(
        id=question_id,
        text=f"{question_id}?",
        options=tuple(Option(id=at + 1, text=f"option {at}") for at in range(options)),
        scale=Scale.NOMINAL,
        topic=topic,
    )


def people(*shares: float) -> Distribution:
    return Distribution(probabilities=shares, obtained=Obtained.PEOPLE)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"options": ({"id": 1, "text": "only"},)}, "at least two"),
        ({"options": ({"id": 1, "text": "a"}, {"id": 1, "text": "b"})}, "uses an option id twice"),
        ({"options": ({"id": 1, "text": "a"}, {"id": 2, "text": "a"})}, "has the option 'a' twice"),
        ({"missing": {2: "no answer"}}, "both as options and as missing codes"),
        ({"text": "  "}, "at least 1 character"),
        ({"scale": "ratio"}, "nominal"),
        ({"colour": "red"}, "not permitted"),
    ],
)
def test_a_question_that_makes_no_sense(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Question.model_validate({**question().model_dump(), **changes})


@pytest.mark.parametrize(
    ("shares", "problem"),
    [
        ((), "at least one option"),
        ((0.5, 0.6), "sum to 1.1"),
        ((0.5, 0.4), "sum to 0.9"),
        ((1.5, -0.5), "not negative"),
        ((math.nan, 1.0), "finite"),
        ((math.inf, 0.0), "finite"),
    ],
)
def test_numbers_that_are_no_distribution(shares: tuple[float, ...], problem: str) -> None:
    with pytest.raises(DistributionError, match=problem):
        people(*shares)


@pytest.mark.parametrize("field", ["refused", "unreadable"])
def test_shares_left_out_lie_between_zero_and_one(field: str) -> None:
    with pytest.raises(DistributionError, match=field):
        Distribution.model_validate({"probabilities": (1.0,), "obtained": "people", field: 1.2})


def test_the_mode_is_what_the_source_lists_first_among_equals() -> None:
    tie = Distribution(probabilities=(0.2, 0.4, 0.4), obtained=Obtained.PEOPLE, first_mode=2)
    assert (tie.mode, tie.modes) == (2, (1, 2))
    assert people(0.2, 0.4, 0.4).mode == 1
    with pytest.raises(DistributionError, match="named as the most frequent one and is not"):
        Distribution(probabilities=(0.2, 0.8), obtained=Obtained.PEOPLE, first_mode=0)


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=12).filter(lambda weights: sum(weights) > 1e-6))
def test_weights_become_shares_in_proportion(weights: list[float]) -> None:
    shares = Distribution.from_weights(weights, Obtained.DERIVED).array
    assert shares.sum() == pytest.approx(1)
    assert shares * sum(weights) == pytest.approx(np.array(weights), rel=1e-9, abs=1e-9 * sum(weights))


@pytest.mark.parametrize("weights", [[], [0.0, 0.0], [1.0, -1.0], [math.nan, 1.0]])
def test_weights_of_nothing(weights: list[float]) -> None:
    with pytest.raises(DistributionError):
        Distribution.from_weights(weights, Obtained.DERIVED)


def survey(**changes: Any) -> Survey:
    fields: dict[str, Any] = {
        "name": "s",
        "questions": tuple(question(f"Q{at}", topic="early" if at < 6 else "late") for at in range(10)),
        "collectives": (Collective(id="A", name="Atlantis"),),
        "references": {"A": {"Q1": people(0.5, 0.5)}},
    }
    return Survey(**{**fields, **changes})


def test_a_survey_whose_parts_do_not_fit() -> None:
    with pytest.raises(UnknownNameError, match="unknown collective 'B'"):
        survey(references={"B": {}})
    with pytest.raises(UnknownNameError, match="unknown question 'Q99'"):
        survey(references={"A": {"Q99": people(0.5, 0.5)}})
    with pytest.raises(DistributionError, match="A has 3 shares for Q1, which has 2 options"):
        survey(references={"A": {"Q1": people(0.2, 0.3, 0.5)}})
    with pytest.raises(ValidationError, match="'Q1' is used twice"):
        survey(questions=(question("Q1"), question("Q1")))
    with pytest.raises(ValidationError, match="has no questions"):
        survey(questions=(), references={})


def test_questions_are_chosen_evenly_from_every_topic() -> None:
    # six early ones: the middles of two halves are 1 and 4; four late ones: 7 and 9
    assert [one.id for one in survey().balanced(2).questions] == ["Q1", "Q4", "Q7", "Q9"]
    assert len(survey().balanced(100).questions) == 10
    assert set(survey().balanced(2).references["A"]) == {"Q1"}


def test_choosing_by_id_topic_and_not_at_all() -> None:
    assert [one.id for one in survey().select(question_ids=["Q3", "Q1"]).questions] == ["Q1", "Q3"]
    assert len(survey().select(topics=["LATE"]).questions) == 4
    with pytest.raises(UnknownNameError, match="unknown topic 'lat': did you mean 'late'"):
        survey().select(topics=["lat"])
    with pytest.raises(UsageError, match="no question of 's' is left"):
        survey().select(question_ids=["Q1"], topics=["late"])


def test_collectives_are_found_by_code_and_name_in_any_case() -> None:
    assert survey().collective("a").id == survey().collective("ATLANTIS").id == "A"
    with pytest.raises(UnknownNameError, match="did you mean 'Atlantis'"):
        survey().collective("Atlantos")


def test_the_checksum_follows_what_decides_a_result() -> None:
    assert survey().checksum == survey(title="another title", citation="someone").checksum
    assert survey().checksum != survey(references={"A": {"Q1": people(0.4, 0.6)}}).checksum


def test_equal_content_has_equal_ids_whatever_the_order_of_keys() -> None:
    assert content_hash({"a": 1, "b": [2.0, None]}) == content_hash({"b": [2.0, None], "a": 1})
    assert canonical_json({"b": 1, "a": "é"}) == '{"a":"é","b":1}'
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(math.nan)


class Inner(BaseModel, extra="forbid"):
    number: int


class Outer(BaseModel, extra="forbid"):
    title: str
    inner: list[Inner] = []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title: x\ninner:\n- number: 1\n- number: one", "f.yaml:4: inner[1].number: "),
        ("title: x\ninner:\n- nummer: 1", "f.yaml:3: "),
        ("title: x\ntitel: y", "f.yaml:2: titel: unknown key 'titel': did you mean 'title'?"),
        ("inner: []", "f.yaml:1: the key 'title' is missing"),
        ("title: [", "f.yaml:1: not valid YAML"),
        ("\ttitle: x", "f.yaml:1: not valid YAML"),
        ("title: x\ntitle: y", "f.yaml:2: title: the key is used twice"),
        ("# nothing", "f.yaml: the file is empty"),
        ("just text", "f.yaml:1: expected keys and values, found text"),
    ],
)
def test_errors_in_documents_name_file_line_and_field(text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        validate(Outer, parse(text, "f.yaml"))
    assert str(caught.value).startswith(message)


def test_unknown_names_offer_the_nearest_or_all_or_a_range() -> None:
    assert str(UnknownNameError("survey", "wrld", ["world", "wvs"])) == "unknown survey 'wrld': did you mean 'world'?"
    assert str(UnknownNameError("survey", "qqq", ["world", "wvs"])) == "unknown survey 'qqq': known: world, wvs."
    many = [f"item{at:03}" for at in range(50)]
    assert str(UnknownNameError("x", "qqq", many)) == "unknown x 'qqq': there are 50, from 'item000' to 'item049'."
    assert str(UnknownNameError("x", "qqq", [])) == "unknown x 'qqq': there are none."
