"""Files that a command writes where the user asked for them."""

from pathlib import Path

from pluralign.core.errors import DataError


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text. Raises :class:`DataError` where that cannot be."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror}", file=str(path)) from None
