"""Voices from files: read again on change, a wrong one reported, the rest served."""

import re
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pluralign.core.errors import UnknownNameError, UsageError
from pluralign.engines.live import Threaded
from pluralign.prompts.options import Labels
from pluralign.serve.names import Mixture, read_mixture, slug
from pluralign.serve.shelf import Shelf, base_name
from pluralign.surveys import load
from tests.report.poll_scores import make_scores
from tests.serve.conftest import Write, running, script, shelf_of

UNION = """\
id: union-2026
title: Members of the union, 2026
collective: {id: union-2026, name: Union members, adjective: Unionised, article: a}
licence: CC-BY-4.0
sources:
  - {title: Ballot of 2026, url: "https://union.example/ballot", licence: CC0}
default: true
"""
CHARTER = """\
title: What we agreed on
principles:
  - {id: one, title: Listen first, description: Ask before you advise.}
  - {id: two, title: Name the costs, context: When money is at stake}
"""


def shelf_in(folder: Path, **settings: object) -> Shelf:
    return shelf_of(Threaded(script()), folder=folder, **settings)


def test_a_voice_file_is_a_voice(tmp_path: Path, voices: Write) -> None:
    voices("union.yaml", UNION)
    shelf = shelf_in(tmp_path)
    assert shelf.contents.problems == {}
    assert shelf.contents.default == "script@union-2026"
    voice = shelf.contents.find("").voice
    assert voice is not None
    assert voice.title == "Members of the union, 2026"
    assert "a Unionised cultural background" in voice.speaker.system
    assert voice.asks is not None
    assert "script@kenya" in shelf.contents.voices, "beside the survey's"


def test_a_charter_is_what_the_model_is_told(tmp_path: Path, voices: Write) -> None:
    voices("charter.json", "{}")
    voices("charter.txt", CHARTER)
    voices("union.yaml", UNION + "charter: charter.txt\n")
    voice = shelf_in(tmp_path).contents.find("script@union-2026").voice
    assert voice is not None
    assert "You speak for Union members." in voice.speaker.system
    assert "1. Listen first: Ask before you advise." in voice.speaker.system
    assert "2. When money is at stake: Name the costs" in voice.speaker.system
    assert voice.asks is not None
    question = load("world-mini").questions[0]
    asked = voice.asks.ask(question, tuple(range(len(question.options))), Labels.NUMBER)
    assert "You speak for Union members." in asked.messages[0].content, "a poll tells it the same"
    assert "1. Listen first: Ask before you advise." in asked.messages[0].content


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (UNION + "stratgy: persona\n", r"union.yaml:8: stratgy: unknown key 'stratgy'"),
        (UNION.replace("title: Members of the union, 2026\n", ""), "the key 'title' is missing"),
        (UNION + "strategy: [", "union.yaml:[89]: not valid YAML"),
        (UNION + "strategy: self-alignment\n", "cannot hold a conversation"),
        (UNION + "strategy: mumble\n", "unknown voice 'mumble'"),
        (UNION + "charter: none.yaml\n", "there is no such file"),
        (UNION + "charter: x.yaml\nstrategy: plain\n", "a strategy or a charter, not both"),
        (UNION + "identity_token: <|collective:x|>\n", "means nothing without the adapter"),
        (UNION + "measured: [{run: nowhere}]\n", "there are no scores in"),
        (UNION + "adapter: nowhere\n", "nowhere"),
        (UNION + "sampling: {temperature: 9}\n", "union.yaml:8: sampling.temperature"),
        ("", "the file is empty"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_reported_and_the_rest_serves(tmp_path: Path, voices: Write, text: str, problem: str) -> None:
    voices("other.yaml", "id: other\ntitle: Another\n")
    path = voices("union.yaml", text)
    shelf = shelf_in(tmp_path)
    [(where, said)] = shelf.contents.problems.items()
    assert where == str(path)
    assert re.search(problem, said), said
    assert "script@other" in shelf.contents.voices
    assert "script@union-2026" not in shelf.contents.voices


def test_what_a_file_said_before_it_went_wrong_goes_on_being_served(tmp_path: Path, voices: Write) -> None:
    voices("union.yaml", UNION)
    shelf = shelf_in(tmp_path)
    voices("union.yaml", "id: [")
    assert "script@union-2026" in shelf.reload().voices
    assert len(shelf.contents.problems) == 1
    voices("union.yaml", UNION.replace("union, 2026", "union, 2027"))
    assert shelf.reload().voices["script@union-2026"].title.endswith("2027")
    assert shelf.contents.problems == {}
    (tmp_path / "union.yaml").unlink()
    assert "script@union-2026" not in shelf.reload().voices


def test_two_files_of_one_name(tmp_path: Path, voices: Write) -> None:
    voices("a.yaml", UNION)
    voices("b.yaml", UNION.replace("Members", "Others"))
    shelf = shelf_in(tmp_path)
    assert shelf.contents.voices["script@union-2026"].title.startswith("Members")
    assert "is defined in" in shelf.contents.problems[str(tmp_path / "b.yaml")]


def test_files_are_read_again_while_the_server_runs(tmp_path: Path, voices: Write) -> None:
    from watchfiles import awatch

    voices("union.yaml", UNION)
    live = Threaded(script())

    def watch() -> AsyncIterator[object]:
        return awatch(tmp_path, step=20, debounce=50)

    with running(shelf_of(live, folder=tmp_path), live, watch=watch) as served:
        time.sleep(0.3)  # the watch begins with the server, in a thread of its own
        voices("second.yaml", "id: second\ntitle: A second voice\n")
        voices("union.yaml", UNION + "nonsense: true\n")
        deadline = time.monotonic() + 30
        while served.client.get("/v1/models/script@second").status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        while served.client.get("/health").json()["voice_file_problems"] != 1:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert served.client.get("/v1/models/script@union-2026").status_code == 200


def test_a_measured_profile_overall_and_by_topic(tmp_path: Path, voices: Write) -> None:
    scores = make_scores()
    cell = scores.cells[0]
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "scores.json").write_text(scores.model_dump_json(), encoding="utf-8")
    measured = f"measured: [{{run: run, voice: {cell.voice}, collective: {cell.collective}}}]\n"
    voices("union.yaml", UNION + measured)
    voice = shelf_in(tmp_path).contents.find("").voice
    assert voice is not None
    [profile] = voice.profiles
    assert profile.distance == cell.distances[cell.headline]
    assert profile.below_floor == ((cell.distances[cell.headline].value or 0) >= (profile.uniform or 0))
    assert sum(topic.questions for topic in profile.topics) == sum(
        1 for one in scores.questions
        if cell.collective in one.people and one.voices.get(cell.voice)
        and (cell.headline != "wasserstein" or one.scale != "nominal" or len(one.options) == 2)
    )  # fmt: skip
    voices("union.yaml", UNION + measured.replace(cell.collective, "XXX"))
    [problem] = shelf_in(tmp_path).contents.problems.values()
    assert "did not measure the voice" in problem
    shutil.rmtree(tmp_path / "run")


def test_a_run_of_the_surveys_voices_is_shown_with_them(tmp_path: Path) -> None:
    scores = make_scores()
    voice, people = scores.cells[0].voice, scores.cells[0].collective
    renamed = scores.model_copy(
        update={
            "cells": (scores.cells[0].model_copy(update={"voice": "persona", "collective": "KEN"}),),
            "questions": tuple(
                one.model_copy(
                    update={
                        "people": {"KEN": one.people[people]},
                        "voices": {"persona": {"KEN": one.voices[voice][people]}},
                    }
                )
                for one in scores.questions
                if people in one.people and people in one.voices.get(voice, {})
            ),
        }
    )
    (tmp_path / "scores.json").write_text(renamed.model_dump_json(), encoding="utf-8")
    shelf = shelf_of(Threaded(script()), runs=(tmp_path,))
    assert len(shelf.contents.voices["script@kenya"].profiles) == 1
    assert shelf.contents.voices["script@brazil"].profiles == ()


def test_a_default_that_is_not_there(tmp_path: Path) -> None:
    assert shelf_of(Threaded(script()), default="kenya").contents.default == "script@kenya"
    with pytest.raises(UnknownNameError, match="atlantis"):
        shelf_of(Threaded(script()), default="atlantis")
    with pytest.raises(UsageError, match="cannot be read"):
        shelf_in(tmp_path / "none")


def test_names() -> None:
    assert read_mixture("smollm2@kenya") is None
    assert read_mixture("m@{a:3, b:1}") == Mixture("m", (("a", 0.75), ("b", 0.25)))
    assert read_mixture("m@{a:1,b:1}").name == "m@{a:0.5,b:0.5}"  # type: ignore[union-attr]
    for wrong in (
        "m@{a:1}",
        "m@{a:1,b}",
        "m@{a:1,b:0}",
        "m@{a:1,b:-1}",
        "m@{a:1,b:nan}",
        "m@{a:1,a:1}",
        "m@{,}",
        "m@{a:1,b:1",
    ):
        with pytest.raises(UsageError):
            read_mixture(wrong)
    assert slug("United States") == "united-states"
    assert slug("Côte d’Ivoire") == "cote-divoire"
    assert base_name("http:llama3@http://127.0.0.1:11434/v1") == "llama3"
    assert base_name("/models/My Model.gguf") == "My-Model"
    assert base_name("scripted:hash") == "scripted-hash"
