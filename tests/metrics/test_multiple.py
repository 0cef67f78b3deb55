"""p-values of resampled differences, and their correction, against scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats

from pluralign.metrics.multiple import bootstrap_p, expanded_level, expanded_p, false_discovery_rates


def test_a_p_value_by_hand() -> None:
    # one of four resamples at or below zero, three at or above: 2 (1 + 1) / (4 + 1)
    assert bootstrap_p(np.array([-1.0, 1.0, 2.0, 3.0])) == pytest.approx(4 / 5)
    # none at or below: 2 (0 + 1) / (4 + 1)
    assert bootstrap_p(np.array([1.0, 1.0, 2.0, 3.0])) == pytest.approx(2 / 5)


def test_nothing_but_zeros_is_no_difference_at_all() -> None:
    assert bootstrap_p(np.zeros(100)) == 1.0


def test_undefined_resamples_are_left_out() -> None:
    assert bootstrap_p(np.array([1.0, np.nan, 2.0])) == bootstrap_p(np.array([1.0, 2.0]))
    assert np.isnan(bootstrap_p(np.array([np.nan])))


@given(some.lists(some.floats(-1, 1), min_size=1, max_size=50))
def test_the_sign_of_the_difference_does_not_matter(drawn: list[float]) -> None:
    array = np.array(drawn)
    assert bootstrap_p(array) == bootstrap_p(-array)
    assert 2 / (len(drawn) + 1) <= bootstrap_p(array) + 1e-15 <= 1 + 1e-15


@pytest.mark.parametrize("shift", [0.0, 0.15, 0.3, 0.5])
def test_it_agrees_with_the_paired_t_test_where_that_holds(shift: float) -> None:
    generator = np.random.default_rng(5)
    gaps = generator.normal(shift, 1, size=200)
    counts = generator.multinomial(200, np.full(200, 1 / 200), size=20_000)
    assert bootstrap_p(counts @ gaps / 200) == pytest.approx(stats.ttest_1samp(gaps, 0).pvalue, abs=0.02)


@pytest.mark.parametrize("size", [6, 10, 30])
def test_widened_intervals_and_p_values_are_those_of_students_t(size: int) -> None:
    # means of symmetric data, where the t interval is right and the plain percentile interval too narrow
    half = np.random.default_rng(size).normal(0.0, 1.0, size=size // 2)
    gaps = np.concatenate([half, -half]) + 0.5
    counts = np.random.default_rng(7).multinomial(size, np.full(size, 1 / size), size=100_000)
    drawn = counts @ gaps / size
    level = expanded_level(0.95, size)
    expected = stats.t.interval(0.95, size - 1, gaps.mean(), stats.sem(gaps))
    found = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    plain = np.quantile(drawn, [0.025, 0.975])
    reach = expected[1] - gaps.mean()
    assert found == pytest.approx(expected, abs=0.12 * reach)
    assert plain[1] < found[1]
    p = expanded_p(bootstrap_p(drawn), size)
    assert p == pytest.approx(stats.ttest_1samp(gaps, 0).pvalue, abs=0.02)


def test_widening_by_hand() -> None:
    # two things: sqrt(2) * 12.706 = 17.97 standard deviations out, which is every resample
    assert expanded_level(0.95, 2) == pytest.approx(1)
    # nine: t = 2.306 with 8 degrees of freedom, times sqrt(9 / 8) = 2.446; beyond it lie 0.00722 on either side
    assert expanded_level(0.95, 9) == pytest.approx(1 - 2 * 0.00722, abs=1e-4)
    assert expanded_level(0.95, 1_000_000) == pytest.approx(0.95, abs=1e-6)
    assert expanded_p(1.0, 9) == pytest.approx(1)
    assert expanded_p(0.05, 1_000_000) == pytest.approx(0.05, abs=1e-6)


@given(some.floats(0.001, 1), some.integers(2, 300))
def test_a_widened_p_value_decides_as_the_widened_interval_does(p: float, groups: int) -> None:
    widened = expanded_p(p, groups)
    assert p <= widened * (1 + 1e-9)
    assert widened <= 1
    assert (widened <= 0.05) == (p <= 1 - expanded_level(0.95, groups)) or abs(widened - 0.05) < 1e-9


def test_correction_by_hand() -> None:
    # sorted .01 .02 .03 .5: .01 * 4/1 = .04, .02 * 4/2 = .04, .03 * 4/3 = .04, .5; in the order given
    found = false_discovery_rates(np.array([0.5, 0.03, 0.01, 0.02]))
    assert found == pytest.approx([0.5, 0.04, 0.04, 0.04])


@given(some.lists(some.floats(0, 1), min_size=1, max_size=40))
def test_correction_is_scipys(p_values: list[float]) -> None:
    array = np.array(p_values)
    assert false_discovery_rates(array) == pytest.approx(stats.false_discovery_control(array, method="bh"), abs=1e-15)


@given(some.lists(some.one_of(some.floats(0, 1), some.just(float("nan"))), max_size=30))
def test_what_has_no_p_value_is_not_counted(p_values: list[float]) -> None:
    array = np.array(p_values)
    known = ~np.isnan(array)
    found = false_discovery_rates(array)
    assert np.array_equal(np.isnan(found), ~known)
    assert found[known] == pytest.approx(false_discovery_rates(array[known]), abs=0)
    assert (found[known] >= array[known]).all()
