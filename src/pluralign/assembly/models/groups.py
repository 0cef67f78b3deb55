"""Groups that an assembly wants to hear: what is asked at joining, what people answered, and how many are wanted."""

from django.db import models

from pluralign.assembly.models.assemblies import Assembly
from pluralign.assembly.models.people import Participation


class Attribute(models.Model):
    """One thing that people are asked about themselves when they join, such as their age group."""

    assembly = models.ForeignKey(Assembly, on_delete=models.CASCADE, related_name="attributes")
    slug = models.SlugField(max_length=40)
    question = models.CharField(max_length=200)
    """As people read it."""
    order = models.PositiveSmallIntegerField(default=0)
    is_active = models.BooleanField(default=True)

    class Meta:
        """In the organiser's order."""

        ordering = ("order", "id")
        constraints = [models.UniqueConstraint(fields=["assembly", "slug"], name="attribute_slug")]

    def __str__(self) -> str:
        return self.question


class Group(models.Model):
    """One answer to choose, and how many people who choose it may join."""

    attribute = models.ForeignKey(Attribute, on_delete=models.CASCADE, related_name="groups")
    text = models.CharField(max_length=80)
    limit = models.PositiveIntegerField(default=0)
    """People at most; 0 is no limit."""
    order = models.PositiveSmallIntegerField(default=0)

    class Meta:
        """In the organiser's order."""

        ordering = ("order", "id")
        constraints = [models.UniqueConstraint(fields=["attribute", "text"], name="group_text")]

    def __str__(self) -> str:
        return self.text


class Belonging(models.Model):
    """What somebody said of themselves, having been told why it is asked. Whoever would rather not say has no row."""

    participation = models.ForeignKey(Participation, on_delete=models.CASCADE, related_name="belongings")
    attribute = models.ForeignKey(Attribute, on_delete=models.CASCADE, related_name="belongings")
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="belongings")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """One answer per person and attribute."""

        constraints = [models.UniqueConstraint(fields=["participation", "attribute"], name="belongs_once")]
