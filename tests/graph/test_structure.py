"""Cycles, transitivity, feedback arcs against brute force, and the share of circular flow worked by hand."""

from itertools import combinations, pairwise

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralign.core.moral_graph import Edge, EdgeCounts
from pluralign.graph.structure import circularity, components, feedback_arcs, transitivity


def edge(source: str, wiser: str, w: int = 3, likelihood: float = 1.0) -> Edge:
    counts = EdgeCounts(wiser=w, not_wiser=0, less_wise=0, unsure=0, impressions=w)
    return Edge(
        source=source, wiser=wiser, contexts=("c",), counts=counts, likelihood=likelihood, entropy=0.0, support=1.0
    )


def path(names: str, w: int = 3) -> list[Edge]:
    return [edge(source, wiser, w) for source, wiser in pairwise(names)]


def test_components_are_named_with_a_shortest_cycle() -> None:
    found = components([*path("abcda"), *path("ca"), *path("xyx"), *path("dx")])
    assert [component.values for component in found] == [("a", "b", "c", "d"), ("x", "y")]
    assert len(found[0].cycle) == 3  # a b c, by the short cut from c
    assert set(found[0].cycle) == set("abc")
    assert components(path("abc")) == ()


def test_every_path_of_two_edges_is_counted_once() -> None:
    kept = [*path("abc"), edge("a", "c"), *path("cde"), *path("ec")]
    # Paths: abc closed; acd and bcd not asked; cde, dec, ecd turned round.
    found = transitivity(kept)
    assert found == (6, 1, 3, 0, 2)
    assert transitivity(kept, rejected=[edge("d", "b")]) == (6, 1, 3, 1, 1)
    assert transitivity([*path("aba")]).paths == 0  # there and back is no triple


arcs = st.tuples(st.sampled_from("abcde"), st.sampled_from("abcde"), st.integers(1, 9))


@given(st.lists(arcs.filter(lambda row: row[0] != row[1]), max_size=10, unique_by=lambda row: row[:2]))
@settings(max_examples=50)
def test_feedback_arcs_are_as_cheap_as_brute_force_finds(rows: list[tuple[str, str, int]]) -> None:
    edges = [edge(*row) for row in rows]

    def acyclic(left: list[Edge]) -> bool:
        return nx.is_directed_acyclic_graph(nx.DiGraph([(each.source, each.wiser) for each in left]))

    cheapest = min(
        sum(each.counts.wiser for each in out)
        for size in range(len(edges) + 1)
        for out in combinations(edges, size)
        if acyclic([each for each in edges if each not in out])
    )
    found = feedback_arcs(edges)
    assert found.exact
    assert found.wiser_answers == cheapest
    assert acyclic([each for each in edges if (each.source, each.wiser) not in found.edges])


def test_edges_without_an_answer_are_not_left_out_without_need() -> None:
    free = feedback_arcs([edge("a", "b", 0), edge("b", "c", 0), edge("c", "a", 5)])
    assert len(free.edges) == 1
    assert free.wiser_answers == 0


def test_many_cycles_are_all_cut() -> None:
    # Between 14 values every pair has both directions; the one against the alphabet has 1 answer and must go.
    names = "abcdefghijklmn"
    edges = [edge(one, other, 2 if one < other else 1) for one in names for other in names if one != other]
    found = feedback_arcs(edges)
    assert found.exact
    assert len(found.edges) == 14 * 13 // 2
    assert all(source > wiser for source, wiser in found.edges)


def test_an_order_is_not_circular_and_a_circle_is_nothing_else() -> None:
    order = circularity(
        [edge("a", "b", likelihood=0.3), edge("b", "c", likelihood=0.4), edge("a", "c", likelihood=0.7)]
    )
    assert order.inconsistency == pytest.approx(0, abs=1e-12)
    assert order.potential == pytest.approx({"a": -1 / 3, "b": -0.1 / 3, "c": 1.1 / 3})  # 0, 0.3, 0.7 less their mean
    circle = circularity(path("abca"))
    assert circle.inconsistency == pytest.approx(1)
    assert circle.potential == pytest.approx({"a": 0, "b": 0, "c": 0}, abs=1e-12)
    # a -> b -> c of 1 with a -> c of 0: no score explains the part (1, 1, -2) / 3 ... of length^2 4/3 of 2.
    mixed = circularity([edge("a", "b"), edge("b", "c"), edge("a", "c", likelihood=0.0)])
    assert mixed.inconsistency == pytest.approx((4 / 3) / 2)
    assert circularity([]) == (0.0, {})
