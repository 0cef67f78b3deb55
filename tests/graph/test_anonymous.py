"""k-anonymity: worked by hand, and held on random tables."""

from hypothesis import given
from hypothesis import strategies as st

from pluralign.graph.anonymous import release, shared, significant, small

ROWS = [  # person, situation, pair
    ("anna", "rain", "ab"),
    ("bela", "rain", "ab"),
    ("bela", "rain", "ab"),
    ("carl", "sun", "ab"),
    ("dora", "snow", "ab"),
    ("anna", "rain", "cd"),
]


def test_a_row_is_told_whole_coarser_or_not_at_all() -> None:
    found = release(
        ROWS, 2, person=lambda row: row[0], fine=lambda row: (row[1], row[2]), coarse=lambda row: row[2]
    )  # fmt: skip
    assert found.whole == (0, 1, 2), "anna and bela; bela's second row counts nobody again"
    assert found.coarsened == (3, 4), "carl and dora share the pair, not the situation"
    assert found.withheld == (5,), "anna alone, although she judged another pair too"
    assert release(ROWS, 1, person=lambda row: row[0], fine=lambda row: row[1:]).whole == tuple(range(6))


def test_one_person_is_not_several() -> None:
    assert shared([("anna", 1), ("anna", 1), ("anna", 1)], 2) == frozenset()


def test_a_blank_cannot_be_worked_out_from_the_total() -> None:
    assert small({"young": 3, "middle": 20, "old": 9}, 5) == {"young", "old"}, "32 - 20 - 9 would tell the 3"
    assert small({"young": 3, "middle": 20, "old": 4}, 5) == {"young", "old"}, "3 + 4 = 7 in two classes"
    assert small({"young": 1, "middle": 20, "old": 2}, 5) == {"young", "old", "middle"}, "1 + 2 < 5"
    assert small({"young": 0, "middle": 20, "old": 9}, 5) == frozenset()
    assert small({"all": 3}, 5) == {"all"}


def test_two_digits() -> None:
    assert [significant(number) for number in (0.01234, 0.5, 1.0)] == [0.012, 0.5, 1.0]


tables = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 2)), max_size=40)


@given(tables, st.integers(1, 4))
def test_whatever_is_told_is_shared_by_k_people_and_nothing_is_lost(rows: list[tuple[int, int, int]], k: int) -> None:
    found = release(rows, k, person=lambda row: row[0], fine=lambda row: row[1:], coarse=lambda row: row[2])
    assert sorted((*found.whole, *found.coarsened, *found.withheld)) == list(range(len(rows)))
    for part, what in ((found.whole, slice(1, 3)), (found.coarsened, slice(2, 3))):
        for place in part:
            assert len({rows[other][0] for other in part if rows[other][what] == rows[place][what]}) >= k


@given(st.dictionaries(st.integers(), st.integers(0, 12), max_size=6), st.integers(1, 6))
def test_blanks_hold_k_people_or_all_there_are(counts: dict[int, int], k: int) -> None:
    blank = small(counts, k)
    assert {name for name, count in counts.items() if 0 < count < k} <= blank
    told = [count for name, count in counts.items() if name not in blank and count]
    if blank and told:
        assert sum(counts[name] for name in blank) >= k
        assert len(blank) >= 2
