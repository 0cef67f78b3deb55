"""Numbers as people write them down, shares or counts, into a distribution. Knows no file."""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from pluralign.core.distribution import Distribution, Obtained
from pluralign.core.errors import DistributionError

ROUNDING = 0.005
"""How far from one a row of shares may sum and still be taken for rounded; it is then scaled to one."""


class Kind(StrEnum):
    """What the numbers of a row are."""

    SHARES = "shares"
    """Parts of one."""
    COUNTS = "counts"
    """Numbers of people, or sums of their weights."""


class Row(NamedTuple):
    """One population's answers to one question."""

    distribution: Distribution
    off: float
    """How far the shares were from summing to one before they were scaled; 0 for counts and for exact shares."""


def distribution(
    numbers: Sequence[object],
    kind: Kind | None = None,
    *,
    missing: float = 0.0,
    refused: float | None = None,
    n: float | None = None,
    respondents: float | None = None,
) -> Row:
    """The answers of a population.

    ``numbers``: one per option, in the question's order. ``kind``: ``None`` takes numbers that sum to one (within
    :data:`ROUNDING`) for shares and whole numbers for counts. ``missing``: in the same unit, answers that were no
    option; it becomes ``refused``, which may be given as a share of all answers instead. ``n``: people behind the
    options; default their sum, if they are whole counts. ``respondents``: the same unweighted; default as ``n``, where
    that is a sum of whole counts.

    Raises :class:`DistributionError` with the sum, where it is not one and the numbers are not counts.
    """
    values = [_number(value) for value in numbers]
    given, total = math.fsum(values), math.fsum([*values, missing])
    whole = all(value == int(value) for value in (*values, missing))
    if kind is None:
        if abs(total - 1) <= ROUNDING:
            kind = Kind.SHARES
        elif whole and total == 100:
            raise DistributionError(
                "the numbers sum to 100: write 'counts:' before them if they are people, "
                "or divide them by 100 if they are percentages"
            )
        else:
            kind = Kind.COUNTS if whole and total > 1 else Kind.SHARES
    if given <= 0:
        raise DistributionError("all numbers are zero; leave the row out if nobody was asked")
    if kind is Kind.SHARES and abs(total - 1) > ROUNDING:
        hint = "; divide percentages by 100" if abs(total - 100) <= 1 else ""
        raise DistributionError(f"the shares sum to {total:.4g}, not to 1{hint}")
    if n is None and kind is Kind.COUNTS and whole:
        n = given
        respondents = given if respondents is None else respondents
    return Row(
        Distribution.from_weights(
            values,
            Obtained.PEOPLE,
            n=n,
            respondents=respondents,
            refused=missing / total if refused is None else refused,
        ),
        abs(total - 1) if kind is Kind.SHARES and abs(total - 1) > 1e-9 else 0.0,
    )


def rounding_note(rows: Sequence[Row]) -> str:
    """A sentence on rows that were scaled to one; empty if none was."""
    off = [row.off for row in rows if row.off > 0]
    if not off:
        return ""
    rows_were = "1 row of shares was" if len(off) == 1 else f"{len(off)} rows of shares were"
    return f"{rows_were} off by up to {max(off):.2g} from rounding and scaled to sum to 1."


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise DistributionError(f"expected a number, got {value!r}")
    if not math.isfinite(value) or value < 0:
        raise DistributionError(f"a share or count must not be negative or infinite, got {value!r}")
    return float(value)
