"""Invitations into a team. Neither the address nor the secret of the link is kept, only keyed digests."""

from django.db import models

from pluralign.assembly.models.assemblies import Assembly
from pluralign.assembly.models.people import Person, Role


class Invitation(models.Model):
    """A place in a team that was offered by e-mail or by a link, and works once."""

    assembly = models.ForeignKey(Assembly, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=10, choices=Role.choices)
    name = models.CharField(max_length=120)
    """Whom it is meant for, as the one who invites calls them."""
    email_digest = models.CharField(max_length=64, blank=True)
    """Of the address it was sent to; whoever accepts can sign in by it afterwards. Empty for a link handed over."""
    token_digest = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(Person, on_delete=models.SET_NULL, null=True, related_name="invitations_made")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(
        Person, on_delete=models.SET_NULL, null=True, blank=True, related_name="invitations_accepted"
    )
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """The latest first."""

        ordering = ("-created_at", "-id")
