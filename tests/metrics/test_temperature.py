"""Temperatures: 1 changes nothing, and a known one is found again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from pluralign.core.errors import UsageError
from pluralign.metrics.distances import Array
from pluralign.metrics.temperature import fit_temperature, tempered


def answers(seed: int, rows: int = 12, options: int = 4) -> Array:
    return np.random.default_rng(seed).dirichlet(np.full(options, 2.0), size=rows)


@given(st.integers(0, 100))
def test_a_temperature_of_one_changes_nothing(seed: int) -> None:
    shares = answers(seed)
    assert tempered(shares, 1.0).tolist() == shares.tolist()


@given(st.integers(0, 100), st.floats(0.2, 5))
def test_tempering_is_the_softmax_of_scaled_logarithms(seed: int, temperature: float) -> None:
    shares = answers(seed)
    assert tempered(shares, temperature) == pytest.approx(softmax(np.log(shares) / temperature, axis=1))
    assert (tempered(shares, temperature).argmax(axis=1) == shares.argmax(axis=1)).all()


@given(st.integers(0, 100), st.floats(0.2, 4))
def test_what_was_sharpened_is_brought_back(seed: int, temperature: float) -> None:
    """The voice is the people at 1/T, so T makes it the people again."""
    people = answers(seed)
    fitted = fit_temperature(tempered(people, 1 / temperature), people)
    assert fitted.value == pytest.approx(temperature, rel=1e-3)
    assert fitted.after == pytest.approx(0, abs=1e-6)
    assert not fitted.at_bound


@given(st.integers(0, 30))
def test_nothing_in_reach_is_better(seed: int) -> None:
    voice, people = answers(seed), answers(seed + 1000)
    fitted = fit_temperature(voice, people)

    def divergence(temperature: float) -> float:
        said = tempered(voice, temperature)
        return float((people * np.log(people / said)).sum(axis=1).mean())

    assert fitted.before == pytest.approx(divergence(1))
    assert fitted.after == pytest.approx(divergence(fitted.value))
    assert fitted.after <= min(divergence(one) for one in np.geomspace(0.05, 20, 60)) + 1e-9


def test_rows_of_different_length_and_options_nobody_takes() -> None:
    voice = np.array([[0.9, 0.1, 0.0], [0.6, 0.3, 0.1], [1.0, 0.0, 0.0]])
    people = np.array([[0.5, 0.5, 0.0], [0.4, 0.4, 0.2], [0.8, 0.2, 0.0]])
    fitted = fit_temperature(voice, people)
    assert fitted.value > 1
    assert np.isfinite([fitted.before, fitted.after]).all()
    assert tempered(voice, 2.0)[2].tolist() == [1, 0, 0]
    assert np.isnan(tempered(np.array([[np.nan, np.nan]]), 2.0)).all()


def test_a_voice_that_says_the_opposite_is_best_when_it_says_nothing_and_that_is_told() -> None:
    voice, people = np.array([[0.9, 0.1]]), np.array([[0.1, 0.9]])
    fitted = fit_temperature(voice, people)
    assert fitted.at_bound
    assert fitted.value == pytest.approx(20)


def test_nothing_to_fit_on() -> None:
    with pytest.raises(UsageError, match="hold out more"):
        fit_temperature(np.zeros((0, 3)), np.zeros((0, 3)))
    with pytest.raises(UsageError, match="above 0"):
        tempered(answers(0), 0)
