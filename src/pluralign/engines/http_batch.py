"""Questions and answers as files in OpenAI's batch format, which costs half and needs no connection kept open.

Requests go out as lines of JSON and come back, in any order, with the ``custom_id`` they were given: the key under
which answers are kept, the same that a server asked directly would be asked with. Knows no server.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar, runtime_checkable

from pluralign.core.errors import DataError, ModelError, UsageError
from pluralign.core.ids import canonical_json
from pluralign.engines.base import ChatRequest, Completion, OptionScores, ScoreRequest
from pluralign.engines.http_bodies import (
    CHAT,
    FILTERED,
    Dialect,
    Identity,
    chat_body,
    chat_key,
    completion,
    score_key,
    top_body,
    top_scores,
)
from pluralign.engines.http_bounds import unknown

TOP = 20
"""How many of the likeliest tokens are asked for: the most that OpenAI lists."""
LINES = 50_000
BYTES = 190_000_000
"""A file has at most so many requests and so many bytes; what is more goes into further files."""

Request = TypeVar("Request", ScoreRequest, ChatRequest)
Reply = TypeVar("Reply", OptionScores, Completion)


class Carrier(NamedTuple):
    """Whom batch files are for. ``Carrier(Identity("gpt-4o-mini"))`` is one of OpenAI's models."""

    identity: Identity
    dialect: Dialect = Dialect()
    top: int | None = TOP
    """How many likeliest tokens the model lists; ``None`` where batch files cannot ask for them."""

    def score_key(self, request: ScoreRequest) -> str:
        """What an engine that asks this model directly plans with."""
        return score_key(request, self.identity, self.top or 0)

    def chat_key(self, request: ChatRequest) -> str:
        """The same for a reply."""
        return chat_key(request, self.identity)

    def score_line(self, key: str, request: ScoreRequest) -> bytes:
        """A question as a line of a batch file. Raises :class:`ModelError` where this interface cannot carry it."""
        if self.top is None:
            raise ModelError(
                f"batch files cannot ask {self.identity.model!r} how probable options are, as the server at "
                f"{self.identity.base_url!r} tells it in another way: ask it directly, or with --method samples"
            )
        return _line(key, top_body(request, self.identity.model, self.dialect, self.top))

    def chat_line(self, key: str, request: ChatRequest) -> bytes:
        """A request for a reply as a line of a batch file. Raises :class:`ModelError` as :meth:`score_line`."""
        return _line(key, chat_body(request, self.identity.model, self.dialect))


@runtime_checkable
class Batched(Protocol):
    """An engine whose requests may also go out as files."""

    def carrier(self) -> Carrier:
        """Whom the files are for."""
        ...


def _line(key: str, body: dict[str, Any]) -> bytes:
    return canonical_json({"custom_id": key, "method": "POST", "url": f"/v1{CHAT}", "body": body}).encode() + b"\n"


class Outbox:
    """Batch files being written: ``path``, and ``-2``, ``-3`` … where one does not hold all.

    Use as a context manager: the files are put in place when everything is written, so that what is uploaded, which
    costs money, is all there is to send.
    """

    def __init__(self, path: Path):
        """Raises :class:`UsageError` where there is such a file: it may have been sent already."""
        there = [path, *sorted(path.parent.glob(f"{path.stem}-[0-9]*{path.suffix}"))]
        for one in there:
            if one.exists():
                raise UsageError(f"there is a file {str(one)!r} already, which may have been sent: name another")
        self.paths: list[Path] = []
        """The files, in order."""
        self.written = 0
        """Lines in all of them."""
        self._path, self._lines, self._bytes = path, 0, 0
        self._file: Any = None

    def add(self, line: bytes) -> None:
        """Write a line. Raises :class:`UsageError` where the disk does not take it."""
        try:
            if self._file is None or self._lines >= LINES or self._bytes + len(line) > BYTES:
                self._next()
            self._file.write(line)
        except OSError as error:
            raise UsageError(f"{str(self._path)!r} cannot be written: {error.strerror}") from None
        self._lines, self._bytes, self.written = self._lines + 1, self._bytes + len(line), self.written + 1

    def _next(self) -> None:
        if self._file is not None:
            self._file.close()
        number = len(self.paths) + 1
        self.paths.append(self._path if number == 1 else self._path.with_stem(f"{self._path.stem}-{number}"))
        self._file, self._lines, self._bytes = _draft(self.paths[-1]).open("wb"), 0, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        for path in self.paths:
            if error is None:
                os.replace(_draft(path), path)
            else:
                _draft(path).unlink(missing_ok=True)


def _draft(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


@dataclass(frozen=True, slots=True)
class Imported(Generic[Reply]):
    """What came back from a batch."""

    replies: dict[str, Reply]
    """Key -> reply."""
    failed: dict[str, str]
    """Key -> why the server did not answer it; ask these again."""
    missing: tuple[str, ...]
    """Keys of which the files say nothing, in the order of the requests."""


class _Place(NamedTuple):
    """Where the result of a request stands."""

    path: Path
    offset: int
    answered: bool


class Results:
    """Result and error files of a batch, looked through once. Bodies stay on disk until they are asked for."""

    def __init__(self, paths: Iterable[Path]):
        """Raises :class:`DataError`, with file and line, for a line that is no result of a batch."""
        self.lines = 0
        """Results in all files."""
        self.repeated = 0
        """Results of requests that have another: the first answer counts."""
        self.cut_off: list[Path] = []
        """Files whose last line broke off, as of a download that did not end; that line is passed over."""
        self._places: dict[str, _Place] = {}
        self._asked: set[str] = set()
        for path in paths:
            for number, offset, line in _lines(path):
                if not line.endswith(b"\n") and not _is_json(line):
                    self.cut_off.append(path)
                    continue
                key, body, _ = _result(path, number, line)
                self.lines += 1
                earlier = self._places.get(key)
                if earlier is not None:
                    self.repeated += 1
                if earlier is None or (body is not None and not earlier.answered):
                    self._places[key] = _Place(path, offset, body is not None)

    def scores(self, asked: Mapping[str, ScoreRequest]) -> Imported[OptionScores]:
        """Results as scores, with lower and upper bounds."""
        return self._read(asked, top_scores, lambda request: unknown(request, 0))

    def chats(self, asked: Mapping[str, ChatRequest]) -> Imported[Completion]:
        """Results as replies."""
        return self._read(asked, lambda _, body: completion(body), lambda _: Completion("", "refused", 0, 0))

    def seen(self, keys: Iterable[str]) -> int:
        """Of how many of these the files tell; they are not foreign then."""
        told = self._places.keys() & set(keys)
        self._asked |= told
        return len(told)

    @property
    def foreign(self) -> int:
        """Requests with a result that nobody asked about."""
        return len(self._places) - len(self._asked)

    def _read(
        self,
        asked: Mapping[str, Request],
        reply: Callable[[Request, Mapping[str, Any]], Reply],
        refused: Callable[[Request], Reply],
    ) -> Imported[Reply]:
        replies: dict[str, Reply] = {}
        failed: dict[str, str] = {}
        self.seen(asked)
        told = sorted(asked.keys() & self._places.keys(), key=lambda key: self._places[key][:2])
        for key, line in self._bodies(told):
            _, body, error = _result(self._places[key].path, 0, line)
            if body is not None:
                try:
                    replies[key] = reply(asked[key], body)
                except ModelError as problem:
                    failed[key] = str(problem)
            elif error is not None and error.get("code") in FILTERED:
                replies[key] = refused(asked[key])
            else:
                failed[key] = str((error or {}).get("message") or (error or {}).get("code") or "no reason given")
        return Imported(replies, failed, tuple(key for key in asked if key not in self._places))

    def _bodies(self, keys: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        for path, own in groupby(keys, key=lambda key: self._places[key].path):
            with path.open("rb") as file:
                for key in own:
                    file.seek(self._places[key].offset)
                    yield key, file.readline()


def score_keys(requests: Sequence[ScoreRequest], identity: Identity, *, top: int = TOP) -> tuple[str, ...]:
    """Per request its key: what an engine that asks this model directly for ``top`` tokens plans with."""
    return tuple(map(Carrier(identity, top=top).score_key, requests))


def chat_keys(requests: Sequence[ChatRequest], identity: Identity) -> tuple[str, ...]:
    """Per request its key."""
    return tuple(map(Carrier(identity).chat_key, requests))


def export_scores(requests: Sequence[ScoreRequest], path: Path, carrier: Carrier) -> list[Path]:
    """Write questions as batch files, equal ones once, and give their paths.

    Raises :class:`ModelError` for a request that this interface cannot carry.
    """
    return _export({carrier.score_key(request): request for request in requests}, path, carrier.score_line)


def export_chats(requests: Sequence[ChatRequest], path: Path, carrier: Carrier) -> list[Path]:
    """Write requests for replies as batch files; see :func:`export_scores`."""
    return _export({carrier.chat_key(request): request for request in requests}, path, carrier.chat_line)


def import_scores(
    paths: Iterable[Path], requests: Sequence[ScoreRequest], identity: Identity, *, top: int = TOP
) -> Imported[OptionScores]:
    """Read result and error files of a batch back into scores, with lower and upper bounds.

    ``requests`` are those that were exported, in any order; lines with other keys are passed over, so one file may
    be read in parts. Raises :class:`DataError`, with file and line, for a line that is no batch result.
    """
    return Results(paths).scores(dict(zip(score_keys(requests, identity, top=top), requests, strict=True)))


def import_chats(paths: Iterable[Path], requests: Sequence[ChatRequest], identity: Identity) -> Imported[Completion]:
    """Read result and error files of a batch back into replies; see :func:`import_scores`."""
    return Results(paths).chats(dict(zip(chat_keys(requests, identity), requests, strict=True)))


def _export(asked: Mapping[str, Request], path: Path, line: Callable[[str, Request], bytes]) -> list[Path]:
    with Outbox(path) as outbox:
        for key, request in asked.items():
            outbox.add(line(key, request))
    return outbox.paths


def _lines(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Number, place in the file and bytes of every line that is not empty."""
    try:
        with path.open("rb") as file:
            offset = 0
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, offset, line
                offset += len(line)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", file=str(path)) from None


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _result(path: Path, number: int, line: bytes) -> tuple[str, Mapping[str, Any] | None, Mapping[str, Any] | None]:
    """Key, and the answer or the error of one line."""
    try:
        entry = json.loads(line)
        key, response = entry["custom_id"], entry.get("response") or {}
        body, error = response.get("body") or {}, entry.get("error")
        status = int(response.get("status_code") or 0)
        if not isinstance(key, str) or not isinstance(body, dict) or not entry.keys() & {"response", "error"}:
            raise TypeError
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError(
            "is no result of a batch: give the file that the batch put out, not the one that was sent",
            file=str(path),
            line=number,
        ) from None
    if status == 200:
        return key, body, None
    inner = error if isinstance(error, dict) else body.get("error")
    return key, None, inner if isinstance(inner, dict) else {"message": str(inner)} if inner else None
