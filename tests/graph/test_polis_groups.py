"""Opinion groups: planted camps are found, few votes are handled as in Polis, the same seed gives the same groups."""

import numpy as np
import pytest

from pluralign.core.errors import DataError
from pluralign.graph.polis import Conversation, Moderation, Statement, Vote, from_votes
from pluralign.graph.polis_groups import find_groups, groups_as_exported, project, who_takes_part


def camps(
    sizes: list[int], *, statements: int = 24, noise: float = 0.1, missing: float = 0.3, seed: int = 1
) -> Conversation:
    """Camps that agree and disagree by patterns of their own, with some noise and missing votes."""
    random = np.random.default_rng(seed)
    agrees = random.random((len(sizes), statements)) < 0.5
    # Every second camp is the opposite of the one before: four random camps need three dimensions, Polis has two.
    agrees[1::2] = ~agrees[: len(sizes) // 2 * 2 : 2]
    patterns = np.where(agrees, Vote.AGREE, Vote.DISAGREE)
    votes = []
    for camp, size in enumerate(sizes):
        for person in range(size):
            for column in range(statements):
                if random.random() < missing:
                    continue
                vote = Vote(random.choice(list(Vote))) if random.random() < noise else Vote(patterns[camp, column])
                votes.append((f"{camp}-{person}", str(column), vote))
    random.shuffle(votes)
    return from_votes([Statement(str(column), f"Statement {column}") for column in range(statements)], votes)


@pytest.mark.parametrize("sizes", [[30, 20], [40, 30, 20], [25, 25, 25, 25]])
@pytest.mark.parametrize("published", [False, True])
def test_planted_camps_are_found(sizes: list[int], published: bool) -> None:
    found = find_groups(camps(sizes), published=published)
    if not published:  # one fixed start of k-means may merge camps; the best of 20 must not
        assert len(found.groups) == len(sizes)
    for group in find_groups(camps(sizes), groups=len(sizes)).groups:
        names = {member.split("-")[0] for member in group.members}
        assert len(names) == 1, f"group {group.id} mixes camps {names}"
    assert sum(len(group.members) for group in found.groups) == sum(sizes)
    assert [len(group.members) for group in found.groups] == sorted(
        (len(g.members) for g in found.groups), reverse=True
    )


def test_more_people_than_base_clusters_change_nothing_essential() -> None:
    found = find_groups(camps([150, 100]))
    assert [len(group.members) for group in found.groups] == [150, 100]
    assert found.group_of(found.groups[1].members[0]) == "B"
    assert found.group_of("nobody") is None


def test_the_same_seed_gives_the_same_groups() -> None:
    conversation = camps([150, 100, 60], noise=0.4)
    first, second = find_groups(conversation, seed=3), find_groups(conversation, seed=3)
    assert [group.members for group in first.groups] == [group.members for group in second.groups]
    assert first.silhouettes == second.silhouettes


def test_the_order_of_the_votes_does_not_matter() -> None:
    conversation = camps([30, 20])
    votes = [
        (who, statement.id, vote)
        for who in conversation.participants
        for statement in conversation.statements
        if (vote := conversation.vote(who, statement.id))
    ]
    again = find_groups(from_votes(list(conversation.statements), votes[::-1]))
    assert {frozenset(group.members) for group in again.groups} == {
        frozenset(group.members) for group in find_groups(conversation).groups
    }


def people_with(votes: list[int], statements: int) -> Conversation:
    cast = [(f"p{n}", str(s), Vote.AGREE) for n, times in enumerate(votes) for s in range(times)]
    return from_votes(
        [Statement(str(s), "") for s in range(statements)], cast, participants=[f"p{n}" for n in range(len(votes))]
    )


def test_seven_votes_make_a_participant() -> None:
    assert who_takes_part(people_with([7] * 15 + [6] * 5, 10)).tolist() == list(range(15))


def test_with_fewer_statements_all_of_them_must_be_voted_on() -> None:
    assert who_takes_part(people_with([4] * 16 + [3] * 5, 4)).tolist() == list(range(16))


def test_a_small_conversation_is_filled_up_to_fifteen_with_those_who_voted_most() -> None:
    # 10 have enough; 5 places are left for the 4 with 6 votes and the first of those with 5. Nobody without a vote.
    assert who_takes_part(people_with([7] * 10 + [5] * 2 + [6] * 4 + [0], 10)).tolist() == [*range(11), 12, 13, 14, 15]


def test_a_sparse_voter_is_moved_out_from_the_centre() -> None:
    # Two people who differ on everything, and one who voted like the first but on one of four statements only.
    votes = [("a", str(s), Vote.AGREE) for s in range(4)] + [("b", str(s), Vote.DISAGREE) for s in range(4)]
    found = project(from_votes([Statement(str(s), "") for s in range(4)], [*votes, ("c", "0", Vote.AGREE)]))
    # Means: statement 0: (1 - 1 + 1) / 3 = 1/3; others 0. Centred: a = (2/3, 1, 1, 1), c = (2/3, 0, 0, 0).
    assert found.centre == pytest.approx([1 / 3, 0, 0, 0])
    loading = found.components[:, 0]
    # c projects to 2/3 of the first loading, times sqrt(4 statements / 1 vote) = 2.
    assert found.positions[2] == pytest.approx(2 * 2 / 3 * loading)
    assert np.linalg.norm(found.components, axis=1) == pytest.approx([1, 1])


def test_rejected_statements_move_nobody() -> None:
    conversation = camps([30, 20])
    spam = Statement("spam", "Buy my soap", Moderation.REJECTED)
    more = [(who, "spam", Vote.AGREE) for who in conversation.participants[::2]]
    votes = [
        (who, statement.id, vote)
        for who in conversation.participants
        for statement in conversation.statements
        if (vote := conversation.vote(who, statement.id))
    ]
    with_spam = find_groups(from_votes([*conversation.statements, spam], votes + more))
    assert with_spam.projection.components[:, -1] == pytest.approx([0, 0])
    assert [len(group.members) for group in with_spam.groups] == [30, 20]


def test_a_single_voter_is_a_group() -> None:
    found = find_groups(people_with([3], 5))
    assert [group.members for group in found.groups] == [("p0",)]
    assert found.silhouettes == {}


def test_unanimous_people_are_one_group() -> None:
    assert [len(group.members) for group in find_groups(people_with([8] * 20, 8)).groups] == [20]


def test_two_ways_to_vote_are_two_groups() -> None:
    votes = [(f"p{n}", str(s), Vote.AGREE if n < 9 else Vote.DISAGREE) for n in range(16) for s in range(7)]
    found = find_groups(from_votes([Statement(str(s), "") for s in range(7)], votes))
    assert [len(group.members) for group in found.groups] == [9, 7]
    assert found.silhouettes == {2: 0.0}


def test_nothing_to_group_is_said_plainly() -> None:
    with pytest.raises(DataError, match="nobody voted"):
        find_groups(people_with([0, 0], 3))
    with pytest.raises(DataError, match="cannot make 3 groups of people who vote in 1 distinct ways"):
        find_groups(people_with([8] * 20, 8), groups=3)


def test_the_groups_of_the_export_can_be_used_instead() -> None:
    conversation = from_votes(
        [Statement("0", "Trees")],
        [("a", "0", Vote.AGREE), ("b", "0", Vote.DISAGREE), ("c", "0", Vote.AGREE)],
        groups={"a": "1", "b": "0", "c": "1"},
    )
    found = groups_as_exported(conversation)
    assert [(group.id, group.members) for group in found.groups] == [("A", ("a", "c")), ("B", ("b",))]
    with pytest.raises(DataError, match="names no groups"):
        groups_as_exported(people_with([1], 1))
