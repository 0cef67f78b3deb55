"""Log-probabilities of the tokens that are learned, and of no others. Knows a model, no loss.

The output layer is most of the work of a small model with a large vocabulary, so only positions whose next token is
learned are projected: on CUDA by TRL's fused kernel, elsewhere by asking the model for these positions only. Both
give the same numbers.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch.nn import functional


class Likelihood(NamedTuple):
    """Per learned token; shape (examples, positions), positions in order, padded."""

    logprobs: torch.Tensor
    """Natural logs; 0 where nothing is learned."""
    learned: torch.Tensor
    """Whether this position counts."""
    hits: torch.Tensor
    """Whether the token is the likeliest one."""


def likelihood(
    model: Any, inputs: dict[str, Any], labels: torch.Tensor, *, fused: bool, unsaid: Sequence[int] = ()
) -> Likelihood:
    """How likely the labelled tokens are. ``inputs`` are the model's own; ``labels`` as long, -100 where not learned.

    ``fused`` needs a model that TRL's trainer has prepared. ``unsaid``: tokens that are only ever read, as identity
    tokens are; the model cannot say them where it is asked, so they have no share here.
    """
    if fused:
        outputs = model(**inputs, labels=labels, use_cache=False, fused_lm_head=True)
        return Likelihood(outputs.log_probs, outputs.label_mask, outputs.is_top1)
    targets = labels[:, 1:]
    columns = (targets != -100).any(dim=0).nonzero().flatten()
    logits = model(**inputs, use_cache=False, logits_to_keep=columns).logits.float()
    if unsaid:
        logits[..., list(unsaid)] = -torch.inf
    targets = targets[:, columns]
    learned = targets != -100
    losses = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100, reduction="none")
    return Likelihood(-losses.view_as(targets), learned, (logits.argmax(dim=-1) == targets) & learned)


def can_fuse(model: Any, device: torch.device) -> bool:
    """Whether TRL's fused output layer may be used: on CUDA, where the output layer is an ordinary one."""
    return device.type == "cuda" and type(model.get_output_embeddings()) is torch.nn.Linear
