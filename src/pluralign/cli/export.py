"""``pluralign export``: a finished poll for other people's tools."""

from pathlib import Path

import typer
from rich.console import Console


def export(
    folder: Path = typer.Argument(help="The folder of a finished poll.", show_default=False),
    inspect: Path = typer.Option(
        help="Write a log that `inspect view` opens: a file ending in .eval (small) or .json.", show_default=False
    ),
) -> None:
    """Write a finished poll as a log of Inspect: a sample per voice, people and question, with distances as scores.

    For pandas, polars, DuckDB and R open answers.parquet itself; see docs/answers.md.

    Example: pluralign export runs/poll-1a2b3c4d --inspect logs/poll.eval
    """
    from pluralign.poll.export import write_inspect
    from pluralign.poll.reopen import reopen

    with Console(stderr=True).status("Writing …"):
        samples = write_inspect(reopen(folder), inspect)
    print(f"Log: {inspect} ({samples:,} samples)")
