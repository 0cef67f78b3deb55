"""The data card: what a file of records holds, what was dropped and why, under which terms. Pure: numbers to Markdown.

It says nothing of the time of day, so that a run that was interrupted writes the card of one that was not.
"""

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pluralign.core.records import PreferenceRecord, Record
from pluralign.curate.leaks import LeakScreen
from pluralign.curate.recipe import Recipe
from pluralign.curate.replies import declines
from pluralign.curate.session import Usage, total_cost
from pluralign.curate.work import Dropped, Section, Status


class Card(NamedTuple):
    """Everything a data card is written from."""

    recipe: Recipe
    kind: str
    """Name of the recipe."""
    records: tuple[Record, ...]
    """What was written."""
    dropped: tuple[Dropped, ...]
    made: int
    """Records before screening."""
    statuses: Mapping[tuple[str, Status], int]
    """(Stage, status) -> tasks."""
    retries: Mapping[str, int]
    usage: Mapping[str, Usage]
    """Role -> what was spent."""
    leaks: LeakScreen
    templates: Mapping[str, str]
    inputs: Mapping[str, str]
    terms: tuple[str, ...]
    groups: Mapping[str, str]
    """Parent -> title, for the table of records by what they were made from."""
    models: Mapping[str, Mapping[str, Any]]
    """Role -> the engine's account of itself."""
    stopped: str | None
    sections: tuple[Section, ...] = ()
    """Parts of the recipe's own."""


def card(facts: Card) -> str:
    """The card as Markdown."""
    parts = [
        _opening(facts),
        _counts(facts),
        _by_group(facts),
        _replies(facts),
        *(f"## {section.title}\n\n{section.text}" for section in facts.sections),
        _drops(facts),
        _screening(facts),
        _origin(facts),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _opening(facts: Card) -> str:
    recipe = facts.recipe
    lines = [f"# {recipe.name}", "", f"Records of the recipe `{facts.kind}`."]
    if facts.stopped is not None:
        lines += ["", f"**Incomplete:** {facts.stopped}."]
    collectives = Counter(record.collective for record in facts.records)
    speakers = ", ".join(f"{name or 'nobody in particular'} ({count:,})" for name, count in sorted(collectives.items()))
    sources = sorted({record.source for record in facts.records})
    licences = sorted({record.licence for record in facts.records} | {recipe.licence})
    lines += ["", f"* **Speaks for:** {speakers or recipe.collective or 'nobody in particular'}"]
    lines += [f"* **Source:** {source}" for source in sources]
    lines += [f"* **Licence:** {licence}" for licence in licences]
    lines += [f"* **Terms:** {term}" for term in facts.terms]
    return "\n".join(lines)


def _counts(facts: Card) -> str:
    rows = []
    groups = sorted({(record.kind, record.collective) for record in facts.records})
    for kind, collective in groups:
        own = [one for one in facts.records if (one.kind, one.collective) == (kind, collective)]
        for field, take in FIELDS[kind].items():
            texts = [take(record) for record in own]
            lengths = sorted(len(text.split()) for text in texts)
            rows.append(
                (
                    kind,
                    collective or "–",
                    len(own),
                    field,
                    _number(statistics.fmean(lengths)),
                    _number(statistics.median(lengths)),
                    lengths[-1],
                    _share(sum(map(declines, texts)), len(texts)),
                )
            )
    head = ("kind", "collective", "records", "field", "mean words", "median", "longest", "declines")
    text = "## Records\n\n" + (_table(head, rows) if rows else "None.")
    pairs = [record for record in facts.records if isinstance(record, PreferenceRecord)]
    if pairs:
        longer = sum(len(pair.chosen) > len(pair.rejected) for pair in pairs)
        text += (
            f"\n\nThe chosen reply is the longer one in {longer:,} of {len(pairs):,} pairs ({longer / len(pairs):.0%})."
        )
    return text


FIELDS: dict[str, dict[str, Callable[[Any], str]]] = {
    "sft": {
        "prompt": lambda record: _asked(record.messages),
        "reply": lambda record: str(record.messages[-1].content),
    },
    "preference": {
        "prompt": lambda record: _asked(record.prompt),
        "chosen": lambda record: str(record.chosen),
        "rejected": lambda record: str(record.rejected),
    },
}
"""Kind -> field -> its text."""


def _asked(messages: Sequence[Any]) -> str:
    return next(str(turn.content) for turn in reversed(messages) if turn.role == "user")


def _by_group(facts: Card) -> str:
    if not facts.groups:
        return ""
    counts: dict[str, Counter[str]] = {group: Counter() for group in facts.groups}
    for record in facts.records:
        for parent in dict.fromkeys(record.provenance.parents):
            if parent in counts:
                counts[parent][record.kind] += 1
    for drop in facts.dropped:
        for parent in dict.fromkeys(drop.parents):
            if parent in counts:
                counts[parent]["dropped"] += 1
    rows = [
        (f"`{group}`", facts.groups[group], own["sft"], own["preference"], own["dropped"])
        for group, own in counts.items()
    ]
    return "## By what they were made from\n\n" + _table(("parent", "title", "sft", "preference", "dropped"), rows)


def _replies(facts: Card) -> str:
    stages = list(dict.fromkeys(stage for stage, _ in facts.statuses))
    if not stages:
        return ""
    rows = []
    for stage in stages:
        own = {status: facts.statuses.get((stage, status), 0) for status in Status}
        total = sum(own.values())
        rows.append((stage, total, *(_share(own[status], total) for status in Status), facts.retries.get(stage, 0)))
    head = ("stage", "asked", *(status.value for status in Status), "asked again")
    note = "What was asked of models, stage by stage, and what came of it after the retries."
    return f"## Replies\n\n{note}\n\n" + _table(head, rows)


def _drops(facts: Card) -> str:
    if not facts.dropped:
        return "## Drops\n\nNone."
    counted = Counter((drop.stage, drop.reason) for drop in facts.dropped)
    rows = [(stage, reason, count) for (stage, reason), count in sorted(counted.items())]
    note = "Each with its reason in `dropped.jsonl`."
    return f"## Drops\n\n{note}\n\n" + _table(("stage", "reason", "dropped"), rows)


def _screening(facts: Card) -> str:
    lines = ["## Screening", ""]
    near = facts.recipe.screen.near_duplicates
    if near is None:
        lines.append("* Near-duplicates were kept; only records that say the same were dropped.")
    else:
        lines.append(f"* Near-duplicates: records of one collective that share {near:.0%} of their word triples.")
    if not facts.leaks.questions:
        lines.append("* **No survey was screened for**: do not measure a model trained on this with one.")
    for survey, count in facts.leaks.questions.items():
        short = facts.leaks.too_short[survey]
        left_out = f"; {len(short)} are too short to be found: {', '.join(short)}" if short else ""
        lines.append(f"* No record contains one of {count:,} questions of {survey}{left_out}.")
    return "\n".join(lines)


def _origin(facts: Card) -> str:
    rows = []
    for role, usage in facts.usage.items():
        about = facts.models[role]
        name = str(about.get("name") or facts.recipe.engines()[role])
        rows.append((role, name, f"`{about.get('digest')}`", *usage))
    head = ("role", "model", "digest", "calls", "prompt tokens", "reply tokens")
    lines = ["## How it was made", "", _table(head, rows) if rows else "No model was asked."]
    if facts.recipe.prices:
        cost = total_cost(facts.usage, facts.recipe.engines(), facts.recipe.prices)
        lines += ["", f"Cost at the given prices: {cost:,.4f}."]
    lines += ["", f"Seed {facts.recipe.seed}.", ""]
    lines += [f"* Read: {name} `{digest}`" for name, digest in sorted(facts.inputs.items())]
    lines += [f"* Prompt template: `{name}` `{digest}`" for name, digest in sorted(facts.templates.items())]
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [_row(head), "|" + "|".join("---" for _ in head) + "|"]
    return "\n".join([*lines, *map(_row, rows)])


def _row(cells: Sequence[object]) -> str:
    shown = (f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in cells)
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in shown) + " |"


def _share(part: int, whole: int) -> str:
    return f"{part:,} ({part / whole:.0%})" if part else "0"


def _number(value: float) -> str:
    return f"{value:,.1f}"
