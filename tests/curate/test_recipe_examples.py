"""The recipes in ``examples/`` from end to end: on a scripted engine, a scripted server, and a small real model."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pluralign.core.records import PreferenceRecord, SftRecord
from pluralign.store.records import read_records
from tests.cli.conftest import Said, type_command
from tests.curate.question_server import QuestionServer
from tests.engines.fake_server import serving

__all__ = ["type_command"]

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def test_culturespa_on_the_surveys_own_questions(type_command: Callable[..., Said], tmp_path: Path) -> None:
    config = EXAMPLES / "culturespa.yaml"
    planned = type_command("curate", "culturespa", config, "--model", "scripted:hash", "--plan")
    assert "answer: 264 calls of scripted:hash" in planned.out
    told = type_command("curate", "culturespa", config, "--model", "scripted:hash", "--out", tmp_path / "out")
    assert told.code == 0, told.err
    records = list(read_records(tmp_path / "out" / "sft.jsonl"))
    assert {record.collective for record in records} == {"USA", "KEN", "CHN"}
    assert all(isinstance(record, SftRecord) and len(record.messages) == 3 for record in records)
    # A cap stops it with the way out, and nothing is lost.
    capped = type_command(
        "curate", "culturespa", config, "--model", "scripted:hash", "--max-calls", 0, "--out", tmp_path / "capped"
    )
    assert capped.code == 1
    assert "raise it with --max-calls" in capped.err


def test_culturespa_with_questions_a_server_writes(type_command: Callable[..., Said], tmp_path: Path) -> None:
    with serving(QuestionServer()) as server:
        told = type_command(
            "curate", "culturespa", EXAMPLES / "culturespa_written.yaml", "--model", f"http:tiny@{server.url}",
            "--as", "KEN", "--rule", "published", "--out", tmp_path,
        )  # fmt: skip
    assert told.code == 0, told.err
    assert len(json.loads((tmp_path / "questions.json").read_text())) == 8
    records = list(read_records(tmp_path / "sft.jsonl"))
    assert {record.collective for record in records} == {"KEN"}


def test_preferences_between_two_peoples(type_command: Callable[..., Said], tmp_path: Path) -> None:
    told = type_command("curate", "preferences", EXAMPLES / "preferences.yaml", "--out", tmp_path)
    assert told.code == 0, told.err
    records = list(read_records(tmp_path / "preferences.jsonl"))
    assert all(isinstance(record, PreferenceRecord) and record.preference > 0.5 for record in records)
    assert {record.collective for record in records} == {"KEN", "DEU"}


def test_filter_questions(type_command: Callable[..., Said], tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [
        {"Q_id": "Q0", "class": "Tea", "question": "Tea?", "option_lst": ["1. Yes", "2. No"], "mine": {"kept": True}},
        {"Q_id": "Q1", "class": "Tea", "question": "Tea?", "option_lst": ["Yes", "No"]},
        {"Q_id": "Q2", "class": "Tea", "question": "How happy are you?", "option_lst": ["1", "2"]},
    ]
    source, out = tmp_path / "in.json", tmp_path / "out.jsonl"
    source.write_text(json.dumps(records))
    told = type_command("curate", "filter-questions", source, out, "--against", "world-mini")
    assert told.code == 0, told.err
    assert [json.loads(line) for line in out.read_text().splitlines()] == [{**records[0], "option_lst": ["Yes", "No"]}]
    dropped = [json.loads(line) for line in (tmp_path / "out.dropped.jsonl").read_text().splitlines()]
    assert [(one["rule"], one["Q_id"]) for one in dropped] == [(1, "Q1"), (2, "Q2")]
    assert "1 questions left" in told.out
    missing = type_command("curate", "filter-questions", tmp_path / "nothing.json", out)
    assert missing.code == 2
    assert "nothing.json" in missing.err


@pytest.mark.model
def test_culturespa_on_a_real_model(type_command: Callable[..., Said], tmp_path: Path) -> None:
    config = tmp_path / "one.yaml"
    config.write_text(
        "name: one\nmodel: smollm2\nlicence: Apache-2.0\nas: [KEN]\n"
        "questions: {topics: [Safety]}\nnoise: {answers: 1000000}\n"
    )
    for out in ("first", "second"):
        told = type_command("curate", "culturespa", config, "--out", tmp_path / out)
        assert told.code == 0, told.err
    assert (tmp_path / "first" / "sft.jsonl").read_bytes() == (tmp_path / "second" / "sft.jsonl").read_bytes()
    card = (tmp_path / "first" / "dataset.md").read_text()
    assert "| KEN | 5 | 5 |" in card
