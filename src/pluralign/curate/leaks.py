"""The leak screen: does a text contain a question that a survey will measure? Knows no record and no model.

A question is found by its word triples. One that n questions of the survey share counts 1/n², so that the standing
phrases of a battery ("how much do you trust each of the following") betray nothing by themselves; a question counts
as contained when the weighted share of its triples that stand in the text reaches the threshold.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pluralign.core.survey import Survey
from pluralign.curate.similar import triples, words

Triple = tuple[str, ...]
LEAST_WORDS = 3
"""Shorter questions ("Family") would be found everywhere: they cannot be screened for."""


class Leak(NamedTuple):
    """A question found in a text."""

    survey: str
    question: str
    """Its id."""
    share: float
    """Of the question's weighted word triples, in (0, 1]."""


class LeakScreen:
    """An index of questions that must not be trained on."""

    def __init__(self, surveys: Iterable[Survey], threshold: float):
        """``threshold``: share of a question's weighted word triples from which it counts as contained, in (0, 1]."""
        self.threshold = threshold
        self.questions: dict[str, int] = {}
        """Survey -> questions screened for."""
        self.too_short: dict[str, tuple[str, ...]] = {}
        """Survey -> ids of questions that are too short to be screened for."""
        self._weights: dict[Triple, dict[int, float]] = {}
        self._names: list[tuple[str, str]] = []
        for survey in surveys:
            self._add(survey)

    def _add(self, survey: Survey) -> None:
        own = {question.id: words(question.text) for question in survey.questions}
        long_enough = {id_: text for id_, text in own.items() if len(text) >= LEAST_WORDS}
        self.too_short[survey.name] = tuple(id_ for id_ in own if id_ not in long_enough)
        self.questions[survey.name] = len(long_enough)
        sets = {id_: triples(text) for id_, text in long_enough.items()}
        common = Counter(triple for found in sets.values() for triple in found)
        for id_, found in sets.items():
            number = len(self._names)
            self._names.append((survey.name, id_))
            total = sum(common[triple] ** -2 for triple in found)
            for triple in found:
                self._weights.setdefault(triple, {})[number] = common[triple] ** -2 / total

    def find(self, texts: Sequence[str]) -> Leak | None:
        """The question most fully contained in one of the texts, or ``None``."""
        best: Leak | None = None
        for text in texts:
            shares: dict[int, float] = {}
            for triple in sorted(self._weights.keys() & triples(words(text))):
                for number, weight in self._weights[triple].items():
                    shares[number] = shares.get(number, 0.0) + weight
            for number in sorted(shares):
                share = shares[number]
                if share >= self.threshold - 1e-9 and (best is None or share > best.share):
                    best = Leak(*self._names[number], min(share, 1.0))
        return best
