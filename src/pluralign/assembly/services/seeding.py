"""Assemblies that come from a file: the example of a new site, and whatever organisers write in the same form."""

from importlib import resources
from typing import Annotated, Any

import yaml
from django.db import transaction
from pydantic import BaseModel, ConfigDict, Field

from pluralign.assembly.models import Assembly, CanonicalValue, Context, Membership, Person, Phase, Question, Role
from pluralign.core.value_card import ValueCard


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class QuestionSeed(_Part):
    """One question."""

    slug: str
    title: Annotated[str, Field(max_length=80)]
    text: str


class ValueSeed(_Part):
    """One seed value, of every question."""

    title: Annotated[str, Field(max_length=80)]
    summary: str = ""
    policies: tuple[str, ...] = ()


class AssemblySeed(_Part):
    """All that is needed to begin."""

    slug: str
    title: Annotated[str, Field(max_length=120)]
    topic: str
    organiser: str = ""
    consent: str = ""
    language: str = "en"
    questions: Annotated[tuple[QuestionSeed, ...], Field(min_length=1)]
    contexts: Annotated[tuple[Annotated[str, Field(max_length=120)], ...], Field(min_length=1)]
    values: tuple[ValueSeed, ...] = ()


def example() -> AssemblySeed:
    """The example that ships with the site."""
    text = (resources.files("pluralign.assembly") / "data" / "example.yaml").read_text(encoding="utf-8")
    return AssemblySeed.model_validate(yaml.safe_load(text))


def plant(seed: AssemblySeed, owner: Person | None, *, phase: Any = Phase.ELICIT) -> Assembly:
    """Set an assembly up, whole or not at all."""
    with transaction.atomic():
        assembly = Assembly.objects.create(
            slug=seed.slug,
            title=seed.title,
            topic=seed.topic.strip(),
            organiser_name=seed.organiser,
            consent_text=seed.consent.strip(),
            language=seed.language,
            phase=phase,
        )
        if owner is not None:
            Membership.objects.create(assembly=assembly, person=owner, role=Role.OWNER)
        questions = [
            Question.objects.create(assembly=assembly, slug=each.slug, title=each.title, text=each.text, order=order)
            for order, each in enumerate(seed.questions)
        ]
        for text in seed.contexts:
            context = Context.objects.create(assembly=assembly, text=text)
            context.questions.set(questions)
        for question in questions:
            for value in seed.values:
                seed_value(question, value.title, value.summary, "", value.policies)
    return assembly


def seed_value(
    question: Question, title: str, summary: str, description: str, policies: tuple[str, ...]
) -> CanonicalValue:
    """A value of the organisers', marked as a seed; the one that is there already where the words are the same."""
    card = ValueCard(id="seed", title=title, summary=summary, description=description, policies=policies)
    value, _ = CanonicalValue.objects.get_or_create(
        question=question,
        content_hash=CanonicalValue.hash_of(card),
        defaults={
            "title": title,
            "summary": summary,
            "description": description,
            "policies": list(policies),
            "is_seed": True,
            "language": question.assembly.language,
        },
    )
    return value
