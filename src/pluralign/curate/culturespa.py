"""CultureSPA (Xu et al., NAACL 2025): the answers that naming a culture changes, as records that teach them.

Questions are written by the model, read from a file or taken from a survey; each is put to the model as itself and as
a member of every culture; what culture changes is kept (``curate/culture_answers.py``) and laid out here as records,
in the very prompts that polls use. Knows engines only through :class:`pluralign.curate.work.Work`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pluralign.core.chat import Message
from pluralign.core.collective import Collective
from pluralign.core.errors import UnknownNameError
from pluralign.core.ids import content_hash
from pluralign.core.question import Question
from pluralign.core.records import Provenance, SftRecord
from pluralign.core.survey import Survey
from pluralign.curate.culture_answers import Kept, Stand, Tally, published_answers, shifted_answers, tally_text
from pluralign.curate.culturespa_recipe import CultureSpa
from pluralign.curate.leaks import LeakScreen
from pluralign.curate.question_files import questions_text, read_questions
from pluralign.curate.question_writing import SYSTEM, USER, NewQuestion, Sieve, write_questions
from pluralign.curate.run import Prepared, surveys_of
from pluralign.curate.survey_keys import measured_rest
from pluralign.curate.work import Document, Dropped, Made, Section, Work, seeded
from pluralign.metrics.cultural_alignment import similarities
from pluralign.prompts.examples import choose_neighbours
from pluralign.prompts.options import Order, orders, show
from pluralign.prompts.strategies import Context, Strategy, strategy
from pluralign.prompts.templates import template_hash
from pluralign.surveys import load

NAME = "culturespa"
QUESTIONS_FILE = "questions.json"
LEAST_WEIGHT = 0.005
"""Where every option becomes a record, those with a smaller share do not."""


class Materials(NamedTuple):
    """Everything that is read before a model is asked."""

    survey: Survey
    """The questions that may be used."""
    contexts: Mapping[str, Context]
    """Collective id -> what a prompt may say of it."""
    records: Sequence[Mapping[str, object]] | None
    """Questions from a file."""
    leaks: LeakScreen
    """Questions that will be measured."""


def prepare(recipe: CultureSpa) -> Prepared:
    """Look everything up. Raises on names that are not known and files that cannot be read."""
    full = load(recipe.survey)
    used = recipe.questions.apply(full)
    measured = (*surveys_of(recipe), *measured_rest(full, used))
    records = read_questions(Path(recipe.from_file)) if recipe.from_file else None
    contexts = _contexts(recipe, used, _collectives(recipe, full))
    asked = strategy(recipe.voice)
    first = show(used.questions[0])
    for context in contexts.values():
        asked.messages(first, context)  # raises where the survey has too little for this way of asking
    materials = Materials(used, contexts, records, LeakScreen(measured, recipe.screen.leak))
    templates = {**strategy("plain").template_hashes, **asked.template_hashes, **_taught(recipe).template_hashes}
    if recipe.write is not None:
        templates |= {name: template_hash(name) for name in (SYSTEM, USER)}
    inputs = {f"survey {used.name}": used.checksum}
    if records is not None:
        inputs[f"questions {Path(recipe.from_file).name}"] = content_hash(list(records))
    return Prepared(
        name=NAME,
        recipe=recipe,
        make=lambda work: make(recipe, materials, work),
        surveys=measured,
        inputs=inputs,
        templates=templates,
        terms=tuple(term for term in (used.licence, used.citation) if term),
        separate=recipe.format == "per-collective",
    )


def make(recipe: CultureSpa, materials: Materials, work: Work) -> Iterator[Made]:
    """Questions, answers, records: collective by collective, each in the order of the questions."""
    questions: list[NewQuestion] = []
    for found in _questions(recipe, materials, work):
        if isinstance(found, Dropped):
            yield found
        else:
            questions.append(found)
    if recipe.write is not None or materials.records is not None:
        yield Document(QUESTIONS_FILE, questions_text((one.record for one in questions), lines=False))
    stands = [Stand(one.question, _orders(recipe, one.question)) for one in questions]
    answers = published_answers if recipe.rule == "published" else shifted_answers
    kept: dict[str, list[Kept]] = {name: [] for name in materials.contexts}
    tallies: dict[str, Tally] = {}
    for made in answers(recipe, stands, materials.contexts, work):
        if isinstance(made, Dropped):
            yield made
        elif isinstance(made, Kept):
            kept[made.collective].append(made)
        else:
            tallies[made.collective] = made
    yield Section("What culture changes", tally_text(recipe, list(tallies.values())))
    writer = _Writer(recipe, materials, {one.question.id: one for one in questions})
    for name, cells in kept.items():
        for cell in _part(recipe, cells):
            yield from writer.records(materials.contexts[name], cell)


def _questions(recipe: CultureSpa, materials: Materials, work: Work) -> Iterator[NewQuestion | Dropped]:
    survey = materials.survey
    if recipe.write is None and materials.records is None:
        yield from (NewQuestion(question, {}, ()) for question in survey.questions)
        return
    known = [question.text for question in survey.questions]
    similar = recipe.write.similar if recipe.write is not None else None
    sieve = Sieve(known, recipe.filter, similar, materials.leaks)
    if recipe.write is not None:
        yield from write_questions(recipe.write, recipe.seed, survey.questions, sieve, work)
        return
    for number, record in enumerate(materials.records or ()):
        topic = str(record.get("class", record.get("topic", "")))
        own = content_hash([topic, record["question"], record["option_lst"]])
        sifted = sieve.sift(record, own, topic)
        if sifted.question is None:
            yield Dropped(f"record {number + 1}", "filter", sifted.reason, str(record["question"]))
        else:
            yield NewQuestion(sifted.question, sifted.record, ())


def _orders(recipe: CultureSpa, question: Question) -> tuple[Order, ...]:
    return orders(question, 1 if recipe.rule == "published" else recipe.orders, recipe.seed)


def _part(recipe: CultureSpa, cells: Sequence[Kept]) -> list[Kept]:
    """The share of a collective's answers that becomes records: those whose lot is lowest, in their old order."""
    count = math.ceil(recipe.ratio * len(cells))
    lots = [content_hash([recipe.seed, "ratio", cell.collective, cell.stand.question.id]) for cell in cells]
    chosen = sorted(range(len(cells)), key=lambda at: lots[at])[:count]
    return [cells[at] for at in sorted(chosen)]


class _Writer:
    """Lays out kept answers as records."""

    def __init__(self, recipe: CultureSpa, materials: Materials, origins: Mapping[str, NewQuestion]):
        self._recipe, self._origins = recipe, origins
        self._taught = _taught(recipe)
        self._templates = {**strategy(recipe.voice).template_hashes, **self._taught.template_hashes}
        survey = materials.survey.title or materials.survey.name
        if recipe.write is not None:
            self._source = f"questions written by {recipe.model} after those of {survey}, answered by {recipe.model}"
        elif recipe.from_file:
            self._source = f"questions of {Path(recipe.from_file).name}, answered by {recipe.model}"
        else:
            self._source = f"questions of {survey}, answered by {recipe.model}"

    def records(self, context: Context, cell: Kept) -> Iterator[SftRecord]:
        """One record, or one per option where all are taught."""
        assert context.collective is not None, "only collectives' answers are kept"
        recipe, question = self._recipe, cell.stand.question
        draw = seeded(recipe.seed, "record", context.collective.id, question.id)
        order = draw.choice(cell.stand.orders)
        shown = show(question, order, recipe.labels)
        messages = self._taught.messages(shown, context)
        for answer, weight in self._answers(cell, [forms[0] for forms in shown.forms], draw.random()):
            yield SftRecord(
                messages=(*messages, Message("assistant", answer)),
                weight=weight,
                collective=context.collective.id,
                source=recipe.source or self._source,
                licence=recipe.licence,
                group=f"question:{question.id}",
                provenance=Provenance(
                    recipe=NAME,
                    model=recipe.model,
                    templates=self._templates,
                    parents=(f"question:{question.id}", *self._origins[question.id].parents),
                    details={
                        "rule": recipe.rule,
                        "voice": recipe.voice,
                        "taught": self._taught.name,
                        "topic": question.topic,
                        "order": ",".join(map(str, order)),
                        **cell.details,
                    },
                ),
            )

    def _answers(self, cell: Kept, labels: Sequence[str], lot: float) -> Iterator[tuple[str, float]]:
        if cell.said:
            yield cell.said, 1.0
        elif self._recipe.answer == "spread":
            yield from (
                (label, share) for label, share in zip(labels, cell.shares, strict=True) if share >= LEAST_WEIGHT
            )
        elif self._recipe.answer == "mode":
            yield labels[max(range(len(labels)), key=lambda at: cell.shares[at])], 1.0
        else:
            at = 0
            while at < len(labels) - 1 and lot >= cell.shares[at]:
                lot -= cell.shares[at]
                at += 1
            yield labels[at], 1.0


def _taught(recipe: CultureSpa) -> Strategy:
    """The original teaches every answer under the persona, also those found by comparing cultures."""
    return strategy(recipe.teach or ("persona" if recipe.rule == "published" else recipe.voice))


def _collectives(recipe: CultureSpa, survey: Survey) -> tuple[Collective, ...]:
    own = {name.casefold(): one for one in recipe.collectives for name in (one.id, one.name)}
    if not recipe.speak_for:
        return recipe.collectives or survey.collectives
    found = []
    for name in recipe.speak_for:
        if name.casefold() in own:
            found.append(own[name.casefold()])
            continue
        try:
            found.append(survey.collective(name))
        except UnknownNameError as error:
            known = [*error.known, *(one.id for one in recipe.collectives)]
            raise UnknownNameError(error.kind, error.name, known) from None
    return tuple(dict.fromkeys(found))


def _contexts(recipe: CultureSpa, used: Survey, collectives: Sequence[Collective]) -> dict[str, Context]:
    """Like and unlike cultures are worked out from the questions that may be used, never from measured ones."""
    needed = any(strategy(name).needs_neighbours for name in (recipe.voice, recipe.teach) if name)
    alike = similarities(used, published=recipe.rule == "published") if needed else {}
    contexts = {}
    for one in collectives:
        near = choose_neighbours(alike.get(one.id, {}))
        similar, different = (tuple(map(used.collective, ids)) for ids in near)
        contexts[one.id] = Context(collective=one, similar=similar, different=different)
    return contexts
