"""What the opinion groups of a Polis conversation say: representative statements, consensus, and seeds to go on from.

Formulas of Polis, in which A, D and S are the agrees, disagrees and all votes (passes included) of a group:

* probability of agreeing (A + 1) / (S + 2);
* its test against one half, z = 2 sqrt(S + 1) ((A + 1) / (S + 1) - 1/2);
* representativeness, the probability in the group over that in all other groups together;
* its test, the z of two proportions, each with one added to both counts;
* group-aware consensus, the product of the groups' probabilities.

A z above 1.2816 (90 %, one-sided) counts. A statement represents a group if both tests count, for agreeing or for
disagreeing. Unlike Polis, a statement on which nobody in the group has voted never represents it.

Source: Small et al. 2021 (Recerca 26(2)); constants of github.com/compdemocracy/polis (math).
"""

import math
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from pluralign.core.value_card import ValueCard
from pluralign.graph.polis import Conversation, Notice, Statement, Vote
from pluralign.graph.polis_groups import Group, OpinionGroups

SIGNIFICANT = 1.2816
MOST_REPRESENTATIVE = 5


class GroupVotes(NamedTuple):
    """How one group voted on one statement."""

    agrees: int
    disagrees: int
    passes: int

    @property
    def seen(self) -> int:
        """All votes, passes included."""
        return self.agrees + self.disagrees + self.passes

    def probability(self, vote: Vote) -> float:
        """(number of ``vote`` + 1) / (seen + 2), in (0, 1)."""
        return (self.number(vote) + 1) / (self.seen + 2)

    def number(self, vote: Vote) -> int:
        """How many voted so."""
        return {Vote.AGREE: self.agrees, Vote.DISAGREE: self.disagrees, Vote.PASS: self.passes}[vote]


class Representative(NamedTuple):
    """A statement that tells one group from the others."""

    statement: str
    vote: Vote
    """Whether agreeing or disagreeing with it is what tells the group apart."""
    votes: GroupVotes
    probability: float
    probability_test: float
    representativeness: float
    """A ratio: 2 is twice as likely as in the other groups."""
    representativeness_test: float
    best_agree: bool = False
    """Put first as what the group agrees on most, also where the tests do not count."""

    @property
    def score(self) -> float:
        """What statements are ordered by: the product of both numbers and both tests."""
        return self.representativeness * self.representativeness_test * self.probability * self.probability_test


def proportion_test(successes: int, trials: int) -> float:
    """Z of a proportion against one half, with one success added. E.g. 9 of 9: 2 sqrt(10) (10/10 - 1/2)."""
    return 2 * math.sqrt(trials + 1) * ((successes + 1) / (trials + 1) - 0.5)


def two_proportion_test(successes: int, trials: int, other_successes: int, other_trials: int) -> float:
    """Z of the difference of two proportions, with one success added to each; 0 where both are certain."""
    ours, theirs = trials + 1, other_trials + 1
    pooled = (successes + other_successes + 2) / (ours + theirs)
    if pooled >= 1:
        return 0.0
    difference = (successes + 1) / ours - (other_successes + 1) / theirs
    return difference / math.sqrt(pooled * (1 - pooled) * (1 / ours + 1 / theirs))


def votes_by_group(conversation: Conversation, groups: OpinionGroups) -> dict[str, dict[str, GroupVotes]]:
    """Group id -> statement id -> votes. Rejected and meta statements are left out."""
    counted = conversation.counted
    names = [statement.id for statement, kept in zip(conversation.statements, counted, strict=True) if kept]
    table = {}
    for group in groups.groups:
        sums = [
            array[np.ix_(group.rows, np.flatnonzero(counted))].sum(axis=0)
            for array in (conversation.agrees, conversation.disagrees, conversation.passes)
        ]
        numbers = zip(names, *(column.tolist() for column in sums), strict=True)
        table[group.id] = {name: GroupVotes(agrees, disagrees, passes) for name, agrees, disagrees, passes in numbers}
    return table


def representative_statements(votes: dict[str, dict[str, GroupVotes]]) -> dict[str, tuple[Representative, ...]]:
    """Per group at most 5 statements that tell it apart: what it agrees on first, each part by score.

    The statement the group agrees on most leads. A group for which none passes the tests keeps that one, or else the
    one with the highest z, so that no group is without a voice. With a single group all others are an empty crowd.
    """
    chosen = {}
    for group, statements in votes.items():
        candidates = [
            _candidate(name, own, [other[name] for key, other in votes.items() if key != group])
            for name, own in statements.items()
            if own.seen
        ]
        chosen[group] = _select(candidates)
    return chosen


class _Candidate(NamedTuple):
    agree: Representative
    disagree: Representative

    @property
    def stronger(self) -> Representative:
        """The side that tells the group apart more."""
        agree, disagree = self.agree, self.disagree
        return agree if agree.representativeness_test > disagree.representativeness_test else disagree

    @property
    def passes(self) -> bool:
        """Whether both tests count, on either side."""
        return any(
            side.representativeness_test > SIGNIFICANT and side.probability_test > SIGNIFICANT
            for side in (self.agree, self.disagree)
        )


def _candidate(name: str, own: GroupVotes, others: list[GroupVotes]) -> _Candidate:
    rest = GroupVotes(*(sum(column) for column in zip(*others, strict=True))) if others else GroupVotes(0, 0, 0)

    def side(vote: Vote) -> Representative:
        return Representative(
            statement=name,
            vote=vote,
            votes=own,
            probability=own.probability(vote),
            probability_test=proportion_test(own.number(vote), own.seen),
            representativeness=own.probability(vote) / rest.probability(vote),
            representativeness_test=two_proportion_test(own.number(vote), own.seen, rest.number(vote), rest.seen),
        )

    return _Candidate(side(Vote.AGREE), side(Vote.DISAGREE))


def _select(candidates: list[_Candidate]) -> tuple[Representative, ...]:
    best_agree: Representative | None = None
    for candidate in candidates:
        if _agrees_better(candidate.agree, best_agree):
            best_agree = candidate.agree
    passing = [candidate.stronger for candidate in candidates if candidate.passes]
    if not passing and best_agree is None:
        best = max(candidates, key=lambda one: one.stronger.representativeness_test, default=None)
        return (best.stronger,) if best else ()
    leading = [best_agree._replace(best_agree=True)] if best_agree else []
    others = [one for one in passing if best_agree is None or one.statement != best_agree.statement]
    shown = (leading + sorted(others, key=lambda one: -one.score))[:MOST_REPRESENTATIVE]
    return tuple(sorted(shown, key=lambda one: one.vote is not Vote.AGREE))


def _agrees_better(one: Representative, best: Representative | None) -> bool:
    """Whether ``one`` is more agreed on than ``best``, the best so far."""
    if not one.votes.agrees and not one.votes.disagrees:
        return False
    if best is None:
        return one.probability_test > SIGNIFICANT or (one.representativeness > 1 and one.probability > 0.5)
    if best.representativeness > 1:
        return one.score > best.score
    return one.probability * one.probability_test > best.probability * best.probability_test


class _Noun(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Support(_Noun):
    """How one group voted on a statement."""

    group: str
    agrees: int
    disagrees: int
    passes: int
    probability: float
    """(agrees + 1) / (all votes + 2)."""


class SeedStatement(_Noun):
    """A statement to start an assembly from. A seed: nobody's answer there, and not to be counted as one."""

    card: ValueCard
    """The statement as a value without attention policies, since nobody was asked for them."""
    agrees: int
    disagrees: int
    passes: int
    """All voters, also those outside the groups."""
    consensus: float
    """Group-aware consensus: the product of the groups' probabilities of agreeing."""
    opposition: float
    """The same for disagreeing."""
    support: tuple[Support, ...]
    represents: tuple[str, ...]
    """Groups that are told apart by agreeing with it."""
    divides: tuple[str, ...]
    """Groups that are told apart by disagreeing with it."""
    written_by_organisers: bool = False


class GroupSummary(_Noun):
    """One opinion group."""

    id: str
    size: int
    representative: tuple[str, ...]
    """Ids of the statements that tell it apart, as :func:`representative_statements` orders them."""


class PolisSeeds(_Noun):
    """All that goes from a Polis conversation into an assembly. No participant is named in it."""

    format: str = "pluralign.polis-seeds/1"
    topic: str
    participants: int
    """Who voted at all."""
    included: int
    """Who voted often enough to be in a group."""
    groups: tuple[GroupSummary, ...]
    silhouettes: dict[int, float]
    statements: tuple[SeedStatement, ...]
    """Highest group-aware consensus first."""
    left_out: int
    """Statements that a moderator rejected or that are about the conversation itself."""
    notices: tuple[Notice, ...] = ()


def seeds(conversation: Conversation, groups: OpinionGroups) -> PolisSeeds:
    """Everything an assembly needs to go on: statements as values, with their support in each group."""
    votes = votes_by_group(conversation, groups)
    chosen = representative_statements(votes)
    counted = conversation.counted
    statements = [
        _seed(statement, conversation, column, votes, chosen)
        for column, statement in enumerate(conversation.statements)
        if counted[column] and statement.text
    ]
    return PolisSeeds(
        topic=conversation.topic,
        participants=int(conversation.seen.any(axis=1).sum()),
        included=len(groups.included),
        groups=tuple(
            _summary(group, chosen[group.id], {seed.card.id for seed in statements}) for group in groups.groups
        ),
        silhouettes=groups.silhouettes,
        statements=tuple(sorted(statements, key=lambda seed: -seed.consensus)),
        left_out=len(conversation.statements) - len(statements),
        notices=conversation.notices,
    )


def _summary(group: Group, chosen: tuple[Representative, ...], kept: set[str]) -> GroupSummary:
    # Statements without text are voted on, but nobody can go on from them.
    names = tuple(one.statement for one in chosen if one.statement in kept)
    return GroupSummary(id=group.id, size=len(group.members), representative=names)


def _seed(
    statement: Statement,
    conversation: Conversation,
    column: int,
    votes: dict[str, dict[str, GroupVotes]],
    chosen: dict[str, tuple[Representative, ...]],
) -> SeedStatement:
    per_group = {group: table[statement.id] for group, table in votes.items()}
    stands_for = [
        (group, one.vote) for group, found in chosen.items() for one in found if one.statement == statement.id
    ]
    return SeedStatement(
        card=ValueCard(id=statement.id, title=statement.text, description=statement.text),
        agrees=int(conversation.agrees[:, column].sum()),
        disagrees=int(conversation.disagrees[:, column].sum()),
        passes=int(conversation.passes[:, column].sum()),
        consensus=math.prod(own.probability(Vote.AGREE) for own in per_group.values()),
        opposition=math.prod(own.probability(Vote.DISAGREE) for own in per_group.values()),
        support=tuple(
            Support(
                group=group,
                agrees=own.agrees,
                disagrees=own.disagrees,
                passes=own.passes,
                probability=own.probability(Vote.AGREE),
            )
            for group, own in per_group.items()
        ),
        represents=tuple(group for group, vote in stands_for if vote is Vote.AGREE),
        divides=tuple(group for group, vote in stands_for if vote is Vote.DISAGREE),
        written_by_organisers=statement.is_seed,
    )
