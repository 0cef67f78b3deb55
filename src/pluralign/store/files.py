"""Files of a run, written so that a reader never sees half of one. Knows no content."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from pluralign.core.errors import InterruptedRunError, UsageError


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a file beside ``path``, then put it in place in one step.

    Raises :class:`InterruptedRunError` where the disk does not take it.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    beside = Path(name)
    try:
        write(beside)
        beside.chmod(0o644)
        beside.replace(path)
    except OSError as error:
        raise InterruptedRunError(f"{path} could not be written ({error.strerror}); the answers are kept") from None
    finally:
        beside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text whole or not at all."""
    write_whole(path, lambda beside: _write_text(beside, text))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def make_folder(path: Path) -> Path:
    """Create a folder and its parents. Raises :class:`UsageError` where that cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"the folder {str(path)!r} cannot be made ({error.strerror}); name another with --out"
        ) from None
    return path
