"""Prompts from files: text lines, JSONL, and the published red-team JSON. Knows no model."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pluralign.core.constitution import Constitution, clean_text
from pluralign.core.errors import DataError
from pluralign.curate.published import read_published
from pluralign.surveys.files import read_text


class GivenPrompt(NamedTuple):
    """A prompt that somebody brings."""

    prompt: str
    principle: str = ""
    """Id of the principle it puts to the test; empty: none in particular."""
    answer: str = ""
    """An answer that goes against the principle, if one came with it."""
    id: str = ""


def read_prompts(path: Path, constitution: Constitution | None = None) -> tuple[GivenPrompt, ...]:
    """Prompts of a file, in order: ``.jsonl`` with ``prompt`` and perhaps ``principle``, ``answer`` and ``id``; the
    published ``.json``, whose keys count principles from 0; else text lines.

    Raises :class:`DataError` naming file, line and field, also for a principle that the constitution does not have.
    """
    found: list[tuple[int | None, GivenPrompt]]
    match path.suffix.lower():
        case ".jsonl":
            found = list(_of_lines(path))
        case ".json":
            found = list(_of_published(path, constitution))
        case _:
            lines = enumerate(map(clean_text, read_text(path).splitlines()), start=1)
            found = [(at, GivenPrompt(line)) for at, line in lines if line]
    known = {one.id for one in constitution.principles} if constitution is not None else None
    for line, one in found:
        if known is not None and one.principle and one.principle not in known:
            raise DataError(
                f"the constitution has no principle {one.principle!r}", file=str(path), line=line, field="principle"
            )
    if not found:
        raise DataError("there is no prompt in it", file=str(path))
    return tuple(one for _, one in found)


def _of_lines(path: Path) -> Iterator[tuple[int | None, GivenPrompt]]:
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            data: Any = json.loads(line)
        except ValueError:
            raise DataError("not valid JSON", file=str(path), line=number) from None
        fields = GivenPrompt._fields
        if not isinstance(data, dict) or not isinstance(data.get("prompt"), str) or not clean_text(data["prompt"]):
            raise DataError("the text 'prompt' is missing", file=str(path), line=number)
        for key, value in data.items():
            if key not in fields:
                raise DataError(f"unknown; known are {', '.join(fields)}", file=str(path), line=number, field=key)
            if not isinstance(value, str):
                raise DataError("must be text", file=str(path), line=number, field=key)
        yield number, GivenPrompt(**{key: clean_text(value) for key, value in data.items()})


def _of_published(path: Path, constitution: Constitution | None) -> Iterator[tuple[int | None, GivenPrompt]]:
    """The original names a principle by its position, which is all it keeps of it."""
    for row in read_published(path).rows:
        principle = ""
        if constitution is not None:
            if row.principle >= len(constitution.principles):
                raise DataError(
                    f"principle {row.principle}, counted from 0, is not in the constitution, which has "
                    f"{len(constitution.principles)}",
                    file=str(path),
                    field=row.key,
                )
            principle = constitution.principles[row.principle].id
        fields = row.fields
        prompt = fields.get("adversarial_prompt") or fields.get("initial_prompt") or fields.get("prompt") or ""
        answer = fields.get("incorrect_model_response_to_adversarial_prompt") or fields.get("initial_response") or ""
        if prompt:
            yield None, GivenPrompt(clean_text(prompt), principle, clean_text(answer), row.key)
