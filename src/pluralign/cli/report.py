"""``pluralign report``: draw the page of a finished poll again, and write its tables as CSV."""

import shlex
from pathlib import Path

import typer

from pluralign.core.errors import DataError, PluralignError, UsageError


def report(
    folder: Path = typer.Argument(help="The folder of a run, or a scores.json."),
    out: Path | None = typer.Option(None, help="Where to write the page. Default: report.html beside scores.json."),
    csv: Path | None = typer.Option(None, help="Also write every table as CSV into this folder."),
    again: bool = typer.Option(
        False, "--again", help="First compute scores.json again from answers.parquet, as after an update of pluralign."
    ),
) -> None:
    """Draw the page of a finished poll again from its scores.json. Asks no model.

    Example: pluralign report runs/poll-1a2b3c4d --csv tables
    """
    from pydantic import ValidationError

    from pluralign.poll.scores import Scores
    from pluralign.report import export, page
    from pluralign.store.files import make_folder, write_text

    file = folder / "scores.json" if folder.is_dir() else folder
    if again:
        _score_again(file.parent)
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(
            f"there are no scores in {str(folder)!r}: name the folder that `pluralign poll` wrote"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read ({error})", file=str(file)) from None
    try:
        scores = Scores.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or None
        raise DataError(f"these are not the scores of a poll: {first['msg']}", file=str(file), field=where) from None
    target = out or file.parent / "report.html"
    make_folder(target.parent)
    write_text(target, page.render(scores, command=_command(file.parent)))
    print(f"Report: {target}")
    if csv is not None:
        for path in export.write_csv(scores, csv):
            print(f"Table:  {path}")


def _score_again(folder: Path) -> None:
    from pluralign.poll.compare import compare
    from pluralign.poll.reopen import reopen
    from pluralign.store.files import write_text

    run = reopen(folder)
    scores = compare(run.prepared, run.answers, run.record.spec)
    write_text(folder / "scores.json", scores.model_dump_json(indent=1) + "\n")


def _command(folder: Path) -> str:
    """What was typed to make the run; empty where the folder does not say."""
    from pluralign.poll.records import read_run

    try:
        return shlex.join(read_run(folder).command)
    except PluralignError:
        return ""
