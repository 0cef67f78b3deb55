"""Who is in a team: invitations that work once, roles, leaving. An assembly always keeps an owner."""

import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.utils import timezone

from pluralign.assembly import digests
from pluralign.assembly.models import Assembly, Invitation, Membership, Person, Role
from pluralign.assembly.services import audit
from pluralign.assembly.services.joining import Refused, give_return_code

LIFE = timedelta(days=7)
"""How long an invitation waits."""
MAY: dict[Any, str] = {
    Role.OWNER: "everything, and says who is in the team",
    Role.ORGANISER: "sets up, opens and closes phases, moderates, exports",
    Role.MODERATOR: "reads what was reported or held back, and hides or restores it",
    Role.ANALYST: "looks at dashboards and results, changes nothing",
}
"""What each role may do, as the team's page says it."""


class Invited(NamedTuple):
    """A new invitation and the secret of its link, which is shown once and kept nowhere."""

    invitation: Invitation
    token: str


class Accepted(NamedTuple):
    """Somebody who has come into a team."""

    membership: Membership
    return_code: str | None
    """For somebody new who was given a link and has no other way back; shown once."""


def invite(
    assembly: Assembly, *, by: Person, name: str, role: str, email: str, link_of: Callable[[str], str]
) -> Invited:
    """Offer a place in the team, by e-mail or (no address) by a link to hand over.

    Raises :class:`Refused` where the mail cannot be sent; there is no invitation then.
    """
    token = secrets.token_urlsafe(24)
    with transaction.atomic():
        invitation = Invitation.objects.create(
            assembly=assembly,
            role=Role(role),
            name=name,
            email_digest=digests.email_digest(email) if email else "",
            token_digest=digests.digest("invitation", token),
            invited_by=by,
            expires_at=timezone.now() + LIFE,
        )
        audit.record("team.invite", person=by, assembly=assembly, subject=f"invitation {invitation.pk}", role=role,
                     by_mail=bool(email))  # fmt: skip
        if email:
            try:
                send_mail(
                    subject=f"Invitation to the team of “{assembly.title}”",
                    message=(
                        f"{by} invites you to the team of the assembly “{assembly.title}”, as {Role(role).label}.\n\n"
                        f"Open this link within {LIFE.days} days; it works once:\n\n{link_of(token)}\n\n"
                        "If you do not know what this is about, you need not do anything."
                    ),
                    from_email=settings.DEFAULT_FROM_EMAIL,
                    recipient_list=[email],
                )
            except OSError as error:  # smtplib's errors are OSErrors
                raise Refused(
                    f"The e-mail could not be sent ({type(error).__name__}). Leave the address empty to make a link."
                ) from error
    return Invited(invitation, token)


def open_invitation(token: str) -> Invitation | None:
    """The invitation of a link, if it can still be accepted."""
    found = Invitation.objects.select_related("assembly").filter(
        token_digest=digests.digest("invitation", token.strip()),
        accepted_at=None,
        withdrawn_at=None,
        expires_at__gt=timezone.now(),
    )
    return found.first()


def accept(token: str, person: Person | None, name: str) -> Accepted:
    """Come into the team. Somebody who is not signed in gets an account, with the address they were invited by.

    Raises :class:`Refused` for a link that no longer works, or where the account is to be signed in to first.
    """
    with transaction.atomic():
        digest = digests.digest("invitation", token.strip())
        Invitation.objects.select_for_update().filter(token_digest=digest).first()
        invitation = open_invitation(token)
        if invitation is None:
            raise Refused("This invitation was used already, was withdrawn, or is too old. Ask for another.")
        assembly, code = invitation.assembly, None
        if person is None:
            address = invitation.email_digest or None
            if address is not None and Person.objects.filter(email_digest=address).exists():
                raise Refused("You have an account here already: sign in by e-mail first, then open the link again.")
            person = Person.objects.create_person(name=name, email_digest=address)
            code = give_return_code(person) if address is None else None
        elif Membership.objects.filter(assembly=assembly, person=person).exists():
            raise Refused("You are in this team already. An owner can change your role.")
        elif not person.name:
            person.name = name
            person.save(update_fields=["name"])
        membership = Membership.objects.create(assembly=assembly, person=person, role=invitation.role)
        invitation.accepted_at, invitation.accepted_by = timezone.now(), person
        invitation.save(update_fields=["accepted_at", "accepted_by"])
        audit.record("team.accept", person=person, assembly=assembly, subject=f"invitation {invitation.pk}",
                     role=invitation.role)  # fmt: skip
        return Accepted(membership, code)


def withdraw(assembly: Assembly, key: int, *, by: Person) -> None:
    """Take an invitation back. Nothing happens to one that was accepted."""
    with transaction.atomic():
        waiting = assembly.invitations.filter(pk=key, accepted_at=None, withdrawn_at=None)
        if waiting.update(withdrawn_at=timezone.now()):
            audit.record("team.withdraw", person=by, assembly=assembly, subject=f"invitation {key}")


def let_read_transcripts(assembly: Assembly, key: int, *, by: Person, allowed: bool) -> None:
    """Give a member of the team (key of the membership) the right to read conversations, or take it back.

    Raises Membership.DoesNotExist for somebody who is not in the team.
    """
    with transaction.atomic():
        membership = Membership.objects.select_for_update().get(assembly=assembly, pk=key)
        if membership.reads_transcripts != allowed:
            membership.reads_transcripts = allowed
            membership.save(update_fields=["reads_transcripts"])
            audit.record("team.transcripts", person=by, assembly=assembly, subject=f"person {membership.person_id}",
                         allowed=allowed)  # fmt: skip


def set_role(assembly: Assembly, person: Person, role: str | None, *, by: Person) -> None:
    """Change somebody's role, or (None) take them out of the team, with the invitations that they have made.

    Raises :class:`Refused` where no owner would be left, Membership.DoesNotExist for somebody who is not in the team.
    """
    with transaction.atomic():
        Assembly.objects.select_for_update().get(pk=assembly.pk)
        membership = Membership.objects.get(assembly=assembly, person=person)
        owners = assembly.memberships.filter(role=Role.OWNER).exclude(pk=membership.pk)
        if membership.role == Role.OWNER and role != str(Role.OWNER) and not owners.exists():
            raise Refused("This is the last owner. Make somebody else an owner first.")
        before = membership.role
        if role is None:
            membership.delete()
        elif role != before:
            membership.role = Role(role)
            membership.save(update_fields=["role"])
        if before == Role.OWNER and role != str(Role.OWNER):
            assembly.invitations.filter(invited_by=person, accepted_at=None, withdrawn_at=None).update(
                withdrawn_at=timezone.now()
            )
        if role != before:
            audit.record("team.leave" if by == person and role is None else "team.role", person=by, assembly=assembly,
                         subject=f"person {person.pk}", before=before, after=role)  # fmt: skip
