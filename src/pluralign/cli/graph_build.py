"""``pluralign graph build JUDGEMENTS.csv --cards cards.json --json OUT.json``: from judgements to a moral graph."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pluralign.cli import graph_options as given


class Schema(StrEnum):
    """Which JSON to write."""

    PLURALIGN = "pluralign"
    PUBLISHED = "published"


def build(
    judgements: given.JUDGEMENTS,
    cards: given.CARDS = None,
    contexts: given.CONTEXTS = None,
    participants: given.PARTICIPANTS = None,
    published: given.PUBLISHED = False,
    pool: given.POOL = False,
    context: given.CONTEXT = None,
    case: given.CASE = None,
    users: given.USERS = None,
    since: given.SINCE = None,
    until: given.UNTIL = None,
    group: given.GROUP = None,
    min_wiser: given.MIN_WISER = None,
    min_total: given.MIN_TOTAL = None,
    min_likelihood: given.MIN_LIKELIHOOD = None,
    max_entropy: given.MAX_ENTROPY = None,
    min_support: given.MIN_SUPPORT = None,
    level: given.LEVEL = 0.95,
    bootstrap: given.BOOTSTRAP = 1000,
    seed: given.SEED = 0,
    json: Annotated[Path | None, typer.Option(help="Write the graph to this file.")] = None,
    schema: Annotated[
        Schema | None, typer.Option(help="Of --json. [default: pluralign, which keeps all; published with --published]")
    ] = None,
    with_page_rank: Annotated[bool, typer.Option(help="Put pageRank into the published schema.")] = False,
    all_edges: Annotated[bool, typer.Option(help="Put allEdges into the published schema.")] = False,
) -> None:
    """Build a moral graph: which values people found wiser than which, where, and how sure that is."""
    from pluralign.cli import graph_tables as tables
    from pluralign.graph.build import build as build_graph
    from pluralign.graph.export import write_graph, write_published

    read = given.read(
        judgements,
        cards=cards,
        contexts=contexts,
        participants=participants,
        published=published,
        pool=pool,
        context=context,
        case=case,
        users=users,
        since=since,
        until=until,
        group=group,
        min_wiser=min_wiser,
        min_total=min_total,
        min_likelihood=min_likelihood,
        max_entropy=max_entropy,
        min_support=min_support,
        level=level,
        bootstrap=bootstrap,
        seed=seed,
    )
    with given.progress("resampling the participants", bootstrap) as told:
        graph = build_graph(read.table, read.method, cards=read.cards, progress=told, **read.sources)
    tables.show(tables.summary(graph), tables.winners(graph))
    if json is not None:
        chosen = schema or (Schema.PUBLISHED if published else Schema.PLURALIGN)
        if chosen is Schema.PUBLISHED:
            write_published(graph, json, page_rank=with_page_rank, rejected=all_edges)
        else:
            write_graph(graph, json)
        print(f"wrote {json}")
