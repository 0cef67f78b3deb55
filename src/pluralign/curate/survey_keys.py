"""What recipes that put survey questions have in common: keys, and which questions they must leave to be measured."""

from pluralign.core.survey import Survey
from pluralign.curate.recipe import Screening, Share


class QuestionScreening(Screening):
    """As for every recipe, but survey questions of one battery are alike by nature: only equal records are dropped."""

    near_duplicates: Share | None = None


def measured_rest(full: Survey, used: Survey) -> tuple[Survey, ...]:
    """The questions of a survey that a recipe does not use: those that may be measured. Empty where it uses all."""
    chosen = {question.id for question in used.questions}
    rest = [question.id for question in full.questions if question.id not in chosen]
    return (full.select(question_ids=rest),) if rest else ()
