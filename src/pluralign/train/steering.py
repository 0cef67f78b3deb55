"""What steers a training by a survey that is polled on the way, as a user writes it. Knows no survey."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1)]


class Steering(BaseModel):
    """When to poll and when to stop: the same for records and for distributions."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    every: Count = 100
    """Steps between two polls."""
    peoples: Count = 4
    """How many of the trained peoples are polled, of those that the survey has answers of."""
    patience: Count | None = None
    """Stop when the distance has not fallen for so many polls; ``null``: never."""
    entropy_ratio: tuple[float, float] | None = None
    """Stop when the answers' entropy over the people's leaves this range; ``null``: never."""
    skill: float | None = None
    """Stop when the skill falls below this; ``null``: never."""
