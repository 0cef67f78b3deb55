"""Panels that are served: several voices answer as one, and a reply says who of them spoke."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pluralign.core.chat import Message
from pluralign.engines.base import ChatRequest, ScoreRequest
from pluralign.engines.live import Threaded
from pluralign.engines.scripted import ScriptedEngine
from pluralign.serve.settings import Options
from pluralign.serve.topics import Topics
from tests.serve.conftest import Running, Write, running, script, shelf_of
from tests.serve.measured import by_words, measured

HELLO = [{"role": "user", "content": "What about divorce?"}]
UNION = "id: union\ntitle: The union\nstrategy: plain\ncollective: {id: union, name: Union members}\n"
OVERTON = "id: three\ntitle: Three voices\npanel: {kind: overton, members: [kenya, brazil, union]}\n"
WOVEN = "id: woven\ntitle: Woven\npanel: {kind: overton, reply: written, members: [kenya, brazil]}\n"
NEAREST = "id: nearest\ntitle: The nearest\npanel: {kind: steerable, members: [kenya, nigeria, brazil, union]}\n"
PICKED = "id: picked\ntitle: Picked\npanel: {kind: steerable, pick: model, members: [kenya, brazil]}\n"
MIXED = """\
id: mixed
title: Mixed
panel:
  kind: distributional
  members: [{voice: kenya, weight: 0.75}, {voice: nigeria, weight: 0.25}]
"""
UNMEASURED = MIXED.replace("mixed", "unmeasured").replace("kenya", "canada").replace("nigeria", "germany")
WINDOW = "id: window\ntitle: Window\npanel: {kind: overton, members: [canada, germany]}\n"
POLLED = """\
name: as polled
kind: overton
members:
- {voice: persona, as: JPN}
- {voice: persona, as: Kenya}
"""


def said_by(request: ChatRequest) -> str:
    """Who speaks, in words that show whom the model was told to be and what it said before."""
    told = request.messages[0].content if request.messages[0].role == "system" else ""
    if "put the views of several groups" in told:
        text = request.messages[-1].content
        return "Both keep promises [1, 2]. The first says yes [1]." if "well-behaved" in text else "Nobody says so."
    who = next((word for word in ("Kenyan", "Nigerian", "Brazilian", "Japanese") if word in told), "unionist")
    before = [message.content for message in request.messages if message.role == "assistant"]
    return f"The {who} view.\n\n  It is long. Before: {before[-1] if before else 'nothing'}"


def shares(request: ScoreRequest) -> list[float]:
    """Canadians choose the first option, others the last; a tenth of theirs and half of the others' is no option."""
    told, asked = request.messages[0].content, request.messages[-1].content
    if "best suited" in asked:
        sure = {"Kiswahili speakers": (0.9, 0.05), "Nobody I know": (0.2, 0.1)}
        return [math.log(share) for share in next((one for name, one in sure.items() if name in asked), (0.1, 0.8))]
    last = len(request.options) - 1
    held = 0.9 if "Canadian" in told else 0.5
    chosen = 0 if "Canadian" in told else last
    return [math.log(held) if at == chosen else -math.inf for at in range(len(request.options))]


def engine(**settings: Any) -> ScriptedEngine:
    return ScriptedEngine(shares, said_by, name="script", remember=False, adapters=True, **settings)


@pytest.fixture(scope="module")
def panels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("voices")
    (folder / "polled").mkdir()
    (folder / "polled" / "panel.yaml").write_text(POLLED)
    files = {
        "a": OVERTON, "b": WOVEN, "c": NEAREST, "d": PICKED, "e": MIXED, "f": UNION, "h": UNMEASURED, "i": WINDOW,
        "g": "id: file\ntitle: From a file\npanel: polled/panel.yaml\n",
    }  # fmt: skip
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    run = measured(tmp_path_factory.mktemp("run"))
    live = Threaded(engine(), concurrency=32)
    shelf = shelf_of(live, folder=folder, runs=(run,))
    assert shelf.contents.problems == {}
    with running(shelf, live, topics=Topics(by_words(), alike=0.3)) as found:
        yield found


def chat(served: Running, model: str, **more: Any) -> dict[str, Any]:
    answer = served.post("/v1/chat/completions", model=model, **{"messages": HELLO, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def streamed(served: Running, model: str, **more: Any) -> list[dict[str, Any]]:
    body = {"model": model, "messages": HELLO, "stream": True, **more}
    with served.client.stream("POST", "/v1/chat/completions", json=body) as answer:
        assert answer.status_code == 200
        lines = [line[6:] for line in answer.iter_lines() if line.startswith("data: {")]
    return [json.loads(line) for line in lines]


# --- Overton ----------------------------------------------------------------------------------------------------------

QUOTED = (
    "**Kenya**: The Kenyan view. It is long. Before: nothing\n\n"
    "**Brazil**: The Brazilian view. It is long. Before: nothing\n\n"
    "**The union**: The unionist view. It is long. Before: nothing"
)


def test_an_overton_reply_covers_every_voice_and_attributes_each_part(panels: Running) -> None:
    answer = chat(panels, "script@three")
    assert answer["choices"][0]["message"]["content"] == QUOTED
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["usage"]["completion_tokens"] == 3 * 8
    told = answer["pluralign"]
    assert told["kind"] == "overton"
    assert [one["title"] for one in told["voices"]] == ["Kenya", "Brazil", "The union"]
    assert [part["voices"] for part in told["parts"]] == [["script@kenya"], ["script@brazil"], ["script@union"]]
    assert "\n\n".join(part["text"] for part in told["parts"]) == QUOTED


def test_streamed_it_is_the_same_reply_and_every_piece_says_whose_it_is(panels: Running) -> None:
    events = streamed(panels, "script@three", n=2, stream_options={"include_usage": True})
    for index in (0, 1):
        own = [one for event in events for one in event["choices"] if one["index"] == index]
        assert "".join(one["delta"].get("content") or "" for one in own) == QUOTED
        speakers = [tuple(one["pluralign"]["voices"]) for one in own if "pluralign" in one]
        assert list(dict.fromkeys(speakers)) == [("script@kenya",), ("script@brazil",), ("script@union",)]
        assert own[-1]["finish_reason"] == "stop"
    assert events[-1]["usage"]["completion_tokens"] == 2 * 3 * 8
    ends = [event for event in events if event["choices"] and event["choices"][0]["finish_reason"]]
    assert all(len(event["pluralign"]["parts"]) == 3 for event in ends)


def test_in_a_longer_conversation_each_voice_finds_its_own_words(panels: Running) -> None:
    messages = [*HELLO, {"role": "assistant", "content": QUOTED}, *HELLO]
    text = chat(panels, "script@three", messages=messages)["choices"][0]["message"]["content"]
    assert "**Brazil**: The Brazilian view. It is long. Before: The Brazilian view. It is long. Before: nothing" in text
    other = [*HELLO, {"role": "assistant", "content": "Something else."}, *HELLO]
    text = chat(panels, "script@three", messages=other)["choices"][0]["message"]["content"]
    assert text.count("Before: Something else.") == 3


def test_a_wish_for_length_is_shared_by_the_voices(panels: Running) -> None:
    answer = chat(panels, "script@three", max_tokens=7)
    assert answer["choices"][0]["message"]["content"] == (
        "**Kenya**: The Kenyan\n\n**Brazil**: The Brazilian\n\n**The union**: The unionist"
    )
    assert answer["choices"][0]["finish_reason"] == "length"


def test_a_woven_reply_says_whose_view_each_sentence_is_or_quotes(panels: Running) -> None:
    messages = [{"role": "user", "content": "Something well-behaved?"}]
    answer = chat(panels, "script@woven", messages=messages)
    assert answer["choices"][0]["message"]["content"] == (
        "Both keep promises. (Kenya, Brazil) The first says yes. (Kenya)"
    )
    assert answer["pluralign"]["parts"][0]["voices"] == ["script@kenya", "script@brazil"]
    failed = chat(panels, "script@woven")
    assert failed["choices"][0]["message"]["content"].startswith("**Kenya**: The Kenyan view. It is long.")
    events = streamed(panels, "script@woven", messages=messages)
    text = "".join(one["delta"].get("content") or "" for event in events for one in event["choices"])
    assert text == answer["choices"][0]["message"]["content"]


def test_a_panels_file_serves_and_its_members_can_be_asked_alone(panels: Running) -> None:
    answer = chat(panels, "script@file")
    assert answer["choices"][0]["message"]["content"].startswith("**Japan**: The Japanese view.")
    assert [one["id"] for one in answer["pluralign"]["voices"]] == ["script@file/japan", "script@file/kenya"]
    alone = chat(panels, "script@file/japan")
    assert alone["model"] == "script@file/japan"
    assert alone["choices"][0]["message"]["content"].startswith("The Japanese view.")
    refused = panels.post("/v1/chat/completions", model="script@file/france", messages=HELLO)
    assert refused.json()["error"]["code"] == "model_not_found"
    assert panels.client.get("/pluralign/voices/script@file/japan").json()["collective"]["id"] == "JPN"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"logprobs": True}, "put together from several"),
        ({"n": 8, "model": "script@three", "max_tokens": 5}, None),
        ({"model": "script@{three:0.5,kenya:0.5}"}, "is a panel"),
    ],
)  # fmt: skip
def test_what_a_panel_cannot_do_is_said(panels: Running, body: dict[str, Any], message: str | None) -> None:
    answer = panels.post("/v1/chat/completions", **{"model": "script@three", "messages": HELLO, **body})
    assert answer.status_code == (200 if message is None else 400)
    assert message is None or message in answer.json()["error"]["message"]


def test_one_voice_that_fails_fails_the_reply_and_ends_the_others(tmp_path: Path, voices: Write) -> None:
    def breaks(request: ChatRequest) -> str:
        if "Brazilian" in request.messages[0].content:
            raise RuntimeError("secret")
        return "word " * 100_000

    voices("union.yaml", UNION)
    voices("three.yaml", OVERTON)
    live = Threaded(script(speaker=breaks, pause=0.002), concurrency=8)
    with running(shelf_of(live, folder=tmp_path), live, Options(max_tokens=100_000)) as served:
        for stream in (False, True):
            answer = served.post("/v1/chat/completions", model="script@three", messages=HELLO, stream=stream)
            assert "The server failed" in answer.text
            assert "secret" not in answer.text
            served.idle()


def test_whoever_leaves_ends_all_voices(tmp_path: Path, voices: Write) -> None:
    voices("union.yaml", UNION)
    voices("three.yaml", OVERTON)
    live = Threaded(script(speaker=lambda _: "word " * 100_000, pause=0.002), concurrency=8)
    with running(shelf_of(live, folder=tmp_path), live, Options(max_tokens=100_000)) as served:
        body = {"model": "script@three", "messages": HELLO, "stream": True, "max_tokens": 90_000}
        with served.client.stream("POST", "/v1/chat/completions", json=body) as answer:
            lines = answer.iter_lines()  # kept: whoever lets go of it leaves
            next(lines)
            assert live.load().active == 3
        served.idle()


# --- steerable --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "group", "who", "how"),
    [
        ("script@nearest/Kenya", "", ["script@kenya"], "own"),
        ("script@nearest/KEN", "", ["script@kenya"], "own"),
        ("script@nearest", "kenya", ["script@kenya"], "own"),
        ("script@nearest", "Union members", ["script@union"], "own"),
        ("script@nearest/Ghana", "Brazil", ["script@kenya", "script@nigeria"], "region"),
        ("script@nearest/Chile", "", ["script@brazil"], "region"),
        ("script@picked", "Kiswahili speakers", ["script@kenya"], "model"),
        ("script@picked/Peru", "", ["script@brazil"], "model"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
def test_the_voice_that_suits_the_stated_group_answers(
    panels: Running, name: str, group: str, who: list[str], how: str, stream: bool
) -> None:
    more = {"metadata": {"group": group}} if group else {}
    answer = streamed(panels, name, **more)[0] if stream else chat(panels, name, **more)
    told = answer["pluralign"]
    assert [one["id"] for one in told["voices"]] == who
    assert [one["weight"] for one in told["voices"]] == pytest.approx([1 / len(who)] * len(who))
    assert (told["chosen_by"], told["panel"]) == (how, name.partition("/")[0])
    assert answer["model"].startswith(f"{told['panel']}/")


def test_nobody_is_guessed(panels: Running) -> None:
    def refused(model: str, group: str = "") -> dict[str, Any]:
        body = {"metadata": {"group": group}} if group else {}
        answer = panels.post("/v1/chat/completions", model=model, messages=HELLO, **body)
        assert answer.status_code == 400
        return dict(answer.json()["error"])

    assert "say which group" in refused("script@nearest")["message"]
    assert "Kenya, Nigeria, Brazil, Union members" in refused("script@nearest")["message"]
    assert "speaks for France or its region" in refused("script@nearest", "France")["message"]
    assert "speaks for Beekeepers or its region" in refused("script@nearest/Beekeepers")["message"]
    assert refused("script@picked", "Nobody I know")["code"] == "pick_unreadable"
    counted = panels.client.get("/metrics").text
    assert 'pluralign_picks_total{outcome="unread",panel="script@picked"} 1.0' in counted


# --- distributional ---------------------------------------------------------------------------------------------------


def test_a_distributional_panel_speaks_as_the_mixture_of_its_name(panels: Running) -> None:
    for seed in range(6):
        by_file = chat(panels, "script@mixed", seed=seed, n=8)
        by_name = chat(panels, "script@{kenya:0.75,nigeria:0.25}", seed=seed, n=8)
        assert by_file["choices"] == by_name["choices"]
        assert by_file["pluralign"]["kind"] == "distributional"
        assert "pluralign" not in by_name


def test_polled_its_probabilities_are_mixed_before_what_is_no_option_is_left_out(panels: Running) -> None:
    """Canada 0.9 on the first option, Germany 0.5 on the last: 0.75 x 0.9 = 0.675 to 0.25 x 0.5 = 0.125, of 0.8."""
    for model in ("script@unmeasured", "script@{canada:0.75,germany:0.25}"):
        found = panels.post("/pluralign/poll", model=model, question="divorce").json()
        shares = found["voice"]["shares"]
        assert (shares[0], shares[-1]) == pytest.approx((0.675 / 0.8, 0.125 / 0.8))
        assert found["voice"]["outside"] == pytest.approx(0.2)
        assert found["how"] == "now"
        assert found["people"]["who"] == "Canada, Germany"


def test_an_overton_panel_is_polled_part_by_part_and_a_steerable_one_as_who_it_chose(panels: Running) -> None:
    found = panels.post("/pluralign/poll", model="script@window", question="divorce").json()
    # Half each: 0.45 on the first option and 0.25 on the last, of 0.7.
    assert (found["voice"]["shares"][0], found["voice"]["shares"][-1]) == pytest.approx((0.45 / 0.7, 0.25 / 0.7))
    near = panels.post("/pluralign/poll", model="script@nearest/Ethiopia", question="divorce").json()
    assert near["people"]["who"] == "Ethiopia"
    assert near["distance"] is not None
    assert panels.post("/pluralign/poll", model="script@nearest", question="divorce").status_code == 400


# --- what is told of panels -------------------------------------------------------------------------------------------


def test_the_list_the_card_and_the_topic_tell_of_members(panels: Running) -> None:
    listed = {one["id"]: one for one in panels.client.get("/v1/models").json()["data"]}
    told = listed["script@three"]["panel"]
    assert [one["id"] for one in told["members"]] == ["script@kenya", "script@brazil", "script@union"]
    assert told["members"][0]["profile"]["questions"] == 77
    assert told["members"][2]["profile"] is None
    assert listed["script@kenya"]["panel"] is None
    assert listed["script@three"]["summary"] == "One reply that covers Kenya, Brazil and The union."
    card = panels.client.get("/pluralign/voices/script@nearest").json()
    assert card["panel"]["pick"] == "declared"
    about = panels.post("/pluralign/topic", text="Is divorce acceptable?", models=["script@three"]).json()
    members = about["voices"]["script@three"]["members"]
    assert members[0]["measured"]["topic"] == about["voices"]["script@three"]["topic"]
    assert members[2]["measured"] is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (OVERTON.replace("brazil", "atlantis"), "unknown voice 'atlantis'"),
        (OVERTON.replace("[kenya, brazil, union]", "[kenya]"), "at least two members"),
        (OVERTON.replace("[kenya, brazil, union]", "[kenya, kenya]"), "two members are called 'Kenya'"),
        (OVERTON.replace("kind: overton, ", ""), "say what kind of panel"),
        (OVERTON.replace("kind: overton", "kind: overtone"), "panel.kind"),
        (OVERTON.replace("kind: overton", "kind: overton, pick: model"), "'pick' is for steerable"),
        (OVERTON + "strategy: plain\n", "have their own ways of speaking: remove 'strategy'"),
        (MIXED.replace("0.25", "0.5"), "sum to 1.25"),
        (MIXED.replace(", weight: 0.25", ""), "every member a weight, or none"),
        ("id: x\ntitle: X\npanel: none.yaml\n", "there is no such file"),
        ("id: x\ntitle: X\npanel: {file: none.yaml, kind: overton}\n", "says it all: remove 'kind'"),
        (OVERTON.replace("union]", "other]"), "are voices, not panels"),
    ],
)  # fmt: skip
def test_a_wrong_panel_is_reported_and_the_rest_serves(tmp_path: Path, voices: Write, text: str, problem: str) -> None:
    voices("other.yaml", WOVEN.replace("id: woven", "id: other"))
    voices("union.yaml", UNION)
    voices("wrong.yaml", text)
    shelf = shelf_of(Threaded(script()), folder=tmp_path)
    # Panels are no members of panels, also those that would be found.
    said = " ".join(shelf.contents.problems.values())
    assert problem in said or ("not panels" in problem and "unknown voice 'other'" in said), said
    assert "script@union" in shelf.contents.voices
    assert "script@other" in shelf.contents.voices


def test_a_panel_follows_its_members_and_outlives_them(tmp_path: Path, voices: Write) -> None:
    union = voices("union.yaml", UNION)
    voices("panel.yaml", OVERTON)
    shelf = shelf_of(Threaded(script()), folder=tmp_path)
    voices("union.yaml", UNION.replace("The union", "The union of 2027"))
    panel = shelf.reload().voices["script@three"].panel
    assert panel is not None
    assert panel.members[2].title == "The union of 2027"
    union.unlink()
    contents = shelf.reload()
    assert "unknown voice 'union'" in contents.problems[str(tmp_path / "panel.yaml")]
    assert contents.voices["script@three"].panel is not None, "what it said before goes on being served"
    voices("panel.yaml", OVERTON.replace("id: three", "id: two").replace(", union", ""))
    contents = shelf.reload()
    assert contents.problems == {}
    assert "script@three" not in contents.voices
    assert "script@two" in contents.voices


def test_a_panel_of_a_file_that_follows_speaks_for_the_files_people(tmp_path: Path, voices: Write) -> None:
    voices("panel.txt", "name: p\nkind: distributional\nmembers: [{voice: persona}, {voice: plain}]\n")
    voices("p.yaml", "id: p\ntitle: P\npanel: panel.txt\n")
    shelf = shelf_of(Threaded(script()), folder=tmp_path)
    assert "does not say whom it speaks for" in shelf.contents.problems[str(tmp_path / "p.yaml")]
    voices("p.yaml", "id: p\ntitle: P\npanel: panel.txt\ncollective: {id: KEN, name: Kenya, adjective: Kenyan}\n")
    spoken = shelf.reload().find("script@p")
    request = spoken.parts[0][0].speaker.request((Message("user", "Hello"),), _sampling())
    assert "Kenyan" in request.messages[0].content
    assert spoken.panel is not None
    assert spoken.panel.collective is not None
    assert spoken.panel.can_be_polled


def _sampling() -> Any:
    from pluralign.voices.speaking import Sampling

    return Sampling()
