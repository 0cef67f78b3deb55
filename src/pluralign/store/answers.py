"""Raw answers in one SQLite file: what makes a run survive ``kill -9``. Knows nothing of what an answer means.

Answers are content-addressed: the key says which model read which tokens, so an answer is never computed twice and
never confused with another's. A batch is committed whole or not at all; SQLite's write-ahead log sees to it that a
process that dies leaves the file as the last commit left it, and that several processes may use it at once.

Processes that work on the same answers claim a batch before they compute it. A claim is given back in the transaction
that stores the batch; one whose owner is gone, or has not stirred for a minute, is free to be taken over.
"""

import json
import os
import secrets
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pluralign.core.errors import DataError, InterruptedRunError
from pluralign.core.ids import canonical_json
from pluralign.store.files import lives

_SCHEMA = """
create table if not exists answer (key text primary key, payload text not null) without rowid;
create table if not exists claim (batch text primary key, owner text not null, beat real not null) without rowid;
"""
_CHUNK = 500
_WAIT_SECONDS = 60.0

BEAT_SECONDS = 5.0
"""How often a process that computes says that it still does."""
STALE_SECONDS = 60.0
"""A claim that has not been renewed for so long may be taken over by anyone."""

# Tells this process from an earlier one that had its number, as the first process of every container has.
_PROCESS = secrets.token_hex(4)


class Claim(Enum):
    """What came of asking for a batch."""

    MINE = "mine"
    """Nobody else computes it: the caller does, and then stores it."""
    TAKEN = "taken"
    """Another process that lives is computing it."""
    ANSWERED = "answered"
    """All of it is stored."""


class AnswerStore:
    """A table from key to plain data. Use as a context manager."""

    def __init__(self, path: Path):
        """Open or create the file. Raises :class:`DataError` if it is something else than such a store."""
        self.path = path
        self._owner = f"{socket.gethostname()}/{os.getpid()}/{_PROCESS}/{secrets.token_hex(4)}"
        self._closing = threading.Event()
        self._heart: threading.Thread | None = None
        try:
            self._connection = _connected(path)
        except sqlite3.DatabaseError as error:
            raise DataError(
                f"cannot be used as a store of answers ({error}); move it away or choose another folder", file=str(path)
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back what is claimed, close the file and fold the write-ahead log into it."""
        if self._heart is not None:
            self._closing.set()
            self._heart.join()
            with suppress(sqlite3.OperationalError):  # on a full disk others find out by the silence
                self._connection.execute("delete from claim where owner = ?", (self._owner,))
        self._connection.close()

    def __len__(self) -> int:
        return int(self._connection.execute("select count(*) from answer").fetchone()[0])

    def missing(self, keys: Sequence[str]) -> set[str]:
        """Those of ``keys`` that have no answer yet."""
        return set(keys) - {row[0] for row in self._rows("key", keys)}

    def get(self, keys: Sequence[str]) -> dict[str, Any]:
        """Key -> stored data, for those keys that have an answer."""
        return {key: json.loads(payload) for key, payload in self._rows("key, payload", keys)}

    def _rows(self, columns: str, keys: Sequence[str]) -> Iterator[tuple[str, ...]]:
        for start in range(0, len(keys), _CHUNK):
            chunk = list(keys[start : start + _CHUNK])
            marks = ",".join("?" * len(chunk))
            yield from self._connection.execute(f"select {columns} from answer where key in ({marks})", chunk)

    def claim(self, batch: str, keys: Sequence[str]) -> Claim:
        """Ask to compute a batch, whose answers will be stored under ``keys``. Give it back with :meth:`put`.

        ``batch`` names it: the same for every process that would compute it.
        """
        with self._transaction():
            if not self.missing(keys):
                return Claim.ANSWERED
            held = self._connection.execute("select owner, beat from claim where batch = ?", (batch,)).fetchone()
            if held is not None and held[0] != self._owner and _holds(*held):
                return Claim.TAKEN
            self._connection.execute("insert or replace into claim values (?, ?, ?)", (batch, self._owner, time.time()))
        if self._heart is None:
            self._heart = threading.Thread(target=self._stir, name="claims", daemon=True)
            self._heart.start()
        return Claim.MINE

    def put(self, answers: Mapping[str, Any]) -> bool:
        """Store answers in one transaction, and with it give back what this store had claimed.

        An answer that is already there stays as it is; returns whether there was none. Raises
        :class:`InterruptedRunError` where the disk is full or the file is locked for too long.
        """
        rows = [(key, canonical_json(payload)) for key, payload in answers.items()]
        with self._transaction():
            stored = self._connection.executemany("insert or ignore into answer values (?, ?)", rows).rowcount
            if self._heart is not None:
                self._connection.execute("delete from claim where owner = ?", (self._owner,))
        return stored == len(rows)

    def _stir(self) -> None:
        """Renew claims while the caller is busy computing. A beat that fails is no harm: the next one may do."""
        with closing(sqlite3.connect(self.path, timeout=BEAT_SECONDS, isolation_level=None)) as connection:
            while not self._closing.wait(BEAT_SECONDS):
                with suppress(sqlite3.OperationalError):
                    connection.execute("update claim set beat = ? where owner = ?", (time.time(), self._owner))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._connection.execute("begin immediate")
            yield
            self._connection.execute("commit")
        except sqlite3.OperationalError as error:
            if self._connection.in_transaction:
                self._connection.execute("rollback")
            raise InterruptedRunError(
                f"{self.path}: {error}; {len(self)} answers are kept, make room and run the same command again"
            ) from None
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("rollback")
            raise


def _connected(path: Path) -> sqlite3.Connection:
    """Open the file, waiting where another process is just making or closing it: SQLite itself does not always."""
    until = time.monotonic() + _WAIT_SECONDS
    while True:
        connection = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)
        try:
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = normal")
            connection.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            connection.close()
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return connection


def _holds(owner: str, beat: float) -> bool:
    """Whether whoever claimed it may still be computing it."""
    if abs(time.time() - beat) > STALE_SECONDS:
        return False
    host, process, nonce, _ = owner.rsplit("/", 3)
    if host != socket.gethostname():
        return True
    return nonce == _PROCESS if int(process) == os.getpid() else lives(int(process))
