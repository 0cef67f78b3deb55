"""Training records on disk: one JSON object a line, written whole or not at all. Knows no recipe and no trainer."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import Field, TypeAdapter

from pluralign.core.documents import Document, validate
from pluralign.core.errors import DataError
from pluralign.core.records import PreferenceRecord, Record, SftRecord
from pluralign.store.files import write_whole

_KINDS = ("sft", "preference")
_RECORD: TypeAdapter[Record] = TypeAdapter(Annotated[Record, Field(discriminator="kind")])


class Manifest(NamedTuple):
    """What identifies a file of records."""

    file: str
    """Its name, without folders."""
    sha256: str
    records: int


def write_records(path: Path, records: Iterable[Record]) -> Manifest:
    """Write records, one a line, and say what was written. Takes them one by one: memory does not grow.

    Raises :class:`pluralign.core.errors.InterruptedRunError` where the disk does not take them.
    """
    digest, count = hashlib.sha256(), 0

    def write(part: Path) -> None:
        nonlocal count
        with part.open("wb") as file:
            for record in records:
                line = record.model_dump_json().encode() + b"\n"
                digest.update(line)
                file.write(line)
                count += 1

    write_whole(path, write)
    return Manifest(path.name, digest.hexdigest(), count)


def read_records(path: Path) -> Iterator[Record]:
    """Records of a file, one by one; empty lines are passed over.

    Raises :class:`DataError` naming file, line and field for a file that is not there, a line that is no record, or a
    field that is malformed or unknown.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})", file=str(path)) from None
    with file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield _record(line, number, str(path))


def manifest(path: Path) -> Manifest:
    """What identifies a file of records, by reading it through."""
    digest, count = hashlib.sha256(), 0
    with path.open("rb") as file:
        for line in file:
            digest.update(line)
            count += bool(line.strip())
    return Manifest(path.name, digest.hexdigest(), count)


def _record(line: bytes, number: int, file: str) -> Record:
    try:
        return _RECORD.validate_json(line)
    except ValueError:
        return _explained(line, number, file)


def _explained(line: bytes, number: int, file: str) -> Record:
    """Read a line that failed once more, to say what is wrong with it."""
    try:
        data: Any = json.loads(line)
    except ValueError:
        raise DataError("not valid JSON", file=file, line=number) from None
    kind = data.get("kind") if isinstance(data, dict) else None
    if kind not in _KINDS:
        known = " or ".join(repr(name) for name in _KINDS)
        raise DataError(f"a record's kind is {known}, not {kind!r}", file=file, line=number, field="kind")
    document = Document(data, {(): number}, file)
    return validate(SftRecord, document) if kind == "sft" else validate(PreferenceRecord, document)
