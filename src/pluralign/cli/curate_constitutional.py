"""``pluralign curate constitutional``: records from a constitution, by critique and revision."""

from pathlib import Path
from typing import Annotated

import typer

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


def constitutional(
    config: CONFIG,
    model: MODEL = None,
    writer: Annotated[str | None, typer.Option(help="Writes prompts, critiques and revisions. Default: MODEL.")] = None,
    judge: Annotated[str | None, typer.Option(help="Judges pairs. Default: the writer.")] = None,
    constitution: Annotated[
        Path | None, typer.Option(help="Constitution, in any of the forms of docs/curate.md.")
    ] = None,
    rounds: Annotated[int | None, typer.Option(min=1, help="Rounds of critique and revision.")] = None,
    published: Annotated[
        bool | None, typer.Option("--published", help="Halves, mixing and principles as in the published recipes.")
    ] = None,
    seed: SEED = None,
    batch: BATCH = None,
    max_calls: MAX_CALLS = None,
    max_tokens: MAX_TOKENS = None,
    max_cost: MAX_COST = None,
    out: OUT = None,
    plan: PLAN = False,
) -> None:
    """From principles to records: test prompts, first answers, critique and revision, judged pairs.

    Writes sft.jsonl, preferences.jsonl, dropped.jsonl, dataset.md, constitution.json. The same command again goes on
    where an interrupted one stopped.

    Example: pluralign curate constitutional examples/tenants.yaml
    """
    from pluralign.curate.constitutional import prepare
    from pluralign.curate.constitutional_keys import Constitutional

    given = flags(
        model=model,
        writer=writer,
        judge=judge,
        constitution=None if constitution is None else str(constitution),
        rounds=rounds,
        published=published,
        seed=seed,
        batch=batch,
        max_calls=max_calls,
        max_tokens=max_tokens,
        max_cost=max_cost,
    )
    carry_out(Constitutional, prepare, config, given, out=out, plan=plan)
