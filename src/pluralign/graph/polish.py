"""Better wording for a charter's requests by a model that may touch nothing else. Knows no engine, only a function.

Ids, citations and counts never pass through the model: it sees one text at a time and gives one back. A version that
lost something is not used; the fixed wording stays and the reason is reported.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from pluralign.core.constitution import Alternative, Constitution, Principle

Rewrite = Callable[[str], str]
"""A model seen from here: from a prompt to its reply, empty where it gave none."""


class KeptText(NamedTuple):
    """A text that stayed as it was because the model's version lost something."""

    principle: str
    card: str
    """Id of the card: the principle's own, or that of an alternative."""
    field: str
    reason: str


class Polished(NamedTuple):
    """A constitution after polishing."""

    constitution: Constitution
    rewritten: int
    """Number of texts that were replaced."""
    kept: tuple[KeptText, ...]


_FIELDS = ("critique_request", "revision_request")
_BULLET = re.compile(r"^\s*[-*•] +(.*)$", re.MULTILINE)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_CAPITALS = re.compile(r"\b[^\W\d_]{3,}\b")


def polish(constitution: Constitution, rewrite: Rewrite, *, model: str) -> Polished:
    """Let a model improve the wording of the requests, and nothing else.

    A version that changes a number, the number of points, a word written in capitals in a point, or the length beyond
    half to double, is reported in ``kept`` and not used.
    """
    kept: list[KeptText] = []
    rewritten = 0
    principles = []
    for principle in constitution.principles:
        card = principle.citations[0].card if principle.citations else ""
        texts, lost = _polish_fields(principle, rewrite)
        kept += [KeptText(principle.id, card, field, reason) for field, reason in lost]
        rewritten += len(texts)
        alternatives = []
        for alternative in principle.alternatives:
            other_texts, other_lost = _polish_fields(alternative, rewrite)
            kept += [KeptText(principle.id, alternative.citation.card, field, reason) for field, reason in other_lost]
            rewritten += len(other_texts)
            alternatives.append(alternative.model_copy(update=other_texts))
        principles.append(principle.model_copy(update={**texts, "alternatives": tuple(alternatives)}))
    origin = constitution.origin
    if rewritten:
        origin = origin.model_copy(update={"wording": f"{origin.wording}, polished by {model}"})
    return Polished(
        constitution.model_copy(update={"principles": tuple(principles), "origin": origin}), rewritten, tuple(kept)
    )


def _polish_fields(noun: Principle | Alternative, rewrite: Rewrite) -> tuple[dict[str, str], list[tuple[str, str]]]:
    texts, lost = {}, []
    for field in _FIELDS:
        before = noun.critique_request if field == "critique_request" else noun.revision_request
        if not before:
            continue
        after = rewrite(_polish_prompt(before)).strip()
        problem = next(_problems(before, after), None)
        if problem is None:
            texts[field] = after
        else:
            lost.append((field, problem))
    return texts, lost


def _polish_prompt(text: str) -> str:
    return (
        "Improve the wording of the instruction below: plain, short, natural sentences with the same meaning. "
        'Keep every line that starts with "- " as a line of its own, in the same order. '
        "Keep numbers, quoted names and words in capitals exactly as they are. "
        "Reply with the instruction alone.\n\n"
        f"{text}"
    )


def _problems(before: str, after: str) -> Iterator[str]:
    """What a new version of a text has lost, most telling first."""
    if not after:
        yield "the model gave no text"
        return
    if Counter(_NUMBER.findall(before)) != Counter(_NUMBER.findall(after)):
        yield "numbers were changed"
    points, new_points = _BULLET.findall(before), _BULLET.findall(after)
    if len(points) != len(new_points):
        yield f"{len(new_points)} points instead of {len(points)}"
    for point, new_point in zip(points, new_points, strict=False):
        missing = [word for word in _CAPITALS.findall(point) if word.isupper() and word not in new_point]
        if missing:
            yield f"the word {missing[0]} was lost"
    if not 0.5 <= len(after) / len(before) <= 2:
        yield f"{len(after)} characters instead of {len(before)}"
