"""Bootstrap intervals: scipy as oracle, coverage, pairs, clusters, and the cases that have no interval."""

import math

import numpy as np
import pytest

from pluralign.core.errors import UsageError
from pluralign.metrics.uncertainty import Estimate, bootstrap, bootstrap_mean, paired_difference, weighted_mean

VALUES = np.random.default_rng(4).gamma(2, 0.1, size=120)


def test_against_scipy() -> None:
    from scipy import stats

    mine = bootstrap_mean(VALUES, seed=1, resamples=4000)
    oracle = stats.bootstrap(
        (VALUES,), np.mean, n_resamples=4000, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    assert mine.value == pytest.approx(VALUES.mean())
    assert mine.low == pytest.approx(oracle.low, abs=0.003)
    assert mine.high == pytest.approx(oracle.high, abs=0.003)


def test_it_covers_the_truth_as_often_as_it_says() -> None:
    generator = np.random.default_rng(7)
    hits = 0
    for seed in range(300):
        estimate = bootstrap_mean(generator.normal(1, 1, size=60), seed=seed, resamples=400, level=0.9)
        assert estimate.low is not None
        assert estimate.high is not None
        hits += estimate.low <= 1 <= estimate.high
    assert hits / 300 == pytest.approx(0.9, abs=0.05)


def test_equal_arguments_give_equal_intervals() -> None:
    one = bootstrap_mean(VALUES, seed=1)
    assert one == bootstrap_mean(VALUES, seed=1) != bootstrap_mean(VALUES, seed=2)


def test_one_question_has_no_interval() -> None:
    assert bootstrap_mean([0.3], seed=0) == Estimate(0.3)
    assert bootstrap_mean([0.3, None, math.nan], seed=0) == Estimate(0.3)
    assert bootstrap_mean([], seed=0) == Estimate(None)
    assert bootstrap_mean([None], seed=0) == Estimate(None)


def test_undefined_values_take_no_part() -> None:
    estimate = bootstrap_mean([0.2, None, 0.4, math.nan], seed=0)
    assert estimate.value == pytest.approx(0.3)
    assert estimate.low is not None
    assert 0.2 <= estimate.low <= 0.3


def test_one_topic_has_no_interval_and_topics_widen_it() -> None:
    topics = [at // 12 for at in range(120)]
    together = VALUES + np.repeat(np.random.default_rng(8).normal(0, 0.3, 10), 12)
    narrow, wide = bootstrap_mean(together, seed=0), bootstrap_mean(together, seed=0, clusters=topics)
    assert narrow.value == wide.value
    assert narrow.low is not None
    assert wide.low is not None
    assert wide.low < narrow.low
    assert bootstrap_mean(VALUES, seed=0, clusters=["all"] * 120).low is None


def test_clusters_are_drawn_whole() -> None:
    draws = bootstrap(5, seed=0, resamples=50, clusters=["a", "b", "a", "b", "c"])
    assert (draws.counts[:, 0] == draws.counts[:, 2]).all()
    assert (draws.counts[:, 1] == draws.counts[:, 3]).all()
    assert (draws.counts[:, [0, 1, 4]].sum(axis=1) == 3).all()


def test_pairs_cancel_what_is_hard_for_both() -> None:
    noise = np.random.default_rng(1).normal(0, 0.001, 120)
    paired = paired_difference(VALUES + 0.01 + noise, VALUES, seed=0)
    assert paired.value == pytest.approx(0.01, abs=0.001)
    assert paired.low is not None
    assert paired.high is not None
    assert paired.high - paired.low < 0.001
    one = bootstrap_mean(VALUES, seed=0)
    assert one.low is not None
    assert one.high is not None
    assert one.high - one.low > 0.02
    assert paired_difference([0.1, None, 0.3], [0.1, 0.2, None], seed=0) == Estimate(0.0)


def test_weighted_means() -> None:
    counts = np.array([[1.0, 1, 1], [2, 0, 0], [0, 1, 0]])
    found = weighted_mean(counts, np.array([1.0, np.nan, 4.0]))
    assert found[:2].tolist() == [2.5, 1]
    assert np.isnan(found[2])
    curves = weighted_mean(counts, np.array([[1.0, 10], [2, 20], [3, 30]]))
    assert curves.tolist() == [[2, 20], [1, 10], [2, 20]]


def test_impossible_requests_are_refused() -> None:
    for arguments in ({"resamples": 0}, {"level": 1.0}, {"clusters": ["a"]}):
        with pytest.raises(UsageError):
            bootstrap(3, seed=0, **arguments)
    with pytest.raises(UsageError, match="same questions"):
        paired_difference([1.0], [1.0, 2.0], seed=0)
