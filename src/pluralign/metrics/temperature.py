"""One temperature that makes a voice as undecided as the people: every share p becomes p^(1/T), renormalised.

Fitted on held-out questions by the cross-entropy of the people's answers (Guo et al. 2017, arXiv 1706.04599).
It changes how sharp answers are and never which option comes first. Knows arrays only.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar

from pluralign.core.errors import UsageError
from pluralign.metrics.distances import Array

LOWEST, HIGHEST = 0.05, 20.0
"""Between which temperatures the best is looked for."""
FLOOR = 1e-12
"""Shares below count as this: an option that people choose and a voice never does would cost infinitely much."""


class Temperature(NamedTuple):
    """A fitted temperature."""

    value: float
    """Above 1: the voice is made less certain; below 1: more."""
    before: float
    """Mean Kullback-Leibler divergence of the voice from the people as it was, in nats."""
    after: float
    """The same at the fitted temperature; never more than ``before`` by more than rounding."""
    at_bound: bool
    """Whether the best lies at the end of what was looked through, and may lie beyond."""


def tempered(shares: Array, temperature: float) -> Array:
    """Shares at a temperature, along the last axis; zeros stay zeros, NaN stays NaN. At 1 they are what they were."""
    if not temperature > 0:
        raise UsageError(f"a temperature is above 0, got {temperature}")
    if temperature == 1:
        return np.array(shares, dtype=np.float64)
    logs = np.log(shares, out=np.full(np.shape(shares), -np.inf), where=~(shares <= 0))
    return _powers(logs, 1 / temperature)


def fit_temperature(voice: Array, people: Array) -> Temperature:
    """The temperature at which the voice's shares come closest to the people's, over all rows alike.

    Both: shape (rows, width), each row summing to one, zeros behind a row's last option. The cross-entropy is convex in
    1/T, so there is one minimum. Raises :class:`UsageError` without a row.
    """
    if not len(voice):
        raise UsageError("there is no held-out question that both people and voice answered: hold out more")
    # What stands behind a row's last option is zero on both sides, and stays out.
    used = (voice > 0) | (people > 0)
    logs = np.log(np.maximum(voice, FLOOR), out=np.full(voice.shape, -np.inf), where=used)
    logs = np.where(used, logs, -np.inf)
    own = float(np.sum(people * np.log(people, out=np.zeros_like(people), where=people > 0)) / len(people))

    def divergence(log_sharpness: float) -> float:
        scaled = np.exp(log_sharpness) * logs
        top = scaled.max(axis=1, keepdims=True)
        normaliser = top[:, 0] + np.log(np.exp(scaled - top).sum(axis=1))
        crossed = np.multiply(people, scaled, out=np.zeros_like(people), where=people > 0).sum(axis=1)
        return float(np.mean(normaliser - crossed)) + own

    low, high = -np.log(HIGHEST), -np.log(LOWEST)
    found = minimize_scalar(divergence, bounds=(low, high), method="bounded", options={"xatol": 1e-9})
    best = min((float(found.x), low, high, 0.0), key=divergence)
    return Temperature(
        value=float(np.exp(-best)),
        before=divergence(0.0),
        after=divergence(best),
        at_bound=min(best - low, high - best) < 1e-6,
    )


def _powers(logs: Array, power: float) -> Array:
    scaled = power * logs
    weights = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))
