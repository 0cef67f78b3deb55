"""To JSON and back: our own format keeps all, the published schema keeps what it has a place for."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pluralign.core.errors import DataError
from pluralign.core.moral_graph import MoralGraph
from pluralign.core.value_card import ValueCard
from pluralign.graph.build import build
from pluralign.graph.export import published_json, read_graph, write_graph, write_published
from pluralign.graph.tally import Method
from tests.graph.handmade import N, U, W, table, votes

CARDS = [
    ValueCard(
        id=name,
        title=f"Title {name}",
        summary="s",
        description="d",
        policies=("P",),
        created_at=datetime(2023, 9, 30, 6, 0, 9, 346000, tzinfo=UTC),
    )
    for name in ("1", "2", "3")
]


@pytest.fixture
def graph() -> MoralGraph:
    judged = [*votes("1", "2", [W] * 6 + [N], "x"), *votes("2", "1", [U], "y"), *votes("2", "3", [W, N, N], "x")]
    return build(table(judged), Method(published=True), cards=CARDS)


def test_our_format_gives_the_same_graph_back(graph: MoralGraph, tmp_path: Path) -> None:
    for built in (graph, build(table(votes("a", "b", [W] * 5)), Method(resamples=10))):
        write_graph(built, tmp_path / "g.json")
        assert read_graph(tmp_path / "g.json") == built


def test_the_published_schema(graph: MoralGraph) -> None:
    data = published_json(graph, page_rank=True, rejected=True)
    first = data["values"][0]
    rank = first.pop("pageRank")
    assert rank == pytest.approx(0.15 / 2)
    assert first == {
        "id": 1,
        "title": "Title 1",
        "instructionsShort": "s",
        "instructionsDetailed": "d",
        "evaluationCriteria": ["P"],
        "createdAt": "2023-09-30T06:00:09.346Z",
    }
    assert [card["id"] for card in data["values"]] == [1, 2]  # value 3 has no kept edge
    (edge,) = data["edges"]
    assert edge["contexts"] == ["x", "y"]
    assert edge["counts"] == {
        "markedWiser": 6,
        "markedNotWiser": 1,
        "markedLessWise": 0,
        "markedUnsure": 0,
        "impressions": 8,
    }
    assert edge["summary"]["wiserLikelihood"] == 6 / 7
    assert len(data["allEdges"]) == 3
    plain = published_json(graph)
    assert set(plain) == {"values", "edges"}
    assert "pageRank" not in plain["values"][0]


def test_ids_that_are_no_numbers_stay_text() -> None:
    built = build(table([*votes("01", "b", [W] * 5), *votes("2", "b", [W] * 5)]), Method(published=True))
    assert {card["id"] for card in published_json(built)["values"]} == {"01", "b", "2"}


def test_a_published_graph_is_read_and_ranked(graph: MoralGraph, tmp_path: Path) -> None:
    path = tmp_path / "g.json"
    write_published(graph, path, page_rank=True)
    read = read_graph(path)
    assert read.construction.mode == "imported"
    assert read.participants is None
    (edge,) = read.edges
    assert (edge.counts, edge.likelihood, edge.entropy) == (
        graph.edges[0].counts,
        graph.edges[0].likelihood,
        graph.edges[0].entropy,
    )
    assert [(each.value, each.wisdom) for each in read.standings] == [("2", 6 / 7), ("1", 0)]
    assert read.standings[0].page_rank == graph.standings[0].page_rank
    assert published_json(read)["edges"] == published_json(graph)["edges"]


def broken(graph: MoralGraph, change: str, value: Any) -> dict[str, Any]:
    data = published_json(graph)
    *steps, last = change.split(".")
    inner: Any = data
    for step in steps:
        inner = inner[int(step) if step.isdigit() else step]
    inner[last] = value
    return data


@pytest.mark.parametrize(
    ("change", "value", "message"),
    [
        ("edges.0.counts.markedWiser", -1, "edge 1: wiser: Input should be greater"),
        ("edges.0.summary.wiserLikelihood", 7, "edge 1: likelihood: Input should be less"),
        ("edges.0.summary.wiserLikelihood", None, "edge 1: likelihood: Input should be a valid number"),
        ("edges.0.counts.liked", 1, "edge 1 lacks or misspells 'liked'"),
        ("edges.0.summary", {}, "edge 1 lacks or misspells 'wiserLikelihood'"),
        ("edges.0.wiserValueId", 9, "names value '9', which is not there"),
        ("values.0.title", "", "value 1: title: Value error, must not be blank"),
    ],
)
def test_faults_in_a_published_graph_are_named(
    graph: MoralGraph, tmp_path: Path, change: str, value: Any, message: str
) -> None:
    path = tmp_path / "g.json"
    path.write_text(json.dumps(broken(graph, change, value)))
    with pytest.raises(DataError) as raised:
        read_graph(path)
    assert message in str(raised.value)
    assert "g.json" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "is no moral graph"),
        ('{"values": [], "edges": [], "format": "other/1"}', "'other/1' is not 'pluralign.moral-graph/1'"),
        ('{"values": [], "edges": [], "format": "pluralign.moral-graph/1"}', "contexts: Field required"),
        ("{", "g.json:1: is not JSON"),
    ],
)
def test_what_is_no_graph_is_said(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "g.json"
    path.write_text(text)
    with pytest.raises(DataError) as raised:
        read_graph(path)
    assert message in str(raised.value)


def test_a_place_that_cannot_be_written_is_named(graph: MoralGraph, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written: No such file"):
        write_graph(graph, tmp_path / "none" / "g.json")


@given(st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=5) | st.lists(st.integers())))
@settings(max_examples=50)
def test_any_object_is_a_graph_or_a_sentence(data: dict[str, Any]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "g.json"
        path.write_text(json.dumps({"values": [data], "edges": [data]}))
        with pytest.raises(DataError):
            read_graph(path)
