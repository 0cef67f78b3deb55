"""How the options of a question are laid out: in which order, under which labels, and what then counts as an answer.

Knows no model and no wording around the options.
"""

import math
import random
from collections.abc import Sequence
from enum import StrEnum
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

    @property
    def keys(self) -> tuple[str, ...]:
        """Per option in the survey's order what names it most shortly: its label, or its wording without one."""
        return tuple(forms[0] for forms in self.forms)


def show(
    question: Question, order: Order | None = None, labels: Labels = Labels.NUMBER, marks: Order | None = None
) -> Shown:
    """Lay out a question. Labels belong to places, wordings to options, so a shuffled option gets another label;
    only the numbers of a numeric scale are their own wording and keep it wherever they stand.

    ``marks``: place on the page -> which of the labels, counted from the first, stands there; by default they run down
    the page in their own order.
    """
    count = len(question.options)
    own = tuple(range(count))
    order, marks = own if order is None else order, own if marks is None else marks
    if sorted(order) != list(own):
        raise UsageError(f"{order} is no order of the {count} options of question {question.id!r}")
    if sorted(marks) != list(own):
        raise UsageError(f"{marks} is no order of the {count} labels of question {question.id!r}")
    place_of = {option: place for place, option in enumerate(order)}
    if question.is_numeric and labels is not Labels.LETTER:
        texts = tuple(option.text for option in question.options)
        listing = " " + " ".join(question.options[at].text for at in order)
        return Shown(question.text, listing, "number", tuple((text, f" {text}") for text in texts), texts)
    if labels is Labels.NONE:
        texts = tuple(option.text for option in question.options)
        listing = "".join(f"\n- {question.options[at].text}" for at in order)
        return Shown(question.text, listing, "wording", tuple((t, f" {t}") for t in texts), texts)
    names = label_names(question, labels)
    placed = [names[mark] for mark in marks]
    listing = "".join(f"\n{mark}. {question.options[at].text}" for mark, at in zip(placed, order, strict=True))
    own_marks = [placed[place_of[at]] for at in range(count)]
    return Shown(
        question.text,
        listing,
        "letter" if labels is Labels.LETTER else "number",
        tuple((mark, f" {mark}") for mark in own_marks),
        tuple(f"{mark}. {option.text}" for mark, option in zip(own_marks, question.options, strict=True)),
    )


def label_names(question: Question, labels: Labels) -> list[str]:
    """The labels that stand before a question's options, in their own order; none where wordings stand alone."""
    count = len(question.options)
    if labels is Labels.LETTER:
        if count > 26:
            raise UsageError(f"question {question.id!r} has {count} options; letters reach only to 26")
        return [chr(ord("A") + place) for place in range(count)]
    if labels is Labels.NONE or question.is_numeric:
        return []
    return [str(code) for code in sorted(option.id for option in question.options)]


class Layout(NamedTuple):
    """How a question's options stand on the page."""

    order: Order
    """Place -> position of the option in the survey."""
    marks: Order
    """Place -> which of the labels, counted from the first, stands there."""


def layouts(
    question: Question, count: int | Literal["all"], seed: int = 0, *, permute_labels: bool = False
) -> tuple[Layout, ...]:
    """The orders of :func:`orders`, each with its labels.

    Labels run down the page in their own order, so that place and label are one and the same, unless
    ``permute_labels``: then they are dealt anew for every order, so that each stands in each place, and at each option,
    as evenly as the number of orders allows. Numeric scales have no labels beside their numbers and are left alone.
    """
    chosen = orders(question, count, seed)
    own = tuple(range(len(question.options)))
    if not permute_labels or question.is_numeric:
        return tuple(Layout(order, own) for order in chosen)
    return tuple(Layout(order, marks) for order, marks in zip(chosen, _marks(chosen), strict=True))


def orders(question: Question, count: int | Literal["all"], seed: int = 0) -> tuple[Order, ...]:
    """The orders in which to list a question's options; the first is the survey's own.

    1: the survey's own. 2: that and its reverse, so that every option stands as often early as late. More: a
    balanced set, in which no option stands in any place more than once more often than another (:func:`balanced`).
    "all": every order of a nominal scale where there are at most 24, else a balanced set of twice as many orders as
    options; an ordered scale is only ever listed forwards and backwards, as no questionnaire would shuffle it. Numeric
    scales have no more than two orders either. (Findings on order effects: arXiv 2306.07951, 2507.07188.)
    """
    size = len(question.options)
    own = tuple(range(size))
    if count == "all":
        if question.scale.ordered:
            return (own, own[::-1])
        every = math.factorial(size)
        return balanced(size, every if every <= MOST_ORDERS else 2 * size, seed)
    if count < 1:
        raise UsageError(f"the number of option orders must be at least 1, got {count}")
    if count == 1:
        return (own,)
    if count == 2 or question.is_numeric:
        return (own, own[::-1])
    return balanced(size, min(count, math.factorial(size)), seed)


def balanced(size: int, count: int, seed: int = 0) -> tuple[Order, ...]:
    """``count`` different orders of ``size`` options, at most size!, the options' own order first.

    However many there are, the numbers of times that options stand in places differ by one at most, and are equal
    where ``count`` is a multiple of ``size``. They are rows of Latin squares, the first of them Williams's (1949), in
    which every option also follows every other equally often (over two squares where ``size`` is odd); of an even
    ``size`` each second row is the reverse of the one before. Further squares are drawn with ``seed``.
    """
    turn = _turn(size)
    steps = _steps(size)
    rows: list[Order] = []
    seen: set[Order] = set()
    draw = random.Random(f"orders/{size}/{seed}")
    base = tuple(range(size))
    while len(rows) < count:
        if base not in seen:
            # The turns of one row are a Latin square, and the squares of two rows are the same or have none in common.
            square = [tuple(turn[step][option] for option in base) for step in steps]
            rows += square
            seen.update(square)
        mirrored = tuple(reversed(range(size)))
        base = mirrored if mirrored not in seen else tuple(draw.sample(range(size), size))
    return tuple(rows[:count])


def _turn(size: int) -> list[Order]:
    """Turns of the options round Williams's zigzag 0, 1, n-1, 2, n-2 …: number of steps -> option -> option."""
    zigzag = [0] + [(place + 1) // 2 if place % 2 else size - place // 2 for place in range(1, size)]
    place_of = {value: place for place, value in enumerate(zigzag)}
    return [tuple(place_of[(value + step) % size] for value in zigzag) for step in range(size)]


def _steps(size: int) -> list[int]:
    """All numbers of steps; of an even size half a turn, which is the reverse, comes right after none."""
    if size % 2:
        return list(range(size))
    half = size // 2
    return [step for first in range(half) for step in (first, first + half)]


def _marks(chosen: Sequence[Order]) -> list[Order]:
    """Labels for orders of :func:`balanced`: place -> label.

    Where an order is turned by s steps its labels are turned by 2s, so that labels also stand at options in all
    combinations, as in a Graeco-Latin square. There is none of this kind for an even size: the labels of its second
    half are turned by one more, which leaves one combination out for one that comes twice, and every second square
    by half a turn, which makes up for it.
    """
    size = len(chosen[0])
    turn, steps = _turn(size), _steps(size)
    found = []
    for at in range(len(chosen)):
        step, square = steps[at % size], at // size
        shift = square if size % 2 else (step >= size // 2) + square % 2 * (size // 2)
        first = chosen[square * size]
        found.append(tuple(turn[(2 * step + shift) % size][option] for option in first))
    return found
