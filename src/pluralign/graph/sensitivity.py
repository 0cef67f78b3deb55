"""How much of the graph hangs on the thresholds: each moved in turn, the others left alone.

Knows counted pairs only.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pluralign.graph.aggregate import likelihood, passes
from pluralign.graph.bootstrap import jaccard, places, winners
from pluralign.graph.tally import Counted, Method

GRID: dict[str, tuple[float | None, ...]] = {
    "min_wiser": (0, 1, 2, 3, 5, 8),
    "min_total": (0, 2, 4, 6, 10, 20),
    "min_likelihood": (None, 0.0, 0.2, 0.33, 0.5, 0.67),
    "max_entropy": (None, 1.0, 1.2, 1.38, 1.5, 1.69),
    "min_support_low": (None, 0.2, 0.33, 0.5),
}


class SweepRow(NamedTuple):
    """What one setting of one threshold makes of the graph."""

    threshold: str
    value: float | None
    """None: not applied."""
    edges: int
    values: int
    """Values at an end of an edge."""
    similarity: float
    """Jaccard index of the edges with those of the graph as asked for."""
    winners_kept: int
    """Contexts in which the same value wins."""
    contexts: int
    """Contexts in which a value wins in the graph as asked for."""


def sweep(counted: Counted, method: Method) -> list[SweepRow]:
    """Move each threshold over `GRID`, and over its own setting where that is not in the grid."""
    pairs = counted.pairs
    where = places(pairs)
    arriving = likelihood(pairs)

    def winner_of(kept: NDArray[np.bool_]) -> NDArray[np.float64]:
        wise = np.bincount(where.of_candidate, np.where(kept, arriving, 0.0), len(where.value))
        return np.asarray(winners(wise[None].astype(np.float64), where)[0])

    base = winner_of(counted.kept)
    spans = [(start, end) for start, end in where.spans() if base[start:end].any()]
    rows = []
    for threshold, grid in GRID.items():
        own = getattr(method.rule, threshold)
        settings = sorted({*grid, own}, key=lambda value: (value is not None, value or 0))
        for value in settings:
            changed = {
                threshold: int(value) if value is not None and threshold in ("min_wiser", "min_total") else value
            }
            rule = method.rule.model_copy(update=changed)
            kept = passes(pairs, rule, counted.entropies)
            now = winner_of(kept)
            rows.append(
                SweepRow(
                    threshold,
                    value,
                    int(kept.sum()),
                    len(np.unique(np.concatenate([pairs.source[kept], pairs.candidate[kept]]))),
                    float(jaccard(kept, counted.kept)),
                    sum(bool(np.array_equal(now[start:end], base[start:end])) for start, end in spans),
                    len(spans),
                )
            )
    return rows
