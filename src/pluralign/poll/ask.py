"""Questions times voices times option orders: everything a poll puts to an engine. Asks nothing itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pluralign.core.chat import Message
from pluralign.core.ids import content_hash
from pluralign.core.question import Question
from pluralign.engines.base import ScoreRequest
from pluralign.prompts.options import Labels, Order, orders
from pluralign.voices.voice import Voice


@dataclass(frozen=True, slots=True)
class Item:
    """One question put to one voice with its options in one order."""

    voice: Voice
    question: Question
    order: Order
    request: ScoreRequest

    @property
    def prompt_hash(self) -> str:
        """Content hash of the conversation, as stored with the answer."""
        return prompt_hash(self.request.messages)


def prompt_hash(messages: Sequence[Message]) -> str:
    """Content hash of a conversation."""
    return content_hash([[message.role, message.content] for message in messages])


def items(
    voices: Sequence[Voice],
    questions: Sequence[Question],
    *,
    order_count: int | Literal["all"],
    labels: Labels,
    seed: int,
) -> Iterator[Item]:
    """Everything to ask: voice by voice, question by question, order by order."""
    for voice in voices:
        for question in questions:
            for order in orders(question, order_count, seed):
                yield Item(voice, question, order, voice.ask(question, order, labels))
