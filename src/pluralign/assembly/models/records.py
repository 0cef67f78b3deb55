"""What was done by whom, what was reckoned and what was counted. Holds ids and counts, no words of participants."""

from django.conf import settings
from django.db import models

from pluralign.assembly.models.assemblies import Assembly, Question


class AuditEntry(models.Model):
    """One deed of somebody with a role, or of a background task."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    """None: a background task."""
    assembly = models.ForeignKey(Assembly, on_delete=models.CASCADE, null=True, blank=True, related_name="audit")
    action = models.CharField(max_length=60)
    """Such as "transcript.read" or "values.merge"."""
    subject = models.CharField(max_length=80, blank=True)
    """Kind and id of what it was done to, such as "dialogue 6f9c…"."""
    detail = models.JSONField(default=dict)
    """What is needed to understand it and, where it can be undone, to undo it."""
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """The latest first."""

        ordering = ("-at", "-id")
        verbose_name_plural = "audit entries"


class Reckoning(models.Model):
    """What was last computed about a question's judgements for the dashboards: coverage and convergence. Counts only;
    it is computed in the background, so that no page waits for it, and says of how many judgements it speaks."""

    question = models.OneToOneField(Question, on_delete=models.CASCADE, related_name="reckoning")
    state = models.CharField(max_length=200)
    """What the judgements and values were like then; another state means that it is out of date."""
    data = models.JSONField()
    made_at = models.DateTimeField()


class Counted(models.Model):
    """How often somebody asked for something in a while, for rate limits. Shared by all processes of the site."""

    digest = models.CharField(max_length=64, primary_key=True)
    """Keyed digest of who asked for what in which while: no address."""
    times = models.PositiveIntegerField()
    expires_at = models.DateTimeField(db_index=True)
