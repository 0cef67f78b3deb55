"""Files into what the linter looks at: our records, the published JSON files in both layouts, constitutions."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pluralign.core.constitution import Constitution
from pluralign.core.errors import DataError
from pluralign.core.records import PreferenceRecord, Record
from pluralign.curate.constitutions import read_constitution
from pluralign.curate.leaks import LeakScreen
from pluralign.curate.lint import Entry, Report, lint
from pluralign.curate.published import Row, read_published
from pluralign.store.records import read_records
from pluralign.surveys.files import read_json

ROLES = {
    "red-team": {
        "prompt": "adversarial_prompt",
        "answer": "incorrect_model_response_to_adversarial_prompt",
    },
    "sft": {
        "prompt": "initial_prompt",
        "answer": "initial_response",
        "critique_request": "critique_prompt",
        "critique": "critique_response",
        "revision_request": "revision_prompt",
        "revision": "revision_response",
    },
    "preference": {"prompt": "prompt", "chosen": "chosen_response", "rejected": "rejected_response"},
}
"""Kind of a published file -> part -> field."""


class Loaded(NamedTuple):
    """A file, read."""

    file: str
    kind: str
    """``red-team``, ``sft``, ``preference``: published; ``records``: ours; ``constitution``."""
    published: bool
    entries: tuple[Entry, ...]


def lint_files(
    paths: Sequence[Path],
    *,
    constitution: Constitution | None = None,
    leaks: LeakScreen | None = None,
    near: float | None = 0.8,
) -> list[Report]:
    """Look at files, each by itself; published records are also held against a red-team file among ``paths``.

    Raises :class:`DataError` for a file that is none of those known, naming what is malformed in it.
    """
    loaded = [load(path) for path in paths]
    origin = {entry.key: entry for one in loaded if one.published and one.kind == "red-team" for entry in one.entries}
    return [
        lint(
            one.file,
            one.kind,
            one.entries,
            origin=origin if one.published and one.kind != "red-team" else None,
            constitution=constitution,
            leaks=leaks,
            near=near,
        )
        for one in loaded
    ]


def load(path: Path) -> Loaded:
    """Read a file of any kind. Raises :class:`DataError`."""
    match path.suffix.lower():
        case ".jsonl":
            records = enumerate(read_records(path), start=1)
            return Loaded(path.name, "records", False, tuple(of_record(record, f"line {at}") for at, record in records))
        case ".json" if _is_published(path):
            found = read_published(path)
            return Loaded(path.name, found.kind, True, tuple(of_row(row, found.kind) for row in found.rows))
        case ".json" | ".yaml" | ".yml" | ".txt":
            return Loaded(path.name, "constitution", False, _of_constitution(path))
    raise DataError("is no file of records (.jsonl), published file (.json) or constitution", file=str(path))


def _is_published(path: Path) -> bool:
    data = read_json(path)
    return isinstance(data, dict) and bool(data) and all(key[:1].isdigit() for key in data)


def of_record(record: Record, key: str) -> Entry:
    """One of our records."""
    parents = record.provenance.parents
    parent = next((one for one in parents if one.startswith("principle:")), "")
    if isinstance(record, PreferenceRecord):
        turns = record.prompt
        fields = {"prompt": turns[-1].content, "chosen": record.chosen, "rejected": record.rejected}
        roles = {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"}
    else:
        turns = record.messages
        asked = next(turn.content for turn in reversed(turns) if turn.role == "user")
        fields = {"prompt": asked, "reply": turns[-1].content}
        roles = {"prompt": "prompt", "reply": "reply"}
    by_people = not record.provenance.model and record.provenance.recipe != "constitutional"
    return Entry(key, fields, roles, parent, record.collective, record.provenance.model, by_people=by_people)


def of_row(row: Row, kind: str) -> Entry:
    """One published record."""
    key = f"{row.key}[{row.pair}]" if row.pair else row.key
    return Entry(key, row.fields, ROLES[kind], f"principle {row.principle}", None, None, row.principle)


def _of_constitution(path: Path) -> tuple[Entry, ...]:
    """Principles as they stand in the file, before invisible characters are taken out of them."""
    constitution = read_constitution(path).constitution
    raw = _raw(path)
    entries = []
    for at, principle in enumerate(constitution.principles):
        fields = raw[at] if raw else {"title": principle.title, "description": principle.description}
        fields = {name: text for name, text in fields.items() if text}
        entries.append(Entry(principle.id, fields, {}, "", constitution.collective or None, None, by_people=True))
    return tuple(entries)


def _raw(path: Path) -> list[dict[str, str]]:
    """Texts of each record of a JSON list; empty for other forms, which are looked at as read."""
    if path.suffix.lower() != ".json":
        return []
    data = json.loads(path.read_text(encoding="utf-8-sig"))
    data = data.get("principles", []) if isinstance(data, dict) else data
    return [{key: value for key, value in one.items() if isinstance(value, str)} for one in data]
