"""A participant's cards: edited by their author only, every version kept, submitted and withdrawn at any time."""

from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.utils import timezone

from pluralign.assembly import tasks
from pluralign.assembly.models import Author, Card, CardStatus, CardVersion, Deed, Moderation, Participation
from pluralign.assembly.services.doors import must_be_open
from pluralign.assembly.services.drafts import draft_of, leave_if_nobodys
from pluralign.elicit.cards import Draft, Issue, Verdict, issues, judged, tidy


class NotYetError(Exception):
    """The card cannot be submitted so; `issues` says why."""

    def __init__(self, found: list[Issue]) -> None:
        super().__init__(found[0].text)
        self.issues = found


def edit(
    mine: Participation,
    key: int,
    *,
    title: str,
    summary: str,
    verdicts: Sequence[str],
    wordings: Sequence[str],
    added: Sequence[str],
    number: int,
) -> CardVersion:
    """Keep what the author changed as a new version. Nothing changed: the version that is there.

    ``number`` is the version that the author saw; if there is a later one, theirs still becomes the newest, and the
    one between is kept. Raises pydantic's ValidationError for texts that are too long.
    """
    card = mine.cards.get(pk=key)
    seen = card.versions.get(number=number)
    before = draft_of(seen)
    said = [Verdict(word) if word in set(Verdict) else None for word in verdicts]
    after = judged(before.model_copy(update={"title": title, "summary": summary}), said, wordings)
    after = tidy(
        Draft(**{**after.model_dump(), "policies": (*after.policies, *(text for text in added if text.strip()))})
    )
    kept = [str(verdict or "") for verdict in said if verdict is not Verdict.NO]
    kept += [str(Verdict.YES)] * (len(after.policies) - len(kept))
    if after == before and kept == list(seen.verdicts) and card.latest.number == number:
        return seen
    for _attempt in range(5):
        try:
            with transaction.atomic():
                return CardVersion.objects.create(
                    card=card,
                    number=card.latest.number + 1,
                    title=after.title,
                    summary=after.summary,
                    description=after.description,
                    policies=list(after.policies),
                    verdicts=kept,
                    author=Author.PARTICIPANT,
                )
        except IntegrityError:
            continue
    raise RuntimeError(f"card {card.pk} is being edited by too many at once")


def submit(mine: Participation, key: int) -> Card:
    """Give the card to the assembly, as its latest version says it. Raises :class:`NotYetError`."""
    with transaction.atomic():
        must_be_open(mine, Deed.TELL)
        card = Card.objects.select_for_update().get(pk=key, participation=mine)
        refusing = [issue for issue in issues(tidy(draft_of(card.latest))) if issue.refuses]
        if refusing:
            raise NotYetError(refusing)
        card.status, card.submitted_at = CardStatus.SUBMITTED, timezone.now()
        if card.moderation == Moderation.HIDDEN:  # changed by its author; a moderator looks before others see it
            card.moderation = Moderation.WAITING
        card.save()
        if mine.dialogue_finished_at is None:
            mine.dialogue_finished_at = timezone.now()
            mine.save(update_fields=["dialogue_finished_at"])
        transaction.on_commit(lambda: tasks.place_card.enqueue(card.pk))
        return card


def withdraw(mine: Participation, key: int) -> Card:
    """Take the card back. The value it said leaves all draws unless somebody else's card says it too."""
    with transaction.atomic():
        card = Card.objects.select_for_update().get(pk=key, participation=mine)
        card.status = CardStatus.WITHDRAWN
        value, card.canonical = card.canonical, None
        card.save()
        if value is not None:
            leave_if_nobodys(value)
        return card
