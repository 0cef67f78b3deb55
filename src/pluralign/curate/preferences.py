"""Preferences between collectives: what one would rather say than others, from surveys or from voices' answers.

Every pair of options whose label is clear becomes a preference pair (``curate/contrast.py`` has the formulas), with
the soft label kept. Several others count as one, each with the same weight: by the formulas' linearity that is the
same as one pair against each. Asks no model.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

import numpy as np
from pydantic import Field, model_validator

from pluralign.core.collective import Collective
from pluralign.core.distribution import Distribution, Obtained
from pluralign.core.errors import UnknownNameError, UsageError
from pluralign.core.question import Question
from pluralign.core.records import PreferenceRecord, Provenance, Scalar
from pluralign.core.survey import Survey
from pluralign.curate.contrast import Pair, pairs
from pluralign.curate.recipe import Recipe, Share
from pluralign.curate.run import Prepared, surveys_of
from pluralign.curate.survey_keys import QuestionScreening, measured_rest
from pluralign.curate.work import Dropped, Made, Work, seeded
from pluralign.poll.finished import read_finished
from pluralign.poll.study import DEFAULT_ORDERS, QuestionChoice
from pluralign.prompts.options import Labels, orders, show
from pluralign.prompts.strategies import Context, strategy
from pluralign.surveys import load

NAME = "preferences"


class Preferences(Recipe):
    """Keys of the recipe ``preferences``."""

    FILES = ("run",)

    model: str = ""
    """No model is asked."""
    survey: str = ""
    """A survey, whose people's answers are contrasted. This or ``run``."""
    run: str = ""
    """Folder of a finished poll, whose voices' answers are contrasted."""
    questions: QuestionChoice = QuestionChoice()
    """Which questions may be used. The survey's others count as those that will be measured."""
    speak_for: tuple[str, ...] = Field(default=(), alias="as")
    """Who would rather say: ids or names of collectives; of a poll, voices such as ``persona@USA``. Empty: all."""
    against: tuple[str, ...] = ()
    """Than whom: the same, or ``plain`` of a poll. Empty: all the others. Several count as one, equally weighted."""
    teach: str = "persona"
    """With which strategy's prompt it is taught; ``plain`` where an identity token or adapter stands for the group."""
    pairs: Literal["clear", "modes", "all"] = "clear"
    """Which pairs of options become records. ``clear``: those whose margin lies ``errors`` standard errors above zero
    and whose label is at least ``least_preference``. ``modes``: the likeliest option of either side, where they
    differ. ``all``: every pair, also those that speak for nobody."""
    errors: Annotated[float, Field(ge=0)] = 2.58
    """2.58: a pair that speaks for nobody is kept in one case of a hundred (both directions taken together)."""
    least_preference: Annotated[float, Field(ge=0.5, le=1)] = 0.55
    most: Annotated[int, Field(ge=1)] | None = None
    """At most so many pairs of a question, those heard most often."""
    orders: Annotated[int, Field(ge=1)] | Literal["all"] = DEFAULT_ORDERS
    """From how many orders of the options the one that a record shows is drawn."""
    labels: Labels = Labels.NUMBER
    least_weight: Share = 0.001
    """Pairs that are heard less often than this are dropped."""
    screen: QuestionScreening = QuestionScreening()

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if bool(self.survey) == bool(self.run):
            raise ValueError("name either a survey or the folder of a finished poll: 'survey' or 'run'")
        if strategy(self.teach).needs_examples or strategy(self.teach).needs_neighbours:
            raise ValueError(f"pairs are not taught with {self.teach!r}: use 'persona', 'persona-last' or 'plain'")
        return self

    def engines(self) -> dict[str, str]:
        """None."""
        return {}


class Side(NamedTuple):
    """Someone who answers."""

    name: str
    collective: Collective | None
    answers: Mapping[str, Distribution]
    """By question id."""


class Materials(NamedTuple):
    """Everything that is read beforehand."""

    questions: Sequence[Question]
    speakers: Sequence[Side]
    others: Mapping[str, Sequence[Side]]
    """Name of the speaker -> than whom."""
    source: str


def prepare(recipe: Preferences) -> Prepared:
    """Read answers and look names up. Raises on names that are not known and runs that are not finished."""
    full, used, sides, origin = _from_run(recipe) if recipe.run else _from_survey(recipe)
    by_name = {side.name.casefold(): side for side in sides}
    by_name |= {side.collective.name.casefold(): side for side in sides if side.collective and not recipe.run}

    def found(names: Sequence[str]) -> tuple[Side, ...]:
        for name in names:
            if name.casefold() not in by_name:
                raise UnknownNameError("voice" if recipe.run else "country or group", name, [s.name for s in sides])
        return tuple({by_name[name.casefold()].name: by_name[name.casefold()] for name in names}.values())

    speakers = found(recipe.speak_for) or tuple(side for side in sides if side.collective is not None)
    pool = found(recipe.against) or speakers
    others = {}
    for speaker in speakers:
        if speaker.collective is None:
            raise UsageError(f"{speaker.name!r} speaks for nobody in particular: name it under 'against' only")
        others[speaker.name] = tuple(side for side in pool if side.name != speaker.name)
        if not others[speaker.name]:
            raise UsageError(f"there is nobody to hold {speaker.name!r} against: name others under 'against'")
    measured = (*surveys_of(recipe), *measured_rest(full, used))
    materials = Materials(used.questions, speakers, others, origin)
    return Prepared(
        name=NAME,
        recipe=recipe,
        make=lambda _work: make(recipe, materials, _work),
        surveys=measured,
        inputs={f"survey {used.name}": used.checksum},
        templates=strategy(recipe.teach).template_hashes,
        terms=tuple(term for term in (used.licence, used.citation) if term),
    )


class _Read(NamedTuple):
    full: Survey
    used: Survey
    sides: tuple[Side, ...]
    origin: str


def _from_survey(recipe: Preferences) -> _Read:
    full = load(recipe.survey)
    used = recipe.questions.apply(full)
    sides = tuple(Side(one.id, one, used.references.get(one.id, {})) for one in used.collectives)
    return _Read(full, used, sides, f"answers of people to {full.title or full.name}")


def _from_run(recipe: Preferences) -> _Read:
    run = read_finished(Path(recipe.run))
    used = recipe.questions.apply(run.survey)
    known = {one.id: one for one in run.survey.collectives}
    sides = tuple(
        Side(f"{voice}@{name}" if name else voice, known.get(name), answers)
        for voice, answered in run.said.items()
        for name, answers in answered.items()
    )
    return _Read(load(run.study.survey), used, sides, f"answers of {run.study.model} to {used.title or used.name}")


def make(recipe: Preferences, materials: Materials, _work: Work) -> Iterator[Made]:
    """Speaker by speaker, question by question, the pair heard most often first."""
    for speaker in materials.speakers:
        others = materials.others[speaker.name]
        for question in materials.questions:
            own = speaker.answers.get(question.id)
            theirs = mixture([side.answers[question.id] for side in others if question.id in side.answers])
            if own is None or theirs is None:
                detail = f"no answer of {speaker.name if own is None else 'the others'}"
                yield _dropped(speaker, question, "not asked", detail)
                continue
            found = choose(recipe, own, theirs)
            if not found:
                yield _dropped(speaker, question, "no clear pair")
            for pair in found:
                yield _record(recipe, materials.source, speaker, others, question, pair)


def choose(recipe: Preferences, own: Distribution, theirs: Distribution) -> list[Pair]:
    """The pairs of one question that become records, by the recipe's rule."""
    found = [pair for pair in pairs(own, theirs) if pair.weight >= recipe.least_weight]
    if recipe.pairs == "modes":
        modes = {own.mode, theirs.mode}
        found = [pair for pair in found if {pair.chosen, pair.rejected} == modes]
    elif recipe.pairs == "clear":
        found = [
            pair
            for pair in found
            if pair.preference >= recipe.least_preference and pair.margin > recipe.errors * pair.error
        ]
    return found[: recipe.most]


def mixture(distributions: Sequence[Distribution]) -> Distribution | None:
    """What several would answer, each with the same weight; ``None`` of none.

    ``n``: as many people as have the same standard error; ``None`` where one was not counted.
    """
    if len(distributions) < 2:
        return distributions[0] if distributions else None
    sizes = [one.n for one in distributions]
    counted = [size for size in sizes if size is not None]
    n = len(sizes) ** 2 / sum(1 / size for size in counted) if len(counted) == len(sizes) else None
    shares = np.mean([one.array for one in distributions], axis=0)
    return Distribution.from_weights(shares, Obtained.DERIVED, n=n)


def _dropped(speaker: Side, question: Question, reason: str, detail: str = "") -> Dropped:
    return Dropped(f"{speaker.name}/{question.id}", "pairs", reason, detail, parents=(f"question:{question.id}",))


def _record(
    recipe: Preferences, source: str, speaker: Side, others: Sequence[Side], question: Question, pair: Pair
) -> PreferenceRecord:
    assert speaker.collective is not None, "prepare() refuses speakers for nobody"
    asked = strategy(recipe.teach)
    draw = seeded(recipe.seed, "order", speaker.name, question.id, pair.chosen, pair.rejected)
    order = draw.choice(orders(question, recipe.orders, recipe.seed))
    shown = show(question, order, recipe.labels)
    details: dict[str, Scalar] = {
        "pairs": recipe.pairs,
        "speaker": speaker.name,
        "against": ",".join(side.name for side in others),
        "topic": question.topic,
        "chosen": question.options[pair.chosen].text,
        "rejected": question.options[pair.rejected].text,
        "error": round(pair.error, 6),
        "order": ",".join(map(str, order)),
    }
    return PreferenceRecord(
        prompt=asked.messages(shown, Context(collective=speaker.collective)),
        chosen=shown.forms[pair.chosen][0],
        rejected=shown.forms[pair.rejected][0],
        preference=round(pair.preference, 9),
        margin=round(pair.margin, 9),
        weight=round(pair.weight, 9),
        collective=speaker.collective.id,
        source=recipe.source or source,
        licence=recipe.licence,
        group=f"question:{question.id}",
        provenance=Provenance(
            recipe=NAME,
            templates=asked.template_hashes,
            parents=(f"question:{question.id}",),
            details=details,
        ),
    )
