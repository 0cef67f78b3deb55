"""From the probability of every surface form to that of every option. Pure arithmetic, on any kind of token."""

import math
from collections.abc import Mapping, Sequence

from pluralign.core.errors import ModelError
from pluralign.engines.base import OptionScores, ScoreRequest

Tokens = tuple[int, ...]


def check(request: ScoreRequest) -> None:
    """Raise :class:`ModelError` unless there are two options or more, each with a form, and no form is empty."""
    if len(request.options) < 2:
        raise ModelError(f"a question needs at least two options, got {request.options}")
    if any(not forms or "" in forms for forms in request.options):
        raise ModelError(f"every option needs at least one form, and none empty: {request.options}")


def inner_paths(forms: Sequence[Sequence[Tokens]]) -> list[Tokens]:
    """The beginnings of forms, the empty one first, after which the model must be asked what comes next."""
    return sorted({tokens[:length] for of_option in forms for tokens in of_option for length in range(len(tokens))})


def form_logprobs(forms: Sequence[Sequence[Tokens]], edges: Mapping[Tokens, float]) -> list[list[float]]:
    """Per option and form the log-probability of the continuation: the sum along its path.

    ``edges`` has, per path, the log-probability of its last token after the others.
    """
    return [
        [math.fsum(edges[tokens[:length]] for length in range(1, len(tokens) + 1)) for tokens in of_option]
        for of_option in forms
    ]


def option_scores(
    forms: Sequence[Sequence[Tokens]], edges: Mapping[Tokens, float], *, prompt_tokens: int
) -> OptionScores:
    """Exact scores of one request from the log-probabilities of its edges; see :func:`form_logprobs`."""
    logprobs = form_logprobs(forms, edges)
    return OptionScores(
        logprobs=credited(forms, logprobs),
        forms=tuple(tuple(of_option) for of_option in logprobs),
        prompt_tokens=prompt_tokens,
    )


def credited(forms: Sequence[Sequence[Tokens]], logprobs: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """Per option the log-probability that the reply begins with one of its forms and with no longer form.

    A reply is credited to the longest form it begins with, so the events are disjoint: from each form's probability
    those of the nearest longer forms are taken away, before an option's forms are added up. Where "10" is written
    as "1" and "0", the option "1" is not credited with it.
    """
    probability = {
        tokens: math.exp(logprob)
        for of_option, logprobs_of_option in zip(forms, logprobs, strict=True)
        for tokens, logprob in zip(of_option, logprobs_of_option, strict=True)
    }
    own = dict(probability)
    for tokens in probability:
        shorter = next((tokens[:end] for end in range(len(tokens) - 1, 0, -1) if tokens[:end] in probability), None)
        if shorter is not None:
            own[shorter] -= probability[tokens]
    result = []
    for of_option, logprobs_of_option in zip(forms, logprobs, strict=True):
        distinct = dict(zip(of_option, logprobs_of_option, strict=True))
        if all(own[tokens] == probability[tokens] for tokens in distinct):
            # No subtraction: stay in logarithms, which do not underflow.
            result.append(_log_sum(list(distinct.values())))
        else:
            mass = math.fsum(max(0.0, own[tokens]) for tokens in distinct)
            result.append(math.log(mass) if mass > 0 else -math.inf)
    return tuple(result)


def _log_sum(values: Sequence[float]) -> float:
    top = max(values)
    if top == -math.inf:
        return -math.inf
    return top + math.log(math.fsum(math.exp(value - top) for value in values))
