"""Panels whose member a model picks: asked once per panel and collective, before the poll, and kept with the run."""

import json
from pathlib import Path
from typing import Any

from pluralign.core.errors import DataError, ModelError
from pluralign.engines.base import Engine
from pluralign.poll.run import Prepared, with_voices
from pluralign.store.files import write_text
from pluralign.voices.panel import panel_voices, pick_request, picked

PICKS_FILE = "picks.json"

Picks = dict[str, dict[str, int | None]]
"""Panel's name -> collective id -> position of the picked member; ``None`` where the pick could not be read."""


def decide(prepared: Prepared, engine: Engine | None, folder: Path | None = None) -> Prepared:
    """The study with the voices of its undecided panels, each collective's member picked by the model.

    Picks that ``folder`` holds already are taken from there; new ones are written there. Where a pick cannot be read,
    nobody speaks for that collective; :func:`unread` counts them. Raises :class:`ModelError` for an engine that does
    not score options, and :class:`DataError` where there is neither an engine nor a file of picks.
    """
    if not prepared.undecided:
        return prepared
    kept = _kept(folder)
    asked = [
        (one, people)
        for one in prepared.undecided
        for people in prepared.collectives
        if people.id not in kept.get(one.name, {})
    ]
    if asked:
        if engine is None:
            raise DataError("does not hold every pick of this run's panels", file=str((folder or Path()) / PICKS_FILE))
        if engine.can.option_scores == "none":
            raise ModelError(f"{engine.name!r} does not score options, so it cannot pick: set 'pick: declared'")
        scores = engine.score([pick_request(one, people) for one, people in asked])
        for (one, people), score in zip(asked, scores, strict=True):
            kept.setdefault(one.name, {})[people.id] = picked(score)
        if folder is not None:
            write_text(folder / PICKS_FILE, json.dumps(kept, indent=1, sort_keys=True) + "\n")
    more = [
        voice
        for one in prepared.undecided
        for voice in panel_voices(one, prepared.collectives, prepared.library, kept[one.name])
    ]
    return with_voices(prepared, (*prepared.voices, *more))


def unread(prepared: Prepared) -> dict[str, int]:
    """Label of a panel -> for how many collectives the model's pick could not be read, of a decided study."""
    heard = {one.name: sum(voice.name == one.name for voice in prepared.voices) for one in prepared.undecided}
    missing = {one.label: len(prepared.collectives) - heard[one.name] for one in prepared.undecided}
    return {label: count for label, count in missing.items() if count}


def _kept(folder: Path | None) -> Picks:
    if folder is None or not (folder / PICKS_FILE).exists():
        return {}
    try:
        data: Any = json.loads((folder / PICKS_FILE).read_text(encoding="utf-8"))
        return {
            str(name): {str(who): at if at is None else int(at) for who, at in row.items()}
            for name, row in data.items()
        }
    except (ValueError, AttributeError, TypeError):
        raise DataError("is not a file of picks", file=str(folder / PICKS_FILE)) from None
