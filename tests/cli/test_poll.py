"""``pluralign poll`` as typed: what it leaves behind, and what it says when it cannot."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Said
from tests.poll.conftest import SURVEY

Command = Callable[..., Said]
SIMPLE = ("--model", "scripted:hash", "--survey", "world-mini", "--per-topic", "1", "--resamples", "100")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_simple_case_writes_a_folder_and_names_the_report(type_command: Command, tmp_path: Path) -> None:
    said = type_command("poll", *SIMPLE, "--as", "USA,KEN", "--voice", "persona")
    assert said.code == 0, said.err
    report = Path(said.out.strip().splitlines()[-1].removeprefix("Report: "))
    assert report.name == "report.html"
    assert {path.name for path in report.parent.iterdir()} >= {
        "run.json", "answers.parquet", "prompts.parquet", "answers.sqlite", "scores.json", "report.html",
    }  # fmt: skip
    scores = json.loads((report.parent / "scores.json").read_text())
    assert [cell["collective"] for cell in scores["cells"]] == ["USA", "KEN"]
    record = json.loads((report.parent / "run.json").read_text())
    assert record["finished"]
    assert record["command"][:2] == ["pluralign", "poll"]
    assert str(report) in said.out
    assert not list(tmp_path.glob("**/.*part"))


def test_the_example_of_the_readme_speaks_for_a_country_the_survey_lacks(type_command: Command) -> None:
    said = type_command("poll", *SIMPLE, "--as", "USA,JPN", "--voice", "persona")
    assert said.code == 0
    assert "no answers of JPN" in said.err


def test_a_study_file_and_flags_that_override_it(type_command: Command, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(
        "name: mine\nmodel: scripted:uniform\nsurvey: world-mini\nas: [USA]\nvoices: [P1]\n"
        "questions: {per_topic: 1}\nresamples: 100\n"
    )
    said = type_command("poll", "study.yaml", "--as", "BRA", "--out", "here")
    assert said.code == 0, said.err
    study = json.loads((tmp_path / "here" / "run.json").read_text())["spec"]["study"]
    assert (study["name"], study["as"], study["voices"], study["questions"]["per_topic"]) == (
        "mine",
        ["BRA"],
        ["P1"],
        1,
    )


def test_the_same_command_again_computes_nothing_and_another_one_is_refused(
    type_command: Command, tmp_path: Path
) -> None:
    type_command("poll", *SIMPLE, "--as", "USA", "--out", "here")
    first = json.loads((tmp_path / "here" / "run.json").read_text())
    again = type_command("poll", *SIMPLE, "--as", "USA", "--out", "here")
    assert "answers are there already" in again.err
    counts = json.loads((tmp_path / "here" / "run.json").read_text())["counts"]
    assert counts["computed"] == 0
    assert counts["resumed"] == first["counts"]["computed"]
    other = type_command("poll", *SIMPLE, "--as", "KEN", "--out", "here")
    assert other.code == 2
    assert "name another folder with --out" in other.err


BAD = {
    "unknown survey": (("--survey", "world-mni"), "unknown survey 'world-mni': did you mean 'world-mini'"),
    "unknown country": (("--as", "Kenia"), "unknown country or group 'Kenia': did you mean 'Kenya'"),
    "unknown voice": (("--voice", "persna"), "unknown voice 'persna': did you mean 'persona'"),
    "unknown rule": (("--model", "scripted:unifrom"), "uniform"),
    "unknown topic": (("--topic", "Economics"), "unknown topic 'Economics'"),
    "unknown question": (("--question", "family-maters"), "unknown question 'family-maters': did you mean"),
    "unknown labels": (("--labels", "roman"), "labels"),
    "orders below one": (("--orders", "0"), "orders"),
    "orders that are no number": (("--orders", "many"), "orders"),
    "no voice": (("--voice", ","), "name at least one voice"),
    "a name that is no name": (("--name", "a/b"), "name"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_done_is_one_sentence_and_exit_code_2(type_command: Command, tmp_path: Path, case: str) -> None:
    flags, expected = BAD[case]
    said = type_command("poll", *SIMPLE, *flags)
    assert said.code == 2
    assert expected in said.err
    assert "Traceback" not in said.err
    assert len(said.err.strip().splitlines()) <= 3
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("missing", ["--model", "--survey"])
def test_a_flag_that_is_missing_is_named(type_command: Command, missing: str) -> None:
    flags = {"--model": "scripted:hash", "--survey": "world-mini"}
    del flags[missing]
    said = type_command("poll", *(part for pair in flags.items() for part in pair))
    assert said.code == 2
    assert f"{missing} is missing" in said.err


STUDIES = {
    "": "study.yaml: the file is empty",
    "model: [": "study.yaml:",
    "- a list": "study.yaml:1: expected keys and values, found a list",
    "model: x\nsurvey: y\nvoice: z": "study.yaml:3: voice: unknown key 'voice': did you mean 'voices'",
    "model: x": "study.yaml:1: the key 'survey' is missing",
    "model: x\nsurvey: y\nquestions:\n  per_topc: 2": "study.yaml:4: questions.per_topc: unknown key",
    "model: x\nsurvey: y\nresamples: 3": "study.yaml:3: resamples: ",
    "model: x\nmodel: z": "study.yaml:2: model: the key is used twice",
}


@pytest.mark.parametrize("text", STUDIES)
def test_a_bad_study_names_file_line_and_key(type_command: Command, tmp_path: Path, text: str) -> None:
    (tmp_path / "study.yaml").write_text(text)
    said = type_command("poll", "study.yaml")
    assert said.code == 2
    assert said.err.startswith(f"pluralign: {STUDIES[text]}")
    assert len(said.err.strip().splitlines()) == 1


def test_a_study_file_that_is_not_there(type_command: Command) -> None:
    said = type_command("poll", "nowhere.yaml")
    assert said.code == 2
    assert "nowhere.yaml" in said.err


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("options: [Never, Sometimes, Often]", "options: [Never]", "needs at least two"),
        ("shares: [0.2, 0.3, 0.5]", "shares: [0.2, 0.3, 0.6]", "1.1"),
        ("shares: [0.2, 0.3, 0.5]", "shares: [0.2, 0.8]", "3 options"),
    ],
)
def test_a_survey_of_ones_own_that_is_wrong(
    type_command: Command, tmp_path: Path, before: str, after: str, expected: str
) -> None:
    (tmp_path / "own.yaml").write_text(SURVEY.replace(before, after))
    said = type_command("poll", "--model", "scripted:hash", "--survey", "own.yaml", "--voice", "plain")
    assert said.code == 2
    assert re.match(r"pluralign: own\.yaml:\d+: ", said.err)
    assert expected in said.err


def test_a_folder_that_cannot_be_made(type_command: Command, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    said = type_command("poll", *SIMPLE, "--as", "USA", "--out", "taken/run")
    assert said.code == 2
    assert "name another with --out" in said.err


def test_a_store_that_is_something_else_is_left_alone(type_command: Command, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "answers.sqlite").write_text("not a database, and long enough to be taken for one " * 40)
    said = type_command("poll", *SIMPLE, "--as", "USA", "--out", "here")
    assert said.code == 2
    assert "cannot be used as a store of answers" in said.err
    assert (tmp_path / "here" / "answers.sqlite").read_text().startswith("not a database")


def test_help_is_short_to_come_and_names_every_command(type_command: Command) -> None:
    said = type_command("--help")
    assert said.code == 0
    for command in ("poll", "rescore", "surveys", "graph", "report"):
        assert command in said.out


def test_scores_are_computed_again_from_the_answers(type_command: Command, tmp_path: Path) -> None:
    assert type_command("poll", *SIMPLE, "--as", "USA,KEN", "--voice", "plain,persona", "--out", "run").code == 0
    scores = json.loads((tmp_path / "run" / "scores.json").read_text())
    (tmp_path / "run" / "scores.json").unlink()
    (tmp_path / "run" / "report.html").unlink()
    said = type_command("report", "run", "--again")
    assert said.code == 0, said.err
    again = json.loads((tmp_path / "run" / "scores.json").read_text())
    assert {**again, "created": ""} == {**scores, "created": ""}
    assert (tmp_path / "run" / "report.html").exists()
