"""``pluralign graph``: build, rank, test, show a moral graph and turn it into a charter."""

import typer

from pluralign.cli.graph_build import build
from pluralign.cli.graph_charter import charter
from pluralign.cli.graph_polis import polis
from pluralign.cli.graph_rank import rank
from pluralign.cli.graph_report import report
from pluralign.cli.graph_show import show

app = typer.Typer(help="Moral graphs: from judgements to values, their ranking and a charter.", no_args_is_help=True)
app.command()(build)
app.command()(rank)
app.command()(report)
app.command()(show)
app.command()(charter)
app.command()(polis)
