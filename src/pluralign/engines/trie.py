"""A prefix tree of token sequences, laid out in depth-first order. Knows numbers, no model.

Nodes are numbered in the order in which a walk meets them, parents before children, one child's whole subtree
before the next. So the ancestors of any node that were met before node ``s`` are ancestors of ``s`` too: whoever
computes nodes in this order needs to remember nothing but the path from the root to where it stands.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pluralign.engines.batches import common_prefix

Tokens = tuple[int, ...]


class Tree(NamedTuple):
    """Nodes in depth-first order."""

    tokens: npt.NDArray[np.int64]
    """Per node its token; shape (nodes,)."""
    depth: npt.NDArray[np.int64]
    """Per node its position in the sequence, 0 for a first token."""
    parent: npt.NDArray[np.int64]
    """Per node the node before it, -1 for a first token."""
    last: tuple[int, ...]
    """Per sequence the node of its last token."""

    def path(self, node: int) -> list[int]:
        """The node's ancestors from the root down, without the node."""
        found = []
        at = int(self.parent[node])
        while at >= 0:
            found.append(at)
            at = int(self.parent[at])
        return found[::-1]


def build(sequences: Sequence[Tokens]) -> Tree:
    """The prefix tree of non-empty sequences."""
    order = sorted(range(len(sequences)), key=lambda at: sequences[at])
    tokens: list[int] = []
    depth: list[int] = []
    parent: list[int] = []
    last = [0] * len(sequences)
    before: Tokens = ()
    path: list[int] = []
    for at in order:
        sequence = sequences[at]
        shared = common_prefix(before, sequence)
        del path[shared:]
        for position in range(shared, len(sequence)):
            parent.append(path[-1] if path else -1)
            path.append(len(tokens))
            tokens.append(sequence[position])
            depth.append(position)
        last[at] = path[-1]
        before = sequence
    return Tree(np.array(tokens), np.array(depth), np.array(parent), tuple(last))


def cuts(tree: Tree, size: int) -> list[tuple[int, int]]:
    """Runs of nodes (start, stop) of nearly equal length, none longer than ``size``."""
    nodes = len(tree.tokens)
    count = -(-nodes // size)
    edges = [nodes * at // count for at in range(count + 1)]
    return list(pairwise(edges))


def sight(tree: Tree, start: int, stop: int) -> npt.NDArray[np.bool_]:
    """What each node from ``start`` to ``stop`` sees: its ancestors and itself.

    Shape (stop - start, path + stop - start): first the ancestors of ``start`` from the root down, then the nodes of
    the run themselves.
    """
    path = int(tree.depth[start])
    seen = np.zeros((stop - start, path + stop - start), dtype=np.bool_)
    for row, parent in enumerate(tree.parent[start:stop].tolist()):
        if parent >= start:
            seen[row] = seen[parent - start]
        else:
            # Every earlier ancestor lies on the path, from the root on.
            seen[row, : tree.depth[start + row]] = True
        seen[row, path + row] = True
    return seen


def step(tree: Tree, start: int, stop: int) -> list[int]:
    """Where the ancestors of node ``stop`` stand among the columns of ``sight(tree, start, stop)``."""
    path = int(tree.depth[start])
    ancestors = tree.path(stop)
    return [at if node < start else path + node - start for at, node in enumerate(ancestors)]
