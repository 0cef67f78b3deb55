"""Reads a statement about shares, such as ``{"1": 60, "2": 40}``, as a distribution over a question's options.

Strict: what is not such a statement is unreadable and counted, never mended. (Verbalised distributions: Meister et al.
2025, arXiv 2411.05403.)
"""

import json
import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from pluralign.core.question import Question
from pluralign.prompts.answers import Kind, declines
from pluralign.prompts.options import Shown

TOLERANCE = 0.02
"""How far from one whole, as a share of it, what is stated may sum: three times 33 % is a statement, 90 % is not."""

_FENCED = re.compile(r"```(?:json)?\s*(.*?)\s*```", re.DOTALL | re.IGNORECASE)


class StatedShares(NamedTuple):
    """What was read."""

    kind: Kind
    shares: tuple[float, ...] | None = None
    """Per option in the survey's order, summing to 1; ``None`` unless ``kind`` is ``ANSWER``."""


def read_shares(text: str, question: Question, shown: Shown) -> StatedShares:
    """Read one JSON object, by itself or in a single code block, that gives every option one share.

    Keys are labels, wordings, or both as listed (``1. Agree``), each option named once. Values are all plain numbers or
    all texts such as ``"40%"``; they are percentages if they sum to 100, shares if they sum to 1, within
    :data:`TOLERANCE`, and are then divided by their sum. Everything else is a refusal if it declines, else unreadable.
    """
    body = text.strip()
    fenced = _FENCED.fullmatch(body)
    try:
        pairs = json.loads(fenced[1] if fenced else body, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        return StatedShares(Kind.REFUSED if declines(body) else Kind.UNREADABLE)
    values = _per_option(pairs, question, shown) if isinstance(pairs, _Pairs) else None
    shares = None if values is None else _normalised(values)
    return StatedShares(Kind.UNREADABLE) if shares is None else StatedShares(Kind.ANSWER, shares)


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with its keys as they came, twice where they came twice."""


def _per_option(pairs: _Pairs, question: Question, shown: Shown) -> list[Any] | None:
    """Values in the survey's order; ``None`` unless every option is named once, and nothing else."""
    place: dict[str, int] = {}
    labels = shown.keys
    for at, option in enumerate(question.options):
        for name in (option.text, shown.labels[at], labels[at]):  # a label that is another's wording is a label
            place[_folded(name)] = at
    for at, label in enumerate(labels):
        place[_folded(label)] = at
    values: list[Any] = [None] * len(question.options)
    for name, value in pairs:
        at = place.get(_folded(name), -1)
        if at < 0 or values[at] is not None or value is None:
            return None
        values[at] = value
    return None if None in values else values


def _normalised(values: Sequence[Any]) -> tuple[float, ...] | None:
    percent = all(isinstance(value, str) for value in values)
    if percent:
        found = [re.fullmatch(r"\s*(\d{1,3}(?:\.\d{1,9})?)\s*%\s*", value) for value in values]
        numbers = [float(one[1]) for one in found if one is not None]
    else:
        numbers = [float(value) for value in values if type(value) in (int, float) and abs(value) <= 1000]
    if len(numbers) < len(values) or any(not math.isfinite(one) or one < 0 for one in numbers):
        return None
    total = math.fsum(numbers)
    wholes = (100.0,) if percent else (100.0, 1.0)
    if not any(abs(total - whole) <= TOLERANCE * whole for whole in wholes):
        return None
    return tuple(one / total for one in numbers)


def _folded(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".")
