"""Trait scores of whole distributions, by hand."""

import numpy as np
import pytest

from pluralign.metrics.traits import item_scores, spread


def test_agreement_counts_for_or_against_a_trait_as_the_key_says() -> None:
    shares = np.array([[1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0.5, 0.5], [0.2] * 5, [np.nan] * 5])
    # "Very accurate" is 5 for a positive and 1 for a negative key; 2 and 1 mixed are 1.5; all alike is the middle.
    assert item_scores(shares, [1, -1, 1, -1, 1]).tolist() == pytest.approx([5, 1, 1.5, 3, np.nan], nan_ok=True)


def test_the_spread_is_over_the_items_answered() -> None:
    # Of 5, 1 and 3 the mean is 3 and the variance (4 + 4 + 0) / 2.
    assert spread(np.array([5, 1, 3, np.nan])) == 2.0
    assert spread(np.array([5.0, np.nan])) is None
