"""A training as a user writes it: one YAML file, some keys overridden by ``--set``. Knows nothing of how it is done.

Every key is a field below, with what it does under it; unknown keys are refused with their line.
"""

import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from pluralign.core.documents import Document, parse, validate
from pluralign.core.errors import DataError, UnknownNameError, UsageError
from pluralign.core.question import NonEmpty
from pluralign.train.steering import Steering

Method = Literal["sft", "dpo"]
Mode = Literal["full", "lora", "qlora", "tokens", "last-layers"]
Share = Annotated[float, Field(gt=0, le=1)]
Positive = Annotated[int, Field(ge=1)]

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""The seven matrices of a Llama-like layer that the published recipes adapt."""
ALL_LINEAR = "all-linear"
WHOLE_MODEL: tuple[Mode, ...] = ("full", "last-layers")
"""Modes that make a model, not an adapter."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Source(_Part):
    """Where records come from: a file of records, or a data set of conversations."""

    file: str = ""
    """A JSONL file of records, as ``pluralign curate`` writes it."""
    dataset: str = ""
    """Instead of a file: a data set on the hub, or a folder or Parquet file, with the columns ``messages``, or
    ``chosen`` and ``rejected``."""
    split: str = "train"
    """Which split of the data set."""
    licence: str = ""
    """Terms of the data set; records of a file carry their own."""
    fraction: Share = 1.0
    """How much of it to take; see ``mixing``."""

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        if bool(self.file) == bool(self.dataset):
            raise ValueError("name either a file of records or a dataset")
        if self.dataset and not self.licence:
            raise ValueError(f"say under which licence {self.dataset!r} may be used")
        return self

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return self.file or f"{self.dataset}[{self.split}]"


def _texts_are_files(given: Any) -> Any:
    if isinstance(given, str | dict):
        given = [given]
    return [{"file": one} if isinstance(one, str) else one for one in given] if isinstance(given, list) else given


Sources = Annotated[tuple[Source, ...], BeforeValidator(_texts_are_files)]
"""Several sources; a plain text stands for a file."""


class HeldOut(_Part):
    """What is kept from training to measure the loss on."""

    fraction: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Share of the records, drawn by groups (records of one source stay together) and evenly over collectives."""
    records: Sources = ()
    """Or records of their own. Never a part of them: their ``fraction`` is refused."""

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        if (self.fraction is None) == (not self.records):
            raise ValueError("name a fraction to hold out, or records of their own")
        if any(source.fraction != 1 for source in self.records):
            raise ValueError("held-out records are measured in full: leave out their fraction")
        return self


class Lora(_Part):
    """Low-rank adapters (Hu et al. 2021)."""

    rank: Positive = 16
    alpha: Annotated[float, Field(gt=0)] = 32
    """The update is scaled by alpha / rank."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    targets: tuple[str, ...] | Literal["all-linear"] = "all-linear"
    """Names of the matrices to adapt; ``all-linear``: all of them but the output layer."""


class Quantisation(_Part):
    """How ``qlora`` keeps the base model (Dettmers et al. 2023)."""

    bits: Literal[4, 8] = 4
    kind: Literal["nf4", "fp4"] = "nf4"
    """Number format of 4 bits."""
    double: bool = False
    """Whether the scales are quantised too."""


class Preference(_Part):
    """Direct preference optimisation (Rafailov et al. 2023)."""

    beta: Annotated[float, Field(gt=0)] = 0.1
    """How strongly the reference model holds back."""
    soft: bool = True
    """Use each record's ``preference`` as the probability that its label is right; else every label counts as sure."""


class Identity(_Part):
    """One token per collective of the records, right before the reply: ``<|collective:ken|>``."""

    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of each collective's records that is learned as nobody's, so that a default voice remains. Which records is
    drawn once, so that a resumed training is the same."""
    learning_rate: Annotated[float, Field(gt=0)] | None = None
    """Of the tokens' rows, at its greatest; without it, that of the rest."""
    descriptions: dict[str, NonEmpty] = {}
    """Collective -> the words its row is first made from, such as ``a person who lives in Oakland``. Countries are
    known by their codes; whoever is not described is made from its name."""


class Anchor(Steering):
    """The survey in the loop: what is polled while training goes on, by the polls' own scorer."""

    survey: NonEmpty = "world-mini"
    """As in ``pluralign poll --survey``."""
    questions: Annotated[tuple[str, ...], Field(min_length=1)] | Positive = 12
    """Ids of its questions, or how many to draw by the seed."""
    every: Positive = 50
    """Steps between two polls."""
    keep: Literal["best", "last"] = "last"
    """Which weights become the adapter: those with the smallest distance on this survey, which are then kept in a
    checkpoint of their own while training goes on, or the last ones."""


class Optimisation(_Part):
    """How the weights are moved."""

    learning_rate: Annotated[float, Field(gt=0)] = 2e-4
    schedule: Literal["constant", "linear", "cosine", "constant_with_warmup"] = "cosine"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Share of the steps in which the learning rate rises."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    optimiser: str = "adamw_torch"
    """As transformers names them: ``adamw_torch``, ``paged_adamw_32bit``, ``rmsprop`` …"""
    epochs: Annotated[float, Field(gt=0)] = 1.0
    steps: Positive | None = None
    """Stop after so many steps instead of after ``epochs``."""
    batch: Positive = 8
    """Examples at once on each device. Lower it, and raise ``accumulate``, where memory is short."""
    accumulate: Positive = 1
    """Batches per step. A step sees ``batch`` x ``accumulate`` x devices examples."""
    short_last_step: bool = True
    """Whether an epoch's last examples, too few for a whole step, make a shorter one, as transformers does since 4.46;
    before, and in the published runs, they were left out."""
    clip: Annotated[float, Field(gt=0)] = 1.0
    """Norm that gradients are cut to."""


class TrainConfig(_Part):
    """A training. Unknown keys are refused."""

    name: NonEmpty = "adapter"
    """Short name; the folder is named after it."""
    method: Method | None = None
    """``sft`` or ``dpo``; the command says it, and a file that says otherwise is refused."""
    about: str = ""
    """What it is for, in a sentence."""
    departs: tuple[str, ...] = ()
    """Where it departs from the publication it follows, if it follows one."""
    model: NonEmpty
    """The base: ``smollm2``, a hub name, a folder or a GGUF file."""
    asked: str = ""
    """The way of asking that the records are of, as in ``pluralign poll --voice``: the adapter is then polled so."""
    chat_template: str | None = None
    """``plain``, ``zephyr`` or a file with a Jinja template, instead of the model's own. Its hash is kept with the
    adapter: an adapter is refused where it would be asked with another one."""
    records: Annotated[Sources, Field(min_length=1)]
    """What to learn from. A plain text stands for a file."""
    mixing: Literal["sampled", "published"] = "sampled"
    """How a ``fraction`` is taken: a seeded sample, or the first int(fraction x n) rows as alignment-handbook does."""
    collectives: tuple[str, ...] = ()
    """Only records of these; empty: all."""
    one_each: bool = False
    """An adapter per collective, each from its own records, instead of one from all."""
    held_out: HeldOut | None = None
    """What to measure the loss on; without it none is measured."""
    measure_every: Literal["epoch"] | Positive = "epoch"
    """When to measure the loss on what is held out: after each epoch, or every so many steps. Also at the start."""
    folds: Annotated[int, Field(ge=2)] | Literal["records"] | None = None
    """Cross-validation: train once per fold, each time on all the others. A number draws the folds by groups and
    evenly over collectives; ``records`` takes those that the records name. The summary goes to ``folds.json``."""
    mode: Mode = "lora"
    """What is trained: all weights, adapters, adapters on a quantised base (CUDA only), the rows of identity tokens and
    nothing else, or the last layers."""
    identity: Identity | None = None
    """Give each collective of the records a token of its own; for ``lora``, ``qlora`` and ``tokens``."""
    anchor: Anchor | None = None
    """Poll a few questions while training goes on, and perhaps stop on what they say."""
    lora: Lora = Lora()
    quantisation: Quantisation = Quantisation()
    last_layers: Positive = 2
    """How many of the last transformer layers the mode ``last-layers`` trains."""
    preference: Preference = Preference()
    optimisation: Optimisation = Optimisation()
    max_length: Positive | None = None
    """Longest example in tokens; without it, what the model can read."""
    too_long: Literal["refuse", "drop", "cut"] = "refuse"
    """What to do with a longer example: stop and name it, leave it out and count it, or cut off its end and count it
    (one whose reply would be cut off wholly is left out)."""
    control_tokens: Literal["refuse", "drop"] = "refuse"
    """What to do with a record whose words hold a token that means something to the model, such as an end of turn or an
    identity token: stop and name it, or leave it out and count it."""
    packing: bool = False
    """Join short examples into full ones. Only where attention keeps them apart: flash attention on CUDA."""
    attention: str | None = None
    """Such as ``flash_attention_2`` or ``sdpa``; without it, what transformers chooses."""
    gradient_checkpointing: bool = False
    """Compute activations twice instead of keeping them: less memory, about a fifth more time."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Numbers of the frozen base. Weights that are trained are kept in float32, and computed with in bfloat16 where
    this is bfloat16. ``auto``: bfloat16 on a GPU that has it, else float32."""
    device: str = "auto"
    """``cpu``, ``cuda``, ``mps`` or ``auto``. Several GPUs: start with accelerate; see docs/train.md."""
    seed: int = 0
    save_every: Literal["epoch"] | Positive = 100
    """Steps between checkpoints, or ``epoch``. Work since the last one is lost when the machine stops."""
    keep: Positive = 2
    """How many checkpoints to keep while training."""
    log_every: Positive = 1
    """Steps between two lines of the loss curve."""
    trackers: tuple[Literal["tensorboard", "wandb", "trackio"], ...] = ("tensorboard",)
    """Where curves are drawn, besides ``history.jsonl``."""

    @field_validator("name")
    @classmethod
    def _is_a_folder_name(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
            raise ValueError(f"a training's name is letters, digits, '.', '_' and '-', not {name!r}")
        return name

    @model_validator(mode="before")
    @classmethod
    def _tokens_stand_for_words(cls, given: Any) -> Any:
        """With identity tokens a question need not name the collective."""
        if isinstance(given, dict) and given.get("identity") is not None and not given.get("asked"):
            return {**given, "asked": "plain"}
        return given

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.identity is not None and self.mode in WHOLE_MODEL:
            raise ValueError(
                f"identity tokens belong to an adapter: set mode to lora, qlora or tokens, not {self.mode}"
            )
        if self.identity is None and self.mode == "tokens":
            raise ValueError("the mode tokens trains identity tokens: give identity, such as {dropout: 0.1}")
        if self.identity is not None and self.one_each:
            raise ValueError("one_each makes an adapter per collective, which needs no identity tokens")
        if self.folds is not None and self.held_out is not None and self.held_out.fraction is not None:
            raise ValueError("folds hold out a part each: leave out held_out.fraction")
        return self


def shipped() -> dict[str, str]:
    """Names of the configurations that come with pluralign, with what each is for."""
    found = {}
    for file in sorted(_folder().iterdir(), key=lambda file: file.name):
        if file.name.endswith(".yaml"):
            found[file.name.removesuffix(".yaml")] = str(yaml.safe_load(file.read_text(encoding="utf-8"))["about"])
    return found


def shipped_text(name: str) -> str:
    """The text of a shipped configuration. Raises :class:`UnknownNameError`."""
    if name not in shipped():
        raise UnknownNameError("configuration", name, shipped())
    text: str = (_folder() / f"{name}.yaml").read_text(encoding="utf-8")
    return text


def config_from(place: str, method: Method, settings: Sequence[str] = ()) -> TrainConfig:
    """The configuration in a file or of a shipped name, with ``KEY=VALUE`` settings over it.

    A key reaches into a part by a dot (``optimisation.epochs=2``); a value is read as YAML. Raises
    :class:`DataError` naming file, line and key.
    """
    document = _read(place)
    for setting in settings:
        document = _set(document, setting)
    config = validate(TrainConfig, document)
    if config.method not in (None, method):
        raise document.error(f"is for `pluralign train {config.method}`, not for {method!r}", ("method",))
    return config.model_copy(update={"method": method})


def template_of(config: TrainConfig) -> str | None:
    """The chat template as a renderer takes it: ``plain``, a file, or ``None`` for the model's own."""
    if config.chat_template == "zephyr":
        return str(files("pluralign.train") / "templates" / "zephyr.jinja")
    return config.chat_template


def accelerate_files() -> dict[str, str]:
    """Names of the accelerate configurations that come with pluralign, with what each is for (its first comment)."""
    found = {}
    for file in sorted((files("pluralign.train") / "accelerate").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".yaml"):
            found[file.name.removesuffix(".yaml")] = file.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
    return found


def accelerate_file(name: str) -> Path:
    """Where a shipped accelerate configuration lies. Raises :class:`UnknownNameError`."""
    if name not in accelerate_files():
        raise UnknownNameError("accelerate configuration", name, accelerate_files())
    return Path(str(files("pluralign.train") / "accelerate" / f"{name}.yaml"))


def _folder() -> Any:
    return files("pluralign.train") / "configs"


def _read(place: str) -> Document:
    path = Path(place).expanduser()
    if not path.exists() and place in shipped():
        return parse(shipped_text(place), f"{place}.yaml")
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError:
        raise DataError("is not UTF-8 text", file=str(path)) from None
    except OSError as error:
        known = ", ".join(shipped())
        raise UsageError(f"{place!r} cannot be read ({error.strerror}), nor is it one of: {known}") from None


def _set(document: Document, setting: str) -> Document:
    """The document with one value replaced; it no longer has a line."""
    key, sign, text = setting.partition("=")
    path = tuple(part.strip() for part in key.split("."))
    if not sign or not all(path):
        raise UsageError(f"--set takes KEY=VALUE, such as optimisation.epochs=2, not {setting!r}")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise UsageError(f"the value in --set {setting!r} is not valid YAML") from None
    if not isinstance(document.data, dict):
        return document
    lines = {where: line for where, line in document.lines.items() if where[: len(path)] != path}
    return document._replace(data=_replaced(document.data, path, value), lines=lines)


def _replaced(data: Any, path: tuple[str, ...], value: Any) -> Any:
    if not path:
        return value
    inner = data if isinstance(data, dict) else {}
    return {**inner, path[0]: _replaced(inner.get(path[0]), path[1:], value)}
