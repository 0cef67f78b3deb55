"""What was drawn for whom and how likely that was, and what they answered. An answer without its draw is refused."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from pluralign.assembly.models.assemblies import Context, Question
from pluralign.assembly.models.cards import CanonicalValue, Moderation
from pluralign.assembly.models.people import Participation


class Transition(models.Model):
    """A move from one value to another in one context, which people are asked about. Both directions have a row."""

    question = models.ForeignKey(Question, on_delete=models.CASCADE, related_name="transitions")
    context = models.ForeignKey(Context, on_delete=models.CASCADE, related_name="transitions")
    source = models.ForeignKey(CanonicalValue, on_delete=models.CASCADE, related_name="transitions_from")
    candidate = models.ForeignKey(CanonicalValue, on_delete=models.CASCADE, related_name="transitions_to")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """One row per question, context and ordered pair, and never from a value to itself."""

        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=["question", "context", "source", "candidate"], name="transition_once"),
            models.CheckConstraint(
                condition=~models.Q(source=models.F("candidate")), name="transition_between_two_values"
            ),
        ]


class StoryStatus(models.TextChoices):
    """Whether a story may be shown."""

    ACTIVE = "active", _("Shown")
    WAITING = "waiting", _("Waiting for review")
    RETIRED = "retired", _("Retired")


class Story(models.Model):
    """An invented person who moved from one value to the other. Always labelled with who wrote it."""

    class Author(models.TextChoices):
        """Who wrote it."""

        AI = "ai", _("Written by an AI")
        ORGANISER = "organiser", _("Written by the organisers")
        PARTICIPANT = "participant", _("Written by a participant")

    transition = models.ForeignKey(Transition, on_delete=models.CASCADE, related_name="stories")
    version = models.PositiveSmallIntegerField(default=1)
    language = models.CharField(max_length=10)
    text = models.TextField()
    author = models.CharField(max_length=11, choices=Author.choices)
    status = models.CharField(max_length=7, choices=StoryStatus.choices, default=StoryStatus.ACTIVE)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """A story is never rewritten, only followed by another version."""

        constraints = [models.UniqueConstraint(fields=["transition", "language", "version"], name="story_version_once")]


class DrawKind(models.TextChoices):
    """What was drawn."""

    CARDS = "cards"
    TRANSITION = "transition"


class Draw(models.Model):
    """What one person was given to answer, kept before they saw it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    participation = models.ForeignKey(Participation, on_delete=models.CASCADE, related_name="draws")
    question = models.ForeignKey(Question, on_delete=models.CASCADE, related_name="draws")
    kind = models.CharField(max_length=10, choices=DrawKind.choices)
    method = models.CharField(max_length=40)
    """Name and version of the way of drawing."""
    created_at = models.DateTimeField(auto_now_add=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    none_of_these = models.BooleanField(default=False)
    """Of drawn cards: said that none of them is wise."""


class DrawnCard(models.Model):
    """One card of a draw, at the place where it was shown."""

    draw = models.ForeignKey(Draw, on_delete=models.CASCADE, related_name="cards")
    position = models.PositiveSmallIntegerField()
    value = models.ForeignKey(CanonicalValue, on_delete=models.CASCADE, related_name="drawn")
    slot = models.CharField(max_length=12)
    """near, far, bridging or rare: why it was drawn."""
    propensity = models.FloatField()
    """Probability, in (0, 1], that its slot drew this value given what had been drawn before."""

    class Meta:
        """In the order shown."""

        ordering = ("position",)
        constraints = [
            models.UniqueConstraint(fields=["draw", "position"], name="card_position_once"),
            models.UniqueConstraint(fields=["draw", "value"], name="card_drawn_once"),
        ]


class DrawnTransition(models.Model):
    """The transition of a draw, and the story that was shown with it."""

    draw = models.OneToOneField(Draw, on_delete=models.CASCADE, related_name="transition")
    transition = models.ForeignKey(Transition, on_delete=models.CASCADE, related_name="drawn")
    story = models.ForeignKey(Story, on_delete=models.SET_NULL, null=True, blank=True)
    """None: the site's own fixed story, in the reader's language."""
    propensity = models.FloatField()
    """Probability, in (0, 1], that this transition was drawn among all that could have been."""
    information = models.FloatField()
    """Expected information of the answer, in nats."""


class VoteAnswer(models.TextChoices):
    """What someone said of a value."""

    WISE = "wise", _("Wise")
    NOT_FOR_ME = "not_for_me", _("Not for me")
    UNSURE = "unsure", _("Unsure")


class Vote(models.Model):
    """One person's answer about one value, to a card that was drawn for them."""

    participation = models.ForeignKey(Participation, on_delete=models.CASCADE, related_name="votes")
    drawn = models.OneToOneField(DrawnCard, on_delete=models.CASCADE, related_name="vote")
    value = models.ForeignKey(CanonicalValue, on_delete=models.CASCADE, related_name="votes")
    answer = models.CharField(max_length=10, choices=VoteAnswer.choices)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        """One person, one vote per value."""

        constraints = [models.UniqueConstraint(fields=["participation", "value"], name="one_vote_per_value")]


class Judgement(models.Model):
    """One person's answer about a pair of values in a context. The pair counts, whichever way it was shown."""

    participation = models.ForeignKey(Participation, on_delete=models.CASCADE, related_name="judgements")
    question = models.ForeignKey(Question, on_delete=models.CASCADE, related_name="judgements")
    drawn = models.OneToOneField(DrawnTransition, on_delete=models.CASCADE, related_name="judgement")
    context = models.ForeignKey(Context, on_delete=models.CASCADE, related_name="judgements")
    source = models.ForeignKey(CanonicalValue, on_delete=models.CASCADE, related_name="judged_from")
    candidate = models.ForeignKey(CanonicalValue, on_delete=models.CASCADE, related_name="judged_to")
    pair = models.CharField(max_length=48)
    """The two ids, the smaller first: the same for both directions."""
    relationship = models.CharField(max_length=10)
    """`core.moral_graph.Relationship`: wiser, less_wise, different or unsure."""
    reason = models.TextField(blank=True)
    moderation = models.CharField(max_length=7, choices=Moderation.choices, default=Moderation.OK)
    """Of the reason. One that waits or is hidden is shown to nobody but its author and moderators."""
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        """One person, one judgement per pair and context."""

        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=["participation", "pair", "context"], name="one_judgement_per_pair")
        ]

    @staticmethod
    def pair_of(one: int, other: int) -> str:
        """The key of an unordered pair of values."""
        return f"{min(one, other)}-{max(one, other)}"


class StoryFlag(models.Model):
    """Somebody found a story unrealistic or offensive."""

    class Kind(models.TextChoices):
        """What is wrong with it."""

        UNREALISTIC = "unrealistic", _("Unrealistic")
        OFFENSIVE = "offensive", _("Offensive")

    participation = models.ForeignKey(Participation, on_delete=models.CASCADE, related_name="flags")
    drawn = models.ForeignKey(DrawnTransition, on_delete=models.CASCADE, related_name="flags")
    kind = models.CharField(max_length=11, choices=Kind.choices)
    created_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    """When a moderator had looked."""

    class Meta:
        """Once per person and drawn story."""

        constraints = [models.UniqueConstraint(fields=["participation", "drawn"], name="flagged_once")]
