"""Folds: nothing torn apart, every record once, every source in every fold as evenly as its groups allow."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluralign.core.errors import UsageError
from pluralign.curate.folds import connected, deal

MEMBERS = st.lists(st.tuples(st.sampled_from(["essays", "chat", "forum"]), st.integers(0, 40)), min_size=1)


@given(MEMBERS, st.integers(2, 6), st.integers(0, 5))
def test_every_group_has_one_fold_and_sources_are_spread_evenly(
    pairs: list[tuple[str, int]], count: int, seed: int
) -> None:
    members = [(source, f"{source}/{group}") for source, group in pairs]  # a group has one source here
    sizes = Counter(group for _, group in members)
    if len(sizes) < count:
        with pytest.raises(UsageError, match="take fewer folds"):
            deal(members, count, seed)
        return
    folds = deal(members, count, seed)
    assert folds.keys() == sizes.keys()
    assert set(folds.values()) <= set(range(count))
    for source in {source for source, _ in members}:
        own = Counter(folds[group] for other, group in members if other == source)
        totals = [own[fold] for fold in range(count)]
        largest = max(size for group, size in sizes.items() if group.startswith(f"{source}/"))
        assert max(totals) - min(totals) <= largest
    assert deal(members, count, seed) == folds


def test_the_seed_shuffles_and_single_groups_fill_every_fold() -> None:
    members = [("essays", number) for number in range(30)]
    first, second = deal(members, 3, 0), deal(members, 3, 1)
    assert first != second
    for folds in (first, second):
        assert Counter(folds.values()) == {0: 10, 1: 10, 2: 10}
    assert [first[number] for number in range(30)] != sorted(first[number] for number in range(30)), "not in file order"


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(100, 112))))
def test_what_hangs_together_has_one_name(pairs: list[tuple[int, int]]) -> None:
    joined = connected(pairs)
    assert all(joined[one] == joined[two] for one, two in pairs)
    # Nothing else does: as many names as components, counted by spreading from each.
    left, components = {one for pair in pairs for one in pair}, 0
    while left:
        reached = {left.pop()}
        while more := {b for a, b in pairs if a in reached} | {a for a, b in pairs if b in reached} - reached:
            if more <= reached:
                break
            reached |= more
        left -= reached
        components += 1
    assert len(set(joined.values())) == components
