"""Which cards may say the same value, and putting them together or apart in a way that can be undone.

Proposes only: whether two cards are the same is for their authors to say, then for organisers. Knows vectors and ids,
no texts and no database.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pluralign.core.errors import UsageError
from pluralign.elicit.embeddings import Vectors


class Neighbour(NamedTuple):
    """A value near another."""

    row: int
    distance: float
    """Cosine distance, in [0, 2]."""


def distances(one: Vectors, other: Vectors) -> NDArray[np.float64]:
    """Cosine distances between rows of unit vectors, shape (n, m), in [0, 2]."""
    return np.clip(1.0 - one.astype(np.float64) @ other.astype(np.float64).T, 0.0, 2.0)


def nearest(vector: Vectors, others: Vectors, *, count: int, within: float) -> list[Neighbour]:
    """The nearest rows of ``others`` to one vector, at most ``count``, nearer than ``within``; the nearest first."""
    if not len(others):
        return []
    found = distances(vector.reshape(1, -1), others)[0]
    order = np.argsort(found, kind="stable")[:count]
    return [Neighbour(int(index), float(found[index])) for index in order if found[index] < within]


def clusters(vectors: Vectors, within: float, *, apart: Collection[tuple[int, int]] = ()) -> list[tuple[int, ...]]:
    """Groups of at least two rows in which *every* two are nearer than ``within``, and none are ``apart``, since
    somebody said that they differ; the largest first.

    Complete linkage: unlike density clustering (DBSCAN), which the original used, a chain of small steps never puts
    two cards together that are far apart.
    """
    if len(vectors) < 2:
        return []
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    square = distances(vectors, vectors)
    np.fill_diagonal(square, 0.0)
    for one, other in apart:
        square[one, other] = square[other, one] = 2.0
    tree = linkage(squareform((square + square.T) / 2, checks=False), method="complete")
    labels = fcluster(tree, t=np.nextafter(min(within, 2.0), 0), criterion="distance")
    groups: dict[int, list[int]] = {}
    for index, label in enumerate(labels.tolist()):
        groups.setdefault(label, []).append(index)
    return sorted((tuple(group) for group in groups.values() if len(group) > 1), key=lambda group: (-len(group), group))


class Move(NamedTuple):
    """One card goes from one value to another. None: from or to no value."""

    card: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Grouping:
    """Which value each card says."""

    value_of: Mapping[str, str | None]

    def cards_of(self, value: str) -> tuple[str, ...]:
        """The cards of a value, in order."""
        return tuple(card for card, theirs in self.value_of.items() if theirs == value)

    def moved(self, moves: Iterable[Move]) -> "Grouping":
        """After these moves. Raises UsageError if a card is not where a move takes it from: somebody else moved it."""
        found = dict(self.value_of)
        for move in moves:
            if move.card not in found or found[move.card] != move.before:
                raise UsageError(f"card {move.card!r} has been moved since: look again before you change it")
            found[move.card] = move.after
        return Grouping(found)


def merge(grouping: Grouping, keep: str, absorb: Collection[str]) -> tuple[Move, ...]:
    """The moves that make the cards of some values cards of the one that is kept. Undone by `inverse`."""
    if keep in absorb:
        raise UsageError(f"value {keep!r} cannot be merged into itself")
    return tuple(Move(card, value, keep) for value in absorb for card in grouping.cards_of(value))


def split(grouping: Grouping, value: str, cards: Collection[str], into: str) -> tuple[Move, ...]:
    """The moves that take some cards out of a value into another. Raises UsageError unless some leave and some stay."""
    there = grouping.cards_of(value)
    strangers = [card for card in cards if card not in there]
    if strangers:
        raise UsageError(f"card {strangers[0]!r} is no card of value {value!r}")
    if not cards or len(set(cards)) == len(there):
        raise UsageError(f"a split of value {value!r} must take some of its {len(there)} cards and leave some")
    return tuple(Move(card, value, into) for card in there if card in set(cards))


def inverse(moves: Iterable[Move]) -> tuple[Move, ...]:
    """The moves that undo these."""
    return tuple(Move(move.card, move.after, move.before) for move in reversed(list(moves)))


class Agreement(NamedTuple):
    """How well a distance tells what authors call the same. Each is None where it has no cases."""

    precision: float | None
    """Of the pairs nearer than the distance, the share that authors call the same."""
    recall: float | None
    """Of the pairs that authors call the same, the share nearer than the distance."""
    answered: int


def agreement(found: Iterable[tuple[float, bool]], within: float) -> Agreement:
    """Hold pairs of (distance, called the same by an author) against a distance."""
    pairs = list(found)
    near = [same for distance, same in pairs if distance < within]
    same = [distance < within for distance, called in pairs if called]
    return Agreement(
        sum(near) / len(near) if near else None, sum(same) / len(same) if same else None, answered=len(pairs)
    )
