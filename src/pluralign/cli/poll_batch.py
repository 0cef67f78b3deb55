"""``pluralign poll --batch-out`` and ``--batch-in``: a poll through batch files, which cost half."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from pluralign.core.errors import InterruptedRunError
from pluralign.engines.base import Engine
from pluralign.poll.batched import Sent, Taken, send, take_in
from pluralign.poll.run import Prepared
from pluralign.store.answers import AnswerStore


def send_out(prepared: Prepared, engine: Engine, reader: Engine | None, folder: Path, path: Path) -> None:
    """Write the files, and say what to do with them."""
    with AnswerStore(folder / "answers.sqlite") as store:
        sent = send(prepared, engine, reader, store, path)
    print("\n".join(_of_sent(sent)))


def bring_in(
    prepared: Prepared, engine: Engine, reader: Engine | None, folder: Path, paths: Sequence[Path], notes: Console
) -> None:
    """Store what came back, and say what came of it.

    Raises :class:`InterruptedRunError` where answers are lacking: whoever pays half does not want the rest asked at the
    full price without having been told.
    """
    with AnswerStore(folder / "answers.sqlite") as store:
        taken = take_in(prepared, engine, reader, store, paths)
    for line in _of_taken(taken):
        notes.print(line, highlight=False)
    if taken.lacking:
        raise InterruptedRunError(
            f"{taken.lacking:,} answers of {str(folder)!r} are still lacking: send them with --batch-out, or run "
            "the same command without --batch-in to ask them directly"
        )


def _of_sent(sent: Sent) -> list[str]:
    if not sent.requests:
        return [
            f"Nothing is left to send, {sent.answered:,} answers are there: run the same command without --batch-out"
        ]
    lines = [f"{sent.requests:,} requests, {sent.answered:,} answered already, in"]
    lines += [f"  {path}" for path in sent.files]
    return [*lines, "Give their results to the same command with --batch-in FILE, once for each file"]


def _of_taken(taken: Taken) -> list[str]:
    told = f"{taken.lines:,} results: {taken.stored:,} answers are new"
    lines = [f"{told}, {taken.known:,} were there already" if taken.known else told]
    if taken.repeated:
        lines.append(f"{taken.repeated:,} results are of a request that has another: the first answer counts")
    if taken.foreign:
        lines.append(f"{taken.foreign:,} results belong to no request of this run and were passed over")
    if taken.failed:
        lines.append(f"{taken.failed:,} requests failed; the first: {taken.reason}")
    lines += [f"{path} breaks off in the middle of its last line, which was passed over" for path in taken.cut_off]
    return lines
