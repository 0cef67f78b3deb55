"""Who organises: the first organiser of a new site, links to come in by, roles."""

from datetime import timedelta

from django.core import signing
from django.db import transaction

from pluralign.assembly.models import Assembly, Membership, Person, Role
from pluralign.assembly.services import audit

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


def set_role(assembly: Assembly, person: Person, role: Role | None, *, by: Person | None) -> None:
    """Give somebody a role in an assembly's team, change it, or (None) take it away. Written down."""
    with transaction.atomic():
        before = Membership.objects.filter(assembly=assembly, person=person).values_list("role", flat=True).first()
        if role is None:
            Membership.objects.filter(assembly=assembly, person=person).delete()
        else:
            Membership.objects.update_or_create(assembly=assembly, person=person, defaults={"role": role})
        audit.record(
            "role.set", person=by, assembly=assembly, subject=f"person {person.pk}", before=before,
            after=None if role is None else str(role),
        )  # fmt: skip
