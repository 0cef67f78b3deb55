"""Coming in and coming back: anonymously with a return code, by a code sent by e-mail, or by a recruitment link."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext

from pluralign.assembly import digests
from pluralign.assembly.models import Assembly, Consent, LoginCode, Participation, Person, Recruitment
from pluralign.assembly.services import quotas

CODE_LIFE = timedelta(minutes=10)
CODE_ATTEMPTS = 5
CODES_PER_HOUR = 5
"""Codes sent to one address at most."""
SAME_ATTEMPT = timedelta(minutes=10)
"""How long a form that is sent again, by a second press or a retry, finds the person whom it made."""


class Refused(Exception):  # noqa: N818
    """What was asked for may not be; the message is for the person."""


class GroupIsFull(Refused):
    """The group that somebody says they belong to has no room."""

    def __init__(self, message: str, attribute: int) -> None:
        super().__init__(message)
        self.attribute = attribute


class LinkIsFull(Refused):
    """The recruitment link that somebody came by takes nobody else."""


@dataclass(frozen=True)
class Joined:
    """Somebody who has just come in."""

    participation: Participation
    return_code: str | None
    """To be shown once. None for somebody who had a way back before."""


def join(
    assembly: Assembly,
    person: Person | None,
    *,
    share_reasons: bool = False,
    share_transcript: bool = False,
    recruitment: Recruitment | None = None,
    external_id: str = "",
    language: str = "",
    groups: Mapping[int, int] | None = None,
    attempt: str = "",
) -> Joined:
    """Take part, having consented. Somebody who takes part already consents anew and keeps what they gave.

    ``attempt`` is a secret that only the browser holds in which the form was opened: somebody new who sends it again
    is the same person, with the same return code.
    ``groups`` is what they said of themselves, as `quotas.belong` takes it; None leaves it as it was.
    Raises :class:`Refused` where the assembly or the recruitment is closed or full, or the outside id was used.
    """
    with transaction.atomic():
        assembly = Assembly.objects.select_for_update().get(pk=assembly.pk)
        code = None
        if person is None:
            person, code = _of_attempt(assembly, attempt)
        mine = None if person is None else Participation.objects.filter(person=person, assembly=assembly).first()
        if mine is None and not assembly.is_open:
            raise Refused(gettext("This assembly does not take new people now."))
        if person is None:
            code = code or digests.new_return_code()
            person = Person.objects.create_person(return_digest=digests.return_digest(code), language=language)
        if mine is None:
            if recruitment is not None:
                _check_room(recruitment)
            try:
                with transaction.atomic():
                    mine = Participation.objects.create(
                        person=person,
                        assembly=assembly,
                        recruitment=recruitment,
                        external_digest=external_digest(recruitment, external_id) if recruitment else "",
                    )
            except IntegrityError:
                raise Refused(gettext("Somebody has joined with this link's id already.")) from None
        if groups is not None:
            try:
                quotas.belong(mine, groups)
            except quotas.FullError as full:
                raise GroupIsFull(str(full), full.attribute) from None
        Consent.objects.create(
            participation=mine,
            version=assembly.consent_version,
            share_reasons=share_reasons,
            share_transcript=share_transcript,
        )
        return Joined(mine, code)


def _of_attempt(assembly: Assembly, attempt: str) -> tuple[Person | None, str | None]:
    """Who came in by this attempt a moment ago, and the return code that belongs to it; None, None after its time."""
    if not attempt:
        return None, None
    code = digests.return_code_of(f"{assembly.pk} {attempt}")
    known = Person.objects.filter(return_digest=digests.return_digest(code)).first()
    if known is None:
        return None, code
    if not known.is_active or known.created_at < timezone.now() - SAME_ATTEMPT:
        return None, None
    return known, code


def external_digest(recruitment: Recruitment, external_id: str) -> str:
    """Of a panel's id of somebody; different in every recruitment."""
    return digests.digest("outside", f"{recruitment.pk} {external_id}") if external_id else ""


def signature_is_right(recruitment: Recruitment, external_id: str, signature: str) -> bool:
    """Whether the panel itself wrote this link. True where it does not sign its links."""
    if not recruitment.signing_key:
        return True
    right = hmac.new(recruitment.signing_key.encode(), external_id.encode(), hashlib.sha256).hexdigest()
    return digests.same(right, signature.lower())


def why_closed(recruitment: Recruitment) -> str:
    """Why nobody else can join by this link, in words; empty where they can."""
    if not recruitment.is_open:
        return gettext("This link is closed.")
    if recruitment.limit and recruitment.participation_set.count() >= recruitment.limit:
        return gettext("As many people as were looked for have joined by this link.")
    return ""


def may_come_without(recruitment: Recruitment) -> bool:
    """Whether somebody whom a full or closed link turns away may join as anybody may: where the assembly is open to
    all and looks for no numbers of a group, nobody takes a place that is another's."""
    assembly = recruitment.assembly
    return assembly.is_public and assembly.is_open and not quotas.are_set(assembly)


def _check_room(recruitment: Recruitment) -> None:
    if why_closed(recruitment):
        raise LinkIsFull(why_closed(recruitment))


def person_of_return_code(code: str) -> Person | None:
    """Whose return code this is."""
    return Person.objects.filter(return_digest=digests.return_digest(code), is_active=True).first()


def give_return_code(person: Person) -> str:
    """A new return code; the one before stops working."""
    code = digests.new_return_code()
    Person.objects.filter(pk=person.pk).update(return_digest=digests.return_digest(code))
    return code


def send_login_code(address: str) -> None:
    """Send six digits to an address. Says nothing about whether anybody has it, and keeps neither."""
    now = timezone.now()
    whose = digests.email_digest(address)
    LoginCode.objects.filter(expires_at__lt=now - timedelta(days=1)).delete()
    with transaction.atomic():
        sent = LoginCode.objects.filter(email_digest=whose, created_at__gt=now - timedelta(hours=1)).count()
        if sent >= CODES_PER_HOUR:
            raise Refused(gettext("Too many codes were asked for. Try again in an hour."))
        LoginCode.objects.filter(email_digest=whose, used_at=None).update(used_at=now)
        code = digests.new_login_code()
        LoginCode.objects.create(
            email_digest=whose, code_digest=digests.digest("login", f"{whose} {code}"), expires_at=now + CODE_LIFE
        )
    send_mail(
        subject=gettext("Your code: %(code)s") % {"code": code},
        message=gettext(
            "Your code to sign in is %(code)s. It works once, for ten minutes.\n\n"
            "If you did not ask for it, you need not do anything."
        )
        % {"code": code},
        from_email=settings.DEFAULT_FROM_EMAIL,
        recipient_list=[address],
    )


def person_of_login_code(
    address: str, code: str, *, current: Person | None = None, language: str = ""
) -> Person | None:
    """Who holds the code that was sent to this address; None for a wrong, old, used or worn-out one.

    Somebody new gets an account; somebody who is signed in without an address gets this one. An attempt is counted
    before the code is compared, so that guessing in parallel gains nothing.
    """
    now = timezone.now()
    whose = digests.email_digest(address)
    newest = LoginCode.objects.filter(email_digest=whose, used_at=None, expires_at__gt=now).order_by("-id").first()
    if newest is None:
        return None
    counted = LoginCode.objects.filter(pk=newest.pk, attempts__lt=CODE_ATTEMPTS).update(attempts=F("attempts") + 1)
    if not counted or not digests.same(newest.code_digest, digests.digest("login", f"{whose} {code.strip()}")):
        return None
    if not LoginCode.objects.filter(pk=newest.pk, used_at=None).update(used_at=now):
        return None
    known = Person.objects.filter(email_digest=whose).first()
    if known is not None:
        return known if known.is_active else None
    if current is not None and current.email_digest is None:
        current.email_digest = whose
        current.save(update_fields=["email_digest"])
        return current
    return Person.objects.create_person(email_digest=whose, language=language)
