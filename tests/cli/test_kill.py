"""``kill -9`` at random moments, or a full disk, and the same command again: nothing twice or lost, the same bytes."""

import json
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

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


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The poll as it ends when nothing happens to it."""
    folder = tmp_path_factory.mktemp("kill") / "alone"
    subprocess.run([*COMMAND, str(folder)], check=True, capture_output=True)
    return folder


def test_a_poll_that_finds_the_disk_full_says_so_and_with_room_ends_as_one_that_did_not(
    tmp_path: Path, alone: Path
) -> None:
    """No file may grow beyond some size, as on a disk that is full: once the answers do not fit, once what the
    answers are written to."""
    before = 0
    for limit in (40_000, stored_bytes(alone) // 2):
        full = subprocess.run(
            [*COMMAND, str(tmp_path / "full")],
            capture_output=True,
            text=True,
            preexec_fn=lambda limit=limit: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),  # type: ignore[misc]
        )
        assert full.returncode == 1, full.stderr
        assert "Traceback" not in full.stderr
        assert "kept" in full.stderr
        assert not (tmp_path / "full" / "report.html").exists()
        assert stored(tmp_path / "full") >= before
        before = stored(tmp_path / "full")
    assert 0 < before < stored(alone)
    subprocess.run([*COMMAND, str(tmp_path / "full")], check=True, capture_output=True)
    for name in COMPARED:
        assert content(tmp_path / "full", name) == content(alone, name), name


def stored_bytes(folder: Path) -> int:
    return (folder / "answers.sqlite").stat().st_size


def test_a_poll_killed_again_and_again_ends_as_one_that_was_left_alone(tmp_path: Path, alone: Path) -> None:
    killed = tmp_path / "killed"
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
