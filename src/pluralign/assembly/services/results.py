"""From stored judgements to the moral graph, and where somebody's own value sits in it. Counts people, names nobody."""

import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Count, Max

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
QUICK = 0.2
"""Seconds of processor time. A graph that is built as quickly is always that of the moment."""
MOST_TIME = 0.05
"""Share of a process's time that building one question's graph may take while people judge."""


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


@dataclass(frozen=True)
class _Kept:
    """A graph that was built, of which judgements, and how long that took."""

    graph: MoralGraph
    hidden: tuple[Any, ...]
    """What the values were like that are not shown: when it changes, the graph is built at once."""
    judgements: tuple[Any, ...]
    """How many, the latest change and the latest of them."""
    at: float
    """When, by the monotonic clock."""
    took: float
    """Seconds of processor time."""


_kept: dict[int, _Kept] = {}
_building: dict[int, threading.Lock] = defaultdict(threading.Lock)


def graph_of(question: Question) -> MoralGraph | None:
    """The live graph of a question; None before anybody has judged.

    It is built once for each state. Where that takes long, what people add shows after a while (`MOST_TIME`), so that
    many who judge at once do not keep the server busy with it; a value that is hidden or merged is gone at once.
    """
    kept = _kept.get(question.pk)
    hidden, judgements = _state(question)
    if kept is not None and _still_good(kept, hidden, judgements):
        return kept.graph
    waits = kept is None or kept.took <= QUICK or not _shows_nothing_gone(kept, hidden, judgements)
    if not _building[question.pk].acquire(blocking=waits):  # somebody is building it: the last one does meanwhile
        return None if kept is None else kept.graph
    try:
        kept = _kept.get(question.pk)  # who waited has it from whom they waited for
        hidden, judgements = _state(question)
        if kept is not None and _still_good(kept, hidden, judgements):
            return kept.graph
        began = time.thread_time()
        found = _build(question)
        if found is None:
            _kept.pop(question.pk, None)
            return None
        took = time.thread_time() - began
        _kept[question.pk] = _Kept(found, hidden, judgements, time.monotonic(), took)
        return found
    finally:
        _building[question.pk].release()


def _state(question: Question) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """What values are not shown, and what judgements there are."""
    gone = question.values.exclude(status=ValueStatus.ACTIVE).aggregate(count=Count("pk"), newest=Max("updated_at"))
    said = Judgement.objects.filter(question=question).aggregate(
        count=Count("pk"), newest=Max("updated_at"), last=Max("pk")
    )
    return tuple(gone.values()), tuple(said.values())


def _shows_nothing_gone(kept: _Kept, hidden: tuple[Any, ...], judgements: tuple[Any, ...]) -> bool:
    """Whether no value was hidden since, and nobody took judgements away."""
    return kept.hidden == hidden and judgements[0] >= kept.judgements[0]


def _still_good(kept: _Kept, hidden: tuple[Any, ...], judgements: tuple[Any, ...]) -> bool:
    if not _shows_nothing_gone(kept, hidden, judgements):
        return False
    if kept.judgements == judgements:
        return True
    return kept.took > QUICK and time.monotonic() - kept.at < kept.took / MOST_TIME


def _build(question: Question) -> MoralGraph | None:
    judgements = judgements_of(question)
    if not judgements:
        return None
    table = latest_only(from_judgements(judgements, name=f"question {question.slug}"), per_context=True)
    cards = [value.noun for value in question.values.filter(status=ValueStatus.ACTIVE)]
    cases = tuple((context.text, question.slug) for context in question.contexts.all())
    return build(table, Method(resamples=RESAMPLES), cards=cards, cases=cases)


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
