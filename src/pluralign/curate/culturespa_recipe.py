"""What a CultureSPA recipe's YAML can say. Knows no model and runs nothing."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from pluralign.core.collective import Collective
from pluralign.core.question import NonEmpty
from pluralign.curate.recipe import Keys, Recipe, Sampling, Share
from pluralign.curate.survey_keys import QuestionScreening
from pluralign.poll.study import DEFAULT_ORDERS, QuestionChoice
from pluralign.prompts.options import Labels
from pluralign.prompts.strategies import strategy

Rate = Annotated[float, Field(gt=0, lt=1)]


class Writing(Keys):
    """New questions, written by the model after those of the survey."""

    per_topic: Annotated[int, Field(ge=1)] = 20
    """Questions to have of every topic. The original: 1,000."""
    examples: Annotated[int, Field(ge=1)] = 5
    """Questions shown each time."""
    earlier: Annotated[int, Field(ge=0)] = 2
    """At most so many of the examples are the model's own earlier ones, unless the survey has too few."""
    seeds: Literal["all", "one"] = "all"
    """Which of the survey's questions of a topic may be shown: all, or a single one drawn by the seed."""
    at_once: Annotated[int, Field(ge=1)] = 8
    """Questions of a topic that are asked for together, before any of them can be an example. The original: 1."""
    tries: Annotated[int, Field(ge=1)] = 3
    """A topic is given up after so many requests per question wanted, retries of unreadable replies not counted."""
    similar: Share | None = 0.6
    """A question is dropped from this Jaccard similarity of word triples to an earlier one on; ``null`` keeps all."""
    sampling: Sampling = Sampling(temperature=0.9, top_p=0.95, max_tokens=256)


class Noise(Keys):
    """What counts as sampling noise; see ``curate/shift.py``."""

    answers: Annotated[int, Field(ge=1)] = 1000
    """The least shift that counts is the one that so many answers on either side would tell from noise: by default
    about those of a national survey."""
    level: Rate = 0.01
    """Error rate of the test: share of questions that culture does not move and that counted answers would keep."""


class CultureSpa(Recipe):
    """Keys of the recipe ``culturespa`` (Xu et al., NAACL 2025)."""

    FILES = ("from",)

    survey: NonEmpty = "world-mini"
    """Whose questions are shown as examples or answered, and whose collectives speak."""
    questions: QuestionChoice = QuestionChoice()
    """Which of its questions may be used. The others count as those that will be measured: no record contains one."""
    speak_for: tuple[str, ...] = Field(default=(), alias="as")
    """Ids or names of the collectives; empty: all of the survey, or those defined under ``collectives``."""
    collectives: tuple[Collective, ...] = ()
    """Further collectives that the survey does not have, in full: id, name, adjective."""
    write: Writing | None = None
    """Write new questions. Without this and without ``from`` the survey's own questions are answered."""
    from_file: str = Field(default="", alias="from")
    """A file of questions instead, as ``pluralign curate filter-questions`` reads and writes them."""
    filter: Literal["sound", "published", "none"] = "sound"
    """``published``: the original's three rules. ``sound``: these, and options such as "don't know" are not offered,
    and questions that cannot be answered or repeat an earlier one are dropped. The survey's own are never filtered."""
    voice: NonEmpty = "persona"
    """How the culture is named when it answers: ``persona``, ``persona-last``, or ``cross-culture``, which makes the
    model think of like and unlike cultures first."""
    teach: str = ""
    """With which strategy's prompt the answer is taught: empty for the one that produced it, ``plain`` where an
    identity token or an adapter of its own will stand for the culture."""
    rule: Literal["shift", "published"] = "shift"
    """Which answers are kept. ``shift``: those whose distribution culture moves by more than ``noise``, from exact
    scores. ``published``: one answer is sampled with and one without the culture, and they differ."""
    noise: Noise = Noise()
    answer: Literal["draw", "mode", "spread"] = "draw"
    """What is taught of a distribution: one option drawn from it, the likeliest, or every option with its share as the
    record's weight."""
    orders: Annotated[int, Field(ge=1)] | Literal["all"] = DEFAULT_ORDERS
    """In how many orders of the options each question is put; answers are averaged, a record shows one of them."""
    labels: Labels = Labels.NUMBER
    least_captured: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Answers of which the options hold less than this probability are dropped as being beside the question."""
    sampling: Sampling = Sampling(temperature=0.6, top_p=0.9, max_tokens=256)
    """How answers are sampled under the published rule."""
    ratio: Share = 1.0
    """Share of each collective's records to keep, drawn by the seed; a smaller share is a part of a larger one."""
    format: Literal["joint", "per-collective"] = "joint"
    """One file of records, or one per collective."""
    screen: QuestionScreening = QuestionScreening()

    def settings(self) -> dict[str, Any]:
        """As for every recipe; what is in the file of questions counts, not where it lies."""
        return {key: value for key, value in super().settings().items() if key != "from_file"}

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        for key, name in (("voice", self.voice), ("teach", self.teach)):
            if name and strategy(name).needs_examples:
                raise ValueError(
                    f"{key} {name!r} shows answered questions, which new ones do not have: use 'persona' or "
                    "'cross-culture'"
                )
        if not strategy(self.voice).names_collective:
            raise ValueError(f"the voice {self.voice!r} names nobody: use 'persona', 'persona-last' or 'cross-culture'")
        if self.write is not None and self.from_file:
            raise ValueError("questions come from a file or are written: leave out 'from' or 'write'")
        if self.rule == "published" and self.answer != "draw":
            raise ValueError("the published rule has one sampled answer: leave out 'answer', or use the rule 'shift'")
        return self
