"""Files come whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pluralign.core.errors import DataError, InterruptedRunError
from pluralign.store.files import part_of, sweep, write_text, write_whole
from pluralign.store.tables import PROMPTS, TableWriter


def test_a_file_that_cannot_be_finished_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def fails(part: Path) -> None:
        part.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(InterruptedRunError, match="No space left on device"):
        write_whole(path, fails)
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["a.txt"]


def test_a_place_where_no_file_can_be_is_the_users_to_mend(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere/a\.txt: cannot be written: No such file or directory"):
        write_text(tmp_path / "nowhere" / "a.txt", "text")
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match="cannot be written: Is a directory"):
        write_text(tmp_path / "folder", "text")
    assert [one.name for one in tmp_path.iterdir()] == ["folder"]


def test_parts_of_dead_processes_are_swept_and_those_of_the_living_stay(tmp_path: Path) -> None:
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    (tmp_path / f".a.txt.{int(dead.stdout)}.part").write_text("half")
    own = part_of(tmp_path / "a.txt")
    own.write_text("half")
    assert str(os.getpid()) in own.name
    (tmp_path / ".hidden").write_text("not ours")
    sweep(tmp_path)
    assert {one.name for one in tmp_path.iterdir()} == {own.name, ".hidden"}


def test_a_table_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "prompts.parquet"
    row = {"prompt": "h", "system": "s", "user": "u", "reply_start": ""}
    with TableWriter(path, PROMPTS) as table:
        table.write([row])
        assert not path.exists()
        table.write([])
        table.write([row, row])
    assert pq.read_table(path).to_pylist() == [row] * 3
    with pytest.raises(KeyboardInterrupt):
        _interrupted(path, row)
    assert pq.read_table(path).num_rows == 3
    assert [one.name for one in tmp_path.iterdir()] == ["prompts.parquet"]


def _interrupted(path: Path, row: dict[str, str]) -> None:
    with TableWriter(path, PROMPTS) as table:
        table.write([row])
        raise KeyboardInterrupt
