"""What strategies may know of peoples: which cultures are alike, how a people answered other questions.

By default nothing about a measured question is told while it is asked, nor about any question of its topic. The
published work drew on the very answers it measured; ``published`` does the same, for reproduction.
"""

from functools import cached_property
from pathlib import Path

from pluralign.core.collective import Collective
from pluralign.core.question import Question
from pluralign.core.survey import Survey
from pluralign.metrics.cultural_alignment import similarities
from pluralign.prompts.options import Labels, show
from pluralign.prompts.strategies import EXAMPLES, NEIGHBOURS, Example


class Library:
    """The references of a whole survey, asked or not, and what may be drawn from them for one question."""

    def __init__(self, survey: Survey, *, published: bool = False, cache_folder: Path | None = None):
        self.survey, self.published = survey, published
        self._cache_folder = cache_folder
        self._similarities: dict[str, dict[str, dict[str, float]]] = {}

    def neighbours(
        self, collective: Collective, question: Question
    ) -> tuple[tuple[Collective, ...], tuple[Collective, ...]]:
        """The most similar collectives, nearest first, and the most different ones, farthest first.

        Ties are broken by the survey's order, as published. Fewer than three of each where the survey has few.
        """
        topic = "" if self.published else question.topic
        if topic not in self._similarities:
            without = () if self.published else self._topic(question)
            self._similarities[topic] = similarities(self.survey, without=without, published=self.published)
        row = self._similarities[topic].get(collective.id, {})
        ascending = sorted(row, key=lambda other: row[other])
        similar, different = ascending[::-1][:NEIGHBOURS], ascending[:NEIGHBOURS]
        if set(similar) & set(different):
            return (), ()
        return tuple(map(self.survey.collective, similar)), tuple(map(self.survey.collective, different))

    def examples(self, collective: Collective, question: Question, labels: Labels) -> tuple[Example, ...]:
        """Other questions, most similar in wording first, with the option most of the collective chose."""
        chosen: list[Example] = []
        excluded = {question.id} if self.published else set(self._topic(question))
        for other_id in self._ranking.get(question.id, ()):
            reference = self.survey.reference(collective.id, other_id)
            if other_id in excluded or reference is None:
                continue
            shown = show(self.survey.question(other_id), labels=labels)
            chosen.append(Example(shown, shown.labels[reference.mode]))
            if len(chosen) == EXAMPLES:
                break
        return tuple(chosen)

    @cached_property
    def _ranking(self) -> dict[str, tuple[str, ...]]:
        raise NotImplementedError

    def _topic(self, question: Question) -> tuple[str, ...]:
        return tuple(other.id for other in self.survey.questions if other.topic == question.topic)
