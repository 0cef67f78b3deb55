"""From judgements to a graph: what each mode gives, who stands where, and support across groups, by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralign.core.errors import DataError, UsageError
from pluralign.core.moral_graph import Filters, Relationship, Thresholds
from pluralign.core.value_card import ValueCard
from pluralign.graph.bridging import bridging
from pluralign.graph.build import build
from pluralign.graph.judgements import Participants
from pluralign.graph.sensitivity import GRID, sweep
from pluralign.graph.tally import Method, tally
from tests.graph.handmade import L, N, Row, U, W, table, votes

QUICK = Method(resamples=20)


def test_the_default_keeps_contexts_apart_and_puts_an_interval_on_everything() -> None:
    graph = build(table([*votes("a", "b", [W] * 6, "x"), *votes("a", "b", [W] * 5 + [N], "y")]), QUICK)
    assert [edge.contexts for edge in graph.edges] == [("x",), ("y",)]
    for edge in graph.edges:
        assert edge.support_interval is not None
        assert edge.posterior_interval is not None
        assert edge.survival is not None
        assert edge.entropy <= 0.651  # 5 of 6: 5/6 * log2(6/5) + 1/6 * log2(6) = 0.650
    assert [(each.context, each.value, each.rank) for each in graph.standings] == [
        ("x", "b", 1),
        ("x", "a", 2),
        ("y", "b", 1),
        ("y", "a", 2),
    ]
    for standing in graph.standings:
        assert standing.wisdom_interval is not None
        assert standing.strength_interval is not None
        assert standing.win_probability is not None
    assert graph.construction.mode == "default"
    assert (graph.participants, graph.construction.judgements) == (6, 12)


def test_published_mode_pools_and_has_no_intervals() -> None:
    graph = build(table([*votes("a", "b", [W] * 6, "x"), *votes("c", "b", [W] * 6, "y")]), Method(published=True))
    assert [edge.contexts for edge in graph.edges] == [("x",), ("y",)]
    assert all(edge.support_interval is None and edge.survival is None for edge in graph.edges)
    assert {standing.context for standing in graph.standings} == {None}
    assert graph.standings[0].wisdom == 2
    assert graph.construction.pooled


def test_minimum_evidence_and_the_reason_of_a_rejection() -> None:
    graph = build(table([*votes("a", "b", [W] * 3), *votes("a", "c", [W] * 2 + [N] * 8)]), QUICK)
    assert graph.edges == ()
    assert {edge.wiser: edge.failed for edge in graph.rejected} == {
        "b": ("min_total",),
        "c": ("min_likelihood",),  # (2 - 0) / 10
    }
    kept = build(table(votes("a", "b", [W] * 3)), Method(resamples=0, thresholds=Thresholds(min_total=3)))
    assert len(kept.edges) == 1
    assert build(table(votes("a", "b", [W] * 3)), Method(resamples=0, keep_rejected=False)).rejected == ()


def test_supporters_and_judges_are_people_and_counted_once() -> None:
    judged = [
        *votes("a", "c", [W] * 4 + [N]),  # p0 … p3 for, p4 against
        *votes("b", "c", [W] * 4 + [U]),  # the same people again
        ("p7", "c", "a", L, "c"),  # finds c wiser, asked the other way round
        ("p8", "c", "b", N, "c"),  # was asked about the edge, and does not say that c is wiser
    ]
    graph = build(table(judged), QUICK)
    (top,) = [standing for standing in graph.standings if standing.value == "c"]
    assert len(graph.edges) == 2
    assert top.supporters == 5  # p0 … p3, p7
    assert top.judges == 7  # p0 … p4, p7, p8
    assert [edge.participants for edge in graph.edges] == [6, 6]


def test_support_across_groups_by_hand() -> None:
    people = Participants({"party": {f"p{i}": ("red" if i < 4 else "blue") for i in range(8)} | {"p9": "green"}})
    judged = [*votes("a", "b", [W, W, W, W, W, N, N, N]), ("p9", "a", "c", W, "c")]
    graph = build(table(judged), QUICK, participants=people)
    edge = next(edge for edge in (*graph.edges, *graph.rejected) if edge.wiser == "b")
    assert {each.group: (each.wiser, each.total, each.participants) for each in edge.groups} == {
        "red": (4, 4, 4),
        "blue": (1, 4, 4),
        "green": (0, 0, 0),  # nobody of this group was asked: one half
    }
    (found,) = edge.bridging
    assert found.minimum == 2 / 6  # blue: (1 + 1) / (4 + 2)
    assert found.product == pytest.approx(5 / 6 * 2 / 6 * 1 / 2)
    assert found.consensus == pytest.approx((5 / 6 * 2 / 6 * 1 / 2) ** (1 / 3))
    standing = next(each for each in graph.standings if each.value == "b")
    assert standing.groups == edge.groups if edge in graph.edges else standing.judges == 0


def test_a_value_bridges_over_all_edges_that_lead_to_it() -> None:
    people = Participants({"party": {f"p{i}": ("red" if i % 2 else "blue") for i in range(8)}})
    judged = [*votes("a", "c", [W] * 8), *votes("b", "c", [W] * 6 + [N] * 2)]
    graph = build(table(judged), QUICK, participants=people)
    standing = next(each for each in graph.standings if each.value == "c")
    # 4 of 4 and 3 of 4 in each group.
    assert {each.group: (each.wiser, each.total, each.participants) for each in standing.groups} == {
        "blue": (7, 8, 4),
        "red": (7, 8, 4),
    }
    assert standing.bridging[0].product == pytest.approx((8 / 10) ** 2)


def test_one_group_bridges_nothing() -> None:
    people = Participants({"party": {f"p{i}": "red" for i in range(8)}})
    graph = build(table(votes("a", "b", [W] * 8)), QUICK, participants=people)
    assert graph.edges[0].bridging == ()
    assert bridging([]) == ()


def test_cards_give_the_values_their_order_and_must_be_complete() -> None:
    cards = [ValueCard(id=name, title=name.upper()) for name in "cba"]
    judged = table([*votes("a", "b", [W] * 5), *votes("a", "c", [W] * 5)])
    assert [card.title for card in build(judged, QUICK, cards=cards).values] == ["C", "B", "A"]
    with pytest.raises(DataError, match="no card has the id 'a'"):
        build(judged, QUICK, cards=cards[:2])


def test_the_user_set_is_counted_but_not_named() -> None:
    judged = table(votes("a", "b", [W] * 6))
    graph = build(judged, QUICK, people={"p0", "p1", "p2", "p3"})
    assert graph.participants == 4
    assert graph.construction.filters.participants == 4
    assert "p3" not in graph.model_dump_json()


def test_what_was_set_aside_is_in_the_graph() -> None:
    graph = build(table([*votes("a", "b", [W] * 5), ("p0", "a", "b", N, "c")]), QUICK)
    (lost,) = graph.construction.set_aside
    assert lost.count == 1
    assert graph.edges[0].counts.not_wiser == 1


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(UsageError, match="level 95"):
        Method(level=95)
    with pytest.raises(UsageError, match="resamples"):
        Method(resamples=-1)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("pqrstu"),
            st.sampled_from("abcd"),
            st.sampled_from("abcd"),
            st.sampled_from(list(Relationship)),
            st.sampled_from("xy"),
        ).filter(lambda row: row[1] != row[2]),
        min_size=1,
        max_size=40,
    ),
    st.booleans(),
)
@settings(max_examples=40)
def test_any_judgements_make_a_sound_graph(judged: list[Row], pooled: bool) -> None:
    method = Method(pooled=pooled, resamples=5, thresholds=Thresholds(min_wiser=1, min_likelihood=0.1))
    graph = build(table(judged), method)
    assert len(graph.edges) + len(graph.rejected) > 0
    for edge in graph.edges:
        assert edge.likelihood >= 0.1
        assert edge.support_interval is not None
        assert edge.support_interval.low <= edge.support <= edge.support_interval.high
    for context in {standing.context for standing in graph.standings}:
        standings = graph.standings_in(context)
        assert [each.rank for each in standings] == list(range(1, len(standings) + 1))
        ranks = [each.page_rank for each in standings if each.page_rank is not None]
        assert not ranks or sum(ranks) == pytest.approx(1, abs=1e-9)
        assert sum(each.win_probability or 0 for each in standings) <= 1 + 1e-9
        assert all((each.supporters or 0) <= (each.judges or 0) for each in standings)


def test_the_sweep_moves_one_threshold_and_finds_the_graph_itself_again() -> None:
    judged = table([*votes("a", "b", [W] * 6), *votes("a", "c", [W] * 3 + [N] * 3), *votes("d", "c", [W] * 2)])
    method = Method(thresholds=Thresholds(min_wiser=4))
    counted = tally(judged, method)
    rows = sweep(counted, method)
    assert {row.threshold for row in rows} == set(GRID)
    own = next(row for row in rows if (row.threshold, row.value) == ("min_wiser", 4))
    assert (own.edges, own.similarity, own.winners_kept, own.contexts) == (1, 1, 1, 1)
    loose = next(row for row in rows if (row.threshold, row.value) == ("min_wiser", 2))
    assert (loose.edges, loose.values) == (3, 4)
    assert loose.similarity == 1 / 3
    assert loose.winners_kept == 0  # c gets 0.5 + 1 and beats b with 1


def test_filters_are_kept_with_the_graph() -> None:
    judged = table([*votes("a", "b", [W] * 5, "x"), *votes("a", "b", [W] * 5, "y")])
    graph = build(judged, Method(resamples=0, filters=Filters(contexts=("y",))))
    assert graph.contexts == ("y",)
    assert graph.construction.filters.contexts == ("y",)
