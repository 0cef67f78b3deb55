"""The Machine Personality Inventory and the people of Johnson's response file."""

from collections import Counter
from pathlib import Path

import pytest

from pluralign.core.errors import DataError
from pluralign.surveys import load
from pluralign.surveys.ipip import Item, people_of, published_shares, read_items, read_responses

HEADER = "label_raw\ttext\tlabel_ocean\tkey\n"


def items_file(folder: Path) -> Path:
    path = folder / "items.csv"
    rows = [f"Facet {at % 30}\tDo thing {at}\t{'NEOAC'[at % 5]}\t{-1 if at % 3 else 1}" for at in range(120)]
    path.write_text(HEADER + "\n".join(rows))
    return path


def test_the_released_items(shared_data: Path) -> None:
    path = shared_data / "mpi" / "mpi_questions.csv"
    items = read_items(path)
    assert items[0] == Item("I1", "Worry about things", "Anxiety", "N", 1)
    assert len(items) == len({item.text for item in items}) == 120
    assert set(Counter(item.facet for item in items).values()) == {4}
    keys = Counter((item.trait, item.key) for item in items)
    assert [(keys[trait, 1], keys[trait, -1]) for trait in "NEOAC"] == [(17, 7), (18, 6), (12, 12), (7, 17), (11, 13)]
    survey = load(f"mpi:{path}")
    assert survey.questions[0].text == 'Someone says of you: "You worry about things." How accurate is that?'
    assert len(survey.topics) == 5
    assert survey.collectives == ()


def test_people_rate_the_statement_as_it_stands(tmp_path: Path) -> None:
    responses = tmp_path / "IPIP120.dat"
    # Item 1 (key 1) and item 2 (key -1, stored turned round); the other 118 are 3.
    lines = [f"{at:6d}  1 42 USA " + pair + "3" * 118 for at, pair in enumerate(("55", "54", "41", "05"))]
    responses.write_bytes(("\r\n".join(lines) + "\r\n\x1a").encode())
    survey = load(f"mpi:{items_file(tmp_path)},{responses}")
    people = survey.references["internet-sample"]
    # 5, 5, 4 and no answer: two very, one moderately accurate.
    assert people["I1"].probabilities == pytest.approx((2 / 3, 1 / 3, 0, 0, 0))
    assert people["I1"].refused == 0.25
    assert people["I1"].n == 3
    # 5, 4, 1, 5 turned back are 1, 2, 5, 1: one very accurate, one moderately, two very inaccurate.
    assert people["I2"].probabilities == (0.25, 0, 0, 0.25, 0.5)
    assert people["I3"].probabilities == (0, 0, 1, 0, 0)


def test_counts_do_not_depend_on_the_size_of_a_chunk(tmp_path: Path) -> None:
    path = tmp_path / "big.dat"
    path.write_text("".join(f"{at % 6}{at % 5 + 1}" * 60 + "\n" for at in range(60_000)))
    counts = read_responses(path)
    assert counts.shape == (120, 6)
    assert counts[0].tolist() == [10_000] * 6
    assert counts[1].tolist() == [0, *[12_000] * 5]


def test_published_shares() -> None:
    # True shares of the five answers .249 .403 .098 .148 .102 and .002 of zeros, as codes 0 to 5 of a positive item.
    counts = [2, 102, 148, 98, 403, 249]
    assert published_shares(counts, 1) == pytest.approx((0.416, 0.247, 0.170, 0.164, 0.003), abs=1e-3)
    assert len(published_shares(counts, -1)) == 4
    assert published_shares([0, 10, 10, 5, 20, 0], 1) == (0.4, 0.2)
    assert people_of(counts, 1).probabilities == pytest.approx((0.249, 0.403, 0.098, 0.148, 0.102))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("text,key\na,1\n", r"items\.csv:1: the column 'label_raw' is missing; columns are parted by tabs"),
        (HEADER, r"items\.csv: there is no row below the header"),
        (HEADER + "F\tWorry\tX\t1\n", r"items\.csv:2: label_ocean: expected one of O, C, E, A, N, got 'X'"),
        (HEADER + "F\tWorry\tN\t2\n", r"items\.csv:2: key: expected one of 1, -1, got '2'"),
        (HEADER + "F\tWorry\tN\n", r"items\.csv:2: key: expected one of 1, -1, got None"),
        (HEADER + "F\t\tN\t1\n", r"items\.csv:2: text: the cell is empty"),
    ],
)
def test_items_of_another_form(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "items.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        load(f"mpi:{tmp_path / 'items.csv'}")


def test_responses_of_another_form(tmp_path: Path) -> None:
    items = items_file(tmp_path)
    path = tmp_path / "a.dat"
    with pytest.raises(DataError, match=r"a\.dat: cannot be read"):
        load(f"mpi:{items},{path}")
    path.write_text("1" * 120 + "\n" + "1" * 119 + "\n")
    with pytest.raises(DataError, match=r"a\.dat:2: the last 120 columns must be answers from 0 to 5"):
        load(f"mpi:{items},{path}")
    path.write_text("1" * 119 + "7\n")
    with pytest.raises(DataError, match=r"a\.dat:1: the last 120 columns"):
        load(f"mpi:{items},{path}")
    path.write_text("\n")
    with pytest.raises(DataError, match=r"a\.dat: the file is empty"):
        load(f"mpi:{items},{path}")
    items.write_text(HEADER + "F\tWorry\tN\t1\n")
    with pytest.raises(DataError, match=r"the responses are to 120 items, not to 1"):
        load(f"mpi:{items},{path}")
