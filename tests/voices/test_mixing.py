"""A mixture's probabilities are the weighted means of its members', and nothing else."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pluralign.core.errors import UsageError
from pluralign.engines.base import OptionScores
from pluralign.voices.mixing import mixed


def scores(*shares: float, low: tuple[float, ...] | None = None, high: tuple[float, ...] | None = None) -> OptionScores:
    def logs(values: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(math.log(value) if value else -math.inf for value in values)

    return OptionScores(
        logs(shares),
        tuple((log,) for log in logs(shares)),
        7,
        None if low is None else logs(low),
        None if high is None else logs(high),
    )


def shares(one: OptionScores) -> list[float]:
    return [math.exp(log) for log in one.logprobs]


def test_by_hand() -> None:
    mixture = mixed((0.6, 0.4), (scores(0.5, 0.5), scores(1.0, 0.0)))
    assert shares(mixture) == pytest.approx([0.7, 0.3])  # 0.6 x 0.5 + 0.4 x 1; 0.6 x 0.5
    assert mixture.prompt_tokens == 14
    assert [math.exp(form) for (form,) in mixture.forms] == pytest.approx([0.7, 0.3])


def test_a_member_that_says_something_else_weighs_less_among_the_options() -> None:
    mixture = shares(mixed((0.5, 0.5), (scores(0.8, 0.0), scores(0.0, 0.2))))
    assert mixture == pytest.approx([0.4, 0.1])
    assert mixture[0] / sum(mixture) == pytest.approx(0.8), "not one half, as if each were renormalised first"


def test_what_no_member_would_say_stays_impossible() -> None:
    assert mixed((0.5, 0.5), (scores(1.0, 0.0), scores(1.0, 0.0))).logprobs[1] == -math.inf


def test_bounds_bound_the_mixture() -> None:
    unsure = scores(0.2, 0.3, low=(0.2, 0.3), high=(0.4, 0.5))
    mixture = mixed((0.5, 0.5), (unsure, scores(0.6, 0.4)))
    assert mixture.low is not None
    assert mixture.high is not None
    assert [math.exp(log) for log in mixture.low] == pytest.approx([0.4, 0.35])
    assert [math.exp(log) for log in mixture.high] == pytest.approx([0.5, 0.45])


@pytest.mark.parametrize("weights", [(), (0.5, 0.6), (1.0, 0.0), (-1.0, 2.0), (math.nan, 1.0)])
def test_weights_that_are_none_are_refused(weights: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="weights of a mixture"):
        mixed(weights, [scores(0.5, 0.5)] * len(weights))


@given(
    raw=some.lists(some.floats(0.01, 1), min_size=1, max_size=5),
    share=some.floats(0.001, 0.999),
)
def test_members_that_agree_are_their_mixture(raw: list[float], share: float) -> None:
    weights = [one / sum(raw) for one in raw]
    assert shares(mixed(weights, [scores(share, 1 - share)] * len(raw))) == pytest.approx([share, 1 - share])
