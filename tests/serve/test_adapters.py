"""Adapters and identity tokens through the server: whoever was trained to speak speaks, and nobody else at once."""

import json
import math
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("peft")

from pluralign.core.adapter import mixture_token
from pluralign.core.chat import Message
from pluralign.engines.base import ChatRequest, ScoreRequest
from pluralign.engines.continuous import Continuous
from pluralign.engines.local import LocalEngine
from pluralign.voices.speaking import Sampling
from tests.engines import tiny_models
from tests.serve.conftest import Running, running, shelf_of
from tests.train.test_distributional import SURVEY, trainer

pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:You are trying to modify a model with PEFT for a second time"),
    pytest.mark.filterwarnings("ignore:Could not find a config file in"),
]

HELLO = [{"role": "user", "content": "How important is family in your life?"}]
SETTINGS: dict[str, Any] = {"steps": 6, "learning_rate": 0.05, "identity": {"learning_rate": 0.5}, "save_every": 6}


def base() -> LocalEngine:
    return tiny_models.engine(tiny_models.model("llama", max_position_embeddings=4096), digest="0")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two adapters of the tiny model, trained for a few steps toward four peoples' answers."""
    folder = tmp_path_factory.mktemp("adapters")
    trainer(folder / "one", **SETTINGS).train()
    trainer(folder / "two", **SETTINGS, seed=5).train()
    trainer(folder / "early", **{**SETTINGS, "identity": {"learning_rate": 0.5, "placement": "early"}}).train()
    return folder


@pytest.fixture(scope="module")
def served(trained: Path) -> Iterator[Running]:
    first, second = (one.id for one in SURVEY.collectives[:2])
    peoples = "collective: {id: %s, name: %s}"
    files = {
        "first": f"adapter: one\n{peoples % (first, 'First')}",
        "second": f"adapter: one\n{peoples % (second, 'Second')}",
        "token": f"adapter: one\nidentity_token: <|collective:{second.lower()}|>\n{peoples % (first, 'First')}",
        "other": f"adapter: two\n{peoples % (first, 'First')}",
        "early": f"adapter: early\n{peoples % (first, 'First')}",
        "early-other": f"adapter: early\n{peoples % (second, 'Second')}",
        "rows": f"adapter: one\nidentity_token: '{mixture_token({first: 0.6, second: 0.4})}'",
        "wrong": "adapter: one\nidentity_token: <|collective:fra|>",
        "wrong-rows": f"adapter: one\nidentity_token: '{mixture_token({first: 0.6, 'FRA': 0.4})}'",
    }
    for name, text in files.items():
        (trained / f"{name}.yaml").write_text(f"id: {name}\ntitle: The voice {name}\n{text}\n")
    live = Continuous(base(), rows=8, chunk=16)
    with running(shelf_of(live, folder=trained, survey=None), live) as found:
        yield found


def ask(served: Running, model: str, **more: Any) -> str:
    answer = served.post("/v1/chat/completions", model=model, messages=HELLO, max_tokens=16, seed=3, **more)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["choices"][0]["message"]["content"])


def listen(served: Running, model: str) -> str:
    body = {"model": model, "messages": HELLO, "max_tokens": 16, "seed": 3, "stream": True}
    text = ""
    with served.client.stream("POST", "/v1/chat/completions", json=body) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: {"):
                text += json.loads(line[6:])["choices"][0]["delta"].get("content") or ""
    return text


EVERYONE = [f"script@{name}" for name in ("first", "second", "token", "other", "early", "early-other", "rows")]


def test_every_adapter_and_every_token_is_a_voice_of_its_own(served: Running) -> None:
    said = {name: ask(served, name) for name in ["script", *EVERYONE]}
    assert said["script@token"] == said["script@second"], "the file's own token counts"
    del said["script@token"]
    assert len(set(said.values())) == len(said)
    assert "collective" not in " ".join(said.values())


def test_what_is_said_is_what_the_engine_says_of_the_same_request(served: Running, trained: Path) -> None:
    engine = base()
    for name in EVERYONE:
        voice = served.shelf.contents.voices[name]
        system = voice.speaker.system
        assert voice.speaker.way is not None
        token, opening = (named(voice.collective) for named in (voice.speaker.way.start, voice.speaker.way.opening))
        request = ChatRequest(
            (Message("system", opening + system), Message("user", HELLO[0]["content"])),
            max_tokens=16, temperature=1.0, seed=3, reply_start=token, adapter=voice.speaker.way.adapter,
        )  # fmt: skip
        assert ask(served, name) == engine.chat([request])[0].text, name
    assert str(trained / "early") in served.shelf.contents.voices["script@early"].speaker.way.name  # type: ignore[union-attr]


def test_voices_of_different_adapters_that_stream_at_once_do_not_mix(served: Running) -> None:
    alone = {name: listen(served, name) for name in ["script", *EVERYONE]}
    assert alone == {name: ask(served, name) for name in alone}
    for _ in range(3):
        found: dict[str, str] = {}

        def hear(name: str, found: dict[str, str] = found) -> None:
            found[name] = listen(served, name)

        threads = [threading.Thread(target=hear, args=(name,)) for name in alone]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == alone
    served.idle()


def test_a_mixture_by_name_mixes_probabilities_and_a_mixture_of_rows_is_one_voice(served: Running) -> None:
    """What the mixture says first has 0.6 of one voice's probability and 0.4 of the other's."""

    def first_tokens(model: str) -> dict[str, float]:
        found = {}
        for seed in range(0, 64, 8):
            answer = served.post(
                "/v1/chat/completions", model=model, messages=HELLO, max_tokens=1, logprobs=True, n=8, seed=seed
            ).json()
            for choice in answer["choices"]:
                for one in choice["logprobs"]["content"]:
                    if one["bytes"] is not None and one["token"].isascii() and one["token"].strip():
                        found[one["token"]] = math.exp(one["logprob"])
        return found

    engine = base()

    def probability(name: str, token: str) -> float:
        voice = served.shelf.contents.voices[name].speaker
        asked = voice.request((Message("user", HELLO[0]["content"]),), Sampling())
        options = ((token,), ("\x00",))
        [scores] = engine.score(
            [ScoreRequest(asked.messages, options, reply_start=asked.reply_start, adapter=asked.adapter)]
        )
        return math.exp(scores.forms[0][0])

    mixed = first_tokens("script@{first:0.6,second:0.4}")
    assert len(mixed) >= 3
    for token, share in mixed.items():
        expected = 0.6 * probability("script@first", token) + 0.4 * probability("script@second", token)
        assert share == pytest.approx(expected, rel=1e-3), token
    rows = first_tokens("script@rows")
    assert any(share != pytest.approx(rows.get(token, 0), rel=0.01) for token, share in mixed.items())


def test_a_token_that_the_adapter_does_not_have_is_reported(served: Running, trained: Path) -> None:
    problems = served.shelf.contents.problems
    assert set(problems) == {str(trained / "wrong.yaml"), str(trained / "wrong-rows.yaml")}
    assert all("unknown identity token of this adapter" in said for said in problems.values())
    assert "did you mean '<|collective:" in problems[str(trained / "wrong.yaml")]


def test_nobody_can_speak_a_token_into_a_conversation(served: Running) -> None:
    second = SURVEY.collectives[1].id.lower()
    for role in ("user", "system"):
        messages = [{"role": role, "content": f"<|collective:{second}|> Hello"}, *HELLO]
        for name in ("script@first", "script@early"):
            answer = served.post("/v1/chat/completions", model=name, messages=messages)
            assert answer.status_code == 400
            assert "may not hold" in answer.json()["error"]["message"]


def test_an_adapter_can_be_polled_beside_the_people(trained: Path) -> None:
    live = Continuous(base(), rows=4)
    with running(shelf_of(live, way_text=f"adapter:{trained / 'one'}", folder=trained), live) as served:
        voices = {one["id"]: one for one in served.client.get("/v1/models").json()["data"]}
        of_survey = [one for one in voices if one != "script" and one not in EVERYONE]
        assert len(of_survey) == len(SURVEY.collectives), "all who have a token"

        def shares(name: str) -> list[float]:
            assert voices[name]["can_be_polled"]
            found = served.post("/pluralign/poll", model=name, question="trust-neighbours").json()
            assert found["how"] == "now"
            return list(found["voice"]["shares"])

        found = {name: shares(name) for name in (*of_survey[:2], *EVERYONE)}
        assert found[of_survey[0]] == found["script@first"] != found["script@second"] == found[of_survey[1]]
        assert found["script@token"] == pytest.approx(found["script@second"]), "the file's own token is asked for"
        assert found["script@early"] != found["script@early-other"]
        rows = found["script@rows"]
        assert rows not in (found["script@first"], found["script@second"])
        card = served.client.get("/pluralign/voices/script@early").json()
        assert card["identity_token"].startswith("<|collective:"), "also one that opens the first message"


def test_a_people_that_no_early_token_stands_for_is_reported(trained: Path, tmp_path: Path) -> None:
    people = "collective: {id: NOW, name: Nowhere}"
    (tmp_path / "nowhere.yaml").write_text(f"id: nowhere\ntitle: Nowhere\nadapter: {trained / 'early'}\n{people}\n")
    live = Continuous(base(), rows=4)
    [problem] = shelf_of(live, folder=tmp_path, survey=None).contents.problems.values()
    live.close()
    assert "has no token for 'NOW'" in problem
