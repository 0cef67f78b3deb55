"""Files of generated questions, as CultureSPA has them: records with ``question``, ``option_lst`` and whatever else.

A JSON list or one JSON object a line. Knows no rule and no model.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pluralign.core.errors import DataError
from pluralign.core.question import Option, Question, Scale
from pluralign.surveys.files import read_text


def read_questions(path: Path) -> list[dict[str, Any]]:
    """Read a file of questions.

    Raises :class:`DataError` naming file, record and field where it is no JSON, or a record lacks a question or has
    options that are no texts.
    """
    text = read_text(path)
    try:
        data = json.loads(text)
    except ValueError:
        data = list(_lines(text, str(path)))
    if not isinstance(data, list):
        data = [data]
    for number, record in enumerate(data, start=1):
        _check(record, number, str(path))
    return data


def _lines(text: str, file: str) -> Iterator[Any]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError:
                raise DataError("neither a JSON list nor one JSON object a line", file=file, line=number) from None


def _check(record: Any, number: int, file: str) -> None:
    if not isinstance(record, dict):
        raise DataError("expected an object with 'question' and 'option_lst'", file=file, field=f"record {number}")
    if not isinstance(record.get("question"), str):
        raise DataError("'question' must be a text", file=file, field=f"record {number}")
    options = record.get("option_lst")
    if not isinstance(options, list) or not all(isinstance(option, str) for option in options):
        raise DataError("'option_lst' must be a list of texts", file=file, field=f"record {number}")


def questions_text(records: Iterable[Mapping[str, Any]], *, lines: bool) -> str:
    """Records as a file's text: one a line, or a JSON list."""
    if lines:
        return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    return json.dumps(list(records), ensure_ascii=False, indent=1) + "\n"


def as_question(
    id_: str, text: str, options: Sequence[str], topic: str, missing: Mapping[int, str] | None = None
) -> Question:
    """A question to ask. Options that are bare numbers keep them; others are numbered from 0 where the first option
    begins with the digit 0, else from 1, as the original does. Raises ``ValueError`` where it is no question.
    """
    if all(option.isascii() and option.isdigit() for option in options):
        codes = [int(option) for option in options]
    else:
        start = 0 if options and options[0].strip().startswith("0") else 1
        codes = list(range(start, start + len(options)))
    return Question(
        id=id_,
        text=text,
        options=tuple(
            Option(id=code, text=str(code) if option.isdigit() and code == int(option) else option)
            for code, option in zip(codes, options, strict=True)
        ),
        scale=Scale.ORDINAL,
        topic=topic,
        missing=dict(missing or {}),
    )
