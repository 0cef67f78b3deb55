"""Representative statements, consensus and seeds, against numbers worked by hand."""

import math

import pytest

from pluralign.graph.polis import Conversation, Moderation, Statement, Vote, from_votes
from pluralign.graph.polis_groups import OpinionGroups, groups_as_exported
from pluralign.graph.polis_report import (
    GroupVotes,
    proportion_test,
    representative_statements,
    seeds,
    two_proportion_test,
    votes_by_group,
)


def test_the_test_of_one_proportion() -> None:
    assert proportion_test(0, 0) == pytest.approx(1.0)  # 2 sqrt(1) (1/1 - 1/2)
    assert proportion_test(8, 8) == pytest.approx(3.0)  # 2 sqrt(9) (9/9 - 1/2)
    assert proportion_test(3, 8) == pytest.approx(2 * 3 * (4 / 9 - 1 / 2))


def test_the_test_of_two_proportions() -> None:
    # (8 of 9) against (2 of 9), one added to each: 9/10 against 3/10, pooled 12/20, standard error sqrt(.24 x .2).
    assert two_proportion_test(8, 9, 2, 9) == pytest.approx(0.6 / math.sqrt(0.24 * 0.2))
    assert two_proportion_test(5, 5, 5, 5) == 0.0, "both certain: no difference can be seen"


def conversation() -> tuple[Conversation, OpinionGroups]:
    """Group 0: ten people, group 1: eight. 'split' divides them, 'trees' unites them, 'soap' was rejected."""
    ours, theirs = [f"a{n}" for n in range(10)], [f"b{n}" for n in range(8)]
    votes = [(who, "split", Vote.AGREE) for who in ours[:9]] + [(ours[9], "split", Vote.PASS)]
    votes += [(who, "split", Vote.DISAGREE) for who in theirs]
    votes += [(who, "trees", Vote.AGREE) for who in ours + theirs]
    votes += [(who, "soap", Vote.DISAGREE) for who in ours + theirs]
    read = from_votes(
        [
            Statement("split", "Cars out"),
            Statement("trees", "More trees"),
            Statement("soap", "Buy", Moderation.REJECTED),
        ],
        votes,
        groups={who: "0" if who in ours else "1" for who in ours + theirs},
    )
    return read, groups_as_exported(read)


def test_votes_are_counted_by_group_and_rejected_statements_left_out() -> None:
    table = votes_by_group(*conversation())
    assert table == {
        "A": {"split": GroupVotes(9, 0, 1), "trees": GroupVotes(10, 0, 0)},
        "B": {"split": GroupVotes(0, 8, 0), "trees": GroupVotes(8, 0, 0)},
    }


def test_what_divides_represents_each_group_on_its_side() -> None:
    chosen = representative_statements(votes_by_group(*conversation()))
    split = next(one for one in chosen["A"] if one.statement == "split")
    assert split.vote is Vote.AGREE
    assert split.probability == pytest.approx(10 / 12)  # (9 + 1) / (10 + 2)
    assert split.representativeness == pytest.approx((10 / 12) / (1 / 10))  # against (0 + 1) / (8 + 2)
    assert split.probability_test == pytest.approx(2 * math.sqrt(11) * (10 / 11 - 0.5))
    # 10/11 against 1/9, pooled 11/20.
    error = math.sqrt(11 / 20 * 9 / 20 * (1 / 11 + 1 / 9))
    assert split.representativeness_test == pytest.approx((10 / 11 - 1 / 9) / error)
    assert split.score == pytest.approx(
        split.representativeness * split.representativeness_test * split.probability * split.probability_test
    )
    theirs = {one.statement: one for one in chosen["B"]}
    assert theirs["split"].vote is Vote.DISAGREE
    assert theirs["split"].votes.disagrees == 8


def test_agreement_leads_and_disagreement_follows() -> None:
    chosen = representative_statements(votes_by_group(*conversation()))["B"]
    assert [(one.statement, one.vote, one.best_agree) for one in chosen] == [
        ("trees", Vote.AGREE, True),
        ("split", Vote.DISAGREE, False),
    ]


def test_at_most_five_statements_represent_a_group() -> None:
    table = {
        "A": {str(n): GroupVotes(10, 0, 0) for n in range(9)},
        "B": {str(n): GroupVotes(0, 10, 0) for n in range(9)},
    }
    chosen = representative_statements(table)
    assert [len(found) for found in chosen.values()] == [5, 5]


def test_a_statement_nobody_in_the_group_saw_does_not_represent_it() -> None:
    table = {"A": {"x": GroupVotes(0, 0, 0)}, "B": {"x": GroupVotes(0, 30, 0)}}
    assert representative_statements(table)["A"] == ()


def test_a_group_is_never_without_a_voice_if_it_voted() -> None:
    table = {
        "A": {"x": GroupVotes(1, 2, 0), "y": GroupVotes(1, 3, 1)},
        "B": {"x": GroupVotes(1, 2, 0), "y": GroupVotes(1, 2, 0)},
    }
    assert len(representative_statements(table)["A"]) == 1


def test_consensus_is_the_product_over_groups() -> None:
    found = seeds(*conversation())
    trees, split = found.statements
    assert trees.card.title == "More trees"
    assert trees.card.policies == ()
    assert trees.consensus == pytest.approx((11 / 12) * (9 / 10))
    assert split.consensus == pytest.approx((10 / 12) * (1 / 10))
    assert split.opposition == pytest.approx((1 / 12) * (9 / 10))
    assert (trees.agrees, trees.disagrees, trees.passes) == (18, 0, 0)
    assert split.represents == ("A",)
    assert split.divides == ("B",)


def test_the_seeds_name_no_participant() -> None:
    found = seeds(*conversation())
    assert found.participants == 18
    assert found.included == 18
    assert found.left_out == 1
    assert [(group.id, group.size) for group in found.groups] == [("A", 10), ("B", 8)]
    text = found.model_dump_json()
    assert '"a0"' not in text
    assert '"b0"' not in text
