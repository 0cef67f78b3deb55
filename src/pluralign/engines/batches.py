"""Groups sequences that share beginnings, and counts what sharing saves. Knows sequences of tokens, no model.

Sorting sequences puts those with a common beginning next to each other, so a prefix tree needs no tree: the length
of the common beginning of neighbours says how much of each sequence is new.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

Token = TypeVar("Token", int, str)

REQUESTS = 64
"""A batch is closed once it holds this many requests …"""
TOKENS = 4096
"""… or this many computed tokens, whichever comes first: a few seconds of work, which is what an interruption costs."""
OVERHEAD = 0.05
"""A batch stays open as long as closing it would have the next one recompute more than this share of its tokens.
So all batches together compute at most 1 / (1 - 0.05) of the unique tokens."""


class Grouping(NamedTuple):
    """Requests in batches, and the tokens they cost."""

    batches: tuple[tuple[int, ...], ...]
    """Positions of the requests, every one in exactly one batch."""
    computed_tokens: int
    """Tokens computed if each batch shares beginnings within itself and starts from nothing."""
    unique_tokens: int
    """Tokens computed if one batch held everything."""


def common_prefix(left: Sequence[Token], right: Sequence[Token]) -> int:
    """Length of the longest common beginning."""
    shorter = min(len(left), len(right))
    if left[:shorter] == right[:shorter]:
        return shorter
    return next(at for at in range(shorter) if left[at] != right[at])


def distinct(sequences: Iterable[tuple[Token, ...]]) -> int:
    """Number of nodes of the prefix tree of the sequences."""
    total = 0
    before: tuple[Token, ...] = ()
    for sequence in sorted(sequences):
        total += len(sequence) - common_prefix(before, sequence)
        before = sequence
    return total


def group(
    requests: Sequence[Sequence[tuple[Token, ...]]],
    *,
    max_requests: int = REQUESTS,
    max_tokens: int = TOKENS,
) -> Grouping:
    """Put requests that begin alike into the same batch.

    Each request is the non-empty list of token sequences that answering it needs, the shortest first. The grouping
    depends on what is asked, and on the order of the list only where two requests are equal.
    """
    order = sorted(range(len(requests)), key=lambda at: list(requests[at]))
    batches: list[tuple[int, ...]] = []
    batch: list[int] = []
    in_batch = 0
    before: tuple[Token, ...] = ()
    for at in order:
        first = requests[at][0]
        shared = common_prefix(before, first)
        mine = distinct(requests[at])
        full = len(batch) >= max_requests or in_batch >= max_tokens
        if full and shared <= OVERHEAD * in_batch:
            batches.append(tuple(batch))
            batch, in_batch, shared = [], 0, 0
        batch.append(at)
        in_batch += mine - shared
        before = first
    if batch:
        batches.append(tuple(batch))
    return Grouping(
        batches=tuple(batches),
        computed_tokens=sum(distinct(sequence for at in batch for sequence in requests[at]) for batch in batches),
        unique_tokens=distinct(sequence for request in requests for sequence in request),
    )
