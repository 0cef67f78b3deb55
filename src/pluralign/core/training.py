"""How a voice was trained: from which records, how, with what result, and whom it was measured to speak for.

Lies as ``training.json`` beside the weights. What a loader must know (base, template, identity tokens) is in
:mod:`pluralign.core.adapter`. Knows no trainer and no engine.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from pluralign.core.ids import content_hash

CARD_FILE = "training.json"


class _Noun(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BaseModelCard(_Noun):
    """The model an adapter was trained on."""

    name: str
    """As the user calls it: ``smollm2``, a hub name, a folder."""
    origin: str
    """Where its files came from."""
    digest: str
    """Content hash of its configuration and weights; see ``pluralign.engines.checkpoints.digest_of``."""


class RecordsCard(_Noun):
    """A source of records, as it was read."""

    source: str
    """File name, or data set and split."""
    sha256: str
    """Of the file, or of a data set's rows as records."""
    records: int
    """How many it holds."""
    taken: int
    """How many of them were taken."""
    skipped: int = 0
    """Rows that are no records: no reply, or two equal ones."""


class ProfileLine(_Noun):
    """How close a voice of the adapter came to one people."""

    voice: str
    collective: str
    distance: str
    """Which distance, such as ``wasserstein``; smaller is better."""
    value: float | None
    low: float | None = None
    high: float | None = None
    """95 % interval over questions."""
    skill: float | None = None
    """0 knows no more than the whole sample, 1 is a fresh sample of the people; see docs/metrics.md."""
    entropy_ratio: float | None = None
    """Variety of the voice's answers over the people's."""
    worth_people: str = ""
    """How many random members of the people come as close, in words."""
    questions: int


class Profile(_Noun):
    """What a poll found, kept with the adapter."""

    run: str
    """Id of the run's specification."""
    survey: str
    created: str
    """UTC, ISO 8601."""
    floors: dict[str, float | None]
    """Name of a floor -> its mean distance over the peoples below."""
    lines: tuple[ProfileLine, ...]


class TrainingCard(_Noun):
    """A training and what came of it."""

    schema_version: Literal[1] = 1
    name: str
    method: str
    """``sft``, ``dpo`` …"""
    asked: str = ""
    """The way of asking that the records are of, as in ``pluralign poll --voice``; empty if none in particular."""
    mode: str
    """``lora``, ``qlora``, ``tokens``, ``full``, ``last-layers``. The last two make a whole model, not an adapter."""
    base: BaseModelCard
    template_hash: str
    """Of the chat template it was trained with; see ``pluralign.engines.rendering.Renderer``."""
    records: tuple[RecordsCard, ...]
    collectives: dict[str, int]
    """Collective -> records learned from; ``""`` for records of nobody in particular."""
    licences: tuple[str, ...]
    sources: tuple[str, ...]
    """Where the words come from, at most twenty of them."""
    constitutions: tuple[str, ...] = ()
    """Hashes of the constitutions that the records name."""
    collective: str = ""
    """The only collective it was trained for, where there is an adapter for each."""
    fold: int | None = None
    """The fold held out, in a cross-validation."""
    config: dict[str, Any]
    """The configuration as carried out, defaults filled in."""
    counts: dict[str, int] = {}
    """Examples, tokens, steps, trainable parameters; records dropped and cut."""
    losses: dict[str, float] = {}
    """Last measured: ``train``, ``held_out`` …"""
    stopped: str = ""
    """Why it stopped before its last step; empty if it did not."""
    profile: Profile | None = None
    """Whom it speaks for, where it was polled."""
    versions: dict[str, str] = {}
    command: tuple[str, ...] = ()
    started: str
    finished: str | None = None
    """UTC, ISO 8601; ``None`` while it is being trained."""

    @property
    def id(self) -> str:
        """Content hash of all that decides the weights: the same id, the same training."""
        told = {"name", "about", "departs", "trackers"}
        return content_hash(
            {
                "method": self.method,
                "base": self.base.digest,
                "template": self.template_hash,
                "records": [[part.sha256, part.taken] for part in self.records],
                "collective": self.collective,
                "fold": self.fold,
                "config": {key: value for key, value in self.config.items() if key not in told},
            }
        )
