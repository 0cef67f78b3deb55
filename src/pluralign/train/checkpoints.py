"""Checkpoints of a training: which are whole, and where to go on. Knows folders of transformers' trainer."""

import json
import shutil
from pathlib import Path

_LAST_WRITTEN = "trainer_state.json"


def whole_checkpoints(folder: Path) -> list[Path]:
    """Checkpoints that were written to their end, the earliest first.

    The trainer writes weights, optimiser and random state, and its own state last: where that can be read, the rest
    is there.
    """
    return sorted((path for path in folder.glob("checkpoint-*") if _is_whole(path)), key=_step)


def sweep_checkpoints(folder: Path) -> None:
    """Remove checkpoints that were only half written when the machine stopped or the disk was full."""
    for path in folder.glob("checkpoint-*"):
        if not _is_whole(path):
            shutil.rmtree(path, ignore_errors=True)


def _is_whole(path: Path) -> bool:
    try:
        state = json.loads((path / _LAST_WRITTEN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return path.name == f"checkpoint-{state.get('global_step')}"


def _step(path: Path) -> int:
    return int(path.name.rsplit("-", 1)[-1])
