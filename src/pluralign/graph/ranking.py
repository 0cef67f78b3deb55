"""Wisdom sums and page rank over the kept edges of one graph. Arrays in, one number per value out.

Knows codes, not cards. Page rank: L. Page et al., "The PageRank citation ranking" (1999), with edges weighted by
likelihood. The published variant lets the rank of values without a way out leak away; ours, through networkx, gives
it back to all.
"""

from typing import NamedTuple

import networkx as nx
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pluralign.graph.judgements import Codes

Floats = NDArray[np.float64]
DAMPING = 0.85


class Links(NamedTuple):
    """Kept edges as arrays of one length."""

    source: Codes
    wiser: Codes
    weight: Floats
    """Likelihood."""

    @property
    def nodes(self) -> Codes:
        """Codes of the values at either end, in order."""
        return np.unique(np.concatenate([self.source, self.wiser]))


def wisdom(links: Links, values: int) -> Floats:
    """Sum of the likelihoods of the incoming edges of each value; shape (values,)."""
    return np.bincount(links.wiser, weights=links.weight, minlength=values).astype(np.float64)


def page_rank(links: Links, values: int) -> Floats:
    """Page rank of each value; NaN for a value at no end of an edge. The others sum to 1; shape (values,).

    An edge of negative likelihood, possible only without a threshold on it, carries no rank.
    """
    ranks = np.full(values, np.nan)
    if not len(links.source):
        return ranks
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(links.nodes.tolist())
    rows = zip(links.source.tolist(), links.wiser.tolist(), np.maximum(links.weight, 0).tolist(), strict=True)
    graph.add_weighted_edges_from(rows)
    for code, rank in nx.pagerank(graph, alpha=DAMPING, weight="weight", max_iter=1000, tol=1e-12).items():
        ranks[code] = rank
    return ranks


def published_page_rank(links: Links, values: int, iterations: int = 100) -> Floats:
    """Page rank as published: a fixed number of steps, dangling mass lost, so that the sum is well under 1.

    NaN for a value at no end of an edge; shape (values,).
    """
    nodes = links.nodes
    ranks = np.full(values, np.nan)
    if not len(nodes):
        return ranks
    out = np.bincount(links.source, weights=links.weight, minlength=values)
    share = links.weight / out[links.source]
    now = np.zeros(values)
    now[nodes] = 1 / len(nodes)
    base = np.zeros(values)
    base[nodes] = (1 - DAMPING) / len(nodes)
    for _ in range(iterations):
        now = base + DAMPING * np.bincount(links.wiser, weights=now[links.source] * share, minlength=values)
    ranks[nodes] = now[nodes]
    return ranks


def page_ranks(likelihoods: Floats, kept: NDArray[np.bool_], source: Codes, wiser: Codes, values: int) -> Floats:
    """Page rank, dangling mass kept, of many graphs over the same candidate edges at once: for the bootstrap.

    ``likelihoods`` and ``kept`` have the shape (graphs, edges); the result (graphs, values), 0 for values that a graph
    does not link. Graphs without edges get zeros. Within 1e-9 of `page_rank`.
    """
    # One graph per column, so that the few edges of a value are added up by a sparse product.
    weight = np.where(kept, np.maximum(likelihoods, 0), 0.0).T
    starts, ends = _incidence(source, values), _incidence(wiser, values)
    linked = ((starts + ends) @ kept.T.astype(np.float64)) > 0
    out = starts @ weight
    share = weight / np.maximum(out[source], 1e-300)
    dangling = linked & (out == 0)
    start = linked / np.maximum(linked.sum(axis=0), 1)
    now: Floats = start
    for _ in range(150):  # 0.85^150 = 3e-11
        lost = np.where(dangling, now, 0).sum(axis=0)
        now = np.asarray(DAMPING * (ends @ (now[source] * share)) + (DAMPING * lost + 1 - DAMPING) * start)
    return now.T


def _incidence(codes: Codes, values: int) -> sparse.csr_array:
    """Shape (values, edges): which edges start, or end, at each value."""
    edges = np.arange(len(codes))
    return sparse.csr_array((np.ones(len(codes)), (codes, edges)), shape=(values, len(codes)))
