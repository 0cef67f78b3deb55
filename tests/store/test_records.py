"""Records survive the disk unchanged, and a bad line is named."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pluralign.core.chat import Message
from pluralign.core.errors import DataError
from pluralign.core.records import PreferenceRecord, Provenance, Record, SftRecord
from pluralign.store.records import manifest, read_records, write_records

MADE = Provenance(recipe="test", templates={"a.v1.txt": "0" * 16}, details={"seed": 1})


def records(text: str = "Because.") -> list[Record]:
    return [
        SftRecord(
            collective="KEN",
            messages=(Message("user", "Why?"), Message("assistant", text)),
            source="by hand",
            licence="CC0",
            provenance=MADE,
        ),
        PreferenceRecord(
            prompt=(Message("user", "Why?"),),
            chosen=text,
            rejected=text + "!",
            preference=0.75,
            source="by hand",
            licence="CC0",
            provenance=MADE,
        ),
    ]


@given(text=some.text(min_size=1).filter(str.strip))
def test_what_is_written_is_read_back(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("records") / "records.jsonl"
    written = write_records(path, records(text))
    assert list(read_records(path)) == records(text)
    assert written == manifest(path)
    assert written.records == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "records.jsonl:3: not valid JSON"),
        ("[]", "records.jsonl:3: kind: a record's kind is 'sft' or 'preference', not None"),
        ('{"kind": "sft", "messages": []}', "the key 'source' is missing"),
        ('{"kind": "sft", "mesages": []}', "mesages"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "records.jsonl"
    write_records(path, records())
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(DataError) as raised:
        list(read_records(path))
    assert message in str(raised.value)
    assert raised.value.line == 3


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        list(read_records(tmp_path / "none.jsonl"))
