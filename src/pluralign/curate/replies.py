"""What a model wrote, read strictly: text, a JSON object, or a refusal. Never guesses and never repairs."""

import json
import re
from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)

_OPENING = 240
"""Characters in which a text that declines says so; what comes later is often advice."""
_NOT = r"(?:can\s?not|can['’]t|could\s?n['’]t|won['’]t|will\s+not|(?:\s+am|['’]m)\s+(?:not\s+able|unable)\s+to)"
_DECLINES = re.compile(
    rf"""
    \b(?:I|we)\s*(?:['’]m|\s+am|\s+are)?\s+(?:really\s+|very\s+|truly\s+|so\s+)?sorry\b(?!\s+to\s+hear)[^.!?]{{0,60}}?\bbut\b
    | \b(?:I|we)\s*{_NOT}\s+(?:\w+\s+){{0,2}}?(?:assist|help|support|provide|create|write|comply|engage|fulfil|fulfill
        |offer|give|do\s+that|participate|promote|endorse|condone|answer|respond|discuss|advise|recommend|encourage
        |continue|share|generate|produce|draft|frame|agree|facilitate|justify|contribute)
    | \b(?:I|we)\s+(?:must|have\s+to|respectfully|need\s+to)?\s*(?:decline|refuse)\b
    | \b(?:it\s+is|it['’]s)\s+(?:not\s+(?:appropriate|possible|ethical)|inappropriate|unethical)\s+for\s+me\b
    | \bas\s+an?\s+(?:AI|artificial\s+intelligence|(?:large\s+)?language\s+model)\b.{{0,80}}\b(?:not|n['’]t)\b
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_LABEL = re.compile(
    r"^[*#\s]*(?:(?:the|my|here\s+is\s+(?:the|my|a))\s+)?(?:new\s+|revised\s+)?(?:critique|revision|answer|response)\s*:[*\s]*",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?…][\"'”’»)\]]*(?=\s)|[。！？]|\n")
_FENCE = re.compile(r"^```(?:json)?\s*\n(.*)\n```$", re.DOTALL)


class UnreadableReplyError(ValueError):
    """A reply is not what was asked for; the message says why."""


def declines(text: str) -> bool:
    """Whether an English text begins by refusing what was asked. A rule on wording: it misses and overreaches a little.

    >>> declines("I'm sorry, but I can't help with that.")
    True
    >>> declines("You cannot park here.")
    False
    """
    return _DECLINES.search(text[:_OPENING]) is not None


def some_text(text: str) -> str:
    """The reply without white space around it. Raises :class:`UnreadableReplyError` where it says nothing."""
    stripped = text.strip()
    if not any(letter.isalnum() for letter in stripped):
        raise UnreadableReplyError("it says nothing")
    return stripped


def without_label(text: str) -> str:
    """:func:`some_text` without a heading such as "Critique:" or "Revised answer:" in front.

    >>> without_label("**Revised answer:** It depends.")
    'It depends.'
    """
    return some_text(_LABEL.sub("", text.strip(), count=1))


def whole_sentences(text: str) -> str:
    """The text up to its last whole sentence or line; empty where not one is whole.

    >>> whole_sentences("It rains. It pours. It")
    'It rains. It pours.'
    """
    found = [match.end() for match in _SENTENCE_END.finditer(text)]
    return text[: found[-1]].rstrip() if found else ""


def json_object(model: type[Model]) -> Callable[[str], Model]:
    """A reader of replies that are one JSON object of this form and nothing else, code fence around it or not.

    Types are taken strictly and unknown keys are refused where the model says so.
    """

    def read(text: str) -> Model:
        stripped = text.strip()
        fenced = _FENCE.match(stripped)
        try:
            data = json.loads(fenced[1] if fenced else stripped)
        except ValueError as error:
            raise UnreadableReplyError(f"not JSON: {error}") from None
        try:
            return model.model_validate(data, strict=True)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise UnreadableReplyError(f"JSON of another form: {where}: {first['msg']}") from None

    return read
