"""How a graph is to be built, and the first half of building it: judgements chosen, pairs counted, thresholds applied.

All of the work that grows with the number of judgements is here. Knows no card and no ranking.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pluralign.core.errors import UsageError
from pluralign.core.moral_graph import Filters, Thresholds
from pluralign.graph.aggregate import (
    DEFAULT_THRESHOLDS,
    PUBLISHED_THRESHOLDS,
    PairTable,
    aggregate,
    entropy,
    failures,
    published_entropy,
)
from pluralign.graph.judgements import JudgementTable, Participants, latest_only, select

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Method:
    """How a graph is built from the judgements that were chosen."""

    published: bool = False
    """Formulas of the published graph: contexts pooled, impressions in the entropy, page rank that leaks."""
    pooled: bool = False
    """Put contexts together. Always so in published mode."""
    thresholds: Thresholds | None = None
    """None: those of the mode."""
    level: float = 0.95
    """Of all intervals."""
    resamples: int = 1000
    """Of the bootstrap; 0 leaves it out. Not used in published mode."""
    seed: int = 0
    keep_rejected: bool = True
    """Whether the graph also holds the pairs that did not pass."""
    filters: Filters = field(default_factory=Filters)

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise UsageError(f"level {self.level} is not between 0 and 1")
        if self.resamples < 0:
            raise UsageError(f"{self.resamples} resamples: give 0 for none")

    @property
    def pools(self) -> bool:
        """Whether contexts are put together."""
        return self.pooled or self.published

    @property
    def rule(self) -> Thresholds:
        """The thresholds that apply."""
        return self.thresholds or (PUBLISHED_THRESHOLDS if self.published else DEFAULT_THRESHOLDS)


class Counted(NamedTuple):
    """Judgements chosen and counted, before any card or ranking."""

    table: JudgementTable
    pairs: PairTable
    entropies: Floats
    failed: dict[str, NDArray[np.bool_]]
    kept: NDArray[np.bool_]


def tally(
    table: JudgementTable,
    method: Method,
    *,
    people: Collection[str] | None = None,
    cases: Sequence[tuple[str, str]] = (),
    participants: Participants | None = None,
) -> Counted:
    """Choose judgements, count pairs and apply the thresholds: all of `build` that grows with the judgements.

    Raises what `select` raises, and UsageError if no judgement is left.
    """
    chosen = select(table, method.filters, people=people, cases=cases, participants=participants)
    if not len(chosen):
        raise UsageError(f"no judgement of the {len(table)} in {table.name} is left by the filters")
    chosen = latest_only(chosen, per_context=not method.published)
    pairs = aggregate(chosen, pooled=method.pools)
    entropies = published_entropy(pairs) if method.published else entropy(pairs)
    failed = failures(pairs, method.rule, entropies)
    kept = ~np.any(list(failed.values()), axis=0)
    return Counted(chosen, pairs, entropies, failed, kept)
