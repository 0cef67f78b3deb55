"""Strengths with ties: the top of a likelihood written a second time, symmetry, shrinkage, and recovery."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import optimize

from pluralign.graph.aggregate import aggregate
from pluralign.graph.strength import Contests, Strengths, bradley_terry, contests
from tests.graph.handmade import D, L, N, U, W, table, votes


def played(*rows: tuple[int, int, int, float, float, float]) -> Contests:
    """Rows (one, other, context, wins of one, wins of other, ties)."""
    columns = list(zip(*rows, strict=True))
    return Contests(*(np.array(column) for column in columns[:3]), *(np.array(column, float) for column in columns[3:]))


def of(found: Strengths, value: int, context: int) -> float:
    return float(found.strength[(found.value == value) & (found.context == context)][0])


def test_what_counts_as_a_win_and_a_tie() -> None:
    judged = table([*votes("a", "b", [W, W, W, N, D, U, L]), *votes("b", "a", [W, N])])
    (found,) = zip(*contests(aggregate(judged, pooled=True)), strict=True)
    one, other, _, wins_one, wins_other, ties = found
    assert (judged.value_names[one], judged.value_names[other]) == ("a", "b")
    # For b: 3 of "wiser"; for a: "less wise", and "wiser" asked the other way round; ties: no, different, and no.
    assert (wins_one, wins_other, ties) == (2, 3, 3)


def test_the_strengths_are_the_most_probable_ones() -> None:
    games = played((0, 1, 0, 3, 1, 2), (1, 2, 0, 4, 0, 1), (0, 2, 1, 1, 1, 3), (0, 1, 1, 5, 2, 0))
    value_sd, context_sd = 0.8, 0.4

    def naive(parameters: NDArray[np.float64]) -> float:
        """Negative log-posterior: m of three values, d of five value-context cells, log nu."""
        shared, own, log_tie = parameters[:3], parameters[3:8], parameters[8]
        cell = {(0, 0): 0, (1, 0): 1, (2, 0): 2, (0, 1): 3, (1, 1): 4}
        cell[(2, 1)] = 5
        own = np.append(own, parameters[9])
        total = (shared**2).sum() / value_sd**2 / 2 + (own**2).sum() / context_sd**2 / 2 + log_tie**2 / 4 / 2
        for one, other, context, wins_one, wins_other, ties in zip(*games, strict=True):
            first = math.exp(shared[one] + own[cell[int(one), int(context)]])
            second = math.exp(shared[other] + own[cell[int(other), int(context)]])
            draw = math.exp(log_tie) * math.sqrt(first * second)
            whole = first + second + draw
            total -= wins_one * math.log(first / whole) + wins_other * math.log(second / whole)
            total -= ties * math.log(draw / whole)
        return float(total)

    best = optimize.minimize(naive, np.zeros(10), method="BFGS", options={"gtol": 1e-7})
    own = {(0, 0): 3, (1, 0): 4, (2, 0): 5, (0, 1): 6, (1, 1): 7, (2, 1): 9}
    raw = {key: best.x[key[0]] + best.x[place] for key, place in own.items()}
    found = bradley_terry(games, value_sd=value_sd, context_sd=context_sd, learn=False)
    for (value, context), strength in raw.items():
        mean = np.mean([other for (_, where), other in raw.items() if where == context])
        assert of(found, value, context) == pytest.approx(strength - mean, abs=1e-4)
    assert found.tie == pytest.approx(math.exp(best.x[8]), abs=1e-4)


def test_errors_are_those_of_a_numerical_second_derivative() -> None:
    # Two values in one context: the difference s has a normal prior of variance 2 * sd^2 = 2. With w wins against l
    # and no tie, and nu -> 0 by its prior, the curvature in s is n / 4 / cosh(s / 2)^2 + 1 / 2.
    found = bradley_terry(played((0, 1, 0, 30, 10, 0)), value_sd=1.0, learn=False)
    difference = found.strength[0] - found.strength[1]
    curvature = 40 / 4 / math.cosh(difference / 2) ** 2 + 1 / 2
    # Each strength is half the difference away from the mean.
    assert found.error.tolist() == pytest.approx([math.sqrt(1 / curvature) / 2] * 2, rel=0.02)


@settings(max_examples=30)
@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_turning_all_answers_round_turns_the_strengths_round(wins: int, losses: int, ties: int) -> None:
    if wins + losses + ties == 0:
        return
    one = bradley_terry(played((0, 1, 0, wins, losses, ties)))
    other = bradley_terry(played((0, 1, 0, losses, wins, ties)))
    assert one.strength[0] == pytest.approx(-other.strength[0], abs=1e-5)
    assert np.sign(round(one.strength[0], 6)) == np.sign(wins - losses)


def test_strengths_of_a_context_have_mean_zero() -> None:
    found = bradley_terry(played((0, 1, 4, 3, 1, 2), (1, 2, 4, 4, 0, 1), (0, 2, 7, 9, 1, 3)))
    for context in (4, 7):
        assert found.strength[found.context == context].mean() == pytest.approx(0, abs=1e-12)


def test_a_context_of_few_answers_borrows_from_the_others() -> None:
    # In contexts 0 to 5 value 1 wins 18 of 20; in context 6 it lost the only comparison.
    rows = [(0, 1, context, 2.0, 18.0, 0.0) for context in range(6)]
    found = bradley_terry(played(*rows, (0, 1, 6, 1.0, 0.0, 0.0)))
    assert of(found, 1, 6) > 0
    assert of(found, 1, 6) < of(found, 1, 0)
    alone = bradley_terry(played((0, 1, 6, 1.0, 0.0, 0.0)))
    assert of(alone, 1, 6) < 0


def test_more_ties_draw_strengths_together() -> None:
    few = bradley_terry(played((0, 1, 0, 6, 2, 0), (1, 2, 0, 6, 2, 10)), learn=False)
    many = bradley_terry(played((0, 1, 0, 6, 2, 40), (1, 2, 0, 6, 2, 10)), learn=False)
    assert 0 < of(many, 0, 0) - of(many, 1, 0) < of(few, 0, 0) - of(few, 1, 0)


def test_strengths_drawn_at_random_are_found_again() -> None:
    random = np.random.default_rng(3)
    truth = random.normal(0, 1.5, size=30)
    rows = []
    for one in range(30):
        for other in random.choice([value for value in range(30) if value != one], size=8, replace=False):
            first, second = math.exp(truth[one]), math.exp(truth[other])
            chances = np.array([first, second, 0.8 * math.sqrt(first * second)])
            rows.append((one, int(other), 0, *random.multinomial(40, chances / chances.sum()).tolist()))
    found = bradley_terry(played(*rows))
    order = np.argsort(found.value)
    error = found.strength[order] - (truth - truth.mean())
    assert np.abs(error).max() < 0.6
    assert found.value_sd == pytest.approx(truth.std(), rel=0.2)
    assert found.tie == pytest.approx(0.8, rel=0.1)
    assert (np.abs(error) < 1.96 * found.error[order]).mean() > 0.8


def test_many_values_are_placed_without_errors() -> None:
    rows = [(value, value + 1, 0, 1.0, 3.0, 1.0) for value in range(3200)]
    found = bradley_terry(played(*rows))
    assert np.isnan(found.error).all()
    assert found.strength[-1] > found.strength[0]


def test_pairs_nobody_was_sure_of_place_no_value() -> None:
    found = bradley_terry(contests(aggregate(table(votes("a", "b", [U, U])), pooled=True)))
    assert len(found.value) == 0
