"""An assembly, its questions and its contexts: what an organiser sets up before anyone joins."""

from enum import StrEnum
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class Phase(models.TextChoices):
    """Where an assembly stands, in this order. What participants may do follows from it."""

    PROPOSE = "propose", _("Preparing")
    ELICIT = "elicit", _("Collecting values")
    JUDGE = "judge", _("Judging")
    REVIEW = "review", _("Review")
    PUBLISH = "publish", _("Published")


class Deed(StrEnum):
    """What a phase opens to participants. Reading, withdrawing, taking away and deleting one's own is always open."""

    JOIN = "join"
    TELL = "tell"
    """Hold a dialogue, submit a card, answer what is near to it."""
    JUDGE = "judge"
    """Vote on values, judge transitions, take a judgement back."""
    LOOK = "look"
    """See the graph without having judged."""


OPENS: dict[Any, frozenset[Deed]] = {
    Phase.PROPOSE: frozenset(),
    Phase.ELICIT: frozenset({Deed.JOIN, Deed.TELL, Deed.JUDGE}),
    Phase.JUDGE: frozenset({Deed.JOIN, Deed.JUDGE}),
    Phase.REVIEW: frozenset({Deed.LOOK}),
    Phase.PUBLISH: frozenset({Deed.LOOK}),
}
"""What participants may do in which phase: the only place where that is said."""


class Assembly(models.Model):
    """One deliberation, with its own people, questions and rules."""

    slug = models.SlugField(unique=True, max_length=60)
    title = models.CharField(max_length=120)
    topic = models.TextField()
    """Why people are asked, in a few sentences that participants read first."""
    language = models.CharField(max_length=10, default="en")
    """Of the organiser's own texts. The site's words are in the reader's language."""
    phase = models.CharField(max_length=10, choices=Phase.choices, default=Phase.PROPOSE)
    is_public = models.BooleanField(default=True)
    """Whether it is listed, and joined without an invitation."""
    graph_is_public = models.BooleanField(default=True)
    """Whether people who did not take part may see the graph before it is published."""
    consent_text = models.TextField(blank=True)
    """What the organiser adds to the site's own words about data: who they are, how long they keep it."""
    consent_version = models.PositiveIntegerField(default=1)
    """Raised when `consent_text` changes; every consent keeps the version that was read; `ConsentText` its words."""
    organiser_name = models.CharField(max_length=120, blank=True)
    contact = models.CharField(max_length=200, blank=True)
    cards_per_vote = models.PositiveSmallIntegerField(default=6)
    transitions_per_person = models.PositiveSmallIntegerField(default=8)
    turn_budget = models.PositiveSmallIntegerField(default=8)
    """Questions of one dialogue at most."""
    call_budget = models.PositiveIntegerField(default=5000)
    """Calls of the model at most, over the whole assembly; the guided form takes over after that. 0: never a model."""
    token_budget = models.PositiveBigIntegerField(default=5_000_000)
    """Tokens of the model at most, asked and answered."""
    person_call_budget = models.PositiveIntegerField(default=100)
    """Calls of the model at most for one person, so that nobody spends what is meant for all. 0: no cap of its own."""
    uses_model = models.BooleanField(default=True)
    """Whether a model may ask, where the site has one; people can always choose the form."""
    reviews_cards = models.BooleanField(default=False)
    """Whether every card waits for a moderator before others see it."""
    held_words = models.TextField(blank=True)
    """Words, one a line, that hold a card or a reason back until a moderator has looked."""
    target_participants = models.PositiveIntegerField(default=0)
    """How many people are wished for; 0 where nobody said."""
    privacy_threshold = models.PositiveSmallIntegerField(default=5)
    """k of the exports: groups smaller than this are not told apart."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Newest first."""

        ordering = ("-created_at",)
        verbose_name_plural = "assemblies"

    def __str__(self) -> str:
        return self.title

    @property
    def collects(self) -> bool:
        """Whether people may tell of choices and submit cards now."""
        return Deed.TELL in OPENS[Phase(self.phase)]

    @property
    def judges(self) -> bool:
        """Whether people may vote and judge now."""
        return Deed.JUDGE in OPENS[Phase(self.phase)]

    @property
    def is_open(self) -> bool:
        """Whether people may join now."""
        return Deed.JOIN in OPENS[Phase(self.phase)]

    @property
    def shows_graph(self) -> bool:
        """Whether people who have not judged may see the graph now."""
        return self.graph_is_public and Deed.LOOK in OPENS[Phase(self.phase)]


class ConsentText(models.Model):
    """The organisers' words about data in one version, kept when another follows: what people agreed to then."""

    assembly = models.ForeignKey(Assembly, on_delete=models.CASCADE, related_name="consent_texts")
    version = models.PositiveIntegerField()
    text = models.TextField(blank=True)

    class Meta:
        """Each version once."""

        ordering = ("version",)
        constraints = [models.UniqueConstraint(fields=["assembly", "version"], name="consent_text_once")]


class Question(models.Model):
    """What people are asked to think of: one case of the moral graph."""

    assembly = models.ForeignKey(Assembly, on_delete=models.CASCADE, related_name="questions")
    slug = models.SlugField(max_length=60)
    title = models.CharField(max_length=80)
    text = models.TextField()
    """The question as participants read it."""
    order = models.PositiveSmallIntegerField(default=0)
    is_open = models.BooleanField(default=True)

    class Meta:
        """In the organiser's order."""

        ordering = ("order", "id")
        constraints = [models.UniqueConstraint(fields=["assembly", "slug"], name="question_slug")]

    def __str__(self) -> str:
        return self.title


class Context(models.Model):
    """A kind of situation in which one value may be wiser than another, such as "When time is short"."""

    assembly = models.ForeignKey(Assembly, on_delete=models.CASCADE, related_name="contexts")
    text = models.CharField(max_length=120)
    questions = models.ManyToManyField(Question, related_name="contexts")
    is_active = models.BooleanField(default=True)

    class Meta:
        """In order of creation."""

        ordering = ("id",)
        constraints = [models.UniqueConstraint(fields=["assembly", "text"], name="context_text")]

    def __str__(self) -> str:
        return self.text
