"""Folds for cross-validation: every fold has its share of every source, and no group is torn apart. Pure."""

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

from pluralign.core.errors import UsageError
from pluralign.curate.work import seeded

Group = TypeVar("Group", bound=Hashable)


def deal(members: Sequence[tuple[str, Group]], count: int, seed: int) -> dict[Group, int]:
    """Group -> number of its fold, from 0. ``members``: (source, group) of every record.

    Groups are shuffled by the seed and dealt out source by source, the largest first, each to the fold that has fewest
    records of that source, of equals the one that has fewest records at all. A source's records so differ between two
    folds by no more than its largest group. A group of several sources goes with the one it has most of. Raises
    :class:`UsageError` where there are fewer groups than folds.
    """
    sizes: dict[Group, dict[str, int]] = {}
    for source, group in members:
        own = sizes.setdefault(group, {})
        own[source] = own.get(source, 0) + 1
    if len(sizes) < count:
        raise UsageError(
            f"{count} folds need at least {count} groups that may be parted, and there are {len(sizes)}: take fewer "
            "folds, or group by something finer"
        )
    home = {group: max(own, key=lambda source: own[source]) for group, own in sizes.items()}
    totals = [0] * count
    folds: dict[Group, int] = {}
    for source in dict.fromkeys(home.values()):
        groups = [group for group in sizes if home[group] == source]
        seeded(seed, "folds", source).shuffle(groups)
        groups.sort(key=lambda group: -sum(sizes[group].values()))
        here = [0] * count
        for group in groups:
            fold = min(range(count), key=lambda at: (here[at], totals[at], at))
            size = sum(sizes[group].values())
            folds[group] = fold
            here[fold] += size
            totals[fold] += size
    return folds


def connected(pairs: Iterable[tuple[Hashable, Hashable]]) -> dict[Hashable, Hashable]:
    """The first member of everything that hangs together: documents that share an author, and so on."""
    root: dict[Hashable, Hashable] = {}

    def find(one: Hashable) -> Hashable:
        root.setdefault(one, one)
        while root[one] != one:
            root[one] = root[root[one]]
            one = root[one]
        return one

    for one, two in pairs:
        first, second = find(one), find(two)
        if first != second:
            root[second] = first
    return {one: find(one) for one in list(root)}
