"""Review sheets: records that people of the community read before a model is trained on them, and what they said.

A sheet is a CSV file for one reviewer, to be filled in with any spreadsheet program. Pairs are shown blind: which reply
the record holds for the better one does not show. Knows no recipe, no model and no trainer.
"""

import csv
import io
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pluralign.core.chat import Message
from pluralign.core.errors import DataError, UsageError
from pluralign.core.ids import content_hash
from pluralign.core.records import PreferenceRecord, Record
from pluralign.metrics.concordance import nominal_alpha
from pluralign.store.sheets import safe_cell
from pluralign.surveys.files import read_text

COLUMNS = ("key", "kind", "conversation", "reply", "other reply", "verdict", "comment")
APPROVE, REJECT, UNSURE = "yes", "no", "unsure"
CHOSEN, REJECTED, EQUAL = "chosen", "rejected", "equal"
_SPOKEN = {"yes": APPROVE, "y": APPROVE, "no": REJECT, "n": REJECT, "unsure": UNSURE, "?": UNSURE}
_PREFERRED = {"1": 1, "first": 1, "2": 2, "second": 2}
_NEITHER = {"equal": EQUAL, "same": EQUAL, "neither": EQUAL, "unsure": UNSURE, "?": UNSURE}


class Sheet(NamedTuple):
    """What one reviewer is given."""

    reviewer: int
    """From 1."""
    records: tuple[Record, ...]
    """In the order in which they are shown."""


class Verdict(NamedTuple):
    """What one reviewer said of one record."""

    record: str
    """Its id."""
    verdict: str
    """``yes``, ``no`` or ``unsure`` of a conversation; ``chosen``, ``rejected``, ``equal`` or ``unsure`` of a pair, in
    the terms of the record."""
    comment: str
    reviewer: str
    """Name of the sheet's file, without its ending."""


class Tally(NamedTuple):
    """What all reviewers said of one record."""

    approve: int
    """Would say this; of a pair: would rather hear the reply that the record holds for the better one."""
    reject: int
    undecided: int
    """Unsure, or neither is better."""


class Rejected(NamedTuple):
    """A record that reviewers did not let pass."""

    record: Record
    tally: Tally
    comments: tuple[str, ...]


class Reviewed(NamedTuple):
    """What came of a review."""

    records: tuple[Record, ...]
    """What stays, in the order of the file. Pairs carry the reviewers' preference, and are turned where they say so."""
    rejected: tuple[Rejected, ...]
    tallies: Mapping[str, Tally]
    """Record id, as it was in the file -> verdicts."""
    turned: int
    """Pairs of which reviewers prefer the other reply."""
    alpha: Mapping[str, float]
    """Kind -> Krippendorff's alpha of the verdicts on records that at least two read; NaN where it is undefined."""
    unread: int
    """Records without any verdict."""


def draw_sheets(records: Sequence[Record], *, sample: int, reviewers: int, each: int, seed: int) -> list[Sheet]:
    """Draw records and deal them out: as evenly over collectives and parents (principle, question, text) as can be.

    ``sample``: records drawn, all where there are no more. ``each``: reviewers who read a record. Sheets differ in
    length by at most one, and each is in an order of its own. Raises :class:`UsageError` for more readers than people.
    """
    if each > reviewers:
        raise UsageError(
            f"{each} reviewers cannot read a record where there are {reviewers}; lower --each or raise --reviewers"
        )
    distinct = list({record.id: record for record in records}.values())
    drawn = _spread(distinct, sample, random.Random(f"{seed}/draw"))
    dealt: list[list[Record]] = [[] for _ in range(reviewers)]
    for at, record in enumerate(drawn):
        for copy in range(each):
            dealt[(at * each + copy) % reviewers].append(record)
    for number, own in enumerate(dealt):
        random.Random(f"{seed}/{number}").shuffle(own)
    return [Sheet(number, tuple(own)) for number, own in enumerate(dealt, start=1)]


def _spread(records: Sequence[Record], sample: int, chance: random.Random) -> list[Record]:
    """One of each stratum in turn, until there are enough."""
    strata: dict[tuple[str, str, str], list[Record]] = defaultdict(list)
    for record in records:
        parents = record.provenance.parents
        strata[record.kind, record.collective, parents[0] if parents else ""].append(record)
    piles = [strata[name] for name in sorted(strata)]
    for pile in piles:
        chance.shuffle(pile)
    chance.shuffle(piles)
    drawn: list[Record] = []
    while piles and len(drawn) < sample:
        drawn += [pile.pop() for pile in piles][: sample - len(drawn)]
        piles = [pile for pile in piles if pile]
    return drawn


def sheet_text(sheet: Sheet) -> str:
    """The sheet as CSV with a header; columns: :data:`COLUMNS`. Cells never begin with what a spreadsheet takes for a
    formula."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\r\n")
    rows.writerow(COLUMNS)
    for record in sheet.records:
        if isinstance(record, PreferenceRecord):
            swapped = _swapped(record.id, sheet.reviewer)
            replies = (record.rejected, record.chosen) if swapped else (record.chosen, record.rejected)
            said, kind = record.prompt, "pair"
        else:
            swapped, replies, said, kind = False, (record.messages[-1].content, ""), record.messages[:-1], "reply"
        cells = (_conversation(said), *replies, "", "")
        rows.writerow((f"{record.id}-{sheet.reviewer}", kind, *map(safe_cell, cells)))
    return out.getvalue()


def _swapped(record: str, reviewer: int) -> bool:
    """Whether this reviewer sees the replies the other way round: by chance, and the same when the sheet comes back."""
    return int(content_hash([record, reviewer])[:8], 16) % 2 == 1


def _conversation(turns: Sequence[Message]) -> str:
    return "\n\n".join(turn.content if turn.role == "user" else f"[{turn.role}] {turn.content}" for turn in turns)


def read_sheet(path: Path, known: Mapping[str, Record]) -> Iterator[Verdict]:
    """Verdicts of a sheet that came back; rows without one are passed over. Commas, semicolons or tabs.

    ``known``: record id -> record. Raises :class:`DataError` naming file, line and column where a verdict cannot be
    read or a record is not known.
    """
    text = read_text(path)
    header = text.splitlines()[0]
    rows = csv.DictReader(io.StringIO(text), delimiter=max(",;\t", key=header.count))
    missing = {"key", "verdict"} - set(rows.fieldnames or ())
    if missing:
        raise DataError(f"the column {min(missing)!r} is missing", file=str(path), line=1)
    for row in rows:
        said = (row["verdict"] or "").strip().lower().rstrip(".")
        if not said:
            continue
        id_, _, reviewer = (row["key"] or "").strip().rpartition("-")
        if id_ not in known or not reviewer.isdigit():
            raise DataError(
                f"no record has the key {row['key']!r}; name the file that the sheets were drawn from",
                file=str(path),
                line=rows.line_num,
                field="key",
            )
        verdict = _verdict(known[id_], int(reviewer), said)
        if verdict is None:
            words = "1, 2, equal or unsure" if isinstance(known[id_], PreferenceRecord) else "yes, no or unsure"
            raise DataError(
                f"{said!r} is no verdict; write {words}", file=str(path), line=rows.line_num, field="verdict"
            )
        yield Verdict(id_, verdict, (row.get("comment") or "").strip(), path.stem)


def _verdict(record: Record, reviewer: int, said: str) -> str | None:
    if not isinstance(record, PreferenceRecord):
        return _SPOKEN.get(said)
    if said in _NEITHER:
        return _NEITHER[said]
    if said not in _PREFERRED:
        return None
    first_is_chosen = not _swapped(record.id, reviewer)
    return CHOSEN if (_PREFERRED[said] == 1) == first_is_chosen else REJECTED


def apply_review(records: Iterable[Record], verdicts: Sequence[Verdict], *, only_reviewed: bool) -> Reviewed:
    """Keep what the reviewers let pass.

    A conversation stays where more approve than reject it. A pair's ``preference`` becomes (a + 1) / (a + b + 2),
    Laplace's estimate from a verdicts for the one reply and b for the other; at 1/2 the pair goes, below it the pair is
    turned. What nobody read stays, unless ``only_reviewed``. A record with undecided verdicts alone is rejected.
    """
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    comments: dict[str, list[str]] = defaultdict(list)
    for one in verdicts:
        counted[one.record][one.verdict] += 1
        if one.comment:
            comments[one.record].append(one.comment)
    stay: list[Record] = []
    rejected: list[Rejected] = []
    kinds: dict[str, dict[str, Counter[str]]] = defaultdict(dict)
    turned = unread = 0
    tallies: dict[str, Tally] = {}
    for record in records:
        counts = counted.get(record.id)
        if counts is None:
            unread += 1
            if not only_reviewed:
                stay.append(record)
            continue
        kinds[record.kind][record.id] = counts
        tally = tallies[record.id] = Tally(
            counts[APPROVE] + counts[CHOSEN], counts[REJECT] + counts[REJECTED], counts[UNSURE] + counts[EQUAL]
        )
        if isinstance(record, PreferenceRecord) and tally.approve != tally.reject:
            turned += tally.reject > tally.approve
            stay.append(_preferred(record, tally))
        elif not isinstance(record, PreferenceRecord) and tally.approve > tally.reject:
            stay.append(_marked(record, tally))
        else:
            rejected.append(Rejected(record, tally, tuple(comments[record.id])))
    alpha = {kind: _alpha(list(by_record.values())) for kind, by_record in sorted(kinds.items())}
    return Reviewed(tuple(stay), tuple(rejected), tallies, turned, alpha, unread)


def _preferred(record: PreferenceRecord, tally: Tally) -> PreferenceRecord:
    share = (tally.approve + 1) / (tally.approve + tally.reject + 2)
    kept = _marked(record, tally)
    assert isinstance(kept, PreferenceRecord)
    if share > 0.5:
        return kept.model_copy(update={"preference": share, "margin": None})
    parents = (*record.provenance.parents, f"record:{record.id}")
    provenance = kept.provenance.model_copy(update={"parents": parents})
    other = {"chosen": record.rejected, "rejected": record.chosen, "preference": 1 - share, "margin": None}
    return kept.model_copy(update={**other, "provenance": provenance})


def _marked(record: Record, tally: Tally) -> Record:
    said = {
        "reviewers_for": tally.approve,
        "reviewers_against": tally.reject,
        "reviewers_undecided": tally.undecided,
    }
    provenance = record.provenance.model_copy(update={"details": record.provenance.details | said})
    return record.model_copy(update={"provenance": provenance})


def _alpha(counts: Sequence[Counter[str]]) -> float:
    names = sorted({name for one in counts for name in one})
    return nominal_alpha(np.array([[one[name] for name in names] for one in counts]))
