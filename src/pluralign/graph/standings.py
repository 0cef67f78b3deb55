"""Where each value stands in its context: wisdom, page rank, strength, who backs it, and how sure its place is.

Puts together what the other modules compute; knows codes and counts, not cards.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from pluralign.core.moral_graph import GroupSupport, Interval, Standing
from pluralign.graph.aggregate import Cells, likelihood
from pluralign.graph.bootstrap import Bootstrap, Places, places
from pluralign.graph.bridging import GroupCounts, bridging, distinct
from pluralign.graph.judgements import LESS_WISE, WISER, Codes
from pluralign.graph.ranking import Links, page_rank, published_page_rank, wisdom
from pluralign.graph.strength import bradley_terry, contests
from pluralign.graph.tally import Counted, Method

Floats = NDArray[np.float64]


def stand(
    counted: Counted, method: Method, found: Cells, groups: list[GroupCounts], resampled: Bootstrap | None
) -> tuple[Standing, ...]:
    """The standings of all judged values, by context in order of first appearance, then rank."""
    table, pairs, kept = counted.table, counted.pairs, counted.kept
    where = places(pairs)
    links = Links(where.of_source[kept], where.of_candidate[kept], likelihood(pairs)[kept])
    wise = wisdom(links, len(where.value))
    ranks = _page_ranks(links, where, published=method.published)
    strength, error = _strengths(counted, where, published=method.published)
    backing = _backing(counted, found, where)
    supports = _group_supports(counted, found, where, groups)
    z = float(special.ndtri(0.5 + method.level / 2))

    def standing(rank: int, row: int) -> Standing:
        context = int(where.context[row])
        told = not np.isnan(strength[row])
        sure = told and not np.isnan(error[row])
        return Standing(
            value=table.value_names[where.value[row]],
            context=None if context == -1 else table.context_names[context],
            rank=rank,
            wisdom=float(wise[row]),
            wisdom_interval=None
            if resampled is None
            else Interval(
                low=float(resampled.wisdom_low[row]), high=float(resampled.wisdom_high[row]), level=method.level
            ),
            page_rank=None if np.isnan(ranks[row]) else float(ranks[row]),
            strength=float(strength[row]) if told else None,
            strength_interval=Interval(
                low=float(strength[row] - z * error[row]),
                high=float(strength[row] + z * error[row]),
                level=method.level,
            )
            if sure
            else None,
            win_probability=None if resampled is None else _share(resampled.wins[row]),
            page_rank_win_probability=None if resampled is None else _share(resampled.page_rank_wins[row]),
            supporters=int(backing.supporters[row]),
            judges=int(backing.judges[row]),
            groups=supports[row],
            bridging=bridging(supports[row]) if backing.judges[row] else (),
        )

    def order(row: int) -> tuple[float, float, float, str]:
        return (
            -float(wise[row]),
            -float(np.nan_to_num(strength[row], nan=-1e9)),
            -float(np.nan_to_num(ranks[row])),
            table.value_names[where.value[row]],
        )

    _, first = np.unique(table.context, return_index=True)
    appeared = dict(zip(np.unique(table.context).tolist(), first.tolist(), strict=True))
    spans = sorted(where.spans(), key=lambda span: appeared.get(int(where.context[span[0]]), -1))
    return tuple(
        standing(rank, row) for start, end in spans for rank, row in enumerate(sorted(range(start, end), key=order), 1)
    )


def _share(number: float) -> float:
    # Shares of tied winners are summed in floating point, which may end a hair above 1.
    return min(float(number), 1.0)


def _page_ranks(links: Links, where: Places, *, published: bool) -> Floats:
    """Page rank of each place within its context; NaN without an edge."""
    rank = published_page_rank if published else page_rank
    ranks = np.full(len(where.value), np.nan)
    for start, end in where.spans():
        here = (links.source >= start) & (links.source < end)
        inside = Links(links.source[here] - start, links.wiser[here] - start, links.weight[here])
        ranks[start:end] = rank(inside, end - start)
    return ranks


class _Strength(NamedTuple):
    strength: Floats
    error: Floats


def _strengths(counted: Counted, where: Places, *, published: bool) -> _Strength:
    """Bradley-Terry strength of each place; NaN where nothing was told, and in published mode."""
    strength, error = np.full(len(where.value), np.nan), np.full(len(where.value), np.nan)
    if not published:
        fitted = bradley_terry(contests(counted.pairs))
        values = len(counted.table.value_names)
        place_of = {key: row for row, key in enumerate(((where.context + 1) * values + where.value).tolist())}
        rows = [place_of[key] for key in ((fitted.context + 1) * values + fitted.value).tolist()]
        strength[rows], error[rows] = fitted.strength, fitted.error
    return _Strength(strength, error)


class _Backing(NamedTuple):
    supporters: Codes
    judges: Codes


def _backing(counted: Counted, found: Cells, where: Places, among: NDArray[np.bool_] | None = None) -> _Backing:
    """Different people, per place, behind the kept edges that lead to it; ``among`` chooses judgements."""
    table, pairs, kept = counted.table, counted.pairs, counted.kept
    leads_to = np.full((len(found.first), 2), -1)
    leads_to[pairs.group[kept], pairs.reverse[kept].astype(np.int64)] = where.of_candidate[kept]
    inside = np.ones(len(table), dtype=bool) if among is None else among
    # "Less wise" speaks for the edge that runs the other way.
    turned = table.relationship == LESS_WISE
    place = leads_to[found.group, np.where(turned, 1 - found.reverse, found.reverse)]
    backs = ((table.relationship == WISER) | turned) & (place >= 0) & inside
    supporters = distinct(place[backs], table.participant[backs], len(where.value))
    both = leads_to[found.group]
    asked = (both >= 0) & inside[:, None]
    people = np.broadcast_to(table.participant[:, None], both.shape)
    return _Backing(supporters, distinct(both[asked], people[asked], len(where.value)))


def _group_supports(
    counted: Counted, found: Cells, where: Places, groups: list[GroupCounts]
) -> list[tuple[GroupSupport, ...]]:
    """For each place, how each group answered about the kept edges that lead to it."""
    kept, size = counted.kept, len(where.value)
    target = where.of_candidate[kept]
    supports: list[list[GroupSupport]] = [[] for _ in range(size)]
    for each in groups:
        wiser = np.bincount(target, each.wiser[kept], size).astype(np.int64)
        total = np.bincount(target, each.total[kept], size).astype(np.int64)
        judges = _backing(counted, found, where, each.member).judges
        for row in range(size):
            supports[row].append(
                GroupSupport(
                    attribute=each.attribute,
                    group=each.group,
                    wiser=int(wiser[row]),
                    total=int(total[row]),
                    participants=int(judges[row]),
                )
            )
    return [tuple(theirs) for theirs in supports]
