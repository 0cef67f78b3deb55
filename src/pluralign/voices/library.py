"""What strategies may know of peoples: which cultures are alike, how a people answered other questions.

By default nothing about a measured question is told while it is asked, nor about any question of its topic. The
published work drew on the very answers it measured; ``published`` does the same, for reproduction.
"""

from collections import Counter
from functools import cached_property
from typing import Literal

from pluralign.core.collective import Collective
from pluralign.core.question import Question
from pluralign.core.survey import Survey
from pluralign.metrics.cultural_alignment import similarities
from pluralign.prompts.examples import choose_examples, choose_neighbours, held_out, rank_questions
from pluralign.prompts.options import Labels, show
from pluralign.prompts.strategies import Example

ExampleOrder = Literal["shared", "nearest"]


class Library:
    """The references of a whole survey, asked or not, and what may be drawn from them for one question."""

    def __init__(self, survey: Survey, *, published: bool = False, order: ExampleOrder | None = None):
        """``order`` is how a prompt lists its examples; left out, ``nearest`` where ``published``, else ``shared``."""
        self.survey, self.published = survey, published
        self.order: ExampleOrder = order or ("nearest" if published else "shared")
        self._uses: dict[str, Counter[str]] = {}
        self._similarities: dict[frozenset[str], dict[str, dict[str, float]]] = {}

    def neighbours(
        self, collective: Collective, question: Question
    ) -> tuple[tuple[Collective, ...], tuple[Collective, ...]]:
        """The most similar collectives, nearest first, and the most different ones, farthest first."""
        without = frozenset() if self.published else held_out(self.survey, question.id)
        if without not in self._similarities:
            self._similarities[without] = similarities(self.survey, without=without, published=self.published)
        chosen = choose_neighbours(self._similarities[without].get(collective.id, {}))
        similar, different = (tuple(map(self.survey.collective, ids)) for ids in chosen)
        return similar, different

    def examples(self, collective: Collective, question: Question, labels: Labels) -> tuple[Example, ...]:
        """The questions most similar in wording, with the option most of the collective chose.

        ``shared`` lists those first that prompts for other questions show most often, so that prompts begin alike and
        what they share is computed once; ``nearest`` lists the most similar first.
        """
        others = self._chosen(collective, question.id)
        if self.order == "shared":
            others = tuple(sorted(others, key=lambda other: (-self._used(collective)[other], other)))
        chosen = []
        for other_id in others:
            reference = self.survey.reference(collective.id, other_id)
            assert reference is not None, "only questions with a reference are chosen"
            shown = show(self.survey.question(other_id), labels=labels)
            chosen.append(Example(shown, shown.labels[reference.mode]))
        return tuple(chosen)

    def _chosen(self, collective: Collective, question_id: str) -> tuple[str, ...]:
        return choose_examples(self.survey, self._ranking, collective.id, question_id, published=self.published)

    def _used(self, collective: Collective) -> Counter[str]:
        """Over all questions of the survey, asked or not: a prompt does not depend on what else is asked."""
        if collective.id not in self._uses:
            chosen = (self._chosen(collective, question.id) for question in self.survey.questions)
            self._uses[collective.id] = Counter(other for others in chosen for other in others)
        return self._uses[collective.id]

    @cached_property
    def _ranking(self) -> dict[str, tuple[str, ...]]:
        return rank_questions(self.survey)
