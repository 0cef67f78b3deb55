"""The command line as a person uses it."""

import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest

from pluralign.cli.main import main


class Said(NamedTuple):
    """What a command left on the screen."""

    code: int
    out: str
    err: str


@pytest.fixture
def type_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run ``pluralign`` with these arguments, errors and exit code included."""

    def run(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["pluralign", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        code = 0
        try:
            main()
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return run
