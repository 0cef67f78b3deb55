"""Raw answers in one SQLite file: what makes a run survive ``kill -9``. Knows nothing of what an answer means.

Answers are content-addressed: the key says which model read which tokens, so an answer is never computed twice and
never confused with another's. A batch is committed whole or not at all; SQLite's write-ahead log sees to it that a
process that dies leaves the file as the last commit left it, and that several processes may use it at once.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pluralign.core.errors import DataError, InterruptedRunError
from pluralign.core.ids import canonical_json

_SCHEMA = """
create table if not exists answer (key text primary key, payload text not null) without rowid;
"""
_CHUNK = 500
_WAIT_SECONDS = 60.0


class AnswerStore:
    """A table from key to plain data. Use as a context manager."""

    def __init__(self, path: Path):
        """Open or create the file. Raises :class:`DataError` if it is something else than such a store."""
        self.path = path
        try:
            self._connection = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)
            self._connection.execute("pragma journal_mode = wal")
            self._connection.execute("pragma synchronous = normal")
            self._connection.executescript(_SCHEMA)
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
        """Close the file and fold the write-ahead log into it."""
        self._connection.close()

    def __len__(self) -> int:
        return int(self._connection.execute("select count(*) from answer").fetchone()[0])

    def missing(self, keys: Sequence[str]) -> set[str]:
        """Those of ``keys`` that have no answer yet."""
        return set(keys) - self.get(keys).keys()

    def get(self, keys: Sequence[str]) -> dict[str, Any]:
        """Key -> stored data, for those keys that have an answer."""
        found: dict[str, Any] = {}
        for start in range(0, len(keys), _CHUNK):
            chunk = list(keys[start : start + _CHUNK])
            marks = ",".join("?" * len(chunk))
            rows = self._connection.execute(f"select key, payload from answer where key in ({marks})", chunk)
            found.update((key, json.loads(payload)) for key, payload in rows)
        return found

    def put(self, answers: Mapping[str, Any]) -> None:
        """Store answers in one transaction. An answer that is already there stays as it is.

        Raises :class:`InterruptedRunError` where the disk is full or the file is locked for too long.
        """
        rows = [(key, canonical_json(payload)) for key, payload in answers.items()]
        with self._transaction():
            self._connection.executemany("insert or ignore into answer values (?, ?)", rows)

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
