"""Judgements in, moral graph out: the published graph, bit for bit, or the one we think right.

Reads from top to bottom as the method does: choose judgements, count pairs, apply thresholds, rank, add uncertainty and
groups. Knows no file. Published method: Democratic Fine-Tuning, sections 6 and 9 of our specification.
"""

from collections.abc import Collection, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from pluralign.core.errors import DataError
from pluralign.core.moral_graph import Construction, Edge, Interval, MoralGraph, Standing
from pluralign.core.value_card import ValueCard
from pluralign.graph.aggregate import Cells, cells, likelihood, pair_contexts
from pluralign.graph.bootstrap import Bootstrap, Progress, bootstrap
from pluralign.graph.bridging import GroupCounts, bridging, distinct, group_counts, support_of
from pluralign.graph.judgements import JudgementTable, Participants
from pluralign.graph.standings import stand
from pluralign.graph.tally import Counted, Method, tally
from pluralign.graph.uncertainty import BetaPrior, Posterior, learn_prior, posterior, wilson

Floats = NDArray[np.float64]


def build(
    table: JudgementTable,
    method: Method | None = None,
    *,
    cards: Iterable[ValueCard] | None = None,
    people: Collection[str] | None = None,
    cases: Sequence[tuple[str, str]] = (),
    participants: Participants | None = None,
    progress: Progress | None = None,
) -> MoralGraph:
    """Build the moral graph of a table of judgements.

    Args:
        table: judgements in order of creation.
        method: mode, filters, thresholds; by default the corrected method on all judgements.
        cards: texts of the values. None leaves cards that carry an id alone.
        people: the user set; None takes all.
        cases: pairs (context, case), for the filter by case; also kept in the graph.
        participants: attributes of people, for the filter by group and for bridging.
        progress: told how many more bootstrap resamples are done.

    Raises:
        UnknownNameError: a filter names what is not there.
        UsageError: no judgement is left, or a filter lacks its data.
        DataError: a judged value has no card.
    """
    method = method or Method()
    counted = tally(table, method, people=people, cases=cases, participants=participants)
    chosen, pairs = counted.table, counted.pairs
    found = cells(chosen, pooled=method.pools)
    groups = group_counts(chosen, pairs, found, participants) if participants is not None else []
    resampled = None
    if method.resamples and not method.published:
        resampled = bootstrap(
            chosen,
            pairs,
            counted.kept,
            method.rule,
            published=False,
            resamples=method.resamples,
            seed=method.seed,
            level=method.level,
            progress=progress,
        )
    prior = None if method.published else learn_prior(pairs.wiser, pairs.total)
    rows = range(len(pairs)) if method.keep_rejected else np.flatnonzero(counted.kept).tolist()
    edges = _edges(counted, rows, method, found, groups, resampled, prior)
    standings = stand(counted, method, found, groups, resampled)
    seen = np.unique(chosen.context, return_index=True)
    return MoralGraph(
        values=_cards(chosen, edges, standings, cards),
        edges=tuple(edge for edge in edges if not edge.failed),
        rejected=tuple(edge for edge in edges if edge.failed),
        standings=standings,
        contexts=tuple(chosen.context_names[code] for code in seen[0][np.argsort(seen[1])]),
        cases=tuple(cases),
        participants=len(np.unique(chosen.participant)),
        construction=Construction(
            mode="published" if method.published else "default",
            pooled=method.pools,
            thresholds=method.rule,
            filters=method.filters
            if people is None
            else method.filters.model_copy(update={"participants": len(set(people))}),
            judgements=len(chosen),
            set_aside=chosen.set_aside,
            bootstrap=method.resamples if resampled is not None else 0,
            seed=method.seed if resampled is not None else None,
            prior=None if prior is None else (prior.alpha, prior.beta),
            source_hash=chosen.source_hash,
        ),
    )


def _cards(
    table: JudgementTable, edges: list[Edge], standings: tuple[Standing, ...], cards: Iterable[ValueCard] | None
) -> tuple[ValueCard, ...]:
    used = {end for edge in edges for end in (edge.source, edge.wiser)} | {each.value for each in standings}
    if cards is None:
        return tuple(ValueCard.unknown(name) for name in table.value_names if name in used)
    known = tuple(card for card in cards if card.id in used)
    missing = used - {card.id for card in known}
    if missing:
        raise DataError(f"no card has the id {min(missing)!r}, which judgements name", file=table.name)
    return known


def _edges(
    counted: Counted,
    rows: Iterable[int],
    method: Method,
    found: Cells,
    groups: list[GroupCounts],
    resampled: Bootstrap | None,
    prior: BetaPrior | None,
) -> list[Edge]:
    table, pairs = counted.table, counted.pairs
    likelihoods = likelihood(pairs)
    total = pairs.total
    bounds = wilson(pairs.wiser, total, method.level)
    believed: Posterior | None = None if prior is None else posterior(pairs.wiser, total, prior, method.level)
    people = distinct(found.group, table.participant, len(found.first))
    contexts = pair_contexts(table) if method.pools else None
    edges = []
    for row in rows:
        group = int(pairs.group[row])
        codes = [int(pairs.context[row])] if contexts is None else contexts.of(group).tolist()
        theirs = support_of(groups, row)
        edges.append(
            Edge(
                source=table.value_names[pairs.source[row]],
                wiser=table.value_names[pairs.candidate[row]],
                contexts=tuple(table.context_names[code] for code in codes),
                counts=pairs.counts(row),
                participants=int(people[group]),
                likelihood=float(likelihoods[row]),
                entropy=float(counted.entropies[row]),
                support=float(pairs.wiser[row] / total[row]),
                support_interval=None if prior is None else _interval(bounds.low, bounds.high, row, method.level),
                posterior_mean=None if believed is None else float(believed.mean[row]),
                posterior_interval=None
                if believed is None
                else _interval(believed.low, believed.high, row, method.level),
                survival=None if resampled is None else float(resampled.survival[row]),
                failed=tuple(name for name, out in counted.failed.items() if out[row]),
                groups=theirs,
                bridging=bridging(theirs),
            )
        )
    return edges


def _interval(low: Floats, high: Floats, row: int, level: float) -> Interval:
    return Interval(low=float(low[row]), high=float(high[row]), level=level)
