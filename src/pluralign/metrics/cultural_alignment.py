"""The Cultural Alignment Score, and how alike two populations are by the same formula.

Compares one answer per question with the people's most frequent one::

    score = 1 - sqrt(sum of d^2) / sqrt(sum of m^2)        over the questions that can be scored

``published`` (Xu et al., CultureSPA, 2025, as their code has it): d is the difference of option numbers and m the
number of options less one, so a question with eleven options weighs a hundred times one with two. Default: every
question weighs the same, m = 1, and d is that difference divided by the number of options less one on ordered scales,
0 or 1 (equal or not) on nominal ones. Either way 1 is perfect, and 0 (end to end on every question) is out of reach.

Knows one answer per question only; it throws away how divided people are. Read the distances first.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pluralign.core.distribution import Distribution
from pluralign.core.question import Question
from pluralign.core.survey import Survey
from pluralign.metrics.distances import Array, is_ordered
from pluralign.metrics.scales import Scales


class AlignmentScore(NamedTuple):
    """A score and what it rests on. ``used + invalid + no_reference + unasked`` is the number of questions."""

    score: float | None
    """At most 1; ``None`` where no question can be scored. Below 0 only for option numbers a question does not have."""
    used: int
    """Questions with a valid answer and a reference: those the score is over."""
    invalid: int
    """Questions whose answer could not be read as an option, whether or not there is a reference."""
    no_reference: int
    """Questions with a valid answer and no answer of the people."""
    unasked: int
    """Questions without any answer, read or not."""
    lowest: float | None
    """The score if every invalid answer had been the option farthest from the people's."""
    highest: float | None
    """The score if every invalid answer had been the people's."""


def cultural_alignment(
    questions: Sequence[Question],
    answers: Mapping[str, int | None],
    people: Mapping[str, Distribution],
    *,
    published: bool = False,
) -> AlignmentScore:
    """Score option codes, by question id, against the people's most frequent option.

    ``answers``: the code of the chosen option; ``None``: asked, and no option could be read. The default counts a code
    the question does not have as invalid; ``published`` computes with it, as the original does.
    """
    losses, weights, worst = [], [], []
    invalid = no_reference = unasked = 0
    for question in questions:
        if question.id not in answers:
            unasked += 1
            continue
        code = answers[question.id]
        reference = people.get(question.id)
        valid = code is not None and (published or question.position(code) is not None)
        if not valid:
            invalid += 1
            if reference is not None:
                worst.append(_terms(question, _farthest(question, reference.mode), reference.mode, published))
        elif reference is None:
            no_reference += 1
        else:
            assert code is not None
            loss, weight = _terms(question, code, reference.mode, published)
            losses.append(loss)
            weights.append(weight)
    missed = math.fsum(loss for loss, _ in worst)
    missed_weight = math.fsum(weight for _, weight in worst)
    loss, weight = math.fsum(losses), math.fsum(weights)
    return AlignmentScore(
        score=_score(loss, weight),
        used=len(losses),
        invalid=invalid,
        no_reference=no_reference,
        unasked=unasked,
        lowest=_score(loss + missed, weight + missed_weight),
        highest=_score(loss, weight + missed_weight),
    )


class AlignmentTerms(NamedTuple):
    """Squared differences d^2 and squared greatest differences m^2 per question, arrays of shape (..., questions)."""

    losses: Array
    weights: Array

    def score(self, counts: Array | None = None) -> Array:
        """The score with each question counted ``counts`` times, shape (..., questions); NaN over no question."""
        counts = np.ones(self.losses.shape[-1]) if counts is None else counts
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.einsum("...q,...q", counts, self.losses) / np.einsum("...q,...q", counts, self.weights)
            return np.asarray(1 - np.sqrt(ratio))


def alignment_terms(
    scales: Scales, first: npt.NDArray[np.int64], second: npt.NDArray[np.int64], *, published: bool = False
) -> AlignmentTerms:
    """The two sums of the score, before summing, for pairs of option positions (0-based), shape (..., questions).

    A negative position stands for no answer; its terms are zero.
    """
    rows = np.arange(len(scales.options))
    spans = (scales.options - 1).astype(np.float64)
    if published:
        losses, weights = (scales.codes[rows, first] - scales.codes[rows, second]) ** 2, spans**2
    else:
        losses = np.where(scales.ordered, ((first - second) / spans) ** 2, first != second)
        weights = np.ones(len(rows))
    answered = (first >= 0) & (second >= 0)
    return AlignmentTerms(np.where(answered, losses, 0.0), np.where(answered, weights, 0.0))


def similarities(
    survey: Survey, *, without: Collection[str] = (), published: bool = False
) -> dict[str, dict[str, float]]:
    """How alike each pair of the survey's populations is: the score between their most frequent answers.

    Over the questions both were asked, less the ids in ``without`` (such as those of a measured question's topic, so
    that nothing about it leaks). Collective id -> other collective id -> score; every row in the survey's order, no
    row holds itself. Pairs that share no question are absent. ``published``: raw option numbers, and scores rounded to
    three decimals, which is what the published file's one decimal of a percentage is: it makes ties.
    """
    skipped = set(without)
    questions = [question for question in survey.questions if question.id not in skipped]
    spans = np.array([len(question.options) - 1 for question in questions], dtype=np.float64)
    ordered = np.array([is_ordered(question) for question in questions])
    modes = {
        collective.id: np.array(
            [_number(survey.reference(collective.id, question.id), question, published) for question in questions]
        )
        for collective in survey.collectives
    }
    table: dict[str, dict[str, float]] = {one: {} for one in modes}
    for one, first in modes.items():
        for two, second in modes.items():
            gaps = np.abs(first - second)
            both = ~np.isnan(gaps)
            if one == two or not both.any():
                continue
            if published:
                score = 1 - math.sqrt((gaps[both] ** 2).sum() / (spans[both] ** 2).sum())
                table[one][two] = round(100 * score, 1) / 100
            else:
                scaled = np.where(ordered, gaps / spans, gaps != 0)[both]
                table[one][two] = 1 - math.sqrt((scaled**2).mean())
    return table


def _terms(question: Question, code: int, reference: int, published: bool) -> tuple[float, float]:
    """Squared difference and squared greatest difference of an option code and a reference position."""
    span = len(question.options) - 1
    if published:
        return float((code - question.options[reference].id) ** 2), float(span**2)
    position = question.position(code)
    assert position is not None, f"{code} is no option of {question.id}"
    if not is_ordered(question):
        return float(position != reference), 1.0
    return ((position - reference) / span) ** 2, 1.0


def _farthest(question: Question, reference: int) -> int:
    """Code of the option farthest from a position."""
    last = len(question.options) - 1
    return question.options[0 if reference > last - reference else last].id


def _score(loss: float, weight: float) -> float | None:
    return 1 - math.sqrt(loss) / math.sqrt(weight) if weight > 0 else None


def _number(reference: Distribution | None, question: Question, published: bool) -> float:
    if reference is None:
        return math.nan
    return float(question.options[reference.mode].id if published else reference.mode)
