"""API keys: random, shown once, kept as hashes in one file. Knows no HTTP.

A key has 256 bits of chance, so a plain SHA-256 keeps it as safe as a slow hash would: there is nothing to guess.
"""

import hashlib
import hmac
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pluralign.core.errors import DataError, UnknownNameError, UsageError
from pluralign.core.question import NonEmpty
from pluralign.store.files import make_folder, write_text

PREFIX = "pk-"


class Key(BaseModel):
    """What is kept of a key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: NonEmpty
    """Whose it is."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    created: str
    """UTC, ISO 8601."""
    requests_per_minute: Annotated[int, Field(ge=1)] | None = None
    """Overrides the server's limit; likewise the next."""
    tokens_per_minute: Annotated[int, Field(ge=1)] | None = None


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str = "pluralign.keys/1"
    keys: tuple[Key, ...] = ()


class NewKey(NamedTuple):
    """A key that was just made."""

    secret: str
    """Shown once and kept nowhere."""
    key: Key


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def read_keys(path: Path) -> tuple[Key, ...]:
    """The keys in a file; none where there is no file. Raises :class:`DataError` for a file that is something else."""
    try:
        return _File.model_validate_json(path.read_text(encoding="utf-8")).keys
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read ({error})", file=str(path)) from None
    except ValidationError as error:
        raise DataError(f"is no file of keys: {error.errors()[0]['msg']}", file=str(path)) from None


def add_key(
    path: Path, name: str, *, requests_per_minute: int | None = None, tokens_per_minute: int | None = None
) -> NewKey:
    """Make a key and put its hash into the file. Raises :class:`UsageError` where the name is taken."""
    keys = read_keys(path)
    if any(key.name == name for key in keys):
        raise UsageError(f"there is a key of {name!r} already: give another name, or remove it first")
    secret = PREFIX + secrets.token_urlsafe(32)
    key = Key(
        name=name,
        sha256=digest(secret),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
    )
    _write(path, (*keys, key))
    return NewKey(secret, key)


def remove_key(path: Path, name: str) -> None:
    """Take a key out of the file. Raises :class:`UnknownNameError` for a name that has none."""
    keys = read_keys(path)
    kept = tuple(key for key in keys if key.name != name)
    if len(kept) == len(keys):
        raise UnknownNameError("key", name, [key.name for key in keys])
    _write(path, kept)


def _write(path: Path, keys: tuple[Key, ...]) -> None:
    make_folder(path.parent)
    write_text(path, _File(keys=keys).model_dump_json(indent=1) + "\n")
    path.chmod(0o600)


class Keyring:
    """The keys of a file, read again when it changes. A file that has become unreadable leaves the last keys."""

    def __init__(self, path: Path):
        self.path = path
        self.problem = ""
        """What is wrong with the file as it stands; empty if nothing."""
        self._stamp: tuple[int, int] | None = None
        self._keys = read_keys(path)
        self._stamp = self._seen()

    def find(self, secret: str) -> Key | None:
        """The key of that secret, in a time that says nothing about the others."""
        self._refresh()
        wanted = digest(secret)
        found = None
        for key in self._keys:
            if hmac.compare_digest(key.sha256, wanted):
                found = key
        return found

    def _seen(self) -> tuple[int, int] | None:
        try:
            stat = self.path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size

    def _refresh(self) -> None:
        stamp = self._seen()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._keys, self.problem = read_keys(self.path), ""
        except DataError as error:
            self.problem = str(error)
