"""Model-free numbers on the GlobalOpinionQA rows of Modular Pluralism.

Source: the specification of distributional pluralism, sections 6.4 and 8.2, recomputed there from `goqa_small.json`.
"""

import json
import math
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from pluralign.metrics.baselines import others_mean
from pluralign.metrics.distances import Array, entropies, js_distances, total_variations


class Row(NamedTuple):
    """One question as one country answered it."""

    item: tuple[str, tuple[str, ...]]
    country: str
    shares: Array


@pytest.fixture(scope="module")
def rows(shared_data: Path) -> list[Row]:
    records = json.loads((shared_data / "global_opinions" / "goqa_small.json").read_text())
    assert len(records) == 5752
    return [
        Row((one["question"], tuple(one["options"])), one["country"], np.array(one["distribution"])) for one in records
    ]


def stacked(rows: list[Row], predict: Callable[[int], Array]) -> tuple[Array, Array]:
    width = max(len(row.shares) for row in rows)
    predicted, truth = np.zeros((len(rows), width)), np.zeros((len(rows), width))
    for at, row in enumerate(rows):
        predicted[at, : len(row.shares)], truth[at, : len(row.shares)] = predict(len(row.shares)), row.shares
    return predicted, truth


def test_uniform(rows: list[Row]) -> None:
    uniform, truth = stacked(rows, lambda options: np.full(options, 1 / options))
    assert js_distances(uniform, truth, base=math.e).mean() == pytest.approx(0.29053801593862577, abs=1e-12)
    assert js_distances(uniform, truth).mean() == pytest.approx(0.34897172154823813, abs=1e-12)
    assert total_variations(uniform, truth).mean() == pytest.approx(0.3428561860932921, abs=1e-12)


def test_always_the_first_option(rows: list[Row]) -> None:
    first, truth = stacked(rows, lambda options: np.eye(options)[0])
    assert js_distances(first, truth, base=math.e).mean() == pytest.approx(0.5395619630142275, abs=1e-12)
    assert js_distances(first, truth).mean() == pytest.approx(0.6480799647051945, abs=1e-12)


def test_mean_of_the_other_countries(rows: list[Row]) -> None:
    groups: dict[object, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.item].append(row)
    js, tv, match = [], [], []
    for group in groups.values():
        for row in group:
            others = [other.shares for other in group if other.country != row.country]
            if others:
                mean = others_mean(np.stack(others)[:, None, :])[0]
                js.append(float(js_distances(mean, row.shares, base=math.e)))
                tv.append(float(total_variations(mean, row.shares)))
                match.append(np.argmax(mean) == np.argmax(row.shares))
    assert len(js) == 5357
    assert np.mean(js) == pytest.approx(0.15276622377273577, abs=1e-12)
    assert np.mean(tv) == pytest.approx(0.17586843116818326, abs=1e-12)
    assert np.mean(match) == pytest.approx(0.6940451745379876, abs=1e-12)


def test_united_states_and_japan(rows: list[Row]) -> None:
    by_item = {(row.item, row.country): row.shares for row in rows}
    shared = [
        float(js_distances(row.shares, by_item[row.item, "Japan"]))
        for row in rows
        if row.country == "United States" and (row.item, "Japan") in by_item
    ]
    assert len(shared) == 17
    assert np.mean(shared) == pytest.approx(0.22433764236532855, abs=1e-12)


def test_entropy_of_the_united_states(rows: list[Row]) -> None:
    american = [row.shares for row in rows if row.country == "United States"]
    assert len(american) == 181
    every = [float(entropies(shares)) for shares in american]
    assert np.mean(every) == pytest.approx(0.8573012663239494, abs=1e-12)
    # The published figure drops every item with an empty option, where 0 log 0 was not a number.
    full = [value for value, shares in zip(every, american, strict=True) if (shares > 0).all()]
    assert np.mean(full) == pytest.approx(0.8627253827231474, abs=1e-12)
