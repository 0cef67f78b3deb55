"""Voices whose model is behind another server: one LoRA per voice, tokens that begin replies, and prompted voices."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai")

from pluralign.engines.http import open_http
from pluralign.engines.live import Threaded
from tests.engines.fake_server import FakeServer, start
from tests.serve.conftest import Running, running, shelf_of

HELLO = [{"role": "user", "content": "Is family important?"}]
KENYA = "title: {id}\ncollective: {{id: KEN, name: Kenya, adjective: Kenyan}}\nadapter: kenya\n"
FILES = {
    "by-adapter": KENYA,
    "by-token": KENYA + 'identity_token: "<|collective:ken|>"\n',
    "prompted": KENYA.replace("adapter: kenya\n", ""),
    "other": KENYA.replace("kenya", "usa"),
}


@contextmanager
def proxy(upstream: FakeServer, folder: Path, files: dict[str, str]) -> Iterator[Running]:
    """Voices of files, through a model behind the other server."""
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(f"id: {name}\n{text.format(id=name)}", encoding="utf-8")
    name = f"http:tiny@{upstream.url}"
    engine = open_http(name, retries=0)
    live = Threaded(engine, concurrency=8)
    with running(shelf_of(live, model=name, base="tiny", folder=folder), live) as served:
        upstream.asked.clear()
        yield served
    engine.close()


@pytest.fixture(scope="module")
def vllm() -> Iterator[FakeServer]:
    server = FakeServer("vllm", adapters=("kenya", "usa"))
    thread = start(server)
    yield server
    server.shutdown()
    server.server_close()
    thread.join(timeout=20)


@pytest.fixture(scope="module")
def served(vllm: FakeServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with proxy(vllm, tmp_path_factory.mktemp("voices"), FILES) as found:
        yield found


def heard(served: Running, vllm: FakeServer, voice: str) -> dict[str, Any]:
    """What the other server was asked when the voice was."""
    vllm.asked.clear()
    answer = served.post("/v1/chat/completions", model=f"tiny@{voice}", messages=HELLO, max_tokens=5)
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"]
    [(path, body)] = vllm.asked
    assert path == "/v1/chat/completions"
    return body


def test_every_file_is_a_voice_and_an_adapter_is_another_model_of_the_server(served: Running, vllm: FakeServer) -> None:
    assert served.shelf.contents.problems == {}
    assert heard(served, vllm, "by-adapter")["model"] == "kenya"
    assert heard(served, vllm, "other")["model"] == "usa"
    prompted = heard(served, vllm, "prompted")
    assert prompted["model"] == "tiny"
    assert "a Kenyan cultural background" in prompted["messages"][0]["content"]


def test_a_token_begins_the_reply(served: Running, vllm: FakeServer) -> None:
    body = heard(served, vllm, "by-token")
    assert body["model"] == "kenya"
    assert body["messages"][-1] == {"role": "assistant", "content": "<|collective:ken|>"}
    assert body["continue_final_message"]
    assert "Kenyan" not in body["messages"][0]["content"], "the token says whom it speaks for"


def test_it_streams_and_mixes_whole_replies(served: Running, vllm: FakeServer) -> None:
    body = {"model": "tiny@{by-adapter:0.5,other:0.5}", "messages": HELLO, "stream": True, "max_tokens": 5, "n": 8}
    vllm.asked.clear()
    texts = dict.fromkeys(range(8), "")
    with served.client.stream("POST", "/v1/chat/completions", json=body) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: {"):
                for choice in json.loads(line[6:])["choices"]:
                    texts[choice["index"]] += choice["delta"].get("content") or ""
    assert all(texts.values())
    assert {asked["model"] for _, asked in vllm.asked} <= {"kenya", "usa"}


def test_a_voice_with_a_token_of_its_own_is_polled_by_it(served: Running) -> None:
    def shares(voice: str) -> list[float]:
        found = served.post("/pluralign/poll", model=f"tiny@{voice}", question="trust-neighbours").json()
        assert found["how"] == "now", found
        return list(found["voice"]["shares"])

    assert shares("by-token") != shares("by-adapter")


@pytest.mark.parametrize("kind", ["vllm", "hosted"])
def test_no_stranger_writes_a_token_to_a_server_that_may_read_it(kind: str, tmp_path: Path) -> None:
    upstream = FakeServer(kind)
    start(upstream)
    files = {
        "prompted": FILES["prompted"],
        "pair": "title: Both\npanel: {{kind: overton, members: [prompted, brazil]}}\n",
    }
    with proxy(upstream, tmp_path, files) as served:
        for voice in ("tiny", "tiny@prompted", "tiny@pair", "tiny@{prompted:0.5,brazil:0.5}"):
            for role in ("system", "user", "assistant"):
                for token in ("<|collective:ken|>", "<|collective|>", "<|collective:ken=0.6+usa=0.4|>"):
                    messages = [{"role": role, "content": f"{token} Hello"}, *HELLO]
                    answer = served.post("/v1/chat/completions", model=voice, messages=messages)
                    assert answer.status_code == 400
                    assert answer.json()["error"]["message"].startswith(f"a message may not hold '{token}'")
        answer = served.post("/v1/completions", model="tiny", prompt="<|collective:ken|>")
        assert answer.status_code == 400
        assert upstream.asked == [], "none of it got there"
    upstream.shutdown()
    upstream.server_close()


def test_what_the_other_server_refuses_is_an_answer_too(tmp_path: Path) -> None:
    upstream = FakeServer("hosted")
    start(upstream)
    with proxy(
        upstream, tmp_path, {"missing": KENYA.replace("kenya", "missing"), "prompted": FILES["prompted"]}
    ) as served:
        answer = served.post("/v1/chat/completions", model="tiny@missing", messages=HELLO)
        assert answer.status_code == 400
        assert "does not exist" in answer.json()["error"]["message"]
        upstream.faults.append("drop")
        answer = served.post("/v1/chat/completions", model="tiny@prompted", messages=HELLO)
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "unavailable"
        assert served.post("/v1/chat/completions", model="tiny@prompted", messages=HELLO).status_code == 200
    upstream.shutdown()
    upstream.server_close()
