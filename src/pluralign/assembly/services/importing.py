"""Values from elsewhere, planted as seeds or proposed to moderators. Marked as seeds: they are counted as nobody's."""

from typing import NamedTuple

from django.db import transaction

from pluralign.assembly import tasks
from pluralign.assembly.models import Assembly, CanonicalValue, Moderation, Person, Question, ValueStatus
from pluralign.assembly.services import audit
from pluralign.assembly.services.joining import Refused
from pluralign.core.errors import UnknownNameError
from pluralign.elicit.seeds import Found, Seed


class Brought(NamedTuple):
    """What came of an import."""

    made: int
    there_already: int
    faults: tuple[str, ...]
    """A sentence for every row that was not used."""


def bring(
    assembly: Assembly,
    found: Found,
    *,
    by: Person | None,
    question: Question | None = None,
    proposed: bool = False,
    skip_faults: bool = False,
) -> Brought:
    """Plant what a file held, all of it or (with ``skip_faults``) what can be used of it.

    ``question`` is that of rows that name none; None plants those in every question. ``proposed`` values wait for a
    moderator before anybody is shown them. Raises Refused if there are faults that are not to be skipped.
    """
    questions = {each.slug: each for each in assembly.questions.all()}
    faults = list(found.faults)
    rows: list[tuple[Seed, list[Question]]] = []
    for seed in found.seeds:
        if seed.question and seed.question not in questions:
            faults.append(f"{seed.where}: {UnknownNameError('question', seed.question, questions)}")
        elif seed.question:
            rows.append((seed, [questions[seed.question]]))
        else:
            rows.append((seed, list(questions.values()) if question is None else [question]))
    if faults and not skip_faults:
        raise Refused("\n".join(faults))
    made = there = 0
    with transaction.atomic():
        for seed, wanted in rows:
            for each in wanted:
                if _plant(each, seed, proposed=proposed):
                    made += 1
                else:
                    there += 1
        audit.record("seeds.import", person=by, assembly=assembly, made=made, there_already=there,
                     left_out=len(faults), proposed=proposed, polis=found.is_polis)  # fmt: skip
        for key in {each.pk for _, wanted in rows for each in wanted}:
            transaction.on_commit(lambda key=key: tasks.propose.enqueue(key))
    return Brought(made, there, tuple(faults))


def _plant(question: Question, seed: Seed, *, proposed: bool) -> bool:
    draft = seed.draft
    _value, made = CanonicalValue.objects.get_or_create(
        question=question,
        content_hash=CanonicalValue.hash_of(draft.card("seed")),
        defaults={
            "title": draft.title,
            "summary": draft.summary,
            "description": draft.description,
            "policies": list(draft.policies),
            "is_seed": True,
            "language": question.assembly.language,
            "status": ValueStatus.HIDDEN if proposed else ValueStatus.ACTIVE,
            "moderation": Moderation.WAITING if proposed else Moderation.OK,
        },
    )
    return bool(made)
