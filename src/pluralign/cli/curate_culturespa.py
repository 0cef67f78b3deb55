"""``pluralign curate culturespa`` and ``filter-questions``: the answers that naming a culture changes."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pluralign.cli.curate import (
    BATCH,
    CONFIG,
    MAX_CALLS,
    MAX_COST,
    MAX_TOKENS,
    MODEL,
    OUT,
    PLAN,
    SEED,
    carry_out,
    flags,
)


def culturespa(
    config: CONFIG,
    model: MODEL = None,
    speak_for: Annotated[
        str | None, typer.Option("--as", help="Collectives, by code or name, separated by commas.")
    ] = None,
    voice: Annotated[str | None, typer.Option(help="persona, persona-last or cross-culture.")] = None,
    rule: Annotated[str | None, typer.Option(help="Which answers are kept: shift or published.")] = None,
    teach: Annotated[str | None, typer.Option(help="The prompt it is taught with: plain, persona, …")] = None,
    ratio: Annotated[float | None, typer.Option(help="Share of each collective's records to keep.")] = None,
    out: OUT = None,
    plan: PLAN = False,
    seed: SEED = None,
    batch: BATCH = None,
    max_calls: MAX_CALLS = None,
    max_tokens: MAX_TOKENS = None,
    max_cost: MAX_COST = None,
) -> None:
    """Write questions, answer them with and without each culture, keep what culture changes.

    Example: pluralign curate culturespa examples/culturespa.yaml
    """
    from pluralign.curate.culturespa import prepare
    from pluralign.curate.culturespa_recipe import CultureSpa

    given = flags(
        model=model,
        seed=seed,
        batch=batch,
        max_calls=max_calls,
        max_tokens=max_tokens,
        max_cost=max_cost,
        voice=voice,
        rule=rule,
        teach=teach,
        ratio=ratio,
        **({} if speak_for is None else {"as": [name.strip() for name in speak_for.split(",") if name.strip()]}),
    )
    carry_out(CultureSpa, prepare, config, given, out=out, plan=plan)


def filter_questions(
    questions: Annotated[Path, typer.Argument(metavar="IN", help="Generated questions: JSON list or JSON lines.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Where to write those that are left, in the same form.")],
    against: Annotated[
        str | None, typer.Option(help="A survey, or a file of questions, whose wordings count as seen already.")
    ] = None,
    drops: Annotated[
        Path | None, typer.Option(help="Where to write what was dropped, with its rule. Default: OUT.dropped.jsonl.")
    ] = None,
) -> None:
    """Filter generated questions by the published rules of CultureSPA; every other field of a record stays.

    Example: pluralign curate filter-questions generated.json filtered.json --against world-mini
    """
    import json

    from pluralign.curate.question_files import questions_text, read_questions
    from pluralign.curate.question_rules import filter_questions as apply
    from pluralign.curate.question_rules import tallies
    from pluralign.store.files import write_text
    from pluralign.surveys import load

    known: list[str] = []
    if against is not None and Path(against).is_file() and Path(against).suffix in {".json", ".jsonl"}:
        known = [record["question"] for record in read_questions(Path(against))]
    elif against is not None:
        known = [question.text for question in load(against).questions]
    results = list(apply(read_questions(questions), known))
    left = [result.record for result in results if result.dropped is None]
    write_text(out, questions_text(left, lines=out.suffix == ".jsonl"))
    dropped = [
        json.dumps(
            {"rule": result.dropped.number, "reason": result.dropped.reason, **result.record}, ensure_ascii=False
        )
        for result in results
        if result.dropped is not None
    ]
    path = drops or out.with_name(f"{out.stem}.dropped.jsonl")
    write_text(path, "".join(line + "\n" for line in dropped))
    table = Table(title="Published filter: rule 1 repeats, 2 bare numbers, 3 mixed numbering", show_edge=False)
    table.add_column("topic", overflow="ellipsis", no_wrap=True)
    for name in ("start", "rule 1", "bare", "rule 2", "numbered", "stripped", "moved", "rule 3", "left"):
        table.add_column(name, justify="right", no_wrap=True, min_width=len(name))
    rows = tallies(results)
    for row in rows:
        table.add_row(row.topic, *(f"{cell:,}" for cell in (*row[1:], row.left)))
    counts = [[*row[1:], row.left] for row in rows]
    table.add_row("all", *(f"{sum(column):,}" for column in zip(*counts, strict=True)), style="bold")
    Console().print(table)
    print(f"{len(left):,} questions left: {out}")
    print(f"{len(dropped):,} dropped, each with its rule: {path}")
