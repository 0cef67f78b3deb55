"""Judgements, cards, contexts and participants from files, with every fault named by file, row and column.

Knows the layout of the files only: nothing here counts. Rows that cannot be used but leave the rest usable are
counted in `JudgementTable.set_aside`; all other faults are a `DataError`.
"""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv
from pydantic import ValidationError

from pluralign.core.errors import DataError
from pluralign.core.moral_graph import Relationship, SetAside
from pluralign.core.value_card import ValueCard
from pluralign.graph.judgements import RELATIONSHIPS, Codes, JudgementTable, Participants, microseconds

# Column names: those of the shared file, then those of the original's own tables.
COLUMNS = {
    "participant": ("user", "participant", "userId"),
    "source": ("from_value", "source", "fromId"),
    "candidate": ("to_value", "candidate", "toId"),
    "relationship": ("relationship",),
    "context": ("context", "contextId"),
    "time": ("created_at", "judged_at", "createdAt"),
}
SPELLINGS = {"upgrade": Relationship.WISER, "no_upgrade": Relationship.NOT_WISER, "not_sure": Relationship.UNSURE} | {
    relationship.value: relationship for relationship in Relationship
}


def read_judgements(path: Path, *, values: Collection[str] | None = None) -> JudgementTable:
    """Read judgements from a CSV file with a header; columns in any order, further columns ignored.

    ``values`` are the ids of the cards, which every judgement must name; None takes any id. Dates are ISO 8601, in UTC
    where they name no zone. Rows come back in order of creation (file order where times are equal). Judgements of a
    value against itself are set aside and counted. Raises DataError for a missing file or column, a ragged row, a blank
    field, an unknown relationship or value, and a date that cannot be read.
    """
    text = _read_bytes(path)
    names = _column_names(path, text)
    raw = _read_columns(path, text, names)
    coded = {}
    for field in ("participant", "source", "candidate", "relationship", "context"):
        coded[field] = _encode(raw[names[field]])
        _refuse(path, text, names[field], coded[field], lambda name: not name.strip(), "must not be blank")
    answers = coded["relationship"]
    known = ", ".join(sorted(SPELLINGS))
    _refuse(
        path, text, names["relationship"], answers, lambda name: name not in SPELLINGS, f"{{!r}} is not one of {known}"
    )
    relationship = np.array([RELATIONSHIPS.index(SPELLINGS[name]) for name in answers.names], dtype=np.int64)
    value_names = tuple(dict.fromkeys((*coded["source"].names, *coded["candidate"].names)))
    value_code = {name: code for code, name in enumerate(value_names)}
    if values is not None:
        for field in ("source", "candidate"):
            _refuse(path, text, names[field], coded[field], lambda name: name not in values, "no card has the id {!r}")
    ends = [
        np.array([value_code[name] for name in coded[field].names], dtype=np.int64)[coded[field].codes]
        for field in ("source", "candidate")
    ]
    table = JudgementTable(
        participant=coded["participant"].codes,
        source=ends[0],
        candidate=ends[1],
        relationship=relationship[answers.codes],
        context=coded["context"].codes,
        time=_times(path, text, names["time"], raw[names["time"]]),
        row=np.arange(1, len(answers.codes) + 1),
        participant_names=coded["participant"].names,
        value_names=value_names,
        context_names=coded["context"].names,
        name=path.name,
        source_hash=hashlib.sha256(text).hexdigest()[:16],
    )
    in_order = table.where(np.argsort(table.time, kind="stable"))
    return _without_loops(in_order)


def _without_loops(table: JudgementTable) -> JudgementTable:
    loops = np.flatnonzero(table.source == table.candidate)
    if not len(loops):
        return table
    lost = SetAside(reason="a value judged against itself", count=len(loops), example=table.place(int(loops[0])))
    kept = table.where(table.source != table.candidate)
    return JudgementTable(**{**vars(kept), "set_aside": (*table.set_aside, lost)})


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", file=str(path)) from None


def _column_names(path: Path, text: bytes) -> dict[str, str]:
    header = next((row for _, row in _rows(path, text)), None)
    if header is None:
        raise DataError("is empty; expected a header line", file=str(path))
    names = {}
    for field, spellings in COLUMNS.items():
        found = [name for name in spellings if name in header]
        if not found:
            raise DataError(
                f"no column {spellings[0]!r}; the header has {', '.join(map(repr, header))}", file=str(path), line=1
            )
        names[field] = found[0]
        if header.count(found[0]) > 1:
            raise DataError(f"column {found[0]!r} stands there twice", file=str(path), line=1)
    return names


def _rows(path: Path, text: bytes) -> Iterator[tuple[int, list[str]]]:
    """Every record with its line number, header first, blank lines left out. Slow: for headers, faults, small files."""
    try:
        lines = io.StringIO(text.decode("utf-8-sig"), newline="")
    except UnicodeDecodeError as error:
        line = text[: error.start].count(b"\n") + 1
        raise DataError(f"is not UTF-8 (byte {error.start})", file=str(path), line=line) from None
    reader = csv.reader(lines)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(str(error), file=str(path), line=line) from None
        if row:
            yield line, row


def _read_columns(path: Path, text: bytes, names: dict[str, str]) -> pa.Table:
    wanted = list(names.values())
    types = {name: pa.dictionary(pa.int32(), pa.string()) for name in wanted}
    types[names["time"]] = pa.string()
    try:
        return pyarrow.csv.read_csv(
            pa.py_buffer(text),
            parse_options=pyarrow.csv.ParseOptions(newlines_in_values=b'"' in text),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=wanted, column_types=types, strings_can_be_null=False, quoted_strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        width = None
        for line, row in _rows(path, text):  # find the row, to name it
            width = width or len(row)
            if len(row) != width:
                raise DataError(f"has {len(row)} fields; the header has {width}", file=str(path), line=line) from None
        raise DataError(f"cannot be read as CSV: {error}", file=str(path)) from None


class _Encoded(NamedTuple):
    codes: Codes
    names: tuple[str, ...]


def _encode(column: pa.ChunkedArray) -> _Encoded:
    if not len(column):
        return _Encoded(np.zeros(0, dtype=np.int64), ())
    whole = column.unify_dictionaries().combine_chunks()
    return _Encoded(whole.indices.to_numpy().astype(np.int64), tuple(whole.dictionary.to_pylist()))


def _refuse(path: Path, text: bytes, column: str, encoded: _Encoded, bad: Callable[[str], bool], problem: str) -> None:
    """Raise DataError for the first row whose entry is bad. Looks at each different entry once."""
    wrong = np.array([bad(name) for name in encoded.names], dtype=bool)
    if not wrong.any():
        return
    position = int(np.argmax(wrong[encoded.codes]))
    name = encoded.names[encoded.codes[position]]
    raise DataError(problem.format(name), file=str(path), line=_line(path, text, position), field=column)


def _line(path: Path, text: bytes, position: int) -> int:
    """Line on which data row ``position`` (0 is the first) starts."""
    for index, (line, _) in enumerate(_rows(path, text)):
        if index == position + 1:
            return line
    raise AssertionError(f"{path} has no data row {position}")


def _times(path: Path, text: bytes, column: str, entries: pa.ChunkedArray) -> Codes:
    try:
        moments = entries.cast(pa.timestamp("us", "UTC"))
        return np.asarray(moments.cast(pa.int64()).to_numpy(), dtype=np.int64)
    except pa.ArrowInvalid:  # a spelling that Arrow does not know, no zone, or no date at all
        pass
    times = np.empty(len(entries), dtype=np.int64)
    for position, entry in enumerate(entries.to_pylist()):
        try:
            times[position] = microseconds(moment(entry))
        except ValueError:
            raise DataError(
                f"{entry!r} is not a date, such as 2023-10-18 or 2023-10-18T06:30:00Z",
                file=str(path),
                line=_line(path, text, position),
                field=column,
            ) from None
    return times


def moment(text: str) -> datetime:
    """A date (its first moment) or a timestamp in ISO 8601, in UTC where it names no zone. Raises ValueError."""
    parsed = datetime.fromisoformat(text.strip())
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed


def read_json(path: Path) -> Any:
    """The content of a JSON file. Raises DataError, with the line where the syntax breaks."""
    try:
        return json.loads(_read_bytes(path).decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise DataError(f"is not JSON: {error.msg}", file=str(path), line=error.lineno) from None
    except UnicodeDecodeError as error:
        raise DataError(f"is not UTF-8 (byte {error.start})", file=str(path)) from None


# Field names of the published schema and ours.
_CARD_FIELDS = {
    "id": "id",
    "title": "title",
    "instructionsShort": "summary",
    "instructionsDetailed": "description",
    "evaluationCriteria": "policies",
    "createdAt": "created_at",
    "updatedAt": "updated_at",
}
# Results that the published schema mixes with the card; they are computed, not read.
_RESULTS = {"pageRank", "votes", "contexts"}


def read_cards(path: Path) -> tuple[ValueCard, ...]:
    """Cards from a JSON list, or from the `values` of a graph, in the published field names or ours.

    Raises DataError naming the position of the card (1 is the first) and its field.
    """
    data = read_json(path)
    entries = data.get("values") if isinstance(data, dict) else data
    if not isinstance(entries, list):
        raise DataError("expected a list of cards", file=str(path))
    cards = tuple(card_from_json(entry, f"{path}, card {index}") for index, entry in enumerate(entries, 1))
    seen: set[str] = set()
    for index, card in enumerate(cards, 1):
        if card.id in seen:
            raise DataError(f"id {card.id!r} stands there twice", file=f"{path}, card {index}", field="id")
        seen.add(card.id)
    return cards


def card_from_json(entry: Any, where: str) -> ValueCard:
    """One card. ``where`` names it in messages. Raises DataError."""
    if not isinstance(entry, dict):
        raise DataError(f"expected a card, found {entry!r}", file=where)
    fields = {_CARD_FIELDS.get(name, name): value for name, value in entry.items() if name not in _RESULTS}
    if isinstance(fields.get("id"), int) and not isinstance(fields["id"], bool):
        fields["id"] = str(fields["id"])
    try:
        return ValueCard.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        spelled = {ours: theirs for theirs, ours in _CARD_FIELDS.items() if theirs in entry}
        field = str(first["loc"][0]) if first["loc"] else ""
        raise DataError(first["msg"], file=where, field=spelled.get(field, field) or None) from None


def read_cases(path: Path) -> tuple[tuple[str, str], ...]:
    """Pairs (context, case) from a JSON list of objects with just these two fields. Raises DataError."""
    data = read_json(path)
    if not isinstance(data, list):
        raise DataError("expected a list of {context, case}", file=str(path))
    pairs = []
    for index, entry in enumerate(data, 1):
        if not isinstance(entry, dict) or not all(isinstance(entry.get(name), str) for name in ("context", "case")):
            raise DataError(f"entry {index}: expected {{context, case}}, found {entry!r}", file=str(path))
        pairs.append((entry["context"], entry["case"]))
    return tuple(dict.fromkeys(pairs))


def read_participants(path: Path, attributes: Sequence[str] | None = None) -> Participants:
    """Groups of people from a CSV file: one row per participant, a column per attribute; a blank is "in no group".

    ``attributes`` are the columns wanted, by default all. Raises DataError for a missing column, a ragged row and a
    participant who stands there twice.
    """
    rows = _rows(path, _read_bytes(path))
    _, header = next(rows, (0, []))
    name = next((name for name in COLUMNS["participant"] if name in header), None)
    if name is None:
        raise DataError(f"no column 'user'; the header has {', '.join(map(repr, header))}", file=str(path), line=1)
    wanted = [column for column in header if column != name] if attributes is None else list(attributes)
    for column in wanted:
        if column not in header:
            raise DataError(
                f"no column {column!r}; the header has {', '.join(map(repr, header))}", file=str(path), line=1
            )
    groups: dict[str, dict[str, str]] = {column: {} for column in wanted}
    seen: set[str] = set()
    for line, row in rows:
        if len(row) != len(header):
            raise DataError(f"has {len(row)} fields; the header has {len(header)}", file=str(path), line=line)
        record = dict(zip(header, row, strict=True))
        person = record[name].strip()
        if not person:
            raise DataError("must not be blank", file=str(path), line=line, field=name)
        if person in seen:
            raise DataError(f"participant {person!r} stands there twice", file=str(path), line=line, field=name)
        seen.add(person)
        for column in wanted:
            if record[column].strip():
                groups[column][person] = record[column].strip()
    return Participants(groups)


def read_people(path: Path) -> frozenset[str]:
    """A set of participants: one id per line. Raises DataError if it is empty."""
    people = frozenset(line.strip() for line in _read_bytes(path).decode("utf-8-sig").splitlines() if line.strip())
    if not people:
        raise DataError("names no participant", file=str(path))
    return people
