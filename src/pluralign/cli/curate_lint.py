"""``pluralign curate lint``: what is wrong with files of training data."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from pluralign.curate.lint import Report


def lint(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…", help="Records (.jsonl), published JSON files, constitutions. Give the red-team file along."
        ),
    ],
    constitution: Annotated[Path | None, typer.Option(help="Principles, to see whether critiques name them.")] = None,
    survey: Annotated[list[str] | None, typer.Option(help="A survey that will measure. May be repeated.")] = None,
    leak: Annotated[float, typer.Option(min=0.01, max=1, help="From this share on a question is contained.")] = 0.8,
    near: Annotated[float, typer.Option(min=0, max=1, help="Similarity of near-duplicates; 0: do not look.")] = 0.8,
    by_principle: Annotated[
        bool, typer.Option("--by-principle", help="Lengths and refusals of each principle.")
    ] = False,
    show: Annotated[int, typer.Option(min=0, help="How many findings of each rule to show.")] = 3,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 where anything is found.")] = False,
) -> None:
    """Find altered prompts, unchanged revisions, near-duplicates, leaks, missing labels; count refusals and lengths.

    Example: pluralign curate lint runs/tenants-1a2b3c4d/sft.jsonl --survey world-mini
    """
    from pluralign.curate.constitutions import read_constitution
    from pluralign.curate.leaks import LeakScreen
    from pluralign.curate.lint_files import lint_files
    from pluralign.surveys import load

    reports = lint_files(
        files,
        constitution=None if constitution is None else read_constitution(constitution).constitution,
        leaks=LeakScreen([load(one) for one in survey], leak) if survey else None,
        near=near or None,
    )
    console = Console()
    for report in reports:
        _print(console, report, by_principle, show)
    if strict and any(report.findings for report in reports):
        raise typer.Exit(1)


def _print(console: Console, report: "Report", by_principle: bool, show: int) -> None:
    console.print(f"\n{report.file}: {report.entries:,} entries ({report.kind})", highlight=False, style="bold")
    for rule in dict.fromkeys(finding.rule for finding in report.findings):
        found = [finding for finding in report.findings if finding.rule == rule]
        console.print(f"  {rule}: {report.count(rule):,} of {report.entries:,}", highlight=False, markup=False)
        for finding in found[:show]:
            detail = f" ({finding.detail})" if finding.detail else ""
            console.print(f"    {finding.key}{detail}", highlight=False, markup=False, style="dim")
        if show and len(found) > show:
            console.print(f"    and {len(found) - show:,} more", highlight=False, style="dim")
    if not report.findings:
        console.print("  nothing found", highlight=False)
    if report.longer is not None:
        longer = report.longer
        console.print(
            f"  chosen is longer than rejected: {longer.by_characters:,} of {longer.pairs:,} by characters, "
            f"{longer.by_words:,} by words; {longer.mean_ratio:.2f} times as long on average",
            highlight=False,
        )
    for requests in report.requests:
        console.print(
            f"  {requests.field}: {requests.distinct:,} different ones, the most frequent {requests.most_frequent:,} "
            "times",
            highlight=False,
        )
    table = Table("field", *(["principle"] if by_principle else []), "texts", "mean words", "decline", box=None)
    for row in report.lengths:
        if row.parent and not by_principle:
            continue
        cells = (f"{row.texts:,}", f"{row.mean_words:.1f}", f"{row.declines:,} ({row.declines / row.texts:.0%})")
        table.add_row(f"  {row.field}", *([row.parent] if by_principle else []), *cells)
    if report.lengths:
        console.print(table)
