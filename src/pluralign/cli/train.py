"""``pluralign train``: from records to a voice of its own."""

import sys
from pathlib import Path
from typing import Any, Literal

import typer
from rich.console import Console

from pluralign.cli import train_adapters, train_distributional
from pluralign.core.errors import InterruptedRunError

app = typer.Typer(no_args_is_help=True, help="Train a voice on records; measure it with `pluralign poll`.")

_CONFIG = typer.Argument(help="A configuration in YAML, or the name of a shipped one (`pluralign train configs`).")
_SET = typer.Option(None, "--set", help="KEY=VALUE over a key of the configuration. May be repeated.")
_OUT = typer.Option(None, help="Folder to write to. Default: runs/NAME.")
_PLAN = typer.Option(False, "--plan", help="Say what it will take, without loading weights, and stop.")


@app.command()
def sft(config: str = _CONFIG, settings: list[str] | None = _SET, out: Path | None = _OUT, plan: bool = _PLAN) -> None:
    """Learn the assistant's replies in conversations (records of the kind "sft").

    The same command again goes on where an interrupted one stopped.

    Example: pluralign train sft culturespa-joint --set model=smollm2 --set records=records.jsonl
    """
    _carry_out(config, "sft", settings or [], out, plan)


@app.command()
def dpo(config: str = _CONFIG, settings: list[str] | None = _SET, out: Path | None = _OUT, plan: bool = _PLAN) -> None:
    """Learn which of two replies is preferred (records of the kind "preference"), soft labels included.

    The same command again goes on where an interrupted one stopped.

    Example: pluralign train dpo preferences.yaml --set optimisation.epochs=2
    """
    _carry_out(config, "dpo", settings or [], out, plan)


app.command()(train_distributional.distributional)


@app.command()
def configs(name: str | None = typer.Argument(None, help="Print this one.")) -> None:
    """List the configurations that come with pluralign, or print one to start from."""
    from pluralign.train.config import shipped, shipped_text

    if name is not None:
        print(shipped_text(name), end="")
        return
    for known, about in shipped().items():
        print(f"{known}: {about}")


app.command()(train_adapters.card)
app.command()(train_adapters.merge)
app.command()(train_adapters.export)
app.command()(train_adapters.push)
app.command()(train_adapters.accelerate_config)


def _carry_out(
    place: str, method: Literal["sft", "dpo"], settings: list[str], out: Path | None, only_plan: bool
) -> None:
    from pluralign.cli.progress import ProgressLine
    from pluralign.cli.settings import cache_folder, quiet_libraries
    from pluralign.train.config import config_from

    quiet_libraries()
    config = config_from(place, method, settings)
    if only_plan:
        _print_plan(config, method)
        return
    with train_adapters.needs_train_extra():
        from pluralign.train import prepare, run
        from pluralign.train.arguments import processes

    prepared = prepare.prepare(config, method, cache_dir=cache_folder())
    folder = out or Path("runs") / config.name
    is_first = bool(processes(config).is_main_process)
    notes = Console(stderr=True, quiet=not is_first)
    records = sum(len(job.train) for job in prepared.jobs)
    several = f" in {len(prepared.jobs)} trainings" if len(prepared.jobs) > 1 else ""
    notes.print(f"{records:,} records to learn from{several}, on {config.model}", highlight=False)
    for card in prepared.loaded.cards:
        if card.skipped:
            notes.print(f"Note: {card.skipped:,} rows of {card.source} are no records and are left out", style="dim")
    lines: dict[str, ProgressLine] = {}

    def show(progress: run.Progress) -> None:
        if progress.label not in lines:
            if progress.label:
                notes.print(progress.label, highlight=False)
            lines[progress.label] = ProgressLine(notes, "Training", "steps")
        told = "".join(f", {name.replace('_', ' ')} {value:.4f}" for name, value in progress.losses.items())
        lines[progress.label].show(progress, told)

    try:
        folders = run.carry_out(prepared, folder, show=show, command=("pluralign", *sys.argv[1:]))
    except KeyboardInterrupt:
        raise InterruptedRunError(
            f"stopped; the last checkpoint is kept in {str(folder)!r}: run the same command again to go on"
        ) from None
    if is_first:
        _print_results(folders, folder, config)
    # A process that leaves while another still listens to it can take that one down.
    together = processes(config)
    together.wait_for_everyone()
    together.destroy_process_group()


def _print_results(folders: list[Path], folder: Path, config: Any) -> None:
    from pluralign.train.card import read_card
    from pluralign.train.config import WHOLE_MODEL

    for place in folders:
        card = read_card(place)
        if card is None:
            continue
        losses = ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in card.losses.items())
        left_out = card.counts["dropped_too_long"]
        cut = card.counts["cut_too_long"]
        print(f"{place}: {card.counts['steps']:,} steps on {card.counts['examples']:,} examples; {losses}")
        if left_out or cut:
            print(f"  {left_out:,} examples were too long and left out, {cut:,} were cut")
    if config.folds is not None:
        print(f"Over folds: {folder / 'folds.json'}")
    first = folders[0]
    voice = f"--model {first}" if config.mode in WHOLE_MODEL else f"--model {config.model} --voice adapter:{first}"
    print(f"Measure it: pluralign poll {voice} --survey world-mini")


def _print_plan(config: Any, method: Literal["sft", "dpo"]) -> None:
    from pluralign.cli.settings import cache_folder

    with train_adapters.needs_train_extra():
        from pluralign.train.plan import plan

    for line in plan(config, method, cache_dir=cache_folder()).lines():
        print(line)
