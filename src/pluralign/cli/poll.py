"""``pluralign poll``: ask voices a survey and see whom they speak for."""

import shlex
import sys
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import typer
from rich.console import Console

from pluralign.core.errors import InterruptedRunError, UsageError


def poll(
    study: Path | None = typer.Argument(None, help="A study in YAML. Flags override its keys.", show_default=False),
    model: str | None = typer.Option(
        None, help="smollm2, a hub name, a folder, a GGUF file, http:MODEL@URL, or scripted:RULE."
    ),
    survey: str | None = typer.Option(None, help="world-mini, wvs7:DIR, or a YAML or CSV file of your own."),
    speak_for: str | None = typer.Option(
        None, "--as", help="Collectives to speak for, by code or name, separated by commas. Default: all."
    ),
    voice: str | None = typer.Option(
        None,
        help="Ways of speaking, separated by commas: plain, persona, cross-culture, self-alignment, …, "
        "adapter:DIR (asked as it was trained to be), adapter:DIR+persona, charter:FILE, panel:FILE.",
    ),
    topic: list[str] | None = typer.Option(None, help="Only questions under this heading. May be repeated."),
    question: str | None = typer.Option(None, help="Only these questions, by id, separated by commas."),
    per_topic: int | None = typer.Option(None, min=1, help="At most so many questions of every topic."),
    orders: str | None = typer.Option(None, help="Orders of the options to ask in: 1, 2, … or all. Default: 2."),
    labels: str | None = typer.Option(None, help="What stands before each option: number, letter or none."),
    permute_labels: bool | None = typer.Option(
        None, "--permute-labels", help="Deal labels apart from places, to tell a liking for one from the other."
    ),
    method: str | None = typer.Option(
        None, help="How to get answers, separated by commas: exact, samples, verbalised, free-text. Default: exact."
    ),
    samples: int | None = typer.Option(
        None, min=1, help="Replies to a question for samples and free-text. Default: 20."
    ),
    temperature: float | None = typer.Option(None, help="At which replies are drawn. Default: 1."),
    reply_tokens: int | None = typer.Option(None, min=1, help="Longest reply. Default: what the method needs."),
    reader: str | None = typer.Option(None, help="The model that reads free texts; written as --model."),
    calibrate: str | None = typer.Option(
        None, help="Hold out so many questions, or such a share (0.2), and fit a temperature on them."
    ),
    published: bool | None = typer.Option(
        None,
        "--published",
        help="As the originals did: examples drawn from the measured answers (a leak), label scores added.",
    ),
    adapter: str | None = typer.Option(
        None, help="Folder of a LoRA adapter that every voice wears; for one voice: --voice adapter:DIR."
    ),
    chat_template: str | None = typer.Option(
        None, help="'plain' for a base model without a chat template; 'bare' adds no cue."
    ),
    device: str | None = typer.Option(None, help="cpu, cuda, mps or auto."),
    dtype: str | None = typer.Option(None, help="float32, bfloat16, float16 or auto."),
    price_in: float | None = typer.Option(
        None, min=0, help="What the server charges per million tokens of prompts; for --plan."
    ),
    price_out: float | None = typer.Option(None, min=0, help="The same per million tokens of replies."),
    seed: int | None = typer.Option(None, help="Seeds resampling and option orders."),
    resamples: int | None = typer.Option(None, min=100, help="Bootstrap resamples behind each interval."),
    name: str | None = typer.Option(None, help="Short name of the study; the folder is named after it."),
    concurrency: int = typer.Option(16, min=1, help="Requests under way at once, to a model behind a server."),
    out: Path | None = typer.Option(None, help="Folder to write to. Default: runs/NAME-ID."),
    plan: bool = typer.Option(False, "--plan", help="Say what it will take and what it will buy, and stop."),
    batch_out: Path | None = typer.Option(
        None,
        help="Write what is not answered yet as batch files, for a server that answers them at half price, and stop.",
    ),
    batch_in: list[Path] | None = typer.Option(
        None, help="Take in the results of a batch, then finish. May be repeated, once for each file."
    ),
) -> None:
    """Poll voices of a model on a survey and compare their answers with the people's.

    Writes run.json, answers.parquet, prompts.parquet, scores.json, report.html.

    The same command again goes on where an interrupted one stopped.

    Example: pluralign poll --model smollm2 --survey world-mini --as USA,KEN
    """
    flags = {
        "name": name,
        "model": model,
        "survey": survey,
        "as": _listed(speak_for),
        "voices": _listed(voice),
        "orders": int(orders) if orders is not None and orders.isdigit() else orders,
        "labels": labels,
        "permute_labels": permute_labels,
        "method": _listed(method),
        "samples": samples,
        "temperature": temperature,
        "reply_tokens": reply_tokens,
        "reader": reader,
        "calibrate": None if calibrate is None else {"questions": _number(calibrate)},
        "published": published,
        "adapter": adapter,
        "chat_template": chat_template,
        "device": device,
        "dtype": dtype,
        "price_in": price_in,
        "price_out": price_out,
        "seed": seed,
        "resamples": resamples,
    }
    questions = {"ids": _listed(question), "topics": topic or None, "per_topic": per_topic}
    if plan + (batch_out is not None) + bool(batch_in) > 1:
        raise UsageError("--plan, --batch-out and --batch-in each do something else: give one of them")
    batch = _Batch(batch_out, tuple(batch_in or ()))
    given = {key: value for key, value in flags.items() if value is not None}
    _carry_out(study, given, questions, out, plan, concurrency, batch)


class _Batch(NamedTuple):
    """Files instead of a connection."""

    out: Path | None
    come: tuple[Path, ...]


def _command(arguments: list[str]) -> tuple[str, ...]:
    """What computes the same numbers again: batch files are a way of paying for them."""
    flags, kept = ("--batch-in", "--batch-out"), []
    after_flag = False
    for argument in arguments:
        if not after_flag and not argument.startswith(flags):
            kept.append(argument)
        after_flag = argument in flags
    return ("pluralign", *kept)


def _listed(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def _number(text: str) -> int | float | str:
    """A whole number, a share, or the text itself, which the study then refuses in its own words."""
    try:
        return int(text) if text.isdigit() else float(text)
    except ValueError:
        return text


def _carry_out(
    path: Path | None,
    flags: dict[str, Any],
    questions: dict[str, Any],
    out: Path | None,
    plan: bool,
    concurrency: int,
    batch: _Batch,
) -> None:
    from pluralign.cli import poll_batch
    from pluralign.cli.progress import ProgressLine
    from pluralign.cli.settings import api_key, cache_folder, quiet_libraries
    from pluralign.engines.open import open_engine
    from pluralign.poll import batched, compare, forecast, panels, records, run
    from pluralign.poll.study import study_from
    from pluralign.report import page, tables, validity
    from pluralign.store.files import write_text

    quiet_libraries()
    notes = Console(stderr=True)
    study = study_from(path, flags, {key: value for key, value in questions.items() if value is not None})
    prepared = run.prepare(study)
    notes.print(
        f"{prepared.survey.title or prepared.survey.name}: {len(prepared.survey.questions)} questions, "
        f"{len(prepared.voices)} voices, {prepared.total:,} answers",
        highlight=False,
    )
    if not notes.is_terminal:
        notes.print(f"Loading {study.model} …", highlight=False)
    opening = partial(
        open_engine,
        device=study.device,
        dtype=study.dtype,
        cache_dir=cache_folder(),
        api_key=api_key(),
        concurrency=concurrency,
    )
    with notes.status(f"Loading {study.model} (a GGUF file is converted the first time, which takes half a minute) …"):
        engine = opening(study.model, adapter=study.adapter, chat_template=study.chat_template)
        itself = study.reader == study.model and study.adapter is None and study.chat_template is None
        reader = None if study.reader is None else engine if itself else opening(study.reader)
    run.check_engines(study, engine, reader)
    if plan:
        with notes.status("Laying out the prompts …"):
            _print_forecast(forecast.forecast(panels.decide(prepared, engine), engine, reader=reader))
        return
    spec = records.specify(prepared, engine, reader)
    folder = out or Path("runs") / f"{study.name}-{spec.id[:8]}"
    if batch != _Batch(None, ()):
        batched.carrier_of(engine)
    record = records.open_run(folder, spec, _command(sys.argv[1:]))
    prepared = panels.decide(prepared, engine, folder)
    if batch.out is not None:
        with notes.status("Laying out the prompts …"):
            poll_batch.send_out(prepared, engine, reader, folder, batch.out)
        return
    if batch.come:
        poll_batch.bring_in(prepared, engine, reader, folder, batch.come, notes)
    with ProgressLine(notes) as line:
        try:
            answers = run.poll(prepared, engine, folder, line.show, reader=reader)
        except KeyboardInterrupt:
            raise InterruptedRunError(
                f"stopped; what was answered is kept in {str(folder)!r}: run the same command again to go on"
            ) from None
    with notes.status("Comparing with the people …"):
        scores = compare.compare(prepared, answers, spec)
        write_text(folder / "scores.json", scores.model_dump_json(indent=1) + "\n")
        write_text(folder / "report.html", page.render(scores, command=shlex.join(record.command)))
    records.write_run(folder, record.model_copy(update={"finished": records.now(), "counts": answers.counts}))
    console = Console()
    console.print(page.sentence(scores), highlight=False)
    console.print(tables.headline(scores))
    beside = validity.tables(scores)
    if beside is not None:
        console.print(beside)
    for caveat in scores.caveats:
        notes.print(f"Note: {caveat}", highlight=False, style="dim")
    print(f"Report: {folder / 'report.html'}")


def _print_forecast(size: Any) -> None:
    """Print a :class:`pluralign.poll.forecast.Forecast`."""
    shared = size.unique_tokens / max(size.prompt_tokens, 1)
    print(f"{size.questions:,} questions x {size.voices:,} voices: {size.prompts:,} prompts, {size.distinct:,} differ")
    print(f"{size.prompt_tokens:,} prompt tokens, {size.unique_tokens:,} of them distinct beginnings ({shared:.0%})")
    if size.calls:
        print(
            f"{size.calls:,} calls to the server, which reads {size.computed_tokens:,} tokens and writes "
            f"{size.reply_tokens:,} at most"
        )
        print(
            "give --price-in and --price-out, per million tokens, to see what it will cost"
            if size.cost is None
            else f"at most {size.cost:,.2f} at the prices given, discounts for cached prompts and batches not counted"
        )
    else:
        print(f"{size.computed_tokens:,} tokens will be computed")
        if size.reply_tokens:
            print(f"replies may have {size.reply_tokens:,} tokens at most")
    if size.seconds is not None:
        minutes, seconds = divmod(round(size.seconds), 60)
        print(f"about {minutes} min {seconds:02} s on this machine as busy as it is now")
    if size.interval_width is not None:
        print(f"the interval of a voice's distance to one people will be about {size.interval_width:.3f} wide")
