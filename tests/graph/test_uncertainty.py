"""Intervals against scipy's own, and a prior that is found again in data drawn from it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pluralign.graph.uncertainty import BetaPrior, learn_prior, posterior, wilson


@given(
    st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.sampled_from([0.8, 0.95, 0.99])
)
def test_wilson_is_scipys(counts: tuple[int, int], level: float) -> None:
    successes, trials = counts
    theirs = stats.binomtest(successes, trials).proportion_ci(confidence_level=level, method="wilson")
    ours = wilson(successes, trials, level)
    assert float(ours.low) == pytest.approx(theirs.low, abs=1e-12)
    assert float(ours.high) == pytest.approx(theirs.high, abs=1e-12)


def test_wilson_by_hand() -> None:
    # All of n: from n / (n + z^2) to 1; 4 / (4 + 1.959964^2) = 0.510109.
    bounds = wilson([4, 0, 0], [4, 4, 0])
    assert bounds.low.tolist() == pytest.approx([0.510109, 0, 0], abs=1e-6)
    assert bounds.high.tolist() == pytest.approx([1, 1 - 0.510109, 1], abs=1e-6)  # of nothing, nothing is known


def test_posterior_by_hand() -> None:
    # Beta(1, 1) and 3 of 4 give Beta(4, 2): mean 4/6.
    found = posterior([3], [4], BetaPrior(1, 1))
    assert found.mean[0] == 4 / 6
    beta = stats.beta(4, 2)
    assert found.low[0] == pytest.approx(beta.ppf(0.025))
    assert found.high[0] == pytest.approx(beta.ppf(0.975))


def test_a_prior_is_found_again() -> None:
    random = np.random.default_rng(0)
    trials = random.integers(1, 30, size=4000)
    successes = random.binomial(trials, random.beta(6, 2, size=4000))
    prior = learn_prior(successes, trials)
    assert prior.alpha == pytest.approx(6, rel=0.1)
    assert prior.beta == pytest.approx(2, rel=0.1)


def test_the_prior_is_the_most_likely_one() -> None:
    successes, trials = np.array([1, 5, 9, 3, 0, 7]), np.array([4, 6, 10, 9, 3, 7])
    prior = learn_prior(successes, trials)

    def likelihood(alpha: float, beta: float) -> float:
        return float(stats.betabinom(trials, alpha, beta).logpmf(successes).sum())

    best = likelihood(prior.alpha, prior.beta)
    for alpha, beta in ((1.02, 1.0), (0.98, 1.0), (1.0, 1.02), (1.0, 0.98), (1.02, 1.02), (0.98, 0.98)):
        assert likelihood(prior.alpha * alpha, prior.beta * beta) <= best + 1e-9


def test_pairs_that_agree_make_a_strong_prior_but_no_certainty() -> None:
    prior = learn_prior([5] * 20, [10] * 20)
    assert prior.alpha + prior.beta == pytest.approx(50)
    assert learn_prior([3], [4]) == BetaPrior(1, 1)
    assert learn_prior([], []) == BetaPrior(1, 1)


def test_few_answers_are_drawn_further_than_many() -> None:
    found = posterior([2, 200], [2, 200], BetaPrior(3, 2))
    assert 3 / 5 < found.mean[0] < found.mean[1] < 1
    assert found.high[0] - found.low[0] > found.high[1] - found.low[1]
