"""What is posted to ``/chat/completions`` and what is read from it. Pure: dictionaries in, dictionaries out.

The same bodies go over the wire one by one and into batch files.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from pluralign.core.errors import ModelError
from pluralign.core.ids import content_hash
from pluralign.engines.base import ChatRequest, Completion, OptionScores, ScoreRequest, drawn, refuse_adapters
from pluralign.engines.http_bounds import Listed, bounded, listed, unknown
from pluralign.engines.options import check

OPENAI = "https://api.openai.com/v1"
"""The server that is asked where none is named."""
CHAT = "/chat/completions"
FILTERED = frozenset({"content_filter", "content_policy_violation"})
"""What servers call a refusal of a prompt for what it says."""
KEY_LENGTH = 32
"""Hex digits of a key; a batch file's ``custom_id`` may have 64."""


class Dialect(NamedTuple):
    """Where servers of the same interface differ."""

    limit: Literal["max_tokens", "max_completion_tokens"] = "max_completion_tokens"
    """What the largest number of tokens of a reply is called."""
    seeded: bool = True
    """Whether a seed may be given."""


class Identity(NamedTuple):
    """Which model, as far as can be known from outside."""

    model: str
    base_url: str = OPENAI
    root: str | None = None
    """What the server says lies behind the model's name."""

    @property
    def digest(self) -> str:
        """Changes with the model's name, the server's address and what the server says it serves."""
        return content_hash(self._asdict())


def chat_body(request: ChatRequest, model: str, dialect: Dialect) -> dict[str, Any]:
    """A request for a reply.

    Raises :class:`ModelError` where the conversation does not end with the user, and for a beginning of the reply.
    """
    _refuse_reply_start(request)
    body: dict[str, Any] = {
        "model": model,
        "messages": messages(request),
        dialect.limit: request.max_tokens,
        "temperature": request.temperature,
    }
    if request.top_p != 1:
        body["top_p"] = request.top_p
    if request.stop:
        body["stop"] = list(request.stop)
    if request.temperature > 0 and dialect.seeded:
        body["seed"] = request.seed
    return body


def top_body(request: ScoreRequest, model: str, dialect: Dialect, top: int) -> dict[str, Any]:
    """A request for the ``top`` likeliest first tokens of the reply.

    Raises :class:`ModelError` for options that make no question, and for a beginning of the reply: through this
    interface no reply can be made to begin with given words.
    """
    check(request)
    _refuse_reply_start(request)
    body: dict[str, Any] = {
        "model": model,
        "messages": messages(request),
        dialect.limit: 1,
        # Some servers report what is left after temperature and nucleus: ask for the model's own distribution.
        "temperature": 1.0,
        "top_p": 1.0,
        "logprobs": True,
        "top_logprobs": top,
    }
    if dialect.seeded:
        body["seed"] = 0
    return body


def _refuse_reply_start(request: ScoreRequest | ChatRequest) -> None:
    if request.reply_start:
        raise ModelError(
            f"a model behind this interface cannot be made to begin its reply with {request.reply_start!r}: "
            "ask without, or use a server that scores chosen tokens"
        )


def messages(request: ScoreRequest | ChatRequest) -> list[dict[str, str]]:
    """The conversation as the interface wants it.

    Raises :class:`ModelError` unless it ends with the user, and for a request that names an adapter.
    """
    refuse_adapters("a model behind a server", [request])
    if not request.messages or request.messages[-1].role != "user":
        raise ModelError("a conversation must end with a message of the user, so that the model can reply")
    return [{"role": message.role, "content": message.content} for message in request.messages]


def completion(answer: Mapping[str, Any]) -> Completion:
    """The reply in an answer. Raises :class:`ModelError` where there is none."""
    choice = first_choice(answer)
    message = choice.get("message") or {}
    refusal = message.get("refusal")
    usage = answer.get("usage") or {}
    return Completion(
        text=_text(message.get("content")) or refusal or "",
        finish=finish(choice.get("finish_reason"), refused=bool(refusal)),
        prompt_tokens=int(usage.get("prompt_tokens") or 0),
        completion_tokens=int(usage.get("completion_tokens") or 0),
    )


def _text(content: Any) -> str:
    """What a message says; some servers write it in parts, of which those that are no text are thoughts."""
    if isinstance(content, list):
        return "".join(part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))
    return content if isinstance(content, str) else ""


def finish(reason: str | None, *, refused: bool) -> Literal["stop", "length", "refused"]:
    """Why a reply ended. A filtered reply was refused, whoever refused it."""
    if refused or reason == "content_filter":
        return "refused"
    return "length" if reason == "length" else "stop"


def top_scores(request: ScoreRequest, answer: Mapping[str, Any]) -> OptionScores:
    """Bounds of every option from the likeliest first tokens; no bounds but 0 and 1 where the model refused."""
    choice = first_choice(answer)
    prompt_tokens = int((answer.get("usage") or {}).get("prompt_tokens") or 0)
    tokens = first_tokens(choice)
    if tokens is not None:
        return bounded(request, tokens, prompt_tokens)
    message = choice.get("message") or {}
    if message.get("refusal") or choice.get("finish_reason") == "content_filter":
        return unknown(request, prompt_tokens)
    raise ModelError("the server left out the log-probabilities it was asked for: ask for samples instead")


def first_tokens(choice: Mapping[str, Any]) -> Listed | None:
    """The likeliest first tokens of a reply; ``None`` where the server did not list them."""
    content = (choice.get("logprobs") or {}).get("content") or []
    return listed(content[0]) if content else None


def first_choice(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The one reply of an answer."""
    choices = answer.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        return choices[0]
    raise ModelError(f"the server answered without a reply: {str(dict(answer))[:200]}")


def score_key(request: ScoreRequest, identity: Identity, top: int) -> str:
    """Content hash of the model and of what it is asked: equal keys, equal scores."""
    return content_hash(
        {
            "model": identity.digest,
            "messages": messages(request),
            "reply_start": request.reply_start,
            "options": [list(forms) for forms in request.options],
            "top": top,
        },
        KEY_LENGTH,
    )


def chat_key(request: ChatRequest, identity: Identity) -> str:
    """Content hash of the model and of everything that shapes its reply."""
    return content_hash(
        {
            "model": identity.digest,
            "messages": messages(request),
            **drawn(request),
        },
        KEY_LENGTH,
    )
