"""What lies beside a trained voice's weights: its card, the same in words as the hub shows them, and its profile."""

import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from pluralign.core.adapter import MANIFEST_FILE, AdapterManifest
from pluralign.core.errors import DataError, UnknownNameError
from pluralign.core.training import CARD_FILE, Profile, ProfileLine, TrainingCard
from pluralign.poll.scores import Cell, Scores
from pluralign.store.files import write_text
from pluralign.train.config import WHOLE_MODEL


def read_card(folder: Path) -> TrainingCard | None:
    """The card in a folder; ``None`` where there is none, as with adapters made elsewhere.

    Raises :class:`DataError` for a card that cannot be read.
    """
    path = folder / CARD_FILE
    if not path.is_file():
        return None
    try:
        return TrainingCard.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError):
        raise DataError("is not the record of a training that this version can read", file=str(path)) from None


def write_card(folder: Path, card: TrainingCard) -> None:
    """Put the card and the page made from it in place, and, once the training is over, what loaders need."""
    write_text(folder / CARD_FILE, _json(card.model_dump(mode="json")))
    write_text(folder / "README.md", readme(card))
    if card.finished is not None:
        write_text(folder / MANIFEST_FILE, _json(manifest(card).model_dump(mode="json")))


def manifest(card: TrainingCard) -> AdapterManifest:
    """What a loader must know of the adapter, and what reports say of it."""
    named = [name for name in card.collectives if name]
    whom = f" of {_listed(named)}" if 0 < len(named) <= 4 else f" of {len(named)} collectives" if named else ""
    return AdapterManifest(
        name=card.name if not card.collective else f"{card.name} {card.collective}",
        method=card.method,
        summary=f"trained by {card.method} ({card.mode}) on {sum(card.collectives.values()):,} records{whom}",
        base=card.base.name,
        base_digest=card.base.digest,
        template_hash=card.template_hash,
        asked=card.asked,
        version=card.versions.get("pluralign", ""),
        created=card.finished or "",
        config=card.config,
        training={"counts": card.counts, "losses": card.losses},
    )


def _json(data: Any) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def readme(card: TrainingCard) -> str:
    """Markdown with the hub's YAML header."""
    parts = [_header(card), f"# {card.name}", _opening(card), _measured(card), _records(card), _training(card)]
    return "\n\n".join(part for part in parts if part) + "\n"


def profile_of(scores: Scores, voices: str) -> Profile:
    """What a poll found of the voices of that name, such as ``adapter:runs/kenya``, in whichever way they were asked;
    of all, for an empty name.

    Raises :class:`UnknownNameError` where the poll asked none.
    """
    cells = [cell for cell in scores.cells if voices in ("", cell.voice, cell.voice.partition("+")[0])]
    if not cells:
        raise UnknownNameError("voice of the poll", voices, dict.fromkeys(cell.voice for cell in scores.cells))
    floors: dict[str, list[float]] = {}
    for cell in cells:
        for mark in cell.marks:
            value = mark.distances.get(cell.headline)
            if mark.kind == "floor" and value is not None:
                floors.setdefault(mark.name, []).append(value)
    return Profile(
        run=scores.run,
        survey=scores.survey,
        created=scores.created,
        floors={name: sum(values) / len(values) for name, values in floors.items()},
        lines=tuple(_line(cell) for cell in cells),
    )


def _line(cell: Cell) -> ProfileLine:
    measure = cell.distances[cell.headline]
    return ProfileLine(
        voice=cell.voice,
        collective=cell.collective,
        distance=cell.headline,
        value=measure.value,
        low=measure.low,
        high=measure.high,
        skill=cell.skill.value,
        entropy_ratio=cell.entropy_ratio.value,
        worth_people=cell.worth_text,
        questions=cell.questions,
    )


def _header(card: TrainingCard) -> str:
    whole = card.mode in WHOLE_MODEL
    told = {
        "base_model": card.base.name,
        "library_name": "transformers" if whole else "peft",
        "pipeline_tag": "text-generation",
        "tags": ["pluralign", card.method] + ([] if whole else ["lora"]),
    }
    return "---\n" + yaml.safe_dump(told, sort_keys=False) + "---"


def _opening(card: TrainingCard) -> str:
    about = str(card.config.get("about") or "").strip()
    if card.finished is None:
        return "Being trained."
    named = [name for name in card.collectives if name]
    whom = f" It was taught to speak for {_listed(named)}." if named else ""
    return f"{about}{whom}".strip()


def _measured(card: TrainingCard) -> str:
    if card.profile is None:
        return (
            "## Whom it speaks for\n\nNot measured yet: `pluralign poll` asks it a survey, and `pluralign train card` "
            "writes what was found here."
        )
    profile = card.profile
    rows = ["| voice | people | distance | 95 % | skill | variety | worth |", "|---|---|---|---|---|---|---|"]
    for line in profile.lines:
        interval = "" if line.low is None or line.high is None else f"{line.low:.3f} to {line.high:.3f}"
        rows.append(
            f"| {line.voice} | {line.collective} | {_number(line.value)} | {interval} | {_number(line.skill, 2)} | "
            f"{_number(line.entropy_ratio, 2)} | {line.worth_people} people |"
        )
    floors = ", ".join(f"{name} {_number(value)}" for name, value in profile.floors.items())
    distances = " and ".join(sorted({line.distance.replace("_", " ") for line in profile.lines}))
    return (
        f"## Whom it speaks for\n\nAsked {profile.survey}; {distances} distance to the people's answers, smaller is "
        f"closer. Floors that know nothing: {floors or 'none'}. Variety is the entropy of its answers over the "
        "people's; worth is how many random members of the people come as close.\n\n" + "\n".join(rows)
    )


def _records(card: TrainingCard) -> str:
    rows = ["| records | taken | of | SHA-256 |", "|---|---|---|---|"]
    rows += [f"| {part.source} | {part.taken:,} | {part.records:,} | `{part.sha256}` |" for part in card.records]
    lines = [f"Licences: {_listed(card.licences)}.", f"Sources: {_listed(card.sources)}."]
    if card.constitutions:
        lines.append("Constitution: " + _listed([f"`{name}`" for name in card.constitutions]) + ".")
    return "## What it learned from\n\n" + "\n".join(rows) + "\n\n" + "\n".join(lines)


def _training(card: TrainingCard) -> str:
    lines = [
        f"- base: {card.base.name} ({card.base.origin}), digest `{card.base.digest}`",
        f"- method: {card.method}, mode {card.mode}",
        f"- chat template: `{card.template_hash}`",
    ]
    lines += [f"- {name.replace('_', ' ')}: {count:,}" for name, count in card.counts.items()]
    lines += [f"- loss, {name.replace('_', ' ')}: {value:.4f}" for name, value in card.losses.items()]
    lines += [f"- departs from the original: {text}" for text in card.config.get("departs") or ()]
    lines.append("- " + ", ".join(f"{package} {version}" for package, version in card.versions.items()))
    config = yaml.safe_dump(card.config, sort_keys=False, allow_unicode=True).strip()
    return "## How it was trained\n\n" + "\n".join(lines) + f"\n\n```yaml\n{config}\n```"


def _number(value: float | None, digits: int = 3) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _listed(names: Any) -> str:
    return ", ".join(names) or "none"
