"""Rank correlation within questions, against scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from pluralign.metrics.concordance import nominal_alpha, rank_correlations


@given(st.integers(0, 200), st.integers(3, 9))
def test_it_is_spearmans_ties_included(seed: int, size: int) -> None:
    draw = np.random.default_rng(seed)
    # counts of few answers: many ties
    p, q = (draw.multinomial(9, np.full(size, 1 / size), size=5) / 9 for _ in range(2))
    found = rank_correlations(p, q, np.full(5, size))
    for row in range(5):
        if np.ptp(p[row]) > 0 and np.ptp(q[row]) > 0:
            assert found[row] == pytest.approx(spearmanr(p[row], q[row]).statistic)
        else:
            assert np.isnan(found[row])


def test_rows_of_different_length_and_rows_that_are_not_known() -> None:
    p = np.array([[0.7, 0.3, 0.0], [0.2, 0.3, 0.5], [np.nan, np.nan, np.nan], [0.5, 0.5, 0.0]])
    q = np.array([[0.1, 0.9, 0.0], [0.1, 0.3, 0.6], [0.3, 0.3, 0.4], [0.1, 0.9, 0.0]])
    found = rank_correlations(p, q, np.array([2, 3, 3, 2]))
    assert found[:2].tolist() == [-1, 1]
    assert np.isnan(found[2:]).all()


def test_krippendorffs_alpha_of_his_own_example() -> None:
    # Krippendorff 2011, section C: twelve units, four observers, values missing; nominal alpha 0.743.
    observers = (
        "123321412...",
        "123322412 5.3".replace(" ", ""),
        ".33323422 51.".replace(" ", ""),
        "123324412 51.".replace(" ", ""),
    )
    counts = np.array([[sum(own[at] == str(value) for own in observers) for value in range(1, 6)] for at in range(12)])
    assert nominal_alpha(counts) == pytest.approx(0.743, abs=5e-4)


def test_alpha_is_undefined_where_nothing_can_disagree() -> None:
    assert np.isnan(nominal_alpha(np.array([[3, 0], [2, 0]])))
    assert np.isnan(nominal_alpha(np.array([[1, 0], [0, 1]])))
    assert nominal_alpha(np.array([[2, 0], [0, 2]])) == 1.0
