"""Setting an assembly up and changing it: texts, contexts, seeds, recruitment links. Every change is written down.

What people have answered to is not rewritten under them: `why_fixed` says so in words, and everything here holds it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from django.db import models, transaction
from django.utils.text import slugify
from pydantic import ValidationError

from pluralign.assembly import tasks
from pluralign.assembly.models import (
    Assembly,
    CanonicalValue,
    Context,
    DrawnTransition,
    Membership,
    Moderation,
    Person,
    Question,
    Recruitment,
    Role,
    ValueStatus,
)
from pluralign.assembly.services import audit, consents, seeding
from pluralign.assembly.services.joining import Refused

COUNTED = (bool, int)
"""Kinds of fields whose old and new content the audit log keeps; of texts it keeps only that they changed."""


def free_slug(title: str) -> str:
    """A name for addresses that no assembly has yet, made from a title."""
    base = slugify(title)[:50] or "assembly"
    taken = set(Assembly.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return next(name for name in (base, *(f"{base}-{n}" for n in range(2, 10_000))) if name not in taken)


def create(
    owner: Person, *, question_title: str, question_text: str, contexts: Sequence[str], **fields: Any
) -> Assembly:
    """An assembly with its first question and its contexts, in its first phase, owned by who made it."""
    with transaction.atomic():
        assembly = Assembly.objects.create(slug=free_slug(fields["title"]), **fields)
        Membership.objects.create(assembly=assembly, person=owner, role=Role.OWNER)
        question = Question.objects.create(
            assembly=assembly, slug=slugify(question_title)[:50] or "question", title=question_title, text=question_text
        )
        for text in contexts:
            Context.objects.create(assembly=assembly, text=text).questions.add(question)
        audit.record("assembly.create", person=owner, assembly=assembly, contexts=len(contexts))
    return assembly


def plant(text: str, owner: Person) -> Assembly:
    """An assembly from a file in the form of the example's, in its first phase. Raises :class:`Refused`."""
    try:
        seed = seeding.AssemblySeed.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}" if mark is not None else ""
        raise Refused(f"The file is no YAML that can be read{place}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = " → ".join(str(part) for part in first["loc"]) or "the file"
        raise Refused(f"{place}: {first['msg'][:1].lower()}{first['msg'][1:]}.") from None
    if slugify(seed.slug) != seed.slug or any(slugify(each.slug) != each.slug for each in seed.questions):
        raise Refused("A slug holds small letters, digits and dashes only, such as new-library.")
    if Assembly.objects.filter(slug=seed.slug).exists():
        raise Refused(f"There is an assembly named {seed.slug!r} already: give the file another slug.")
    for kind, names in (("question", [each.slug for each in seed.questions]), ("context", list(seed.contexts))):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise Refused(f"The {kind} {twice[0]!r} stands in the file twice.")
    with transaction.atomic():
        assembly = seeding.plant(seed, owner, phase="propose")
        audit.record("assembly.create", person=owner, assembly=assembly, contexts=len(seed.contexts), from_file=True)
    return assembly


def change(thing: Any, fields: Mapping[str, Any], *, by: Person, assembly: Assembly, action: str) -> bool:
    """Set fields of an assembly or of something in it and keep them. Returns whether anything changed."""
    with transaction.atomic():
        changed: dict[str, Any] = {}
        words = thing.consent_text if isinstance(thing, Assembly) else ""
        for name, value in fields.items():
            before = getattr(thing, name)
            if before != value:
                setattr(thing, name, value)
                changed[name] = [before, value] if isinstance(value, COUNTED) else "changed"
        if not changed and thing.pk is not None:
            return False
        if isinstance(thing, Assembly) and "consent_text" in changed:
            consents.keep_words(thing, words)
            thing.consent_version += 1
        new = thing.pk is None
        thing.save()
        audit.record(action, person=by, assembly=assembly, subject=_subject(thing), new=new, fields=changed)
        return True


def _subject(thing: models.Model) -> str:
    return f"{thing._meta.verbose_name} {thing.pk}"


def why_fixed(thing: Question | Context | CanonicalValue) -> str:
    """Why the words can no longer be changed; empty where they can."""
    if isinstance(thing, Question):
        if thing.pk and (thing.dialogues.exists() or thing.cards.exists()):
            return "People have answered this question, so its words stay. You can close it and add another."
    elif isinstance(thing, Context):
        if thing.pk and DrawnTransition.objects.filter(transition__context=thing).exists():
            return "People have judged in this situation, so its words stay. You can retire it and add another."
    elif thing.pk and (
        thing.drawn.exists()
        or thing.offers.exists()
        or thing.cards.exists()
        or DrawnTransition.objects.filter(transition__source=thing).exists()
        or DrawnTransition.objects.filter(transition__candidate=thing).exists()
    ):
        return "People have been shown this seed, so its words stay. You can hide it and add another."
    return ""


def save_question(assembly: Assembly, question: Question | None, *, by: Person, title: str, text: str) -> Question:
    """Add a question or change its words. Raises :class:`Refused` where people have answered it."""
    if question is None:
        last = assembly.questions.count()
        taken = set(assembly.questions.values_list("slug", flat=True))
        base = slugify(title)[:50] or "question"
        slug = next(name for name in (base, *(f"{base}-{n}" for n in range(2, 1000))) if name not in taken)
        question = Question(assembly=assembly, slug=slug, order=last)
    elif question.text != text and why_fixed(question):
        raise Refused(why_fixed(question))
    with transaction.atomic():
        new = question.pk is None
        change(question, {"title": title, "text": text}, by=by, assembly=assembly, action="question.save")
        if new:
            for context in assembly.contexts.all():
                context.questions.add(question)
    return question


def save_context(
    assembly: Assembly, context: Context | None, *, by: Person, text: str, questions: Sequence[Question]
) -> Context:
    """Add a situation or change it. Raises :class:`Refused` where people have judged in it, or it is there already."""
    if assembly.contexts.filter(text=text).exclude(pk=context.pk if context else None).exists():
        raise Refused(f"There is a situation {text!r} already.")
    if context is not None and context.text != text and why_fixed(context):
        raise Refused(why_fixed(context))
    with transaction.atomic():
        found = context or Context(assembly=assembly)
        change(found, {"text": text}, by=by, assembly=assembly, action="context.save")
        found.questions.set(questions)
        _propose(questions)
    return found


def open_context(context: Context, *, by: Person, is_active: bool) -> None:
    """Retire a situation, so that nobody else is asked about it, or take it back in."""
    action = "context.open" if is_active else "context.retire"
    with transaction.atomic():
        change(context, {"is_active": is_active}, by=by, assembly=context.assembly, action=action)
        _propose(list(context.questions.all()))


def save_seed(
    question: Question,
    value: CanonicalValue | None,
    *,
    by: Person,
    title: str,
    summary: str,
    policies: Sequence[str],
) -> CanonicalValue:
    """Add a seed or change its words. Raises :class:`Refused` where people have seen it, or it is there already."""
    assembly = question.assembly
    told: dict[str, Any] = {"title": title, "summary": summary, "policies": list(policies)}
    with transaction.atomic():
        if value is None:
            before = question.values.count()
            value = seeding.seed_value(question, title, summary, "", tuple(policies))
            if question.values.count() == before:
                raise Refused("This very value is there already.")
            audit.record("seed.save", person=by, assembly=assembly, subject=f"value {value.pk}", new=True)
        elif any(getattr(value, name) != new for name, new in told.items()):
            if why_fixed(value):
                raise Refused(why_fixed(value))
            changed = CanonicalValue(**told)
            words = CanonicalValue.hash_of(changed.noun)
            if question.values.filter(content_hash=words).exclude(pk=value.pk).exists():
                raise Refused("This very value is there already.")
            told |= {"content_hash": words, "embedding": None, "embedding_model": ""}
            change(value, told, by=by, assembly=assembly, action="seed.save")
        _propose([question])
    return value


def show_seed(value: CanonicalValue, *, by: Person, shown: bool) -> None:
    """Take a seed out of all draws, or back in. What people said of it is kept."""
    question = value.question
    with transaction.atomic():
        status = ValueStatus.ACTIVE if shown and value.moderation == Moderation.OK else ValueStatus.HIDDEN
        if value.status != ValueStatus.MERGED and value.status != status:
            CanonicalValue.objects.filter(pk=value.pk).update(status=status)
            audit.record("seed.show" if shown else "seed.hide", person=by, assembly=question.assembly,
                         subject=f"value {value.pk}")  # fmt: skip
        _propose([question])


def save_recruitment(assembly: Assembly, link: Recruitment | None, *, by: Person, **fields: Any) -> Recruitment:
    """Add a recruitment link or change it; its address stays what it is."""
    found = link or Recruitment(assembly=assembly)
    change(found, fields, by=by, assembly=assembly, action="recruitment.save")
    return found


def ready_to_open(assembly: Assembly) -> list[str]:
    """What is still missing before people can come, in words; empty where nothing is."""
    missing = []
    questions = list(assembly.questions.filter(is_open=True))
    if not questions:
        missing.append("There is no open question.")
    for question in questions:
        if not question.contexts.filter(is_active=True).exists():
            missing.append(f"The question “{question.title}” has no situation to judge in.")
    if not assembly.topic.strip():
        missing.append("The topic says nothing yet.")
    return missing


def advice(assembly: Assembly) -> list[str]:
    """What would make the beginning better, in words."""
    found = []
    for question in assembly.questions.filter(is_open=True):
        if question.values.filter(status=ValueStatus.ACTIVE).count() < 4:
            found.append(
                f"The question “{question.title}” has fewer than four seed values: the first people to come "
                "will have little to vote on."
            )
    if not assembly.consent_text:
        found.append("Nothing says who you are and how long you keep what people say.")
    if not assembly.contact:
        found.append("No contact is given.")
    return found


def _propose(questions: Sequence[Question]) -> None:
    for question in questions:
        transaction.on_commit(lambda key=question.pk: tasks.propose.enqueue(key))
