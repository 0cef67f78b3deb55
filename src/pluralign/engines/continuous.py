"""Continuous batching: one model in this process speaks many replies at once. Knows tokens and text, no HTTP.

Every step decodes the next token of all replies that are being spoken; new ones join and finished ones leave between
steps. Long prompts are read in chunks between steps, so that nobody's reply stands still while another's question is
read. Replies under different adapters go through the model one after the other within a step.

A mixture speaks one reply from several prompts: the next token comes from the weighted mean of their next-token
distributions, and each weight is multiplied by the probability its prompt gave to what was said. That makes the
probability of a whole reply, as of its first token, exactly the weighted mean of the probabilities its parts give it.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from pluralign.core.adapter import mixed
from pluralign.core.errors import InterruptedRunError, ModelError
from pluralign.engines.base import Engine
from pluralign.engines.generate import Reply, add_token, choose_token, end_tokens
from pluralign.engines.live import MOST_WAITING, End, FairQueue, Heard, Load, Piece, TokenScore, Utterance
from pluralign.engines.local import TREES, LocalEngine, context_length
from pluralign.engines.rendering import Renderer, Tokens

Result = TypeVar("Result")

ROWS = 16
"""Sequences that are decoded together; a mixture of three counts as three."""
CHUNK = 128
"""Tokens of a prompt that are read between two steps: about what a step for all the others costs on a processor."""


@dataclass(eq=False)
class _Row:
    """One sequence: a prompt, and what the reply it takes part in has said."""

    adapter: str
    prompt: Tokens
    log_weight: float
    cache: Any = None
    read: int = 0
    logits: torch.Tensor | None = None
    """Of the next token, once there are any; shape (vocabulary,)."""


@dataclass(eq=False)
class _Stream:
    """A reply while it is spoken."""

    reply: Reply
    rows: list[_Row]
    hear: Callable[[Heard], None]
    top_logprobs: int | None
    cancelled: bool = False
    sent: int = 0
    tokens: list[TokenScore] = field(default_factory=list)
    """Scores of tokens whose text was not sent yet."""

    @property
    def read(self) -> bool:
        return all(row.logits is not None for row in self.rows)


class Continuous:
    """Speaks many replies of one local model at once; see :class:`pluralign.engines.live.Live`."""

    mixes: Literal["tokens", "replies"] = "tokens"
    logprobs = True
    begins_at_once = False  # a long conversation takes a while to tokenise

    def __init__(
        self, engine: LocalEngine, *, rows: int = ROWS, most_waiting: int = MOST_WAITING, chunk: int | None = None
    ):
        """``rows`` is how many sequences are decoded together, ``chunk`` how much of a prompt is read between steps."""
        self.engine: Engine = engine
        self._local = engine
        self._rows = rows
        self._chunk = chunk or (CHUNK if engine.model.device.type == "cpu" else 16 * CHUNK)
        self._limit = context_length(engine.model)
        self._ends = end_tokens(engine.model, engine.renderer.tokenizer)
        self._renderers: dict[str, Renderer] = {"": engine.renderer}
        self._rendering = threading.Lock()
        self._changed = threading.Condition()
        self._waiting: FairQueue[_Stream] = FairQueue(most_waiting)
        self._reading: deque[_Stream] = deque()
        self._speaking: list[_Stream] = []
        self._lanes: list[_Lane] = []
        self._work: deque[Callable[[], None]] = deque()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="pluralign-continuous", daemon=True)
        self._thread.start()

    def begin(self, utterance: Utterance, hear: Callable[[Heard], None]) -> Callable[[], None]:
        """See :class:`pluralign.engines.live.Live`. Raises :class:`ModelError` also for a prompt that is too long."""
        if len(utterance.parts) > self._rows:
            raise ModelError(f"a mixture of {len(utterance.parts)} voices is more than the {self._rows} spoken at once")
        rows = []
        for part in utterance.parts:
            request = part.request
            renderer = self._renderer(request.adapter, request.reply_start)
            renderer.refuse_controls_in(request.messages)
            with self._rendering:
                prompt = renderer.tokens(renderer.text(request.messages, request.reply_start))
            if len(prompt) >= self._limit:
                raise ModelError(
                    f"a conversation of {len(prompt)} tokens leaves no room for a reply: the model reads {self._limit}"
                )
            rows.append(_Row(request.adapter, prompt, float(torch.tensor(part.weight, dtype=torch.float64).log())))
        first = utterance.parts[0].request
        longest = max((row.prompt for row in rows), key=len)
        generator = torch.Generator().manual_seed(first.seed)
        stream = _Stream(Reply(longest, first, generator), rows, hear, utterance.top_logprobs)
        with self._changed:
            if self._closed:
                raise InterruptedRunError("the server is stopping")
            self._waiting.put(utterance.client, stream)
            self._changed.notify()

        def cancel() -> None:
            with self._changed:
                stream.cancelled = True
                self._waiting.drop(lambda other: other is stream)
                self._changed.notify()

        return cancel

    def do(self, work: Callable[[], Result]) -> "Future[Result]":
        """See :class:`pluralign.engines.live.Live`. The work is done between two steps."""
        future: Future[Result] = Future()

        def carry_out() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except BaseException as error:
                    future.set_exception(error)

        with self._changed:
            if self._closed:
                raise InterruptedRunError("the server is stopping")
            self._work.append(carry_out)
            self._changed.notify()
        return future

    def load(self) -> Load:
        """See :class:`pluralign.engines.live.Live`."""
        with self._changed:
            return Load(len(self._reading) + len(self._speaking), len(self._waiting))

    def close(self) -> None:
        """See :class:`pluralign.engines.live.Live`."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(timeout=30)

    def _renderer(self, adapter: str, reply_start: str) -> Renderer:
        known = self._renderers.get(adapter)
        if known is None or (mixed(reply_start) is not None and not known.knows(reply_start)):
            # Loading an adapter, or a mixture of its tokens, changes the model, which only the worker may do.
            self._renderers[adapter] = self.do(lambda: self._local.renderer_of(adapter, reply_start)).result()
        return self._renderers[adapter]

    # --- the worker ---------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self._closed or len(self._waiting) or self._reading or self._speaking or self._work):
                    self._changed.wait()
                if self._closed:
                    break
                self._admit()
                work = self._work.popleft() if self._work else None
            if work is not None:
                work()
            self._drop(lambda stream: stream.cancelled)
            if self._reading:
                self._read_chunk(self._reading[0])
            self._step()
        stopping = InterruptedRunError("the server is stopping")
        with self._changed:
            waiting = [self._waiting.take() for _ in range(len(self._waiting))]
            pending, self._work = list(self._work), deque()
        for stream in (*self._reading, *self._speaking, *waiting):
            stream.hear(stopping)
        for one in pending:  # whoever waits for an answer gets one
            one()

    def _admit(self) -> None:
        """Give free places to those whose turn it is."""
        taken = sum(len(stream.rows) for stream in (*self._reading, *self._speaking))
        while len(self._waiting) and taken + len(self._waiting.first().rows) <= self._rows:
            stream = self._waiting.take()
            taken += len(stream.rows)
            self._reading.append(stream)

    def _drop(self, unwanted: Callable[[_Stream], bool]) -> None:
        gone = [stream for stream in (*self._reading, *self._speaking) if unwanted(stream)]
        if not gone:
            return
        with self._changed:
            self._reading = deque(stream for stream in self._reading if stream not in gone)
            self._speaking = [stream for stream in self._speaking if stream not in gone]
        rows = {id(row) for stream in gone for row in stream.rows}
        for lane in self._lanes:
            lane.leave(rows)
        self._lanes = [lane for lane in self._lanes if lane.rows]

    def _fail(self, streams: Sequence[_Stream], error: Exception) -> None:
        failed = {id(stream) for stream in streams}
        self._drop(lambda stream: id(stream) in failed)
        if isinstance(error, torch.OutOfMemoryError | MemoryError):
            error = ModelError(f"out of memory while {self._local.name!r} was speaking: ask less at once")
        for stream in streams:
            stream.hear(error)

    def _read_chunk(self, stream: _Stream) -> None:
        """Read a little of one prompt; prompts take turns. One that is whole says its first token."""
        row = next(row for row in stream.rows if row.logits is None)
        try:
            with self._local.wearing(row.adapter):
                self._read(row)
        except Exception as error:
            self._fail([stream], error)
            return
        with self._changed:
            self._reading.popleft()
            if not stream.read:
                self._reading.append(stream)
                return
            self._speaking.append(stream)
        for row in stream.rows:
            self._lane(row).join(row)
        self._say([stream])

    @torch.inference_mode()
    def _read(self, row: _Row) -> None:
        model = self._local.model
        if row.cache is None:
            row.cache = DynamicCache(config=model.config)
        # Models that keep something else than keys and values are read whole, as their makers test them.
        size = self._chunk if _joinable(row.cache) else len(row.prompt)
        tokens = row.prompt[row.read : row.read + size]
        places = torch.arange(row.read, row.read + len(tokens), device=model.device)[None]
        logits = model(
            input_ids=torch.tensor([tokens], device=model.device),
            attention_mask=torch.ones((1, row.read + len(tokens)), dtype=torch.long, device=model.device),
            position_ids=places,
            past_key_values=row.cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[0, -1]
        row.read += len(tokens)
        if row.read == len(row.prompt):
            row.logits = logits.float().cpu()

    def _lane(self, row: _Row) -> "_Lane":
        """The lane of the row's adapter, or one of its own where rows of this model cannot be read together."""
        if self._local.method in TREES and _joinable(row.cache):
            for lane in self._lanes:
                if lane.adapter == row.adapter:
                    return lane
        lane = _Lane(self._local, row.adapter)
        self._lanes.append(lane)
        return lane

    def _step(self) -> None:
        """The next token of every reply that is being spoken."""
        streams = list(self._speaking)
        if not streams:
            return
        last = {id(row): stream.reply.tokens[-1] for stream in streams for row in stream.rows}
        for lane in list(self._lanes):
            try:
                lane.step(last)
            except Exception as error:
                rows = {id(row) for row in lane.rows}
                self._fail([one for one in streams if any(id(row) in rows for row in one.rows)], error)
        self._say([stream for stream in streams if stream in self._speaking])

    def _say(self, streams: Sequence[_Stream]) -> None:
        """Choose the next token of each reply and let it be heard; take out what is whole."""
        finished = []
        for stream in streams:
            try:
                self._choose(stream)
            except Exception as error:
                self._fail([stream], error)
                continue
            if stream.reply.finish is not None:
                finished.append(stream)
        done = {id(stream) for stream in finished}
        self._drop(lambda stream: id(stream) in done)
        for stream in finished:
            end = stream.reply.completion()
            stream.hear(End(end.finish, end.prompt_tokens, end.completion_tokens))

    def _choose(self, stream: _Stream) -> None:
        reply = stream.reply
        tokenizer = self._renderers[stream.rows[0].adapter].tokenizer
        logits = _mixed(stream.rows)
        if reply.request.max_tokens == 0:
            reply.finish = "length"
            return
        token = choose_token(logits, reply)
        if len(stream.rows) > 1:
            for row in stream.rows:
                assert row.logits is not None
                row.log_weight += float(torch.log_softmax(row.logits.double(), dim=-1)[token])
        add_token(reply, token, tokenizer, self._ends, self._limit)
        if stream.top_logprobs is not None and token not in self._ends:
            stream.tokens.append(_scored(logits, token, stream.top_logprobs, tokenizer))
        settled = reply.settled
        if len(settled) > stream.sent or (reply.finish is not None and stream.tokens):
            stream.hear(Piece(settled[stream.sent :], tuple(stream.tokens)))
            stream.sent = max(stream.sent, len(settled))
            stream.tokens.clear()


class _Lane:
    """Sequences that go through the model together: rows of one cache, padded on the left."""

    def __init__(self, engine: LocalEngine, adapter: str):
        self.adapter = adapter
        self.rows: list[_Row] = []
        self._engine = engine
        self._cache: Any = None
        self._real = torch.zeros((0, 0), dtype=torch.long)
        """Which positions are no padding; shape (rows, length)."""

    @torch.inference_mode()
    def join(self, row: _Row) -> None:
        """Take in a sequence that has been read."""
        device = self._engine.model.device
        real = torch.ones((1, len(row.prompt)), dtype=torch.long, device=device)
        if self._cache is None:
            self._cache, self._real = row.cache, real
        else:
            longest = max(self._real.shape[1], real.shape[1])
            for layer, new in zip(self._cache.layers, row.cache.layers, strict=True):
                layer.keys = torch.cat([_padded(layer.keys, longest), _padded(new.keys, longest)])
                layer.values = torch.cat([_padded(layer.values, longest), _padded(new.values, longest)])
            self._real = torch.cat([_padded_mask(self._real, longest), _padded_mask(real, longest)])
        row.cache = None
        self.rows.append(row)

    @torch.inference_mode()
    def leave(self, gone: set[int]) -> None:
        """Let sequences go, and padding that none of the others needs."""
        kept = [at for at, row in enumerate(self.rows) if id(row) not in gone]
        if len(kept) == len(self.rows):
            return
        self.rows = [self.rows[at] for at in kept]
        if not kept:
            self._cache = None
            return
        places = torch.tensor(kept, device=self._engine.model.device)
        self._cache.batch_select_indices(places)
        self._real = self._real[places]
        spare = int(self._real.argmax(dim=1).min())
        if spare and _joinable(self._cache):
            for layer in self._cache.layers:
                layer.keys, layer.values = layer.keys[..., spare:, :], layer.values[..., spare:, :]
            self._real = self._real[:, spare:]

    @torch.inference_mode()
    def step(self, last: dict[int, int]) -> None:
        """Read the last token of every row's reply; ``last``: id of a row -> token."""
        model = self._engine.model
        real = torch.cat([self._real, torch.ones_like(self._real[:, :1])], dim=-1)
        with self._engine.wearing(self.adapter):
            logits = model(
                input_ids=torch.tensor([[last[id(row)]] for row in self.rows], device=model.device),
                attention_mask=real,
                position_ids=real.sum(dim=-1, keepdim=True) - 1,
                past_key_values=self._cache,
                use_cache=True,
                logits_to_keep=1,
            ).logits[:, -1]
        self._real = real
        for row, found in zip(self.rows, logits.float().cpu(), strict=True):
            row.logits = found


def _joinable(cache: Any) -> bool:
    """Whether a cache is nothing but keys and values of every position, which can be laid beside another's."""
    return bool(cache.layers) and all(type(layer) is DynamicLayer for layer in cache.layers)


def _padded(values: torch.Tensor, length: int) -> torch.Tensor:
    return torch.nn.functional.pad(values, (0, 0, length - values.shape[-2], 0))


def _padded_mask(real: torch.Tensor, length: int) -> torch.Tensor:
    return torch.nn.functional.pad(real, (length - real.shape[1], 0))


def _mixed(rows: Sequence[_Row]) -> torch.Tensor:
    """Logits of the next token: the model's own, or the log of the weighted mean of several distributions."""
    logits = [row.logits for row in rows if row.logits is not None]
    if len(rows) == 1:
        return logits[0]
    weights = torch.log_softmax(torch.tensor([row.log_weight for row in rows], dtype=torch.float64), dim=0)
    each = torch.log_softmax(torch.stack(logits).double(), dim=-1)
    return torch.logsumexp(each + weights[:, None], dim=0)


def _scored(logits: torch.Tensor, token: int, top: int, tokenizer: Any) -> TokenScore:
    logprobs = torch.log_softmax(logits.double(), dim=-1)
    values, places = logprobs.topk(min(top, len(logprobs))) if top else ((), ())
    return TokenScore(
        tokenizer.decode([token]),
        float(logprobs[token]),
        tuple((tokenizer.decode([int(place)]), float(value)) for value, place in zip(values, places, strict=True)),
    )
