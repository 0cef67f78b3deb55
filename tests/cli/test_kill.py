"""``kill -9`` at random moments, and the same command again: nothing twice, nothing lost, the same bytes."""

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

COMMAND = (
    sys.executable, "-m", "pluralign", "poll", "--model", "scripted:hash", "--survey", "world-mini",
    "--voice", "plain,persona", "--as", "USA,KEN,BRA", "--per-topic", "2", "--resamples", "100",
    "--method", "exact,samples,verbalised,free-text", "--samples", "2", "--reader", "scripted:hash", "--out",
)  # fmt: skip
COMPARED = ("answers.parquet", "prompts.parquet", "scores.json")


def content(folder: Path, name: str) -> bytes:
    data = (folder / name).read_bytes()
    if name != "scores.json":
        return data
    scores = json.loads(data)
    del scores["created"]
    return json.dumps(scores).encode()


def stored(folder: Path) -> int:
    """How many answers the run has on disk."""
    path = folder / "answers.sqlite"
    if not path.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
            return int(store.execute("select count(*) from answer").fetchone()[0])
    except sqlite3.OperationalError:  # the table is being made
        return 0


def kill_once(folder: Path, moment: Callable[[], bool]) -> bool:
    """Start the poll and kill it at the moment; whether it was still running then."""
    process = subprocess.Popen([*COMMAND, str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not moment():
        time.sleep(0.002)
    running = process.poll() is None
    process.kill()
    process.wait()
    return running


def test_a_poll_killed_again_and_again_ends_as_one_that_was_left_alone(tmp_path: Path) -> None:
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    subprocess.run([*COMMAND, str(alone)], check=True, capture_output=True)
    everything = stored(alone)
    kills, before = 0, 0
    for share in (0.0, 0.1, 0.5, 0.9, 1.0):  # of all answers; the last kill hits the writing of tables and scores
        kills += kill_once(killed, lambda share=share: stored(killed) >= max(1, share * everything))  # type: ignore[misc]
        assert stored(killed) >= before, "an answer was lost"
        before = stored(killed)
    assert kills >= 3, "it was hardly ever killed: the test would show little"
    last = subprocess.run([*COMMAND, str(killed)], check=True, capture_output=True, text=True)
    assert "answers are there already" in last.stderr
    assert stored(killed) == everything
    for name in COMPARED:
        assert content(killed, name) == content(alone, name), name
    assert not [path for path in killed.iterdir() if path.name.endswith(".part")], "no half-written file is left"
