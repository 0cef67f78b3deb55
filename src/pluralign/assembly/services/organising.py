"""Who organises: the first organiser of a new site, and links to come in by. Teams are in `team`."""

from datetime import timedelta

from django.core import signing
from django.db import transaction

from pluralign.assembly.models import Membership, Person, Role

ENTRY_SALT = "pluralign.assembly.entry"
ENTRY_LIFE = timedelta(hours=24)


def first_organiser() -> Person:
    """The person who runs this installation; made on first call."""
    with transaction.atomic():
        found = Person.objects.filter(is_superuser=True, is_active=True).order_by("id").first()
        if found is not None:
            return found
        return Person.objects.create_person(name="Organiser", is_staff=True, is_superuser=True)


def entry_token(person: Person) -> str:
    """A signed token by which this person comes in once, within a day."""
    return signing.dumps([person.pk, str(person.last_login)], salt=ENTRY_SALT)


def may_create(person: Person) -> bool:
    """Whether somebody may set up a new assembly: superusers, and whoever owns one already."""
    if not person.is_active:
        return False
    return bool(person.is_superuser) or Membership.objects.filter(person=person, role=Role.OWNER).exists()
