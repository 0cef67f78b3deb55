"""A moral graph as one HTML page: an interactive drawing and the same content as tables. Fetches nothing, ever.

The page holds its data as JSON, its own script and style, and two vendored libraries (Cytoscape.js and its dagre
layout, MIT; licences in ``vendor/``). A content security policy forbids every connection and every script but these.
Without JavaScript the tables remain. Computes nothing but what is drawn: the entropy of the votes and Wilson's
interval, where the graph comes without them.
"""

import base64
import hashlib
import json
import math
from collections.abc import Sequence
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pluralign.core.moral_graph import Edge, EdgeCounts, MoralGraph
from pluralign.graph.charter import rivals_in
from pluralign.graph.uncertainty import wilson

LIBRARIES = ("cytoscape.min.js", "cytoscape-dagre.min.js")
_STYLE, _SCRIPTS = "graph_page.css", ("graph_page_words.js", "graph_page_drawing.js", "graph_page.js")
THIN = 5
"""Fewer judgements than this are drawn as a dashed line."""


def graph_page(graph: MoralGraph, *, title: str = "Moral graph", source: str = "") -> str:
    """The whole page as text, the same for the same graph.

    ``source`` is what readers are told the graph was made from, such as a file's name.
    """
    data = page_data(graph)
    vendor, templates = (
        resources.files("pluralign.report") / "vendor",
        resources.files("pluralign.report") / "templates",
    )
    scripts = [(vendor / name).read_text(encoding="utf-8") for name in LIBRARIES]
    scripts.append("\n".join((templates / name).read_text(encoding="utf-8") for name in _SCRIPTS))
    environment = Environment(
        loader=PackageLoader("pluralign.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("graph_page.html").render(
        title=title,
        source=source,
        graph=graph,
        data=data,
        titles={value["id"]: value["title"] for value in data["values"]},
        facts=_facts(graph),
        method=_method(graph),
        policy=_policy(scripts),
        style=Markup((templates / _STYLE).read_text(encoding="utf-8")),
        scripts=[Markup(script) for script in scripts],
        json=Markup(embedded_json(data)),
    )


def embedded_json(value: Any) -> str:
    """JSON that can stand inside a script element: no text in it can close the element or open a comment."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def _policy(scripts: Sequence[str]) -> str:
    """Nothing may be fetched and no script may run but those of the page, told by their hashes."""
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    # Cytoscape.js adds a style element of its own, whose text is not known here.
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"


def vote_entropy(counts: EdgeCounts) -> float:
    """Bits of disagreement in (W, N, L, U): 0 where all answered alike, 2 where the four are even."""
    answers = [counts.wiser, counts.not_wiser, counts.less_wise, counts.unsure]
    total = sum(answers)
    return -sum(answer / total * math.log2(answer / total) for answer in answers if answer)


def page_data(graph: MoralGraph) -> dict[str, Any]:
    """What the page knows: plain data, values in the order of the graph, links by evidence, most first."""
    edges = sorted((*graph.edges, *graph.rejected), key=lambda edge: -edge.counts.total)
    kept = {edge.key for edge in graph.edges}
    links = [_link(number, edge, edge.key in kept) for number, edge in enumerate(edges)]
    ends = {end for edge in edges for end in (edge.source, edge.wiser)}
    wisdom = {end: sum(edge.likelihood for edge in graph.edges if edge.wiser == end) for end in ends}
    linked = {card.id for card in graph.linked_values}
    winners = {context: [rival.card.id for rival in rivals_in(graph, context)[:1]] for context in graph.contexts}
    cases: dict[str, list[str]] = {}
    for context, case in graph.cases:
        cases.setdefault(case, []).append(context)
    groups = {(group.attribute, group.group) for edge in edges for group in edge.groups}
    return {
        "values": [
            {
                "id": card.id,
                "title": card.title,
                "summary": card.summary,
                "description": card.description,
                "policies": list(card.policies),
                "wisdom": round(wisdom[card.id], 4),
                "linked": card.id in linked,
                "standings": [
                    {
                        "context": standing.context,
                        "rank": standing.rank,
                        "wisdom": round(standing.wisdom, 4),
                        "win": standing.win_probability,
                        "people": standing.supporters,
                    }
                    for standing in graph.standings
                    if standing.value == card.id
                ],
            }
            for card in graph.values
            if card.id in ends
        ],
        "links": links,
        "contexts": [context for context in graph.contexts if any(context in link["contexts"] for link in links)],
        "winners": {context: found[0] for context, found in winners.items() if found},
        "cases": [{"name": case, "contexts": contexts} for case, contexts in cases.items()],
        "groups": [{"attribute": attribute, "group": group} for attribute, group in sorted(groups)],
        "thin": THIN,
    }


def _link(number: int, edge: Edge, kept: bool) -> dict[str, Any]:
    counts = edge.counts
    if edge.support_interval is not None:
        low, high = edge.support_interval.low, edge.support_interval.high
    else:
        bounds = wilson([counts.wiser], [counts.total])
        low, high = float(bounds.low[0]), float(bounds.high[0])
    return {
        "id": f"link{number}",
        "source": edge.source,
        "wiser": edge.wiser,
        "contexts": list(edge.contexts),
        "kept": kept,
        "failed": list(edge.failed),
        "counts": [counts.wiser, counts.not_wiser, counts.less_wise, counts.unsure],
        "impressions": counts.impressions,
        "total": counts.total,
        "people": edge.participants,
        "likelihood": round(edge.likelihood, 4),
        "entropy": round(vote_entropy(counts), 4),
        "statedEntropy": round(edge.entropy, 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "survival": edge.survival,
        "groups": [
            {
                "attribute": group.attribute,
                "group": group.group,
                "wiser": group.wiser,
                "total": group.total,
                "people": group.participants,
            }
            for group in edge.groups
        ],
    }


def _facts(graph: MoralGraph) -> list[str]:
    """What stands under the title."""
    judgements = sum(edge.counts.total for edge in graph.edges)
    facts = [
        _number(len(graph.linked_values), "value"),
        _number(len(graph.edges), "link"),
        _number(len(graph.contexts), "context"),
        f"{_number(judgements, 'judgement')} on these links",
    ]
    if graph.participants is not None:
        facts.append(_number(graph.participants, "person", "people"))
    return facts


def _method(graph: MoralGraph) -> list[str]:
    """How the graph was made, in sentences, for the foot of the page."""
    made = graph.construction
    sentences = {
        "published": ["Built by the published formulas of Democratic Fine-Tuning."],
        "imported": ["Read from a published graph; how it was built is not stated there."],
        "default": ["Built by pluralign."],
    }[made.mode]
    if made.judgements is not None:
        sentences.append(f"{_number(made.judgements, 'judgement')} were counted.")
    sentences += [f"Set aside: {item.count} ({item.reason})." for item in made.set_aside]
    if made.mode != "imported":
        sentences.append("Contexts were pooled." if made.pooled else "Each context was kept apart.")
        if made.bootstrap:
            sentences.append(f"{made.bootstrap} resamples of the participants (seed {made.seed}).")
    return sentences


def _number(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"
