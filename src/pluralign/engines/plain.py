"""Computes prompts one by one or in padded batches, sharing nothing: the oracle, and the way for unusual models.

Knows tokens, no options.
"""

from collections.abc import Sequence
from typing import Any

import torch

from pluralign.engines.prefix import Question, log_softmax_rows

BATCH = 16


def next_logprobs(model: Any, questions: Sequence[Question], *, batch: int = BATCH) -> list[list[float]]:
    """Per question the natural log-probabilities of its next tokens, each normalised over the whole vocabulary.

    Sequences of similar length go together, padded on the left; with ``batch=1`` nothing is padded.
    """
    order = sorted(range(len(questions)), key=lambda at: questions[at])
    order.sort(key=lambda at: len(questions[at][0]))
    answers: list[list[float]] = [[] for _ in questions]
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        longest = max(len(questions[at][0]) for at in chosen)
        ids = torch.zeros((len(chosen), longest), dtype=torch.long)
        real = torch.zeros((len(chosen), longest), dtype=torch.long)
        for row, at in enumerate(chosen):
            tokens = questions[at][0]
            ids[row, longest - len(tokens) :] = torch.tensor(tokens)
            real[row, longest - len(tokens) :] = 1
        padding: dict[str, torch.Tensor] = {}
        if not bool(real.all()):
            positions = (real.cumsum(dim=-1) - 1).clamp(min=0)
            padding = {"attention_mask": real.to(model.device), "position_ids": positions.to(model.device)}
        logits = model(input_ids=ids.to(model.device), use_cache=False, logits_to_keep=1, **padding).logits[:, -1]
        for row_logprobs, at in zip(log_softmax_rows(logits), chosen, strict=True):
            answers[at] = row_logprobs[list(questions[at][1])].tolist()
    return answers
