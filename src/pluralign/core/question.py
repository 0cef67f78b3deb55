"""A survey question: its wording, its options, and what kind of scale they form. Knows no answers."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

NonEmpty = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Scale(StrEnum):
    """How the options relate to each other (Stevens 1946); decides which distances make sense."""

    NOMINAL = "nominal"
    """Options have no order: only equal or different."""
    ORDINAL = "ordinal"
    """Options have an order; steps need not be equal."""
    INTERVAL = "interval"
    """Options are numbers on a line with equal steps, such as 1 to 10."""

    @property
    def ordered(self) -> bool:
        """Whether "between" means something on this scale."""
        return self is not Scale.NOMINAL


class Option(BaseModel):
    """One answer a respondent can give."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: int
    """The survey's own code for this answer, shown as its label unless a layout says otherwise."""
    text: NonEmpty
    """The wording of the answer."""


class Question(BaseModel):
    """One item of a survey. Its options stand in the survey's own order, at least two of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: NonEmpty
    """Unique within the survey."""
    text: NonEmpty
    """The wording of the question, without its options."""
    options: tuple[Option, ...]
    """At least two, with different codes and different wordings."""
    scale: Scale
    """What kind of scale the options form. A binary question may be called either; all distances agree on it."""
    topic: str = ""
    """The survey's own heading for this question; empty if it has none."""
    missing: dict[int, str] = Field(default_factory=dict)
    """Codes that stand for "no answer" in the data (code -> meaning). They are never offered to a model."""

    @model_validator(mode="after")
    def _options_are_distinct(self) -> Self:
        if len(self.options) < 2:
            raise ValueError(
                f"question {self.id!r} has {len(self.options)} option(s); a distribution needs at least two"
            )
        ids = [option.id for option in self.options]
        if len(set(ids)) < len(ids):
            raise ValueError(f"question {self.id!r} uses an option id twice: {ids}")
        texts = [option.text for option in self.options]
        if len(set(texts)) < len(texts):
            twice = next(text for text in texts if texts.count(text) > 1)
            raise ValueError(f"question {self.id!r} has the option {twice!r} twice")
        both = set(ids) & set(self.missing)
        if both:
            raise ValueError(f"question {self.id!r} lists {sorted(both)} both as options and as missing codes")
        return self

    def position(self, option_id: int) -> int | None:
        """0-based position of the option with this code, or ``None`` if no option has it."""
        return next((at for at, option in enumerate(self.options) if option.id == option_id), None)

    @property
    def is_numeric(self) -> bool:
        """Whether every option's wording is its own code, as on a scale from 1 to 10."""
        return all(option.text == str(option.id) for option in self.options)
