"""An Overton reply: one text that covers what several voices say, each part attributed.

The Overton window of a question is the set of answers that reasonable people give (Sorensen et al., ICML 2024); a
reply is Overton-pluralistic if it covers the window. Here the voices' own words are set side by side, or a model weaves
them into one text whose every sentence must say by number whose view it is; a text that fails to is not used. Knows no
engine and no panel.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from pluralign.core.chat import Message
from pluralign.engines.base import ChatRequest
from pluralign.prompts import templates

WEAVE_SYSTEM, WEAVE_USER = "system_weave.v1", "user_weave.v1"
LONGEST = 2000
"""Characters of a voice's words that are shown to a model that weaves; the rest is cut off."""

_BETWEEN = "\n\n"
"""Between two voices' words, which themselves are one paragraph each."""
_MARK = re.compile(r"\[\s*\d+(?:\s*,\s*\d+)*\s*\]")
# A sentence's end: its punctuation, and the marks that follow or precede it.
_SENTENCE = re.compile(r"[^.!?。！？؟\n]+(?:[.!?。！？؟]+|\n|$)(?:[ \t]*\[[\d,\s]+\])*[.!?。]?")


class Said(NamedTuple):
    """What one voice said."""

    title: str
    """The voice, as readers see it."""
    text: str


class WindowPart(NamedTuple):
    """A passage of a reply and whose view it gives."""

    text: str
    voices: tuple[str, ...]
    """Titles, at least one."""


class WindowReply(NamedTuple):
    """One reply that covers several voices."""

    text: str
    parts: tuple[WindowPart, ...]
    woven: bool
    """Whether a model wrote it; else the voices' own words stand side by side."""


def quoted(said: Sequence[Said]) -> WindowReply:
    """The voices' words, each under its name: attributed by construction. Voices that said nothing are left out."""
    parts = tuple(WindowPart(_clean(one.text), (one.title,)) for one in said if _clean(one.text))
    text = _BETWEEN.join(f"**{part.voices[0]}**: {part.text}" for part in parts)
    return WindowReply(text, parts, woven=False)


class Quoting:
    """:func:`quoted` for one voice while it speaks: what is given out, joined, is its passage with its name."""

    def __init__(self, title: str, *, first: bool):
        """``first``: whether nothing was said by others before."""
        self._head = f"{'' if first else _BETWEEN}**{title}**: "
        self._begun = self._gap = False

    @property
    def begun(self) -> bool:
        """Whether the voice has said a word."""
        return self._begun

    def say(self, piece: str) -> str:
        """What the reply gains by another piece of the voice's words; empty where that is nothing yet."""
        words = piece.split()
        if not words:
            self._gap = self._gap or bool(piece)
            return ""
        gap = " " if self._begun and (self._gap or piece[0].isspace()) else ""
        head = "" if self._begun else self._head
        self._begun, self._gap = True, piece[-1].isspace()
        return f"{head}{gap}{' '.join(words)}"


def own_words(text: str, title: str, titles: Sequence[str]) -> str | None:
    """What one voice said in a text that :func:`quoted` made; ``None`` where the text is none of that kind.

    ``titles``: of all voices, in their order. Empty where the voice had said nothing.
    """
    found: dict[str, str] = {}
    for passage in text.strip().split(_BETWEEN):
        name = next((one for one in titles if passage.startswith(f"**{one}**: ")), None)
        if name is None or name in found:
            return None
        found[name] = passage.removeprefix(f"**{name}**: ")
    return found.get(title, "")


def weave_request(question: str, said: Sequence[Said], *, max_tokens: int = 512, seed: int = 0) -> ChatRequest:
    """Asks a model to weave what was said into one reply, with the numbers of the voices behind every sentence."""
    passages = [(number, one.title, _clean(one.text[:LONGEST])) for number, one in enumerate(said, start=1)]
    user = templates.render(WEAVE_USER, question=question, passages=passages)
    return ChatRequest(
        (Message("system", templates.render(WEAVE_SYSTEM)), Message("user", user)), max_tokens=max_tokens, seed=seed
    )


def read_woven(text: str, said: Sequence[Said]) -> WindowReply | None:
    """The reply of a model that was asked to weave, with its attributions.

    ``None`` where it fails: a sentence without a number, a number that nobody has, or a voice that said something and
    is nowhere named. A text is never mended by guessing; the caller falls back on :func:`quoted`.
    """
    parts: list[WindowPart] = []
    pending = ""
    for match in _SENTENCE.finditer(text.strip()):
        sentence = match.group()
        marks = _MARK.findall(sentence)
        pending += _MARK.sub("", sentence)
        if not marks:
            if pending.strip(" \n.!?"):
                return None
            continue
        numbers = [int(number) for mark in marks for number in re.findall(r"\d+", mark)]
        if any(not 1 <= number <= len(said) for number in numbers):
            return None
        plain = re.sub(r"\s+([.!?])", r"\1", " ".join(pending.split()))
        pending = ""
        if plain.strip(" .!?"):
            parts.append(WindowPart(plain, tuple(said[number - 1].title for number in dict.fromkeys(numbers))))
    named = {title for part in parts for title in part.voices}
    if not parts or any(_clean(one.text) and one.title not in named for one in said):
        return None
    return WindowReply(" ".join(f"{part.text} ({', '.join(part.voices)})" for part in parts), tuple(parts), woven=True)


def _clean(text: str) -> str:
    return " ".join(text.split())
