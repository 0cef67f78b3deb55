"""``pluralign serve`` as a person starts it, and as a machine kills it."""

import contextlib
import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("openai")
pytest.importorskip("httpx")

import httpx

from pluralign.engines.live import Threaded
from pluralign.serve.keys import add_key, read_keys
from pluralign.serve.settings import Options
from pluralign.store.files import write_text
from tests.cli.conftest import Said
from tests.serve.conftest import running, script, shelf_of


def test_keys_are_made_listed_and_removed(type_command: Callable[..., Said], tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    made = type_command("serve", "keys", "add", "website", "--keys", file, "--requests-per-minute", 60)
    assert made.code == 0, made.err
    assert re.fullmatch(r"pk-[\w-]{40,}\n", made.out)
    assert made.out.strip() not in file.read_text()
    again = type_command("serve", "keys", "add", "website", "--keys", file)
    assert (again.code, again.out) == (2, "")
    assert "there is a key of 'website' already" in again.err
    listed = type_command("serve", "keys", "list", "--keys", file).out
    assert re.match(r"website  made 20\d\d-\d\d-\d\d, 60 requests a minute", listed)
    assert type_command("serve", "keys", "remove", "website", "--keys", file).code == 0
    assert type_command("serve", "keys", "remove", "website", "--keys", file).code == 2


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--host", "0.0.0.0"), "can be reached by others: make a key"),
        (("--keys", "none.json"), "there are no keys in 'none.json'"),
        (("--voices", "nowhere"), "the folder of voices 'nowhere' cannot be read"),
        (("--survey", "atlas"), "unknown survey 'atlas'"),
        (("--default", "atlantis"), "unknown voice 'atlantis'"),
        (("--voice", "self-alignment", "--survey", "world-mini"), "cannot hold a conversation"),
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_one_sentence(
    type_command: Callable[..., Said], arguments: tuple[str, ...], problem: str
) -> None:
    said = type_command("serve", "--model", "scripted:hash", *arguments)
    assert said.code == 2
    assert problem in said.err


UNION = "id: union\ntitle: The union, {turn}\ndefault: true\n"


class Hands:
    """What people do to a server's files while it runs: voices are rewritten, keys are made."""

    def __init__(self, voices: Path, keys: Path):
        self._voices, self._keys = voices, keys
        self.secrets: dict[str, str] = {}
        self.turn = 0
        self._still = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> "Hands":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._still.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._still.wait(0.02):
            self.turn += 1
            write_text(self._voices / "union.yaml", UNION.format(turn=self.turn))
            self.secrets[f"key-{self.turn}"] = add_key(self._keys, f"key-{self.turn}").secret


def test_a_server_killed_while_it_speaks_starts_again_as_it_was(tmp_path: Path) -> None:
    voices, keys = tmp_path / "voices", tmp_path / "keys" / "keys.json"
    voices.mkdir()
    (voices / "union.yaml").write_text(UNION.format(turn=0), encoding="utf-8")
    (voices / "wrong.yaml").write_text("id: wrong\n", encoding="utf-8")
    secret = add_key(keys, "first", requests_per_minute=10).secret
    live = Threaded(script(speaker=lambda request: f"{request.messages[-1].content} " * 2000, pause=0.005))
    asked = {"messages": [{"role": "user", "content": "Which?"}], "seed": 1, "max_tokens": 5}
    answers, known = [], {"first": secret}
    with running(shelf_of(live), live, Options(max_tokens=2000)) as upstream:
        command = [
            sys.executable, "-m", "pluralign", "serve", "--model", f"http:script@{upstream.url}/v1", "--voices",
            str(voices), "--keys", str(keys), "--max-tokens", "2000", "--port", "0",
        ]  # fmt: skip
        for _ in range(2):
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            try:
                assert process.stdout is not None
                url = re.sub("Listening on ", "", process.stdout.readline()).strip()
                newest = {"Authorization": f"Bearer {list(known.values())[-1]}"}
                with httpx.Client(base_url=url, headers=newest, timeout=60, trust_env=False) as client:
                    counted = client.get("/metrics").text
                    assert "pluralign_replies_total{" not in counted, "what was counted ends with the server"
                    answers.append(client.post("/v1/chat/completions", json=asked).json())
                    assert client.get("/health").json()["voice_file_problems"] == 1
                    assert "Whose voice answers?" in client.get("/").text
                    with Hands(voices, keys) as hands, contextlib.ExitStack() as stack:
                        hands.turn = len(known) - 1
                        body = {**asked, "max_tokens": 2000, "stream": True}
                        streams = [
                            stack.enter_context(client.stream("POST", "/v1/chat/completions", json=body)).iter_lines()
                            for _ in range(3)
                        ]
                        for stream in streams:
                            assert [next(stream) for _ in range(8)][-2].startswith("data: {")
                        while hands.turn < len(known) + 5:
                            time.sleep(0.01)
                        process.send_signal(signal.SIGKILL)
                        for stream in streams:
                            with pytest.raises(httpx.TransportError):
                                list(stream)
                    known |= hands.secrets
            finally:
                process.kill()
                _, said = process.communicate(timeout=60)
            assert "the key 'title' is missing" in re.sub(r"\s+", " ", said)
            upstream.idle()
            assert [key.name for key in read_keys(keys)] == list(known), "no key was lost, and none is half there"
            assert sorted(path.name for path in keys.parent.iterdir()) == ["keys.json"]
            assert sorted(path.name for path in voices.iterdir()) == ["union.yaml", "wrong.yaml"]
    assert answers[0]["model"] == answers[1]["model"] == "script@union"
    assert json.dumps(answers[0]["choices"]) == json.dumps(answers[1]["choices"])
