"""``kill -9`` at several moments of a run against a server, and the same command again: the same bytes, nothing asked
twice but what was under way."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.cli.conftest import Said, type_command  # noqa: F401
from tests.curate.writer import WritingServer
from tests.engines.fake_server import serving

CONSTITUTION = [
    {"id": at, "title": title, "description": f"{title} comes first, also where it costs something."}
    for at, title in enumerate(("Care", "Candour", "Patience", "Thrift"), start=1)
]
RECIPE = """
name: killed
licence: CC0-1.0
collective: club
constitution: constitution.json
batch: 4
rounds: 2
split: both
prompts: {per_principle: 3, per_call: 3}
judging: {by: reply}
screen: {surveys: [world-mini]}
"""


def stored(folder: Path) -> int:
    path = folder / "answers.sqlite"
    if not path.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
            return int(store.execute("select count(*) from answer").fetchone()[0])
    except sqlite3.OperationalError:  # the table is being made
        return 0


def asked(server: WritingServer) -> Counter[str]:
    """Requests for replies, without those by which a client finds out what the server can do."""
    with server.lock:
        bodies = [json.dumps(body, sort_keys=True) for body in server.asked_for("/v1/chat/completions")]
    return Counter(body for body in bodies if "Reply with the number 1." not in body)


def test_a_run_killed_again_and_again_writes_the_bytes_of_one_left_alone(
    type_command: Callable[..., Said],  # noqa: F811
    tmp_path: Path,
) -> None:
    (tmp_path / "constitution.json").write_text(json.dumps(CONSTITUTION))
    server = WritingServer()
    with serving(server):
        (tmp_path / "recipe.yaml").write_text(f"model: http:tiny@{server.url}\n{RECIPE}")

        def command(folder: Path) -> list[str]:
            run = (sys.executable, "-m", "pluralign", "curate", "constitutional", tmp_path / "recipe.yaml")
            return [*map(str, run), "--out", str(folder)]

        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": os.environ}
        alone, killed = tmp_path / "alone", tmp_path / "killed"
        said = type_command(*command(alone)[3:])
        assert said.code == 0, said.err
        everything, of_alone = stored(alone), asked(server)
        assert max(of_alone.values()) == 1, "nothing is asked twice"
        with server.lock:
            server.asked.clear()
        kills = 0
        for share in (0.05, 0.6):
            process = subprocess.Popen(command(killed), **quiet)
            while process.poll() is None and stored(killed) < share * everything:
                time.sleep(0.002)
            kills += process.poll() is None
            process.kill()
            process.wait()
        assert kills == 2, "it was hardly ever killed: the test would show little"
        last = type_command(*command(killed)[3:])
        assert "answers are there already" in last.err
        assert stored(killed) == everything
        again = asked(server)
    assert set(again) == set(of_alone)
    assert sum((again - of_alone).values()) <= 4 * kills, "a batch of four calls is lost with each kill"
    names = {path.name for path in alone.iterdir() if not path.name.startswith(("run.json", "answers.sqlite"))}
    assert names == {"sft.jsonl", "preferences.jsonl", "dropped.jsonl", "dataset.md", "constitution.json"}
    for name in names:
        assert (killed / name).read_bytes() == (alone / name).read_bytes(), name
    assert not [path for path in killed.iterdir() if path.name.endswith(".part")]


def test_a_capped_run_exits_with_1_says_how_to_go_on_and_goes_on(
    type_command: Callable[..., Said],  # noqa: F811
    tmp_path: Path,
) -> None:
    (tmp_path / "constitution.json").write_text(json.dumps(CONSTITUTION[:2]))
    server = WritingServer()
    with serving(server):
        (tmp_path / "recipe.yaml").write_text(f"model: http:tiny@{server.url}\n{RECIPE}")
        run = ("curate", "constitutional", tmp_path / "recipe.yaml", "--out", tmp_path / "run")
        plan = type_command(*run, "--plan")
        assert "red-team: 2 calls of http:tiny@" in plan.out
        assert not server.asked, "a plan asks nothing"
        capped = type_command(*run, "--max-calls", "30")
        assert capped.code == 1, capped.err
        assert "stopped before the cap of 30 calls" in capped.err
        assert "--max-calls" in capped.err
        done = type_command(*run)
        assert done.code == 0, done.err
        assert "answers are there already" in done.err
        other = type_command(*run, "--seed", "1")
    assert other.code == 2
    assert "holds another run (its study 'seed' differs)" in other.err
