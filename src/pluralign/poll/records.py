"""What a run's folder says of itself: ``run.json``. Knows no answers and no scores."""

import json
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import ValidationError

from pluralign import __version__
from pluralign.core.errors import DataError, UsageError
from pluralign.core.run import RunRecord, RunSpec
from pluralign.engines.base import Engine
from pluralign.poll.ask import TASKS
from pluralign.poll.run import Prepared
from pluralign.poll.study import Study
from pluralign.prompts.reader import template_hashes
from pluralign.store.files import make_folder, sweep, write_text
from pluralign.voices.panel import PanelVoice, pick_hashes

RUN_FILE = "run.json"
_PACKAGES = ("numpy", "scipy", "pyarrow", "torch", "transformers", "peft", "openai", "vllm")


def specify(prepared: Prepared, engine: Engine, reader: Engine | None = None) -> RunSpec:
    """All that decides the numbers of this poll. Where files lie and how they are called does not."""
    study = prepared.study
    templates = template_hashes() if reader is not None else {}
    tasks = tuple(dict.fromkeys(TASKS[method] for method in study.methods))
    for voice in prepared.voices:
        templates |= voice.hashes_for(tasks)
    if prepared.undecided:
        templates |= pick_hashes()
    return RunSpec(
        kind="poll",
        study=study.model_dump(mode="json", by_alias=True),
        given=tuple(sorted(study.model_fields_set & set(study.model_dump()))),
        survey_checksum=prepared.survey.checksum,
        engine={
            **engine.describe(),
            "option_scores": engine.can.option_scores,
            **_digests(prepared),
            **({} if reader is None else {"reader": {**reader.describe(), "option_scores": reader.can.option_scores}}),
        },
        templates=dict(sorted(templates.items())),
        seed=study.seed,
    )


def _digests(prepared: Prepared) -> dict[str, dict[str, str]]:
    """Content hashes of the adapters that voices wear and of panels; none, as in earlier runs, where there is none."""
    adapters = {way.name: way.digest for voice in prepared.voices for way in voice.ways if way.adapter}
    panels = [voice.way for voice in prepared.voices if isinstance(voice, PanelVoice)] + list(prepared.undecided)
    found = {"adapters": adapters, "panels": {panel.name: panel.digest for panel in panels}}
    return {kind: digests for kind, digests in found.items() if digests}


def open_run(folder: Path, spec: RunSpec, command: Sequence[str]) -> RunRecord:
    """Begin a run in ``folder``, or go on with the one that is there.

    Raises :class:`UsageError` where the folder holds another study's run, and leaves that run alone.
    """
    make_folder(folder)
    sweep(folder)
    if (folder / RUN_FILE).exists():
        earlier = read_run(folder)
        if earlier.spec.id != spec.id:
            raise UsageError(
                f"{str(folder)!r} holds another run ({_difference(earlier.spec, spec)} differs); "
                "name another folder with --out"
            )
    record = RunRecord(spec=spec, versions=versions(), command=tuple(command), started=now())
    write_run(folder, record)
    return record


def read_run(folder: Path) -> RunRecord:
    """The record of a run. Raises :class:`UsageError` or :class:`DataError` where there is none to read."""
    path = folder / RUN_FILE
    if not path.exists():
        raise UsageError(f"there is no run in {str(folder)!r}: {RUN_FILE} is missing")
    try:
        return RunRecord.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError):
        raise DataError("is not the record of a run", file=str(path)) from None


def recorded_study(folder: Path, record: RunRecord) -> Study:
    """The study of a run. Raises :class:`DataError` where another version wrote one that this one cannot read."""
    try:
        return Study.model_validate(record.spec.study)
    except ValidationError:
        raise DataError("does not hold a study that this version can read", file=str(folder / RUN_FILE)) from None


def write_run(folder: Path, record: RunRecord) -> None:
    """Put ``run.json`` in place in one step."""
    text = json.dumps(record.model_dump(mode="json"), indent=2, ensure_ascii=False)
    write_text(folder / RUN_FILE, text + "\n")


def versions() -> dict[str, str]:
    """Versions of all that may change a number."""
    found = {"pluralign": __version__, "python": platform.python_version(), "platform": platform.platform()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def now() -> str:
    """UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _difference(earlier: RunSpec, later: RunSpec) -> str:
    for part in ("study", "survey_checksum", "engine", "templates", "seed"):
        before, after = getattr(earlier, part), getattr(later, part)
        if before == after:
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            key = next(key for key in sorted({*before, *after}) if before.get(key) != after.get(key))
            return f"its {part} {key!r}"
        return f"its {part}"
    return "something in it"
