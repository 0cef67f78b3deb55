"""Countries as tiles: each on a cell of its own, about where it lies."""

import pytest

from pluralign.report.tile_map import PLACES, STEPS, tile_map
from pluralign.surveys.countries import COUNTRIES


def test_every_country_that_a_voice_can_speak_for_has_a_place() -> None:
    assert set(COUNTRIES) == set(PLACES)
    assert all(-180 <= longitude <= 180 and -60 <= latitude <= 75 for longitude, latitude in PLACES.values())


@pytest.mark.parametrize("ids", [list(PLACES), ["USA", "CAN", "KEN", "NZL"], ["NLD", "BEL", "DEU"]])
def test_no_two_share_a_cell(ids: list[str]) -> None:
    found = tile_map(dict.fromkeys(ids, 0.5))
    assert found is not None
    cells = {(tile.column, tile.row) for tile in found.tiles}
    assert len(cells) == len(found.tiles) == len(ids)
    assert {column for column, _ in cells} <= set(range(found.columns))
    assert {row for _, row in cells} <= set(range(found.rows))


def test_north_is_up_and_east_is_right() -> None:
    found = tile_map({"CAN": 0.0, "USA": 0.1, "BRA": None, "KEN": 1.0, "nurses": 0.3})
    assert found is not None
    at = {tile.id: tile for tile in found.tiles}
    assert at["CAN"].row < at["USA"].row < at["BRA"].row
    assert at["USA"].column < at["BRA"].column < at["KEN"].column
    assert [at[each].shade for each in ("CAN", "BRA", "KEN")] == [0, None, STEPS]
    assert found.elsewhere == ("nurses",)


def test_a_map_needs_countries() -> None:
    assert tile_map({"USA": 1.0, "KEN": 0.0, "nurses": 0.5}) is None
    same = tile_map({"USA": 1.0, "KEN": 1.0, "IND": 1.0})
    assert same is not None
    assert {tile.shade for tile in same.tiles} == {STEPS}
