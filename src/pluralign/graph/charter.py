"""From a moral graph to a constitution: one principle per context and winning value, with the people behind it.

The words come from the cards' own attention policies, put into fixed sentences; no model is needed and the same graph
gives the same text. Knows no file and no engine. Nothing is decided that people did not decide: a value that contests
the winner is kept as an alternative, with the reason why.

Which values contest the winner of a context, over the kept edges that speak for it:

* those of a strongly connected component that no edge leaves: nobody found anything wiser (``not_outranked``);
* those in one component with the winner: judgements lead round in a circle (``cycle``);
* those whose wisdom is at least ``close`` of the winner's (``close``);
* those that win at least ``least_win`` of the bootstrap resamples, where the graph has them (``wins_resamples``);
* those that a group of participants supports more than the winner, whom it supports by less than half
  (``group_divided``), where the graph knows groups.
"""

from collections.abc import Iterable
from typing import NamedTuple

import networkx as nx

from pluralign.core.constitution import Alternative, Citation, Constitution, Contest, Origin, Principle
from pluralign.core.errors import UsageError
from pluralign.core.ids import content_hash
from pluralign.core.moral_graph import Edge, MoralGraph, Standing
from pluralign.core.value_card import ValueCard

TEMPLATE = "charter/1"


class Charter(NamedTuple):
    """A constitution, and the contexts for which none could be written."""

    constitution: Constitution
    without_winner: tuple[str, ...]
    """Contexts in which judgements were given and no pair passed the thresholds of the graph."""


class Rival(NamedTuple):
    """One value in the running in one context."""

    card: ValueCard
    wisdom: float
    incoming: tuple[Edge, ...]
    standing: Standing | None

    @property
    def citation(self) -> Citation:
        """The card and the people behind it; the exact number where the graph counts people, else the least."""
        judgements = sum(edge.counts.wiser for edge in self.incoming)
        counted = self.standing.supporters if self.standing is not None else None
        people = counted if counted is not None else max(_least_people(edge) for edge in self.incoming)
        return Citation(
            card=self.card.id,
            title=self.card.title,
            people=people,
            people_exact=counted is not None,
            judgements=judgements,
        )

    @property
    def win_probability(self) -> float | None:
        """Share of resamples in which it stands first; None where none were drawn."""
        return self.standing.win_probability if self.standing is not None else None


def _least_people(edge: Edge) -> int:
    """The fewest people from whom the edge's "wiser" answers can come, given one answer per person and edge."""
    return edge.counts.wiser if edge.participants is None else min(edge.counts.wiser, edge.participants)


def write_charter(
    graph: MoralGraph,
    *,
    title: str = "What people found wise",
    collective: str = "",
    contexts: Iterable[str] | None = None,
    source: str = "",
    tool: str = "",
    close: float = 0.8,
    least_win: float = 0.1,
) -> Charter:
    """Write a constitution from a moral graph.

    ``contexts`` limits it to some of the graph's. ``close`` (share of the winner's wisdom) and ``least_win`` (share of
    resamples), both in [0, 1], say from where a value contests the winner.

    Raises :class:`UsageError` for a context that is not in the graph, and where no context has a winner.
    """
    wanted = tuple(graph.contexts) if contexts is None else tuple(contexts)
    for context in wanted:
        if context not in graph.contexts:
            raise UsageError(f"the graph has no context {context!r}; it has {', '.join(map(repr, graph.contexts))}")
    principles, without = [], []
    for context in wanted:
        rivals = rivals_in(graph, context)
        if rivals:
            principles.append(_principle(graph, context, rivals, close, least_win))
        else:
            without.append(context)
    if not principles:
        raise UsageError("no context of this graph has an edge, so there is no winning value to write down")
    constitution = Constitution(
        title=title,
        collective=collective,
        origin=Origin(
            method="moral_graph",
            tool=tool,
            source=source,
            source_hash=content_hash(graph.model_dump(mode="json")),
            parameters={"close": close, "least_win": least_win},
            wording=TEMPLATE,
        ),
        participants=graph.participants,
        principles=tuple(principles),
    )
    return Charter(constitution, tuple(without))


def rivals_in(graph: MoralGraph, context: str) -> list[Rival]:
    """Values that somebody found wiser than another in this context, the winner first.

    By the graph's own standings where it has them for this context, else by the sum of the likelihoods of the edges
    that lead to a value; ties by number of judgements, then id.
    """
    incoming: dict[str, list[Edge]] = {}
    for edge in graph.edges_in([context]):
        if edge.likelihood > 0 and edge.counts.wiser:
            incoming.setdefault(edge.wiser, []).append(edge)
    standings = {standing.value: standing for standing in graph.standings_in(context)}
    rivals = [
        Rival(graph.card(value), sum(edge.likelihood for edge in edges), tuple(edges), standings.get(value))
        for value, edges in incoming.items()
    ]

    def place(rival: Rival) -> tuple[float, float, int, str]:
        rank = rival.standing.rank if rival.standing is not None else float("inf")
        return rank, -rival.wisdom, -sum(edge.counts.wiser for edge in rival.incoming), rival.card.id

    return sorted(rivals, key=place)


def _principle(graph: MoralGraph, context: str, rivals: list[Rival], close: float, least_win: float) -> Principle:
    winner = rivals[0]
    contests = _contests(graph, context, rivals, close, least_win)
    alternatives = [
        _alternative(rival, context, contests[rival.card.id]) for rival in rivals if rival.card.id in contests
    ]
    return Principle(
        id=principle_id(winner.card.id, context),
        title=winner.card.title,
        description=winner.card.description or winner.card.summary,
        context=context,
        critique_request=critique_request(winner.card, context),
        revision_request=revision_request(winner.card, context),
        citations=(winner.citation,),
        alternatives=tuple(alternatives),
        win_probability=winner.win_probability,
    )


def _alternative(rival: Rival, context: str, reasons: tuple[Contest, ...]) -> Alternative:
    return Alternative(
        citation=rival.citation,
        title=rival.card.title,
        description=rival.card.description or rival.card.summary,
        critique_request=critique_request(rival.card, context),
        revision_request=revision_request(rival.card, context),
        reasons=reasons,
        win_probability=rival.win_probability,
    )


def _contests(
    graph: MoralGraph, context: str, rivals: list[Rival], close: float, least_win: float
) -> dict[str, tuple[Contest, ...]]:
    """Value id -> why it contests the winner. Values that do not are absent."""
    winner, *others = rivals
    leads = nx.DiGraph((edge.source, edge.wiser) for edge in graph.edges_in([context]))
    component = {
        value: number for number, values in enumerate(nx.strongly_connected_components(leads)) for value in values
    }
    left = {component[source] for source, wiser in leads.edges if component[source] != component[wiser]}
    found = {}
    for rival in others:
        own = component[rival.card.id]
        reasons = {
            Contest.not_outranked: own not in left and own != component[winner.card.id],
            Contest.cycle: own == component[winner.card.id],
            Contest.close: rival.wisdom >= close * winner.wisdom,
            Contest.wins_resamples: (rival.win_probability or 0.0) >= least_win,
            Contest.group_divided: _divides(winner, rival),
        }
        if any(reasons.values()):
            found[rival.card.id] = tuple(reason for reason, holds in reasons.items() if holds)
    return found


def _divides(winner: Rival, rival: Rival) -> bool:
    """Whether a group that supports the winner by less than half supports the rival more."""
    if winner.standing is None or rival.standing is None:
        return False
    theirs = {(group.attribute, group.group): group for group in rival.standing.groups if group.total}
    return any(
        group.support < 0.5 and (own := theirs.get((group.attribute, group.group))) and own.support > group.support
        for group in winner.standing.groups
        if group.total
    )


def principle_id(card: str, context: str) -> str:
    """Names the principle of a value in a context, the same in every run.

    >>> principle_id("208", "When in distress")
    '208@when-in-distress'
    """
    words = "".join(letter if letter.isalnum() else " " for letter in context.lower()).split()
    return f"{card}@{'-'.join(words)}" if words else card


def _points(card: ValueCard) -> str:
    """What the card attends to, one line each; its text, where nobody was asked for policies."""
    lines = card.policies or (card.summary or card.description or card.title,)
    return "\n".join(f"- {' '.join(line.split())}" for line in lines)


def _situation(context: str) -> str:
    return f"The situation: {context.rstrip('.')}.\n" if context else ""


def critique_request(card: ValueCard, context: str = "") -> str:
    """Asks where a response neglects what the value attends to."""
    return (
        f"{_situation(context)}"
        f"Read the assistant's last response in the light of the value “{card.title}”. "
        "Someone who lives by it attends to:\n"
        f"{_points(card)}\n"
        "Take the points one by one. Does the response attend to it, pass over it, or work against it? "
        "Quote the words that show it. Where nothing is amiss, say so."
    )


def revision_request(card: ValueCard, context: str = "") -> str:
    """Asks for a response that attends to what the value attends to."""
    return (
        f"{_situation(context)}"
        "Rewrite the assistant's last response so that it attends to:\n"
        f"{_points(card)}\n"
        "Answer the same request and keep what was already good and true. "
        "Do not name the value and do not list these points."
    )
