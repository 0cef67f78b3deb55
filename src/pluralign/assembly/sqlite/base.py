"""Django's SQLite, where threads of one process that write wait for each other in a queue of their own.

SQLite lets one write at a time and has others look again every tenth of a second: whoever is unlucky is overtaken until
their patience ends ("database is locked"). Threads that wait for a lock of the process take turns instead, and use no
processor meanwhile. Other processes still wait for SQLite itself. Knows no table.
"""

import threading
from typing import Any

from django.db import OperationalError
from django.db.backends.sqlite3 import base

PATIENCE = 120.0
"""Seconds that a thread waits for its turn: on a busy machine 200 people at once have waited for half a minute."""
_turn = threading.Lock()


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose transactions, which all begin as writers, hold the process's turn while they last."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._has_turn = False

    def _start_transaction_under_autocommit(self) -> None:
        if not self._has_turn:
            if not _turn.acquire(timeout=PATIENCE):
                raise OperationalError("database is locked by this process")
            self._has_turn = True
        try:
            super()._start_transaction_under_autocommit()
        except BaseException:
            self._end_turn()
            raise

    def _commit(self) -> None:
        super()._commit()
        self._end_turn()  # where it fails, Django rolls back

    def _rollback(self) -> None:
        try:
            super()._rollback()
        finally:
            self._end_turn()

    def _close(self) -> None:
        try:
            super()._close()
        finally:
            self._end_turn()

    def _end_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            _turn.release()
