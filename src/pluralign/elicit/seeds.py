"""Values that organisers bring from elsewhere: files of seeds, and the statements of a Polis conversation.

Every row that cannot be used is named in a sentence, and the rest is still read. Knows files' bytes, no database.
"""

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import yaml
from pydantic import ValidationError

from pluralign.core.errors import DataError, UsageError
from pluralign.elicit.cards import LONGEST_TITLE, NO_POLICIES, Draft, issues, tidy
from pluralign.graph.polis import Moderation, Statement, read_statements

LARGEST = 4_000_000
"""Bytes of one file."""
_FIELDS = {
    "instructionsShort": "summary",
    "instructionsDetailed": "description",
    "evaluationCriteria": "policies",
}
"""Names of the published schema, and ours."""
_TITLE_WORDS = 8


class Seed(NamedTuple):
    """One value to plant."""

    where: str
    """The row it came from, as an organiser finds it."""
    question: str
    """Slug of its question; empty for the one that the organiser chose."""
    draft: Draft


class Found(NamedTuple):
    """What a file held."""

    seeds: tuple[Seed, ...]
    faults: tuple[str, ...]
    """A sentence for every row that cannot be used."""
    left_out: tuple[str, ...] = ()
    """What was left out on purpose, in a sentence each."""
    is_polis: bool = False


def read(name: str, content: bytes) -> Found:
    """Seeds from a CSV, YAML or JSON file, or the statements of a Polis export (``comments.csv``, or the ZIP with it).

    CSV has the columns ``title``, ``policies`` (one a line, or with | between), and if you like ``summary``,
    ``description``, ``question``. YAML and JSON are a list of objects with these names, or an object with such a list
    under ``values``; names of the published schema are read too. Raises UsageError for a file that is none of these.
    """
    if len(content) > LARGEST:
        raise UsageError(f"{name!r} has {len(content):,} bytes; {LARGEST:,} are possible")
    kind = PurePosixPath(name).suffix.lower()
    match kind:
        case ".zip":
            return _polis(_comments_of(name, content))
        case ".csv":
            text = _text(name, content)
            header = next(csv.reader(io.StringIO(text)), [])
            return _polis(content) if "comment-body" in {cell.strip() for cell in header} else _from_csv(name, text)
        case ".json":
            try:
                return _from_entries(name, json.loads(_text(name, content)))
            except json.JSONDecodeError as error:
                raise UsageError(f"{name!r} is no JSON that can be read: line {error.lineno}, {error.msg}") from None
        case ".yaml" | ".yml":
            try:
                return _from_entries(name, yaml.safe_load(_text(name, content)))
            except yaml.YAMLError as error:
                mark = getattr(error, "problem_mark", None)
                place = f" in line {mark.line + 1}" if mark is not None else ""
                raise UsageError(f"{name!r} is no YAML that can be read{place}") from None
        case _:
            raise UsageError(f"{name!r} is no file of seeds: bring .csv, .yaml or .json, or a Polis export")


def _text(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name!r} is not text in UTF-8 (byte {error.start})") from None


def _from_csv(name: str, text: str) -> Found:
    reader = csv.reader(io.StringIO(text), strict=True)
    seeds: list[Seed] = []
    faults: list[str] = []
    header: list[str] = []
    try:
        for row in reader:
            where = f"line {reader.line_num}"
            if not header:
                header = [cell.strip() for cell in row]
                if "title" not in header:
                    raise UsageError(f"{name!r} has no column 'title'; its header has {', '.join(header)}")
            elif not any(cell.strip() for cell in row):
                continue
            elif len(row) != len(header):
                faults.append(f"{where}: the row has {len(row)} cells, the header {len(header)}.")
            else:
                entry: dict[str, Any] = dict(zip(header, row, strict=True))
                policies = entry.get("policies", entry.get("evaluationCriteria", ""))
                entry["policies"] = [part for part in policies.replace("|", "\n").split("\n") if part.strip()]
                entry.pop("evaluationCriteria", None)
                _take(where, {key: cell for key, cell in entry.items() if key in _KNOWN}, seeds, faults)
    except csv.Error as error:
        raise UsageError(f"{name!r} is no CSV that can be read: line {reader.line_num}, {error}") from None
    return Found(tuple(seeds), tuple(faults))


_KNOWN = {"title", "summary", "description", "policies", "question"}
_NOT_OURS = {"id", "createdAt", "updatedAt", "created_at", "updated_at", "pageRank", "votes", "contexts"}
"""Fields of values in graphs that a seed does not have."""


def _from_entries(name: str, data: Any) -> Found:
    entries = data.get("values") if isinstance(data, Mapping) else data
    if not isinstance(entries, list):
        raise UsageError(f"{name!r} holds no list of values: write a list, or an object with a list under 'values'")
    seeds: list[Seed] = []
    faults: list[str] = []
    for number, entry in enumerate(entries, 1):
        where = f"value {number}"
        if not isinstance(entry, Mapping):
            faults.append(f"{where}: {str(entry)[:40]!r} is no value with a title and policies.")
            continue
        fields = {_FIELDS.get(str(key), str(key)): value for key, value in entry.items() if key not in _NOT_OURS}
        strange = [str(key) for key in fields if key not in _KNOWN]
        if strange:
            faults.append(f"{where}: {strange[0]!r} is no field of a value; known: {', '.join(sorted(_KNOWN))}.")
        else:
            _take(where, fields, seeds, faults)
    return Found(tuple(seeds), tuple(faults))


def _take(where: str, fields: Mapping[str, Any], seeds: list[Seed], faults: list[str], *, bare: bool = False) -> None:
    """Add a seed, or say why not. ``bare`` ones need no policies."""
    question = str(fields.get("question") or "").strip()
    told = {key: value for key, value in fields.items() if key != "question" and value is not None}
    try:
        draft = tidy(Draft.model_validate(told))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        faults.append(f"{where}: {field}: {first['msg'][:1].lower()}{first['msg'][1:]}.")
        return
    refusing = [issue for issue in issues(draft) if issue.refuses and not (bare and issue.text == NO_POLICIES)]
    if refusing:
        faults.append(f"{where}: {refusing[0].field}: {refusing[0].text}")
        return
    seeds.append(Seed(where, question, draft))


def _comments_of(name: str, content: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for info in archive.infolist():
                if PurePosixPath(info.filename).name == "comments.csv":
                    if info.file_size > LARGEST:
                        raise UsageError(
                            f"comments.csv in {name!r} has {info.file_size:,} bytes; {LARGEST:,} are possible"
                        )
                    return archive.read(info)
    except zipfile.BadZipFile:
        raise UsageError(f"{name!r} is no ZIP that can be read") from None
    raise UsageError(f"{name!r} holds no comments.csv: export the conversation from Polis again")


def _polis(content: bytes) -> Found:
    """Statements that people of the conversation could see, as values without policies: those are not known."""
    with TemporaryDirectory() as folder:
        path = f"{folder}/comments.csv"
        with open(path, "wb") as file:
            file.write(content)
        wrong: list[DataError] = []
        try:
            statements = read_statements(path, wrong)
        except DataError as error:
            raise UsageError(str(error).replace(f"{folder}/", "")) from None
    seeds: list[Seed] = []
    faults = [f"line {error.line}: {error.field or 'row'}: {error.problem}." for error in wrong]
    rejected = [each for each in statements if each.moderation is Moderation.REJECTED]
    meta = [each for each in statements if each.is_meta and each.moderation is not Moderation.REJECTED]
    for statement in statements:
        if statement not in rejected and statement not in meta:
            _take(
                f"statement {statement.id}",
                {"title": _title(statement.text), "summary": statement.text[:1000]},
                seeds,
                faults,
                bare=True,
            )
    left_out = _told(rejected, "that moderators of the conversation rejected") + _told(meta, "about the conversation")
    return Found(tuple(seeds), tuple(faults), left_out, is_polis=True)


def _told(statements: Iterable[Statement], which: str) -> tuple[str, ...]:
    count = len(list(statements))
    return (
        (f"{count} statement{'s' if count != 1 else ''} {which} {'were' if count != 1 else 'was'} left out.",)
        if count
        else ()
    )


def _title(text: str) -> str:
    """The first words of a statement."""
    words = text.split()
    short = " ".join(words[:_TITLE_WORDS])[: LONGEST_TITLE - 1].rstrip(".,;: ")
    return short if len(words) <= _TITLE_WORDS and len(short) < LONGEST_TITLE - 1 else f"{short}…"
