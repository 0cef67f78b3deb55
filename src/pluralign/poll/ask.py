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
        """Content hash of the conversation and of the beginning of the reply, as stored with the answer."""
        return prompt_hash(self.request.messages, self.request.reply_start)


def prompt_hash(messages: Sequence[Message], reply_start: str = "") -> str:
    """Content hash of a conversation and of what the reply is made to begin with."""
    turns = [[message.role, message.content] for message in messages]
    return content_hash([*turns, ["assistant", reply_start]] if reply_start else turns)


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
