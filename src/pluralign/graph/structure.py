"""Is "wiser than" an order? Cycles, transitivity, the fewest answers to overrule, and how much a potential explains.

Works on the kept edges of a finished graph, one context (or pool) at a time. Sources: strongly connected components
by R. Tarjan (through networkx); minimum feedback arcs as a set cover over cycles that is solved again for each cycle
it left (A. Baharev et al., ACM Journal of Experimental Algorithmics 26, 2021), by HiGHS through scipy; the share of
circular flow by X. Jiang et al., "Statistical ranking and combinatorial Hodge theory", Mathematical Programming 127
(2011).
"""

from collections.abc import Iterable
from typing import NamedTuple

import networkx as nx
import numpy as np
from scipy import optimize, sparse

from pluralign.core.moral_graph import Edge, MoralGraph

# Cycles added in one round of the set cover; more rounds follow until no cycle is left.
_CYCLES_PER_ROUND = 200


class Component(NamedTuple):
    """Values each of which was found wiser than every other, over some way round."""

    values: tuple[str, ...]
    cycle: tuple[str, ...]
    """One shortest cycle in it; the last value leads back to the first."""


class Transitivity(NamedTuple):
    """What became of a -> b -> c, over all such paths of two kept edges with a different from c."""

    paths: int
    closed: int
    """a -> c is kept."""
    reversed: int
    """c -> a is kept: a cycle of three."""
    rejected: int
    """The pair of a and c was judged, and neither direction is kept."""
    untested: int
    """Nobody was asked about a and c."""


class FeedbackArcs(NamedTuple):
    """The edges to leave out so that no cycle is left, with the fewest "wiser" answers overruled."""

    edges: tuple[tuple[str, str], ...]
    wiser_answers: int
    """Sum of W over these edges."""
    exact: bool
    """False if the solver gave up before it was sure that there is no cheaper set."""


class Circularity(NamedTuple):
    """How far one score per value can explain the likelihoods of the edges."""

    inconsistency: float
    """Share of the squared, answer-weighted flow that no score explains: 0 is a perfect order, 1 pure circles."""
    potential: dict[str, float]
    """The scores that explain most; their mean is 0 in each connected part."""


class Structure(NamedTuple):
    """The order, or disorder, of one context of a graph."""

    context: str | None
    """None where contexts were pooled."""
    values: int
    edges: int
    components: tuple[Component, ...]
    """Those of two values or more; empty for a graph without cycles."""
    transitivity: Transitivity
    feedback: FeedbackArcs
    circularity: Circularity


def structure(graph: MoralGraph) -> tuple[Structure, ...]:
    """The structure of each context of the graph, or of the whole where contexts were pooled or only published."""
    if all(len(edge.contexts) == 1 for edge in graph.edges) and not graph.construction.pooled:
        contexts: tuple[str | None, ...] = tuple(
            context for context in graph.contexts if any(edge.contexts == (context,) for edge in graph.edges)
        )
    else:
        contexts = (None,)
    found = []
    for context in contexts:
        kept = [edge for edge in graph.edges if context is None or edge.contexts == (context,)]
        judged = [edge for edge in graph.rejected if context is None or edge.contexts == (context,)]
        found.append(
            Structure(
                context=context,
                values=len({end for edge in kept for end in (edge.source, edge.wiser)}),
                edges=len(kept),
                components=components(kept),
                transitivity=transitivity(kept, judged),
                feedback=feedback_arcs(kept),
                circularity=circularity(kept),
            )
        )
    return tuple(found)


def components(edges: Iterable[Edge]) -> tuple[Component, ...]:
    """Strongly connected components of at least two values, the largest first."""
    whole = _digraph(edges)
    found = []
    for members in nx.strongly_connected_components(whole):
        if len(members) > 1:
            cycle = min((_shortest_cycle(whole.subgraph(members), node) for node in sorted(members)), key=len)
            found.append(Component(tuple(sorted(members)), cycle))
    return tuple(sorted(found, key=lambda component: (-len(component.values), component.values)))


def transitivity(kept: Iterable[Edge], rejected: Iterable[Edge] = ()) -> Transitivity:
    """Follow all paths of two kept edges; ``rejected`` are pairs that were judged and not kept."""
    links = {(edge.source, edge.wiser) for edge in kept}
    judged = {frozenset((edge.source, edge.wiser)) for edge in rejected}
    after: dict[str, list[str]] = {}
    for source, wiser in sorted(links):
        after.setdefault(source, []).append(wiser)
    counts = dict.fromkeys(("closed", "reversed", "rejected", "untested"), 0)
    for start, middle in links:
        for end in after.get(middle, []):
            if end == start:
                continue
            if (start, end) in links:
                counts["closed"] += 1
            elif (end, start) in links:
                counts["reversed"] += 1
            else:
                counts["rejected" if frozenset((start, end)) in judged else "untested"] += 1
    return Transitivity(
        sum(counts.values()), counts["closed"], counts["reversed"], counts["rejected"], counts["untested"]
    )


def feedback_arcs(edges: Iterable[Edge], *, seconds: float = 30.0) -> FeedbackArcs:
    """A cheapest set of edges that meets every cycle; the cost of an edge is its number of "wiser" answers.

    The solver gets ``seconds`` for each component and round; `FeedbackArcs.exact` says whether that was enough.
    """
    whole = _digraph(edges)
    removed: list[tuple[str, str]] = []
    exact = True
    for members in sorted(map(sorted, nx.strongly_connected_components(whole))):
        if len(members) > 1:
            cover = _cover_cycles(whole.subgraph(members), seconds)
            removed += cover.arcs
            exact &= cover.exact
    cost = sum(whole.edges[arc]["wiser"] for arc in removed)
    return FeedbackArcs(tuple(sorted(removed)), cost, exact)


class _Cover(NamedTuple):
    arcs: list[tuple[str, str]]
    exact: bool


def _cover_cycles(part: "nx.DiGraph[str]", seconds: float) -> _Cover:
    arcs = sorted(part.edges)
    number = {arc: index for index, arc in enumerate(arcs)}
    # An edge of no "wiser" answers may be left out for free, but not without need.
    cost = np.array([max(part.edges[arc]["wiser"], 1e-3) for arc in arcs])
    rows: set[frozenset[int]] = set()
    chosen: list[tuple[str, str]] = []
    exact = True
    while True:
        rest = part.copy()
        rest.remove_edges_from(chosen)
        new = _some_cycles(rest, number) - rows
        if not new:
            return _Cover(chosen, exact)
        rows |= new
        ordered = sorted(map(sorted, rows))
        place = np.repeat(np.arange(len(ordered)), [len(row) for row in ordered])
        cover = sparse.csr_array(
            (np.ones(len(place)), (place, np.concatenate(ordered))), shape=(len(ordered), len(arcs))
        )
        solved = optimize.milp(
            cost,
            constraints=optimize.LinearConstraint(cover, lb=1),
            integrality=np.ones(len(arcs)),
            bounds=optimize.Bounds(0, 1),
            options={"time_limit": seconds},
        )
        exact &= solved.status == 0
        # Without any solution in time, leaving out all edges of the cycles found so far still ends the loop.
        taken = solved.x > 0.5 if solved.x is not None else np.asarray(cover.sum(axis=0) > 0)
        chosen = [arc for arc, out in zip(arcs, taken, strict=True) if out]


def _some_cycles(rest: "nx.DiGraph[str]", number: dict[tuple[str, str], int]) -> set[frozenset[int]]:
    """A shortest cycle through each node that is on one, as sets of edge numbers; empty if there is none."""
    found: set[frozenset[int]] = set()
    for members in sorted(map(sorted, nx.strongly_connected_components(rest))):
        if len(members) == 1:
            continue
        part = rest.subgraph(members)
        for node in members[:_CYCLES_PER_ROUND]:
            cycle = _shortest_cycle(part, node)
            found.add(frozenset(number[arc] for arc in zip(cycle, (*cycle[1:], cycle[0]), strict=True)))
    return found


def _shortest_cycle(part: "nx.DiGraph[str]", node: str) -> tuple[str, ...]:
    """A shortest cycle from ``node`` back to it, in a strongly connected graph of two nodes or more."""
    ways = nx.single_source_shortest_path(part, node)
    back = [tuple(ways[before]) for before in sorted(part.predecessors(node))]
    return min(back, key=len)


def circularity(edges: Iterable[Edge]) -> Circularity:
    """Least squares, weighted by T, of each edge's likelihood on the difference of two scores."""
    kept = list(edges)
    names = sorted({end for edge in kept for end in (edge.source, edge.wiser)})
    if not kept:
        return Circularity(0.0, {})
    place = {name: index for index, name in enumerate(names)}
    differences = np.zeros((len(kept), len(names)))
    for row, edge in enumerate(kept):
        differences[row, place[edge.wiser]] += 1
        differences[row, place[edge.source]] -= 1
    root = np.sqrt([max(edge.counts.total, 1) for edge in kept])
    flow = np.array([edge.likelihood for edge in kept]) * root
    # lstsq takes the solution of least norm, which is the one with mean 0 in each connected part.
    scores = np.linalg.lstsq(differences * root[:, None], flow, rcond=None)[0]
    rest = flow - (differences * root[:, None]) @ scores
    whole = float(flow @ flow)
    share = float(rest @ rest) / whole if whole else 0.0
    return Circularity(share, dict(zip(names, scores.tolist(), strict=True)))


def _digraph(edges: Iterable[Edge]) -> "nx.DiGraph[str]":
    whole: nx.DiGraph[str] = nx.DiGraph()
    for edge in edges:
        whole.add_edge(edge.source, edge.wiser, wiser=edge.counts.wiser)
    return whole
