"""Pairs of options that tell two collectives apart, by hand and against drawn answers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluralign.core.distribution import Distribution, Obtained
from pluralign.curate.contrast import pairs


def exact(*shares: float) -> Distribution:
    return Distribution.from_weights(shares, Obtained.EXACT)


def people(*counts: float) -> Distribution:
    return Distribution.from_weights(counts, Obtained.PEOPLE, n=sum(counts))


WEIGHTS = st.lists(st.floats(0.01, 1), min_size=4, max_size=4).map(lambda own: exact(*own))


def test_by_hand() -> None:
    # a = (0.6, 0.4), b = (0.3, 0.7): heard straight 0.6 · 0.7 = 0.42, crossed 0.4 · 0.3 = 0.12.
    (pair,) = pairs(exact(0.6, 0.4), exact(0.3, 0.7))
    assert (pair.chosen, pair.rejected) == (0, 1)
    assert pair.preference == pytest.approx(0.42 / 0.54)
    assert pair.weight == pytest.approx(0.54)
    assert pair.margin == pytest.approx(math.log(3.5))
    assert pair.error == 0


def test_standard_error_of_counted_answers() -> None:
    # Half an answer is added to each count: 1/60.5 + 1/40.5 + 1/30.5 + 1/70.5.
    (pair,) = pairs(people(60, 40), people(30, 70))
    assert pair.error == pytest.approx(math.sqrt(1 / 60.5 + 1 / 40.5 + 1 / 30.5 + 1 / 70.5))
    assert pair.margin == pytest.approx(math.log(60.5 * 70.5 / (40.5 * 30.5)))


def test_an_option_nobody_chose_has_a_finite_margin() -> None:
    for found in (pairs(people(10, 0, 5), people(0, 10, 5)), pairs(exact(1, 0, 1), exact(0, 1, 1))):
        assert all(math.isfinite(pair.margin) and 0.5 <= pair.preference <= 1 for pair in found)


@given(WEIGHTS, WEIGHTS)
def test_the_other_side_would_rather_say_the_opposite(first: Distribution, second: Distribution) -> None:
    mine = {frozenset((pair.chosen, pair.rejected)): pair for pair in pairs(first, second)}
    theirs = {frozenset((pair.chosen, pair.rejected)): pair for pair in pairs(second, first)}
    assert mine.keys() == theirs.keys()
    for options, pair in mine.items():
        other = theirs[options]
        assert pair.preference == pytest.approx(other.preference)
        assert pair.weight == pytest.approx(other.weight)
        if pair.preference > 0.5 + 1e-9:
            assert (pair.chosen, pair.rejected) == (other.rejected, other.chosen)


@given(WEIGHTS, WEIGHTS)
def test_label_and_margin_agree_and_weights_are_a_probability(first: Distribution, second: Distribution) -> None:
    found = pairs(first, second)
    assert len(found) == 6
    for pair in found:
        assert pair.preference == pytest.approx(1 / (1 + math.exp(-pair.margin)))
    same = float((first.array * second.array).sum())
    assert sum(pair.weight for pair in found) == pytest.approx(1 - same)  # the rest: both say the same


def test_labels_and_weights_are_what_drawn_answers_would_come_to() -> None:
    a, b = exact(0.5, 0.3, 0.2), exact(0.2, 0.3, 0.5)
    draw = np.random.default_rng(0)
    trials = 40_000
    mine, theirs = (draw.choice(3, size=trials, p=one.probabilities) for one in (a, b))
    for pair in pairs(a, b):
        straight = ((mine == pair.chosen) & (theirs == pair.rejected)).mean()
        crossed = ((mine == pair.rejected) & (theirs == pair.chosen)).mean()
        assert straight + crossed == pytest.approx(pair.weight, abs=0.01)
        assert straight / (straight + crossed) == pytest.approx(pair.preference, abs=0.02)
