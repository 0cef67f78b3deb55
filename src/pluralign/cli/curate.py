"""``pluralign curate``: recipes that write records. What every recipe's command shares; each has a file of its own."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console

from pluralign.core.errors import InterruptedRunError

if TYPE_CHECKING:
    from pluralign.curate.forecast import Forecast
    from pluralign.curate.recipe import Recipe
    from pluralign.curate.run import Prepared

Kind = TypeVar("Kind", bound="Recipe")

CONFIG = Annotated[Path, typer.Argument(metavar="RECIPE.yaml", help="The recipe. Flags override its keys.")]
MODEL = Annotated[str | None, typer.Option(help="The model that speaks: smollm2, a folder, http:MODEL@URL, …")]
OUT = Annotated[Path | None, typer.Option(help="Folder to write to. Default: runs/NAME-ID.")]
PLAN = Annotated[bool, typer.Option("--plan", help="Say how many calls and tokens it will take, and stop.")]
SEED = Annotated[int | None, typer.Option(help="Seeds every draw.")]
BATCH = Annotated[int | None, typer.Option(min=1, help="Requests put to the model and stored together.")]
MAX_CALLS = Annotated[int | None, typer.Option(min=0, help="Stop before so many calls are passed; all is kept.")]
MAX_TOKENS = Annotated[int | None, typer.Option(min=0, help="Stop before so many tokens are passed; all is kept.")]
MAX_COST = Annotated[float | None, typer.Option(min=0, help="Stop before this cost is passed, by the recipe's prices.")]


def flags(
    *,
    model: str | None,
    seed: int | None,
    batch: int | None,
    max_calls: int | None,
    max_tokens: int | None,
    max_cost: float | None,
    **others: Any,
) -> dict[str, Any]:
    """Keys that flags set; those that were not given are left out."""
    caps = {"calls": max_calls, "tokens": max_tokens, "cost": max_cost}
    given = {"model": model, "seed": seed, "batch": batch, **others}
    own = {key: value for key, value in caps.items() if value is not None}
    return {key: value for key, value in given.items() if value is not None} | ({"caps": own} if own else {})


def carry_out(
    kind: "type[Kind]",
    prepare: "Callable[[Kind], Prepared]",
    config: Path,
    given: dict[str, Any],
    *,
    out: Path | None,
    plan: bool,
) -> None:
    """Read a recipe, say what it will take, carry it out, say what came of it."""
    from pluralign.cli.progress import ProgressLine
    from pluralign.cli.settings import api_key, cache_folder, quiet_libraries
    from pluralign.curate.forecast import forecast
    from pluralign.curate.recipe import recipe_from
    from pluralign.curate.run import curate, specify
    from pluralign.engines.open import open_engine
    from pluralign.poll import records

    quiet_libraries()
    notes = Console(stderr=True)
    recipe = recipe_from(kind, config, given)
    prepared = prepare(recipe)
    names = recipe.engines()
    # A recipe that asks no model has nothing to forecast, and would do all its work twice.
    size = forecast(recipe, prepared.make) if names else None
    if plan:
        if size is not None:
            _print_forecast(size)
        return
    if size is not None:
        notes.print(f"about {size.usage.calls:,} calls of {', '.join(dict.fromkeys(names.values()))}", highlight=False)
    opened = {
        name: open_engine(name, device=recipe.device, dtype=recipe.dtype, cache_dir=cache_folder(), api_key=api_key())
        for name in dict.fromkeys(names.values())
    }
    engines = {role: opened[name] for role, name in names.items()}
    spec = specify(prepared, engines)
    folder = out or Path("runs") / f"{recipe.name}-{spec.id[:8]}"
    record = records.open_run(folder, spec, ("pluralign", *sys.argv[1:]))
    with ProgressLine(notes) as line:
        try:
            result = curate(prepared, engines, folder, total=size.usage.calls if size else 0, on_progress=line.show)
        except KeyboardInterrupt:
            raise InterruptedRunError(
                f"stopped; what was answered is kept in {str(folder)!r}: run the same command again to go on"
            ) from None
    finished = None if result.stopped else records.now()
    records.write_run(folder, record.model_copy(update={"finished": finished, "counts": result.counts}))
    for path in result.files:
        print(path)
    notes.print(f"{result.counts['records']:,} records, {result.counts['dropped']:,} dropped", highlight=False)
    if result.stopped:
        raise InterruptedRunError(result.stopped)


def _print_forecast(size: "Forecast") -> None:
    for stage in size.stages:
        calls, prompt, completion = stage.usage
        print(
            f"{stage.name}: {calls:,} calls of {stage.engine}, about {prompt:,} prompt tokens and {completion:,} "
            f"reply tokens (at most {stage.longest:,})"
        )
    calls, prompt, completion = size.usage
    print(f"in all: {calls:,} calls, about {prompt + completion:,} tokens, before retries")
    if size.cost is not None and size.most_cost is not None:
        print(f"cost at the given prices: about {size.cost:,.2f}, at most {size.most_cost:,.2f}")
    print(f"records, if nothing is dropped: {size.sft:,} sft, {size.preferences:,} preference")
