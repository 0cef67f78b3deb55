"""A voice in conversation: from what was said so far to a request for a reply. Knows no server and no survey.

Whom the reply speaks for is told in one system message, by an identity token before the reply, by an adapter, or by
several of them. What a client's own system message says comes after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pluralign.core.adapter import IDENTITY
from pluralign.core.chat import Message
from pluralign.core.collective import Collective
from pluralign.core.constitution import Constitution
from pluralign.core.errors import ModelError, UsageError
from pluralign.engines.base import ChatRequest
from pluralign.prompts import templates
from pluralign.voices.way import Way

CHAT_TEMPLATES = {
    "plain": "system_chat_plain.v1",
    "persona": "system_chat_persona.v1",
    "persona-last": "system_chat_persona.v1",
}
"""Way of asking -> what a model is told when it is talked to instead of asked a survey's question."""
CHARTER_TEMPLATE = "system_chat_charter.v1"


@dataclass(frozen=True)
class Sampling:
    """How a reply is drawn."""

    max_tokens: int = 256
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int = 0
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Speaker:
    """A way of speaking for a collective, in conversation."""

    way: Way | None = None
    """``None``: the model as it is, told nothing."""
    collective: Collective | None = None
    charter: Constitution | None = None
    """What the collective agreed on, in place of the way's own system message. By default the way's charter."""

    def __post_init__(self) -> None:
        if self.way is not None and self.charter is None:
            object.__setattr__(self, "charter", self.way.charter)
        if self.way is None or self.charter is not None or self.way.by_token:
            return
        if self.way.strategy.name not in CHAT_TEMPLATES:
            raise UsageError(
                f"the voice {self.way.strategy.name!r} answers surveys and cannot hold a conversation: "
                f"use one of {', '.join(CHAT_TEMPLATES)}"
            )
        if self.way.strategy.names_collective and self.collective is None:
            raise UsageError(f"the voice {self.way.name!r} needs a collective to speak for")

    @property
    def system(self) -> str:
        """What the model is told before anything is said; empty if nothing."""
        if self.charter is not None:
            return templates.render(
                CHARTER_TEMPLATE,
                collective=self.collective,
                title=self.charter.title,
                principles=self.charter.principles,
            )
        if self.way is None or self.way.by_token:
            return "" if self.way is None else templates.render(CHAT_TEMPLATES["plain"])
        return templates.render(CHAT_TEMPLATES[self.way.strategy.name], collective=self.collective)

    @property
    def template_hashes(self) -> dict[str, str]:
        """Template file -> content hash, of the text it is told."""
        if self.charter is not None:
            return {CHARTER_TEMPLATE: templates.template_hash(CHARTER_TEMPLATE)}
        if self.way is None:
            return {}
        name = CHAT_TEMPLATES["plain" if self.way.by_token else self.way.strategy.name]
        return {name: templates.template_hash(name)}

    def request(self, messages: Sequence[Message], sampling: Sampling) -> ChatRequest:
        """The request for the next reply. System messages, wherever they stand, are joined into the first.

        Raises :class:`ModelError` for a message that holds an identity token: whoever talks to a voice could make it
        another's with one, also where the model is behind a server that reads such tokens in any text.
        """
        for message in messages:
            if (written := IDENTITY.search(message.content)) is not None:
                raise ModelError(f"a message may not hold {written.group()!r}, which says whose voice replies")
        told = [self.system, *(message.content for message in messages if message.role == "system")]
        system = "\n\n".join(text for text in told if text.strip())
        turns = [message for message in messages if message.role != "system"]
        opening = "" if self.way is None else self.way.opening(self.collective)
        start = "" if self.way is None else self.way.start(self.collective)
        return ChatRequest(
            tuple([Message("system", opening + system), *turns] if system else turns),
            max_tokens=sampling.max_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            seed=sampling.seed,
            stop=sampling.stop,
            reply_start=start,
            adapter="" if self.way is None else self.way.adapter,
        )
