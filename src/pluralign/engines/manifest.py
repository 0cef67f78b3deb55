"""Reads what an adapter's folder says of it. Knows files, no weights."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from pluralign.core.adapter import GROUPS_FILE, MANIFEST_FILE, AdapterManifest, Groups
from pluralign.core.errors import DataError
from pluralign.engines.checkpoints import find_adapter

_Read = TypeVar("_Read", bound=BaseModel)


def read_manifest(adapter: str, *, offline: bool = False) -> AdapterManifest | None:
    """What is known of an adapter (a folder, or a hub name); ``None`` for one that pluralign did not make.

    Raises :class:`ModelError` where there is no adapter, :class:`DataError` where the file is not what it should be.
    """
    return _read(find_adapter(adapter, offline=offline) / MANIFEST_FILE, AdapterManifest)


def read_groups(adapter: str, *, offline: bool = False) -> Groups | None:
    """Whom an adapter has tokens for; ``None`` for one without identity tokens. Raises as :func:`read_manifest`."""
    return _read(find_adapter(adapter, offline=offline) / GROUPS_FILE, Groups)


def _read(path: Path, kind: type[_Read]) -> _Read | None:
    if not path.is_file():
        return None
    try:
        return kind.model_validate_json(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise DataError("is not a text", file=str(path)) from None
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(
            str(first["msg"]), file=str(path), field=".".join(str(part) for part in first["loc"]) or None
        ) from None
