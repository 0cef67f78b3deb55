"""Dialogues, turn by turn, and every call of a model. Others than its author read a transcript only with consent."""

import uuid

from django.db import models

from pluralign.assembly.models.assemblies import Assembly, Question
from pluralign.assembly.models.people import Participation


class DialogueMode(models.TextChoices):
    """Who asks."""

    MODEL = "model"
    FORM = "form"


class Dialogue(models.Model):
    """One interview about one question. `state` is `elicit.interview.Interview`, the rest is for finding it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    participation = models.ForeignKey(Participation, on_delete=models.CASCADE, related_name="dialogues")
    question = models.ForeignKey(Question, on_delete=models.CASCADE, related_name="dialogues")
    mode = models.CharField(max_length=5, choices=DialogueMode.choices)
    state = models.JSONField()
    revision = models.PositiveIntegerField(default=0)
    """Grows with every change of `state`; a change that was made for another revision is refused."""
    engine = models.CharField(max_length=200, blank=True)
    prompt_hash = models.CharField(max_length=64, blank=True)
    """Of the instructions the model was given, so that dialogues held alike can be told."""
    model_failed_at = models.DateTimeField(null=True, blank=True)
    """When the form took over because the model was down or the budget spent."""
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Newest first."""

        ordering = ("-created_at",)


class Message(models.Model):
    """One turn, as it was said. Written before anything is done with it."""

    class Author(models.TextChoices):
        """Who said it."""

        PARTICIPANT = "participant"
        AI = "ai"
        FORM = "form"
        """The site's own fixed question, in the reader's language when shown: `text` holds its key."""

    dialogue = models.ForeignKey(Dialogue, on_delete=models.CASCADE, related_name="messages")
    position = models.PositiveSmallIntegerField()
    author = models.CharField(max_length=11, choices=Author.choices)
    text = models.TextField()
    stage = models.CharField(max_length=20)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """In order; two answers to one question cannot both be kept."""

        ordering = ("position",)
        constraints = [models.UniqueConstraint(fields=["dialogue", "position"], name="one_message_per_position")]


class ModelCall(models.Model):
    """One call of a model: what it cost and how it went, never what was said."""

    assembly = models.ForeignKey(Assembly, on_delete=models.CASCADE, related_name="model_calls")
    participation = models.ForeignKey(
        Participation, on_delete=models.SET_NULL, null=True, blank=True, related_name="model_calls"
    )
    """For whom, so that one person cannot spend what is meant for all. None: for everybody, such as a story."""
    purpose = models.CharField(max_length=20)
    engine = models.CharField(max_length=200)
    prompt_hash = models.CharField(max_length=64, blank=True)
    tokens = models.PositiveIntegerField(default=0)
    """Asked and answered together; estimated at four characters a token where the server does not say."""
    milliseconds = models.PositiveIntegerField(default=0)
    succeeded = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
