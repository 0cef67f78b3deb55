"""Questions and answers as files in OpenAI's batch format, which costs half and needs no connection kept open.

Requests go out as lines of JSON and come back, in any order, with the ``custom_id`` they were given: the key under
which answers are kept, the same that a server asked directly would be asked with. Knows no server.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pluralign.core.errors import DataError, ModelError
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
DIALECT = Dialect()
"""How OpenAI names things."""

Request = TypeVar("Request", ScoreRequest, ChatRequest)
Reply = TypeVar("Reply", OptionScores, Completion)


@dataclass(frozen=True, slots=True)
class Imported(Generic[Reply]):
    """What came back from a batch."""

    replies: dict[str, Reply]
    """Key -> reply."""
    failed: dict[str, str]
    """Key -> why the server did not answer it; ask these again."""
    missing: tuple[str, ...]
    """Keys of which the files say nothing, in the order of the requests."""


def score_keys(requests: Sequence[ScoreRequest], identity: Identity, *, top: int = TOP) -> tuple[str, ...]:
    """Per request its key: what an engine that asks this model directly for ``top`` tokens plans with."""
    return tuple(score_key(request, identity, top) for request in requests)


def chat_keys(requests: Sequence[ChatRequest], identity: Identity) -> tuple[str, ...]:
    """Per request its key."""
    return tuple(chat_key(request, identity) for request in requests)


def export_scores(
    requests: Sequence[ScoreRequest], path: Path, identity: Identity, *, dialect: Dialect = DIALECT, top: int = TOP
) -> list[Path]:
    """Write questions as batch files and give their paths: ``path``, and ``-2``, ``-3`` … where one does not hold all.

    ``identity`` names the model; ``Identity("gpt-4o-mini")`` is one of OpenAI's. Equal requests are written once.
    Raises :class:`ModelError` for a request that this interface cannot carry.
    """
    keys = score_keys(requests, identity, top=top)
    return _write(path, keys, (top_body(request, identity.model, dialect, top) for request in requests))


def export_chats(
    requests: Sequence[ChatRequest], path: Path, identity: Identity, *, dialect: Dialect = DIALECT
) -> list[Path]:
    """Write requests for replies as batch files; see :func:`export_scores`."""
    keys = chat_keys(requests, identity)
    return _write(path, keys, (chat_body(request, identity.model, dialect) for request in requests))


def import_scores(
    paths: Iterable[Path], requests: Sequence[ScoreRequest], identity: Identity, *, top: int = TOP
) -> Imported[OptionScores]:
    """Read result and error files of a batch back into scores, with lower and upper bounds.

    ``requests`` are those that were exported, in any order; lines with other keys are passed over, so one file may
    be read in parts. Raises :class:`DataError`, with file and line, for a line that is no batch result.
    """
    asked = dict(zip(score_keys(requests, identity, top=top), requests, strict=True))
    return _read(paths, asked, top_scores, lambda request: unknown(request, 0))


def import_chats(paths: Iterable[Path], requests: Sequence[ChatRequest], identity: Identity) -> Imported[Completion]:
    """Read result and error files of a batch back into replies; see :func:`import_scores`."""
    asked = dict(zip(chat_keys(requests, identity), requests, strict=True))
    return _read(paths, asked, lambda _, body: completion(body), lambda _: Completion("", "refused", 0, 0))


def _write(path: Path, keys: Sequence[str], bodies: Iterable[dict[str, Any]]) -> list[Path]:
    once = dict(zip(keys, bodies, strict=True))
    lines = (
        canonical_json({"custom_id": key, "method": "POST", "url": f"/v1{CHAT}", "body": body}).encode() + b"\n"
        for key, body in once.items()
    )
    written = []
    for number, part in enumerate(_parts(lines), start=1):
        to = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
        draft = to.with_name(f"{to.name}.part")
        # A file that is there is complete: what is uploaded costs money.
        draft.write_bytes(b"".join(part))
        os.replace(draft, to)
        written.append(to)
    return written


def _parts(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    part: list[bytes] = []
    size = 0
    for line in lines:
        if part and (len(part) >= LINES or size + len(line) > BYTES):
            yield part
            part, size = [], 0
        part.append(line)
        size += len(line)
    if part:
        yield part


def _read(
    paths: Iterable[Path],
    asked: Mapping[str, Request],
    reply: Callable[[Request, Mapping[str, Any]], Reply],
    refused: Callable[[Request], Reply],
) -> Imported[Reply]:
    replies: dict[str, Reply] = {}
    failed: dict[str, str] = {}
    for path in paths:
        for number, line in _lines(path):
            key, body, error = _result(path, number, line)
            if key not in asked:
                continue
            if body is not None:
                try:
                    replies[key] = reply(asked[key], body)
                except ModelError as problem:
                    failed[key] = str(problem)
            elif error is not None and error.get("code") in FILTERED:
                replies[key] = refused(asked[key])
            else:
                failed[key] = str((error or {}).get("message") or (error or {}).get("code") or "no reason given")
    # A request that failed once may have been answered in another file.
    failed = {key: why for key, why in failed.items() if key not in replies}
    return Imported(replies, failed, tuple(key for key in asked if key not in replies and key not in failed))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read: {error}", file=str(path)) from None


def _result(path: Path, number: int, line: str) -> tuple[str, Mapping[str, Any] | None, Mapping[str, Any] | None]:
    """Key, and the answer or the error of one line."""
    try:
        entry = json.loads(line)
        key, response = entry["custom_id"], entry.get("response") or {}
        body, error = response.get("body") or {}, entry.get("error")
        status = int(response.get("status_code") or 0)
        if not isinstance(key, str) or not isinstance(body, dict):
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
