"""Options that the commands on judgements share, and how they become a table and a method.

Each option is said once, here; its help text is its reference.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pluralign.core.errors import UsageError

if TYPE_CHECKING:
    from pluralign.core.value_card import ValueCard
    from pluralign.graph.bootstrap import Progress as Told
    from pluralign.graph.judgements import JudgementTable, Participants
    from pluralign.graph.tally import Method

JUDGEMENTS = Annotated[
    Path,
    typer.Argument(
        metavar="JUDGEMENTS.csv",
        help="One row per judgement: user, from_value, to_value, relationship, context, created_at.",
    ),
]
CARDS = Annotated[Path | None, typer.Option(help="JSON list of value cards. Without it, values have ids only.")]
CONTEXTS = Annotated[Path | None, typer.Option(help="JSON list of {context, case}; needed by --case.")]
PARTICIPANTS = Annotated[
    Path | None, typer.Option(help="CSV of participants: user, then a column per attribute. Gives support by group.")
]
PUBLISHED = Annotated[
    bool,
    typer.Option("--published", help="Formulas of Democratic Fine-Tuning, bit for bit, instead of the corrected ones."),
]
POOL = Annotated[bool, typer.Option("--pool", help="Put contexts together. --published always does.")]
CONTEXT = Annotated[list[str] | None, typer.Option(help="Only this context. May be given several times.")]
CASE = Annotated[str | None, typer.Option(help="Only the contexts of this case.")]
USERS = Annotated[Path | None, typer.Option(help="Only the participants in this file, one id per line.")]
SINCE = Annotated[str | None, typer.Option(help="Only judgements from this date or timestamp on (UTC unless it says).")]
UNTIL = Annotated[str | None, typer.Option(help="Only judgements before this date or timestamp (UTC unless it says).")]
GROUP = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ATTRIBUTE=GROUP", help="Only members of this group. Several of one attribute are alternatives."
    ),
]
MIN_WISER = Annotated[int | None, typer.Option(min=0, help='Least number of "wiser" answers of an edge. [default: 2]')]
MIN_TOTAL = Annotated[
    int | None, typer.Option(min=0, help="Least number of answers of an edge. [default: 4; published: 0]")
]
MIN_LIKELIHOOD = Annotated[
    str | None, typer.Option(metavar="NUMBER|none", help="Least (wiser - less wise) / answers. [default: 0.33]")
]
MAX_ENTROPY = Annotated[
    str | None, typer.Option(metavar="NUMBER|none", help="Most bits of disagreement. [default: 1.38; published: 1.69]")
]
MIN_SUPPORT = Annotated[
    str | None,
    typer.Option(metavar="NUMBER|none", help="Lower end of Wilson's interval must lie above this. [default: none]"),
]
LEVEL = Annotated[float, typer.Option(help="Probability of all intervals.")]
BOOTSTRAP = Annotated[int, typer.Option(min=0, help="Resamples of the participants; 0 for none.")]
SEED = Annotated[int, typer.Option(help="Of the resamples.")]


class Given(NamedTuple):
    """What the options named, read."""

    table: "JudgementTable"
    method: "Method"
    sources: dict[str, Any]
    """Arguments of `tally`: people, cases, participants."""
    cards: "tuple[ValueCard, ...] | None"


def read(
    judgements: Path,
    *,
    cards: Path | None,
    contexts: Path | None,
    participants: Path | None,
    published: bool,
    pool: bool,
    context: list[str] | None,
    case: str | None,
    users: Path | None,
    since: str | None,
    until: str | None,
    group: list[str] | None,
    min_wiser: int | None,
    min_total: int | None,
    min_likelihood: str | None,
    max_entropy: str | None,
    min_support: str | None,
    level: float,
    bootstrap: int,
    seed: int,
) -> Given:
    """Read the files and make the method. Raises UsageError and DataError."""
    from pluralign.core.moral_graph import Filters
    from pluralign.graph.aggregate import DEFAULT_THRESHOLDS, PUBLISHED_THRESHOLDS
    from pluralign.graph.read import read_cards, read_cases, read_judgements, read_participants, read_people
    from pluralign.graph.tally import Method

    texts = read_cards(cards) if cards is not None else None
    table = read_judgements(judgements, values=None if texts is None else {card.id for card in texts})
    known: Participants | None = read_participants(participants) if participants is not None else None
    asked: dict[str, float | None] = {
        name: number for name, number in (("min_wiser", min_wiser), ("min_total", min_total)) if number is not None
    }
    for name, text, option in (
        ("min_likelihood", min_likelihood, "--min-likelihood"),
        ("max_entropy", max_entropy, "--max-entropy"),
        ("min_support_low", min_support, "--min-support"),
    ):
        if text is not None:
            asked[name] = _number_or_none(text, option)
    usual = PUBLISHED_THRESHOLDS if published else DEFAULT_THRESHOLDS
    method = Method(
        published=published,
        pooled=pool,
        thresholds=type(usual).model_validate(usual.model_dump() | asked),
        level=level,
        resamples=bootstrap,
        seed=seed,
        filters=Filters(
            contexts=tuple(context) if context else None,
            case=case,
            since=_moment(since, "--since"),
            until=_moment(until, "--until"),
            groups=tuple(_pair(each) for each in group or ()),
        ),
    )
    sources = {
        "people": read_people(users) if users is not None else None,
        "cases": read_cases(contexts) if contexts is not None else (),
        "participants": known,
    }
    return Given(table, method, sources, texts)


def _number_or_none(text: str, option: str) -> float | None:
    if text.casefold() == "none":
        return None
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{option} {text!r} is neither a number nor 'none'") from None


def _moment(text: str | None, option: str) -> Any:
    from pluralign.graph.read import moment

    if text is None:
        return None
    try:
        return moment(text)
    except ValueError:
        raise UsageError(f"{option} {text!r} is not a date, such as 2023-10-18 or 2023-10-18T06:30:00Z") from None


def _pair(text: str) -> tuple[str, str]:
    attribute, equals, group = text.partition("=")
    if not (attribute and equals and group):
        raise UsageError(f"--group {text!r} is not of the form attribute=group, such as party=independent")
    return attribute, group


@contextmanager
def progress(what: str, total: int) -> "Iterator[Told]":
    """A bar on stderr once the work has taken a second; nothing for quick work."""
    bar = Progress(
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task(what, total=total)
    began = time.monotonic()
    shown = False

    def told(more: int) -> None:
        nonlocal shown
        bar.advance(task, more)
        if not shown and time.monotonic() - began > 1:
            shown = True
            bar.start()

    try:
        yield told
    finally:
        if shown:
            bar.stop()
