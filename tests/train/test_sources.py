"""Records from files and data sets: mixed as asked, refused where they do not fit, divided without tearing apart."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralign.core.errors import UsageError
from pluralign.train.config import TrainConfig
from pluralign.train.folds import fold_numbers
from pluralign.train.sources import Located, load, refuse_leaks
from tests.train.conftest import answers, preference_record, sft_record


def config(records: Any, **keys: Any) -> TrainConfig:
    return TrainConfig.model_validate({"model": "x", "records": records, **keys})


def numbers(found: tuple[Located, ...]) -> list[int]:
    return [located.number for located in found]


def test_published_mixing_takes_the_first_rows_and_test_splits_in_full(records: Callable[..., Path]) -> None:
    first = str(records([sft_record(number) for number in range(30)], "a.jsonl"))
    second = str(records([sft_record(number, "USA") for number in range(11)], "b.jsonl"))
    sources = [{"file": first, "fraction": 0.05}, {"file": second, "fraction": 0.5}]
    published = load(config(sources, mixing="published"), "sft")
    # int(.05 x 30) = 1, int(.5 x 11) = 5
    assert numbers(published.records) == [1, 1, 2, 3, 4, 5]
    assert [(card.records, card.taken) for card in published.cards] == [(30, 1), (11, 5)]
    sampled = load(config(sources), "sft")
    assert Counter(located.source for located in sampled.records) == {first: 1, second: 5}
    assert numbers(sampled.records)[1:] != [1, 2, 3, 4, 5]
    assert sampled == load(config(sources), "sft")
    held_out = config(first, held_out={"records": second}).held_out
    assert held_out is not None
    assert len(load(config(sources, mixing="published"), "sft", held_out.records).records) == 11


@pytest.mark.parametrize(
    ("found", "keys", "said"),
    [
        ([], {}, "holds no records"),
        ([sft_record(), preference_record()], {}, r"record 2 is a preference.*`pluralign train dpo`"),
        ([sft_record()], {"collectives": ["KEN", "FRA"]}, "no record of the collective 'FRA': .*KEN"),
        ([sft_record(), sft_record(1, "")], {"one_each": True}, r"speaks for nobody \(.*record 2\)"),
    ],
)
def test_records_that_do_not_fit(
    records: Callable[..., Path], found: list[Any], keys: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        load(config(str(records(found)), **keys), "sft")


def test_a_fraction_of_nothing(records: Callable[..., Path]) -> None:
    file = str(records([sft_record(number) for number in range(3)]))
    with pytest.raises(UsageError, match="is none: raise the fraction"):
        load(config({"file": file, "fraction": 0.1}), "sft")


def test_what_is_measured_is_not_learned(records: Callable[..., Path]) -> None:
    train = load(config(str(records(answers(3)))), "sft").records
    held_out = load(config(str(records([sft_record(7), sft_record(2)], "h.jsonl"))), "sft").records
    with pytest.raises(UsageError, match=r"h\.jsonl, record 2, and .*records\.jsonl, record 5"):
        refuse_leaks(train, held_out)
    refuse_leaks(train, held_out[:1])


def test_a_data_set_as_alignment_handbook_reads_it(tmp_path: Path) -> None:
    def turns(*words: str) -> list[dict[str, str]]:
        return [{"role": ("user", "assistant")[at % 2], "content": word} for at, word in enumerate(words)]

    rows = [
        {"chosen": turns("Hi?", "Yes", "Why?", "Because"), "rejected": turns("Hi?", "Yes", "Why?", "No")},
        {"chosen": turns("Hi?", "Same"), "rejected": turns("Hi?", "Same")},
        {"chosen": turns("Ho?", "Good"), "rejected": turns("Ho?", "Bad")},
    ]
    file = tmp_path / "pairs.parquet"
    pq.write_table(pa.Table.from_pylist(rows), file)
    source = {"dataset": str(file), "licence": "MIT"}
    loaded = load(config(source), "dpo")
    first = loaded.records[0].record
    assert first.kind == "preference"
    assert [turn.content for turn in first.prompt] == ["Hi?", "Yes", "Why?"]
    assert (first.chosen, first.rejected, first.licence) == ("Because", "No", "MIT")
    (card,) = loaded.cards
    assert (card.records, card.taken, card.skipped) == (3, 2, 1)
    # the fraction is of rows, whether they can be used or not
    part = load(config({**source, "fraction": 0.7}, mixing="published"), "dpo")
    assert (part.cards[0].taken, part.cards[0].skipped) == (1, 1)
    with pytest.raises(UsageError, match="has no column 'messages': it has chosen, rejected"):
        load(config(source), "sft")
    with pytest.raises(UsageError, match="cannot be read"):
        load(config({"dataset": str(tmp_path / "nowhere"), "licence": "MIT"}), "sft")


def located(found: list[Any]) -> list[Located]:
    return [Located(record, "r.jsonl", number) for number, record in enumerate(found, start=1)]


@settings(max_examples=30)
@given(
    groups=st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["KEN", "USA"])), min_size=12, max_size=40),
    folds=st.integers(2, 3),
    seed=st.integers(0, 5),
)
def test_each_record_is_held_out_once_and_groups_stay_together(
    groups: list[tuple[int, str]], folds: int, seed: int
) -> None:
    found = located([sft_record(at, who, group=f"g{group}") for at, (group, who) in enumerate(groups)])
    if len({group for group, _ in groups}) < folds:
        with pytest.raises(UsageError, match="cannot be divided into"):
            fold_numbers(found, folds, seed)
        return
    drawn = fold_numbers(found, folds, seed)
    assert len(drawn) == len(found)
    assert set(drawn) <= set(range(folds))
    of_group: dict[int, set[int]] = {}
    for (group, _), number in zip(groups, drawn, strict=True):
        of_group.setdefault(group, set()).add(number)
    assert all(len(of_one) == 1 for of_one in of_group.values())
    assert drawn == fold_numbers(found, folds, seed)


def test_collectives_are_spread_evenly_over_folds() -> None:
    found = located([sft_record(at, "KEN" if at < 12 else "USA") for at in range(24)])
    drawn = fold_numbers(found, 3, 0)
    held = Counter((located.record.collective, number) for located, number in zip(found, drawn, strict=True))
    assert set(held.values()) == {4}


def test_folds_that_records_name() -> None:
    named = [sft_record(at, fold=at % 2) for at in range(4)]
    assert fold_numbers(located(named), "records", 0) == [0, 1, 0, 1]
    with pytest.raises(UsageError, match=r"one names none \(r\.jsonl, record 5\)"):
        fold_numbers(located([*named, sft_record(9)]), "records", 0)
    with pytest.raises(UsageError, match="may not be torn apart"):
        fold_numbers(located([*named, sft_record(9, fold=1, group="q0")]), "records", 0)
    with pytest.raises(UsageError, match="all records are in one fold"):
        fold_numbers(located([sft_record(fold=0)]), "records", 0)
