"""The nouns of the moral graph refuse what does not hang together."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from pluralign.core.moral_graph import (
    Bridging,
    Construction,
    Edge,
    EdgeCounts,
    GroupSupport,
    Interval,
    Judgement,
    MoralGraph,
    Relationship,
    Standing,
)
from pluralign.core.value_card import ValueCard

COUNTS = EdgeCounts(wiser=3, not_wiser=1, less_wise=1, unsure=2, impressions=9)


def edge(source: str = "a", wiser: str = "b", **changed: Any) -> Edge:
    fields = {"contexts": ("c",), "counts": COUNTS, "likelihood": 2 / 7, "entropy": 1.8, "support": 3 / 7}
    return Edge(source=source, wiser=wiser, **(fields | changed))


def graph(*edges: Edge, values: str = "ab", **changed: Any) -> MoralGraph:
    return MoralGraph(
        values=tuple(ValueCard.unknown(name) for name in values),
        edges=edges,
        contexts=("c",),
        construction=Construction(mode="default", pooled=False),
        **changed,
    )


def test_the_total_leaves_impressions_out() -> None:
    assert COUNTS.total == 7  # 3 + 1 + 1 + 2


def test_a_human_judgement_is_never_a_bare_number() -> None:
    fields = {"participant": "p", "source": "a", "candidate": "b", "context": "c", "judged_at": datetime.now(UTC)}
    assert Judgement(relationship=Relationship.WISER, **fields).relationship == "wiser"
    with pytest.raises(ValidationError):
        Judgement.model_validate(fields | {"relationship": 1})
    with pytest.raises(ValidationError, match="against itself"):
        Judgement.model_validate(fields | {"relationship": "wiser", "candidate": "a"})
    with pytest.raises(ValidationError, match="timezone"):
        Judgement.model_validate(fields | {"relationship": "wiser", "judged_at": datetime(2024, 1, 1)})


def test_nothing_can_be_changed_or_added() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        COUNTS.wiser = 4  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra"):
        EdgeCounts.model_validate(COUNTS.model_dump() | {"marked": 1})
    with pytest.raises(ValidationError):
        EdgeCounts(wiser=-1, not_wiser=0, less_wise=0, unsure=0, impressions=0)


def test_group_support_is_drawn_to_one_half() -> None:
    nobody = GroupSupport(attribute="party", group="x", wiser=0, total=0, participants=0)
    assert nobody.support == 1 / 2
    three_of_four = GroupSupport(attribute="party", group="x", wiser=3, total=4, participants=4)
    assert three_of_four.support == 4 / 6  # (3 + 1) / (4 + 2)


def test_an_interval_is_in_order() -> None:
    with pytest.raises(ValidationError, match="above"):
        Interval(low=0.6, high=0.5)


def test_bridging_needs_two_groups() -> None:
    with pytest.raises(ValidationError):
        Bridging(attribute="party", groups=1, minimum=0.5, product=0.5, consensus=0.5)


def test_an_edge_cannot_lead_to_itself() -> None:
    with pytest.raises(ValidationError, match="to itself"):
        edge("a", "a")


@pytest.mark.parametrize(
    ("edges", "values", "message"),
    [
        ((edge(), edge()), "ab", "twice"),
        ((edge("a", "z"),), "ab", "'z', which is not there"),
        ((edge(failed=("min_wiser",)),), "ab", "cannot be kept"),
        ((), "aa", "same id"),
    ],
)
def test_a_graph_hangs_together(edges: tuple[Edge, ...], values: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        graph(*edges, values=values)


def test_a_standing_names_a_value_of_the_graph() -> None:
    with pytest.raises(ValidationError, match="standing names value 'z'"):
        graph(edge(), standings=(Standing(value="z", context="c", rank=1, wisdom=0.0),))


def test_the_same_pair_may_be_an_edge_in_each_context() -> None:
    found = graph(edge(), edge(contexts=("d",)), values="abc")
    assert found.edges_in(["d"]) == (edge(contexts=("d",)),)
    assert [card.id for card in found.linked_values] == ["a", "b"]
    assert found.card("c").title == "c"
    with pytest.raises(KeyError):
        found.card("z")


def test_a_graph_survives_json() -> None:
    found = graph(edge(support_interval=Interval(low=0.1, high=0.7)))
    assert MoralGraph.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize("fields", [{"title": " "}, {"id": ""}, {"policies": ("A", "A")}, {"policies": ("A", " ")}])
def test_a_card_refuses_blanks_and_repetition(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ValueCard.model_validate({"id": "a", "title": "A"} | fields)
