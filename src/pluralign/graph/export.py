"""Moral graphs to JSON and back: our own format, which keeps all, and the published schema, which others read.

The published schema has numbers where values are numbered, no intervals, and knows nothing of people or method. Knows
no formula but the ranking of a graph that was only published.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from pluralign.core.errors import DataError
from pluralign.core.moral_graph import Construction, Edge, EdgeCounts, MoralGraph, Standing, Thresholds
from pluralign.core.value_card import ValueCard
from pluralign.graph.ranking import Links, published_page_rank, wisdom
from pluralign.graph.read import card_from_json, read_json

FORMAT = "pluralign.moral-graph/1"


def published_json(graph: MoralGraph, *, page_rank: bool = False, rejected: bool = False) -> dict[str, Any]:
    """The graph in the schema of the published one, as plain data.

    Args:
        graph: built in any mode; edges of different contexts stay different edges.
        page_rank: also give each value its ``pageRank`` (the schema's optional field).
        rejected: also give ``allEdges``, kept and rejected.
    """
    # Published ids are numbers; other ids stay text, all of them, so that they can be told apart.
    numbered = all(card.id.isascii() and card.id.isdecimal() and str(int(card.id)) == card.id for card in graph.values)

    def id_of(value: str) -> int | str:
        return int(value) if numbered else value

    ranks = {standing.value: standing.page_rank for standing in graph.standings if standing.context is None}
    values = []
    for card in graph.linked_values:
        entry: dict[str, Any] = {
            "id": id_of(card.id),
            "title": card.title,
            "instructionsShort": card.summary,
            "instructionsDetailed": card.description,
            "evaluationCriteria": list(card.policies),
        }
        for name, moment in (("createdAt", card.created_at), ("updatedAt", card.updated_at)):
            if moment is not None:
                entry[name] = _timestamp(moment)
        if page_rank and ranks.get(card.id) is not None:
            entry["pageRank"] = ranks[card.id]
        values.append(entry)

    def edge_entry(edge: Edge) -> dict[str, Any]:
        return {
            "sourceValueId": id_of(edge.source),
            "wiserValueId": id_of(edge.wiser),
            "contexts": list(edge.contexts),
            "counts": {
                "markedWiser": edge.counts.wiser,
                "markedNotWiser": edge.counts.not_wiser,
                "markedLessWise": edge.counts.less_wise,
                "markedUnsure": edge.counts.unsure,
                "impressions": edge.counts.impressions,
            },
            "summary": {"wiserLikelihood": edge.likelihood, "entropy": edge.entropy},
        }

    data: dict[str, Any] = {"values": values, "edges": [edge_entry(edge) for edge in graph.edges]}
    if rejected:
        data["allEdges"] = [edge_entry(edge) for edge in (*graph.edges, *graph.rejected)]
    return data


def _timestamp(moment: datetime) -> str:
    """As a browser writes it: UTC, milliseconds, Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write_published(graph: MoralGraph, path: Path, *, page_rank: bool = False, rejected: bool = False) -> None:
    """Write `published_json`. Raises DataError if the file cannot be written."""
    data = published_json(graph, page_rank=page_rank, rejected=rejected)
    _write(path, json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def write_graph(graph: MoralGraph, path: Path) -> None:
    """Write the graph in our own format. Raises DataError if the file cannot be written."""
    _write(path, graph.model_dump_json(indent=1) + "\n")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror}", file=str(path)) from None


def read_graph(path: Path) -> MoralGraph:
    """A graph from our own format or from the published schema. Raises DataError naming the file and the field."""
    data = read_json(path)
    if not isinstance(data, dict) or "values" not in data or "edges" not in data:
        raise DataError("is no moral graph: expected an object with 'values' and 'edges'", file=str(path))
    if "format" not in data:
        return _import(data, path)
    if data["format"] != FORMAT:
        raise DataError(f"{data['format']!r} is not {FORMAT!r}", file=str(path), field="format")
    try:
        # Strict reading would refuse JSON's lists for tuples; from text, pydantic knows better.
        return MoralGraph.model_validate_json(json.dumps(data))
    except ValidationError as error:
        raise _malformed(error, path) from None


def _malformed(error: ValidationError, path: Path) -> DataError:
    first = error.errors()[0]
    return DataError(first["msg"], file=str(path), field=".".join(map(str, first["loc"])) or None)


_COUNTS = {
    "markedWiser": "wiser",
    "markedNotWiser": "not_wiser",
    "markedLessWise": "less_wise",
    "markedUnsure": "unsure",
    "impressions": "impressions",
}


def _import(data: dict[str, Any], path: Path) -> MoralGraph:
    """From the published schema: ranks follow from the edges, people and rejected pairs are not known."""
    cards = tuple(card_from_json(entry, f"{path}, value {index}") for index, entry in enumerate(data["values"], 1))
    edges = []
    for index, entry in enumerate(data["edges"], 1):
        try:
            counts = EdgeCounts.model_validate({_COUNTS[name]: count for name, count in entry["counts"].items()})
            edges.append(
                Edge(
                    source=str(entry["sourceValueId"]),
                    wiser=str(entry["wiserValueId"]),
                    contexts=entry["contexts"],
                    counts=counts,
                    likelihood=entry["summary"]["wiserLikelihood"],
                    entropy=entry["summary"]["entropy"],
                    support=counts.wiser / max(counts.total, 1),
                )
            )
        except ValidationError as error:
            raise _malformed(error, Path(f"{path}, edge {index}")) from None
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(f"edge {index} lacks or misspells {error}", file=str(path), field="edges") from None
    try:
        return MoralGraph(
            values=cards,
            edges=tuple(edges),
            standings=_published_standings(cards, edges),
            contexts=tuple(dict.fromkeys(context for edge in edges for context in edge.contexts)),
            construction=Construction(
                mode="imported", pooled=True, thresholds=Thresholds(min_wiser=0, min_likelihood=None)
            ),
        )
    except ValidationError as error:
        raise _malformed(error, path) from None


def _published_standings(cards: tuple[ValueCard, ...], edges: list[Edge]) -> tuple[Standing, ...]:
    place: Mapping[str, int] = {card.id: code for code, card in enumerate(cards)}
    if any(end not in place for edge in edges for end in (edge.source, edge.wiser)):
        return ()  # the graph refuses it with a better message
    links = Links(
        np.array([place[edge.source] for edge in edges], dtype=np.int64),
        np.array([place[edge.wiser] for edge in edges], dtype=np.int64),
        np.array([edge.likelihood for edge in edges], dtype=np.float64),
    )
    wise, ranks = wisdom(links, len(cards)), published_page_rank(links, len(cards))
    order = sorted(range(len(cards)), key=lambda code: (-wise[code], -np.nan_to_num(ranks[code]), cards[code].id))
    return tuple(
        Standing(
            value=cards[code].id,
            context=None,
            rank=rank,
            wisdom=float(wise[code]),
            page_rank=None if np.isnan(ranks[code]) else float(ranks[code]),
        )
        for rank, code in enumerate(order, 1)
    )
