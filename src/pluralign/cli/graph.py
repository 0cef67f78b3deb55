"""``pluralign graph``: build, rank, test, show a moral graph and turn it into a charter."""

import typer

app = typer.Typer(help="Moral graphs: from judgements to values, their ranking and a charter.", no_args_is_help=True)
