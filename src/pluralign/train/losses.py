"""How far answers are from people's, with gradients: what distributional training makes small. Pure functions.

Shapes: ``said`` and ``people`` are (collectives, options), rows of shares over one question's options in its own order.
"""

from typing import NamedTuple

import torch
from pydantic import BaseModel, ConfigDict, Field

Weight = Field(default=0.0, ge=0)


class LossWeights(BaseModel):
    """What counts how much."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kl: float = Field(default=1.0, ge=0)
    """Forward Kullback-Leibler divergence from the people to the voice, in nats: every answer that people give costs
    where the voice does not give it."""
    wasserstein: float = Field(default=1.0, ge=0)
    """Wasserstein distance over the ordered scale, in [0, 1]; total variation where options have no order."""
    shift: float = Field(default=0.0, ge=0)
    """The same distance between deviations from the mean of the collectives: whether differences between groups are
    right, whatever the level (group shifts, after Suh et al. 2025)."""
    mass: float = Field(default=0.05, ge=0)
    """Minus the logarithm of the probability that the reply is an option at all."""


class Losses(NamedTuple):
    """Parts of the loss of one question, each a scalar, before weights."""

    kl: torch.Tensor
    wasserstein: torch.Tensor
    shift: torch.Tensor
    mass: torch.Tensor

    def total(self, weights: LossWeights) -> torch.Tensor:
        """The weighted sum."""
        return (
            weights.kl * self.kl
            + weights.wasserstein * self.wasserstein
            + weights.shift * self.shift
            + weights.mass * self.mass
        )


def losses(options: torch.Tensor, people: torch.Tensor, *, ordered: bool) -> Losses:
    """Parts of the loss of one question. ``options``: probabilities of the options, not renormalised."""
    mass = options.sum(dim=-1, keepdim=True)
    said = options / mass
    return Losses(
        kl=kl(said, people).mean(),
        wasserstein=distance(said, people, ordered=ordered).mean(),
        shift=shift(said, people, ordered=ordered),
        mass=-torch.log(mass).mean(),
    )


def kl(said: torch.Tensor, people: torch.Tensor) -> torch.Tensor:
    """KL(people || said) in nats, shape (collectives,); 0 log 0 is 0."""
    return (torch.xlogy(people, people) - torch.xlogy(people, said)).sum(dim=-1)


def distance(said: torch.Tensor, people: torch.Tensor, *, ordered: bool) -> torch.Tensor:
    """Wasserstein distance over equal steps divided by their number, or total variation; shape (collectives,)."""
    apart = said - people
    if not ordered:
        return 0.5 * apart.abs().sum(dim=-1)
    return apart.cumsum(dim=-1)[..., :-1].abs().sum(dim=-1) / (said.shape[-1] - 1)


def shift(said: torch.Tensor, people: torch.Tensor, *, ordered: bool) -> torch.Tensor:
    """Mean :func:`distance` between deviations from the collectives' mean; 0 for one collective."""
    if len(said) < 2:
        return said.sum() * 0
    return distance(said - said.mean(dim=0), people - people.mean(dim=0), ordered=ordered).mean()
