"""Page rank against networkx, a graph worked by hand, and the many-at-once variant against the single one."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluralign.graph.ranking import DAMPING, Links, page_rank, page_ranks, published_page_rank, wisdom

edges = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 7), st.floats(0.34, 1)).filter(lambda edge: edge[0] != edge[1]),
    min_size=1,
    max_size=20,
    unique_by=lambda edge: edge[:2],
)


def links(rows: list[tuple[int, int, float]]) -> Links:
    source, wiser, weight = zip(*rows, strict=True)
    return Links(np.array(source), np.array(wiser), np.array(weight))


def test_a_chain_by_hand() -> None:
    chain = links([(0, 1, 0.5), (1, 2, 1.0)])
    assert wisdom(chain, 4).tolist() == [0, 0.5, 1, 0]
    # Lost mass: 0.05, 0.05 + 0.85 * 0.05, 0.05 + 0.85 * 0.0925; value 3 is not in the graph.
    leaky = published_page_rank(chain, 4)
    assert leaky[:3].tolist() == pytest.approx([0.05, 0.0925, 0.128625])
    assert np.isnan(leaky[3])
    # Kept mass is the same in proportion here, for only the last value has no way out.
    kept = page_rank(chain, 4)
    assert kept[:3].tolist() == pytest.approx((leaky[:3] / leaky[:3].sum()).tolist(), abs=1e-9)


@given(edges)
def test_page_rank_sums_to_one_over_the_linked_values(rows: list[tuple[int, int, float]]) -> None:
    ranks = page_rank(links(rows), 9)
    assert np.nansum(ranks) == pytest.approx(1, abs=1e-9)
    assert set(np.flatnonzero(~np.isnan(ranks)).tolist()) == {end for edge in rows for end in edge[:2]}


@given(edges)
def test_page_rank_is_the_solution_of_its_equation(rows: list[tuple[int, int, float]]) -> None:
    ranks = page_rank(links(rows), 9)
    nodes = sorted({end for edge in rows for end in edge[:2]})
    out = {node: sum(weight for source, _, weight in rows if source == node) for node in nodes}
    lost = sum(ranks[node] for node in nodes if not out[node])
    for node in nodes:
        arriving = sum(ranks[source] * weight / out[source] for source, wiser, weight in rows if wiser == node)
        wanted = (1 - DAMPING) / len(nodes) + DAMPING * (arriving + lost / len(nodes))
        assert ranks[node] == pytest.approx(wanted, abs=1e-9)


@given(edges)
def test_the_published_rank_is_the_leak_of_a_graph_with_a_sink(rows: list[tuple[int, int, float]]) -> None:
    # Losing dangling mass is sending it to a sink that gives nothing back: networkx with a sink, which jumps nowhere
    # but to the nodes, has their ranks in the same proportion once the sink's own mass is taken out.
    nodes = sorted({end for edge in rows for end in edge[:2]})
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(nodes)
    graph.add_weighted_edges_from(rows)
    for node in nodes:
        if not graph.out_degree(node):
            graph.add_edge(node, -1, weight=1.0)
    jumps = dict.fromkeys(nodes, 1.0)
    theirs = nx.pagerank(graph, alpha=DAMPING, personalization=jumps, dangling=jumps, max_iter=1000, tol=1e-13)
    ours = published_page_rank(links(rows), 9)
    scale = sum(theirs[node] for node in nodes) / np.nansum(ours)
    assert [theirs[node] for node in nodes] == pytest.approx((ours[nodes] * scale).tolist(), abs=1e-7)


@given(st.lists(edges, min_size=1, max_size=4))
def test_many_graphs_at_once_have_the_ranks_of_each(graphs: list[list[tuple[int, int, float]]]) -> None:
    known = sorted({edge[:2] for rows in graphs for edge in rows})
    kept, weights = np.zeros((len(graphs), len(known)), dtype=bool), np.full((len(graphs), len(known)), -0.5)
    for index, rows in enumerate(graphs):
        for source, wiser, weight in rows:
            place = known.index((source, wiser))
            kept[index, place], weights[index, place] = True, weight
    ends = np.array(known)
    found = page_ranks(weights, kept, ends[:, 0], ends[:, 1], 9)
    for index, rows in enumerate(graphs):
        assert found[index] == pytest.approx(np.nan_to_num(page_rank(links(rows), 9)), abs=1e-8)


def test_a_graph_without_edges_has_no_ranks() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    empty = Links(nothing, nothing, np.zeros(0))
    assert np.isnan(page_rank(empty, 3)).all()
    assert np.isnan(published_page_rank(empty, 3)).all()
    none = page_ranks(np.ones((2, 1)), np.zeros((2, 1), dtype=bool), np.array([0]), np.array([1]), 3)
    assert (none == 0).all()
