"""How evenly people were asked: whether a few pairs took all the answers, and whether both directions were tried.

Knows judgements only, not what was answered.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from pluralign.graph.judgements import JudgementTable, pack


class Coverage(NamedTuple):
    """Where the judgements of a table went. A pair is an ordered pair of values."""

    judgements: int
    participants: int
    pairs: int
    most: int
    """Judgements on the pair with most."""
    top_ten_share: float
    """Share of all judgements on the ten pairs with most, in [0, 1]."""
    median: float
    """Judgements per pair."""
    once: int
    """Pairs judged once."""
    below_five: int
    """Pairs judged fewer than five times, those judged once among them."""
    both_directions: int
    """Unordered pairs judged in both directions."""
    several_contexts: int
    """Pairs judged in more than one context."""
    gini: float
    """Gini coefficient of the judgements per pair: 0 is even, near 1 all on one pair."""


def coverage(table: JudgementTable) -> Coverage:
    """Count where the judgements went. Needs at least one judgement."""
    values = len(table.value_names)
    pair = table.source * values + table.candidate
    pairs, per_pair = np.unique(pair, return_counts=True)
    ascending = np.sort(per_pair)
    places = np.arange(1, len(pairs) + 1)
    spread = float((2 * places - len(pairs) - 1) @ ascending / (len(pairs) * ascending.sum()))
    _, first = np.unique(pack(pair, table.context), return_index=True)
    contexts_of = np.unique(pair[first], return_counts=True)[1]
    turned = (pairs % values) * values + pairs // values
    return Coverage(
        judgements=len(table),
        participants=len(np.unique(table.participant)),
        pairs=len(pairs),
        most=int(ascending[-1]),
        top_ten_share=float(ascending[-10:].sum() / len(table)),
        median=float(np.median(per_pair)),
        once=int((per_pair == 1).sum()),
        below_five=int((per_pair < 5).sum()),
        both_directions=int(np.isin(turned, pairs).sum()) // 2,
        several_contexts=int((contexts_of > 1).sum()),
        gini=spread,
    )


class ContextCoverage(NamedTuple):
    """How far the judgements of one context reach over what may be asked there."""

    context: str
    pairs: int
    """Unordered pairs of values that may be asked about."""
    judged: int
    """Of them, judged at least once, whichever way."""
    both: int
    """Of them, judged in both directions."""
    enough: int
    """Of them, judged at least `enough` times in all."""
    judgements: int
    """All in this context, also about pairs that are no longer asked about."""


def by_context(
    asked: Iterable[tuple[str, str, str]], table: JudgementTable | None, enough: int = 5
) -> list[ContextCoverage]:
    """Coverage context by context, in order of first appearance. ``asked`` are (source, candidate, context) that may
    be asked, in one direction or in both; ``table`` may be None where nobody has judged."""
    pairs: dict[str, set[tuple[str, str]]] = {}
    for source, candidate, context in asked:
        pairs.setdefault(context, set()).add((min(source, candidate), max(source, candidate)))
    ways: Counter[tuple[str, str, str]] = Counter()
    if table is not None:
        names, contexts = table.value_names, table.context_names
        columns = (table.source.tolist(), table.candidate.tolist(), table.context.tolist())
        ways.update((names[one], names[other], contexts[where]) for one, other, where in zip(*columns, strict=True))
    total: Counter[str] = Counter()
    for (_, _, context), times in ways.items():
        total[context] += times
        pairs.setdefault(context, set())
    found = []
    for context, here in pairs.items():
        counts = [(ways[low, high, context], ways[high, low, context]) for low, high in here]
        found.append(
            ContextCoverage(
                context=context,
                pairs=len(here),
                judged=sum(up + down > 0 for up, down in counts),
                both=sum(up > 0 and down > 0 for up, down in counts),
                enough=sum(up + down >= enough for up, down in counts),
                judgements=total[context],
            )
        )
    return found
