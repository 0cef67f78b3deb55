"""From stored judgements to the moral graph, and where somebody's own value sits in it. Counts people, names nobody."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.core.cache import cache
from django.db.models import Max

from pluralign.assembly.models import (
    CanonicalValue,
    Card,
    CardStatus,
    Judgement,
    Participation,
    Question,
    ValueStatus,
    Vote,
    VoteAnswer,
)
from pluralign.assembly.services.similar import resolved
from pluralign.core.moral_graph import Edge, MoralGraph, Relationship, Standing
from pluralign.core.moral_graph import Judgement as JudgementNoun
from pluralign.graph.build import build
from pluralign.graph.judgements import from_judgements, latest_only
from pluralign.graph.tally import Method

RESAMPLES = 200
"""Of the live graph: enough for an interval, quick enough for a page."""


def judgements_of(question: Question, *, simulated: bool = False) -> list[JudgementNoun]:
    """The judgements of a question as the library knows them, in order, by people's codes. Judgements of values that
    were merged count for the value they went into; those of hidden values, and within one value, do not count. Where a
    merge gives somebody two judgements of a pair in a context, the later counts."""
    into = resolved(question)
    visible = set(question.values.filter(status=ValueStatus.ACTIVE).values_list("pk", flat=True))
    rows = (
        Judgement.objects.filter(question=question, participation__is_simulated=simulated)
        .order_by("updated_at", "pk")
        .values_list("participation__code", "source", "candidate", "relationship", "context__text", "updated_at")
    )
    found: dict[tuple[Any, str, int, int], JudgementNoun] = {}
    for person, source, candidate, relationship, context, moment in rows:
        ends = into[source], into[candidate]
        if ends[0] != ends[1] and visible.issuperset(ends):
            key = person, context, min(ends), max(ends)
            found.pop(key, None)
            found[key] = JudgementNoun(
                participant=str(person),
                source=str(ends[0]),
                candidate=str(ends[1]),
                relationship=Relationship(relationship),
                context=context,
                judged_at=moment,
            )
    return list(found.values())


def graph_of(question: Question) -> MoralGraph | None:
    """The live graph of a question; None before anybody has judged. Kept until something changes."""
    state = Judgement.objects.filter(question=question).aggregate(newest=Max("updated_at"), last=Max("pk"))
    changed = question.values.aggregate(newest=Max("updated_at"))["newest"]
    count = Judgement.objects.filter(question=question).count()
    key = f"graph {question.pk} {state['newest']} {state['last']} {changed} {count}".replace(" ", "_")
    found: MoralGraph | None = cache.get(key)
    if found is None:
        judgements = judgements_of(question)
        if not judgements:
            return None
        table = latest_only(from_judgements(judgements, name=f"question {question.slug}"), per_context=True)
        cards = [value.noun for value in question.values.filter(status=ValueStatus.ACTIVE)]
        cases = tuple((context.text, question.slug) for context in question.contexts.all())
        found = build(table, Method(resamples=RESAMPLES), cards=cards, cases=cases)
        cache.set(key, found, timeout=600)
    return found


def may_see_graph(mine: Participation | None, question: Question) -> bool:
    """People see the graph when they have judged, so that it does not sway them; everybody once it is published."""
    if question.assembly.shows_graph:
        return True
    return mine is not None and mine.transitions_finished_at is not None


@dataclass(frozen=True)
class Place:
    """Where one card's value sits."""

    card: Card
    value: CanonicalValue
    others: int
    """Other people whose card says the same."""
    voters: int
    wise: int
    judges: int
    """Distinct people who compared it with another value."""
    standings: tuple[Standing, ...]
    """Per context, where the graph has it."""
    wiser_than: tuple[tuple[Edge, str], ...]
    """Edges that lead here, with the other value's title."""
    led_on: tuple[tuple[Edge, str], ...]
    """Edges that lead from here to a value found wiser."""


def places(mine: Participation, question: Question) -> list[Place]:
    """Where the person's submitted cards sit."""
    graph = graph_of(question)
    into = resolved(question)
    found = []
    for card in mine.cards.filter(question=question, status=CardStatus.SUBMITTED).select_related("canonical"):
        if card.canonical is None:
            continue
        same = [key for key, end in into.items() if end == into[card.canonical.pk]]
        value = CanonicalValue.objects.get(pk=into[card.canonical.pk])
        votes = Vote.objects.filter(value__in=same).exclude(participation=mine)
        judged = Judgement.objects.filter(question=question).exclude(participation=mine)
        judges = {
            *judged.filter(source__in=same).values_list("participation", flat=True),
            *judged.filter(candidate__in=same).values_list("participation", flat=True),
        }
        key = str(value.pk)
        edges = () if graph is None else graph.edges
        titles = {} if graph is None else {each.id: each.title for each in graph.values}
        found.append(
            Place(
                card=card,
                value=value,
                others=Card.objects.filter(canonical__in=same, status=CardStatus.SUBMITTED)
                .exclude(participation=mine)
                .values("participation")
                .distinct()
                .count(),
                voters=votes.count(),
                wise=votes.filter(answer=VoteAnswer.WISE).count(),
                judges=len(judges),
                standings=()
                if graph is None
                else tuple(
                    each
                    for each in graph.standings
                    if each.value == key and each.context is not None and graph.edges_in([each.context])
                ),
                wiser_than=tuple((edge, titles[edge.source]) for edge in edges if edge.wiser == key),
                led_on=tuple((edge, titles[edge.wiser]) for edge in edges if edge.source == key),
            )
        )
    return found


def now() -> datetime:
    """The moment, as pages say when their numbers were counted."""
    return datetime.now(UTC)
