"""The seam between everything that asks and everything that answers. Knows no survey, no voice and no model.

An engine takes lists of requests and returns lists of replies in the same order. No caller above this floor
handles a token id.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from pluralign.core.chat import Message
from pluralign.core.errors import ModelError


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can do."""

    option_scores: Literal["exact", "top_k", "none"]
    """Whether log-probabilities of given continuations are exact, known for the likeliest few, or not to be had."""
    chat: bool
    stream: bool
    adapters: bool
    """Whether requests may name adapters. Engines that cannot refuse such requests, never ignore them."""
    reply_logprobs: bool = False
    """Whether the log-probabilities of the tokens of a reply are to be had."""


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """Asks how probable each option is as the beginning of the model's reply to a conversation."""

    messages: tuple[Message, ...]
    """The conversation; its last turn is the user's."""
    options: tuple[tuple[str, ...], ...]
    """Per option the surface forms that count as this answer, such as ``("1", " 1")``. At least two options."""
    reply_start: str = ""
    """Text the reply is made to begin with; the options continue it."""
    adapter: str = ""
    """Folder or hub name of the adapter that the model wears for this request; empty for the model as it was opened."""


@dataclass(frozen=True, slots=True)
class OptionScores:
    """What a model thinks of each option, before any renormalisation."""

    logprobs: tuple[float, ...]
    """Per option the natural log of the probability that the reply begins with one of its forms and not with a
    longer form of another option ("1" is not credited with "10"). The events are disjoint: exponentials sum to
    at most 1. ``-inf`` where the probability underflows."""
    forms: tuple[tuple[float, ...], ...]
    """Per option and surface form the natural log of the plain probability of that continuation."""
    prompt_tokens: int
    """Length of the rendered prompt in tokens."""
    low: tuple[float, ...] | None = None
    """Where only the likeliest tokens are known: per option the log of its least possible probability. ``logprobs``
    are then these, what was certainly seen. ``None`` where scores are exact."""
    high: tuple[float, ...] | None = None
    """Where only the likeliest tokens are known: per option the log of its greatest possible probability, at least
    ``low`` and at most 0. ``None`` where scores are exact."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """Asks for a reply to a conversation."""

    messages: tuple[Message, ...]
    max_tokens: int = 256
    temperature: float = 0.0
    """0 is greedy."""
    top_p: float = 1.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    reply_start: str = ""
    """Text the reply is made to begin with; the completion is what follows it."""
    adapter: str = ""
    """Folder or hub name of the adapter that the model wears for this request; empty for the model as it was opened."""


@dataclass(frozen=True, slots=True)
class Completion:
    """A model's reply."""

    text: str
    finish: Literal["stop", "length", "refused"]
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How an engine would work through a list of requests, before it does."""

    batches: tuple[tuple[int, ...], ...]
    """Positions of the requests, grouped as they should be given to ``score`` (or ``chat``) together: each batch shares
    as much prompt as can be had. The same list of requests always gives the same batches, so a batch is the unit in
    which work is kept, and a run resumed after an interruption computes what an undisturbed one would have."""
    keys: tuple[str, ...]
    """Per request a content hash of the model and of the very tokens it would read: equal keys, equal replies."""
    prompt_tokens: int
    """Tokens of all prompts together."""
    computed_tokens: int
    """Tokens that will pass through the model, shared prefixes within a batch counted once."""
    unique_tokens: int
    """Distinct prefix tokens over all requests: what an infinite cache would still compute."""
    calls: int = 0
    """Prompts that a server is sent, which charges for each; 0 where the model runs in this process."""
    reply_tokens: int = 0
    """Tokens that may be written in reply to them, at most; none where a model in this process scores options."""


def drawn(request: ChatRequest) -> dict[str, Any]:
    """How a reply is drawn, as it goes into keys: a greedy reply is the same for every seed."""
    return {
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "seed": request.seed if request.temperature > 0 else None,
        "stop": list(request.stop),
    }


def refuse_adapters(engine: str, requests: Sequence[ScoreRequest | ChatRequest]) -> None:
    """Raise :class:`ModelError` for a request that names an adapter. ``engine``: how the message calls the one that
    has none."""
    for request in requests:
        if request.adapter:
            raise ModelError(
                f"{engine} cannot wear the adapter {request.adapter!r}: run the adapter's own base model here, or "
                "merge the adapter and serve the merged model"
            )


def by_adapter(requests: Sequence[ScoreRequest | ChatRequest]) -> dict[str, list[int]]:
    """Adapter -> positions of the requests that name it."""
    found: dict[str, list[int]] = {}
    for at, request in enumerate(requests):
        found.setdefault(request.adapter, []).append(at)
    return found


@runtime_checkable
class Engine(Protocol):
    """Anything that can answer requests."""

    name: str
    """What the user calls it."""
    can: Capabilities

    def describe(self) -> dict[str, Any]:
        """Plain data that identify the model: name, digest, adapter, dtype, device and flags that change numbers."""
        ...

    def plan(self, requests: Sequence[ScoreRequest]) -> Plan:
        """Group requests into batches and count their tokens; computes no score."""
        ...

    def score(self, requests: Sequence[ScoreRequest]) -> list[OptionScores]:
        """Score every request. The order of requests does not matter to more than 1e-4.

        Raises :class:`pluralign.core.errors.ModelError` where the engine cannot score.
        """
        ...

    def plan_chat(self, requests: Sequence[ChatRequest]) -> Plan:
        """Group requests for replies into batches and count the tokens of their prompts; computes no reply.

        Keys also say how the reply is drawn: two requests that differ in their seed alone have different keys, unless
        they are greedy.
        """
        ...

    def chat(self, requests: Sequence[ChatRequest]) -> list[Completion]:
        """Reply to every request."""
        ...

    def stream(self, request: ChatRequest) -> Iterator[str]:
        """Reply to one request, piece by piece."""
        ...
