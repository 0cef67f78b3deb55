"""Carries out a recipe: asks, screens, and writes records, drops and data card into a folder.

::

    sft.jsonl  preferences.jsonl   what train reads; only those that the recipe makes
    dropped.jsonl                  what did not become a record, with reason and reply
    dataset.md                     the data card
    answers.sqlite                 every reply as the model gave it: what makes a run resumable
    run.json                       what is needed to repeat it

Knows no recipe; one is prepared by its own module.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pluralign.core.ids import content_hash
from pluralign.core.records import PreferenceRecord, Record, SftRecord
from pluralign.core.run import RunSpec
from pluralign.core.survey import Survey
from pluralign.curate.card import Card, card
from pluralign.curate.leaks import LeakScreen
from pluralign.curate.recipe import Recipe
from pluralign.curate.screen import measured_surveys, screen
from pluralign.curate.session import CapReachedError, Progress, Session
from pluralign.curate.work import Document, Dropped, Made, Section, Work
from pluralign.engines.base import Engine
from pluralign.store.answers import AnswerStore
from pluralign.store.files import sweep, write_text
from pluralign.store.records import write_records

ANSWERS_FILE = "answers.sqlite"
SFT_FILE = "sft.jsonl"
PREFERENCES_FILE = "preferences.jsonl"
DROPPED_FILE = "dropped.jsonl"
CARD_FILE = "dataset.md"


class Prepared(NamedTuple):
    """A recipe with everything read and looked up that it needs."""

    name: str
    """Such as ``constitutional``."""
    recipe: Recipe
    make: Callable[[Work], Iterator[Made]]
    """Makes everything, from the top, each time it is called."""
    arrange: Callable[[Sequence[Record]], Sequence[Record]] = tuple
    """Puts records into the order in which they are written."""
    surveys: tuple[Survey, ...] = ()
    """Those of the leak screen."""
    inputs: Mapping[str, str] = {}
    """What was read -> content hash."""
    templates: Mapping[str, str] = {}
    """Prompt template -> content hash."""
    terms: tuple[str, ...] = ()
    """Terms of what was read, such as the constitution's licence, one sentence each."""
    groups: Mapping[str, str] = {}
    """Parents by which the data card counts, such as ``principle:…`` -> title."""
    separate: bool = False
    """Whether every collective gets files of its own, ``sft.USA.jsonl``."""


class Result(NamedTuple):
    """What a run wrote."""

    card: Card
    files: tuple[Path, ...]
    counts: dict[str, int]
    stopped: str | None
    """Why it ended early; ``None`` if it did not."""


def surveys_of(recipe: Recipe) -> tuple[Survey, ...]:
    """The surveys that a recipe screens for. Raises on any name that is not known."""
    return measured_surveys(recipe.screen)


def specify(prepared: Prepared, engines: Mapping[str, Engine]) -> RunSpec:
    """All that decides what is written."""
    recipe = prepared.recipe
    return RunSpec(
        kind=f"curate {prepared.name}",
        study={**recipe.settings(), "inputs": dict(sorted(prepared.inputs.items()))},
        given=tuple(sorted(recipe.model_fields_set - {"caps", "prices"})),
        survey_checksum=content_hash([survey.checksum for survey in prepared.surveys]),
        engine={role: engine.describe() for role, engine in sorted(engines.items())},
        templates=dict(sorted(prepared.templates.items())),
        seed=recipe.seed,
    )


def curate(
    prepared: Prepared,
    engines: Mapping[str, Engine],
    folder: Path,
    *,
    total: int = 0,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Result:
    """Make everything and write it. Replies already in the store are not asked for again.

    Where a cap stops it, what is complete so far is written and :attr:`Result.stopped` says so; the same recipe with a
    higher cap goes on. ``total``: answers to come, for the estimate. Raises
    :class:`pluralign.core.errors.InterruptedRunError` where the disk or a server fails.
    """
    recipe = prepared.recipe
    made: list[Made] = []
    stopped = None
    with AnswerStore(folder / ANSWERS_FILE) as store:
        session = Session(recipe, engines, store, total=total, on_progress=on_progress)
        try:
            made.extend(prepared.make(session))
        except CapReachedError as error:
            stopped = str(error)
    records = prepared.arrange([one for one in made if isinstance(one, SftRecord | PreferenceRecord)])
    documents = [one for one in made if isinstance(one, Document)]
    leaks = LeakScreen(prepared.surveys, recipe.screen.leak)
    screened = screen(records, leaks, recipe.screen.near_duplicates)
    dropped = [*(one for one in made if isinstance(one, Dropped)), *screened.dropped]
    files = _write(folder, screened.records, prepared.separate)
    for document in documents:
        write_text(folder / document.file, document.text)
        files.append(folder / document.file)
    write_text(folder / DROPPED_FILE, "".join(_line(one) for one in dropped))
    found = Card(
        recipe=recipe,
        kind=prepared.name,
        records=screened.records,
        dropped=tuple(dropped),
        made=len(records),
        statuses=session.statuses,
        retries=session.retries,
        usage=session.usage,
        leaks=leaks,
        templates=prepared.templates,
        inputs=prepared.inputs,
        terms=prepared.terms,
        groups=prepared.groups,
        models={role: engine.describe() for role, engine in engines.items()},
        stopped=stopped,
        sections=tuple(one for one in made if isinstance(one, Section)),
    )
    write_text(folder / CARD_FILE, card(found))
    sweep(folder)
    spent = {role: usage.calls for role, usage in session.usage.items()}
    counts = {
        "records": len(screened.records),
        "dropped": len(dropped),
        "computed": session.computed,
        "resumed": sum(spent.values()) - session.computed,
        "prompt_tokens": sum(usage.prompt_tokens for usage in session.usage.values()),
        "completion_tokens": sum(usage.completion_tokens for usage in session.usage.values()),
    }
    return Result(found, (*files, folder / DROPPED_FILE, folder / CARD_FILE), counts, stopped)


def _write(folder: Path, records: Sequence[Record], separate: bool) -> list[Path]:
    """Write records by kind, and by collective where that is wanted; files of an earlier attempt go."""
    files: dict[Path, list[Record]] = {}
    for record in records:
        path = folder / (SFT_FILE if isinstance(record, SftRecord) else PREFERENCES_FILE)
        own = path.with_suffix(f".{record.collective}.jsonl") if separate and record.collective else path
        files.setdefault(own, []).append(record)
    for name in (SFT_FILE, PREFERENCES_FILE):
        for old in folder.glob(f"{Path(name).stem}*.jsonl"):
            if old not in files:
                old.unlink()
    for path, own_records in files.items():
        write_records(path, own_records)
    return list(files)


def _line(dropped: Dropped) -> str:
    return json.dumps({**dropped._asdict(), "parents": list(dropped.parents)}, ensure_ascii=False) + "\n"
