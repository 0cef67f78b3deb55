"""GlobalOpinionQA: its forms on disk, and the figures that need no model."""

import json
import math
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from pluralign.core.errors import DataError, MissingExtraError
from pluralign.core.question import Scale
from pluralign.core.survey import Survey
from pluralign.surveys import load
from pluralign.surveys.global_opinions import bare_question, parse_selections
from pluralign.surveys.scales import recognise


@pytest.fixture(scope="module")
def small(shared_data: Path) -> Path:
    return shared_data / "global_opinions" / "goqa_small.json"


@pytest.fixture(scope="module")
def published(small: Path) -> Survey:
    return load(f"goqa-published:{small}")


def js_nats(p: npt.NDArray[np.float64], q: npt.NDArray[np.float64]) -> float:
    middle = (p + q) / 2
    parts = [np.sum(r[r > 0] * np.log(r[r > 0] / middle[r > 0])) for r in (p, q)]
    return math.sqrt(max(0.0, float(sum(parts)) / 2))


def test_counts(published: Survey) -> None:
    assert len(published.questions) == 1270
    assert len(published.collectives) == 130
    assert sum(len(answers) for answers in published.references.values()) == 5752
    assert len(published.references["USA"]) == 181
    assert len(published.references["JPN"]) == 105
    assert len(published.references["USA"].keys() & published.references["JPN"].keys()) == 17
    assert published.collective("Britain").id == "GBR"
    assert published.collective("Great Britain").id == "Great-Britain"
    assert published.collective("India (Non-national sample)").id == "India-Non-national-sample"
    assert published.collective("India (Current national sample)").id == "IND"
    assert published.collective("S. Korea").adjective == "South Korean"
    assert not any("Options:" in question.text or "Answer:" in question.text for question in published.questions)
    assert published.notes == "Numbers of respondents are not in the source."


def test_goldens_that_need_no_model(published: Survey) -> None:
    """Recomputed from the released file: uniform and first-option predictors, and two countries against each other."""
    cells = [reference.array for answers in published.references.values() for reference in answers.values()]
    uniform = [js_nats(np.full(len(cell), 1 / len(cell)), cell) for cell in cells]
    assert np.mean(uniform) == pytest.approx(0.29053801593862577, abs=1e-9)
    first = [js_nats(np.eye(len(cell))[0], cell) for cell in cells]
    assert np.mean(first) == pytest.approx(0.5395619630142275, abs=1e-9)
    united_states, japan = published.references["USA"], published.references["JPN"]
    both = [js_nats(united_states[key].array, japan[key].array) for key in united_states if key in japan]
    assert np.mean(both) / math.sqrt(math.log(2)) == pytest.approx(0.22433764236532855, abs=1e-9)


def test_refusals_are_not_offered_by_default(small: Path, published: Survey) -> None:
    survey = load(f"goqa:{small}")
    offered = {option.text for question in survey.questions for option in question.options}
    assert not offered & {"DK/Refused", "No answer", "Don't know", "Missing; Not available", "Don't know/Refused"}
    assert len(survey.questions) == 1270
    changed = next(question for question in published.questions if question.options[-1].text == "DK/Refused")
    country = next(one.id for one in published.collectives if published.reference(one.id, changed.id) is not None)
    before, after = published.reference(country, changed.id), survey.reference(country, changed.id)
    assert before is not None
    assert after is not None
    assert after.refused == pytest.approx(before.probabilities[-1])
    rest = before.array[:-1]
    assert after.probabilities == pytest.approx(tuple(rest / rest.sum()))
    scales = {scale: sum(question.scale is scale for question in survey.questions) for scale in Scale}
    assert scales == {Scale.NOMINAL: 665, Scale.ORDINAL: 605, Scale.INTERVAL: 0}


def test_parsing_what_python_wrote() -> None:
    expected = {"Japan": [0.25, 0.75], "S. Korea": [0.5, 0.5]}
    for text in (
        f"defaultdict(<class 'list'>, {expected})",
        f" defaultdict( <class 'list'> , {expected} ) ",
        f"{expected}",
        json.dumps(expected),
    ):
        assert parse_selections(text) == expected
    for text in (
        "",
        "defaultdict(<class 'list'>, {'Japan': [0.25,)",
        "__import__('os').system('true')",
        "defaultdict(<class 'list'>, {'a': print(1)})",
        "{'Japan': 0.5}",
        "{1: [0.5]}",
        "[1]",
        "{'a': " + "(" * 500 + ")" * 500 + "}",
    ):
        with pytest.raises(ValueError, match="expected country -> list of shares"):
            parse_selections(text)


def test_the_layout_is_stripped() -> None:
    assert bare_question("Question: How? \nOptions: A. Well B. Badly\nAnswer:") == "How?"
    assert bare_question("Question: Two\nlines?\nOptions: A. x\nAnswer: ") == "Two\nlines?"
    assert bare_question("How?") == "How?"


UPSTREAM: list[dict[str, Any]] = [
    {
        "question": "How good?",
        "selections": "defaultdict(<class 'list'>, {'Britain': [0.5, 0.3, 0.1, 0.1], 'Japan': [0.6, 0.3, 0.1, 0.0]})",
        "options": "['Very good', 'Somewhat good', 'Not good', 'DK/Refused']",
    },
    {
        "question": "From 1 to 5?",
        "selections": "{'Japan': [0.2, 0.2, 0.2, 0.2, 0.2], 'Peru': [1.0], 'Chad': [9, 0, 0, 0, 0]}",
        "options": "[1.0, 2.0, 3.0, 4.0, 5.0]",
    },
    {
        "question": "Only one?",
        "selections": "defaultdict(<class 'list'>, {'Japan': [0.9, 0.1]})",
        "options": "['Yes', \"Don't know\"]",
    },
]


def write_csv(path: Path, records: list[dict[str, Any]]) -> Path:
    quoted = [",".join('"' + str(value).replace('"', '""') + '"' for value in record.values()) for record in records]
    path.write_text("\n".join([",".join(records[0]), *quoted]) + "\n", encoding="utf-8")
    return path


def check_upstream(survey: Survey) -> None:
    assert [question.id for question in survey.questions] == ["Q0", "Q1"]
    assert [question.scale for question in survey.questions] == [Scale.ORDINAL, Scale.INTERVAL]
    assert [option.id for option in survey.questions[1].options] == [1, 2, 3, 4, 5]
    britain = survey.references["GBR"]["Q0"]
    assert britain.probabilities == pytest.approx((5 / 9, 3 / 9, 1 / 9))
    assert britain.refused == pytest.approx(0.1)
    assert britain.n is None
    assert [collective.name for collective in survey.collectives] == ["Britain", "Japan"]
    assert "2 of shares that do not fit" in survey.notes
    assert "1 without two different options" in survey.notes


def test_the_hubs_form_as_csv_json_and_lines(tmp_path: Path) -> None:
    check_upstream(load(f"goqa:{write_csv(tmp_path / 'a.csv', UPSTREAM)}"))
    (tmp_path / "a.json").write_text(json.dumps(UPSTREAM))
    check_upstream(load(f"goqa:{tmp_path / 'a.json'}"))
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(record) for record in UPSTREAM))
    check_upstream(load(f"goqa:{tmp_path / 'a.jsonl'}"))
    assert len(load(f"goqa-published:{tmp_path / 'a.json'}").questions) == 3


def test_the_hub_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load_dataset(name: str, split: str) -> list[dict[str, Any]]:
        asked.append((name, split))
        return UPSTREAM

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    check_upstream(load("goqa:hub"))
    assert asked == [("Anthropic/llm_global_opinions", "train")]

    def offline(name: str, **_: str) -> list[dict[str, Any]]:
        raise ConnectionError(f"Couldn't reach '{name}' on the Hub (LocalEntryNotFoundError)\nand more")

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=offline))
    with pytest.raises(DataError, match=r"cannot be had from the hub \(Couldn't reach .*\); fetch its CSV"):
        load("goqa:hub")
    absent: ModuleType | None = None
    monkeypatch.setitem(sys.modules, "datasets", absent)
    with pytest.raises(MissingExtraError, match=r"pip install 'pluralign\[data\]'"):
        load("goqa:hub")


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ({}, "expected a list of records"),
        ([], "expected a list of records"),
        ([1], r"\[0\]: expected an object"),
        ([{"question": "x"}], r"\[0\]\.options: the key is missing"),
        ([UPSTREAM[0] | {"options": "['a'"}], r"\[0\]\.options: expected a list of options"),
        ([UPSTREAM[0], UPSTREAM[0] | {"selections": "eval(1)"}], r"\[1\]\.selections: expected country -> list"),
        ([UPSTREAM[0] | {"question": " "}], r"\[0\]\.question: expected text"),
        ([{"question": "x", "options": ["a", "b"], "country": "Peru"}], r"\[0\]\.distribution: the key is missing"),
        ([{"question": "x", "options": ["a", "b"], "country": "Peru", "distribution": [0, 1]}] * 2, r"'Peru' has this"),
    ],
)
def test_files_of_another_form(tmp_path: Path, records: object, message: str) -> None:
    (tmp_path / "a.json").write_text(json.dumps(records))
    with pytest.raises(DataError, match=message):
        load(f"goqa:{tmp_path / 'a.json'}")


def test_other_endings(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected a \.csv, \.json or \.jsonl file"):
        load(f"goqa:{tmp_path / 'a.parquet'}")
    with pytest.raises(DataError, match="there is no such file"):
        load(f"goqa:{tmp_path / 'a.csv'}")
    (tmp_path / "a.jsonl").write_text("{}\n{")
    with pytest.raises(DataError, match=r"a\.jsonl:2: not valid JSON"):
        load(f"goqa:{tmp_path / 'a.jsonl'}")


@pytest.mark.parametrize(
    ("options", "scale"),
    [
        (["Very good", "Somewhat good", "Somewhat bad", "Very bad"], Scale.ORDINAL),
        (["Not at all", "A little", "Very much"], Scale.ORDINAL),
        (["Major threat", "Minor threat", "Not a threat"], Scale.ORDINAL),
        (["Very good", "Good", "Bad", "Very bad", "No influence (VOL)"], Scale.NOMINAL),
        (["Very favorable", "Unfavorable", "Never heard of"], Scale.NOMINAL),
        (["Better", "Worse", "Has not changed"], Scale.NOMINAL),
        (["Yes", "No"], Scale.NOMINAL),
        (["1", "2", "3"], Scale.ORDINAL),
        ([str(number) for number in range(11)], Scale.INTERVAL),
        (["1", "2", "4", "8", "16"], Scale.NOMINAL),
    ],
)
def test_scales_are_recognised_or_nominal(options: list[str], scale: Scale) -> None:
    assert recognise(options) is scale
