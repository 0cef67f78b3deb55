"""``pluralign graph charter GRAPH.json``: a constitution from a moral graph, each principle with its people."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pluralign import __version__
from pluralign.store.files import write_text

if TYPE_CHECKING:
    from pluralign.core.constitution import Constitution


def charter(
    graph: Annotated[Path, typer.Argument(metavar="GRAPH.json", help="Our own format or the published schema.")],
    out: Annotated[Path | None, typer.Option(help="Constitution to write, as JSON. Default: to the screen.")] = None,
    text: Annotated[Path | None, typer.Option(help="Also write it as Markdown for people to read.")] = None,
    title: Annotated[str, typer.Option(help="Title of the constitution.")] = "What people found wise",
    collective: Annotated[str, typer.Option(help="Id of the community it speaks for.")] = "",
    context: Annotated[list[str] | None, typer.Option(help="Only this context. May be repeated.")] = None,
    close: Annotated[
        float, typer.Option(min=0, max=1, help="A value this near to the winner's wisdom contests it.")
    ] = 0.8,
    least_win: Annotated[
        float, typer.Option(min=0, max=1, help="A value that wins this share of resamples contests the winner.")
    ] = 0.1,
    model: Annotated[str | None, typer.Option(help="Let this model polish the wording; citations stay.")] = None,
) -> None:
    """Write a charter: one principle per context and winning value; contested values are kept beside it.

    Example: pluralign graph charter GRAPH.json --out charter.json --text charter.md
    """
    from pluralign.graph.charter import write_charter
    from pluralign.graph.export import read_graph

    written = write_charter(
        read_graph(graph),
        title=title,
        collective=collective,
        contexts=context,
        source=graph.name,
        tool=f"pluralign {__version__}",
        close=close,
        least_win=least_win,
    )
    constitution = written.constitution
    for name in written.without_winner:
        print(f"{name}: no pair passed the thresholds, so nobody won; no principle is written.", file=sys.stderr)
    if model is not None:
        constitution = _polished(constitution, model)
    rendered = constitution.model_dump_json(indent=1) + "\n"
    if out is None:
        print(rendered, end="")
    else:
        write_text(out, rendered)
    if text is not None:
        from pluralign.report.charter_text import charter_text

        write_text(text, charter_text(constitution))
    contested = sum(principle.contested for principle in constitution.principles)
    print(f"{len(constitution.principles)} principles, {contested} of them contested.", file=sys.stderr)


def _polished(constitution: "Constitution", name: str) -> "Constitution":
    from pluralign.cli.graph_options import progress
    from pluralign.cli.settings import cache_folder, quiet_libraries
    from pluralign.core.chat import Message
    from pluralign.engines.base import ChatRequest
    from pluralign.engines.open import open_engine
    from pluralign.graph.polish import polish

    quiet_libraries()
    engine = open_engine(name, cache_dir=cache_folder())

    texts = sum(2 * (1 + len(principle.alternatives)) for principle in constitution.principles)
    with progress(f"{name} polishes", texts) as told:

        def rewrite(prompt: str) -> str:
            # A token is at least three letters of English; a version twice as long would be refused anyway.
            request = ChatRequest((Message("user", prompt),), max_tokens=len(prompt) // 3)
            (reply,) = engine.chat([request])
            told(1)
            # A refusal or a text cut short is no wording.
            return reply.text if reply.finish == "stop" else ""

        result = polish(constitution, rewrite, model=name)
    print(f"{result.rewritten} texts polished by {name}, {len(result.kept)} left as they were.", file=sys.stderr)
    for kept in result.kept:
        print(f"  {kept.principle}, {kept.field} of card {kept.card}: {kept.reason}", file=sys.stderr)
    return result.constitution
