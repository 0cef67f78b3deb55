"""Files of a run, written so that a reader never sees half of one. Knows no content."""

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pluralign.core.errors import DataError, InterruptedRunError, UsageError

_MISSING_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""What a disk says that is full or fails: making room helps. Anything else is a wrong name or a missing right."""


def part_of(path: Path) -> Path:
    """Where this process writes ``path`` before it is whole: hidden, beside it, and its own."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def sweep(folder: Path) -> None:
    """Remove what processes left half-written that are no more."""
    for part in folder.glob(".*.part"):
        process = part.name.split(".")[-2]
        if process.isdigit() and not lives(int(process)):
            part.unlink(missing_ok=True)


def lives(process: int) -> bool:
    """Whether this machine runs a process of that number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a file beside ``path``, then put it in place in one step.

    Raises :class:`InterruptedRunError` where the disk does not take it, and :class:`DataError` where no file of that
    name can be.
    """
    part = part_of(path)
    try:
        write(part)
        part.replace(path)
    except OSError as error:
        if error.errno in _MISSING_ROOM:
            raise InterruptedRunError(f"{path} could not be written ({error.strerror}); the answers are kept") from None
        raise DataError(f"cannot be written: {error.strerror}", file=str(path)) from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text whole or not at all."""

    def write(part: Path) -> None:
        part.write_text(text, encoding="utf-8")

    write_whole(path, write)


def make_folder(path: Path) -> Path:
    """Create a folder and its parents. Raises :class:`UsageError` where that cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"the folder {str(path)!r} cannot be made ({error.strerror}); name another with --out"
        ) from None
    return path
