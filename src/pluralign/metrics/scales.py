"""What the measures need to know of the questions, as arrays, and all distances of many questions at once."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pluralign.core.question import Question
from pluralign.metrics.distances import Array, is_ordered, js_distances, total_variations, wassersteins


class Scales(NamedTuple):
    """The scales of some questions; arrays of shape (questions,) unless said otherwise."""

    options: npt.NDArray[np.int64]
    """Number of options."""
    ordered: npt.NDArray[np.bool_]
    """Whether Wasserstein is defined."""
    codes: Array
    """Option codes, shape (questions, most options), NaN behind the last."""

    @classmethod
    def of(cls, questions: Sequence[Question]) -> "Scales":
        """Read them off the questions."""
        options = np.array([len(question.options) for question in questions], dtype=np.int64)
        codes = np.full((len(questions), int(options.max()) if len(questions) else 1), np.nan)
        for row, question in zip(codes, questions, strict=True):
            row[: len(question.options)] = [option.id for option in question.options]
        return cls(options, np.array([is_ordered(question) for question in questions], dtype=bool), codes)

    def take(self, rows: npt.NDArray[np.int64]) -> "Scales":
        """The same for some of the questions."""
        return Scales(self.options[rows], self.ordered[rows], self.codes[rows])

    @property
    def width(self) -> int:
        """The most options a question has."""
        return int(self.codes.shape[1])


class Distances(NamedTuple):
    """The three distances of many pairs, arrays of shape (questions,); NaN where undefined."""

    wasserstein: Array
    """NaN on questions without an order."""
    js: Array
    """Base 2."""
    tv: Array

    def take(self, rows: npt.NDArray[np.int64]) -> "Distances":
        """The same for some of the questions."""
        return Distances(*(values[rows] for values in self))


def all_distances(p: Array, q: Array, scales: Scales) -> Distances:
    """All distances between rows of ``p`` and ``q``, arrays of shape (questions, width); NaN in, NaN out."""
    wasserstein = np.where(scales.ordered, wassersteins(p, q, scales.options), np.nan)
    return Distances(wasserstein, js_distances(p, q), total_variations(p, q))
