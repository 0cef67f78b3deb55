"""How far people have come, and what is used of what was set: numbers for the team, people counted, nobody named."""

from typing import Any, NamedTuple

from django.db.models import Count, Q, Sum

from pluralign.assembly.models import Assembly, Participation


class Step(NamedTuple):
    """One step of the way, and how many people got so far."""

    name: str
    people: int
    share: float
    """Of those who joined, in [0, 1]."""
    lost: int
    """People who took the step before and not this one; 0 where more took this one, since cards can be closed."""
    by_link: tuple[int, ...]
    """The same count, recruitment link by link."""


class Funnel(NamedTuple):
    """From joining to the end."""

    steps: tuple[Step, ...]
    links: tuple[str, ...]
    """Names of the recruitment links; "without a link" where people came so."""


_STEPS: tuple[tuple[str, Q], ...] = (
    ("Joined", Q()),
    ("Began to tell", Q(dialogues__isnull=False)),
    ("Submitted a card", Q(cards__submitted_at__isnull=False)),
    ("Voted on values", Q(votes_finished_at__isnull=False)),
    ("Judged a story", Q(judgements__isnull=False)),
    ("Finished", Q(transitions_finished_at__isnull=False)),
)


def people_of(assembly: Assembly) -> Any:
    """Everybody who takes part and is a person."""
    return Participation.objects.filter(assembly=assembly, is_simulated=False)


def funnel(assembly: Assembly) -> Funnel:
    """How many people took each step, in all and by recruitment link."""
    links = dict(assembly.recruitments.order_by("pk").values_list("pk", "name"))
    counted = []
    for name, took in _STEPS:
        rows = people_of(assembly).filter(took).values("recruitment").annotate(people=Count("pk", distinct=True))
        counted.append((name, dict(rows.order_by().values_list("recruitment", "people"))))
    columns: list[Any] = [*links, *([None] if links else [])]
    joined = sum(counted[0][1].values())
    steps, before = [], joined
    for name, people in counted:
        here = sum(people.values())
        by_link = tuple(people.get(key, 0) for key in columns)
        steps.append(Step(name, here, here / joined if joined else 0.0, max(0, before - here), by_link))
        before = here
    return Funnel(tuple(steps), tuple(links.get(key, "without a link") for key in columns))


class GroupFunnel(NamedTuple):
    """From joining to the end, group by group, for one thing that people were asked about themselves."""

    question: str
    groups: tuple[str, ...]
    steps: tuple[tuple[str, tuple[int | None, ...]], ...]
    """Name of the step, and people per group; None where there are some, but fewer than the assembly's k."""


def funnel_by_group(assembly: Assembly) -> list[GroupFunnel]:
    """How many people of each group took each step. Those who would rather not say are in no column, so that no small
    group can be reckoned from the others."""
    k = assembly.privacy_threshold
    counted = []
    for name, took in _STEPS:
        rows = people_of(assembly).filter(took).exclude(belongings=None).values("belongings__group")
        rows = rows.annotate(people=Count("pk", distinct=True)).order_by()
        counted.append((name, dict(rows.values_list("belongings__group", "people"))))
    found = []
    for attribute in assembly.attributes.filter(is_active=True).prefetch_related("groups"):
        groups = list(attribute.groups.all())
        steps = tuple((name, tuple(_told(people.get(each.pk, 0), k) for each in groups)) for name, people in counted)
        found.append(GroupFunnel(attribute.question, tuple(each.text for each in groups), steps))
    return found


def _told(people: int, k: int) -> int | None:
    return people if people == 0 or people >= k else None


class Use(NamedTuple):
    """How much of something is used."""

    name: str
    used: int
    cap: int
    """At most."""

    @property
    def words(self) -> str:
        """Such as "1,200 of 5,000"."""
        return f"{self.used:,} of {self.cap:,}" if self.cap else f"{self.used:,}, none may be used"

    @property
    def share(self) -> float:
        """Used of the cap, at most 1."""
        return min(1.0, self.used / self.cap) if self.cap else 1.0

    @property
    def is_full(self) -> bool:
        """Whether the cap is reached."""
        return self.used >= self.cap


class Budget(NamedTuple):
    """Use of the model."""

    calls: Use
    tokens: Use
    failed: int
    """Calls that the model did not answer."""
    most_by_one: int
    """Calls for the person with most."""
    people: int
    """For whom the model was called."""
    at_cap: int
    """People who have used all that one person may."""
    purposes: tuple[tuple[str, int, int, float], ...]
    """What for: name, calls, tokens, mean seconds."""


_PURPOSES = {"question": "asking the next question", "card": "putting answers into a card", "story": "writing a story"}


def budget(assembly: Assembly) -> Budget:
    """What the model was used for, against the caps."""
    calls = assembly.model_calls
    total = calls.aggregate(calls=Count("pk"), tokens=Sum("tokens"), failed=Count("pk", filter=Q(succeeded=False)))
    per_person = list(
        calls.exclude(participation=None).values("participation").annotate(n=Count("pk")).values_list("n", flat=True)
    )
    rows = calls.order_by().values("purpose").annotate(n=Count("pk"), spent=Sum("tokens"), took=Sum("milliseconds"))
    cap = assembly.person_call_budget
    return Budget(
        calls=Use("Calls", total["calls"], assembly.call_budget),
        tokens=Use("Tokens", total["tokens"] or 0, assembly.token_budget),
        failed=total["failed"],
        most_by_one=max(per_person, default=0),
        people=len(per_person),
        at_cap=sum(n >= cap for n in per_person) if cap else 0,
        purposes=tuple(
            (_PURPOSES.get(row["purpose"], row["purpose"]), row["n"], row["spent"], row["took"] / row["n"] / 1000)
            for row in rows.order_by("purpose")
        ),
    )
