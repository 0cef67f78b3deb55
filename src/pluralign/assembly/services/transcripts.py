"""Reading a participant's conversation: with their consent, by somebody who has the right, for a reason that is kept.

Who may is held by `access.team("transcripts")`. What is kept of a reading is in the audit log, where the team sees it;
the participant sees it too, with the reason. No export holds a word of a conversation.
"""

from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from pluralign.assembly.models import Assembly, AuditEntry, Consent, Dialogue, Message, Participation, Person, Role
from pluralign.assembly.services import audit
from pluralign.assembly.services.joining import Refused

READ = "transcript.read"
SHORTEST_REASON, LONGEST_REASON = 10, 300
"""Characters of a reason."""


class Reading(NamedTuple):
    """That a conversation was read, as its participant is told."""

    at: datetime
    question: str
    role: str
    """Of who read it, in the reader's language."""
    why: str


def pseudonym(mine: Participation) -> str:
    """What a participant is called on these pages and in the log: nothing else is known by it."""
    return f"P-{mine.code.hex[:8]}"


def allowed(assembly: Assembly) -> QuerySet[Dialogue]:
    """The conversations whose participant allows that they are read, by their latest consent, the newest first."""
    latest = Consent.objects.filter(participation=OuterRef("participation")).order_by("-given_at", "-id")
    said = Count("messages", filter=Q(messages__author=Message.Author.PARTICIPANT))
    return (
        Dialogue.objects.filter(participation__assembly=assembly)
        .annotate(may=Subquery(latest.values("share_transcript")[:1]), answers=said)
        .filter(may=True, answers__gt=0)
        .select_related("participation", "question")
        .order_by("-created_at", "id")
    )


def read(assembly: Assembly, key: Any, *, by: Person, why: str) -> Dialogue:
    """The conversation, once it is written down who reads it and why.

    Raises Dialogue.DoesNotExist for one that is not of this assembly or may not be read (any longer), `Refused` for a
    reason that says nothing.
    """
    told = " ".join(why.split())[:LONGEST_REASON]
    if len(told) < SHORTEST_REASON:
        raise Refused("Say why you read it, in a few words: the participant reads this, and so does your team.")
    with transaction.atomic():
        found: Dialogue = allowed(assembly).get(pk=key)
        role = assembly.memberships.get(person=by).role
        audit.record(READ, person=by, assembly=assembly, subject=f"dialogue {found.pk}",
                     whose=pseudonym(found.participation), role=role, why=told)  # fmt: skip
    return found


def readings(mine: Participation) -> list[Reading]:
    """When this participant's conversations were read, in what role, and why; the latest first."""
    questions = {f"dialogue {each.pk}": each.question.title for each in mine.dialogues.select_related("question")}
    entries = AuditEntry.objects.filter(assembly=mine.assembly, action=READ, subject__in=questions)
    return [
        Reading(each.at, questions[each.subject], str(Role(each.detail["role"]).label), each.detail["why"])
        for each in entries
    ]
