"""Divides records into parts of which one at a time is kept from training. Knows records, no trainer.

What belongs together stays together: records of one group (a source document, an author, a question), and equal
records. Collectives are spread evenly over the parts.
"""

import warnings
from collections.abc import Sequence
from typing import Literal

from pluralign.core.errors import UsageError
from pluralign.train.sources import Located


def fold_numbers(records: Sequence[Located], folds: int | Literal["records"], seed: int) -> list[int]:
    """Per record the fold that holds it out: drawn, or the one that the record names.

    Every record is in exactly one fold, so that it is held out exactly once. Raises :class:`UsageError` where there
    are fewer groups than folds, where a record names no fold, or where one group is in two.
    """
    if folds == "records":
        return _declared(records)
    groups = [_group(located) for located in records]
    if len(set(groups)) < folds:
        raise UsageError(f"{len(set(groups))} groups of records cannot be divided into {folds} folds")
    from sklearn.model_selection import StratifiedGroupKFold

    numbers = [0] * len(records)
    division = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A collective with fewer records than there are folds cannot be in all of them.
        warnings.filterwarnings("ignore", message="The least populated class")
        parts = list(division.split(records, [located.record.collective for located in records], groups))
    for number, (_, held_out) in enumerate(parts):
        for position in held_out:
            numbers[position] = number
    return numbers


def _group(located: Located) -> str:
    return located.record.group or located.record.id


def _declared(records: Sequence[Located]) -> list[int]:
    numbers: list[int] = []
    of_group: dict[str, int] = {}
    for located in records:
        number = located.record.fold
        if number is None:
            raise UsageError(f"folds are to be taken from the records, but one names none ({located.place})")
        if of_group.setdefault(_group(located), number) != number:
            raise UsageError(
                f"the group {_group(located)!r} is in the folds {of_group[_group(located)]} and {number} "
                f"({located.place}): what belongs together may not be torn apart"
            )
        numbers.append(number)
    if len(set(numbers)) < 2:
        raise UsageError("all records are in one fold: nothing would be left to learn from")
    return numbers
