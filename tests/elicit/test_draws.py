"""What is drawn: information by hand, exact propensities, balance, and 200 scripted people who judge it all."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from pluralign.core.moral_graph import Judgement, Relationship
from pluralign.elicit import draws
from pluralign.elicit.draws import Cell, Shown, bridging_scores, draw_cards, draw_pair, expected_information
from pluralign.graph.coverage import coverage
from pluralign.graph.judgements import from_judgements
from tests.elicit.personas import simulate


def test_information_by_hand() -> None:
    # Two answers, none given: H(1/2) = ln 2; E[H(p)] for p ~ U(0, 1) is 1/2. So ln 2 - 1/2.
    assert expected_information([[0, 0]])[0] == pytest.approx(np.log(2) - 0.5)
    # Four answers: ln 4 - (psi(5) - psi(2)) = ln 4 - (1/2 + 1/3 + 1/4).
    assert expected_information([[0, 0, 0, 0]])[0] == pytest.approx(np.log(4) - 13 / 12)


@given(st.lists(st.integers(0, 60), min_size=4, max_size=4))
def test_every_answer_leaves_less_to_learn_on_average(counts: list[int]) -> None:
    now = expected_information([counts])[0]
    alpha = np.array(counts) + 1
    after = expected_information(np.array(counts) + np.eye(4, dtype=int))
    assert 0 <= float(alpha / alpha.sum() @ after) <= now <= expected_information([[0, 0, 0, 0]])[0] + 1e-12


cells = st.builds(
    Cell,
    low=st.just(1),
    high=st.just(2),
    context=st.integers(0, 3),
    counts=st.tuples(*[st.integers(0, 9)] * 4),
    upward=st.integers(0, 9),
    downward=st.integers(0, 9),
    can_go_up=st.booleans(),
    can_go_down=st.booleans(),
)


@given(st.lists(cells, min_size=1, max_size=12))
def test_probabilities_are_exact_and_nothing_that_may_be_shown_is_out_of_reach(found: list[Cell]) -> None:
    ways = np.array([[cell.can_go_up, cell.can_go_down] for cell in found])
    if not ways.any():
        assert draw_pair(found, np.random.default_rng(0)) is None
        return
    chances = draws.pair_probabilities(found)
    assert chances.sum() == pytest.approx(1)
    assert (chances[~ways] == 0).all()
    assert (chances[ways] >= draws.FLOOR / ways.sum() - 1e-12).all()


def test_the_propensity_is_how_often_it_is_drawn() -> None:
    found = [Cell(1, 2, 0, (3, 0, 0, 1), 3, 1), Cell(1, 3, 0), Cell(2, 3, 1, (1, 1, 0, 0), 0, 2)]
    chances = draws.pair_probabilities(found).ravel()
    random = np.random.default_rng(1)
    seen: Counter[tuple[int, int, int]] = Counter()
    for _ in range(4000):
        drawn = draw_pair(found, random)
        assert drawn is not None
        seen[drawn.source, drawn.candidate, drawn.context] += 1
        assert drawn.propensity in chances
    order = [(1, 2, 0), (2, 1, 0), (1, 3, 0), (3, 1, 0), (2, 3, 1), (3, 2, 1)]
    assert chisquare([seen[key] for key in order], 4000 * chances).pvalue > 0.001


def test_what_was_shown_less_is_drawn_more() -> None:
    direction = draws.pair_probabilities([Cell(1, 2, 0, (0, 0, 0, 0), upward=2, downward=0)])[0]
    assert direction[1] > 4 * direction[0]
    context = draws.pair_probabilities([Cell(1, 2, 0, upward=1, downward=1), Cell(1, 2, 1)]).sum(axis=1)
    assert context[1] > 2 * context[0]
    ahead = draws.pair_probabilities([Cell(1, 2, 0, upward=2, downward=1), Cell(1, 3, 0)]).sum(axis=1)
    assert ahead[0] == pytest.approx(draws.FLOOR / 2), "more than two showings ahead: by the floor only"


def test_cards_are_mixed_shuffled_and_come_once() -> None:
    vectors = np.eye(12, dtype=np.float32)
    values = [Shown(value, exposures=value) for value in range(12)]
    orders: Counter[str] = Counter()
    for seed in range(200):
        drawn = draw_cards(values, vectors, vectors[:1], 6, np.random.default_rng(seed))
        assert len({card.value for card in drawn}) == 6
        assert Counter(card.slot for card in drawn) == {"near": 2, "rare": 2, "bridging": 1, "far": 1}
        assert all(0 < card.propensity <= 1 for card in drawn)
        orders[drawn[0].slot] += 1
    assert set(orders) == {"near", "rare", "bridging", "far"}, "any slot may come first"
    few = draw_cards(values[:3], vectors[:3], vectors[:0], 6, np.random.default_rng(0))
    assert len(few) == 3
    assert draw_cards([], vectors[:0], vectors[:0], 6, np.random.default_rng(0)) == []


def test_near_is_near_far_is_far_and_rare_is_rare() -> None:
    angles = np.deg2rad(np.arange(0, 80, 10))
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    values = [
        Shown(value, exposures=0 if value == 5 else 30, bridging=0.9 if value == 3 else 0.2) for value in range(8)
    ]
    seen: dict[str, Counter[int]] = {slot: Counter() for slot in set(draws.SLOTS)}
    for seed in range(300):
        for card in draw_cards(values, vectors, vectors[:1], 4, np.random.default_rng(seed)):
            seen[card.slot][card.value] += 1
    assert seen["near"].most_common(1)[0][0] == 0
    assert seen["far"].most_common(1)[0][0] == 7
    assert seen["rare"].most_common(1)[0][0] == 5
    assert seen["bridging"].most_common(1)[0][0] == 3


def test_bridging_is_support_on_both_sides() -> None:
    # Ten people on two sides: value 1 is wise to one side, 2 to the other, 3 to all, 4 to nobody.
    votes: dict[tuple[int, int], bool] = {}
    for person in range(10):
        one = person < 5
        votes |= {(person, 1): one, (person, 2): not one, (person, 3): True, (person, 4): False}
    scores = bridging_scores(votes, [1, 2, 3, 4, 5])
    # Five of five: 6/7 on each side. One side only: sqrt(6/7 * 1/7). Nobody: 1/7. Not voted on: 1/2.
    assert scores[3] == pytest.approx(6 / 7)
    assert scores[1] == scores[2] == pytest.approx(np.sqrt(6 / 49))
    assert scores[4] == pytest.approx(1 / 7)
    assert scores[5] == pytest.approx(1 / 2)
    assert bridging_scores({}, [1, 2]) == {1: 0.5, 2: 0.5}


def test_two_hundred_people_cover_all_contexts_and_directions() -> None:
    """The figure in docs/assembly.md. The original's ten most shown pairs took 38.6 % of its judgements."""
    run = simulate(people=200, judgements=8, seed=7)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    table = from_judgements(
        Judgement(
            participant=str(one.person),
            source=str(one.source),
            candidate=str(one.candidate),
            context=str(one.context),
            relationship=Relationship(one.answer),
            judged_at=start + timedelta(seconds=number),
        )
        for number, one in enumerate(run.judgements)
    )
    seen = coverage(table)
    assert len(run.judgements) == 1600
    assert (
        len({(j.person, min(j.source, j.candidate), max(j.source, j.candidate), j.context) for j in run.judgements})
        == 1600
    )

    in_context = Counter(j.context for j in run.judgements)
    assert set(in_context) == set(run.contexts)
    assert max(in_context.values()) < 1.25 * min(in_context.values())
    shown = Counter((j.source, j.candidate, j.context) for j in run.judgements)
    both = sum((a, b, c) in shown and (b, a, c) in shown for a, b in run.pairs for c in run.contexts)
    assert both == len(run.pairs) * len(run.contexts), "every pair was shown in both directions in every context"
    upward = sum(j.source < j.candidate for j in run.judgements) / 1600
    assert 0.47 < upward < 0.53
    assert seen.top_ten_share < 0.12
    assert seen.gini < 0.25
    values = {value for pair in run.pairs for value in pair}
    assert set(run.card_showings) == values, "every value was voted on"
    assert max(run.card_showings.values()) < 4 * np.mean(list(run.card_showings.values()))
