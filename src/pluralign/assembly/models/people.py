"""Who takes part. No address and no outside id is ever kept: only keyed digests, which cannot be turned back."""

import secrets
import uuid
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.utils.translation import gettext_lazy as _

from pluralign.assembly.models.assemblies import Assembly


def new_handle() -> str:
    """A name that says nothing: 16 hexadecimal digits."""
    return f"p-{secrets.token_hex(8)}"


def new_link() -> str:
    """The secret part of a recruitment link: 128 random bits."""
    return secrets.token_urlsafe(16)


class PersonManager(BaseUserManager["Person"]):
    """Makes people; Django's commands ask for it."""

    def create_person(self, **fields: Any) -> "Person":
        """Someone without a password: they come back by code or by e-mail."""
        person = self.model(**fields)
        person.set_unusable_password()
        person.save()
        return person

    def create_superuser(self, handle: str, password: str | None = None, **fields: Any) -> "Person":
        """Someone who may do everything, also in Django's admin."""
        person = self.model(handle=handle, is_staff=True, is_superuser=True, **fields)
        person.set_password(password)
        person.save()
        return person


class Person(AbstractBaseUser, PermissionsMixin):
    """Somebody who can come back: by return code, by e-mail code, or (organisers) by password."""

    handle = models.CharField(max_length=40, unique=True, default=new_handle)
    name = models.CharField(max_length=120, blank=True)
    """Of organisers, who sign what they do. Empty for participants, who are never asked."""
    email_digest = models.CharField(max_length=64, unique=True, null=True, blank=True)
    return_digest = models.CharField(max_length=64, unique=True, null=True, blank=True)
    """Of the return code that was shown once."""
    language = models.CharField(max_length=10, blank=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PersonManager()
    USERNAME_FIELD = "handle"
    REQUIRED_FIELDS: list[str] = []

    class Meta:
        """In order of arrival."""

        ordering = ("id",)
        verbose_name_plural = "people"

    def __str__(self) -> str:
        return self.name or self.handle


class LoginCode(models.Model):
    """Six digits that were sent to an address. Neither the digits nor the address is kept."""

    email_digest = models.CharField(max_length=64, db_index=True)
    code_digest = models.CharField(max_length=64)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)


class Role(models.TextChoices):
    """What a member of an assembly's team may do. Participants have no row here."""

    OWNER = "owner", _("Owner")
    ORGANISER = "organiser", _("Organiser")
    MODERATOR = "moderator", _("Moderator")
    ANALYST = "analyst", _("Analyst")


class Membership(models.Model):
    """Someone's place in the team of one assembly. It says nothing about any other assembly."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="memberships")
    assembly = models.ForeignKey(Assembly, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)
    reads_transcripts = models.BooleanField(default=False)
    """May read the conversations of participants who allowed it. No role has this by itself: an owner gives it to a
    person, by name, and that is written down."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """One role per person and assembly."""

        constraints = [models.UniqueConstraint(fields=["person", "assembly"], name="one_role_each")]


class Recruitment(models.Model):
    """A link by which a panel or a partner sends people here, and by which they are sent back."""

    assembly = models.ForeignKey(Assembly, on_delete=models.CASCADE, related_name="recruitments")
    name = models.CharField(max_length=80)
    token = models.CharField(max_length=40, unique=True, default=new_link)
    id_parameter = models.CharField(max_length=40, default="PROLIFIC_PID")
    """Name of the URL parameter in which the panel puts its own id of the person."""
    signing_key = models.CharField(max_length=80, blank=True)
    """Where the panel signs its links: parameter `signature` is HMAC-SHA-256 of the id under this key, in hex."""
    return_url = models.URLField(blank=True)
    """Where people go when they have finished; the panel's own completion page."""
    return_code = models.CharField(max_length=40, blank=True)
    """What people are to enter at the panel when they have finished."""
    limit = models.PositiveIntegerField(default=0)
    """People at most; 0 is no limit."""
    is_open = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Participation(models.Model):
    """One person in one assembly. All they give hangs on it, and goes when it goes."""

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="participations")
    assembly = models.ForeignKey(Assembly, on_delete=models.CASCADE, related_name="participations")
    recruitment = models.ForeignKey(Recruitment, on_delete=models.SET_NULL, null=True, blank=True)
    external_digest = models.CharField(max_length=64, blank=True)
    """Keyed digest of the panel's id, so that nobody takes part twice by one id."""
    is_simulated = models.BooleanField(default=False)
    """Played by a program. Never counted among people."""
    created_at = models.DateTimeField(auto_now_add=True)
    dialogue_finished_at = models.DateTimeField(null=True, blank=True)
    votes_finished_at = models.DateTimeField(null=True, blank=True)
    transitions_finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Once per person and assembly, once per outside id and recruitment."""

        constraints = [
            models.UniqueConstraint(fields=["person", "assembly"], name="takes_part_once"),
            models.UniqueConstraint(
                fields=["recruitment", "external_digest"],
                condition=~models.Q(external_digest=""),
                name="outside_id_once",
            ),
        ]


class Consent(models.Model):
    """What someone agreed to, and when. The latest of a participation counts."""

    participation = models.ForeignKey(Participation, on_delete=models.CASCADE, related_name="consents")
    version = models.PositiveIntegerField()
    """`Assembly.consent_version` that was read."""
    share_card = models.BooleanField(default=True)
    """The value card may be published. Without it nobody else ever sees the card."""
    share_reasons = models.BooleanField(default=False)
    """Reasons given for judgements may be quoted."""
    share_transcript = models.BooleanField(default=False)
    """Members of the team who were given the right may read the dialogue. Every reading is written down."""
    given_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """The latest last."""

        ordering = ("given_at", "id")
