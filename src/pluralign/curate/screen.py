"""What is thrown away whoever wrote it: records that contain a question to be measured, repeats and near-repeats."""

from collections.abc import Iterable
from typing import NamedTuple

from pluralign.core.records import PreferenceRecord, Record
from pluralign.core.survey import Survey
from pluralign.curate.leaks import LeakScreen
from pluralign.curate.recipe import Measured, Screening
from pluralign.curate.similar import near_duplicates
from pluralign.curate.work import Dropped
from pluralign.surveys import load

LEAK = "leak"
REPEATED = "repeated"
NEAR_DUPLICATE = "near-duplicate"


class Screened(NamedTuple):
    """What stays and what goes, each in the order in which it came."""

    records: tuple[Record, ...]
    dropped: tuple[Dropped, ...]


def measured_surveys(screening: Screening) -> tuple[Survey, ...]:
    """The surveys, or parts of them, that will measure. Raises on any name that is not known."""
    chosen = [Measured(survey=one) if isinstance(one, str) else one for one in screening.surveys]
    return tuple(one.questions.apply(load(one.survey)) for one in chosen)


def texts_of(record: Record) -> tuple[str, ...]:
    """Everything that is said in a record."""
    if isinstance(record, PreferenceRecord):
        return (*(turn.content for turn in record.prompt), record.chosen, record.rejected)
    return tuple(turn.content for turn in record.messages)


def screen(records: Iterable[Record], leaks: LeakScreen, near: float | None) -> Screened:
    """Drop leaks first, then what repeats an earlier record of the same kind and collective word for word or nearly.

    ``near``: least Jaccard similarity of a near-duplicate; ``None`` drops equal ids only.
    """
    dropped: list[Dropped] = []
    left: list[Record] = []
    ids: list[str] = []
    seen: set[str] = set()
    for record in records:
        own = record.id
        leak = leaks.find(texts_of(record))
        if leak is not None:
            dropped.append(_drop(record, own, LEAK, f"{leak.share:.0%} of question {leak.question} of {leak.survey}"))
        elif own in seen:
            dropped.append(_drop(record, own, REPEATED, f"record:{own} says the same"))
        else:
            seen.add(own)
            left.append(record)
            ids.append(own)
    if near is not None:
        twins = {twin.position: twin for twin in near_duplicates(map(_grouped, left), near)}
        for position, twin in twins.items():
            detail = f"{twin.similarity:.0%} like record:{ids[twin.of]}"
            dropped.append(_drop(left[position], ids[position], NEAR_DUPLICATE, detail))
        left = [record for position, record in enumerate(left) if position not in twins]
    return Screened(tuple(left), tuple(dropped))


def _grouped(record: Record) -> tuple[str, str]:
    return f"{record.kind} {record.collective}", "\n".join(texts_of(record))


def _drop(record: Record, own: str, reason: str, detail: str) -> Dropped:
    return Dropped(f"record:{own}", record.kind, reason, detail, parents=record.provenance.parents)
