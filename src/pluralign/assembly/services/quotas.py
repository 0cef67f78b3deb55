"""Whom an assembly wants to hear, and how many of them: what is asked at joining, and whether there is room.

People are told why it is asked, need not answer, and nobody is shown a group smaller than the assembly's k.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from django.db import transaction
from django.db.models import Count
from django.utils.text import slugify
from django.utils.translation import gettext

from pluralign.assembly.models import Assembly, Attribute, Belonging, Group, Participation, Person
from pluralign.assembly.services import audit


class FullError(Exception):
    """As many of a group have joined as were looked for; the message is for the person."""

    def __init__(self, message: str, attribute: int) -> None:
        super().__init__(message)
        self.attribute = attribute


class Wanted(NamedTuple):
    """One group as an organiser writes it."""

    text: str
    limit: int
    """0 is no limit."""


def asked(assembly: Assembly) -> list[Attribute]:
    """What people are asked at joining, with its groups."""
    return list(assembly.attributes.filter(is_active=True).prefetch_related("groups"))


def belong(mine: Participation, chosen: Mapping[int, int]) -> None:
    """Keep what somebody said of themselves: attribute -> group. What they would rather not say is forgotten.

    Call it in the transaction of joining, which holds the assembly's lock, so that two cannot take the last place.
    Raises :class:`FullError`, and ValueError for a group that is not of the attribute.
    """
    for attribute in asked(mine.assembly):
        key = chosen.get(attribute.pk)
        before = mine.belongings.filter(attribute=attribute).first()
        if key is None:
            if before is not None:
                before.delete()
            continue
        group = next((each for each in attribute.groups.all() if each.pk == key), None)
        if group is None:
            raise ValueError(f"group {key} is none of attribute {attribute.pk}")
        if before is not None and before.group_id == group.pk:
            continue
        if group.limit and _people(group) >= group.limit:
            raise FullError(
                gettext("As many people of the group “%(group)s” as were looked for have joined. Thank you for coming.")
                % {"group": group.text},
                attribute.pk,
            )
        Belonging.objects.update_or_create(participation=mine, attribute=attribute, defaults={"group": group})


def are_set(assembly: Assembly) -> bool:
    """Whether the assembly looks for so many people of a group, and so for a certain composition."""
    return Group.objects.filter(attribute__assembly=assembly, attribute__is_active=True, limit__gt=0).exists()


def _people(group: Group) -> int:
    return Belonging.objects.filter(group=group, participation__is_simulated=False).count()


def save(
    assembly: Assembly,
    attribute: Attribute | None,
    *,
    by: Person,
    question: str,
    groups: Iterable[Wanted],
    is_active: bool,
) -> Attribute:
    """Ask something at joining, or change what is asked. Groups are matched by their words.

    Raises ValueError where a group that people belong to would be gone.
    """
    wanted = list(groups)
    with transaction.atomic():
        new = attribute is None
        if attribute is None:
            taken = set(assembly.attributes.values_list("slug", flat=True))
            base = slugify(question)[:36] or "group"
            slug = next(name for name in (base, *(f"{base}-{n}" for n in range(2, 100))) if name not in taken)
            attribute = Attribute(assembly=assembly, slug=slug, order=len(taken))
        attribute.question, attribute.is_active = question, is_active
        attribute.save()
        there = {group.text: group for group in attribute.groups.all()}
        for text in there.keys() - {each.text for each in wanted}:
            if there[text].belongings.exists():
                raise ValueError(f"People belong to “{text}”: its line stays, though its limit may change.")
            there[text].delete()
        for order, each in enumerate(wanted):
            Group.objects.update_or_create(
                attribute=attribute, text=each.text, defaults={"limit": each.limit, "order": order}
            )
        audit.record("quota.save", person=by, assembly=assembly, subject=f"attribute {attribute.pk}", new=new,
                     limits=[each.limit for each in wanted], asked=is_active)  # fmt: skip
        return attribute


class Filled(NamedTuple):
    """How full a group is."""

    group: str
    people: int | None
    """None where there are some, but fewer than the assembly's k."""
    limit: int
    full: bool


def filled(assembly: Assembly) -> list[tuple[Attribute, list[Filled]]]:
    """Every attribute and how full its groups are; small groups are not told."""
    found = []
    k = assembly.privacy_threshold
    counts = dict(
        Belonging.objects.filter(attribute__assembly=assembly, participation__is_simulated=False)
        .values_list("group")
        .annotate(people=Count("pk"))
    )
    for attribute in assembly.attributes.prefetch_related("groups"):
        rows = []
        for group in attribute.groups.all():
            people = counts.get(group.pk, 0)
            told = people if people == 0 or people >= k else None
            rows.append(Filled(group.text, told, group.limit, bool(group.limit) and people >= group.limit))
        found.append((attribute, rows))
    return found
