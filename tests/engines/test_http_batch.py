"""Batch files go out and come back."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai")

from pluralign.core.chat import Message
from pluralign.core.errors import DataError, ModelError, UsageError
from pluralign.engines import http_batch
from pluralign.engines.base import ChatRequest, ScoreRequest
from pluralign.engines.http import open_http
from pluralign.engines.http_bodies import Identity
from tests.engines.fake_server import FakeServer, refused, serving

MODEL = Identity("tiny")
CARRIER = http_batch.Carrier(MODEL)
LABELS = (("1",), ("2",), ("10",))


def questions(count: int) -> list[ScoreRequest]:
    return [ScoreRequest((Message("user", f"Is number {at} important?"),), LABELS) for at in range(count)]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def answer(server: FakeServer, sent: dict[str, Any]) -> dict[str, Any]:
    """What the batch service makes of one line."""
    status, body = server.answer(sent["url"], sent["body"])
    response = {"status_code": status, "request_id": "r", "body": body}
    return {"id": "b", "custom_id": sent["custom_id"], "response": response, "error": None}


def write(path: Path, entries: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return path


@pytest.fixture(scope="module")
def server() -> FakeServer:
    made = FakeServer("hosted")
    made.server_close()  # it answers without a connection
    return made


def test_a_batch_gives_what_asking_directly_gives(server: FakeServer, tmp_path: Path) -> None:
    asked = [*questions(9), *questions(3)]
    [sent] = http_batch.export_scores(asked, tmp_path / "batch.jsonl", CARRIER)
    assert len(lines(sent)) == 9, "what is asked twice is sent once"
    came = write(tmp_path / "out.jsonl", [answer(server, line) for line in reversed(lines(sent))])
    imported = http_batch.import_scores([came], asked, MODEL)
    assert imported.failed == {}
    assert imported.missing == ()
    keys = http_batch.score_keys(asked, MODEL)
    assert all(len(key) <= 64 for key in keys)
    with serving(FakeServer("hosted")) as live:
        engine = open_http(f"http:tiny@{live.url}")
        assert [imported.replies[key] for key in keys] == engine.score(asked)
        assert http_batch.score_keys(asked, engine.identity) == engine.plan(asked).keys
        engine.close()


def test_a_line_is_what_the_service_expects(tmp_path: Path) -> None:
    [sent] = http_batch.export_scores(questions(1), tmp_path / "batch.jsonl", CARRIER)
    [line] = lines(sent)
    assert line.keys() == {"custom_id", "method", "url", "body"}
    assert (line["method"], line["url"]) == ("POST", "/v1/chat/completions")
    assert line["body"]["logprobs"] is True
    assert line["body"]["top_logprobs"] == 20
    assert line["body"]["max_completion_tokens"] == 1


def test_replies_go_and_come_too(server: FakeServer, tmp_path: Path) -> None:
    asked = [
        ChatRequest((Message("user", "Is family important?"),), temperature=temperature, seed=seed, stop=("never",))
        for temperature in (0.0, 1.0)
        for seed in (0, 1)
    ]
    keys = http_batch.chat_keys(asked, MODEL)
    assert keys[0] == keys[1], "greedy replies know no seed"
    assert len(set(keys)) == 3
    [sent] = http_batch.export_chats(asked, tmp_path / "batch.jsonl", CARRIER)
    came = write(tmp_path / "out.jsonl", [answer(server, line) for line in lines(sent)])
    replies = http_batch.import_chats([came], asked, MODEL).replies
    assert {key: reply.finish for key, reply in replies.items()} == dict.fromkeys(keys, "stop")
    assert len({reply.text for reply in replies.values()}) == 3


def test_what_is_too_much_for_one_file_goes_into_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_batch, "LINES", 3)
    paths = http_batch.export_scores(questions(7), tmp_path / "batch.jsonl", CARRIER)
    assert [path.name for path in paths] == ["batch.jsonl", "batch-2.jsonl", "batch-3.jsonl"]
    assert [len(lines(path)) for path in paths] == [3, 3, 1]
    monkeypatch.setattr(http_batch, "BYTES", 1)
    assert len(http_batch.export_scores(questions(7), tmp_path / "other.jsonl", CARRIER)) == 7
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".jsonl"] * 10


@pytest.mark.parametrize("there", ["batch.jsonl", "batch-3.jsonl"])
def test_a_file_that_may_have_been_sent_is_not_written_over(there: str, tmp_path: Path) -> None:
    (tmp_path / there).write_text("sent")
    with pytest.raises(UsageError, match="name another"):
        http_batch.export_scores(questions(7), tmp_path / "batch.jsonl", CARRIER)
    assert (tmp_path / there).read_text() == "sent"


def test_results_are_counted_once_and_what_broke_off_is_said(server: FakeServer, tmp_path: Path) -> None:
    asked = questions(4)
    [sent] = http_batch.export_scores(asked, tmp_path / "batch.jsonl", CARRIER)
    fine = [answer(server, line) for line in lines(sent)]
    came = write(tmp_path / "out.jsonl", [fine[0], fine[1], fine[0], {**fine[2], "custom_id": "a stranger's"}])
    came.write_text(came.read_text() + json.dumps(fine[3])[:-40])
    results = http_batch.Results([came])
    imported = results.scores(dict(zip(http_batch.score_keys(asked, MODEL), asked, strict=True)))
    assert (len(imported.replies), len(imported.missing)) == (2, 2)
    assert (results.lines, results.repeated, results.foreign, results.cut_off) == (4, 1, 1, [came])


def test_failures_refusals_and_gaps_are_kept_apart(server: FakeServer, tmp_path: Path) -> None:
    asked = questions(6)
    keys = http_batch.score_keys(asked, MODEL)
    [sent] = http_batch.export_scores(asked, tmp_path / "batch.jsonl", CARRIER)
    fine = [answer(server, line) for line in lines(sent)]
    status, body = refused(400, "Filtered.", "content_filter")
    expired = {"code": "batch_expired", "message": "This request was not carried out in time."}
    came = write(
        tmp_path / "out.jsonl",
        [
            fine[0],
            {**fine[1], "response": {"status_code": status, "body": body}},
            {**fine[2], "response": {"status_code": 200, "body": {"choices": []}}},
            {**fine[3], "custom_id": "somebody else's"},
        ],
    )
    errors = write(tmp_path / "errors.jsonl", [{**fine[4], "response": None, "error": expired}])
    imported = http_batch.import_scores([came, errors], asked, MODEL)
    assert set(imported.replies) == {keys[0], keys[1]}
    assert set(imported.replies[keys[1]].logprobs) == {-math.inf}
    assert imported.replies[keys[1]].high == (0.0, 0.0, 0.0)
    assert set(imported.failed) == {keys[2], keys[4]}
    assert imported.failed[keys[4]] == expired["message"]
    assert imported.missing == (keys[3], keys[5])
    again = http_batch.import_scores([errors, write(tmp_path / "more.jsonl", fine)], asked, MODEL)
    assert (len(again.replies), again.failed, again.missing) == (6, {}, ())


@pytest.mark.parametrize(
    "line",
    ['{"custom_id": "a", "body": {}}', "{", "[]", '{"id": 1}', '{"custom_id": 1}', '{"custom_id": "a", "response": 7}'],
)
def test_what_is_no_result_names_file_and_line(line: str, tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text(f"\n{line}\n")
    with pytest.raises(DataError, match=r"out\.jsonl:2: is no result of a batch"):
        http_batch.import_scores([path], questions(1), MODEL)


def test_a_file_that_is_not_there_and_a_question_that_cannot_go(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        http_batch.import_chats([tmp_path / "none.jsonl"], [], MODEL)
    begun = ScoreRequest((Message("user", "?"),), LABELS, "I choose")
    with pytest.raises(ModelError, match="cannot be made to begin"):
        http_batch.export_scores([begun], tmp_path / "batch.jsonl", CARRIER)
    assert not list(tmp_path.iterdir())
