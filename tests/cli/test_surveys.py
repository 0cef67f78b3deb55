"""``pluralign surveys``, as typed."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pluralign.cli.main import app, main
from pluralign.core.errors import UsageError


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["surveys", *arguments], catch_exceptions=False)


def test_list_names_every_survey_on_one_line_each() -> None:
    lines = run("list").stdout.splitlines()
    assert lines[1].startswith("world-mini ")
    assert any(line.startswith("wvs7:DIR ") for line in lines)
    records = json.loads(run("list", "--json").stdout)
    assert {record["survey"] for record in records} == {line.split()[0] for line in lines[1:]}


def test_show_a_survey() -> None:
    text = run("show", "world-mini").stdout
    assert "77 questions, 18 collectives" in text
    assert "Haerpfer" in text
    assert "Great Britain" in text
    record = json.loads(run("show", "world-mini", "--json").stdout)
    assert len(record["questions"]) == 77
    assert record["questions"][0]["options"][0] == {"id": 1, "text": "It matters greatly"}
    assert record["collectives"][0]["questions_answered"] == 77


def test_show_a_question_with_answers() -> None:
    lines = run("show", "world-mini", "--question", "family-matters").stdout.splitlines()
    # 2316, 221, 48 and 8 of 2593 who answered; 3 of 2596 did not.
    assert next(line.split() for line in lines if line.startswith("USA")) == [
        "USA", "2593", "89%", "9%", "2%", "0%", "0%",
    ]  # fmt: skip
    record = json.loads(run("show", "world-mini", "-q", "family-matters", "--json").stdout)
    assert record["answers"]["USA"]["probabilities"][0] == pytest.approx(2316 / 2593)


def test_show_a_topic() -> None:
    lines = run("show", "world-mini", "--topic", "economy").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [
        "id", "equality-or-incentives", "private-or-state", "state-or-own-care", "competition", "nature-or-growth",
    ]  # fmt: skip
    record = json.loads(run("show", "world-mini", "--topic", "Economy", "--json").stdout)
    assert len(record["questions"]) == 5


def test_check_says_what_is_worth_knowing(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "name: mine\n"
        "collectives: [{id: us, name: Us}, {id: you, name: You}]\n"
        "questions:\n"
        "- {id: a, text: Rate it, scale: interval, options: [1, 2, 3], references: {us: {counts: [3, 3, 1]}}}\n"
        '- {id: b, text: "Good?", options: [good, bad], missing: {-1: no answer},\n'
        "   references: {us: {good: 0.5, no answer: 0.5}}}\n"
        '- {id: c, text: "Good?", options: [good, bad]}\n'
    )
    text = run("check", str(path)).stdout
    for expected in (
        "mine can be used.",
        "note  The same wording is used by several questions: b, c.",
        "note  The options are bare numbers and the text does not say what the ends mean: a.",
        "note  1 question without any reference: c.",
        "note  4 of 6 references are absent; those cells are not scored. By collective: us 1, you 3.",
        "note  1 of 2 references have no n",
        "note  1 reference with fewer than 100 people, the fewest us a with 7: ",
        "standard error of up to 19 percentage points",
        "note  1 reference with more than 20% missing: us b.",
        "note  1 reference with several most frequent options: us a.",
        "note  No citation and no licence",
    ):
        assert expected in text
    bare = tmp_path / "bare.csv"
    bare.write_text("question,option\nGood?,yes\nGood?,no\n")
    assert "note  There are no answers of people" in run("check", str(bare)).stdout
    assert "Every collective answered every question: 1386 references." in run("check", "world-mini").stdout


def test_a_mistake_is_one_sentence_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("name: bad\nquestions:\n- {id: a, text: b, options: [one]}\n")
    for arguments, message in (
        (["check", str(path)], "bad.yaml:3: questions[0].options: "),
        (["check", "world-mimi"], "unknown survey 'world-mimi': did you mean 'world-mini'?"),
        (["show", "world-mini", "-q", "hapiness"], "unknown question 'hapiness': did you mean 'happiness'?"),
        (["show", "world-mini", "-t", "Econmy"], "unknown topic 'Econmy': did you mean 'Economy'?"),
    ):
        monkeypatch.setattr("sys.argv", ["pluralign", "surveys", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        assert caught.value.code == 2
        error = capsys.readouterr().err
        assert error.startswith("pluralign: ")
        assert message in error
        assert error.count("\n") == 1
    with pytest.raises(UsageError, match="not both"):
        run("show", "world-mini", "-q", "happiness", "-t", "Economy")
