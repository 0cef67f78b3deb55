"""``pluralign rescore``: score answers that were produced elsewhere."""

import json
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table


def rescore(
    survey: str = typer.Option(..., help="world-mini, wvs7:DIR, or a YAML or CSV file of your own."),
    collective: str = typer.Option(..., help="Whom to compare with, by code or name, such as USA."),
    answers: Path = typer.Option(..., help="JSON: question id -> text, or a list of records with Q_id and answer."),
    published: bool = typer.Option(
        False, "--published", help="Read and score as CultureSPA's code does, defects included."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
    seed: int = typer.Option(0, help="Seeds resampling."),
    resamples: int = typer.Option(1000, min=100, help="Bootstrap resamples behind each interval."),
) -> None:
    """Score text answers, one per question, against a people.

    Example: pluralign rescore --survey wvs7:DIR --collective USA --answers answers.json --published --json
    """
    from pluralign.poll import rescore as rescoring
    from pluralign.surveys import load

    known = load(survey)
    result = rescoring.rescore(
        known,
        known.collective(collective),
        rescoring.read_answers(answers),
        published=published,
        seed=seed,
        resamples=resamples,
    )
    found = result.to_dict()
    if as_json:
        print(json.dumps(found, indent=2))
        return
    score, low, high = (found[f"cultural_alignment{part}"] for part in ("", "_lowest", "_highest"))
    console = Console()
    console.print(
        f"{result.collective.name}: Cultural Alignment Score {_hundredfold(score)} ({found['mode']}), "
        f"{found['used']} answers used",
        highlight=False,
    )
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("if what could not be read were worst / best", f"{_hundredfold(low)} / {_hundredfold(high)}")
    table.add_row(
        "not an option (refused / unreadable)", f"{found['invalid']} ({found['refused']} / {found['unreadable']})"
    )
    table.add_row("without an answer of the people", str(found["no_reference"]))
    table.add_row("not answered in the file", str(found["unasked"]))
    for name in ("wasserstein", "js_distance", "total_variation", "agreement"):
        estimate = found[name]
        interval = "" if estimate["low"] is None else f"   {estimate['low']:.3f} to {estimate['high']:.3f}"
        table.add_row(
            name.replace("_", " "), "undefined" if estimate["value"] is None else f"{estimate['value']:.3f}{interval}"
        )
    console.print(table)
    if found["unknown_questions"]:
        console.print(f"Left out, not in {known.name}: {', '.join(found['unknown_questions'])}", highlight=False)


def _hundredfold(score: float | None) -> str:
    return "undefined" if score is None else f"{100 * score:.2f}"
