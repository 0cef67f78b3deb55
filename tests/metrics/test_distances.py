"""Distances: worked numbers, the specification's goldens, scipy as oracle, and the laws they must obey."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluralign.core.distribution import Distribution, Obtained
from pluralign.core.errors import DistributionError
from pluralign.core.question import Option, Question, Scale
from pluralign.metrics.distances import (
    Array,
    entropies,
    entropy,
    entropy_ratio,
    is_ordered,
    js_distance,
    js_distances,
    matches,
    most_likely_match,
    pad,
    total_variation,
    total_variations,
    wasserstein,
    wasserstein_on,
    wassersteins,
)
from tests.metrics.strategies import distributions

CYBER_US = [0.45, 0.37, 0.11, 0.04, 0.01, 0.02]
CYBER_JAPAN = [0.395, 0.455, 0.09, 0.03, 0, 0.03]


def people(*shares: float, first_mode: int | None = None) -> Distribution:
    return Distribution(probabilities=shares, obtained=Obtained.PEOPLE, first_mode=first_mode)


def asked(scale: Scale, options: int) -> Question:
    listed = tuple(Option(id=at, text=f"option {at}") for at in range(options))
    return Question(id="Q", text="?", options=listed, scale=scale)


# --- goldens: specification of distributional pluralism, section 5 --------------------------------------------------


def test_js_goldens() -> None:
    assert js_distance([0.5, 0.5], [0.25, 0.75]) == pytest.approx(0.22089576884901735, abs=1e-12)
    assert js_distance([2, 2], [1, 3]) == pytest.approx(0.22089576884901735, abs=1e-12)
    assert js_distance(CYBER_US, CYBER_JAPAN) == pytest.approx(0.10687435379334734, abs=1e-12)
    assert js_distance(CYBER_US, CYBER_JAPAN, base=math.e) == pytest.approx(0.08897873606515051, abs=1e-12)
    assert js_distance(CYBER_US, [0, 1, 0, 0, 0, 0]) == pytest.approx(0.6507879767641357, abs=1e-12)


def test_worked_numbers() -> None:
    # Everyone at one end against everyone at the other: the greatest distance on every measure.
    assert (js_distance([1, 0, 0], [0, 0, 1]), wasserstein([1, 0, 0], [0, 0, 1])) == (1, 1)
    assert total_variation([1, 0, 0], [0, 0, 1]) == 1
    # One step of two is half as far for Wasserstein, and just as far for the others.
    assert wasserstein([1, 0, 0], [0, 1, 0]) == 1 / 2
    assert total_variation([1, 0, 0], [0, 1, 0]) == 1
    # |1/2 - 1/4| + |3/4 - 1/2| over 2 steps.
    assert wasserstein([0.5, 0.25, 0.25], [0.25, 0.25, 0.5]) == pytest.approx((1 / 4 + 1 / 4) / 2)
    assert entropy([0.5, 0.5]) == pytest.approx(math.log(2))
    assert entropy([0.5, 0.5, 0]) == pytest.approx(math.log(2))
    assert entropy([1, 0]) == 0
    assert entropy_ratio([0.5, 0.5, 0, 0], [0.25] * 4) == pytest.approx(1 / 2)
    assert entropy_ratio([0.5, 0.5], [1, 0]) is None


def test_greatest_js_distance_in_nats() -> None:
    assert js_distance([1, 0], [0, 1], base=math.e) == pytest.approx(math.sqrt(math.log(2)))


def test_nearly_equal_distributions_keep_their_precision() -> None:
    """A naive sum of logarithms gives about 1e-8 here, or the root of a negative number."""
    # To second order the divergence in nats is sum of d^2 / (8 p) = 2 * 1e-20 / (8 * 0.5).
    expected = math.sqrt(2 * 1e-20 / 4 / math.log(2))
    assert js_distance([0.5 + 1e-10, 0.5 - 1e-10], [0.5, 0.5]) == pytest.approx(expected, rel=1e-5)


# --- scales ---------------------------------------------------------------------------------------------------------


def test_wasserstein_needs_an_order_or_two_options() -> None:
    assert wasserstein_on(asked(Scale.NOMINAL, 3), [1, 0, 0], [0, 0, 1]) is None
    assert wasserstein_on(asked(Scale.NOMINAL, 2), [1, 0], [0.5, 0.5]) == 0.5
    assert wasserstein_on(asked(Scale.ORDINAL, 3), [1, 0, 0], [0, 0, 1]) == 1
    assert wasserstein_on(asked(Scale.INTERVAL, 3), [1, 0, 0], [0, 0, 1]) == 1
    assert [is_ordered(asked(scale, 4)) for scale in (Scale.NOMINAL, Scale.ORDINAL, Scale.INTERVAL)] == [0, 1, 1]


def test_most_likely_match_counts_ties_as_fractions() -> None:
    assert most_likely_match(people(0.2, 0.8), people(0.4, 0.6)) == 1
    assert most_likely_match(people(0.8, 0.2), people(0.4, 0.6)) == 0
    # A uniform voice over four options, one of which is the people's first answer.
    assert most_likely_match(people(0.25, 0.25, 0.25, 0.25), people(0.4, 0.3, 0.2, 0.1)) == 1 / 4
    assert most_likely_match(people(0.4, 0.4, 0.2), people(0.5, 0.5, 0)) == 1
    # Published: the first of several, in the order the source lists them.
    assert most_likely_match(people(0.25, 0.25, 0.25, 0.25), people(0.4, 0.3, 0.2, 0.1), published=True) == 1
    assert most_likely_match(people(0, 1), people(0.5, 0.5, first_mode=1), published=True) == 1
    assert most_likely_match(people(0, 1), people(0.5, 0.5), published=True) == 0


@pytest.mark.parametrize("measure", [js_distance, total_variation, wasserstein])
def test_bad_input_is_refused(measure: object) -> None:
    assert callable(measure)
    for first, second in (([1, 0], [1, 0, 0]), ([0, 0], [1, 0]), ([-1, 2], [1, 0]), ([math.nan, 1], [1, 0])):
        with pytest.raises(DistributionError):
            measure(first, second)
    with pytest.raises(DistributionError, match="two options"):
        wasserstein([1], [1])
    with pytest.raises(DistributionError):
        most_likely_match(people(1, 0), people(1, 0, 0))


# --- laws -----------------------------------------------------------------------------------------------------------


@given(distributions(2))
def test_symmetric_bounded_and_zero_only_between_equals(pair: list[Array]) -> None:
    p, q = pair
    for measure in (js_distance, total_variation, wasserstein):
        distance = measure(p, q)
        assert distance == pytest.approx(measure(q, p), abs=1e-12)
        assert -1e-12 <= distance <= 1 + 1e-12
        assert measure(p, p) == 0
        if not np.allclose(p, q, atol=1e-6):
            assert distance > 0


@given(distributions(3))
def test_triangle_inequality(three: list[Array]) -> None:
    p, q, r = three
    for measure in (js_distance, total_variation, wasserstein):
        assert measure(p, r) <= measure(p, q) + measure(q, r) + 1e-9


@given(distributions(2), st.integers(0, 1000))
def test_js_and_tv_do_not_care_for_the_order_of_options(pair: list[Array], seed: int) -> None:
    p, q = pair
    order = np.random.default_rng(seed).permutation(p.size)
    assert js_distance(p[order], q[order]) == pytest.approx(js_distance(p, q), abs=1e-12)
    assert total_variation(p[order], q[order]) == pytest.approx(total_variation(p, q), abs=1e-12)
    assert entropy(p[order]) == pytest.approx(entropy(p), abs=1e-12)
    # Wasserstein minds the order, but not which end it starts from.
    assert wasserstein(p[::-1], q[::-1]) == pytest.approx(wasserstein(p, q), abs=1e-12)


@given(distributions(2))
def test_against_scipy(pair: list[Array]) -> None:
    from scipy.spatial.distance import jensenshannon
    from scipy.stats import entropy as scipy_entropy
    from scipy.stats import wasserstein_distance

    p, q = pair
    places = np.arange(p.size)
    with np.errstate(invalid="ignore"):  # of equal shares scipy may find a divergence just below zero
        by_scipy = float(np.nan_to_num(jensenshannon(p, q, 2.0)))
    assert js_distance(p, q) == pytest.approx(by_scipy, abs=2e-8)
    assert entropy(p) == pytest.approx(float(scipy_entropy(p)), abs=1e-12)
    assert wasserstein(p, q) == pytest.approx(wasserstein_distance(places, places, p, q) / (p.size - 1), abs=1e-9)


@given(distributions(2))
def test_distances_are_ordered_as_theory_says(pair: list[Array]) -> None:
    """JSD (bits) lies between TV^2 / (2 ln 2) and TV; Wasserstein never exceeds TV."""
    p, q = pair
    tv, js = total_variation(p, q), js_distance(p, q)
    assert tv**2 / (2 * math.log(2)) - 1e-9 <= js**2 <= tv + 1e-9
    assert wasserstein(p, q) <= tv + 1e-9
    if p.size == 2:
        assert wasserstein(p, q) == pytest.approx(tv, abs=1e-12)


@given(st.lists(distributions(2), min_size=1, max_size=5))
def test_padded_arrays_give_the_same_as_pairs(pairs: list[list[Array]]) -> None:
    first = pad([Distribution.from_weights(p, Obtained.EXACT) for p, _ in pairs], 12)
    second = pad([Distribution.from_weights(q, Obtained.PEOPLE) for _, q in pairs], 12)
    options = np.array([p.size for p, _ in pairs])
    one_by_one = [(js_distance(p, q), total_variation(p, q), wasserstein(p, q), entropy(p)) for p, q in pairs]
    together = np.stack(
        [
            js_distances(first, second),
            total_variations(first, second),
            wassersteins(first, second, options),
            entropies(first),
        ],
        axis=1,
    )
    np.testing.assert_allclose(together, one_by_one, atol=1e-12)


def test_matches_of_padded_arrays() -> None:
    voice = pad([people(0.5, 0.5), people(0.2, 0.3, 0.5), people(0.25, 0.25, 0.25, 0.25)])
    truth = pad([people(0.6, 0.4), people(0.1, 0.2, 0.7), people(0.25, 0.25, 0.3, 0.2)])
    assert matches(voice, truth).tolist() == [0.5, 1, 0.25]
