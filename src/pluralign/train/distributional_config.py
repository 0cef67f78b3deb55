"""What ``pluralign train distributional`` is told: whom to learn from, what to keep back, how to train. YAML at heart.

Knows nothing of how it is carried out.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from pluralign.core.documents import Document, parse, validate
from pluralign.core.errors import UsageError
from pluralign.core.question import NonEmpty
from pluralign.prompts.options import Labels
from pluralign.prompts.strategies import strategy
from pluralign.train.losses import LossWeights
from pluralign.train.steering import Count, Steering

Rate = Annotated[float, Field(gt=0, lt=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Figures(_Part):
    """A survey to learn from."""

    survey: NonEmpty
    """As in ``pluralign poll --survey``."""
    without_topics: tuple[str, ...] = ()
    """Headings to leave out, where this survey calls a held-out topic by another name."""
    weight: Annotated[float, Field(gt=0)] = 1.0
    """How often its questions are drawn, against 1 for a question of another survey."""


class HeldOut(_Part):
    """What is measured and must never be learned, of the first survey named under ``learn_from``."""

    topics: tuple[str, ...] = ()
    """Headings whose questions are all kept back."""
    questions: tuple[str, ...] = ()
    """Single questions that are kept back."""
    collectives: tuple[str, ...] = ()
    """Peoples of whom no figure is learned, in any survey."""
    alike: Annotated[float, Field(gt=0, le=100)] = 45.0
    """Questions of other surveys worded so much like a held-out one are left out too (chrF++, 0 to 100)."""


class Lora(_Part):
    """Low-rank weights (Hu et al. 2021)."""

    rank: Count = 16
    alpha: Annotated[float, Field(gt=0)] = 32.0
    """The update is scaled by alpha / rank."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    """Names of the linear layers that are adapted."""
    first_layer: Annotated[int, Field(ge=0)] = 0
    """Layers below this one stay as they are; their work on a question is then done once and kept, so that later
    passes are several times cheaper."""


class Identity(_Part):
    """One token per collective."""

    placement: Literal["late", "early"] = "late"
    """Right before the reply, so that all collectives share the question; or first of all, to compare with."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """How often nobody's token stands in for a collective's, so that a default voice remains."""
    learning_rate: Rate = 5e-3
    """Of the rows."""


class Anchor(Steering):
    """The survey in the loop: what is polled while training goes on, by the same scorer."""

    share: Annotated[float, Field(gt=0, lt=1)] = 0.15
    """Share of the questions that may be learned which is kept back for this. Never the held-out ones."""
    keep: Literal["best", "last", "average"] = "best"
    """Which weights become the adapter: those with the smallest distance on this survey, the last ones, or the mean
    that ``average`` makes."""


class Average(_Part):
    """The mean of the weights of many steps (Izmailov et al. 2018), for what is unlike anything learned (Cha et al.
    2021)."""

    since: Count
    """The first step that counts."""
    every: Count = 1
    """Steps between two that count."""


class DistributionalConfig(_Part):
    """A training toward people's distributions. Unknown keys are refused."""

    name: NonEmpty = "distributional"
    """What reports call the voice; the folder is named after it."""
    summary: str = ""
    """One plain sentence for reports."""
    model: NonEmpty
    """The base, as in ``pluralign poll --model``."""
    chat_template: str | None = None
    """``plain`` for a base model without one."""
    asked: NonEmpty = "plain"
    """The way of asking that is trained and will be polled: a strategy's name."""
    learn_from: Annotated[tuple[Figures, ...], Field(min_length=1)]
    """Surveys with people's figures. What is held out is of the first."""
    held_out: HeldOut = HeldOut()
    identity: Identity | None = Identity()
    """One token per collective; ``null``: none, so that the way of asking must name whom to speak for."""
    lora: Lora | None = Lora()
    """Low-rank weights; ``null``: none, so that only the rows of the tokens are trained."""
    loss: LossWeights = LossWeights()
    orders: Count | Literal["all"] = "all"
    """Orders of the options to draw from: each time a question comes, one is drawn."""
    labels: Labels = Labels.NUMBER
    mirrored: bool = False
    """Put every second time the other way round a numeric scale whose ends the question names, ends and shares turned,
    so that which end is which must be read. Options with wordings have that from ``orders``."""
    steps: Count = 400
    questions: Count = 2
    """Questions per step."""
    peoples: Count = 64
    """At most so many collectives per question."""
    learning_rate: Rate = 5e-4
    """Of the low-rank weights; rises over the first steps and falls along a cosine."""
    warmup: Annotated[int, Field(ge=0)] = 20
    clip: Annotated[float, Field(gt=0)] = 1.0
    """Greatest norm of a gradient."""
    anchor: Anchor | None = Anchor()
    average: Average | None = None
    """Average weights along the way. It becomes the adapter where ``anchor.keep`` says so, or there is no anchor."""
    save_every: Count = 50
    """Steps between two checkpoints: what an interruption costs."""
    device: str = "auto"
    seed: int = 0

    @field_validator("name")
    @classmethod
    def _is_a_folder_name(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
            raise ValueError(f"a name is letters, digits, '.', '_' and '-', not {name!r}")
        return name

    @model_validator(mode="after")
    def _can_be_trained(self) -> Self:
        chosen = strategy(self.asked)
        if chosen.needs_examples or chosen.needs_neighbours:
            raise ValueError(f"asked: {chosen.name!r} shows other answers; train with plain, persona or persona-last")
        if self.identity is None and self.lora is None:
            raise ValueError("nothing is trained: give identity or lora")
        if self.identity is None and not chosen.names_collective:
            raise ValueError(
                f"without identity tokens the way of asking must name a collective, and {self.asked} does not"
            )
        if self.average is not None and self.average.since > self.steps:
            raise ValueError(f"average.since is {self.average.since}, and there are {self.steps} steps")
        if self.average is None and self.anchor is not None and self.anchor.keep == "average":
            raise ValueError("anchor.keep is average: say of which steps, such as average: {since: 200, every: 10}")
        return self

    @property
    def keep(self) -> Literal["best", "last", "average"]:
        """Which weights become the adapter."""
        if self.anchor is None:
            return "last" if self.average is None else "average"
        return self.anchor.keep


def distributional_config(path: Path, settings: dict[str, Any]) -> DistributionalConfig:
    """The configuration in a file, with settings over it. Raises :class:`DataError` naming file, line and key."""
    try:
        document = parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{str(path)!r} cannot be read ({getattr(error, 'strerror', 'not UTF-8')})") from None
    if isinstance(document.data, dict) and settings:
        document = Document({**document.data, **settings}, document.lines, document.file)
    return validate(DistributionalConfig, document)
