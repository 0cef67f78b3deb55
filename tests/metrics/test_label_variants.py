"""Published and correct extraction side by side. Source: the specification of distributional pluralism, sections 4.1
and 4.3."""

import math

import numpy as np
import pytest

from pluralign.metrics.label_variants import variant_shares

A, B = [2.0, 5.0, 4.0], [1.0, 4.5, 3.5]


def test_golden_values() -> None:
    published, default = variant_shares([A, B], published=True), variant_shares([A, B])
    assert published is not None
    assert default is not None
    # sums are 11 and 9: 1 / (1 + e^-2)
    assert published == pytest.approx([0.8807970779778823, 0.11920292202211755], abs=1e-12)
    assert default == pytest.approx([0.6257237037704376, 0.3742762962295624], abs=1e-12)


def test_with_one_variant_and_one_draw_they_agree() -> None:
    scores = np.log([[0.5], [0.2], [0.1]])
    for published in (True, False):
        assert variant_shares(scores, published=published) == pytest.approx([5 / 8, 2 / 8, 1 / 8])


def test_draws_are_averaged_as_scores_or_as_probabilities() -> None:
    draws = np.log([[[0.9], [0.1]], [[0.1], [0.9]]])
    assert variant_shares(draws) == pytest.approx([0.5, 0.5])
    draws = np.log([[[0.8], [0.2]], [[0.5], [0.5]]])
    assert variant_shares(draws) == pytest.approx([0.65, 0.35])
    # geometric means: sqrt(0.4) and sqrt(0.1), so 2 to 1
    assert variant_shares(draws, published=True) == pytest.approx([2 / 3, 1 / 3])


def test_published_drops_a_variant_that_is_missing_once_and_gives_zero_to_an_option_without_any() -> None:
    once = [[[0.0, 1.0], [1.0, 1.0]], [[-math.inf, 1.0], [1.0, 1.0]]]
    # option 1 keeps one variant (1), option 2 both (2): e / (e + e^2)
    assert variant_shares(once, published=True) == pytest.approx([1 / (1 + math.e), math.e / (1 + math.e)])
    none = [[-math.inf, -math.inf], [math.log(2), math.log(3)]]
    assert variant_shares(none, published=True) == pytest.approx([1 / 7, 6 / 7]), "the sum of nothing is 0, not -inf"
    assert variant_shares(none) == pytest.approx([0, 1])
    assert variant_shares([[-math.inf], [-math.inf]]) is None


def test_scores_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        variant_shares([1.0, 2.0])
