"""All that somebody gave, to take with them; and taking it away for good."""

from typing import Any

from django.db import transaction

from pluralign.assembly.models import CanonicalValue, CardStatus, Participation, Person, ValueStatus
from pluralign.assembly.services import audit, consents, transcripts
from pluralign.assembly.services.drafts import draft_of

EXPORT_FORMAT = "pluralign.assembly-participant/1"


def everything_of(mine: Participation) -> dict[str, Any]:
    """All that is kept of this person in this assembly, as plain data."""
    return {
        "format": EXPORT_FORMAT,
        "assembly": mine.assembly.slug,
        "code": str(mine.code),
        "joined_at": mine.created_at.isoformat(),
        "consents": [
            {
                "version": each.version,
                "organisers_words": consents.words_of(mine.assembly, each.version),
                "given_at": each.given_at.isoformat(),
                "share_card": each.share_card,
                "share_reasons": each.share_reasons,
                "share_transcript": each.share_transcript,
            }
            for each in mine.consents.all()
        ],
        "said_of_oneself": {
            each.attribute.question: each.group.text for each in mine.belongings.select_related("attribute", "group")
        },
        "dialogues": [
            {
                "question": dialogue.question.slug,
                "began_at": dialogue.created_at.isoformat(),
                "asked_by": dialogue.engine or "form",
                "messages": [
                    {"by": message.author, "stage": message.stage, "text": message.text}
                    for message in dialogue.messages.all()
                ],
            }
            for dialogue in mine.dialogues.select_related("question")
        ],
        "readings_of_dialogues": [
            {"at": each.at.isoformat(), "question": each.question, "by": each.role, "why": each.why}
            for each in transcripts.readings(mine)
        ],
        "cards": [
            {
                "question": card.question.slug,
                "status": card.status,
                "versions": [
                    {
                        "number": version.number,
                        "title": version.title,
                        "summary": version.summary,
                        "description": version.description,
                        "policies": version.policies,
                        "by": version.author,
                    }
                    for version in card.versions.all()
                ],
                "offers": [
                    {"title": offer.value.title, "answer": offer.answer, "adds": offer.adds}
                    for offer in card.offers.select_related("value")
                ],
            }
            for card in mine.cards.select_related("question")
        ],
        "votes": [{"title": vote.value.title, "answer": vote.answer} for vote in mine.votes.select_related("value")],
        "reports": [{"title": each.value.title, "kind": each.kind} for each in mine.reports.select_related("value")],
        "judgements": [
            {
                "context": each.context.text,
                "from": each.source.title,
                "to": each.candidate.title,
                "answer": each.relationship,
                "reason": each.reason,
                "at": each.updated_at.isoformat(),
            }
            for each in mine.judgements.select_related("context", "source", "candidate")
        ],
    }


def erase(mine: Participation) -> None:
    """Delete all that somebody gave in an assembly, and the person themselves if nothing else hangs on them.

    A value that only their card said loses its words and leaves the graph; what others answered about it stays theirs.
    The audit log keeps that somebody left, not who.
    """
    with transaction.atomic():
        assembly, person = mine.assembly, mine.person
        said = {card.canonical_id for card in mine.cards.all()} - {None}
        said |= set(
            CanonicalValue.objects.filter(question__assembly=assembly, content_hash__in=_hashes_of(mine)).values_list(
                "pk", flat=True
            )
        )
        mine.delete()
        for value in CanonicalValue.objects.filter(pk__in=said, is_seed=False):
            if not value.cards.filter(status=CardStatus.SUBMITTED).exists():
                _forget(value)
        audit.record("participation.erase", person=None, assembly=assembly)
        alone = not person.participations.exists() and not person.memberships.exists()
        if alone and not person.is_staff:
            Person.objects.filter(pk=person.pk).delete()


def _hashes_of(mine: Participation) -> set[str]:
    found = set()
    for card in mine.cards.all():
        for version in card.versions.exclude(title=""):
            found.add(CanonicalValue.hash_of(draft_of(version).card("x")))
    return found


def _forget(value: CanonicalValue) -> None:
    value.title, value.summary, value.description, value.policies = "–", "", "", []
    value.content_hash = f"erased {value.pk}"
    value.embedding, value.embedding_model = None, ""
    value.status = ValueStatus.HIDDEN
    value.save()
    # A value that was merged into this one and still carries their words forgets them too.
    for merged in value.merged.exclude(content_hash__startswith="erased").filter(is_seed=False):
        if not merged.cards.exists():
            _forget(merged)
