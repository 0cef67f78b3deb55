"""Grouping requests: every request once, little computed twice, the same result for the same requests."""

from hypothesis import given
from hypothesis import strategies as st

from pluralign.engines.batches import OVERHEAD, distinct, group

SEQUENCES = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=8).map(tuple), max_size=40)


def tree_size(sequences: list[tuple[int, ...]]) -> int:
    return len({sequence[:end] for sequence in sequences for end in range(1, len(sequence) + 1)})


@given(SEQUENCES)
def test_distinct_counts_the_nodes_of_the_prefix_tree(sequences: list[tuple[int, ...]]) -> None:
    assert distinct(sequences) == tree_size(sequences)


@given(SEQUENCES, st.integers(1, 10), st.integers(1, 50))
def test_groups_hold_every_request_once_and_repeat_little(
    sequences: list[tuple[int, ...]], max_requests: int, max_tokens: int
) -> None:
    grouping = group([[sequence] for sequence in sequences], max_requests=max_requests, max_tokens=max_tokens)
    assert sorted(at for batch in grouping.batches for at in batch) == list(range(len(sequences)))
    assert grouping.unique_tokens == tree_size(sequences)
    assert grouping.computed_tokens == sum(tree_size([sequences[at] for at in batch]) for batch in grouping.batches)
    assert grouping.computed_tokens <= grouping.unique_tokens / (1 - OVERHEAD)


def test_groups_depend_on_what_is_asked_not_on_its_order() -> None:
    sequences = [(persona, question, 0) for question in range(50) for persona in range(5)]
    one = group([[sequence] for sequence in sequences], max_requests=16)
    other = group([[sequence] for sequence in sequences[::-1]], max_requests=16)
    assert len(one.batches) > 5
    assert [[sequences[at] for at in batch] for batch in one.batches] == [
        [sequences[::-1][at] for at in batch] for batch in other.batches
    ]


def test_sequences_of_one_request_are_counted_once() -> None:
    # A prompt of three tokens, and two options of two tokens each that share the first: one inner node.
    assert group([[(1, 2, 3), (1, 2, 3, 4)], [(1, 2, 5), (1, 2, 5, 4)]]).computed_tokens == 6
    assert group([]).batches == ()
