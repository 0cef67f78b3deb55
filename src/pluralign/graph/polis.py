"""A Polis conversation read from its export: statements and who agreed, disagreed or passed. No statistics here.

Knows the export's files (``comments.csv`` with ``participants-votes.csv`` or ``votes.csv``, and ``summary.csv``) and
nothing of the running service. The exports write agree as 1, disagree as -1 and pass as 0; Polis' own database once
wrote them the other way round, so the sign is checked against the totals that ``comments.csv`` states. The opinion
groups are computed in `pluralign.graph.polis_groups`.

Format: github.com/compdemocracy/polis (server/src/report.ts) and the files of github.com/compdemocracy/openData.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from pluralign.core.errors import DataError

Flags = npt.NDArray[np.bool_]


class Vote(StrEnum):
    """What a participant said to a statement."""

    AGREE = "agree"
    DISAGREE = "disagree"
    PASS = "pass"


class Moderation(StrEnum):
    """What a moderator did with a statement. Rejected ones take no part in the analysis."""

    ACCEPTED = "accepted"
    UNSEEN = "unseen"
    REJECTED = "rejected"


class Statement(NamedTuple):
    """One comment of the conversation."""

    id: str
    text: str
    moderation: Moderation = Moderation.ACCEPTED
    is_meta: bool = False
    """About the conversation instead of its topic; Polis leaves such statements out of the groups."""
    is_seed: bool = False
    """Written by the organisers."""


class Notice(BaseModel):
    """Something in the files that was counted and not used, or used although it looked odd."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: str
    times: int
    example: str


@dataclass(frozen=True, eq=False)
class Conversation:
    """Statements, participants and votes. The three arrays have shape (participants, statements)."""

    topic: str
    statements: tuple[Statement, ...]
    participants: tuple[str, ...]
    agrees: Flags
    disagrees: Flags
    passes: Flags
    exported_groups: Mapping[str, str]
    """Participant -> group id as Polis exported it; participants without a group are absent."""
    notices: tuple[Notice, ...] = ()

    def __post_init__(self) -> None:
        shape = (len(self.participants), len(self.statements))
        if not self.agrees.shape == self.disagrees.shape == self.passes.shape == shape:
            raise ValueError(f"votes must have shape {shape}")
        if int((self.agrees & self.disagrees | self.agrees & self.passes | self.disagrees & self.passes).sum()):
            raise ValueError("a participant has two votes on one statement")

    @property
    def seen(self) -> Flags:
        """Where a participant voted in any way, pass included; shape (participants, statements)."""
        return self.agrees | self.disagrees | self.passes

    @property
    def counted(self) -> Flags:
        """Which statements take part in the analysis: not rejected and not about the conversation itself."""
        return np.array(
            [
                statement.moderation is not Moderation.REJECTED and not statement.is_meta
                for statement in self.statements
            ],
            dtype=np.bool_,
        )

    def vote(self, participant: str, statement: str) -> Vote | None:
        """What the participant said, or None. Raises ValueError for ids that are not there."""
        row = self.participants.index(participant)
        column = [known.id for known in self.statements].index(statement)
        for vote, where in ((Vote.AGREE, self.agrees), (Vote.DISAGREE, self.disagrees), (Vote.PASS, self.passes)):
            if where[row, column]:
                return vote
        return None


# How the exports write a vote. Decimals occur where a spreadsheet has touched the file.
_VOTES = {
    "1": Vote.AGREE,
    "1.0": Vote.AGREE,
    "-1": Vote.DISAGREE,
    "-1.0": Vote.DISAGREE,
    "0": Vote.PASS,
    "0.0": Vote.PASS,
    "-0.0": Vote.PASS,
}
_MODERATION = {"1": Moderation.ACCEPTED, "0": Moderation.UNSEEN, "-1": Moderation.REJECTED}
_TRUE = {"true", "t", "1"}
_FALSE = {"false", "f", "0", ""}
_CONVENTION = {"agree=+1", "disagree=-1", "pass=0"}
_OPPOSITE = {Vote.AGREE: Vote.DISAGREE, Vote.DISAGREE: Vote.AGREE}
_UNLISTED = "votes on statements that comments.csv does not list"
_REPLACED = "earlier votes replaced by a later one of the same person"
MATRIX_NAMES = ("participants-votes.csv", "participant-votes.csv")


class _Cast(NamedTuple):
    participant: str
    statement: str
    vote: Vote


class _Read(NamedTuple):
    votes: list[_Cast]
    participants: list[str]
    groups: dict[str, str]
    stated: Counter[tuple[str, Vote]]
    """(participant, vote) -> number as the file's own summary columns state it; empty for votes.csv."""
    notices: list[Notice]


def read_export(folder: Path) -> Conversation:
    """Read a folder with a Polis export.

    Needs ``comments.csv`` and one of ``participants-votes.csv`` (also ``participant-votes.csv``) and ``votes.csv``; the
    matrix is preferred, since it carries Polis' own groups.

    Raises :class:`DataError` for a missing file, a missing column, a value that cannot be read, or votes whose sign
    contradicts the stated totals.
    """
    if not folder.is_dir():
        raise DataError("is not a folder with a Polis export", file=str(folder))
    comments = folder / "comments.csv"
    matrix = next((folder / name for name in MATRIX_NAMES if (folder / name).exists()), None)
    if not comments.exists():
        raise DataError("comments.csv is not in it; export the conversation from Polis again", file=str(folder))
    long = folder / "votes.csv"
    if matrix is None and not long.exists():
        raise DataError("neither participants-votes.csv nor votes.csv is in it", file=str(folder))
    summary = folder / "summary.csv"
    topic = _read_summary(summary) if summary.exists() else ""
    return read_files(comments, matrix or long, topic=topic or folder.name)


def read_files(comments: Path, votes: Path, *, topic: str = "") -> Conversation:
    """Read the statements from one file and the votes from another; the header tells matrix from long form.

    Raises :class:`DataError` as :func:`read_export`.
    """
    statements, totals = _read_comments(comments)
    known = {statement.id for statement in statements}
    header = _header(votes)
    read = _read_long(votes, known) if "voter-id" in header else _read_matrix(votes, header, known)
    _check_sign(read, totals, votes, comments)
    return from_votes(
        statements, read.votes, participants=read.participants, groups=read.groups, topic=topic, notices=read.notices
    )


def from_votes(
    statements: list[Statement],
    votes: list[_Cast] | list[tuple[str, str, Vote]],
    *,
    participants: list[str] | None = None,
    groups: Mapping[str, str] | None = None,
    topic: str = "",
    notices: list[Notice] | None = None,
) -> Conversation:
    """A conversation from (participant, statement, vote) triples; the last vote on a statement counts.

    Raises KeyError for a vote on a statement that is not listed.
    """
    order = participants if participants is not None else list(dict.fromkeys(vote[0] for vote in votes))
    rows = {participant: row for row, participant in enumerate(order)}
    columns = {statement.id: column for column, statement in enumerate(statements)}
    arrays = {vote: np.zeros((len(rows), len(columns)), dtype=np.bool_) for vote in Vote}
    last = {(rows[who], columns[what]): vote for who, what, vote in votes}
    for (row, column), vote in last.items():
        arrays[vote][row, column] = True
    return Conversation(
        topic=topic,
        statements=tuple(statements),
        participants=tuple(order),
        agrees=arrays[Vote.AGREE],
        disagrees=arrays[Vote.DISAGREE],
        passes=arrays[Vote.PASS],
        exported_groups=dict(groups or {}),
        notices=tuple(notices or ()),
    )


def _header(path: Path) -> list[str]:
    for _, row in _rows(path):
        return [name.strip() for name in row]
    raise DataError("the file is empty", file=str(path), line=1)


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows with the line on which each ends. A byte-order mark, as spreadsheets write it, is dropped."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            for row in reader:
                if row:
                    yield reader.line_num, row
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", file=str(path)) from None
    except UnicodeDecodeError:
        raise DataError("is not UTF-8 text; save it as UTF-8", file=str(path)) from None
    except csv.Error as error:
        raise DataError(f"is not valid CSV: {error}", file=str(path)) from None


def _records(
    path: Path, needed: tuple[str, ...], faults: list[DataError] | None = None
) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows by column. A ragged one goes to ``faults`` where that is given, else it is raised."""
    header: list[str] | None = None
    for line, row in _rows(path):
        if header is None:
            header = [name.strip() for name in row]
            _refuse_bad_header(path, header, needed)
            continue
        if len(row) != len(header):
            problem = f"the row has {len(row)} cells, the header {len(header)}"
            fault = DataError(problem, file=str(path), line=line)
            if faults is None:
                raise fault
            faults.append(fault)
            continue
        yield line, dict(zip(header, row, strict=True))


def _refuse_bad_header(path: Path, header: list[str], needed: tuple[str, ...]) -> None:
    for name in needed:
        if name not in header:
            problem = f"the column is missing; found {', '.join(header[:8])}"
            raise DataError(problem, file=str(path), line=1, field=name)
    twice = [name for name, times in Counter(header).items() if times > 1]
    if twice:
        raise DataError("the column stands there twice", file=str(path), line=1, field=twice[0])


def _cell(path: Path, line: int, record: dict[str, str], column: str) -> str:
    text = record[column].strip()
    if not text:
        raise DataError("the cell is empty", file=str(path), line=line, field=column)
    return text


def _count(path: Path, line: int, record: dict[str, str], column: str) -> int:
    text = _cell(path, line, record, column)
    try:
        number = int(text)
    except ValueError:
        raise DataError(f"expected a whole number, found {text!r}", file=str(path), line=line, field=column) from None
    if number < 0:
        raise DataError(f"expected a count, found {number}", file=str(path), line=line, field=column)
    return number


def _flag(path: Path, line: int, record: dict[str, str], column: str) -> bool:
    text = record.get(column, "").strip().lower()
    if text not in _TRUE | _FALSE:
        raise DataError(f"expected true or false, found {text!r}", file=str(path), line=line, field=column)
    return text in _TRUE


def _vote(path: Path, line: int, text: str, column: str) -> Vote:
    try:
        return _VOTES[text.strip()]
    except KeyError:
        problem = f"expected 1 (agree), -1 (disagree) or 0 (pass), found {text!r}"
        raise DataError(problem, file=str(path), line=line, field=column) from None


def _read_summary(path: Path) -> str:
    """The topic. Raises :class:`DataError` where the export declares another sign of votes than the one read here."""
    topic = ""
    for line, row in _rows(path):
        if row[0] == "topic" and len(row) > 1:
            topic = row[1].strip()
        if row[0] == "vote-convention":
            declared = {part.strip() for part in ",".join(row[1:]).split(";")}
            if not declared >= _CONVENTION:
                problem = f"expected agree=+1;disagree=-1;pass=0, found {';'.join(sorted(declared))}"
                raise DataError(problem, file=str(path), line=line, field="vote-convention")
    return topic


def read_statements(path: Path | str, faults: list[DataError]) -> list[Statement]:
    """The statements of a ``comments.csv`` alone, in order of their ids. What is wrong with a row goes to ``faults``,
    and the rest is read on.

    Raises :class:`DataError` for a file that cannot be read or that lacks a column.
    """
    return _comments(Path(path), faults)[0]


def _read_comments(path: Path) -> tuple[list[Statement], Counter[tuple[str, Vote]]]:
    """Statements in order of their ids, and the totals stated for each."""
    faults: list[DataError] = []
    found = _comments(path, faults)
    if faults:
        raise faults[0]
    if not found[0]:
        raise DataError("there are no comments in it", file=str(path))
    return found


def _comments(path: Path, faults: list[DataError]) -> tuple[list[Statement], Counter[tuple[str, Vote]]]:
    needed = ("comment-id", "agrees", "disagrees", "moderated", "comment-body")
    statements: dict[str, Statement] = {}
    totals: Counter[tuple[str, Vote]] = Counter()
    for line, record in _records(path, needed, faults):
        try:
            name = _cell(path, line, record, "comment-id")
            if name in statements:
                raise DataError(f"comment {name!r} stands there twice", file=str(path), line=line, field="comment-id")
            moderated = record["moderated"].strip()
            if moderated not in _MODERATION:
                problem = f"expected 1 (accepted), 0 (not moderated) or -1 (rejected), found {moderated!r}"
                raise DataError(problem, file=str(path), line=line, field="moderated")
            statement = Statement(
                id=name,
                text=record["comment-body"].strip(),
                moderation=_MODERATION[moderated],
                is_meta=_flag(path, line, record, "is-meta"),
                is_seed=_flag(path, line, record, "is-seed"),
            )
            agrees, disagrees = (_count(path, line, record, column) for column in ("agrees", "disagrees"))
        except DataError as error:
            faults.append(error)
            continue
        statements[name] = statement
        totals[name, Vote.AGREE], totals[name, Vote.DISAGREE] = agrees, disagrees
    return sorted(statements.values(), key=lambda statement: _natural(statement.id)), totals


def _natural(name: str) -> tuple[int, int, str]:
    """Orders "2" before "10", and anything that is no number after the numbers."""
    return (0, int(name), "") if name.isdecimal() else (1, 0, name)


def _read_matrix(path: Path, header: list[str], known: set[str]) -> _Read:
    fixed = ("participant", "group-id", "n-comments", "n-votes", "n-agree", "n-disagree")
    columns = [name for name in header if name not in fixed and name != "xid"]
    unknown = [name for name in columns if name not in known]
    read = _Read([], [], {}, Counter(), [])
    dropped = 0
    seen: set[str] = set()
    for line, record in _records(path, ("participant", "n-agree", "n-disagree")):
        who = _cell(path, line, record, "participant")
        if who in seen:
            raise DataError(f"participant {who!r} stands there twice", file=str(path), line=line, field="participant")
        seen.add(who)
        read.participants.append(who)
        if record.get("group-id", "").strip():
            read.groups[who] = record["group-id"].strip()
        read.stated[who, Vote.AGREE] = _count(path, line, record, "n-agree")
        read.stated[who, Vote.DISAGREE] = _count(path, line, record, "n-disagree")
        for name in columns:
            if not record[name].strip():
                continue
            vote = _vote(path, line, record[name], name)
            if name in known:
                read.votes.append(_Cast(who, name, vote))
            else:
                dropped += 1
    if dropped:
        read.notices.append(Notice(reason=_UNLISTED, times=dropped, example=unknown[0]))
    return read


def _read_long(path: Path, known: set[str]) -> _Read:
    read = _Read([], [], {}, Counter(), [])
    cast: list[tuple[float, int, _Cast]] = []
    dropped: list[str] = []
    for line, record in _records(path, ("timestamp", "comment-id", "voter-id", "vote")):
        stamp = _cell(path, line, record, "timestamp")
        try:
            moment = float(stamp)
        except ValueError:
            problem = f"expected seconds or milliseconds since 1970, found {stamp!r}"
            raise DataError(problem, file=str(path), line=line, field="timestamp") from None
        name = _cell(path, line, record, "comment-id")
        one = _Cast(_cell(path, line, record, "voter-id"), name, _vote(path, line, record["vote"], "vote"))
        if name in known:
            cast.append((moment, line, one))
        else:
            dropped.append(f"line {line}: {name}")
    # People may change their minds. Rows come in any order, so the latest moment counts, then the later row.
    cast.sort(key=lambda item: item[:2])
    read.votes.extend(one for _, _, one in cast)
    read.participants.extend(sorted({one.participant for one in read.votes}, key=_natural))
    pairs = Counter((one.participant, one.statement) for one in read.votes)
    changed = [pair for pair, times in pairs.items() if times > 1]
    if changed:
        example = f"participant {changed[0][0]}, statement {changed[0][1]}"
        earlier = sum(times - 1 for times in pairs.values())
        read.notices.append(Notice(reason=_REPLACED, times=earlier, example=example))
    if dropped:
        read.notices.append(Notice(reason=_UNLISTED, times=len(dropped), example=dropped[0]))
    return read


def _check_sign(read: _Read, totals: Counter[tuple[str, Vote]], votes: Path, comments: Path) -> None:
    """Refuse votes that fit the stated totals better with agree and disagree exchanged; note smaller differences."""
    latest = {(one.participant, one.statement): one.vote for one in read.votes}
    by_statement = Counter((statement, vote) for (_, statement), vote in latest.items())
    by_person = Counter((who, vote) for (who, _), vote in latest.items())
    for counted, stated, where in ((by_statement, totals, comments), (by_person, read.stated, votes)):
        names = {name for name, _ in stated}
        as_read = sum(abs(counted[name, vote] - stated[name, vote]) for name in names for vote in _OPPOSITE)
        exchanged = sum(
            abs(counted[name, _OPPOSITE[vote]] - stated[name, vote]) for name in names for vote in _OPPOSITE
        )
        if as_read > exchanged:
            problem = (
                f"1 must mean agree and -1 disagree, but the totals in {where.name} fit the opposite; "
                "multiply the votes by -1"
            )
            raise DataError(problem, file=str(votes))
        if as_read:
            differing = [
                name
                for name in sorted(names, key=_natural)
                if any(counted[name, v] != stated[name, v] for v in _OPPOSITE)
            ]
            reason = f"rows of {where.name} whose stated totals differ from the votes; the votes were used"
            read.notices.append(Notice(reason=reason, times=len(differing), example=differing[0]))
