"""A poll through batch files, from the command line: what goes out, what comes back, and what is said of it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai")

from pluralign.engines import http_batch
from tests.cli.conftest import Said
from tests.engines.fake_server import FakeServer, serving

Command = Callable[..., Said]
STUDY = (
    "--survey", "world-mini", "--voice", "persona", "--as", "USA,KEN", "--per-topic", "1", "--resamples", "100",
    "--samples", "3",
)  # fmt: skip
COMPARED = ("answers.parquet", "prompts.parquet", "scores.json")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with serving(FakeServer("hosted")) as live:
        yield live


@pytest.fixture
def poll(server: FakeServer, type_command: Command) -> Command:
    def run(*arguments: object, out: str = "run", method: str = "exact,samples") -> Said:
        return type_command(
            "poll", *STUDY, "--model", f"http:tiny@{server.url}", "--out", out, "--method", method, *arguments
        )

    return run


def sent(path: str | Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def result(server: FakeServer, line: dict[str, Any]) -> dict[str, Any]:
    """What the batch service makes of a line."""
    status, body = server.answer(line["url"], line["body"])
    return {"id": "b", "custom_id": line["custom_id"], "response": {"status_code": status, "body": body}, "error": None}


def failure(line: dict[str, Any]) -> dict[str, Any]:
    error = {"code": "batch_expired", "message": "Not carried out in time."}
    return {"id": "b", "custom_id": line["custom_id"], "response": None, "error": error}


def write(name: str, entries: list[dict[str, Any]]) -> str:
    Path(name).write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return name


def same(one: str, other: str) -> None:
    for name in COMPARED:
        found, expected = Path(one, name).read_bytes(), Path(other, name).read_bytes()
        if name == "scores.json":
            found, expected = (json.dumps(json.loads(text) | {"created": ""}).encode() for text in (found, expected))
        assert found == expected, name


def test_a_poll_through_files_is_the_poll_asked_directly(server: FakeServer, poll: Command) -> None:
    assert poll(out="direct").code == 0
    out = poll("--batch-out", "send.jsonl")
    assert out.code == 0, out.err
    lines = sent("send.jsonl")
    assert f"{len(lines)} requests, 0 answered already" in out.out
    assert "--batch-in" in out.out
    assert not Path("run/report.html").exists()
    came = write("came.jsonl", [result(server, line) for line in reversed(lines)])
    asked = len(server.asked_for("/v1/chat/completions"))
    done = poll("--batch-in", came)
    assert done.code == 0, done.err
    assert f"{len(lines)} results: {len(lines)} answers are new" in done.err
    assert Path("run/report.html").exists()
    assert len(server.asked_for("/v1/chat/completions")) == asked + 1, "only what the server can do is asked for"
    same("run", "direct")
    record = json.loads(Path("run/run.json").read_text())
    assert record["counts"]["computed"] == 0
    assert not [word for word in record["command"] if "batch" in word or "came" in word], "it would not be repeated"


def test_several_files_part_of_them_failed_foreign_and_twice(
    server: FakeServer, poll: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_batch, "LINES", 10)
    poll(out="direct")
    out = poll("--batch-out", "send.jsonl")
    names = [line.strip() for line in out.out.splitlines() if line.strip().endswith(".jsonl")]
    assert len(names) > 2
    lines = [line for name in names for line in sent(name)]
    assert len({line["custom_id"] for line in lines}) == len(lines)
    fine = [result(server, line) for line in lines]
    first = write("a.jsonl", [*fine[:10], fine[0], {**fine[10], "custom_id": "a stranger's"}])
    second = write("b.jsonl", [*fine[11:20], failure(lines[20])])
    half = poll("--batch-in", first, "--batch-in", second)
    assert half.code == 1
    assert "22 results: 19 answers are new" in half.err
    assert "1 results are of a request that has another" in half.err
    assert "1 results belong to no request of this run" in half.err
    assert "1 requests failed; the first: Not carried out in time." in half.err
    assert f"{len(lines) - 19} answers of 'run' are still lacking" in half.err
    assert not Path("run/report.html").exists()
    again = poll("--batch-out", "rest.jsonl")
    assert f"{len(lines) - 19} requests, 19 answered already" in again.out
    rest = [line for path in sorted(Path().glob("rest*.jsonl")) for line in sent(path)]
    assert {line["custom_id"] for line in rest} == {line["custom_id"] for line in [lines[10], *lines[20:]]}
    came = write("c.jsonl", [*fine[5:10], *(result(server, line) for line in rest)])
    done = poll("--batch-in", came)
    assert done.code == 0, done.err
    assert "5 were there already" in done.err
    same("run", "direct")
    nothing = poll("--batch-out", "nothing.jsonl")
    assert "Nothing is left to send" in nothing.out
    assert not Path("nothing.jsonl").exists()


def test_the_rest_may_be_asked_directly(server: FakeServer, poll: Command) -> None:
    poll(out="direct")
    poll("--batch-out", "send.jsonl")
    lines = sent("send.jsonl")
    poll("--batch-in", write("came.jsonl", [result(server, line) for line in lines[:7]]))
    assert poll().code == 0
    assert json.loads(Path("run/run.json").read_text())["counts"]["computed"] == len(lines) - 7
    same("run", "direct")


def test_free_texts_are_read_in_a_second_batch(server: FakeServer, poll: Command) -> None:
    reader = ("--reader", f"http:tiny@{server.url}")
    poll(*reader, out="direct", method="free-text")
    poll(*reader, "--batch-out", "texts.jsonl", method="free-text")
    texts = write("texts-came.jsonl", [result(server, line) for line in sent("texts.jsonl")])
    half = poll(*reader, "--batch-in", texts, method="free-text")
    assert half.code == 1
    assert "still lacking" in half.err
    poll(*reader, "--batch-out", "readings.jsonl", method="free-text")
    readings = sent("readings.jsonl")
    assert all(line["body"]["logprobs"] for line in readings)
    came = write("readings-came.jsonl", [result(server, line) for line in readings])
    done = poll(*reader, "--batch-in", came, method="free-text")
    assert done.code == 0, done.err
    same("run", "direct")


def test_what_cannot_be_said_to_be_a_result_stores_nothing(poll: Command) -> None:
    poll("--batch-out", "send.jsonl")
    wrong = poll("--batch-in", "send.jsonl")
    assert wrong.code == 2
    assert "send.jsonl:1: is no result of a batch: give the file that the batch put out" in wrong.err
    there = poll("--batch-out", "send.jsonl")
    assert there.code == 2
    assert "'send.jsonl' already, which may have been sent" in there.err
    assert poll("--batch-in", "none.jsonl").code == 2
    both = poll("--plan", "--batch-out", "x.jsonl")
    assert both.code == 2
    assert "give one of them" in both.err


def test_models_that_batch_files_are_not_for(type_command: Command) -> None:
    here = type_command("poll", *STUDY, "--model", "scripted:hash", "--batch-out", "x.jsonl")
    assert here.code == 2
    assert "batch files are for a model behind a server" in here.err
    with serving(FakeServer("vllm")) as exact:
        model = ("--model", f"http:tiny@{exact.url}")
        asked = type_command("poll", *STUDY, *model, "--batch-out", "x.jsonl")
        assert asked.code == 2
        assert "ask it directly, or with --method samples" in asked.err
        assert type_command("poll", *STUDY, *model, "--method", "samples", "--batch-out", "x.jsonl").code == 0
    assert not list(Path().glob("*.part"))
