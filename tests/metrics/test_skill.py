"""Skill and worth n: the acceptance cases of the specification, section 17, numbers 5 and 6."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluralign.core.question import Option, Question, Scale
from pluralign.metrics.scales import Scales
from pluralign.metrics.skill import SIZES, Worth, sample_curves, skill, skills, worth_n, worths


def question(options: int, scale: Scale = Scale.ORDINAL) -> Question:
    listed = tuple(Option(id=at + 1, text=f"option {at}") for at in range(options))
    return Question(id=f"Q{options}{scale}", text="?", options=listed, scale=scale)


def test_skill_at_its_anchors() -> None:
    assert skill(0.10, 0.10, 0.02).value == 0
    assert skill(0.02, 0.10, 0.02).value == 1
    assert skill(0.06, 0.10, 0.02).value == pytest.approx(0.5)
    assert skill(0.18, 0.10, 0.02).value == pytest.approx(-1)
    assert skill(0.06, 0.10, 0.02).reason == ""


@pytest.mark.parametrize(
    ("voice", "marginal", "noise", "says"),
    [
        (0.1, 0.02, 0.02, "cannot be told from all respondents"),
        (0.1, 0.01, 0.02, "cannot be told from all respondents"),
        (0.1, None, 0.02, "number of people"),
        (0.1, 0.1, float("nan"), "number of people"),
        (None, 0.1, 0.02, "answered no question"),
        (float("nan"), 0.1, 0.02, "answered no question"),
    ],
)
def test_skill_says_why_it_is_undefined(
    voice: float | None, marginal: float | None, noise: float | None, says: str
) -> None:
    result = skill(voice, marginal, noise)
    assert result.value is None
    assert says in result.reason


def test_skills_of_arrays() -> None:
    found = skills(np.array([0.1, 0.02, 0.1]), np.array([0.1, 0.1, 0.01]), np.array([0.02, 0.02, 0.02]))
    np.testing.assert_allclose(found, np.array([0, 1, np.nan]))


QUESTIONS = (question(2), question(4), question(10), question(5, Scale.NOMINAL))
PEOPLE = np.zeros((4, 10))
PEOPLE[0, :2] = 0.31, 0.69
PEOPLE[1, :4] = 0.113, 0.187, 0.301, 0.399
PEOPLE[2, :10] = np.arange(11, 31, 2) / 200
PEOPLE[3, :5] = 0.2


@pytest.mark.parametrize("measure", ["wasserstein", "tv"])
def test_inverting_the_curve_at_its_own_points_returns_n(measure: str) -> None:
    curves = sample_curves(PEOPLE, Scales.of(QUESTIONS))
    curve = np.nanmean(curves.wasserstein if measure == "wasserstein" else curves.tv, axis=0)
    assert (np.diff(curve) < 0).all()
    for size, distance in zip(SIZES, curve, strict=True):
        found = worth_n(distance, SIZES, curve)
        assert found.relation == "="
        assert found.people == pytest.approx(size)


def test_the_curve_is_about_three_tenths_over_the_root_of_n() -> None:
    curves = sample_curves(PEOPLE, Scales.of(QUESTIONS))
    curve = np.nanmean(curves.wasserstein, axis=0)
    for n in (1, 10, 100, 10_000):
        at = SIZES.tolist().index(min(SIZES, key=lambda size: abs(size - n)))
        assert curve[at] * np.sqrt(SIZES[at]) == pytest.approx(0.3, abs=0.1)
    assert np.isnan(curves.wasserstein[3]).all()


def test_beyond_the_ends_it_says_so() -> None:
    curve = 0.3 / np.sqrt(SIZES)
    assert worth_n(0.31, SIZES, curve) == Worth(1, "<")
    assert worth_n(0.0029, SIZES, curve) == Worth(10_000, ">")
    assert worth_n(0.0, SIZES, curve) == Worth(10_000, ">")
    assert [str(worth_n(distance, SIZES, curve)) for distance in (0.4, 0.3, 0.2, 0.05, 0.001)] == [
        "<1",
        "1",
        "2.2",
        "36",
        ">10000",
    ]


def test_between_points_it_is_a_line_in_logarithms() -> None:
    # On 0.3 / sqrt(n) that line is the curve itself: 0.1 is worth 9 people, 0.07 is worth (0.3 / 0.07)^2.
    curve = 0.3 / np.sqrt(SIZES)
    assert worth_n(0.1, SIZES, curve).people == pytest.approx(9)
    assert worth_n(0.07, SIZES, curve).people == pytest.approx((0.3 / 0.07) ** 2)


def test_round_shares_make_flat_stretches() -> None:
    """Ten and eleven people come equally close to shares of tenths: ten is what the distance is worth."""
    curves = sample_curves(np.array([[0.1, 0.2, 0.3, 0.4]]), Scales.of([question(4)]))
    curve = curves.wasserstein[0]
    assert curve[9] == pytest.approx(curve[10], abs=1e-12)
    assert worth_n(curve[9], SIZES, curve).people == pytest.approx(10)


def test_people_who_all_agree_and_flat_stretches() -> None:
    assert worth_n(0.1, SIZES, np.zeros(len(SIZES))) == Worth(1, "<")
    assert worth_n(0.0, SIZES, np.zeros(len(SIZES))).people == 1
    # Two and three tosses of a fair coin are equally far: the smaller number is given.
    assert worth_n(0.25, np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.5, 0.25, 0.25, 0.1])).people == 2


@given(st.lists(st.floats(0, 1), min_size=2, max_size=8))
def test_worth_falls_with_distance(distances: list[float]) -> None:
    curve = 0.3 / np.sqrt(SIZES)
    ascending = np.sort(distances)
    found = worths(ascending, SIZES, np.tile(curve, (len(distances), 1)))
    assert (np.diff(found) <= 1e-9).all()
    assert ((found >= 1) & (found <= 10_000)).all()


def test_unknown_distances_have_no_worth() -> None:
    curve = 0.3 / np.sqrt(SIZES)
    assert np.isnan(worths(np.array([np.nan]), SIZES, curve[None]))[0]
