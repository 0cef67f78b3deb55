"""Which other questions and which other cultures a prompt shows: worked out from data, without leaking the answer.

Two choices of CultureSPA (Xu et al. 2025). Self-alignment (P3) shows questions worded alike, ranked by chrF++
(Popović 2017), with the people's own answers. Cross-culture (P2) names the cultures most and least alike. In the
original both are drawn from the very answers that are then scored; here the measured question's topic is left out
unless ``published``. Knows no prompt text.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pluralign.core.survey import Survey

CHARACTER_ORDER, WORD_ORDER, BETA = 6, 2, 2
"""chrF++ as sacrebleu has it: characters up to 6-grams, words up to 2-grams, recall weighs BETA^2 times precision."""
EXAMPLES = 5
NEIGHBOURS = 3
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")

Array = npt.NDArray[np.float64]
Ranking = Mapping[str, Sequence[str]]
"""Question id -> ids of other questions, the most alike first."""


# --- questions worded alike -----------------------------------------------------------------------------------------


def chrf(hypotheses: Sequence[str], references: Sequence[str]) -> Array:
    """chrF++ of every hypothesis against every reference, in [0, 100], shape (hypotheses, references).

    Equal to ``sacrebleu.CHRF(word_order=2)`` on each pair, some hundred times faster: n-grams are counted once per
    text, and shared n-grams are a product of sparse matrices.
    """
    texts = [*hypotheses, *references]
    grams = [_ngrams(text) for text in texts]
    precision = recall = orders = np.zeros((len(hypotheses), len(references)))
    for order in range(CHARACTER_ORDER + WORD_ORDER):
        counts = [one[order] for one in grams]
        totals = np.array([one.total() for one in counts], dtype=np.float64)
        common = np.zeros((len(hypotheses), len(references)))
        # The number of shared n-grams, sum of min(a, b), is the sum over t of how many occur at least t times in both.
        for times in range(1, max((max(one.values(), default=0) for one in counts), default=0) + 1):
            table = _incidence(counts, times)
            common += (table[: len(hypotheses)] @ table[len(hypotheses) :].T).toarray()
        both = (totals[: len(hypotheses), None] > 0) & (totals[None, len(hypotheses) :] > 0)
        precision = precision + common / np.where(both, totals[: len(hypotheses), None], 1)
        recall = recall + common / np.where(both, totals[None, len(hypotheses) :], 1)
        orders = orders + both
    precision, recall = precision / np.maximum(orders, 1), recall / np.maximum(orders, 1)
    factor = BETA**2
    weight = factor * precision + recall
    return np.asarray(100 * ((1 + factor) * precision * recall / np.where(weight > 0, weight, 1)))


def rank_examples(targets: Mapping[str, str], candidates: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """For each target, the candidates (without itself) by how alike their wording is, the most alike first.

    Takes question id -> wording. The target is the hypothesis and the candidate the reference; scores are rounded to
    two decimals, and ties keep the candidates' order. This reproduces the ranking published with CultureSPA.
    """
    scores = chrf(list(targets.values()), list(candidates.values()))
    ids = list(candidates)
    ranking = {}
    for target, row in zip(targets, scores.tolist(), strict=True):
        # Python rounds the decimal value; numpy.round multiplies first and can differ in the last place.
        rounded = [round(score, 2) for score in row]
        order = sorted(range(len(ids)), key=lambda at: -rounded[at])
        ranking[target] = tuple(ids[at] for at in order if ids[at] != target)
    return ranking


def rank_questions(survey: Survey) -> dict[str, tuple[str, ...]]:
    """:func:`rank_examples` among all questions of a survey. Under a second for 291 questions."""
    texts = {question.id: question.text for question in survey.questions}
    return rank_examples(texts, texts)


def choose_examples(
    survey: Survey,
    ranking: Ranking,
    collective_id: str,
    question_id: str,
    *,
    count: int = EXAMPLES,
    published: bool = False,
) -> tuple[str, ...]:
    """The questions a prompt for ``question_id`` shows, the most alike first; fewer if there are no more.

    Only questions that the collective's people answered. Default: only from other topics than the measured question's,
    so that nothing of its own scale is given away; questions without a topic are each a topic of their own.
    ``published``: from all topics. Raises :class:`UnknownNameError` for ids the survey does not have.
    """
    topic = survey.question(question_id).topic
    collective_id = survey.collective(collective_id).id
    chosen: list[str] = []
    for candidate in ranking[question_id]:
        same_topic = bool(topic) and survey.question(candidate).topic == topic
        if candidate == question_id or (same_topic and not published):
            continue
        if survey.reference(collective_id, candidate) is not None:
            chosen.append(candidate)
        if len(chosen) == count:
            break
    return tuple(chosen)


def held_out(survey: Survey, question_id: str) -> frozenset[str]:
    """Ids of the questions that must not shape a prompt for ``question_id``: its topic's, or itself without a topic."""
    topic = survey.question(question_id).topic
    return frozenset(
        {question_id, *(question.id for question in survey.questions if topic and question.topic == topic)}
    )


# --- cultures alike -------------------------------------------------------------------------------------------------


class Neighbours(NamedTuple):
    """Collectives a prompt compares with; ids."""

    similar: tuple[str, ...]
    """The most alike first."""
    different: tuple[str, ...]
    """The least alike first."""


def choose_neighbours(similarity: Mapping[str, float], *, count: int = NEIGHBOURS) -> Neighbours:
    """The most and least alike of the other collectives (id -> similarity, in the survey's order).

    Sorted upwards, ties in the order given: the different ones are the first, the similar ones the last, counted from
    the end. Where there are fewer than twice ``count`` others, each list has half of them, so that nobody is called
    both. To keep a measured question out, pass a similarity worked out without :func:`held_out`.
    """
    count = min(count, len(similarity) // 2)
    upwards = sorted(similarity, key=lambda other: similarity[other])
    return Neighbours(tuple(upwards[::-1][:count]), tuple(upwards[:count]))


# --- n-grams --------------------------------------------------------------------------------------------------------


def _ngrams(text: str) -> list[Counter[str]]:
    """Counts of the character n-grams (white space left out) and of the word n-grams, by order."""
    letters = "".join(text.split())
    words: list[str] = []
    for word in text.split():
        # A punctuation mark at the end, or else at the beginning, is a word of its own.
        if len(word) > 1 and word[-1] in _PUNCTUATION:
            words += [word[:-1], word[-1]]
        elif len(word) > 1 and word[0] in _PUNCTUATION:
            words += [word[0], word[1:]]
        else:
            words.append(word)
    characters = [_windows(letters, size) for size in range(1, CHARACTER_ORDER + 1)]
    return characters + [_windows(words, size) for size in range(1, WORD_ORDER + 1)]


def _windows(units: Sequence[str], size: int) -> Counter[str]:
    """Counts of ``size`` neighbouring units; a space, which no unit holds, keeps words apart."""
    joint = "" if isinstance(units, str) else " "
    return Counter(joint.join(units[at : at + size]) for at in range(len(units) - size + 1))


def _incidence(counts: Sequence[Counter[str]], times: int) -> Any:
    """Sparse rows of ones for the n-grams that a text has at least ``times`` times."""
    from scipy.sparse import csr_array

    columns: dict[str, int] = {}
    rows, places = [], []
    for row, one in enumerate(counts):
        for gram, number in one.items():
            if number >= times:
                rows.append(row)
                places.append(columns.setdefault(gram, len(columns)))
    ones = np.ones(len(rows))
    return csr_array((ones, (rows, places)), shape=(len(counts), max(len(columns), 1)))
