"""``pluralign train distributional``: train voices toward the distributions of their peoples' answers."""

from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from pluralign.core.errors import InterruptedRunError, MissingExtraError


def distributional(
    config: Path = typer.Argument(help="A configuration in YAML; see docs/train.md.", show_default=False),
    steps: int | None = typer.Option(None, min=1, help="Steps, instead of the configuration's."),
    model: str | None = typer.Option(None, help="The base model, instead of the configuration's."),
    out: Path | None = typer.Option(None, help="Folder of the adapter. Default: runs/NAME."),
    plan: bool = typer.Option(False, "--plan", help="Say what is learned and what is kept back, and stop."),
) -> None:
    """Train identity tokens, low-rank weights or both, so that voices answer a survey as their peoples do.

    What is held out (questions, topics, peoples) is never trained on. The same command goes on where an interrupted
    one stopped.

    Example: pluralign train distributional examples/align/distributional.yaml
    """
    settings = {key: value for key, value in {"steps": steps, "model": model}.items() if value is not None}
    _carry_out(config, settings, out, plan)


def _carry_out(path: Path, settings: dict[str, Any], out: Path | None, plan: bool) -> None:
    from pluralign.cli.settings import cache_folder, quiet_libraries
    from pluralign.engines.open import open_engine
    from pluralign.store.files import make_folder
    from pluralign.train.distributional_config import distributional_config
    from pluralign.train.learned import learned

    quiet_libraries()
    notes = Console(stderr=True)
    config = distributional_config(path, settings)
    data = learned(config)
    split = data.split()
    notes.print(
        f"{len(data.figures):,} questions of {len(data.peoples)} peoples to learn; {len(data.held_out)} questions and "
        f"{len(data.others)} peoples held out; {len(data.validation)} questions to steer by",
        highlight=False,
    )
    for name, count in data.left_out.items():
        notes.print(f"{name}: {count} questions left out, as they are worded like held-out ones", highlight=False)
    if plan:
        for key, value in split.items():
            print(f"{key}: {', '.join(value) if isinstance(value, list) else value}")
        return
    with notes.status(f"Loading {config.model} …"):
        engine = open_engine(
            config.model,
            device=config.device,
            dtype="float32",
            chat_template=config.chat_template,
            cache_dir=cache_folder(),
        )
    try:
        from pluralign.train.distributional import DistributionalTrainer
    except ModuleNotFoundError:
        raise MissingExtraError("training", "train") from None
    folder = make_folder(out or Path("runs") / config.name)
    trainer = DistributionalTrainer(config, data, engine, folder)
    line = _Lines(notes)
    try:
        trained = trainer.train(line.show)
    except KeyboardInterrupt:
        raise InterruptedRunError(
            f"stopped; the last checkpoint is kept in {str(folder)!r}: run the same command again to go on"
        ) from None
    if trained.stopped:
        notes.print(f"Stopped after {trained.steps} steps: {trained.stopped}.", highlight=False)
    print(f"Adapter: {trained.folder}")
    print(
        f"Poll it: pluralign poll --model {config.model} --survey {data.survey.name} --voice adapter:{trained.folder}"
    )


class _Lines:
    """A line now and then, with an estimate: steps take seconds."""

    def __init__(self, console: Console):
        import time

        self._console, self._clock = console, time.monotonic
        self._started = self._said = self._clock()
        self._first: int | None = None
        self._losses: list[float] = []

    def show(self, progress: Any) -> None:
        """Take in how far the training has come."""
        if self._first is None:
            self._first = progress.step - 1
            if self._first:
                self._console.print(f"Going on after step {self._first:,}.", highlight=False)
        self._losses.append(progress.loss)
        now = self._clock()
        if progress.reading is not None:
            reading = progress.reading
            skill = "undefined" if reading.skill is None else f"{reading.skill:.2f}"
            ratio = "undefined" if reading.entropy_ratio is None else f"{reading.entropy_ratio:.2f}"
            self._console.print(
                f"step {progress.step:,}: anchor survey at distance {reading.distance:.3f}, skill {skill}, "
                f"entropy ratio {ratio}",
                highlight=False,
            )
        if now - self._said < 15 and progress.step < progress.steps:
            return
        self._said = now
        left = (now - self._started) / (progress.step - self._first) * (progress.steps - progress.step)
        mean = sum(self._losses) / len(self._losses)
        self._losses.clear()
        self._console.print(
            f"step {progress.step:,} of {progress.steps:,}, loss {mean:.3f}, about {left / 60:.0f} min left",
            highlight=False,
        )
