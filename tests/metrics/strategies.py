"""Distributions for property tests."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pluralign.metrics.distances import Array


@st.composite
def distributions(draw: st.DrawFn, count: int = 2) -> list[Array]:
    """``count`` distributions over the same 2 to 11 options, zeros among them."""
    options = draw(st.integers(2, 11))
    weights = arrays(np.float64, options, elements=st.one_of(st.just(0.0), st.floats(1e-6, 1)))
    drawn = [draw(weights.filter(lambda one: one.sum() > 0)) for _ in range(count)]
    return [one / one.sum() for one in drawn]
