"""``pluralign curate review export|import``: people of the community read records before a model is trained on them."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from pluralign.core.records import Record
    from pluralign.curate.review import Reviewed

review = typer.Typer(help="Have people of the community read records: sheets out, verdicts in.", no_args_is_help=True)

FILES = Annotated[list[Path], typer.Argument(metavar="FILE…", help="Records (.jsonl).")]
_README = """Please read each row and fill in the column "verdict".

A row of kind "reply": would people of your community say this?   yes, no or unsure
A row of kind "pair":  which reply would they rather give?         1 (reply), 2 (other reply), equal or unsure

Write what you like into "comment", and leave all other columns as they are. Rows you leave empty do not count.
Send the file back under its own name, as CSV.
"""


@review.command("export")
def export_sheets(
    files: FILES,
    out: Annotated[Path, typer.Option(help="Folder to write the sheets to.")],
    sample: Annotated[int, typer.Option(min=1, help="Records drawn, evenly over collectives and principles.")] = 100,
    reviewers: Annotated[int, typer.Option(min=1, help="How many people read: a sheet for each.")] = 3,
    each: Annotated[int, typer.Option(min=1, help="How many of them read one record.")] = 2,
    seed: Annotated[int, typer.Option(help="Seeds the draw.")] = 0,
) -> None:
    """Draw records and write a sheet (CSV) for each reviewer.

    Example: pluralign curate review export runs/tenants-1a2b3c4d/sft.jsonl --out review --reviewers 5
    """
    from pluralign.core.errors import UsageError
    from pluralign.curate.review import draw_sheets, sheet_text
    from pluralign.store.files import make_folder, write_text

    sheets = draw_sheets(_read(files), sample=sample, reviewers=reviewers, each=each, seed=seed)
    make_folder(out)
    there = sorted(out.glob("reviewer-*.csv"))
    if there:
        raise UsageError(f"{str(there[0])!r} is there already and may be filled in; name another folder with --out")
    for sheet in sheets:
        path = out / f"reviewer-{sheet.reviewer}.csv"
        write_text(path, "\ufeff" + sheet_text(sheet))  # the mark makes spreadsheet programs read UTF-8
        print(path)
    write_text(out / "README.txt", _README)


@review.command("import")
def import_sheets(
    files: FILES,
    sheet: Annotated[list[Path], typer.Option(help="A sheet that came back, or a folder of them. May be repeated.")],
    out: Annotated[Path, typer.Option(help="Folder to write reviewed records and the review's report to.")],
    only_reviewed: Annotated[bool, typer.Option("--only-reviewed", help="Drop what nobody read.")] = False,
) -> None:
    """Keep what reviewers let pass; pairs carry the reviewers' own preference, and are turned where they say so.

    Writes FILE's name again into OUT, with rejected.jsonl and review.md.
    Example: pluralign curate review import runs/tenants-1a2b3c4d/sft.jsonl --sheet review --out reviewed
    """
    from pluralign.core.errors import UsageError
    from pluralign.curate.review import apply_review, read_sheet
    from pluralign.store.files import make_folder, write_text
    from pluralign.store.records import write_records

    names = [file.name for file in files]
    if len(set(names)) < len(names):
        raise UsageError("two files have one name; review them one after another, each with its own --out")
    paths = [path for one in sheet for path in (sorted(one.glob("*.csv")) if one.is_dir() else [one])]
    if not paths:
        raise UsageError(f"there is no .csv file in {str(sheet[0])!r}")
    own = {file: _read([file]) for file in files}
    known = {record.id: record for records in own.values() for record in records}
    verdicts = [verdict for path in paths for verdict in read_sheet(path, known)]
    make_folder(out)
    if any(file.resolve().parent == out.resolve() for file in files):
        raise UsageError(f"the records are in {str(out)!r} themselves; name another folder with --out")
    results = {file: apply_review(records, verdicts, only_reviewed=only_reviewed) for file, records in own.items()}
    for file, result in results.items():
        write_records(out / file.name, result.records)
        print(out / file.name)
    gone = [
        {"record": one.record.id, **one.tally._asdict(), "comments": one.comments, "text": one.record.model_dump()}
        for result in results.values()
        for one in result.rejected
    ]
    write_text(out / "rejected.jsonl", "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in gone))
    write_text(out / "review.md", "".join(_report(file.name, result) for file, result in results.items()))
    print(out / "review.md")
    kept = sum(len(result.records) for result in results.values())
    Console(stderr=True).print(f"{kept:,} records stay, {len(gone):,} rejected", highlight=False)


def _read(files: list[Path]) -> "list[Record]":
    from pluralign.core.errors import DataError
    from pluralign.store.records import read_records

    found = [record for file in files for record in read_records(file)]
    if not found:
        raise DataError("there is no record in it", file=str(files[0]))
    return found


def _report(name: str, result: "Reviewed") -> str:
    read = len(result.tallies)
    tallies = result.tallies.values()
    lines = [
        f"# Review of {name}",
        "",
        f"{read:,} records were read by at least one person, {result.unread:,} by nobody.",
        "",
        "| | |",
        "|---|---|",
        f"| stay | {len(result.records):,} |",
        f"| rejected | {len(result.rejected):,} |",
        f"| pairs turned | {result.turned:,} |",
        f"| verdicts for, against, undecided | {sum(one.approve for one in tallies):,}, "
        f"{sum(one.reject for one in tallies):,}, {sum(one.undecided for one in tallies):,} |",
        *(
            f"| Krippendorff's alpha, {kind} | {'undefined' if math.isnan(alpha) else f'{alpha:.2f}'} |"
            for kind, alpha in result.alpha.items()
        ),
        "",
    ]
    comments = [f"* {comment}" for one in result.rejected for comment in one.comments]
    return "\n".join(
        [*lines, *(["What reviewers wrote of rejected records:", "", *comments, ""] if comments else []), ""]
    )
