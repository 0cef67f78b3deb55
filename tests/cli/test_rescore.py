"""``pluralign rescore`` as typed: golden numbers of the published code, and bad input."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Said
from tests.golden.test_wvs_scores import SCORES
from tests.poll.conftest import SURVEY

Command = Callable[..., Said]


@pytest.mark.parametrize("golden", SCORES, ids=lambda golden: f"{golden[1]}-{golden[0]}")
def test_published_scores(
    type_command: Command, shared_data: Path, golden: tuple[str, str, float, int, int, int]
) -> None:
    country, condition, *expected = golden
    folder = shared_data / "wvs7"
    said = type_command(
        "rescore", "--survey", f"wvs7:{folder}", "--collective", country,
        "--answers", folder / f"answers_llama3_{condition}.json", "--published", "--json",
    )  # fmt: skip
    found = json.loads(said.out)
    assert [found[key] for key in ("cultural_alignment", "used", "invalid", "no_reference")] == pytest.approx(
        expected, abs=1e-12
    )
    assert found["used"] + found["invalid"] + found["no_reference"] + found["unasked"] == 259


def test_one_answer_per_question_is_worse_than_uniform(type_command: Command, shared_data: Path) -> None:
    folder = shared_data / "wvs7"
    said = type_command(
        "rescore", "--survey", f"wvs7:{folder}", "--collective", "USA",
        "--answers", folder / "answers_llama3_unaware.json", "--published", "--json",
    )  # fmt: skip
    found = json.loads(said.out)
    uniform = next(mark for mark in found["marks"] if mark["name"] == "uniform")
    assert found["js_distance"]["value"] == pytest.approx(0.6476886463364557)
    assert found["total_variation"]["value"] == pytest.approx(0.6190803993766832)
    assert found["wasserstein"]["value"] > uniform["wasserstein"]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own.yaml").write_text(SURVEY)
    return tmp_path


def score(type_command: Command, own: Path, content: object, *flags: str) -> Said:
    text = content if isinstance(content, str) else json.dumps(content)
    (own / "answers.json").write_text(text)
    return type_command(
        "rescore", "--survey", own / "own.yaml", "--collective", "north", "--answers", own / "answers.json", *flags
    )


@pytest.mark.parametrize(
    "content",
    [
        {"tea": "3", "milk": "1. Yes", "talk": 4},
        [{"Q_id": "tea", "answer": "3"}, {"Q_id": "milk", "answer": "Yes", "more": 1}, {"Q_id": "talk", "answer": "4"}],
    ],
)
def test_both_shapes_of_answers(type_command: Command, own: Path, content: object) -> None:
    found = json.loads(score(type_command, own, content, "--json").out)
    # every answer is the North's most frequent one
    assert found["cultural_alignment"] == 1
    assert (found["used"], found["invalid"], found["agreement"]["value"]) == (3, 0, 1)


def test_what_is_no_answer_is_counted(type_command: Command, own: Path) -> None:
    content = {"tea": "I cannot answer that.", "milk": "maybe so", "talk": None, "coffee": "1"}
    found = json.loads(score(type_command, own, content, "--json").out)
    assert (found["used"], found["invalid"], found["refused"], found["unreadable"]) == (0, 3, 1, 2)
    assert found["cultural_alignment"] is None
    assert found["unknown_questions"] == ["coffee"]


def test_for_people_it_prints_sentences(type_command: Command, own: Path) -> None:
    said = score(type_command, own, {"tea": "1", "milk": "1"})
    assert "The North: Cultural Alignment Score" in said.out
    assert "not answered in the file" in said.out


BAD = {
    "[": "answers.json:1: not valid JSON",
    "{}": "holds no answers",
    "3": "must be an object of question id -> text, or a list of records",
    '[{"Q_id": "tea"}]': "[0]: needs the keys 'Q_id' and 'answer'",
    '{"tea": ["3"]}': "an answer must be text, found ['3']",
    '[{"Q_id": "tea", "answer": "1"}, {"Q_id": "tea", "answer": "2"}]': "question 'tea' is answered twice",
    '{"coffee": "1"}': "none of the 1 answered questions, such as 'coffee', is in tea",
    "": "the file is empty",
}


@pytest.mark.parametrize("content", BAD)
def test_bad_answers_are_one_sentence(type_command: Command, own: Path, content: str) -> None:
    said = score(type_command, own, content)
    assert said.code == 2
    assert BAD[content] in said.err
    assert "Traceback" not in said.err


def test_an_unknown_collective(type_command: Command, own: Path) -> None:
    (own / "answers.json").write_text('{"tea": "1"}')
    said = type_command(
        "rescore", "--survey", own / "own.yaml", "--collective", "nroth", "--answers", own / "answers.json"
    )
    assert said.code == 2
    assert "did you mean 'north'" in said.err
