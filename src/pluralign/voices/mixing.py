"""Several voices answer as one: their probabilities, averaged exactly. Knows no voice and no engine."""

import math
from collections.abc import Sequence

from pluralign.core.errors import UsageError
from pluralign.engines.base import OptionScores


def check_weights(weights: Sequence[float]) -> None:
    """Raise :class:`UsageError` unless weights are positive and sum to one."""
    if not weights or any(not math.isfinite(weight) or weight <= 0 for weight in weights):
        raise UsageError(f"weights of a mixture must be above 0, got {list(weights)}")
    if not math.isclose(math.fsum(weights), 1.0, abs_tol=1e-9):
        raise UsageError(f"weights of a mixture must sum to 1, got {list(weights)}, which sum to {math.fsum(weights)}")


def mixed(weights: Sequence[float], scores: Sequence[OptionScores]) -> OptionScores:
    """Scores of one who answers as each member does, with the probability that is the member's weight.

    Probabilities are averaged, not their logarithms, and before any renormalisation: a member whose reply mostly falls
    outside the options weighs less among the options, as it would if the members were drawn by lot (the distributional
    mode of Modular Pluralism, Feng et al. 2024, with weights). Bounds are averaged as the probabilities are: they
    bound the mixture. ``prompt_tokens`` are those of all members.

    Raises :class:`UsageError` for weights that are not positive or do not sum to one.
    """
    check_weights(weights)
    if len(scores) == 1:
        return scores[0]
    bounded = any(one.low is not None for one in scores)
    return OptionScores(
        logprobs=_average(weights, [one.logprobs for one in scores]),
        forms=tuple(
            _average(weights, [one.forms[option] for one in scores]) for option in range(len(scores[0].logprobs))
        ),
        prompt_tokens=sum(one.prompt_tokens for one in scores),
        low=_average(weights, [one.low or one.logprobs for one in scores]) if bounded else None,
        high=_average(weights, [one.high or one.logprobs for one in scores]) if bounded else None,
    )


def _average(weights: Sequence[float], logs: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """Logs of the weighted means of the exponentials, entry by entry."""
    return tuple(
        _log_sum([math.log(weight) + log for weight, log in zip(weights, column, strict=True)])
        for column in zip(*logs, strict=True)
    )


def _log_sum(logs: Sequence[float]) -> float:
    greatest = max(logs)
    if greatest == -math.inf:
        return -math.inf
    return greatest + math.log(math.fsum(math.exp(log - greatest) for log in logs))
