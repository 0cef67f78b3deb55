"""A model that does what a constitutional recipe asks of it, by rule: JSON where JSON is asked for, else words.

Its words depend on the conversation and the seed alone, so every run of it gives the same records.
"""

import json
import random
import re
from collections.abc import Sequence
from typing import Any

from pluralign.core.chat import Message
from pluralign.core.ids import content_hash
from pluralign.engines.base import ChatRequest
from pluralign.engines.scripted import ScriptedEngine
from tests.curate.small import WORDS
from tests.engines.fake_server import FakeServer


def said(messages: Sequence[tuple[str, str]], seed: int | None) -> str:
    """The reply to a conversation of (role, text)."""
    text = messages[-1][1]
    chance = random.Random(content_hash([[list(turn) for turn in messages], seed]))

    def words(count: int) -> str:
        return " ".join(chance.choice(WORDS) for _ in range(count)).capitalize() + "."

    if "Reply with A or B only" in text:
        return "A" if text.index("Answer A:") % 2 else "B"
    wanted = re.search(r'"messages", a list of (\d+) (texts|objects)', text)
    if wanted is not None:
        count = int(wanted[1])
        if wanted[2] == "texts":
            return json.dumps({"messages": [words(12) for _ in range(count)]})
        return json.dumps({"messages": [{"message": words(12), "answer": words(14)} for _ in range(count)]})
    if '"critique_request"' in text:
        return json.dumps({"critique_request": words(20), "revision_request": words(20)})
    return words(25)


def writer(**replies: str) -> ScriptedEngine:
    """An engine. ``replies``: a word in the last message -> what is said instead."""

    def speak(request: ChatRequest) -> str:
        for word, reply in replies.items():
            if word in request.messages[-1].content:
                return reply
        return said([(turn.role, turn.content) for turn in request.messages], request.seed)

    return ScriptedEngine(speaker=speak, scorer=_longer)


def _longer(request: Any) -> list[float]:
    """Prefers the answer with more letters, whichever stands first; the other one where asked which goes against."""
    first, second = re.findall(r"Answer [AB]:\n\n(.*?)\n\n(?=Answer B|A community)", _text(request.messages), re.DOTALL)
    wins = ((len(first), first) > (len(second), second)) == ("keeps to the principle better" in _text(request.messages))
    return [-0.2, -2.0] if wins else [-2.0, -0.2]


def _text(messages: Sequence[Message]) -> str:
    return messages[-1].content


class WritingServer(FakeServer):
    """The same model behind an OpenAI-compatible server that gives no log-probabilities."""

    def __init__(self) -> None:
        super().__init__("silent")

    def tokenize(self, text: str) -> tuple[int, ...]:
        """A token is four characters: the fake server's own are read letter by letter, which takes long."""
        return tuple(range(len(text) // 4 + 1))

    def reply(self, body: dict[str, Any]) -> tuple[list[str], str]:
        turns = [(turn["role"], turn["content"]) for turn in body["messages"]]
        text = said(turns, body.get("seed") if body.get("temperature") else None)
        return [(" " if at else "") + word for at, word in enumerate(text.split(" "))], "stop"
