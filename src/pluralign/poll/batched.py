"""A poll through batch files: what is not answered yet goes out, what came back is stored. Asks no model.

Keys are those of a poll that asks directly, so that a run may be answered in part by files and in part directly, and is
the same to the byte.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from pluralign.core.errors import ModelError
from pluralign.engines.base import ChatRequest, Completion, Engine, ScoreRequest
from pluralign.engines.http_batch import Batched, Carrier, Imported, Outbox, Results
from pluralign.poll.answer import packed, packed_reply, unpacked_reply
from pluralign.poll.ask import Item, replies, scored
from pluralign.poll.replies import to_reader
from pluralign.poll.run import SHARD, Prepared, shards
from pluralign.poll.seen import Seen
from pluralign.poll.study import Method
from pluralign.store.answers import AnswerStore


class Sent(NamedTuple):
    """What went out."""

    files: tuple[Path, ...]
    requests: int
    """Lines in the files."""
    answered: int
    """Requests that have their answers already, and were left out."""


class Taken(NamedTuple):
    """What came back."""

    lines: int
    """Results in the files."""
    stored: int
    """Answers that are new."""
    known: int
    """Answers that the run had already; they stay as they were."""
    repeated: int
    """Results of a request that has another in the files."""
    foreign: int
    """Results of requests that this run does not make."""
    failed: int
    """Requests that the server did not answer."""
    reason: str
    """Why the first of these was not."""
    lacking: int
    """Requests without an answer, failed ones included."""
    cut_off: tuple[Path, ...]
    """Files that break off in the middle of a line."""


def carrier_of(engine: Engine) -> Carrier:
    """Whom batch files are for. Raises :class:`ModelError` where the engine is no model behind a server."""
    if not isinstance(engine, Batched):
        raise ModelError(
            f"{engine.name!r} runs here: batch files are for a model behind a server, such as http:gpt-4o-mini"
        )
    return engine.carrier()


def send(prepared: Prepared, engine: Engine, reader: Engine | None, store: AnswerStore, path: Path) -> Sent:
    """Write what is not answered yet to ``path`` and, where one file does not hold it all, to ``-2``, ``-3`` … .

    Free texts go to their reader when they have come, in a further batch where the model reads them itself. Raises
    :class:`ModelError` for what batch files cannot carry, and :class:`pluralign.core.errors.UsageError` where there are
    such files.
    """
    carrier, answered = carrier_of(engine), 0
    with Outbox(path) as outbox:
        for part in _everything(prepared, carrier, engine, reader, store):
            missing = store.missing(list(part))
            answered += len(part) - len(missing)
            for key, request in part.items():
                if key in missing:
                    outbox.add(_line(carrier, key, request))
    return Sent(tuple(outbox.paths), outbox.written, answered)


def take_in(
    prepared: Prepared, engine: Engine, reader: Engine | None, store: AnswerStore, paths: Sequence[Path]
) -> Taken:
    """Store the answers in result and error files of a batch.

    An answer that the run has already stays as it is. Raises :class:`pluralign.core.errors.DataError`, before anything
    is stored, for a line that is no result.
    """
    carrier, results = carrier_of(engine), Results(paths)
    stored = known = failed = lacking = 0
    reason = ""
    for part in _everything(prepared, carrier, engine, reader, store):
        missing = store.missing(list(part))
        known += results.seen(part.keys() - missing)
        found = _found(results, {key: request for key, request in part.items() if key in missing})
        if found.replies:
            store.put({key: _packed(reply) for key, reply in found.replies.items()})
        stored += len(found.replies)
        failed += len(found.failed)
        lacking += len(found.failed) + len(found.missing)
        reason = reason or next(iter(found.failed.values()), "")
    return Taken(
        lines=results.lines,
        stored=stored,
        known=known,
        repeated=results.repeated,
        foreign=results.foreign,
        failed=failed,
        reason=reason,
        lacking=lacking,
        cut_off=tuple(results.cut_off),
    )


def _everything(
    prepared: Prepared, carrier: Carrier, engine: Engine, reader: Engine | None, store: AnswerStore
) -> Iterator[Mapping[str, Any]]:
    """Key -> request, shard by shard, every request once; of free texts that are there also the reading."""
    study, seen = prepared.study, Seen()
    for method in study.methods:
        if method is Method.EXACT:
            for shard in shards(scored(study, prepared.voices, prepared.survey.questions), SHARD):
                yield _new(seen, {carrier.score_key(one): one for item in shard for one in item.requests})
            continue
        for drawn in shards(replies(method, study, prepared.voices, prepared.measured.questions), SHARD):
            keys = [carrier.chat_key(item.request) for item in drawn]
            yield _new(seen, {key: item.request for key, item in zip(keys, drawn, strict=True)})
            if method is Method.FREE_TEXT and reader is engine:
                yield _new(seen, {carrier.score_key(one): one for one in _readings(keys, drawn, store)})


def _readings(keys: Sequence[str], drawn: Sequence[Item[ChatRequest]], store: AnswerStore) -> Iterator[ScoreRequest]:
    """What the reader is asked about the texts that are there."""
    said = store.get(keys)
    for key, item in zip(keys, drawn, strict=True):
        asked = to_reader(unpacked_reply(said[key]), item.question, item.layout) if key in said else None
        if asked is not None:
            yield asked


def _new(seen: Seen, asked: dict[str, Any]) -> dict[str, Any]:
    return {key: asked[key] for key in seen.new(list(asked))}


def _line(carrier: Carrier, key: str, request: ScoreRequest | ChatRequest) -> bytes:
    return carrier.score_line(key, request) if isinstance(request, ScoreRequest) else carrier.chat_line(key, request)


def _found(results: Results, asked: Mapping[str, Any]) -> Imported[Any]:
    """One part holds requests of one kind."""
    first = next(islice(asked.values(), 1), None)
    return results.chats(asked) if isinstance(first, ChatRequest) else results.scores(asked)


def _packed(reply: Any) -> dict[str, Any]:
    return packed_reply(reply) if isinstance(reply, Completion) else packed(reply)
