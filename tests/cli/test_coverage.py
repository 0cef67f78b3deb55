"""pluralign coverage from the command line: replies asked for, kept, and rated; mistakes in one sentence."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pluralign.cli.main import app
from pluralign.core.errors import DataError, UsageError
from pluralign.engines.base import ChatRequest, ScoreRequest
from pluralign.engines.scripted import ScriptedEngine
from pluralign.poll.coverage import Situation, View, model_judge
from pluralign.poll.replying import replies, talkers
from pluralign.store.answers import AnswerStore
from pluralign.surveys import load
from pluralign.voices.panel import panel
from pluralign.voices.speaking import Sampling
from pluralign.voices.way import ways

TOWN = "examples/panels/town.yaml"


def invoke(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["coverage", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_voices_and_a_panel_reply_and_are_rated(tmp_path: Path) -> None:
    command = [
        TOWN,
        "--model",
        "scripted:first",
        "--as",
        "KEN,USA",
        "--judge",
        "scripted:first",
        "--out",
        str(tmp_path),
    ]
    output = invoke(*command, "--voice", "plain,persona,panel:examples/panels/three-peoples.yaml")
    assert "town meeting, judged by scripted:first" in output
    found = json.loads((tmp_path / "coverage.json").read_text())
    assert [voice["voice"] for voice in found["voices"]] == ["plain", "persona@KEN", "persona@USA", "Three peoples"]
    assert all(voice["rating"]["value"] == 1.0 for voice in found["voices"]), "the first option is the rating 1"
    assert found["voices"][3]["situations"][0]["reply"].startswith("**Nigeria (persona)**: ")


def test_replies_made_elsewhere_are_rated(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    path.write_text(json.dumps({"voice": "them", "situation": "night-buses", "text": "Two words"}) + "\n")
    invoke(TOWN, "--replies", str(path), "--judge", "scripted:uniform", "--out", str(tmp_path / "out"))
    (voice,) = json.loads((tmp_path / "out" / "coverage.json").read_text())["voices"]
    assert (voice["voice"], voice["words"], voice["rating"]["value"]) == ("them", 2.0, 3.0)


def test_a_judge_that_cannot_be_read_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small model rates nothing: 0.05 of its reply on each of five ratings is half of what would be needed."""
    mute = ScriptedEngine(lambda request: [math.log(0.05)] * len(request.options))
    monkeypatch.setattr("pluralign.cli.coverage._judge", lambda *_: model_judge(mute))
    path = tmp_path / "replies.jsonl"
    path.write_text(json.dumps({"voice": "them", "situation": "night-buses", "text": "Two words"}) + "\n")
    output = invoke(TOWN, "--replies", str(path), "--judge", "smollm2", "--out", str(tmp_path / "out"))
    assert "smollm2 could not be read on 3 of 3 views" in " ".join(output.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "either a --model that replies"),
        (["--model", "scripted:first", "--voice", "persona"], "name some with --as"),
        (["--model", "scripted:first", "--voice", "self-alignment", "--as", "KEN"], "cannot hold a conversation"),
        (["--model", "scripted:first", "--voice", "panel:examples/panels/nearest.yaml"], "only Overton panels"),
        (["--model", "scripted:first", "--published"], "--published is about entailment"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(tmp_path: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        CliRunner().invoke(
            app,
            ["coverage", TOWN, "--judge", "scripted:first", "--out", str(tmp_path), *arguments],
            catch_exceptions=False,
        )


def test_a_line_that_is_no_reply_is_named(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    path.write_text('\n{"voice": "them"}\n')
    with pytest.raises(DataError, match=r"replies\.jsonl:2"):
        CliRunner().invoke(
            app, ["coverage", TOWN, "--judge", "scripted:first", "--replies", str(path)], catch_exceptions=False
        )


WRITTEN = """
name: Two
kind: overton
reply: written
members: [{voice: persona, as: KEN}, {voice: persona, as: JPN}]
"""


def test_a_woven_text_is_used_where_it_is_sound_and_nothing_is_asked_twice(tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text(WRITTEN)
    everybody = talkers(ways(["plain"]), [panel(tmp_path / "two.yaml", load("world-mini"))], [])
    situations = [Situation(id=one, text=f"What about {one}?", views=(View(text="x"),)) for one in ("tea", "milk")]
    asked: list[ChatRequest] = []

    def speak(request: ChatRequest) -> str:
        asked.append(request)
        user = request.messages[-1].content
        if "What each group says" not in user:
            return "Kenyan words." if "Kenyan" in request.messages[0].content else "Other words."
        return "All like tea [1, 2]." if "tea" in user else "Everybody likes milk."

    engine = ScriptedEngine(speaker=speak, name="speaker")
    with AnswerStore(tmp_path / "answers.sqlite") as store:
        found = replies(everybody, situations, engine, store, Sampling(temperature=0), lambda _: None)
        assert found.texts["plain"] == {"tea": "Other words.", "milk": "Other words."}
        assert found.texts["Two"]["tea"] == "All like tea. (Kenya (persona), Japan (persona))"
        assert found.texts["Two"]["milk"] == "**Kenya (persona)**: Kenyan words.\n\n**Japan (persona)**: Other words."
        assert found.fallbacks == 1
        before = len(asked)
        assert replies(everybody, situations, engine, store, Sampling(temperature=0), lambda _: None) == found
        assert len(asked) == before


def test_an_engine_that_writes_nothing_is_refused(tmp_path: Path) -> None:
    def score(request: ScoreRequest) -> Sequence[float]:
        return [0.0] * len(request.options)

    with (
        AnswerStore(tmp_path / "answers.sqlite") as store,
        pytest.raises(UsageError, match="hand replies in with --replies"),
    ):
        replies((), (), ScriptedEngine(score), store, Sampling(), lambda _: None)
