"""``pluralign coverage``: how many of the views that people hold do replies give room to?"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table

from pluralign.core.errors import DataError, InterruptedRunError, UsageError

if TYPE_CHECKING:
    from pluralign.poll.coverage import Coverage, Judge, Situations
    from pluralign.poll.scores import Measure

NLI = "nli:"


def coverage(
    situations: Path = typer.Argument(help="Situations and the views that people hold on them, in YAML or JSON."),
    model: str | None = typer.Option(None, help="The model that replies: smollm2, a hub name, http:MODEL@URL, …"),
    voice: str = typer.Option("plain", help="Ways of speaking and panel:FILE, separated by commas."),
    speak_for: str | None = typer.Option(None, "--as", help="Countries to speak for, by code or name."),
    replies: Path | None = typer.Option(None, help="Replies made elsewhere: JSONL with situation, voice and text."),
    judge: str = typer.Option(help="Who rates: nli:MODEL, or an engine such as smollm2 or http:MODEL@URL."),
    threshold: float | None = typer.Option(None, help="Least rating of a covered view. Default: 0.33 for nli, else 4."),
    published: bool = typer.Option(False, "--published", help="Entailment turned round, as in Modular Pluralism."),
    max_tokens: int = typer.Option(256, min=1, help="Longest reply."),
    temperature: float = typer.Option(0.0, min=0, help="0 is greedy."),
    seed: int = typer.Option(0, help="Seeds replies and intervals."),
    device: str = typer.Option("auto", help="cpu, cuda, mps or auto."),
    out: Path = typer.Option(Path("runs/coverage"), help="Folder for replies and coverage.json."),
) -> None:
    """Measure how much of the Overton window of each situation a voice's reply covers.

    The same command again goes on where an interrupted one stopped.

    Example: pluralign coverage examples/panels/town.yaml --model smollm2 --voice plain --as KEN --judge http:MODEL@URL
    """
    from pluralign.cli.settings import quiet_libraries
    from pluralign.poll.coverage import measure_coverage, read_situations
    from pluralign.store.files import make_folder, write_text

    quiet_libraries()
    asked = read_situations(situations)
    notes = Console(stderr=True)
    if (model is None) == (replies is None):
        raise UsageError("name either a --model that replies, or a file of --replies")
    if published and not judge.startswith(NLI):
        raise UsageError(f"--published is about entailment, and {judge!r} gives ratings: judge with nli:MODEL")
    make_folder(out)
    said = _read(replies) if replies is not None else None
    if said is None:
        assert model is not None
        names = [part.strip() for part in (speak_for or "").split(",") if part.strip()]
        ways = [part.strip() for part in voice.split(",") if part.strip()]
        said = _ask(asked, model, ways, names, (max_tokens, temperature, seed), device, out, notes)
    with notes.status("Rating …"):
        found = measure_coverage(asked, said, _judge(judge, threshold, published, device), seed=seed)
    write_text(out / "coverage.json", found.model_dump_json(indent=1) + "\n")
    _print(found)
    ratings = [rating for voice in found.voices for row in voice.situations for rating in row.ratings]
    if None in ratings:
        notes.print(
            f"Note: {judge} could not be read on {ratings.count(None)} of {len(ratings)} views, as less than half of "
            f"its reply was a rating: try a larger model as --judge, or {NLI}MODEL.",
            highlight=False,
            style="yellow",
        )
    print(f"Written: {out / 'coverage.json'}")


def _ask(
    asked: "Situations",
    model: str,
    ways: list[str],
    names: list[str],
    drawn: tuple[int, float, int],
    device: str,
    out: Path,
    notes: Console,
) -> dict[str, dict[str, str]]:
    from pluralign.cli.progress import ProgressLine
    from pluralign.cli.settings import api_key, cache_folder
    from pluralign.engines.open import open_engine
    from pluralign.poll import replying
    from pluralign.store.answers import AnswerStore
    from pluralign.surveys import load
    from pluralign.surveys.countries import spoken_for
    from pluralign.voices.panel import split
    from pluralign.voices.speaking import Sampling

    survey = load("world-mini")  # for the names of countries and how their people are called
    peoples = [spoken_for(survey, name) for name in names]
    found, panels = split(ways, survey)
    other = next((panel for panel in panels if panel.kind != "overton"), None)
    if other is not None:
        raise UsageError(f"{other.name!r} is {other.kind}: only Overton panels reply in words; poll it instead")
    everybody = replying.talkers(found, panels, peoples)
    if not everybody:
        raise UsageError(f"nobody replies: {', '.join(ways)} speak for a people, so name some with --as")
    with notes.status(f"Loading {model} …"):
        engine = open_engine(model, device=device, cache_dir=cache_folder(), api_key=api_key())
    with AnswerStore(out / "answers.sqlite") as store, ProgressLine(notes) as line:
        try:
            sampling = Sampling(drawn[0], drawn[1], seed=drawn[2])
            result = replying.replies(everybody, asked.situations, engine, store, sampling, line.show)
        except KeyboardInterrupt:
            raise InterruptedRunError(
                f"stopped; what was said is kept in {str(out)!r}: run the same command again to go on"
            ) from None
    if result.fallbacks:
        notes.print(
            f"Note: {result.fallbacks} woven texts left a voice out or a sentence without one; the voices' own words "
            "stand in their place.",
            highlight=False,
            style="dim",
        )
    return result.texts


def _judge(name: str, threshold: float | None, published: bool, device: str) -> "Judge":
    from pluralign.cli.settings import api_key, cache_folder
    from pluralign.core.errors import MissingExtraError
    from pluralign.engines.open import open_engine
    from pluralign.poll.coverage import ENTAILED, RATED, entailment_judge, model_judge

    if name.startswith(NLI):
        try:
            from pluralign.engines.entailment import open_entailment
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] not in {"torch", "transformers"}:
                raise
            raise MissingExtraError(f"the judge {name!r}", "local") from None
        model = open_entailment(name[len(NLI) :], device=device)
        least = ENTAILED if threshold is None else threshold
        return entailment_judge(name, model.probabilities, published=published, threshold=least)
    engine = open_engine(name, device=device, cache_dir=cache_folder(), api_key=api_key())
    return model_judge(engine, threshold=RATED if threshold is None else threshold)


def _read(path: Path) -> dict[str, dict[str, str]]:
    """Replies made elsewhere: voice -> situation -> text. Raises :class:`DataError` naming file and line."""
    import json

    from pluralign.surveys.files import read_text

    found: dict[str, dict[str, str]] = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row: Any = json.loads(line)
            voice, situation, text = (row[key] for key in ("voice", "situation", "text"))
        except (ValueError, KeyError, TypeError):
            raise DataError(
                "a line is a JSON object with situation, voice and text", file=str(path), line=number
            ) from None
        if not all(isinstance(value, str) for value in (voice, situation, text)):
            raise DataError("situation, voice and text are texts", file=str(path), line=number)
        found.setdefault(voice, {})[situation] = text
    return found


def _print(found: "Coverage") -> None:
    table = Table(
        title=f"{found.name}, judged by {found.judge}; covered from {found.threshold:g}", title_justify="left"
    )
    table.add_column("Voice", overflow="fold")
    for column in ("Coverage", "Of people", "Rating", "Situations above", "Words", "Unrated"):
        table.add_column(column, justify="right")
    for voice in found.voices:
        above = "–" if voice.above is None else f"{voice.above:.0%}"
        row = [_interval(voice.share, 0), _interval(voice.weighted, 0), _interval(voice.rating, 2)]
        table.add_row(voice.voice, *row, above, f"{voice.words:.0f}", str(voice.unrated))
    Console().print(table)


def _interval(measure: "Measure", digits: int) -> str:
    def shown(value: float) -> str:
        return f"{value:.{digits}%}" if digits == 0 else f"{value:.{digits}f}"

    if measure.value is None:
        return "–"
    if measure.low is None or measure.high is None:
        return shown(measure.value)
    return f"{shown(measure.value)}\n{shown(measure.low)}–{shown(measure.high)}"
