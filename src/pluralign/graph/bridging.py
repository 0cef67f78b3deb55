"""Support across groups: does a value win with everyone, or with a majority that outvotes the others?

Knows groups as names only. A group's support is (W + 1) / (T + 2), and group-aware consensus the product over groups,
as in Polis (C. Small et al., "Polis: scaling deliberation by mapping high dimensional opinion spaces", Recerca 26,
2021). A group that nobody asked counts with one half: silence is neither consent nor dissent.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pluralign.core.moral_graph import Bridging, GroupSupport
from pluralign.graph.aggregate import Cells, PairTable, count, recounted
from pluralign.graph.judgements import Codes, JudgementTable, Participants, pack


class GroupCounts(NamedTuple):
    """Counts of one group of participants, a column entry per pair."""

    attribute: str
    group: str
    wiser: Codes
    total: Codes
    participants: Codes
    member: NDArray[np.bool_]
    """Which judgements are by members of the group."""


def group_counts(
    table: JudgementTable, pairs: PairTable, found: Cells, participants: Participants
) -> list[GroupCounts]:
    """Counts of every group that has judged anything, by attribute and group name."""
    counted = []
    for attribute in sorted(participants.groups):
        theirs = participants.groups[attribute]
        names = [theirs.get(person) for person in table.participant_names]
        for group in sorted({name for name in names if name is not None}):
            member = np.array([name == group for name in names], dtype=bool)[table.participant]
            if not member.any():
                continue
            answers = recounted(pairs, count(table, found, member))
            people = distinct(found.group[member], table.participant[member], len(found.first))
            counted.append(GroupCounts(attribute, group, answers.wiser, answers.total, people[pairs.group], member))
    return counted


def distinct(place: Codes, participant: Codes, places: int) -> Codes:
    """Number of different participants at each place; shape (places,)."""
    if not len(place):
        return np.zeros(places, dtype=np.int64)
    _, first = np.unique(pack(place, participant), return_index=True)
    return np.bincount(place[first], minlength=places)


def support_of(groups: Sequence[GroupCounts], pair: int) -> tuple[GroupSupport, ...]:
    """The groups' answers about one pair."""
    return tuple(
        GroupSupport(
            attribute=each.attribute,
            group=each.group,
            wiser=int(each.wiser[pair]),
            total=int(each.total[pair]),
            participants=int(each.participants[pair]),
        )
        for each in groups
    )


def bridging(supports: Sequence[GroupSupport]) -> tuple[Bridging, ...]:
    """Minimum, product and geometric mean of the groups' supports, for each attribute with two groups or more."""
    found = []
    for attribute in dict.fromkeys(each.attribute for each in supports):
        shares = [each.support for each in supports if each.attribute == attribute]
        if len(shares) > 1:
            product = float(np.prod(shares))
            found.append(
                Bridging(
                    attribute=attribute,
                    groups=len(shares),
                    minimum=min(shares),
                    product=product,
                    consensus=product ** (1 / len(shares)),
                )
            )
    return tuple(found)
