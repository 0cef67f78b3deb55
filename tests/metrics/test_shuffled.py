"""The shuffled baseline against brute force over all permutations."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings

from pluralign.metrics.distances import Array, js_distance, total_variation, wasserstein
from pluralign.metrics.shuffled import (
    EXACT_WASSERSTEIN,
    shuffled_distances,
    shuffled_js,
    shuffled_tv,
    shuffled_wasserstein,
)
from tests.metrics.strategies import distributions


@given(distributions(2).filter(lambda pair: pair[0].size <= 6))
@settings(max_examples=30)
def test_equal_to_the_mean_over_all_permutations(pair: list[Array]) -> None:
    p, q = pair
    orders = [list(order) for order in itertools.permutations(range(p.size))]
    for measure, shuffled in (
        (js_distance, shuffled_js),
        (total_variation, shuffled_tv),
        (wasserstein, shuffled_wasserstein),
    ):
        expected = float(np.mean([measure(p[order], q) for order in orders]))
        assert shuffled(p, q) == pytest.approx(expected, abs=1e-12)


def test_a_uniform_voice_does_not_change_by_shuffling() -> None:
    q = np.array([0.5, 0.3, 0.1, 0.1])
    p = np.full(4, 0.25)
    assert shuffled_js(p, q) == pytest.approx(js_distance(p, q))
    assert shuffled_tv(p, q) == pytest.approx(total_variation(p, q))
    assert shuffled_wasserstein(p, q) == pytest.approx(wasserstein(p, q))


def test_a_voice_of_one_option_takes_every_place_equally_often() -> None:
    q = np.array([0.5, 0.3, 0.1, 0.1])
    places = np.eye(4)
    for measure, shuffled in (
        (js_distance, shuffled_js),
        (total_variation, shuffled_tv),
        (wasserstein, shuffled_wasserstein),
    ):
        expected = float(np.mean([measure(place, q) for place in places]))
        assert shuffled(places[2], q) == pytest.approx(expected)


def test_many_options_are_drawn_and_say_how_well() -> None:
    generator = np.random.default_rng(5)
    p, q = generator.dirichlet(np.full(10, 0.7), size=2)
    one = shuffled_distances(p[None], q[None], np.array([10]), seed=1)
    two = shuffled_distances(p[None], q[None], np.array([10]), seed=2)
    again = shuffled_distances(p[None], q[None], np.array([10]), seed=1)
    assert one.js[0] == again.js[0] != two.js[0]
    assert 0 < one.js_error[0] < 0.002
    assert abs(one.js[0] - two.js[0]) < 5 * np.hypot(one.js_error[0], two.js_error[0])
    # The others stay exact at ten options.
    assert one.wasserstein[0] == two.wasserstein[0]
    draws = np.array([wasserstein(generator.permutation(p), q) for _ in range(4000)])
    assert one.wasserstein[0] == pytest.approx(draws.mean(), abs=5 * draws.std() / 4000**0.5)


def test_very_many_options_draw_wasserstein_too() -> None:
    count = EXACT_WASSERSTEIN + 1
    p, q = np.eye(count)[3], np.full(count, 1 / count)
    expected = float(np.mean([wasserstein(place, q) for place in np.eye(count)]))
    # A single probability visits every place equally often, so the drawn mean is exact as well.
    assert shuffled_wasserstein(p, q) == pytest.approx(expected)
    assert shuffled_js(p, q) == pytest.approx(js_distance(p, q))


def test_mixed_widths_in_one_call() -> None:
    rows = [([0.9, 0.1], [0.5, 0.5]), ([0.2, 0.3, 0.5], [0.1, 0.1, 0.8])]
    p, q = np.zeros((2, 3)), np.zeros((2, 3))
    for at, (first, second) in enumerate(rows):
        p[at, : len(first)], q[at, : len(second)] = first, second
    together = shuffled_distances(p, q, np.array([2, 3]))
    for at, (first, second) in enumerate(rows):
        assert together.tv[at] == pytest.approx(shuffled_tv(first, second))
        assert together.js[at] == pytest.approx(shuffled_js(first, second))
