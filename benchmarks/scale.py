"""A poll of a million answers: memory and time of asking, of reading answers back, of scoring, and of the page.

    python -m benchmarks.scale [ANSWERS] [exact|samples] [--written] [--same-survey]

``--written`` leaves the poll out: replies are made up and written directly, and what follows is measured.
``--same-survey`` asks the same questions at both sizes, a tenth as often in the first: what grows with answers alone.

The survey is made up: as many questions as the number of answers needs, 18 peoples, three ways of asking, and six
orders of the options scored exactly, or twenty replies over two orders, each read back. The model is a rule, so that
all the time is ours. Each step runs in a process of its own, so that peak memory is its own; the same is measured at
a tenth of the size, to show what grows.
"""

import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pluralign.engines.open import open_engine
from pluralign.poll import compare, records, run
from pluralign.poll.ask import laid_out
from pluralign.poll.scores import Scores
from pluralign.poll.study import Study
from pluralign.report import page
from pluralign.store.files import write_text
from pluralign.store.tables import ANSWERS

PEOPLES, ORDERS, REPLIES = 18, 6, 20
VOICES = ("persona", "persona-last", "cross-culture")
OPTIONS = ("Not at all", "Not very much", "Somewhat", "Rather", "A great deal")


class Measured(NamedTuple):
    """One step in a process of its own."""

    seconds: float
    processor: float
    """Seconds of it that the processor worked for it, all threads together."""
    megabytes: float
    """Peak memory of the process, interpreter and packages included."""


def write_survey(path: Path, questions: int) -> None:
    """Made-up shares of 18 peoples on questions of five options, in ten topics."""
    draw = np.random.default_rng(0)
    lines = ["question_id,question,topic,scale,group,option,option_id,share,n"]
    for at in range(questions):
        shares = draw.dirichlet(np.ones(len(OPTIONS)), size=PEOPLES).round(4)
        for people in range(PEOPLES):
            for place, option in enumerate(OPTIONS):
                lines.append(
                    f"Q{at},How much do you care about matter number {at}?,Topic {at % 10},ordinal,"
                    f"People {people},{option},{place + 1},{shares[people][place]:.4f},1000"
                )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def asked_as(survey: Path) -> tuple[str, int]:
    """By which method, and how often a question is asked: the survey's file says it, such as ``samples-20.csv``."""
    method, often = survey.stem.split("-")
    return method, int(often)


def prepared(survey: Path) -> run.Prepared:
    """The study, looked up."""
    method, often = asked_as(survey)
    study = {"model": "scripted:hash", "survey": str(survey), "voices": VOICES, "orders": often, "resamples": 1000}
    if method == "samples":
        study |= {"method": "samples", "samples": often, "orders": 2}
    return run.prepare(Study.model_validate(study))


def load(survey: Path, _folder: Path) -> None:
    """The survey alone: what every step but the page begins with."""
    prepared(survey)


def ask(survey: Path, folder: Path) -> None:
    """The poll itself."""
    study, engine = prepared(survey), open_engine("scripted:hash")
    record = records.open_run(folder, records.specify(study, engine), ())
    answers = run.poll(study, engine, folder, lambda _: None)
    records.write_run(folder, record.model_copy(update={"finished": records.now(), "counts": answers.counts}))


def written(survey: Path, folder: Path) -> None:
    """Replies made up and written as a poll writes them, nine in ten readable, a people's questions to a group."""
    study, engine = prepared(survey), open_engine("scripted:hash")
    record = records.open_run(folder, records.specify(study, engine), ())
    draw = np.random.default_rng(0)
    asked, each = study.survey.questions, asked_as(survey)[1]
    count, wide = len(asked) * each, len(OPTIONS)
    orders = np.array([laid_out(study.study, asked[0])[at % 2].order for at in range(each)])
    with (folder / "answers.parquet").open("wb") as file, pq.ParquetWriter(file, ANSWERS, compression="zstd") as table:
        for voice in study.voices:
            chosen, readable = draw.integers(0, wide, count), draw.random(count) < 0.9
            columns = dict.fromkeys(ANSWERS.names, pa.nulls(count)) | {
                "voice": [voice.name] * count,
                "collective": [voice.collective.id if voice.collective else ""] * count,
                "question": np.repeat([one.id for one in asked], each),
                "topic": np.repeat([one.topic for one in asked], each),
                "method": ["samples"] * count,
                "sample": np.tile(np.arange(each), len(asked)),
                "order": list(np.tile(orders, (len(asked), 1))),
                "labels": list(np.tile(np.arange(wide), (count, 1))),
                "options": list(np.tile(np.arange(1, wide + 1), (count, 1))),
                "probabilities": [
                    row if read else None for row, read in zip(np.eye(wide)[chosen], readable, strict=True)
                ],
                "captured": readable.astype(float),
                "refused": np.where(~readable, draw.integers(0, 2, count), 0).astype(float),
                "reply": [str(option + 1) for option in chosen],
                "reading": np.where(readable, "answer", "unreadable"),
                "prompt_tokens": np.full(count, 60),
                "prompt": np.repeat([f"{at:064x}" for at in range(len(asked))], each),
                "key": [f"{at:064x}" for at in range(count)],
            }
            arrays = [pa.array(columns[field.name], type=field.type) for field in ANSWERS]
            table.write_table(pa.Table.from_arrays(arrays, schema=ANSWERS))
    total = count * len(study.voices)
    counts = dict.fromkeys(run.COUNTED, 0) | {"prompts": total, "computed": total}
    records.write_run(folder, record.model_copy(update={"finished": records.now(), "counts": counts}))


def score(survey: Path, folder: Path) -> None:
    """From answers on disk to numbers."""
    study, record = prepared(survey), records.read_run(folder)
    answers = run.recall(study, folder, record.counts)
    scores = compare.compare(study, answers, record.spec)
    write_text(folder / "scores.json", scores.model_dump_json(indent=1) + "\n")


def draw_page(_survey: Path, folder: Path) -> None:
    """From numbers to the page."""
    scores = Scores.model_validate_json((folder / "scores.json").read_text(encoding="utf-8"))
    write_text(folder / "report.html", page.render(scores))


STEPS: dict[str, Callable[[Path, Path], None]] = {"load": load, "ask": ask, "score": score, "page": draw_page}


def measured(step: Callable[[Path, Path], None], survey: Path, folder: Path) -> Measured:
    """Run one step in a fresh process."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(step, survey, folder, sender))
    process.start()
    sender.close()
    found = receiver.recv()
    process.join()
    return Measured(*found)


def _run(step: Callable[[Path, Path], None], survey: Path, folder: Path, sender: Any) -> None:
    started, worked = time.perf_counter(), time.process_time()
    step(survey, folder)
    seconds, processor = time.perf_counter() - started, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # kilobytes on Linux
    sender.send((seconds, processor, peak))


def main() -> None:
    """Measure both sizes and print a table."""
    given = [word for word in sys.argv[1:] if not word.startswith("--")]
    answers = int(given[0]) if given else 1_000_000
    steps = STEPS
    if "--written" in sys.argv:
        steps = {"load": load, "write": written, "score": score, "page": draw_page}
    method = given[1] if len(given) > 1 else "samples" if steps is not STEPS else "exact"
    if steps is not STEPS and method != "samples":
        sys.exit("--written makes up replies: say samples")
    most = REPLIES if method == "samples" else ORDERS
    same = "--same-survey" in sys.argv
    fewest = max(1, most // 10)
    print(f"{'answers':>10}  {'step':<6} {'seconds':>8} {'cpu':>8} {'peak MB':>8}")
    for wanted, often in ((answers, fewest), (answers, most)) if same else ((answers // 10, most), (answers, most)):
        with tempfile.TemporaryDirectory() as place:
            survey, folder = Path(place) / f"{method}-{often}.csv", Path(place) / "run"
            questions = -(-wanted // (PEOPLES * len(VOICES) * (most if same else often)))
            total = questions * PEOPLES * len(VOICES) * often
            write_survey(survey, questions)
            for name, step in steps.items():
                found = measured(step, survey, folder)
                print(
                    f"{total:>10,}  {name:<6} {found.seconds:>8.1f} {found.processor:>8.1f} {found.megabytes:>8.0f}",
                    flush=True,
                )
            for name in ("answers.sqlite", "answers.parquet", "prompts.parquet", "scores.json", "report.html"):
                if (folder / name).exists():
                    print(f"{'':>10}  {name:<16} {(folder / name).stat().st_size / 1e6:>8.1f} MB", flush=True)


if __name__ == "__main__":
    main()
