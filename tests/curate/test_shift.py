"""The test whether culture moves an answer, against a library and against its promised error rate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from pluralign.curate.shift import Array, chance_rate, differ_rate, shift, threshold

SHARES = st.lists(st.floats(0.01, 1), min_size=2, max_size=11).map(lambda own: np.array(own) / sum(own))


@st.composite
def two_distributions(draw: st.DrawFn) -> tuple[Array, Array]:
    options = draw(st.integers(2, 11))
    made = [np.array(draw(st.lists(st.floats(0.01, 1), min_size=options, max_size=options))) for _ in range(2)]
    return made[0] / made[0].sum(), made[1] / made[1].sum()


@given(two_distributions())
def test_statistic_and_threshold_are_those_of_the_g_test(both: tuple[Array, Array]) -> None:
    found = shift(*both, answers=500, level=0.05)
    table = 500 * np.array(both)
    expected = chi2_contingency(table, lambda_="log-likelihood", correction=False)
    assert found.statistic == pytest.approx(expected.statistic, abs=1e-6)
    if abs(expected.pvalue - 0.05) > 1e-6:
        assert found.counts == (expected.pvalue < 0.05)


@given(SHARES)
def test_an_answer_that_does_not_move_is_never_kept(shares: Array) -> None:
    found = shift(shares, shares, answers=10**9, level=0.5)
    assert (found.variation, found.counts) == (0, False)


def test_a_worked_example() -> None:
    # p = (1/2, 1/2), q = (3/4, 1/4), m = (5/8, 3/8): KL(p||m) = ½ ln(4/5) + ½ ln(4/3) = 0.032269,
    # KL(q||m) = ¾ ln(6/5) + ¼ ln(2/3) = 0.035375; G = 2 · 100 · 0.067644 = 13.5288; TV = 1/4.
    found = shift(np.array([0.5, 0.5]), np.array([0.75, 0.25]), answers=100, level=0.01)
    assert found.statistic == pytest.approx(13.5288, abs=1e-3)
    assert found.variation == pytest.approx(0.25)
    assert found.threshold == pytest.approx(6.6349, abs=1e-4)  # chi-squared, 1 degree of freedom
    assert found.counts
    assert not shift(np.array([0.5, 0.5]), np.array([0.75, 0.25]), answers=40, level=0.01).counts


def test_an_impossible_option_is_no_trouble() -> None:
    assert shift(np.array([1.0, 0.0]), np.array([0.0, 1.0]), answers=10, level=0.01).counts
    assert not shift(np.array([1.0, 0.0]), np.array([0.9999, 0.0001]), answers=1000, level=0.01).counts


@pytest.mark.parametrize("level", [0.01, 0.05])
@pytest.mark.parametrize("options", [2, 4, 10])
def test_counted_answers_are_kept_by_chance_as_often_as_the_level_says(options: int, level: float) -> None:
    draw = np.random.default_rng(options)
    shares = draw.dirichlet(np.full(options, 2.0))
    trials, answers = 8000, 1000
    first, second = (draw.multinomial(answers, shares, size=trials) / answers for _ in range(2))
    kept = sum(shift(one, two, answers=answers, level=level).counts for one, two in zip(first, second, strict=True))
    error = (level * (1 - level) / trials) ** 0.5
    # The G statistic is chi-squared only in the limit: it runs up to a tenth over where options are rare.
    assert level - 4 * error < kept / trials < 1.15 * level + 4 * error


def test_what_the_published_rule_keeps_by_chance() -> None:
    even = np.full(4, 0.25)
    assert chance_rate(even) == pytest.approx(0.75)  # 1 - 4 · 1/16
    assert chance_rate(np.array([1.0, 0.0])) == 0
    assert differ_rate(even, np.array([1.0, 0, 0, 0])) == pytest.approx(0.75)
    assert differ_rate(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1


def test_thresholds_are_quantiles_of_chi_squared() -> None:
    assert threshold(2, 0.05) == pytest.approx(3.841459, abs=1e-6)
    assert threshold(11, 0.01) == pytest.approx(23.209251, abs=1e-6)
