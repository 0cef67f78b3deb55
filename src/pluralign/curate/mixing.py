"""Other people's records that go in with ours, such as helpfulness data. Knows no model.

Of a train split a fraction is taken: drawn at random by default, the first ``int(fraction * n)`` rows under
``published``, where everything is then shuffled as Hugging Face's ``alignment-handbook`` does. A test split is always
taken whole.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from pluralign.core.documents import Document as Parsed
from pluralign.core.documents import validate
from pluralign.core.errors import DataError
from pluralign.core.ids import content_hash
from pluralign.core.records import PreferenceRecord, Provenance, Record, SftRecord
from pluralign.curate.recipe import Keys, Share
from pluralign.curate.work import seeded
from pluralign.surveys.files import read_text


class Part(Keys):
    """A file of records to mix in."""

    file: Path
    """JSONL: our own records, or lines with ``messages``, with ``prompt`` and ``completion``, or with ``prompt``,
    ``chosen`` and ``rejected``."""
    fraction: Share = 1.0
    split: Literal["train", "test"] = "train"
    """``test`` rows are written to files of their own."""
    licence: str = ""
    """Needed where the file's lines are not our own records, which carry theirs."""
    source: str = ""
    collective: str = ""
    """For whom the lines speak; empty: nobody in particular."""


class Rows(NamedTuple):
    """A part, read."""

    part: Part
    records: tuple[Record, ...]
    hash: str


def read_part(part: Part) -> Rows:
    """Read a file of records. Raises :class:`DataError` naming file, line and field."""
    records = tuple(_records(part))
    if not records:
        raise DataError("there is no record in it", file=str(part.file))
    return Rows(part, records, content_hash([record.id for record in records]))


def taken(rows: Rows, *, seed: int, published: bool) -> tuple[Record, ...]:
    """The rows of a part that are used, in file order."""
    part, records = rows.part, rows.records
    if part.split == "test":
        return records
    count = int(part.fraction * len(records))
    if published:
        return records[:count]
    chosen = seeded(seed, "mix", rows.hash).sample(range(len(records)), count)
    return tuple(records[at] for at in sorted(chosen))


def shuffled(records: Sequence[Record], seed: int) -> tuple[Record, ...]:
    """The order in which ``datasets.Dataset.shuffle(seed)`` puts rows."""
    return tuple(records[at] for at in np.random.default_rng(seed).permutation(len(records)))


def _records(part: Part) -> Iterator[Record]:
    file = str(part.file)
    for number, line in enumerate(read_text(part.file).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            data: Any = json.loads(line)
        except ValueError:
            raise DataError("not valid JSON", file=file, line=number) from None
        if not isinstance(data, dict):
            raise DataError("expected an object", file=file, line=number)
        if "kind" not in data:
            data = _as_record(data, part, number)
        document = Parsed(data, {(): number}, file)
        yield validate(PreferenceRecord, document) if data["kind"] == "preference" else validate(SftRecord, document)


def _as_record(data: dict[str, Any], part: Part, number: int) -> dict[str, Any]:
    if not part.licence or not part.source:
        raise DataError(
            "lines that are not our own records need a licence and a source: give both beside 'file' in the recipe",
            file=str(part.file),
            line=number,
        )
    common = {
        "collective": part.collective,
        "source": part.source,
        "licence": part.licence,
        "provenance": Provenance(recipe="mixed in", parents=(f"row:{part.file.name}:{number}",)).model_dump(),
    }
    match data:
        case {"messages": messages}:
            return {"kind": "sft", "messages": messages, **common}
        case {"chosen": chosen, "rejected": rejected}:
            prompt = data.get("prompt", chosen[:-1] if isinstance(chosen, list) else None)
            return {
                "kind": "preference",
                "prompt": _turns(prompt),
                "chosen": _last(chosen),
                "rejected": _last(rejected),
                **common,
            }
        case {"prompt": prompt, "completion": completion}:
            reply = {"role": "assistant", "content": _last(completion)}
            return {"kind": "sft", "messages": [*_turns(prompt), reply], **common}
    raise DataError(
        "expected messages, or prompt and completion, or prompt, chosen and rejected", file=str(part.file), line=number
    )


def _turns(prompt: Any) -> list[Any]:
    return prompt if isinstance(prompt, list) else [{"role": "user", "content": prompt}]


def _last(said: Any) -> Any:
    return said[-1].get("content") if isinstance(said, list) and said and isinstance(said[-1], dict) else said
