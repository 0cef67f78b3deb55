"""``pluralign graph rank GRAPH.json``: who stands where in a graph that was built, or only published."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pluralign.core.errors import UnknownNameError


class By(StrEnum):
    """What to rank by."""

    WISDOM = "wisdom"
    PAGE_RANK = "page-rank"
    STRENGTH = "strength"


def rank(
    graph: Annotated[Path, typer.Argument(metavar="GRAPH.json", help="Our own format or the published schema.")],
    by: Annotated[By, typer.Option(help="Order of the values.")] = By.WISDOM,
    context: Annotated[str | None, typer.Option(help="Only this context.")] = None,
    top: Annotated[int, typer.Option(min=1, help="Values per context.")] = 10,
) -> None:
    """Rank the values of each context."""
    from pluralign.cli import graph_tables as tables
    from pluralign.graph.export import read_graph

    read = read_graph(graph)
    known = {standing.context for standing in read.standings if standing.context is not None}
    if context is not None and context not in known:
        raise UnknownNameError("context", context, known)
    tables.show(*tables.ranking(read, by=by.value, context=context, top=top))
