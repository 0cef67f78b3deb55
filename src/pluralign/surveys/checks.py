"""What is worth knowing about a survey before a model is asked it. Pure: a survey in, sentences out."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pluralign.core.question import Scale
from pluralign.core.survey import Survey

SMALL_N = 100
"""Fewer people than this behind a share: its standard error can reach 5 percentage points."""
MUCH_MISSING = 0.2
"""A larger share of people without a valid answer than this deserves a second look."""


class Finding(NamedTuple):
    """One thing about a survey."""

    fine: bool
    """Whether it is only a description; otherwise it limits what can be concluded."""
    text: str
    """One or two sentences."""


class _Cell(NamedTuple):
    collective: str
    question: str
    n: float | None
    refused: float
    ties: int


def check(survey: Survey) -> tuple[Finding, ...]:
    """Findings in reading order: size, scales, who answered what, how many people, missing mass, ties, terms."""
    cells = [
        _Cell(collective.id, question.id, reference.n, reference.refused, len(reference.modes))
        for collective in survey.collectives
        for question in survey.questions
        if (reference := survey.reference(collective.id, question.id)) is not None
    ]
    return (
        *_size(survey),
        *_scales(survey),
        *_coverage(survey, cells),
        *(_people(cells) if cells else ()),
        *(_missing(cells) if cells else ()),
        *_terms(survey),
    )


def _size(survey: Survey) -> Iterable[Finding]:
    counts = [len(question.options) for question in survey.questions]
    topics = [topic for topic in survey.topics if topic]
    yield Finding(
        True,
        f"{_count(len(counts), 'question')} with {_range(min(counts), max(counts))} options each, "
        f"{_count(len(topics), 'topic')}, {_count(len(survey.collectives), 'collective')}.",
    )
    wordings = Counter(question.text for question in survey.questions)
    twice = [question.id for question in survey.questions if wordings[question.text] > 1]
    if twice:
        yield Finding(False, f"The same wording is used by several questions: {_some(twice)}.")


def _scales(survey: Survey) -> Iterable[Finding]:
    scales = Counter(question.scale for question in survey.questions)
    yield Finding(True, "Scales: " + ", ".join(f"{scales[scale]} {scale}" for scale in Scale if scales[scale]) + ".")
    bare = [
        question.id
        for question in survey.questions
        if question.is_numeric and not all(str(question.options[end].id) in question.text for end in (0, -1))
    ]
    if bare:
        yield Finding(
            False, f"The options are bare numbers and the text does not say what the ends mean: {_some(bare)}."
        )


def _coverage(survey: Survey, cells: Sequence[_Cell]) -> Iterable[Finding]:
    if not cells:
        yield Finding(False, "There are no answers of people: models can be asked, and compared with nobody.")
        return
    possible = len(survey.questions) * len(survey.collectives)
    if len(cells) == possible:
        yield Finding(True, f"Every collective answered every question: {possible} references.")
        return
    answered = {cell.question for cell in cells}
    nowhere = [question.id for question in survey.questions if question.id not in answered]
    if nowhere:
        yield Finding(False, f"{_count(len(nowhere), 'question')} without any reference: {_some(nowhere)}.")
    per_collective = Counter(cell.collective for cell in cells)
    fewer = [
        f"{collective.id} {len(survey.questions) - per_collective[collective.id]}"
        for collective in survey.collectives
        if per_collective[collective.id] < len(survey.questions)
    ]
    yield Finding(
        False,
        f"{possible - len(cells)} of {possible} references are absent; those cells are not scored. "
        f"By collective: {_some(fewer, 20)}.",
    )


def _people(cells: Sequence[_Cell]) -> Iterable[Finding]:
    known = [cell for cell in cells if cell.n is not None]
    if len(known) < len(cells):
        yield Finding(
            False,
            f"{len(cells) - len(known)} of {len(cells)} references have no n: how far chance moved them is not known.",
        )
    if not known:
        return
    small = sorted((cell for cell in known if (cell.n or 0) < SMALL_N), key=lambda cell: cell.n or 0)
    sizes = [cell.n or 0 for cell in known]
    yield Finding(True, f"{_range(min(sizes), max(sizes))} people behind a reference.")
    if small:
        worst = 50 / math.sqrt(small[0].n or 1)
        yield Finding(
            False,
            f"{_count(len(small), 'reference')} with fewer than {SMALL_N} people, the fewest {_cell(small[0])} with "
            f"{small[0].n:g}: a share there has a standard error of up to {worst:.0f} percentage points.",
        )


def _missing(cells: Sequence[_Cell]) -> Iterable[Finding]:
    most = max(cells, key=lambda cell: cell.refused)
    mean = sum(cell.refused for cell in cells) / len(cells)
    if most.refused > 0:
        yield Finding(
            True, f"{mean:.1%} of people gave no valid answer on average; the most {_cell(most)}, {most.refused:.1%}."
        )
    many = [cell for cell in cells if cell.refused > MUCH_MISSING]
    if many:
        yield Finding(
            False,
            f"{_count(len(many), 'reference')} with more than {MUCH_MISSING:.0%} missing: "
            f"{_some([_cell(cell) for cell in sorted(many, key=lambda cell: -cell.refused)])}.",
        )
    tied = [_cell(cell) for cell in cells if cell.ties > 1]
    if tied:
        yield Finding(False, f"{_count(len(tied), 'reference')} with several most frequent options: {_some(tied)}.")


def _terms(survey: Survey) -> Iterable[Finding]:
    absent = [name for name, text in (("citation", survey.citation), ("licence", survey.licence)) if not text]
    if absent:
        yield Finding(
            False, f"No {' and no '.join(absent)}: readers of a report will not know where the figures are from."
        )
    if survey.notes:
        yield Finding(True, survey.notes)


def _cell(cell: _Cell) -> str:
    return f"{cell.collective} {cell.question}"


def _some(names: Sequence[str], shown: int = 5) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _range(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
