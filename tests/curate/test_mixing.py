"""Mixing takes what the published recipes took, row for row."""

from pathlib import Path

import pytest

from pluralign.core.chat import Message
from pluralign.core.errors import DataError
from pluralign.core.records import PreferenceRecord, Provenance, Record, SftRecord
from pluralign.curate.mixing import Part, Rows, read_part, shuffled, taken


def records(count: int) -> tuple[Record, ...]:
    made = Provenance(recipe="test")
    one = SftRecord(
        messages=(Message("user", "Q"), Message("assistant", "A")), source="a test", licence="CC0", provenance=made
    )
    return tuple(one.model_copy(update={"group": str(at)}) for at in range(count))


def groups(chosen: tuple[Record, ...]) -> list[int]:
    return [int(record.group) for record in chosen]


def rows(count: int, **part: object) -> Rows:
    return Rows(Part.model_validate({"file": "x.jsonl", **part}), records(count), "hash")


def test_published_takes_the_first_rows_and_test_splits_whole() -> None:
    # Hugging Face's SmolLM2 DPO log: 3,056 of 61,135 and 1,063 of 21,269 rows are 4,119 examples.
    counts = [len(taken(rows(n, fraction=0.05), seed=42, published=True)) for n in (61_135, 21_269)]
    assert counts == [3_056, 1_063]
    assert sum(counts) == 4_119
    assert groups(taken(rows(50, fraction=0.1), seed=0, published=True)) == [0, 1, 2, 3, 4]
    for published in (True, False):
        assert len(taken(rows(50, fraction=0.1, split="test"), seed=0, published=published)) == 50


def test_the_default_draws_at_random_and_the_same_every_time() -> None:
    chosen = groups(taken(rows(50, fraction=0.1), seed=0, published=False))
    assert chosen == sorted(chosen) == groups(taken(rows(50, fraction=0.1), seed=0, published=False))
    assert chosen != [0, 1, 2, 3, 4]
    assert chosen != groups(taken(rows(50, fraction=0.1), seed=1, published=False))


def test_the_published_order_is_that_of_the_datasets_library() -> None:
    datasets = pytest.importorskip("datasets")
    theirs = datasets.Dataset.from_dict({"row": list(range(100))}).shuffle(seed=42)["row"]
    assert groups(shuffled(records(100), 42)) == list(theirs)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ('{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}', SftRecord),
        ('{"prompt": "Q", "completion": "A"}', SftRecord),
        ('{"prompt": "Q", "chosen": "A", "rejected": "B"}', PreferenceRecord),
        (
            '{"chosen": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}],'
            ' "rejected": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "B"}]}',
            PreferenceRecord,
        ),
    ],
)
def test_the_usual_forms_are_read(tmp_path: Path, line: str, kind: type) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(line + "\n")
    (record,) = read_part(Part(file=path, licence="MIT", source="by hand")).records
    assert isinstance(record, kind)
    assert record.provenance.parents == ("row:rows.jsonl:1",)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "rows.jsonl:1: not valid JSON"),
        ("[]", "rows.jsonl:1: expected an object"),
        ('{"text": "x"}', "rows.jsonl:1: expected messages, or prompt and completion"),
        ('{"prompt": "Q", "completion": ""}', "rows.jsonl:1:"),
        ("\n\n \n", "the file is empty"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(DataError) as raised:
        read_part(Part(file=path, licence="MIT", source="by hand"))
    assert message in str(raised.value)
