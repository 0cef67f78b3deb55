"""What is needed to repeat a number: the study, the versions, the checksums, the seed. Knows no storage."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from pluralign.core.ids import content_hash


class RunSpec(BaseModel):
    """Everything that decides the result of a run. Equal ``id``: the same things were asked of the same model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    """What was done, such as ``poll``."""
    study: dict[str, Any]
    """The study as it was carried out, defaults filled in."""
    given: tuple[str, ...]
    """Which of its keys the user set; the others are defaults."""
    survey_checksum: str
    """Content hash of the questions asked and the references compared with."""
    engine: dict[str, Any]
    """The engine's own account of itself: model, digest, dtype, device, adapter."""
    templates: dict[str, str]
    """Prompt template file -> content hash."""
    seed: int
    """Seeds every draw, together with what the draw is for."""

    @property
    def id(self) -> str:
        """Content hash of the specification."""
        return content_hash(self.model_dump(mode="json"))


class RunRecord(BaseModel):
    """A run as it happened: its specification, when and on what it ran, and what came of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    spec: RunSpec
    versions: dict[str, str]
    """Package -> version, with Python and the platform."""
    command: tuple[str, ...] = ()
    """The command line that started it; empty when started from Python."""
    started: str
    """UTC, ISO 8601."""
    finished: str | None = None
    """UTC, ISO 8601; ``None`` while it runs or after it was interrupted."""
    counts: dict[str, int] = {}
    """What was asked, answered, resumed, computed: items and tokens."""
    git: str | None = None
    """Commit of the working directory, where it is a git checkout."""
