"""Juries, the Overton window, SimBench: goldens and edge cases of the specification, sections 10 and 11."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluralign.core.errors import UsageError
from pluralign.metrics.pluralism import (
    Coverage,
    Viewpoint,
    gini,
    overton_coverage,
    overton_score,
    power_mean,
    simbench_score,
    steerability_gap,
)

UTILITIES = st.lists(st.floats(0.001, 1000), min_size=1, max_size=8)


def test_power_means_by_hand() -> None:
    assert power_mean([1, 2, 4], 1) == pytest.approx(7 / 3)
    assert power_mean([1, 2, 4], 0) == pytest.approx(2)
    assert power_mean([1, 2, 4], -1) == pytest.approx(3 / (1 + 1 / 2 + 1 / 4))
    assert power_mean([1, 2, 4], -10) == pytest.approx(((1 + 2**-10 + 4**-10) / 3) ** (-1 / 10))
    assert power_mean([1, 2, 4], -math.inf) == 1
    assert power_mean([1, 2, 4], math.inf) == 4


def test_power_means_at_the_edges() -> None:
    assert power_mean([0, 1], -10) == 0
    assert power_mean([0, 1], 1) == 0.5
    assert power_mean([0, 0], 2) == 0
    for power in (-10, 0, 1, 7.5):
        assert power_mean([0.7], power) == 0.7
    with pytest.raises(UsageError, match="positive"):
        power_mean([0, 1], 0)
    with pytest.raises(UsageError, match="juror"):
        power_mean([], 1)
    for utilities in ([-1, 2], [math.nan], [math.inf]):
        with pytest.raises(UsageError, match="negative"):
            power_mean(utilities, 1)
    assert power_mean([1e-300, 1e300], -50) == pytest.approx(1e-300 * 0.5 ** (-1 / 50))


@given(UTILITIES, st.sampled_from([-10.0, -1.0, 0.0, 0.5, 1.0, 3.0]))
def test_power_means_lie_between_least_and_greatest_and_rise_with_the_power(
    utilities: list[float], power: float
) -> None:
    mean = power_mean(utilities, power)
    assert min(utilities) * (1 - 1e-9) <= mean <= max(utilities) * (1 + 1e-9)
    assert mean <= power_mean(utilities, power + 1) * (1 + 1e-9)


@given(UTILITIES.filter(lambda utilities: len(utilities) > 1))
def test_power_mean_against_scipy(utilities: list[float]) -> None:
    from scipy.stats import gmean, hmean, pmean

    assert power_mean(utilities, 0) == pytest.approx(float(gmean(utilities)), rel=1e-9)
    assert power_mean(utilities, -1) == pytest.approx(float(hmean(utilities)), rel=1e-9)
    assert power_mean(utilities, 3) == pytest.approx(float(pmean(utilities, 3)), rel=1e-9)


def test_gini() -> None:
    assert gini([1, 1, 1]) == 0
    assert gini([0, 0, 1]) == pytest.approx(2 / 3)
    # Mean absolute difference of 1 and 3 over all four ordered pairs is 1; half of it over the mean 2.
    assert gini([1, 3]) == pytest.approx(1 / 4)
    assert gini([0, 0]) is None
    for utilities in ([], [-1, 1]):
        with pytest.raises(UsageError):
            gini(utilities)


def test_overton_golden() -> None:
    """One question, viewpoints of 49, 3 and 8 people."""
    first = overton_coverage([Viewpoint(49, 4.2), Viewpoint(3, 3.9), Viewpoint(8, 2.0)])
    assert first == Coverage(1 / 3, 49 / 60)
    second = overton_coverage([Viewpoint(49, 3.9), Viewpoint(3, 4.0), Viewpoint(8, 2.0)])
    assert second == Coverage(1 / 3, 3 / 60)
    score = overton_score([first, second])
    assert score is not None
    assert list(score) == pytest.approx([1 / 3, 52 / 120])
    assert overton_score([]) is None
    for viewpoints in ([], [Viewpoint(0, 5)]):
        with pytest.raises(UsageError):
            overton_coverage(viewpoints)


def test_simbench_score() -> None:
    assert simbench_score(0.0, 0.3) == 100
    assert simbench_score(0.3, 0.3) == 0
    assert simbench_score(0.6, 0.3) == pytest.approx(-100)
    assert simbench_score(0.1, 0.0) is None
    assert simbench_score(None, 0.3) is None


def test_steerability_gap() -> None:
    assert steerability_gap(0.3, 0.2) == pytest.approx(0.1)
    assert steerability_gap(0.2, 0.3) == pytest.approx(-0.1)
    assert steerability_gap(None, 0.3) is None
