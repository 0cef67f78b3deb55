"""The prefix tree in depth-first order: whoever follows its masks sees exactly each token's own prefix."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("numpy")

from pluralign.engines import trie

SEQUENCES = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=6).map(tuple), min_size=1, max_size=20)


def test_a_tree_by_hand() -> None:
    tree = trie.build([(5, 6, 7), (5, 6, 8), (5, 9), (5, 6)])
    assert tree.tokens.tolist() == [5, 6, 7, 8, 9]
    assert tree.depth.tolist() == [0, 1, 2, 2, 1]
    assert tree.parent.tolist() == [-1, 0, 1, 1, 0]
    assert tree.last == (2, 3, 4, 1)
    assert trie.cuts(tree, 3) == [(0, 2), (2, 5)]
    # Before node 2 the path is 5, 6. Token 7 sees it whole, as does 8; token 9 sees only 5. None sees another.
    assert trie.sight(tree, 2, 5).astype(int).tolist() == [[1, 1, 1, 0, 0], [1, 1, 0, 1, 0], [1, 0, 0, 0, 1]]
    # Nodes 0 and 1 are the path to node 2.
    assert trie.step(tree, 0, 2) == [0, 1]


@given(SEQUENCES, st.integers(1, 9))
def test_every_token_sees_its_own_prefix_and_nothing_else(sequences: list[tuple[int, ...]], size: int) -> None:
    tree = trie.build(sequences)
    assert len(tree.tokens) == len({sequence[:end] for sequence in sequences for end in range(1, len(sequence) + 1)})
    cache: list[int] = []
    read: dict[int, tuple[int, ...]] = {}
    for start, stop in trie.cuts(tree, size):
        columns = [*cache, *range(start, stop)]
        for row, seen in enumerate(trie.sight(tree, start, stop)):
            visible = [columns[at] for at in seen.nonzero()[0]]
            assert tree.depth[visible].tolist() == list(range(tree.depth[start + row] + 1))
            read[start + row] = tuple(tree.tokens[visible].tolist())
        if stop < len(tree.tokens):
            cache = [columns[at] for at in trie.step(tree, start, stop)]
    assert [read[node] for node in tree.last] == sequences
