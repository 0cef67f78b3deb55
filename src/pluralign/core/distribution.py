"""A probability distribution over the options of one question, of people or of a voice. Nothing in it is guessed."""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from pluralign.core.errors import DistributionError

TOLERANCE = 1e-6
"""How far from one the probabilities may sum before a distribution refuses to exist."""


class Obtained(StrEnum):
    """How a distribution came to be known."""

    PEOPLE = "people"
    """Answers of respondents."""
    EXACT = "exact"
    """A model's own log-probabilities of every option."""
    TOP_K = "top_k"
    """A model's likeliest tokens only, where what they leave out is too little to matter."""
    SAMPLED = "samples"
    """Repeated answers of a model, read back."""
    VERBALISED = "verbalised"
    """A model's statement about shares."""
    FREE_TEXT = "free-text"
    """A model's own words, read by a second model."""
    DERIVED = "derived"
    """Computed from other distributions, as floors and mixtures are."""


class Distribution(BaseModel):
    """Shares of the options among readable answers, and what share of all answers was none of them.

    Raises :class:`DistributionError` unless every entry is finite, non-negative and they sum to one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    probabilities: tuple[float, ...]
    """One entry per option, in the question's order; sums to 1."""
    obtained: Obtained
    """How this became known."""
    n: float | None = None
    """Number of people or samples behind it (effective, if weighted); ``None`` where it has no such number."""
    respondents: float | None = Field(default=None, exclude=True, repr=False)
    """People who gave an option, whatever their weights; ``None`` where it is not known. Says nothing about the shares:
    it is no part of what is written down, nor of a checksum."""
    refused: float = 0.0
    """Share of all answers that declined: "don't know", "no answer", a refusal. In [0, 1]."""
    unreadable: float = 0.0
    """Share of all answers that were no option and no refusal; for exact scores, the mass outside the options."""
    first_mode: int | None = None
    """Which of several equally frequent options the source lists first (0-based); ``None``: the lowest position."""

    @model_validator(mode="after")
    def _is_a_distribution(self) -> Self:
        values = self.probabilities
        if not values:
            raise DistributionError("a distribution needs at least one option")
        if not all(math.isfinite(value) and value >= 0 for value in values):
            raise DistributionError(f"probabilities must be finite and not negative, got {values}")
        total = math.fsum(values)
        if abs(total - 1) > TOLERANCE:
            raise DistributionError(f"probabilities sum to {total:.6g}, not to 1; renormalise over valid answers first")
        for name, share in (("refused", self.refused), ("unreadable", self.unreadable)):
            if not (math.isfinite(share) and -TOLERANCE <= share <= 1 + TOLERANCE):
                raise DistributionError(f"the share {name} must lie in [0, 1], got {share}")
        if self.respondents is not None and not (math.isfinite(self.respondents) and self.respondents > 0):
            raise DistributionError(f"respondents must be positive, got {self.respondents}")
        if self.n is not None and not (math.isfinite(self.n) and self.n > 0):
            raise DistributionError(f"n must be positive, got {self.n}")
        if self.first_mode is not None and (
            not 0 <= self.first_mode < len(values) or values[self.first_mode] < max(values) - 1e-12
        ):
            raise DistributionError(f"option {self.first_mode} is named as the most frequent one and is not")
        return self

    @classmethod
    def from_weights(
        cls,
        weights: Sequence[float] | npt.NDArray[np.float64],
        obtained: Obtained,
        *,
        n: float | None = None,
        respondents: float | None = None,
        refused: float = 0.0,
        unreadable: float = 0.0,
        first_mode: int | None = None,
    ) -> Self:
        """Renormalise non-negative weights over the options. Raises if they are all zero."""
        array = np.asarray(weights, dtype=np.float64)
        total = float(array.sum())
        if array.size == 0 or not math.isfinite(total) or (array < 0).any() or total <= 0:
            raise DistributionError(f"weights must be non-negative and not all zero, got {array.tolist()}")
        return cls(
            probabilities=tuple((array / total).tolist()),
            obtained=obtained,
            n=n,
            respondents=respondents,
            refused=refused,
            unreadable=unreadable,
            first_mode=first_mode,
        )

    @property
    def array(self) -> npt.NDArray[np.float64]:
        """The probabilities as a fresh array of shape (options,)."""
        return np.array(self.probabilities, dtype=np.float64)

    @property
    def design_effect(self) -> float | None:
        """How many times more people weighting takes for the same precision (Kish): respondents over effective number,
        at least 1; ``None`` where one of them is not known."""
        return None if self.n is None or self.respondents is None else max(1.0, self.respondents / self.n)

    @property
    def mode(self) -> int:
        """0-based position of the most frequent option; of several, the one the source lists first."""
        return self.first_mode if self.first_mode is not None else int(np.argmax(self.probabilities))

    @property
    def modes(self) -> tuple[int, ...]:
        """All positions that share the highest probability (to 1e-12)."""
        top = max(self.probabilities)
        return tuple(at for at, value in enumerate(self.probabilities) if value >= top - 1e-12)

    @property
    def captured(self) -> float:
        """Share of all answers that were one of the options."""
        return max(0.0, 1.0 - self.refused - self.unreadable)

    def __len__(self) -> int:
        return len(self.probabilities)
