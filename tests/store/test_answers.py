"""Answers survive: a process that dies, a full disk, a second process."""

import multiprocessing
import os
import signal
import socket
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from pluralign.core.errors import DataError, InterruptedRunError
from pluralign.store import answers
from pluralign.store.answers import AnswerStore, Claim


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


def test_a_batch_is_claimed_by_one_and_given_back_with_its_answers(tmp_path: Path) -> None:
    with AnswerStore(tmp_path / "a.sqlite") as one, AnswerStore(tmp_path / "a.sqlite") as other:
        assert one.claim("b", ["k", "l"]) is Claim.MINE
        assert one.claim("b", ["k", "l"]) is Claim.MINE
        assert other.claim("b", ["k", "l"]) is Claim.TAKEN
        assert other.claim("c", ["m"]) is Claim.MINE
        assert one.put({"k": 1, "l": 2})
        assert other.claim("b", ["k", "l"]) is Claim.ANSWERED
        assert claims(tmp_path / "a.sqlite") == ["c"]


def test_closing_gives_claims_back(tmp_path: Path) -> None:
    with AnswerStore(tmp_path / "a.sqlite") as one:
        assert one.claim("b", ["k"]) is Claim.MINE
    with AnswerStore(tmp_path / "a.sqlite") as other:
        assert other.claim("b", ["k"]) is Claim.MINE


@pytest.mark.parametrize(
    ("owner", "age", "found"),
    [
        (f"{socket.gethostname()}/{os.getppid()}/0/0", 0, Claim.TAKEN),  # a process that lives
        (f"{socket.gethostname()}/{os.getppid()}/0/0", 61, Claim.MINE),  # lives, and has not stirred
        (f"{socket.gethostname()}/{os.getpid()}/0/0", 0, Claim.MINE),  # an earlier one that had our number
        (f"{socket.gethostname()}/{2**22 + 1}/0/0", 0, Claim.MINE),  # no process has so high a number
        ("elsewhere/1/0/0", 0, Claim.TAKEN),
        ("elsewhere/1/0/0", 61, Claim.MINE),
    ],
    ids=["lives", "silent", "our-number", "no-such-process", "elsewhere", "elsewhere-silent"],
)
def test_a_claim_whose_owner_is_gone_or_silent_is_taken_over(
    tmp_path: Path, owner: str, age: float, found: Claim
) -> None:
    path = tmp_path / "a.sqlite"
    with AnswerStore(path) as store:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("insert into claim values ('b', ?, ?)", (owner, time.time() - age))
        assert store.claim("b", ["k"]) is found


def test_claims_are_renewed_while_the_owner_computes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "BEAT_SECONDS", 0.01)
    path = tmp_path / "a.sqlite"
    with AnswerStore(path) as store, closing(sqlite3.connect(path)) as connection:
        store.claim("b", ["k"])
        first = connection.execute("select beat from claim").fetchone()
        while connection.execute("select beat from claim").fetchone() == first:
            time.sleep(0.01)


def test_what_was_stored_by_whoever_took_over_stays(tmp_path: Path) -> None:
    with AnswerStore(tmp_path / "a.sqlite") as late, AnswerStore(tmp_path / "a.sqlite") as heir:
        assert late.claim("b", ["k"]) is Claim.MINE
        assert heir.put({"k": "the heir's"})
        assert not late.put({"k": "too late"})
        assert late.get(["k"]) == {"k": "the heir's"}


def claims(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [batch for (batch,) in connection.execute("select batch from claim order by batch")]


def test_many_may_open_a_store_at_the_same_moment(tmp_path: Path) -> None:
    """Making the file and its write-ahead log takes a lock that SQLite does not always wait for."""
    with ThreadPoolExecutor(8) as pool:
        for store in pool.map(lambda _: AnswerStore(tmp_path / "a.sqlite").path, range(40)):
            assert store.exists()
