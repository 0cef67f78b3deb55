"""What the likeliest first tokens of a reply say about options, and what they leave open. Pure arithmetic.

A server that lists only its k likeliest tokens says nothing of the rest but that each is no likelier than the last
one listed, and that together they have what is left of the probability. So an option has a lower bound, what was
seen of it, and an upper bound. Nothing is filled in, and no token counts for two options.

A form counts as it does in exact scoring, by its own tokens: the token "10" is no "1", and "Agreed" no "Agree".
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from pluralign.engines.base import OptionScores, ScoreRequest

# What servers write for "too improbable to be listed".
_UNLISTED = -9000.0


class Listed(NamedTuple):
    """The likeliest first tokens of a reply."""

    tokens: dict[bytes, float]
    """Text of a token -> its probability."""
    rest: float
    """Probability of all tokens that are not listed, in [0, 1]."""
    ceiling: float
    """No token that is not listed is more probable than this; in [0, 1]."""


def listed(position: Mapping[str, Any]) -> Listed | None:
    """Read one position of a reply: the token that came, and ``top_logprobs``. ``None`` where none are listed."""
    came = _token(position)
    tokens: dict[bytes, float] = {}
    ceiling: float | None = None
    for entry in position.get("top_logprobs") or []:
        token = _token(entry)
        if token is None:
            continue
        text, probability = token
        tokens[text] = tokens.get(text, 0.0) + probability
        # Some servers put the token that came among the top ones although it is not: it bounds nothing.
        if came is None or text != came[0]:
            ceiling = probability if ceiling is None else min(ceiling, probability)
    if not tokens:
        return None
    if came is not None:
        tokens.setdefault(*came)
    rest = min(1.0, max(0.0, 1 - math.fsum(tokens.values())))
    return Listed(tokens, rest, min(rest, 1.0 if ceiling is None else ceiling))


def _token(entry: Mapping[str, Any]) -> tuple[bytes, float] | None:
    logprob = entry.get("logprob")
    if not isinstance(logprob, int | float) or logprob < _UNLISTED:
        return None
    raw = entry.get("bytes")
    text = bytes(raw) if isinstance(raw, list) else str(entry.get("token", "")).encode()
    return text, math.exp(min(0.0, logprob))


def bounded(request: ScoreRequest, known: Listed, prompt_tokens: int) -> OptionScores:
    """Lower and upper bounds of every option; ``logprobs`` are the lower ones."""
    options = [tuple(dict.fromkeys(form.encode() for form in forms)) for forms in request.options]
    low = [_low(at, options, known) for at in range(len(options))]
    high = []
    for at, forms in enumerate(options):
        # The options exclude each other: what is certain for the others is not to be had.
        left = 1 - math.fsum(low[:at] + low[at + 1 :])
        high.append(max(low[at], min(left, _high(forms, known))))
    lows = tuple(_log(value) for value in low)
    return OptionScores(
        logprobs=lows,
        forms=tuple(tuple(_log(known.tokens.get(form.encode(), 0.0)) for form in forms) for forms in request.options),
        prompt_tokens=prompt_tokens,
        low=lows,
        high=tuple(_log(value) for value in high),
    )


def unknown(request: ScoreRequest, prompt_tokens: int) -> OptionScores:
    """The scores of a question of which nothing is known, because the model refused it."""
    nothing = tuple(-math.inf for _ in request.options)
    return OptionScores(
        logprobs=nothing,
        forms=tuple(tuple(-math.inf for _ in forms) for forms in request.options),
        prompt_tokens=prompt_tokens,
        low=nothing,
        high=tuple(0.0 for _ in request.options),
    )


def _low(at: int, options: list[tuple[bytes, ...]], known: Listed) -> float:
    """What was certainly seen of an option: its forms that are tokens, and cannot go on to another option's form."""
    others = [form for other, forms in enumerate(options) if other != at for form in forms]
    return math.fsum(
        known.tokens[form]
        for form in options[at]
        if form in known.tokens
        # A longer form that is a token itself is not written as this token and something more.
        and not any(other.startswith(form) and other not in known.tokens for other in others)
    )


def _high(forms: tuple[bytes, ...], known: Listed) -> float:
    """What an option can have at most: its forms seen, and for the others the likeliest way they could begin."""
    seen = [form for form in forms if form in known.tokens]
    beginnings: set[bytes] = set()
    singly = []
    for form in forms:
        if form in known.tokens:
            continue
        # What begins like a form of the same option that was seen is counted with that.
        begin = {text for text in known.tokens if text and form.startswith(text) and text not in seen}
        beginnings |= begin
        singly.append(max([known.ceiling, *(known.tokens[text] for text in begin)]))
    together = math.fsum(known.tokens[text] for text in beginnings) + min(known.rest, len(singly) * known.ceiling)
    return math.fsum(known.tokens[form] for form in seen) + min(math.fsum(singly), together)


def _log(value: float) -> float:
    return min(0.0, math.log(value)) if value > 0 else -math.inf
