"""``pluralign``: puts the commands together and turns a user's mistake into one sentence and exit code 2."""

import sys

import typer

from pluralign import __version__
from pluralign.cli import (
    assembly,
    compare,
    coverage,
    curate_commands,
    export,
    graph,
    jobs,
    poll,
    report,
    rescore,
    serve,
    surveys,
    train,
)
from pluralign.core.errors import PluralignError, UsageError

app = typer.Typer(
    name="pluralign",
    help="Measure whom a language model speaks for, and make it speak for the people you choose.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(poll.poll)
app.command()(report.report)
app.command()(rescore.rescore)
app.command()(compare.compare)
app.command()(coverage.coverage)
app.command()(export.export)
app.add_typer(curate_commands.app, name="curate")
app.add_typer(assembly.app, name="assembly")
app.add_typer(graph.app, name="graph")
app.add_typer(surveys.app, name="surveys")
app.add_typer(serve.app, name="serve")
app.add_typer(train.app, name="train")
app.add_typer(jobs.app, name="jobs")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"pluralign {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version and stop."
    ),
) -> None:
    pass


def main() -> None:
    """Run the command line. User errors exit with 2, other known failures with 1; defects keep their traceback."""
    try:
        app()
    except UsageError as error:
        print(f"pluralign: {error}", file=sys.stderr)
        sys.exit(2)
    except PluralignError as error:
        print(f"pluralign: {error}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(0)
