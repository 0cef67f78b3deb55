"""Cards as their authors wrote them, and the values of the graph that they were found to say."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from pluralign.assembly.models.assemblies import Question
from pluralign.assembly.models.dialogues import Dialogue
from pluralign.assembly.models.people import Participation
from pluralign.core.ids import content_hash
from pluralign.core.value_card import ValueCard


class Moderation(models.TextChoices):
    """What a moderator said. What waits is seen by its author only, where the assembly asks for review."""

    WAITING = "waiting", _("Waiting")
    OK = "ok", _("Accepted")
    HIDDEN = "hidden", _("Hidden")


class ValueStatus(models.TextChoices):
    """Whether a value takes part in draws."""

    ACTIVE = "active", _("Active")
    MERGED = "merged", _("Merged")
    HIDDEN = "hidden", _("Hidden")


class CanonicalValue(models.Model):
    """A node of the graph: one value, said by one card or by several whose authors mean the same."""

    question = models.ForeignKey(Question, on_delete=models.CASCADE, related_name="values")
    title = models.CharField(max_length=80)
    summary = models.TextField(blank=True)
    description = models.TextField(blank=True)
    policies = models.JSONField(default=list)
    content_hash = models.CharField(max_length=64)
    language = models.CharField(max_length=10, blank=True)
    is_seed = models.BooleanField(default=False)
    """Written by organisers to begin with. Never counted as somebody's value."""
    status = models.CharField(max_length=6, choices=ValueStatus.choices, default=ValueStatus.ACTIVE)
    moderation = models.CharField(max_length=7, choices=Moderation.choices, default=Moderation.OK)
    """Only what is accepted is ever active: what waits or was hidden by a moderator has the status hidden."""
    moderation_reason = models.CharField(max_length=300, blank=True)
    """Why a moderator hid it, in words for its author."""
    merged_into = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="merged")
    embedding = models.BinaryField(null=True, blank=True)
    """float32, little-endian, of length one."""
    embedding_model = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        """The same words make one value, however many workers try."""

        ordering = ("id",)
        constraints = [models.UniqueConstraint(fields=["question", "content_hash"], name="value_said_once")]

    def __str__(self) -> str:
        return self.title

    @staticmethod
    def hash_of(card: ValueCard) -> str:
        """What makes two texts the same value without asking anybody."""
        return content_hash([card.title, card.summary, card.description, sorted(card.policies)])

    @property
    def noun(self) -> ValueCard:
        """The value as the rest of the library knows it."""
        return ValueCard(
            id=str(self.pk),
            title=self.title,
            summary=self.summary,
            description=self.description,
            policies=tuple(self.policies),
            created_at=self.created_at,
            updated_at=self.updated_at,
        )


class CardStatus(models.TextChoices):
    """Where a card stands."""

    DRAFT = "draft", _("Draft")
    SUBMITTED = "submitted", _("Submitted")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class Card(models.Model):
    """One participant's value, always in their own words. Its texts are in its versions."""

    participation = models.ForeignKey(Participation, on_delete=models.CASCADE, related_name="cards")
    question = models.ForeignKey(Question, on_delete=models.CASCADE, related_name="cards")
    dialogue = models.OneToOneField(Dialogue, on_delete=models.SET_NULL, null=True, blank=True, related_name="card")
    canonical = models.ForeignKey(
        CanonicalValue, on_delete=models.SET_NULL, null=True, blank=True, related_name="cards"
    )
    """The value of the graph that it says. Never shown in its place."""
    placed_version = models.PositiveSmallIntegerField(null=True, blank=True)
    """Number of the version for which an organiser decided what value it says. No background task decides otherwise
    until the author changes their words."""
    status = models.CharField(max_length=9, choices=CardStatus.choices, default=CardStatus.DRAFT)
    moderation = models.CharField(max_length=7, choices=Moderation.choices, default=Moderation.OK)
    created_at = models.DateTimeField(auto_now_add=True)
    submitted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """In order of creation."""

        ordering = ("id",)

    @property
    def latest(self) -> "CardVersion":
        """The version that counts: the last."""
        return self.versions.order_by("-number")[0]


class Author(models.TextChoices):
    """Who put a version together."""

    PARTICIPANT = "participant"
    AI = "ai"
    FORM = "form"


class CardVersion(models.Model):
    """What a card said at one time. Never changed, only followed."""

    card = models.ForeignKey(Card, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=80, blank=True)
    summary = models.TextField(blank=True)
    description = models.TextField(blank=True)
    policies = models.JSONField(default=list)
    verdicts = models.JSONField(default=list)
    """Per policy "yes", "almost", "no" or "" (not asked yet)."""
    author = models.CharField(max_length=11, choices=Author.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """In order; two tabs cannot both write the same version."""

        ordering = ("number",)
        constraints = [models.UniqueConstraint(fields=["card", "number"], name="version_once")]


class OfferAnswer(models.TextChoices):
    """What an author said of a value that was found to be near theirs."""

    SAME = "same", _("The same")
    NEARLY = "nearly", _("Nearly, mine adds something")
    DIFFERENT = "different", _("Different")


class SimilarOffer(models.Model):
    """A value that was shown to a card's author because it is near. Their answer is the ground truth of merging."""

    card = models.ForeignKey(Card, on_delete=models.CASCADE, related_name="offers")
    version = models.ForeignKey(CardVersion, on_delete=models.CASCADE)
    value = models.ForeignKey(CanonicalValue, on_delete=models.CASCADE, related_name="offers")
    distance = models.FloatField()
    """Cosine distance, 0 to 2."""
    answer = models.CharField(max_length=9, choices=OfferAnswer.choices, blank=True)
    adds = models.TextField(blank=True)
    """What theirs adds, in their words."""
    created_at = models.DateTimeField(auto_now_add=True)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """The nearest first; a value is offered once for a card."""

        ordering = ("distance",)
        constraints = [models.UniqueConstraint(fields=["card", "value"], name="offered_once")]


class ReportKind(models.TextChoices):
    """What a participant finds wrong with somebody's value."""

    PERSONAL = "personal", _("It tells who somebody is")
    OFFENSIVE = "offensive", _("It is offensive")
    NONSENSE = "nonsense", _("It makes no sense")


class ValueReport(models.Model):
    """A participant asks moderators to look at a value that was shown to them."""

    participation = models.ForeignKey(Participation, on_delete=models.CASCADE, related_name="reports")
    value = models.ForeignKey(CanonicalValue, on_delete=models.CASCADE, related_name="reports")
    kind = models.CharField(max_length=9, choices=ReportKind.choices)
    created_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    """When a moderator had looked."""

    class Meta:
        """Once per person and value."""

        ordering = ("id",)
        constraints = [models.UniqueConstraint(fields=["participation", "value"], name="reported_once")]
