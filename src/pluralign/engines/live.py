"""Many replies at once, for many clients: the seam between a server and engines. Knows no HTTP and no voice.

A reply may be spoken by several requests together, as a mixture: its distribution is then the weighted mean of theirs.
"""

import random
import threading
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar, runtime_checkable

from pluralign.core.errors import BusyError, ModelError
from pluralign.engines.base import ChatRequest, Engine

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_WAITING = 256
"""Replies that may wait for a place before newcomers are turned away."""


@dataclass(frozen=True, slots=True)
class TokenScore:
    """A token that was said, and how likely it was."""

    token: str
    logprob: float
    """Natural log of its probability before temperature and nucleus."""
    top: tuple[tuple[str, float], ...] = ()
    """The likeliest tokens in its place, the likeliest first."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a reply."""

    text: str
    tokens: tuple[TokenScore, ...] = ()
    """Where log-probabilities were asked for."""


@dataclass(frozen=True, slots=True)
class End:
    """The reply is whole."""

    finish: Literal["stop", "length", "refused"]
    prompt_tokens: int
    completion_tokens: int


Heard = Piece | End | Exception
"""What is heard of a reply: pieces, then either its end or why there is none."""


class Part(NamedTuple):
    """One of the requests that speak a reply together."""

    request: ChatRequest
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Utterance:
    """A reply to be spoken. Length, temperature, nucleus, seed and stops are those of the first part."""

    parts: tuple[Part, ...]
    """At least one; weights are positive and sum to 1."""
    client: str = ""
    """Who asks: places are given out to clients in turn."""
    top_logprobs: int | None = None
    """How many likeliest tokens to name beside each that is said; ``None``: no log-probabilities."""


@dataclass(frozen=True, slots=True)
class Load:
    """What an engine has to do at this moment."""

    active: int
    waiting: int


class Live(Protocol):
    """Speaks many replies at once. Safe to use from several threads."""

    engine: Engine
    logprobs: bool
    """Whether log-probabilities of what is said are to be had."""
    begins_at_once: bool
    """Whether :meth:`begin` comes back without delay, so that an event loop may call it itself."""
    mixes: Literal["tokens", "replies"]
    """How a mixture is spoken: from the mean of the next-token distributions, or by one part drawn by its weight.
    Both give every reply the weighted mean of the probabilities that the parts give it."""

    def begin(self, utterance: Utterance, hear: Callable[[Heard], None]) -> Callable[[], None]:
        """Start a reply; ``hear`` is called from another thread. Gives a function that calls the reply off.

        Raises :class:`ModelError` for a conversation that cannot be answered, :class:`BusyError` where too many wait.
        """
        ...

    def do(self, work: Callable[[], Result]) -> "Future[Result]":
        """Let ``work`` use the engine for something else, such as scores, without disturbing what is being said."""
        ...

    def load(self) -> Load:
        """How many replies are being spoken and how many wait."""
        ...

    def close(self) -> None:
        """Stop; replies under way fail."""
        ...


@runtime_checkable
class Piecewise(Protocol):
    """An engine that says more of a streamed reply than its text. Safe to use from several threads."""

    def pieces(self, request: ChatRequest, *, top_logprobs: int | None = None) -> Generator[Piece | End, None, None]:
        """Reply to one request piece by piece; the last is the end."""
        ...


class FairQueue(Generic[Item]):
    """First come, first served within a client; clients take turns. Not safe to use from several threads."""

    def __init__(self, most: int = MOST_WAITING):
        self._most = most
        self._by_client: dict[str, deque[Item]] = {}
        self._turn: deque[str] = deque()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def put(self, client: str, item: Item) -> None:
        """Append. Raises :class:`BusyError` where the queue is full."""
        if self._size >= self._most:
            raise BusyError(f"{self._size} replies are waiting already: try again in a moment")
        if client not in self._by_client:
            self._by_client[client] = deque()
            self._turn.append(client)
        self._by_client[client].append(item)
        self._size += 1

    def first(self) -> Item:
        """The one whose turn it is, left in its place."""
        return self._by_client[self._turn[0]][0]

    def take(self) -> Item:
        """The one whose turn it is; its client goes to the end of the line."""
        client = self._turn.popleft()
        items = self._by_client[client]
        item = items.popleft()
        self._size -= 1
        if items:
            self._turn.append(client)
        else:
            del self._by_client[client]
        return item

    def drop(self, unwanted: Callable[[Item], bool]) -> None:
        """Remove items."""
        for client in list(self._by_client):
            kept = deque(item for item in self._by_client[client] if not unwanted(item))
            self._size -= len(self._by_client[client]) - len(kept)
            self._by_client[client] = kept
            if not kept:
                del self._by_client[client]
                self._turn.remove(client)


class _Spoken:
    """A reply that a thread reads from an engine."""

    def __init__(self, utterance: Utterance, hear: Callable[[Heard], None]):
        self.utterance, self.hear = utterance, hear
        self.cancelled = threading.Event()


class Threaded:
    """Replies of an engine that several threads may use: a server elsewhere, or a script. Each has its own thread."""

    mixes: Literal["tokens", "replies"] = "replies"
    begins_at_once = True

    def __init__(self, engine: Engine, *, concurrency: int = 64, most_waiting: int = MOST_WAITING):
        """``concurrency`` is how many replies are spoken at once. Raises :class:`ModelError` for an unfit engine."""
        if not isinstance(engine, Piecewise):
            raise ModelError(f"the engine {engine.name!r} cannot speak several replies at once")
        self.engine: Engine = engine
        self.logprobs = engine.can.reply_logprobs
        self._pieces = engine.pieces
        self._concurrency = concurrency
        self._pool = ThreadPoolExecutor(concurrency + 1, thread_name_prefix="pluralign-live")
        self._lock = threading.Lock()
        self._waiting: FairQueue[_Spoken] = FairQueue(most_waiting)
        self._active: set[_Spoken] = set()

    def begin(self, utterance: Utterance, hear: Callable[[Heard], None]) -> Callable[[], None]:
        """See :class:`Live`."""
        one = _Spoken(utterance, hear)
        with self._lock:
            if len(self._active) < self._concurrency:
                self._start(one)
            else:
                self._waiting.put(utterance.client, one)

        def cancel() -> None:
            one.cancelled.set()
            with self._lock:
                self._waiting.drop(lambda other: other is one)

        return cancel

    def do(self, work: Callable[[], Result]) -> "Future[Result]":
        """See :class:`Live`."""
        return self._pool.submit(work)

    def load(self) -> Load:
        """See :class:`Live`."""
        with self._lock:
            return Load(len(self._active), len(self._waiting))

    def close(self) -> None:
        """See :class:`Live`."""
        with self._lock:
            for one in self._active:
                one.cancelled.set()
            self._waiting.drop(lambda _: True)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _start(self, one: _Spoken) -> None:
        self._active.add(one)
        self._pool.submit(self._speak, one)

    def _speak(self, one: _Spoken) -> None:
        try:
            request = drawn_part(one.utterance)
            with closing(self._pieces(request, top_logprobs=one.utterance.top_logprobs)) as pieces:
                for piece in pieces:
                    if one.cancelled.is_set():
                        return
                    one.hear(piece)
        except Exception as error:  # whatever went wrong, whoever waits must hear of it
            one.hear(error)
        finally:
            with self._lock:
                self._active.discard(one)
                if len(self._waiting) and len(self._active) < self._concurrency:
                    self._start(self._waiting.take())


def drawn_part(utterance: Utterance) -> ChatRequest:
    """The part of a mixture that speaks this reply, drawn by weight with the reply's own seed."""
    if len(utterance.parts) == 1:
        return utterance.parts[0].request
    chance = random.Random(f"mixture/{utterance.parts[0].request.seed}")
    weights = [part.weight for part in utterance.parts]
    return chance.choices(utterance.parts, weights)[0].request
