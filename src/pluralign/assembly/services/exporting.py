"""An assembly's results as files for everybody: graphs in the published schema, tables, and what was left out of them.

No id, name, code or time of a person is in them, and nothing that fewer than k people share, unless those who run the
assembly ask for less. What is asked for is written down. Transcripts are never exported.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import Count
from django.db.models.functions import TruncMonth

from pluralign.assembly.models import (
    Assembly,
    CanonicalValue,
    Card,
    CardStatus,
    Consent,
    DrawKind,
    Judgement,
    Moderation,
    Participation,
    ValueStatus,
    Vote,
)
from pluralign.assembly.services.similar import resolved
from pluralign.core.moral_graph import Relationship
from pluralign.core.value_card import ValueCard
from pluralign.elicit.cards import without_personal
from pluralign.graph.anonymous import Released, release, shared, significant, small

LARGEST_K = 100
KINDS = ("wiser", "less_wise", "different", "unsure")


class Judged(NamedTuple):
    """One judgement, as it may be handed out once its person is taken off."""

    person: int
    question: str
    context: str
    source: int
    candidate: int
    relationship: str
    propensity: float
    moment: Any
    reason: str
    """Empty without consent, and where a moderator has not accepted it."""

    @property
    def pair(self) -> tuple[int, int]:
        """Both values, whichever way they were shown."""
        return min(self.source, self.candidate), max(self.source, self.candidate)

    @property
    def turned(self) -> "Judged":
        """The same answer about the reverse pair: that one is wiser says that the other is less wise."""
        said = {Relationship.WISER: Relationship.LESS_WISE, Relationship.LESS_WISE: Relationship.WISER}
        answer = str(said.get(Relationship(self.relationship), self.relationship))
        return self._replace(source=self.candidate, candidate=self.source, relationship=answer)


class Voted(NamedTuple):
    """One vote on a value."""

    person: int
    value: int
    answer: str
    slot: str
    propensity: float


@dataclass(frozen=True)
class Material:
    """All that an export draws on, with what k leaves of it."""

    assembly: Assembly
    k: int
    values: dict[int, CanonicalValue]
    """Values that may be shown, by their key."""
    numbers: dict[int, int]
    """The number by which each is known in the files: not that of its row, which tells when it was written."""
    judged: list[Judged]
    voted: list[Voted]
    whole: list[Judged]
    """Judgements that are handed out with their context, as they are handed out: the graph is built from these."""
    coarsened: list[Judged]
    """Judgements that are handed out without their context."""
    turned: int
    """Judgements among these that are told of the reverse pair, since fewer than k people were asked that way."""
    withheld: int
    votes: Released
    without_consent: int
    """Values that are left out because nobody who says them agreed to their card being published."""

    def card(self, key: int) -> ValueCard:
        """A value as it is handed out: without moments, and without what looks like an address or a number."""
        value = self.values[key]
        policies = dict.fromkeys(without_personal(policy) for policy in value.policies)
        return ValueCard(
            id=str(self.numbers[key]),
            title=without_personal(value.title),
            summary=without_personal(value.summary),
            description=without_personal(value.description),
            policies=tuple(policy for policy in policies if policy.strip()),
        )

    @property
    def edges(self) -> int:
        """Pairs of values in a context, either way, that enough people judged."""
        return len({(row.context, row.pair) for row in self.whole})


def gather(assembly: Assembly, k: int) -> Material:
    """Read what there is, and sort it by whether ``k`` people share it."""
    consents = _consents(assembly)
    values, without = _values(assembly, consents)
    into = {key: end for question in assembly.questions.all() for key, end in resolved(question).items()}
    judged = _judged(assembly, values, into, consents)
    votes = (
        Vote.objects.filter(participation__assembly=assembly, participation__is_simulated=False)
        .order_by("updated_at", "pk")
        .values_list("participation", "value", "answer", "drawn__slot", "drawn__propensity")
    )
    once = {  # the later counts where somebody voted on two values that were merged
        (person, into[value]): Voted(person, into[value], answer, slot, propensity)
        for person, value, answer, slot, propensity in votes
        if into.get(value) in values
    }
    voted = list(once.values())
    # By their words: the order of their numbers then says nothing about when they were written.
    order = sorted(values, key=lambda key: (values[key].question_id, values[key].content_hash))
    found = release(
        judged,
        k,
        person=lambda row: row.person,
        fine=lambda row: (row.question, row.context, row.pair),
        coarse=lambda row: (row.question, row.pair),
    )
    whole, turned = _one_way([judged[place] for place in found.whole], k)
    coarsened, turned_too = _one_way([judged[place]._replace(context="") for place in found.coarsened], k)
    return Material(
        assembly=assembly,
        k=k,
        values=values,
        numbers={key: number for number, key in enumerate(order, 1)},
        judged=judged,
        voted=voted,
        whole=whole,
        coarsened=coarsened,
        turned=turned + turned_too,
        withheld=len(found.withheld),
        votes=release(voted, k, person=lambda row: row.person, fine=lambda row: row.value),
        without_consent=without,
    )


def _one_way(rows: list[Judged], k: int) -> tuple[list[Judged], int]:
    """The rows, those that fewer than ``k`` people were asked in their direction turned to the direction that more
    were asked in; and how many were turned."""
    ways = shared(((row.person, (row.context, row.source, row.candidate)) for row in rows), k)
    asked = Counter((row.context, row.source, row.candidate) for row in rows)
    found, turned = [], 0
    for row in rows:
        mine, other = (row.context, row.source, row.candidate), (row.context, row.candidate, row.source)
        # Equal numbers, both too few: the direction from the lower key is kept.
        fewer = (asked[mine], mine[1] < mine[2]) < (asked[other], other[1] < other[2])
        turn = mine not in ways and (other in ways or fewer)
        found.append(row.turned if turn else row)
        turned += turn
    return found, turned


def _consents(assembly: Assembly) -> dict[int, Consent]:
    """The consent that counts of each participation: the latest."""
    return {
        each.participation_id: each
        for each in Consent.objects.filter(participation__assembly=assembly).order_by("given_at", "id")
    }


def _values(assembly: Assembly, consents: dict[int, Consent]) -> tuple[dict[int, CanonicalValue], int]:
    active = CanonicalValue.objects.filter(
        question__assembly=assembly, status=ValueStatus.ACTIVE, moderation=Moderation.OK
    ).select_related("question")
    authors: dict[int, set[int]] = defaultdict(set)
    for value, person in _cards(assembly).values_list("canonical", "participation"):
        authors[value].add(person)
    found, without = {}, 0
    for value in active:
        if value.is_seed or any(person in consents and consents[person].share_card for person in authors[value.pk]):
            found[value.pk] = value
        else:
            without += 1
    return found, without


def _cards(assembly: Assembly) -> Any:
    return Card.objects.filter(
        question__assembly=assembly, status=CardStatus.SUBMITTED, participation__is_simulated=False
    ).exclude(canonical=None)


def _judged(
    assembly: Assembly, values: dict[int, CanonicalValue], into: dict[int, int], consents: dict[int, Consent]
) -> list[Judged]:
    rows = (
        Judgement.objects.filter(question__assembly=assembly, participation__is_simulated=False)
        .order_by("updated_at", "pk")
        .values_list(
            "participation", "question__slug", "context__text", "source", "candidate", "relationship",
            "drawn__propensity", "updated_at", "reason", "moderation",
        )
    )  # fmt: skip
    found: dict[Any, Judged] = {}
    for person, question, context, source, candidate, answer, propensity, moment, reason, moderation in rows:
        ends = into[source], into[candidate]
        if ends[0] == ends[1] or ends[0] not in values or ends[1] not in values:
            continue
        agreed = person in consents and consents[person].share_reasons and moderation == Moderation.OK
        words = without_personal(reason).strip() if agreed else ""
        row = Judged(person, question, context, *ends, answer, propensity, moment, words)
        # Values that were merged may give one person two judgements of one pair: the later counts, as in the graph.
        found[person, context, row.pair] = row
    return list(found.values())


class Counts(NamedTuple):
    """How far people came; each includes the ones after it only where people did all in order."""

    joined: int
    told: int
    voted: int
    judged: int


def people(assembly: Assembly) -> dict[tuple[str, str], Counts]:
    """People counted by what they said of themselves, by link, by month of joining; ("all", "") is everybody."""
    mine = Participation.objects.filter(assembly=assembly, is_simulated=False)
    counts = {
        name: Count(field) for name, field in
        (("joined", "pk"), ("told", "dialogue_finished_at"), ("voted", "votes_finished_at"),
         ("judged", "transitions_finished_at"))
    }  # fmt: skip
    found = {("all", ""): Counts(**mine.aggregate(**counts))}
    for name, *numbers in mine.values("recruitment__name").annotate(**counts).values_list("recruitment__name", *counts):
        found["link", name or "none"] = Counts(*numbers)
    for month, *numbers in (
        mine.annotate(month=TruncMonth("created_at")).values("month").annotate(**counts).values_list("month", *counts)
    ):
        found["month", f"{month:%Y-%m}"] = Counts(*numbers)
    for attribute in assembly.attributes.all():
        inside = mine.filter(belongings__attribute=attribute)
        for text, *numbers in (
            inside.values("belongings__group__text").annotate(**counts).values_list("belongings__group__text", *counts)
        ):
            found[attribute.slug, text] = Counts(*numbers)
        said = [Counts(*numbers) for (kind, _), numbers in found.items() if kind == attribute.slug]
        all_people = found["all", ""]
        rest = Counts(*(whole - sum(parts) for whole, parts in zip(all_people, zip(*said, strict=True), strict=True)))
        if said and any(rest):
            found[attribute.slug, "not said"] = rest
    return found


def people_rows(assembly: Assembly, k: int) -> tuple[list[list[Any]], int]:
    """Rows of the table of people, and how many of its numbers are blank because fewer than ``k`` people are in it."""
    found = people(assembly)
    shown: dict[tuple[str, str], list[Any]] = {key: list(counts) for key, counts in found.items()}
    for kind in dict.fromkeys(kind for kind, _ in found):
        for column in range(len(Counts._fields)):
            block = {key: counts[column] for key, counts in found.items() if key[0] == kind}
            for key in small(block, k):
                shown[key][column] = ""
    blanks = sum(cell == "" for cells in shown.values() for cell in cells)
    return [[kind, group, *cells] for (kind, group), cells in shown.items()], blanks


def shown_to(assembly: Assembly) -> Counter[int]:
    """To how many people each value was shown in the values vote."""
    rows = (
        CanonicalValue.objects.filter(question__assembly=assembly, drawn__draw__kind=DrawKind.CARDS)
        .filter(drawn__draw__participation__is_simulated=False)
        .values_list("pk")
        .annotate(people=Count("drawn__draw__participation", distinct=True))
    )
    return Counter(dict(rows))


def authors_of(assembly: Assembly) -> Counter[int]:
    """How many people's cards say each value."""
    return Counter(
        dict(_cards(assembly).values_list("canonical").annotate(people=Count("participation", distinct=True)))
    )


def groups_of(assembly: Assembly) -> dict[str, dict[int, str]]:
    """What people said of themselves: attribute -> participation -> group."""
    found: dict[str, dict[int, str]] = {}
    for attribute in assembly.attributes.all():
        found[attribute.slug] = dict(
            attribute.belongings.filter(participation__is_simulated=False).values_list("participation", "group__text")
        )
    return found


def rounded(propensity: float) -> float:
    """A propensity as it is handed out: two significant digits, which is within 5 %."""
    return significant(propensity)
