"""Losses against numbers worked by hand, and against the metrics that polls report."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from hypothesis import given
from hypothesis import strategies as st

from pluralign.core.question import Option, Question, Scale
from pluralign.metrics.scales import Scales, all_distances
from pluralign.train.losses import LossWeights, distance, kl, losses, shift


def shares(*rows: tuple[float, ...]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def test_by_hand() -> None:
    said, people = shares((0.5, 0.5, 0.0), (1.0, 0.0, 0.0)), shares((0.25, 0.5, 0.25), (1.0, 0.0, 0.0))
    # Cumulative differences 1/4 and 1/4 over two steps.
    assert distance(said, people, ordered=True).tolist() == pytest.approx([0.25, 0.0])
    assert distance(said, people, ordered=False).tolist() == pytest.approx([0.25, 0.0])
    # 1/2 ln(1/2 : 1/4) + 1/2 ln(1/2 : 3/4)
    known = kl(shares((0.25, 0.75)), shares((0.5, 0.5)))
    assert float(known[0]) == pytest.approx(0.5 * np.log(2) + 0.5 * np.log(2 / 3))
    # Both groups off by the same amount: no difference between them is wrong.
    same = shift(shares((0.5, 0.5), (0.7, 0.3)), shares((0.3, 0.7), (0.5, 0.5)), ordered=True)
    assert float(same) == pytest.approx(0)
    # Two groups alike where people differ by 0.4: each deviation is off by 0.2.
    flat = shift(shares((0.5, 0.5), (0.5, 0.5)), shares((0.3, 0.7), (0.7, 0.3)), ordered=True)
    assert float(flat) == pytest.approx(0.2)
    assert float(shift(shares((0.5, 0.5)), shares((0.1, 0.9)), ordered=True)) == 0


def test_mass_outside_the_options_costs_and_nothing_else_changes() -> None:
    people = shares((0.25, 0.75))
    whole, half = (losses(people * mass, people, ordered=True) for mass in (1.0, 0.5))
    assert float(whole.total(LossWeights(mass=0.1))) == pytest.approx(0, abs=1e-12)
    assert float(half.total(LossWeights(mass=0.1))) == pytest.approx(0.1 * np.log(2))


@given(
    st.lists(st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)), min_size=2, max_size=11),
    st.sampled_from([Scale.ORDINAL, Scale.NOMINAL]),
)
def test_the_distance_is_the_one_that_polls_report(pairs: list[tuple[float, float]], scale: Scale) -> None:
    both = np.array(pairs).T
    both = both / both.sum(axis=1, keepdims=True)
    options = tuple(Option(id=at, text=f"option {at}") for at in range(len(pairs)))
    question = Question(id="q", text="?", options=options, scale=scale)
    wanted = all_distances(both[:1], both[1:], Scales.of([question]))
    found = distance(torch.tensor(both[:1]), torch.tensor(both[1:]), ordered=scale.ordered)
    reported = wanted.wasserstein if scale.ordered else wanted.tv
    assert float(found[0]) == pytest.approx(float(reported[0]), abs=1e-12)
