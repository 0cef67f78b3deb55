"""How the options of a question are laid out: in which order, under which labels, and what then counts as an answer.

Knows no model and no wording around the options.
"""

import math
import random
from enum import StrEnum
from itertools import permutations
from typing import Literal, NamedTuple

from pluralign.core.errors import UsageError
from pluralign.core.question import Question

Order = tuple[int, ...]
"""Position on the page -> position of the option in the survey."""

MOST_ORDERS = 24
"""How many orders "all" may mean: 4! at most; more options get a balanced set instead."""


class Labels(StrEnum):
    """What stands before each option and is asked for."""

    NUMBER = "number"
    """The survey's own codes, in ascending place: 1, 2, 3 … or 0, 1, 2 …."""
    LETTER = "letter"
    """A, B, C …."""
    NONE = "none"
    """Nothing: the answer is the wording itself."""


class Shown(NamedTuple):
    """A question as it is put to a voice."""

    text: str
    """The wording of the question."""
    listing: str
    """The options as they are listed, beginning with a new line or a space."""
    label_name: str
    """What the voice is asked to reply with: ``number``, ``letter`` or ``wording``."""
    forms: tuple[tuple[str, ...], ...]
    """Per option *in the survey's order*: the beginnings of a reply that count as this answer."""
    labels: tuple[str, ...]
    """Per option in the survey's order: label and wording as an answered example shows it, such as "1. Agree"."""


def show(question: Question, order: Order | None = None, labels: Labels = Labels.NUMBER) -> Shown:
    """Lay out a question. Labels belong to places, wordings to options, so a shuffled option gets another label;
    only the numbers of a numeric scale are their own wording and keep it wherever they stand.
    """
    count = len(question.options)
    order = tuple(range(count)) if order is None else order
    if sorted(order) != list(range(count)):
        raise UsageError(f"{order} is no order of the {count} options of question {question.id!r}")
    place_of = {option: place for place, option in enumerate(order)}
    if question.is_numeric and labels is not Labels.LETTER:
        texts = tuple(option.text for option in question.options)
        listing = " " + " ".join(question.options[at].text for at in order)
        return Shown(question.text, listing, "number", tuple((text, f" {text}") for text in texts), texts)
    if labels is Labels.NONE:
        texts = tuple(option.text for option in question.options)
        listing = "".join(f"\n- {question.options[at].text}" for at in order)
        return Shown(question.text, listing, "wording", tuple((t, f" {t}") for t in texts), texts)
    if labels is Labels.LETTER:
        if count > 26:
            raise UsageError(f"question {question.id!r} has {count} options; letters reach only to 26")
        marks = [chr(ord("A") + place) for place in range(count)]
    else:
        marks = [str(code) for code in sorted(option.id for option in question.options)]
    listing = "".join(f"\n{mark}. {question.options[at].text}" for mark, at in zip(marks, order, strict=True))
    own = [marks[place_of[at]] for at in range(count)]
    return Shown(
        question.text,
        listing,
        "letter" if labels is Labels.LETTER else "number",
        tuple((mark, f" {mark}") for mark in own),
        tuple(f"{mark}. {option.text}" for mark, option in zip(own, question.options, strict=True)),
    )


def orders(question: Question, count: int | Literal["all"], seed: int = 0) -> tuple[Order, ...]:
    """The orders in which to list a question's options; the first is the survey's own.

    1: the survey's own. 2: that and its reverse, so that every option stands as often early as late. More: a
    balanced set in which every option takes every place as evenly as ``count`` allows. "all": every order
    of a nominal scale where there are at most 24, else a balanced set of as many orders as options and their
    reverses; an ordered scale is only ever listed forwards and backwards, as no questionnaire would shuffle it.
    Numeric scales have no more than two orders either. (Findings on order effects: arXiv 2306.07951, 2507.07188.)
    """
    size = len(question.options)
    own = tuple(range(size))
    if count == "all":
        if question.scale.ordered:
            return (own, own[::-1])
        if math.factorial(size) <= MOST_ORDERS:
            return tuple(permutations(own))
        return _balanced(size, 2 * size, seed)
    if count < 1:
        raise UsageError(f"the number of option orders must be at least 1, got {count}")
    if count == 1:
        return (own,)
    if count == 2 or question.is_numeric:
        return (own, own[::-1])
    return _balanced(size, min(count, math.factorial(size)), seed)


def _balanced(size: int, count: int, seed: int) -> tuple[Order, ...]:
    """Own order, its reverse, then rotations of both: rows of a Latin square, so that places come out even."""
    draw = random.Random(f"orders/{size}/{seed}")
    shifts = list(range(1, size))
    draw.shuffle(shifts)
    own = tuple(range(size))
    rows: list[Order] = []
    for shift in (0, *shifts):
        turned = own[shift:] + own[:shift]
        rows += [turned, turned[::-1]]
    unique = list(dict.fromkeys(rows))
    while len(unique) < count:
        candidate = list(own)
        draw.shuffle(candidate)
        unique = list(dict.fromkeys([*unique, tuple(candidate)]))
    return tuple(unique[:count])
