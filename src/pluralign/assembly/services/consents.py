"""What participants agreed to, version by version, and whether they have to be asked again.

Who has not agreed to the organisers' present words gives nothing more, and may look at, take away, withdraw and delete
what they gave. What they gave before stays, under the words that they agreed to then.
"""

from typing import NamedTuple

from pluralign.assembly.models import Assembly, Consent, ConsentText, Participation


class Agreed(NamedTuple):
    """How many people have agreed to the present words."""

    people: int
    of: int


def is_stale(mine: Participation) -> bool:
    """Whether this person has not agreed to the words as they are now."""
    latest = mine.consents.last()
    return latest is None or is_outdated(latest, mine.assembly)


def is_outdated(consent: Consent, assembly: Assembly) -> bool:
    """Whether the words have changed since this consent."""
    return consent.version != assembly.consent_version


def words_of(assembly: Assembly, version: int) -> str:
    """The organisers' words of a version."""
    if version == assembly.consent_version:
        return assembly.consent_text
    found = assembly.consent_texts.filter(version=version).first()
    return found.text if found is not None else ""


def keep_words(assembly: Assembly, words: str) -> None:
    """Keep the words of the present version, before another follows."""
    ConsentText.objects.get_or_create(assembly=assembly, version=assembly.consent_version, defaults={"text": words})


def agreed(assembly: Assembly) -> Agreed:
    """How many people have agreed to the present words, and how many there are."""
    people = assembly.participations.filter(is_simulated=False)
    now = Consent.objects.filter(participation__in=people, version=assembly.consent_version)
    return Agreed(now.values("participation").distinct().count(), people.count())
