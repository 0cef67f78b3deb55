"""A map of countries as tiles, one as large as the other: where on Earth a voice works. Knows no HTML, loads nothing.

Countries are put near where they lie, on a grid, so that a small one can be read as well as a large one. Longitudes and
latitudes are whole degrees of a place about the middle of each.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

STEPS = 5
"""Shades, from 0 (worst served) to this (best)."""
FEWEST = 3
"""Fewer countries make no map."""
_WIDE, _HIGH = 12.0, 9.0
"""Degrees of longitude and latitude that a tile stands for."""

_PLACES = """
AGO 18 -12  ALB 20 41  AND 2 43  ARG -65 -35  ARM 45 40  AUS 134 -25  AUT 14 47  AZE 48 40  BEL 4 51  BFA -2 12
BGD 90 24  BGR 25 43  BIH 18 44  BLR 28 53  BOL -65 -17  BRA -53 -10  CAN -100 58  CHE 8 47  CHL -71 -33  CHN 104 36
CIV -6 8  COL -73 4  CYP 33 35  CZE 15 50  DEU 10 51  DNK 9 56  DZA 3 28  ECU -78 -1  EGY 30 27  ESP -4 40
EST 26 59  ETH 40 9  FIN 26 64  FRA 2 47  GBR -2 54  GEO 43 42  GHA -1 8  GRC 22 39  GTM -90 16  HKG 114 22
HND -87 15  HRV 16 45  HUN 19 47  IDN 114 -2  IND 79 22  IRL -8 53  IRN 54 32  IRQ 44 33  ISL -19 65  ISR 35 31
ITA 12 43  JOR 36 31  JPN 138 36  KAZ 67 48  KEN 38 0  KGZ 75 41  KOR 128 36  KWT 48 29  LBN 36 34  LBY 17 27
LTU 24 55  LVA 25 57  MAC 113 21  MAR -6 32  MDV 73 3  MEX -102 24  MKD 22 42  MLI -4 17  MMR 96 21  MNE 19 43
MNG 104 47  MYS 102 4  NGA 8 9  NIC -85 13  NIR -7 55  NLD 5 52  NOR 9 61  NZL 173 -41  PAK 69 30  PER -75 -9
PHL 122 12  POL 19 52  PRI -66 18  PRT -8 39  PSE 35 32  ROU 25 46  RUS 90 60  SEN -14 14  SGP 104 1  SLV -89 14
SRB 21 44  SVK 19 48  SVN 15 46  SWE 16 62  THA 101 15  TJK 71 39  TUN 9 34  TUR 35 39  TWN 121 24  TZA 35 -6
UGA 32 1  UKR 31 49  URY -56 -33  USA -98 39  UZB 63 42  VEN -66 7  VNM 107 16  YEM 48 16  ZAF 24 -29  ZWE 30 -19
"""
_WORDS = _PLACES.split()
PLACES: dict[str, tuple[int, int]] = {
    code: (int(longitude), int(latitude))
    for code, longitude, latitude in zip(_WORDS[::3], _WORDS[1::3], _WORDS[2::3], strict=True)
}
"""ISO 3166-1 alpha-3 code -> longitude and latitude in degrees."""


class Tile(NamedTuple):
    """One country."""

    id: str
    column: int
    """From 0 on the left."""
    row: int
    """From 0 at the top."""
    value: float | None
    shade: int | None
    """From 0, the smallest value, to :data:`STEPS`, the largest; ``None`` where there is no value."""


class TileMap(NamedTuple):
    """Countries on a grid just large enough to hold them."""

    tiles: tuple[Tile, ...]
    columns: int
    rows: int
    elsewhere: tuple[str, ...]
    """Ids that are no country with a place here."""


def tile_map(values: Mapping[str, float | None]) -> TileMap | None:
    """A map of the countries among ``values`` (id -> number); ``None`` where there are fewer than three.

    Columns and rows in which nobody lies are left out, so that tiles are as large as they can be.
    """
    placed = _place([each for each in values if each in PLACES])
    if len(placed) < FEWEST:
        return None
    known = [value for value in values.values() if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    columns = sorted({column for column, _ in placed.values()})
    rows = sorted({row for _, row in placed.values()})
    tiles = tuple(
        Tile(each, columns.index(column), rows.index(row), values[each], _shade(values[each], low, high))
        for each, (column, row) in placed.items()
    )
    return TileMap(
        tiles,
        columns=len(columns),
        rows=len(rows),
        elsewhere=tuple(each for each in values if each not in PLACES),
    )


def _shade(value: float | None, low: float, high: float) -> int | None:
    if value is None:
        return None
    return STEPS if high <= low else round(STEPS * min(max((value - low) / (high - low), 0.0), 1.0))


def _place(ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Each country on the free cell nearest to where it lies; those with the most neighbours choose first."""
    wished = {each: (PLACES[each][0] / _WIDE, -PLACES[each][1] / _HIGH) for each in ids}

    def apart(one: tuple[float, float], other: tuple[float, float]) -> float:
        return (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2

    crowd = {each: sum(apart(wished[each], other) < 4 for other in wished.values()) for each in ids}
    taken: dict[tuple[int, int], str] = {}
    for each in sorted(ids, key=lambda one: (-crowd[one], one)):
        at = wished[each]
        size = 1 + int(len(ids) ** 0.5)
        free = [
            cell
            for column in range(round(at[0]) - size, round(at[0]) + size + 1)
            for row in range(round(at[1]) - size, round(at[1]) + size + 1)
            if (cell := (column, row)) not in taken
        ]
        taken[min(free, key=lambda cell: (apart(cell, at), cell))] = each
    cells = {each: cell for cell, each in taken.items()}
    return {each: cells[each] for each in ids}
