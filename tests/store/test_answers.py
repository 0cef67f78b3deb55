"""Answers survive: a process that dies, a full disk, a second process."""

import multiprocessing
import os
import signal
import sqlite3
from pathlib import Path

import pytest

from pluralign.core.errors import DataError, InterruptedRunError
from pluralign.store.answers import AnswerStore


def test_what_was_put_is_there_after_reopening(tmp_path: Path) -> None:
    with AnswerStore(tmp_path / "a.sqlite") as store:
        store.put({"k1": {"logprobs": [-0.1, None]}, "k2": [1, 2]})
    with AnswerStore(tmp_path / "a.sqlite") as store:
        assert store.get(["k2", "k1", "k3"]) == {"k1": {"logprobs": [-0.1, None]}, "k2": [1, 2]}
        assert store.missing(["k1", "k3"]) == {"k3"}
        assert len(store) == 2


def test_floats_come_back_to_the_last_bit(tmp_path: Path) -> None:
    values = [-0.1 - 1e-17, 1 / 3, -2.2250738585072014e-308]
    with AnswerStore(tmp_path / "a.sqlite") as store:
        store.put({"k": values})
        assert store.get(["k"])["k"] == values


def test_the_first_answer_stays(tmp_path: Path) -> None:
    with AnswerStore(tmp_path / "a.sqlite") as store:
        store.put({"k": 1})
        store.put({"k": 2, "l": 3})
        assert store.get(["k", "l"]) == {"k": 1, "l": 3}


def test_more_keys_than_one_statement_takes(tmp_path: Path) -> None:
    with AnswerStore(tmp_path / "a.sqlite") as store:
        store.put({str(at): at for at in range(2500)})
        assert store.get([str(at) for at in range(2600)]) == {str(at): at for at in range(2500)}


def _put_until_killed(path: Path, ready: "multiprocessing.synchronize.Event") -> None:
    with AnswerStore(path) as store:
        batch = 0
        while True:
            store.put({f"{batch}/{at}": batch for at in range(50)})
            batch += 1
            if batch == 3:
                ready.set()


def test_a_batch_is_there_whole_or_not_at_all_after_kill_9(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_put_until_killed, args=(tmp_path / "a.sqlite", ready))
    process.start()
    assert ready.wait(60)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with AnswerStore(tmp_path / "a.sqlite") as store:
        assert len(store) >= 150
        assert len(store) % 50 == 0


def test_two_processes_may_use_one_file(tmp_path: Path) -> None:
    with AnswerStore(tmp_path / "a.sqlite") as one, AnswerStore(tmp_path / "a.sqlite") as other:
        one.put({"k": 1})
        other.put({"k": 2, "l": 2})
        assert one.get(["k", "l"]) == {"k": 1, "l": 2}


def test_another_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    path.write_text("something else entirely, long enough to be read as a header of a database file " * 20)
    before = path.read_bytes()
    with pytest.raises(DataError, match=r"a\.sqlite: cannot be used as a store of answers"):
        AnswerStore(path)
    assert path.read_bytes() == before


def test_a_full_disk_keeps_what_is_there_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with AnswerStore(path) as store:
        store.put({"k": 1})
        pages = sqlite3.connect(path).execute("pragma page_count").fetchone()[0]
        store._connection.execute(f"pragma max_page_count = {pages}")
        with pytest.raises(InterruptedRunError, match=r"database or disk is full; 1 answers are kept"):
            store.put({"big": "x" * 100_000})
        assert store.get(["k", "big"]) == {"k": 1}
