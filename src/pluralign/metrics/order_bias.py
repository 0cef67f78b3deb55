"""How much of an answer is place and label: what a voice gives to an option for where it stands on the page.

Each question is put in several orders. An option's share in one order, less its mean over orders, is what that order
did to it; these differences are laid to places, and where labels were dealt apart from places also to labels, by least
squares. (Pezeshkpour and Hruschka 2024, arXiv 2308.11483; Zheng et al. 2024, arXiv 2309.03882.) Knows arrays only.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pluralign.metrics.distances import Array

Order = Sequence[int]


class Design(NamedTuple):
    """What a set of orders of one question can tell, ready to be applied to answers."""

    places: Array
    """Weights, shape (places, orders, options): their sum with the answers is what a place adds to a share."""
    labels: Array | None
    """The same for labels, the first label first; ``None`` where a label always stood in the same place, so that the
    two cannot be told apart and ``places`` is the effect of both together."""


class Effects(NamedTuple):
    """What places and labels add to an option's share; each sums to 0 over the places, or labels, of a question."""

    places: Array
    """Shape (cells, places)."""
    labels: Array | None
    """Shape (cells, labels)."""

    def take(self, cell: int) -> "Effects":
        """Those of one cell."""
        rows = slice(cell, cell + 1)
        return Effects(self.places[rows], None if self.labels is None else self.labels[rows])


def design(orders: Sequence[Order], marks: Sequence[Order] | None = None) -> Design | None:
    """What can be told from these orders: place -> option, and ``marks``: place -> label.

    With an order and its reverse alone, only the difference between a place and its mirror image is known: half of it
    is laid to each. Of several solutions the smallest is taken. ``None`` with a single order.
    """
    count, size = len(orders), len(orders[0])
    if count < 2:
        return None
    # Whether options' labels are known at all, and come apart from their places.
    apart = marks is not None and len({(place, label) for one in marks for place, label in enumerate(one)}) > size
    at_place, at_label = (np.zeros((count, size, size)) for _ in range(2))
    for row, order in enumerate(orders):
        for place, option in enumerate(order):
            at_place[row, option, place] = 1
            if apart and marks is not None:
                at_label[row, option, marks[row][place]] = 1
    blocks = [at_place, at_label] if apart else [at_place]
    # An option's own share is its mean over orders; taking it away from both sides leaves only what orders change.
    columns = np.concatenate([block - block.mean(axis=0) for block in blocks], axis=2).reshape(count * size, -1)
    weights = np.linalg.pinv(columns).reshape(-1, count, size)
    if not apart:
        return Design(weights, None)
    return Design(weights[:size], weights[size:])


def effects(design: Design, shares: Array) -> Effects:
    """Effects of every cell: ``shares`` has the shape (cells, orders, options)."""
    return Effects(_apply(design.places, shares), None if design.labels is None else _apply(design.labels, shares))


def _apply(weights: Array, shares: Array) -> npt.NDArray[np.float64]:
    """Row by row in a fixed order of adding up, so that a cell gets the same bits whatever else is in the array."""
    found = [np.ascontiguousarray(shares * one).reshape(len(shares), -1).sum(axis=1) for one in weights]
    return np.stack(found, axis=1)
