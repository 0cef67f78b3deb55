"""``pluralign serve`` as a person starts it, and as a machine kills it."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Said

pytest.importorskip("starlette")
httpx = pytest.importorskip("httpx")


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


def test_a_killed_server_starts_again_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "union.yaml").write_text("id: union\ntitle: The union\ndefault: true\n", encoding="utf-8")
    (tmp_path / "wrong.yaml").write_text("id: wrong\n", encoding="utf-8")
    command = [sys.executable, "-m", "pluralign", "serve", "--model", "scripted:hash", "--voices", ".", "--port", "0"]
    question = {"messages": [{"role": "user", "content": "Which?\n1. Agree\n2. Disagree"}], "seed": 1}
    answers = []
    for _ in range(2):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
        try:
            assert process.stdout is not None
            url = re.sub("Listening on ", "", process.stdout.readline()).strip()
            with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
                answers.append(client.post("/v1/chat/completions", json=question).json())
                assert client.get("/health").json()["voice_file_problems"] == 1
                assert "Whose voice answers?" in client.get("/").text
        finally:
            process.send_signal(signal.SIGKILL)
            _, said = process.communicate(timeout=60)
        assert "the key 'title' is missing" in re.sub(r"\s+", " ", said)
    assert answers[0]["model"] == answers[1]["model"] == "scripted-hash@union"
    assert json.dumps(answers[0]["choices"]) == json.dumps(answers[1]["choices"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["union.yaml", "wrong.yaml"]
