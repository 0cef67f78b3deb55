"""A column per field, a row per judgement: judgements as arrays, so that a million of them are quick to count.

Knows no file. Codes are positions in the tables of names that travel with the columns; time is in microseconds since
1970 in UTC.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pluralign.core.errors import UnknownNameError, UsageError
from pluralign.core.moral_graph import Filters, Judgement, Relationship, SetAside

Codes = NDArray[np.int64]
RELATIONSHIPS = tuple(Relationship)
WISER, NOT_WISER, LESS_WISE, DIFFERENT, UNSURE = range(len(RELATIONSHIPS))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class JudgementTable:
    """Judgements in order of creation. All columns have the same length."""

    participant: Codes
    source: Codes
    """Code of the value the story starts from, in `value_names`."""
    candidate: Codes
    """Code of the value it leads to."""
    relationship: Codes
    """Position in `RELATIONSHIPS`."""
    context: Codes
    time: Codes
    row: Codes
    """Where the judgement stood in its file: 1 is the first row of data."""
    participant_names: tuple[str, ...]
    value_names: tuple[str, ...]
    context_names: tuple[str, ...]
    name: str = "judgements"
    """What messages call the source."""
    set_aside: tuple[SetAside, ...] = ()
    source_hash: str | None = None

    def __len__(self) -> int:
        return len(self.time)

    def where(self, chosen: NDArray[np.bool_] | Codes) -> "JudgementTable":
        """The chosen rows, by mask or by positions."""
        columns = ("participant", "source", "candidate", "relationship", "context", "time", "row")
        return replace(self, **{column: getattr(self, column)[chosen] for column in columns})

    def place(self, position: int) -> str:
        """Name the row at a position of the table for a person who has the file open."""
        return f"{self.name}, data row {self.row[position]}"

    def judgements(self) -> list[Judgement]:
        """The rows as nouns, in order."""
        return [
            Judgement(
                participant=self.participant_names[self.participant[i]],
                source=self.value_names[self.source[i]],
                candidate=self.value_names[self.candidate[i]],
                relationship=RELATIONSHIPS[self.relationship[i]],
                context=self.context_names[self.context[i]],
                judged_at=_EPOCH + timedelta(microseconds=int(self.time[i])),
            )
            for i in range(len(self))
        ]


def from_judgements(judgements: Iterable[Judgement], name: str = "judgements") -> JudgementTable:
    """A table of judgements that are already nouns, put in order of creation."""
    rows = list(judgements)
    people, values, contexts = _Coder(), _Coder(), _Coder()
    columns = np.array(
        [
            (
                people.code(row.participant),
                values.code(row.source),
                values.code(row.candidate),
                RELATIONSHIPS.index(row.relationship),
                contexts.code(row.context),
                microseconds(row.judged_at),
            )
            for row in rows
        ],
        dtype=np.int64,
    ).reshape(len(rows), 6)
    participant, source, candidate, relationship, context, time = columns.T
    table = JudgementTable(
        participant=participant,
        source=source,
        candidate=candidate,
        relationship=relationship,
        context=context,
        time=time,
        row=np.arange(1, len(rows) + 1),
        participant_names=people.names,
        value_names=values.names,
        context_names=contexts.names,
        name=name,
    )
    return table.where(np.argsort(table.time, kind="stable"))


class _Coder:
    def __init__(self) -> None:
        self._codes: dict[str, int] = {}

    def code(self, name: str) -> int:
        return self._codes.setdefault(name, len(self._codes))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._codes)


def microseconds(moment: datetime) -> int:
    """A moment as the `time` column has it. The moment must know its time zone."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


class Participants(NamedTuple):
    """What is known of people: for each attribute, the group of each participant. A person may be in none."""

    groups: Mapping[str, Mapping[str, str]]
    """attribute -> participant -> group"""

    def members(self, attribute: str, group: str) -> set[str]:
        """Raises UnknownNameError for an attribute or a group that nobody has."""
        if attribute not in self.groups:
            raise UnknownNameError("attribute", attribute, self.groups)
        found = {person for person, theirs in self.groups[attribute].items() if theirs == group}
        if not found:
            raise UnknownNameError(f"group of {attribute!r}", group, set(self.groups[attribute].values()))
        return found


def select(
    table: JudgementTable,
    filters: Filters,
    *,
    people: Collection[str] | None = None,
    cases: Sequence[tuple[str, str]] = (),
    participants: Participants | None = None,
) -> JudgementTable:
    """The judgements that the filters ask for.

    ``people`` is the user set; ``cases`` are pairs (context, case), and a context of several cases counts in each.
    Raises UnknownNameError for a context, case, person, attribute or group that is not there, and UsageError for a
    filter whose data were not given.
    """
    chosen = np.ones(len(table), dtype=bool)
    if filters.contexts is not None:
        chosen &= _among(table.context, table.context_names, filters.contexts, "context")
    if filters.case is not None:
        if not cases:
            raise UsageError(f"case {filters.case!r} needs the file of contexts and cases (--contexts)")
        inside = {context for context, case in cases if case == filters.case}
        if not inside:
            raise UnknownNameError("case", filters.case, {case for _, case in cases})
        chosen &= _among(table.context, table.context_names, inside & set(table.context_names), "context")
    if people is not None:
        chosen &= _among(table.participant, table.participant_names, people, "participant")
    for attribute in dict.fromkeys(attribute for attribute, _ in filters.groups):
        if participants is None:
            raise UsageError(f"attribute {attribute!r} needs the file of participants (--participants)")
        members: set[str] = set()
        for group in [group for name, group in filters.groups if name == attribute]:
            members |= participants.members(attribute, group)
        chosen &= _among(
            table.participant, table.participant_names, members & set(table.participant_names), "participant"
        )
    if filters.since is not None:
        chosen &= table.time >= microseconds(filters.since)
    if filters.until is not None:
        chosen &= table.time < microseconds(filters.until)
    return table.where(chosen)


def _among(codes: Codes, names: Sequence[str], wanted: Collection[str], kind: str) -> NDArray[np.bool_]:
    code_of = {name: code for code, name in enumerate(names)}
    allowed = np.zeros(len(names), dtype=bool)
    for name in wanted:
        if name not in code_of:
            raise UnknownNameError(kind, name, names)
        allowed[code_of[name]] = True
    return allowed[codes]


def latest_only(table: JudgementTable, *, per_context: bool) -> JudgementTable:
    """One judgement per participant and ordered pair (and context): the latest counts, earlier ones are set aside.

    People may change their minds and forms may be sent twice; neither is two voices. The published graph had one row
    per participant and pair whatever the context, which is ``per_context=False``.
    """
    key = pack(table.participant, table.source, table.candidate, *([table.context] if per_context else []))
    _, last = np.unique(key[::-1], return_index=True)
    kept = np.sort(len(table) - 1 - last)
    if len(kept) == len(table):
        return table
    again = np.setdiff1d(np.arange(len(table)), kept, assume_unique=True)
    lost = SetAside(
        reason="judged again later by the same participant", count=len(again), example=table.place(int(again[0]))
    )
    return replace(table.where(kept), set_aside=(*table.set_aside, lost))


def pack(*columns: Codes) -> Codes:
    """One number per row that is equal exactly where all columns are equal, and sorts by the first column first."""
    key = np.zeros(len(columns[0]), dtype=np.int64)
    span = 1
    for column in columns:
        width = int(column.max(initial=0)) + 1
        if span * width >= 2**62:  # would overflow: number the keys so far without gaps
            key = np.unique(key, return_inverse=True)[1]
            span = int(key.max(initial=0)) + 1
        key = key * width + column
        span *= width
    return key
