"""Floors and ceilings: exact expectations against brute force, and what is undefined stays so."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluralign.core.distribution import Distribution, Obtained
from pluralign.core.errors import DistributionError
from pluralign.core.question import Option, Question, Scale
from pluralign.metrics.baselines import (
    baseline_alignment,
    baseline_table,
    mean_absolute_deviation,
    middle,
    others_mean,
    sample_distances,
    sampling_noise,
    uniform,
    whole_sample,
)
from pluralign.metrics.distances import js_distance, total_variation, wasserstein
from pluralign.metrics.scales import Scales


def question(key: str, options: int, scale: Scale = Scale.ORDINAL) -> Question:
    listed = tuple(Option(id=at + 1, text=f"option {at}") for at in range(options))
    return Question(id=key, text=f"{key}?", options=listed, scale=scale)


def people(*shares: float, n: float | None = 100) -> Distribution:
    return Distribution(probabilities=shares, obtained=Obtained.PEOPLE, n=n)


@given(st.integers(1, 60), st.one_of(st.floats(1e-9, 1), st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0])))
def test_mean_absolute_deviation_against_the_binomial(n: int, p: float) -> None:
    from scipy.stats import binom

    counts = np.arange(n + 1)
    expected = float((binom.pmf(counts, n, p) * np.abs(counts / n - p)).sum())
    assert mean_absolute_deviation(np.array(n), np.array(p)) == pytest.approx(expected, abs=1e-11)


def test_mean_absolute_deviation_by_hand() -> None:
    # One toss: 2 p (1 - p). Two fair tosses: |0 - 1/2| or |1 - 1/2| half of the time.
    assert mean_absolute_deviation(np.array(1), np.array(0.3)) == pytest.approx(0.42)
    assert mean_absolute_deviation(np.array(2), np.array(0.5)) == pytest.approx(0.25)
    large = mean_absolute_deviation(np.array(1_000_000), np.array(0.2))
    assert large == pytest.approx(np.sqrt(2 * 0.2 * 0.8 / (np.pi * 1e6)), rel=1e-4)


def test_sample_distances_against_draws() -> None:
    questions = (question("a", 4), question("b", 3, Scale.NOMINAL))
    truth = np.array([[0.5, 0.2, 0.2, 0.1], [0.6, 0.3, 0.1, 0.0]])
    near, far = sample_distances(truth, np.array(7), Scales.of(questions))
    generator = np.random.default_rng(0)
    draws = generator.multinomial(7, truth[0], size=40_000) / 7
    assert near[0] == pytest.approx(np.mean([wasserstein(one, truth[0]) for one in draws[:8000]]), abs=0.003)
    assert far[0] == pytest.approx(np.abs(draws - truth[0]).sum(axis=1).mean() / 2, abs=0.002)
    assert np.isnan(near[1])
    assert far[1] > 0


def test_noise_is_undefined_without_n_and_falls_with_it() -> None:
    questions = [question(key, 3) for key in "abc"]
    truth = np.tile([0.5, 0.3, 0.2], (3, 1))
    noise = sampling_noise(truth, np.array([np.nan, 50, 5000]), Scales.of(questions), seed=1)
    for values in noise:
        assert np.isnan(values[0])
        assert values[1] > values[2] > 0
    # Jensen-Shannon is drawn: seeded, and near the mean of independent draws.
    again = sampling_noise(truth, np.array([np.nan, 50, 5000]), Scales.of(questions), seed=1)
    np.testing.assert_array_equal(noise.js, again.js)
    draws = np.random.default_rng(9).multinomial(50, truth[0], size=4000) / 50
    assert noise.js[1] == pytest.approx(np.mean([js_distance(one, truth[0]) for one in draws]), rel=0.15)


def test_means_of_populations() -> None:
    shares = np.array([[[0.8, 0.2], [1.0, 0.0]], [[0.4, 0.6], [np.nan, np.nan]]])
    np.testing.assert_allclose(others_mean(shares), np.array([[0.6, 0.4], [1, 0]]))
    everyone = whole_sample(shares, np.array([[300, 10], [100, np.nan]]))
    np.testing.assert_allclose(everyone, np.array([[0.7, 0.3], [1, 0]]))
    # A population that was asked and whose size is unknown makes the whole unknown.
    assert np.isnan(whole_sample(shares, np.array([[300, np.nan], [100, np.nan]]))[1]).all()
    assert np.isnan(others_mean(np.full((2, 1, 2), np.nan))).all()


def test_the_middle_of_an_even_number_is_the_lower_one() -> None:
    assert middle(question("a", 5)).mode == 2
    assert middle(question("a", 4)).mode == 1
    assert middle(question("a", 4), upper=True).mode == 2
    assert uniform(question("a", 4)).probabilities == (0.25,) * 4


QUESTIONS = (question("a", 4), question("b", 3, Scale.NOMINAL), question("c", 2), question("d", 2))
PEOPLE = {"a": people(0.7, 0.1, 0.1, 0.1), "b": people(0.2, 0.3, 0.5), "c": people(0.6, 0.4, n=None)}
OTHERS = {"X": {"a": people(0.1, 0.1, 0.1, 0.7, n=300)}, "Y": {"a": people(0.3, 0.3, 0.2, 0.2), "b": people(1, 0, 0)}}


def test_a_table_by_hand() -> None:
    table = baseline_table(QUESTIONS, PEOPLE, OTHERS, seed=0)
    assert table.question_ids == ("a", "b", "c")
    assert [one.name for one in table.baselines] == ["uniform", "middle", "others", "marginal", "noise"]
    assert [one.kind for one in table.baselines] == ["floor"] * 4 + ["ceiling"]
    truth = PEOPLE["a"]
    assert table["uniform"].distances.tv[0] == pytest.approx(total_variation([0.25] * 4, truth))
    assert table["middle"].distances.wasserstein[0] == pytest.approx(wasserstein([0, 1, 0, 0], truth))
    assert table["others"].distances.js[0] == pytest.approx(js_distance([0.2, 0.2, 0.15, 0.45], truth))
    # 100 x own + 300 x X + 100 x Y over 500: the people themselves are part of the whole sample.
    assert table["marginal"].distances.tv[0] == pytest.approx(total_variation([0.7 + 0.3 + 0.3, 0.7, 0.6, 2.4], truth))
    # No order, no Wasserstein; no others and no n, no reference.
    assert np.isnan(table["uniform"].distances.wasserstein[1])
    assert np.isnan(table["others"].distances.tv[2])
    assert np.isnan(table["marginal"].distances.tv[2])
    assert np.isnan(table["noise"].distances.tv[2])
    others = table["others"].answers
    assert others is not None
    assert others.tolist() == [3, 0, -1]


def test_part_of_a_table_is_the_table_of_a_part() -> None:
    part = baseline_table(QUESTIONS, PEOPLE, OTHERS, seed=0).take(np.array([1, 0]))
    assert part.question_ids == ("b", "a")
    alone = baseline_table(QUESTIONS[:2], PEOPLE, OTHERS, seed=0)
    for name in ("uniform", "middle", "others", "marginal"):
        for some, same in zip(part[name].distances, alone[name].distances, strict=True):
            np.testing.assert_allclose(some, same[::-1])


def test_alignment_of_baselines() -> None:
    table = baseline_table(QUESTIONS[:2], PEOPLE, OTHERS, seed=0)
    # Others answer 3 where the people answer 0, and 0 where they answer 2: end to end on both.
    assert list(baseline_alignment(table, table["others"], seed=0)) == [0, 0]
    assert baseline_alignment(table, table["noise"], seed=0) == (None, None)
    one = baseline_alignment(table, table["uniform"], seed=0)
    assert one == baseline_alignment(table, table["uniform"], seed=0)
    assert one.published is not None
    assert 0.2 < one.published < 0.6
    empty = baseline_table((), {}, {}, seed=0)
    assert baseline_alignment(empty, empty["middle"], seed=0) == (None, None)


def test_answers_must_fit_their_question() -> None:
    with pytest.raises(DistributionError, match="a has 4 options and 2 shares"):
        baseline_table(QUESTIONS, {"a": people(0.5, 0.5)}, {}, seed=0)
