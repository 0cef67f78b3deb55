"""What participants reported and what the screen held back: accepted, hidden with a reason, or restored. Nothing is
ever deleted, and everything that is decided is written down.

What is hidden is neither drawn nor shown to anybody but its author, who is told why; judgements about it are kept and
count again when it is restored.
"""

from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from pluralign.assembly import tasks
from pluralign.assembly.models import (
    Assembly,
    CanonicalValue,
    Card,
    CardStatus,
    DrawnCard,
    DrawnTransition,
    Judgement,
    Moderation,
    Participation,
    Person,
    ReportKind,
    SimilarOffer,
    Story,
    StoryFlag,
    StoryStatus,
    ValueReport,
    ValueStatus,
)
from pluralign.assembly.services import audit
from pluralign.assembly.services.drafts import show_again
from pluralign.elicit.screen import Finding, screen

REPORTS_TO_HIDE = 3
"""People who must report a value before it waits for a moderator, as for stories."""


def held(assembly: Assembly, *texts: str) -> list[Finding]:
    """What the automatic screen finds in texts of this assembly."""
    return screen(texts, assembly.held_words.splitlines())


def shown_to(mine: Participation) -> QuerySet[CanonicalValue]:
    """The values that were ever put before this person."""
    ways = (
        DrawnCard.objects.filter(draw__participation=mine).values("value"),
        SimilarOffer.objects.filter(card__participation=mine).values("value"),
        DrawnTransition.objects.filter(draw__participation=mine).values("transition__source"),
        DrawnTransition.objects.filter(draw__participation=mine).values("transition__candidate"),
    )
    first, second, third, fourth = (Q(pk__in=way) for way in ways)
    return CanonicalValue.objects.filter(first | second | third | fourth, question__assembly=mine.assembly)


def report(mine: Participation, value: int, kind: str) -> ValueReport:
    """Ask moderators to look at a value that was shown to this person. Once per person; the later kind counts.

    Raises CanonicalValue.DoesNotExist for a value that they were never shown, ValueError for a kind there is not.
    """
    if kind not in set(ReportKind.values):
        raise ValueError(f"{kind!r} is no way to report a value")
    with transaction.atomic():
        found = shown_to(mine).get(pk=value)
        kept, _made = ValueReport.objects.update_or_create(
            participation=mine, value=found, defaults={"kind": kind, "settled_at": None}
        )
        serious = found.reports.filter(settled_at=None).exclude(kind=ReportKind.NONSENSE)
        if found.moderation == Moderation.OK and serious.count() >= REPORTS_TO_HIDE and not found.is_seed:
            _keep_back(found, Moderation.WAITING, "")
            audit.record("value.hold", person=None, assembly=mine.assembly, subject=f"value {found.pk}",
                         reports=serious.count())  # fmt: skip
        return kept


class Queue(NamedTuple):
    """What waits for a moderator."""

    values: list[CanonicalValue]
    """Held back or reported; annotated with `reported` (how often)."""
    stories: list[Story]
    """Held back or flagged; annotated with `offensive` and `unrealistic`."""
    reasons: list[Judgement]
    """Reasons that the screen held back."""

    @property
    def size(self) -> int:
        """How many things there are."""
        return len(self.values) + len(self.stories) + len(self.reasons)


def queue(assembly: Assembly) -> Queue:
    """What waits, the oldest first."""
    values = (
        CanonicalValue.objects.filter(question__assembly=assembly)
        .annotate(reported=Count("reports", filter=Q(reports__settled_at=None), distinct=True))
        .filter(Q(moderation=Moderation.WAITING) | Q(reported__gt=0, moderation=Moderation.OK))
        .select_related("question")
    )
    waiting = Q(drawntransition__flags__settled_at=None)
    stories = (
        Story.objects.filter(transition__question__assembly=assembly)
        .annotate(
            offensive=Count(
                "drawntransition__flags", filter=waiting & Q(drawntransition__flags__kind=StoryFlag.Kind.OFFENSIVE)
            ),
            unrealistic=Count(
                "drawntransition__flags", filter=waiting & Q(drawntransition__flags__kind=StoryFlag.Kind.UNREALISTIC)
            ),
        )
        .filter(
            Q(status=StoryStatus.WAITING) | Q(status=StoryStatus.ACTIVE) & (Q(offensive__gt=0) | Q(unrealistic__gt=0))
        )
        .select_related("transition__source", "transition__candidate", "transition__context")
        .order_by("pk")
    )
    reasons = Judgement.objects.filter(question__assembly=assembly, moderation=Moderation.WAITING).select_related(
        "context", "source", "candidate"
    )
    return Queue(list(values), list(stories), list(reasons))


def hidden(assembly: Assembly) -> Queue:
    """What moderators have hidden, the latest first."""
    return Queue(
        list(
            CanonicalValue.objects.filter(question__assembly=assembly, moderation=Moderation.HIDDEN)
            .select_related("question")
            .order_by("-updated_at")
        ),
        list(
            Story.objects.filter(transition__question__assembly=assembly, status=StoryStatus.RETIRED)
            .select_related("transition__source", "transition__candidate", "transition__context")
            .order_by("-pk")
        ),
        list(
            Judgement.objects.filter(question__assembly=assembly, moderation=Moderation.HIDDEN)
            .select_related("context", "source", "candidate")
            .order_by("-updated_at")
        ),
    )


def decide(assembly: Assembly, kind: str, key: int, *, by: Person, accept: bool, reason: str = "") -> None:
    """Accept or restore (``accept``), or hide, a "value", a "story" or a "reason" of this assembly.

    Raises ObjectDoesNotExist for what is not in this assembly, ValueError for hiding without saying why.
    """
    if not accept and not reason.strip():
        raise ValueError("Say why it is hidden: whoever wrote it reads this.")
    deeds = {"value": _decide_value, "story": _decide_story, "reason": _decide_reason}
    if kind not in deeds:
        raise Story.DoesNotExist
    with transaction.atomic():
        before = deeds[kind](assembly, key, accept, reason.strip()[:300])
        audit.record(f"{kind}.{'accept' if accept else 'hide'}", person=by, assembly=assembly,
                     subject=f"{kind} {key}", before=before, why=reason.strip()[:300])  # fmt: skip


def _decide_value(assembly: Assembly, key: int, accept: bool, reason: str) -> str:
    value = CanonicalValue.objects.select_for_update(of=("self",)).get(pk=key, question__assembly=assembly)
    before: str = value.moderation
    if accept:
        value.moderation, value.moderation_reason = Moderation.OK, ""
        value.save(update_fields=["moderation", "moderation_reason", "updated_at"])
        Card.objects.filter(canonical=value).exclude(moderation=Moderation.OK).update(moderation=Moderation.OK)
        if value.is_seed or value.cards.filter(status=CardStatus.SUBMITTED).exists():
            show_again(value.pk)
            # What was never shown has no transitions yet.
            transaction.on_commit(lambda: tasks.propose.enqueue(value.question_id))
    else:
        _keep_back(value, Moderation.HIDDEN, reason)
    value.reports.filter(settled_at=None).update(settled_at=timezone.now())
    return before


def _keep_back(value: CanonicalValue, how: Any, reason: str) -> None:
    value.moderation, value.moderation_reason = how, reason
    if value.status == ValueStatus.ACTIVE:
        value.status = ValueStatus.HIDDEN
    value.save(update_fields=["moderation", "moderation_reason", "status", "updated_at"])
    Card.objects.filter(canonical=value).update(moderation=how)


def _decide_story(assembly: Assembly, key: int, accept: bool, reason: str) -> str:
    del reason
    story = Story.objects.select_for_update(of=("self",)).get(pk=key, transition__question__assembly=assembly)
    before: str = story.status
    story.status = StoryStatus.ACTIVE if accept else StoryStatus.RETIRED
    story.save(update_fields=["status"])
    StoryFlag.objects.filter(drawn__story=story, settled_at=None).update(settled_at=timezone.now())
    return before


def _decide_reason(assembly: Assembly, key: int, accept: bool, reason: str) -> str:
    del reason
    judgement = Judgement.objects.select_for_update(of=("self",)).get(pk=key, question__assembly=assembly)
    before: str = judgement.moderation
    # `updated_at` says when somebody judged, so it is not touched here.
    Judgement.objects.filter(pk=key).update(moderation=Moderation.OK if accept else Moderation.HIDDEN)
    return before
