"""``pluralign graph show GRAPH.json --out page.html``: a moral graph to look at, in one file that needs no network."""

from pathlib import Path
from typing import Annotated

import typer

from pluralign.store.files import write_text


def show(
    graph: Annotated[Path, typer.Argument(metavar="GRAPH.json", help="Our own format or the published schema.")],
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("moral-graph.html"),
    title: Annotated[str, typer.Option(help="What stands on top of the page.")] = "Moral graph",
) -> None:
    """Write a page with the graph as a drawing and as tables.

    Example: pluralign graph show GRAPH.json --out page.html
    """
    from pluralign.graph.export import read_graph
    from pluralign.report.graph_page import graph_page

    read = read_graph(graph)
    page = graph_page(read, title=title, source=graph.name)
    write_text(out, page)
    print(f"{out}: {len(read.linked_values)} values, {len(read.edges)} links, {len(page) // 1000} kB")
