"""``pluralign export`` as typed."""

import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import Said

Command = Callable[..., Said]
POLL = (
    "poll", "--model", "scripted:hash", "--survey", "world-mini", "--per-topic", "1", "--resamples", "100",
    "--as", "USA,KEN", "--voice", "persona",
)  # fmt: skip


def test_a_finished_poll_becomes_a_log(type_command: Command, tmp_path: Path) -> None:
    assert type_command(*POLL, "--out", tmp_path / "run").code == 0
    said = type_command("export", tmp_path / "run", "--inspect", tmp_path / "logs" / "poll.eval")
    assert said.code == 0, said.err
    with zipfile.ZipFile(tmp_path / "logs" / "poll.eval") as file:
        count = sum(name.startswith("samples/") for name in file.namelist())
    assert f"({count:,} samples)" in said.out
    assert count > 2


def test_what_cannot_be_exported_is_one_sentence(type_command: Command, tmp_path: Path) -> None:
    said = type_command("export", tmp_path, "--inspect", tmp_path / "poll.eval")
    assert said.code == 2
    assert "there is no run in" in said.err
    assert type_command(*POLL, "--out", tmp_path / "run").code == 0
    said = type_command("export", tmp_path / "run", "--inspect", tmp_path / "poll.txt")
    assert said.code == 2
    assert "something.eval or something.json" in said.err
    assert not (tmp_path / "poll.txt").exists()
