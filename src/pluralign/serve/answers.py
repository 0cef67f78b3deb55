"""What clients get: OpenAI's answers and events. Pure: what was heard in, dictionaries out."""

import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pluralign.engines.live import End, Piece, TokenScore

Kind = Literal["chat", "text"]


@dataclass(frozen=True, slots=True)
class Attributed(Piece):
    """A piece that is some voices' view, in the reply of a panel."""

    voices: tuple[str, ...] = ()
    """Names, as requests name them."""


@dataclass
class Choice:
    """One reply as it is heard."""

    index: int
    pieces: list[str] = field(default_factory=list)
    tokens: list[TokenScore] = field(default_factory=list)
    end: End | None = None
    parts: list[tuple[tuple[str, ...], str]] = field(default_factory=list)
    """Of a panel's reply: whose view each passage is, and the passage."""

    @property
    def text(self) -> str:
        """What was said so far."""
        return "".join(self.pieces)

    def hear(self, heard: Piece | End) -> None:
        """Take in a piece, or the end."""
        if isinstance(heard, End):
            self.end = heard
        else:
            self.pieces.append(heard.text)
            self.tokens.extend(heard.tokens)
            if isinstance(heard, Attributed):
                if self.parts and self.parts[-1][0] == heard.voices:
                    self.parts[-1] = (heard.voices, self.parts[-1][1] + heard.text)
                else:
                    self.parts.append((heard.voices, heard.text))


@dataclass(frozen=True)
class Head:
    """What every event of an answer says."""

    kind: Kind
    model: str
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    created: int = field(default_factory=lambda: int(time.time()))
    fingerprint: str = ""
    panel: dict[str, Any] | None = None
    """What is said of the panel that speaks: its kind, and who of it does."""

    def fields(self, *, chunk: bool) -> dict[str, Any]:
        """Identity, kind, time and model."""
        name = ("chat.completion.chunk" if chunk else "chat.completion") if self.kind == "chat" else "text_completion"
        prefix = "chatcmpl" if self.kind == "chat" else "cmpl"
        return {
            "id": f"{prefix}-{self.id}",
            "object": name,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": self.fingerprint,
        }

    def told(self, choices: Sequence[Choice]) -> dict[str, Any]:
        """What goes beyond OpenAI's interface: of a panel who speaks, and whose view each passage is. Else nothing."""
        if self.panel is None:
            return {}
        parts = [
            {"index": choice.index, "voices": list(voices), "text": text.strip()}
            for choice in choices
            for voices, text in choice.parts
        ]
        return {"pluralign": {**self.panel, "parts": parts} if parts else self.panel}


def usage(choices: Sequence[Choice]) -> dict[str, int]:
    """Tokens of an answer. The prompt counts once per reply, as it is read once per reply."""
    ends = [choice.end for choice in choices if choice.end is not None]
    prompt, completion = sum(end.prompt_tokens for end in ends), sum(end.completion_tokens for end in ends)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def finish_reason(end: End | None) -> str:
    """Why a reply ended, in OpenAI's words."""
    return {"stop": "stop", "length": "length", "refused": "content_filter"}[end.finish if end else "stop"]


def whole(head: Head, choices: Sequence[Choice], *, scored: bool) -> dict[str, Any]:
    """The answer to a request without streaming."""
    said: list[dict[str, Any]] = []
    for choice in choices:
        one: dict[str, Any] = {"index": choice.index, "finish_reason": finish_reason(choice.end), "logprobs": None}
        if head.kind == "chat":
            one["message"] = {"role": "assistant", "content": choice.text, "refusal": None}
            if scored:
                one["logprobs"] = chat_logprobs(choice.tokens)
        else:
            one["text"] = choice.text
            if scored:
                one["logprobs"] = text_logprobs(choice.tokens, 0)
        said.append(one)
    return {**head.fields(chunk=False), "choices": said, "usage": usage(choices), **head.told(choices)}


def first(head: Head, index: int) -> dict[str, Any] | None:
    """The event that opens a streamed reply; none for completions."""
    if head.kind == "text":
        return None
    delta = {"role": "assistant", "content": ""}
    one = {"index": index, "delta": delta, "logprobs": None, "finish_reason": None}
    return _event(head, one) | head.told([])


def piece(head: Head, choice: Choice, heard: Piece, *, scored: bool) -> dict[str, Any]:
    """The event of one piece."""
    one: dict[str, Any] = {"index": choice.index, "finish_reason": None, "logprobs": None}
    if isinstance(heard, Attributed):
        one["pluralign"] = {"voices": list(heard.voices)}
    if head.kind == "chat":
        one["delta"] = {"content": heard.text}
        if scored:
            one["logprobs"] = chat_logprobs(heard.tokens)
    else:
        one["text"] = heard.text
        if scored:
            one["logprobs"] = text_logprobs(heard.tokens, len(choice.text))
    return _event(head, one)


def last(head: Head, choice: Choice) -> dict[str, Any]:
    """The event that ends a reply."""
    said: dict[str, Any] = {"delta": {}} if head.kind == "chat" else {"text": ""}
    one = {"index": choice.index, **said, "logprobs": None, "finish_reason": finish_reason(choice.end)}
    return _event(head, one) | head.told([choice])


def total(head: Head, choices: Sequence[Choice]) -> dict[str, Any]:
    """The event that says how many tokens it took."""
    return {**head.fields(chunk=True), "choices": [], "usage": usage(choices)}


def line(event: dict[str, Any] | str) -> bytes:
    """An event as it goes over the wire."""
    text = event if isinstance(event, str) else json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    return f"data: {text}\n\n".encode()


def chat_logprobs(tokens: Sequence[TokenScore]) -> dict[str, Any]:
    """Log-probabilities as chats give them."""
    return {
        "content": [
            {
                **_scored(token.token, token.logprob),
                "top_logprobs": [_scored(text, logprob) for text, logprob in token.top],
            }
            for token in tokens
        ],
        "refusal": None,
    }


def text_logprobs(tokens: Sequence[TokenScore], offset: int) -> dict[str, Any]:
    """Log-probabilities as completions give them; ``offset``: characters said before."""
    offsets = []
    for token in tokens:
        offsets.append(offset)
        offset += len(token.token)
    return {
        "tokens": [token.token for token in tokens],
        "token_logprobs": [token.logprob for token in tokens],
        "top_logprobs": [dict(token.top) for token in tokens],
        "text_offset": offsets,
    }


def _scored(text: str, logprob: float) -> dict[str, Any]:
    # A token may be a part of a character, which has no text of its own.
    whole_character = "\ufffd" not in text
    return {"token": text, "logprob": max(logprob, -9999.0), "bytes": list(text.encode()) if whole_character else None}


def _event(head: Head, choice: dict[str, Any]) -> dict[str, Any]:
    return {**head.fields(chunk=True), "choices": [choice]}
