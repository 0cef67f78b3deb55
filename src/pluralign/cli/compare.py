"""``pluralign compare``: did a model come closer to people? Two runs, question by question."""

from pathlib import Path

import typer
from rich.console import Console

from pluralign.core.errors import UsageError


def compare(
    runs: list[Path] = typer.Argument(help="Folders of finished polls: the one before first.", show_default=False),
    pair: list[str] | None = typer.Option(
        None, help="BEFORE=AFTER: hold a voice of the first run against one of another name. May be repeated."
    ),
    by_topic: bool = typer.Option(False, "--by-topic", help="Show intervals that resample whole topics."),
    json: Path | None = typer.Option(None, help="Write every number here."),
    out: Path | None = typer.Option(None, help="Write a before/after page here."),
    resamples: int = typer.Option(2000, min=100, help="Bootstrap resamples behind each interval."),
    seed: int = typer.Option(0, help="Seeds resampling."),
) -> None:
    """Hold polls against each other: before and after alignment, or model against model. Asks no model.

    The first run is compared with each of the others, on the questions, peoples and voices that all of them have.

    With --pair only the voices it names, such as prompting before and an adapter after:
    --pair persona=adapter:runs/kenya

    Example: pluralign compare runs/before runs/after --out compare.html
    """
    from pluralign.poll.finished import read_alike
    from pluralign.poll.matched import match, matched
    from pluralign.poll.paired import compare_runs
    from pluralign.report import compare_page, compare_tables
    from pluralign.report.compare_words import finding
    from pluralign.store.files import make_folder, write_text

    if len(runs) < 2:
        raise UsageError(
            f"comparing needs at least two runs, and {str(runs[0])!r} is one: name the folder of another after it"
        )
    notes, console = Console(stderr=True), Console()
    with notes.status("Comparing …"):
        finished = read_alike(runs)
        if pair:
            finished = matched(finished, [match(text) for text in pair])
        comparison = compare_runs(finished, seed=seed, resamples=resamples)
    for two in comparison.pairs:
        found = finding(comparison, two, by_topic=by_topic)
        console.print(" ".join([found.title, *found.support]), highlight=False, markup=False)
        console.print(compare_tables.overview(comparison, two, by_topic=by_topic))
        for note in two.notes:
            notes.print(f"Note: {note}", highlight=False, markup=False, style="dim")
    for left_out in comparison.left_out:
        notes.print(f"Left out. {left_out}", highlight=False, markup=False, style="dim")
    if json is not None:
        make_folder(json.parent)
        write_text(json, comparison.model_dump_json(indent=1) + "\n")
        print(f"Numbers: {json}")
    if out is not None:
        make_folder(out.parent)
        write_text(out, compare_page.render(comparison, by_topic=by_topic))
        print(f"Page: {out}")
