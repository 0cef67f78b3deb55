"""Work that several processes may share: batch by batch, each claimed, computed and committed whole.

Knows no engine and no meaning of an answer; whoever calls it says how a batch is computed.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pluralign.store.answers import AnswerStore, Claim

POLL_SECONDS = 0.2
"""How often a process that waits for another looks whether its answers have come."""


class Batch(NamedTuple):
    """What is computed and stored together."""

    id: str
    """The same in every process that would compute it."""
    keys: tuple[str, ...]
    """Of the answers that it lacks, all different."""


def lacking(batches: Iterable[Sequence[str]], stored: Mapping[str, Any]) -> list[Batch]:
    """Batches with what they lack. A key that stands in several batches belongs to the first."""
    seen: set[str] = set()
    found = []
    for keys in batches:
        own = [key for key in dict.fromkeys(keys) if key not in seen]
        seen.update(own)
        keys_left = tuple(key for key in own if key not in stored)
        if keys_left:
            found.append(Batch(own[0], keys_left))
    return found


def compute(
    store: AnswerStore,
    batches: Sequence[Batch],
    work: Callable[[Batch], Mapping[str, Any]],
    *,
    on_batch: Callable[[Mapping[str, Any], bool], None],
    on_wait: Callable[[int], None],
) -> None:
    """See to it that every batch is stored, computing those that no other process computes.

    ``work`` computes a batch: key -> plain data. ``on_batch`` is told the answers of each batch and whether this
    process computed them; ``on_wait`` how many answers are left while there is nothing to do but wait for others.
    Returns when all are there. An error of ``work`` leaves what was stored before, and goes through.
    """
    left = list(batches)
    while left:
        taken = []
        for batch in left:
            claim = store.claim(batch.id, batch.keys)
            if claim is Claim.TAKEN:
                taken.append(batch)
                continue
            if claim is Claim.MINE:
                answers = work(batch)
                if not store.put(answers):  # given up for dead meanwhile: what was stored first counts
                    answers = store.get(batch.keys)
            else:
                answers = store.get(batch.keys)
            on_batch(answers, claim is Claim.MINE)
        if len(taken) == len(left):
            on_wait(sum(len(batch.keys) for batch in taken))
            time.sleep(POLL_SECONDS)
        left = taken
