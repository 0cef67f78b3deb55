"""The JSON files of the ``cai`` project: red-team prompts, supervised records, preference pairs. Reads, judges nothing.

Two layouts stand side by side in what was published: ``{"3": [record, …]}``, a list per principle, and
``{"3_7": [record]}``, a key per principle and prompt; a value may also be a single record. Both give the same rows.
"""

import re
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pluralign.core.errors import DataError
from pluralign.surveys.files import read_json

Kind = Literal["red-team", "sft", "preference"]

FIELDS: dict[Kind, tuple[str, ...]] = {
    "red-team": (
        "adversarial_prompt",
        "correct_model_response_to_adversarial_prompt",
        "incorrect_model_response_to_adversarial_prompt",
    ),
    "sft": (
        "initial_prompt",
        "initial_response",
        "critique_prompt",
        "critique_response",
        "revision_prompt",
        "revision_response",
    ),
    "preference": ("prompt", "chosen_response", "rejected_response", "reasoning"),
}
"""Kind -> its fields."""

_OLD_NAMES = {"critic_prompt": "critique_prompt", "critic_response": "critique_response"}
_KEY = re.compile(r"^(\d+)(?:_(\d+))?$")


class Row(NamedTuple):
    """One record."""

    key: str
    """``3_7``: the eighth prompt of the fourth principle, in either layout."""
    principle: int
    """Its position, from 0."""
    prompt: int
    """Position of the prompt among its principle's, from 0."""
    pair: int
    """Which of several records of one prompt, from 0."""
    fields: dict[str, str]
    """Texts; a null is the empty text."""


class Published(NamedTuple):
    """A file."""

    kind: Kind
    rows: tuple[Row, ...]


def read_published(path: Path) -> Published:
    """Read a file of either layout, old field names (``critic_…``) included.

    Raises :class:`DataError` naming file, key and field for anything else.
    """
    data = read_json(path)
    if not isinstance(data, dict) or not data:
        raise DataError("expected an object with keys such as '3' or '3_7'", file=str(path))
    rows: list[Row] = []
    kind: Kind | None = None
    for key, value in data.items():
        named = _KEY.match(key)
        if named is None:
            raise DataError(
                "a key must be a principle's position, or that and a prompt's: '3', '3_7'", file=str(path), field=key
            )
        for at, record in enumerate(value if isinstance(value, list) else [value]):
            field = f"{key}[{at}]" if isinstance(value, list) else key
            own = _kind(record, path, field)
            if kind not in (None, own):
                raise DataError(f"a {own} record among {kind} records", file=str(path), field=field)
            kind = own
            by_prompt = named[2] is not None
            prompt, pair = (int(named[2]), at) if by_prompt else (at, 0)
            rows.append(Row(f"{int(named[1])}_{prompt}", int(named[1]), prompt, pair, _texts(record, own, path, field)))
    if kind is None:
        raise DataError("there is no record in it", file=str(path))
    return Published(kind, tuple(rows))


def _kind(record: Any, path: Path, field: str) -> Kind:
    if isinstance(record, dict):
        keys = {_OLD_NAMES.get(key, str(key)) for key in record}
        for kind, fields in FIELDS.items():
            if keys == set(fields):
                return kind
        near = max(FIELDS, key=lambda name: len(keys & set(FIELDS[name])))
        lacking, strange = sorted(set(FIELDS[near]) - keys), sorted(keys - set(FIELDS[near]))
        problem = f"lacks {', '.join(lacking)}" if lacking else f"has unknown keys {', '.join(strange)}"
        raise DataError(f"no published record: as a {near} record it {problem}", file=str(path), field=field)
    raise DataError("expected a record with keys", file=str(path), field=field)


def _texts(record: dict[str, Any], kind: Kind, path: Path, field: str) -> dict[str, str]:
    found = {}
    for key, value in record.items():
        name = _OLD_NAMES.get(key, key)
        if value is not None and not isinstance(value, str):
            raise DataError("must be text", file=str(path), field=f"{field}.{key}")
        found[name] = value or ""
    return {name: found[name] for name in FIELDS[kind]}
