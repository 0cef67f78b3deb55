"""``pluralign report``: draw the page of a finished poll again, and write its tables as CSV."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pluralign.core.errors import DataError, PluralignError, UsageError

if TYPE_CHECKING:
    from pluralign.poll.scores import Scores


def report(
    folders: list[Path] = typer.Argument(
        metavar="RUN...", help="The folder of a run, or a scores.json; several of the same survey make one page."
    ),
    out: Path | None = typer.Option(
        None, help="Where to write the page. Default: report.html beside scores.json; needed for several runs."
    ),
    csv: Path | None = typer.Option(None, help="Also write every table as CSV into this folder."),
    again: bool = typer.Option(
        False, "--again", help="First compute scores.json again from answers.parquet, as after an update of pluralign."
    ),
) -> None:
    """Draw the page of a finished poll again from its scores.json, or one page over several polls. Asks no model.

    Example: pluralign report runs/poll-1a2b3c4d --csv tables

    Example: pluralign report runs/small runs/large --out models.html
    """
    from pluralign.poll.together import together
    from pluralign.report import export, page
    from pluralign.store.files import make_folder, write_text

    files = [folder / "scores.json" if folder.is_dir() else folder for folder in folders]
    if again:
        for file in files:
            _score_again(file.parent)
    every = [_read(folder, file) for folder, file in zip(folders, files, strict=True)]
    if len(every) == 1:
        scores, command = every[0], _command(files[0].parent)
    elif out is None:
        raise UsageError("one page over several runs belongs to none of their folders: say where with --out")
    else:
        scores = together([(str(folder), one) for folder, one in zip(folders, every, strict=True)])
        command = "\n".join(filter(None, (_command(file.parent) for file in files)))
    target = out or files[0].parent / "report.html"
    make_folder(target.parent)
    write_text(target, page.render(scores, command=command))
    print(f"Report: {target}")
    if csv is not None:
        for path in export.write_csv(scores, csv):
            print(f"Table:  {path}")


def _read(folder: Path, file: Path) -> "Scores":
    from pydantic import ValidationError

    from pluralign.poll.scores import Scores

    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(
            f"there are no scores in {str(folder)!r}: name the folder that `pluralign poll` wrote"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read ({error})", file=str(file)) from None
    try:
        return Scores.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or None
        raise DataError(f"these are not the scores of a poll: {first['msg']}", file=str(file), field=where) from None


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
