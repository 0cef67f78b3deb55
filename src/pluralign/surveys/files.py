"""Files into text and JSON, with errors that name file, line and key. Knows nothing of surveys."""

import json
from pathlib import Path
from typing import Any

from pluralign.core.errors import DataError


def read_text(path: Path) -> str:
    """The file's UTF-8 text without a byte-order mark.

    Raises :class:`DataError` for a file that is absent, a folder, unreadable, empty, or not UTF-8.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError("there is no such file", file=str(path)) from None
    except IsADirectoryError:
        raise DataError("this is a folder; name a file in it", file=str(path)) from None
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})", file=str(path)) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"byte {data[error.start]:#04x} is not UTF-8; save the file as UTF-8", file=str(path), line=line
        ) from None
    if not text.strip():
        raise DataError("the file is empty", file=str(path))
    return text


def read_json(path: Path) -> Any:
    """The file's JSON value, objects in file order. Raises :class:`DataError` also for a key that stands there twice.

    Unlike :func:`pluralign.core.documents.parse` it keeps no line numbers, and reads megabytes in milliseconds.
    """
    text = read_text(path)

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise DataError("the key is used twice in one object", file=str(path), field=twice)
        return found

    try:
        return json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise DataError(f"not valid JSON: {error.msg}", file=str(path), line=error.lineno) from None
