"""What cards and values have in common: a stored version as a draft, and values that nobody says."""

from pluralign.assembly.models import CanonicalValue, CardStatus, CardVersion, Moderation, ValueStatus
from pluralign.elicit.cards import Draft


def draft_of(version: CardVersion) -> Draft:
    """A version as a draft."""
    return Draft(
        title=version.title, summary=version.summary, description=version.description, policies=tuple(version.policies)
    )


def leave_if_nobodys(value: CanonicalValue) -> None:
    """Hide a value that no submitted card says any longer and that is no seed."""
    if not value.is_seed and not value.cards.filter(status=CardStatus.SUBMITTED).exists():
        CanonicalValue.objects.filter(pk=value.pk, status=ValueStatus.ACTIVE).update(status=ValueStatus.HIDDEN)


def show_again(value: int) -> None:
    """Let a value take part in draws again that was hidden because nobody said it. What a moderator holds stays so."""
    CanonicalValue.objects.filter(pk=value, status=ValueStatus.HIDDEN, moderation=Moderation.OK).update(
        status=ValueStatus.ACTIVE
    )
