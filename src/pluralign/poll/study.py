"""A study: the YAML a user writes, or the same said with flags. Knows nothing of how it is carried out."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from pluralign.core.documents import Document, parse, validate
from pluralign.core.errors import UsageError
from pluralign.core.question import NonEmpty
from pluralign.core.survey import Survey
from pluralign.prompts.options import Labels
from pluralign.surveys.files import read_text


def _one_or_several(value: Any) -> Any:
    """``exact`` and ``exact,samples`` as the lists they mean."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


DEFAULT_ORDERS = 2
"""The survey's own order and its reverse: order effects of language models are too large to ask only once."""

Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Method(StrEnum):
    """How answers are got out of a model."""

    EXACT = "exact"
    """The probability of every option as the beginning of the reply."""
    SAMPLES = "samples"
    """Replies drawn at a temperature, each read as an option, a refusal or neither."""
    VERBALISED = "verbalised"
    """The model's own statement of how answers are distributed."""
    FREE_TEXT = "free-text"
    """Replies in the model's own words, without seeing the options, read by a second model."""


class Calibration(BaseModel):
    """Fit one temperature per way of speaking on questions that are held out and never measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    questions: Annotated[int, Field(ge=1)] | Annotated[float, Field(gt=0, lt=1)]
    """How many of the chosen questions to hold out, or which share of them; evenly spread over the topics."""


class QuestionChoice(BaseModel):
    """Which questions to ask; without any key, all of them. Several keys narrow each other down."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ids: tuple[str, ...] | None = None
    """These questions only."""
    topics: tuple[str, ...] | None = None
    """Questions under these headings only."""
    per_topic: Annotated[int, Field(ge=1)] | None = None
    """At most so many of every topic, evenly spread over it."""

    def apply(self, survey: Survey) -> Survey:
        """The survey with the chosen questions; raises on names it does not have."""
        if self.ids is not None or self.topics is not None:
            survey = survey.select(question_ids=self.ids, topics=self.topics)
        return survey if self.per_topic is None else survey.balanced(self.per_topic)


class Study(BaseModel):
    """Who is asked what, and how. Unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: str = "poll"
    """Short name; the run's folder is named after it."""
    model: NonEmpty
    """``smollm2``, a hub name, a folder, a GGUF file, or ``scripted:…``."""
    survey: NonEmpty
    """``world-mini``, ``wvs7:DIR``, or a file of your own."""
    speak_for: tuple[str, ...] = Field(default=(), alias="as")
    """Ids or names of the collectives to speak for; empty: all that the survey has."""
    voices: tuple[str, ...] = ("plain", "persona")
    """Ways of speaking: strategies, by name or by the paper's ("P1"), and adapters (``adapter:DIR``,
    ``adapter:DIR+persona``)."""
    questions: QuestionChoice = QuestionChoice()
    """Which questions to ask."""
    orders: Annotated[int, Field(ge=1)] | Literal["all"] = DEFAULT_ORDERS
    """How many orders of the options to ask in; answers are averaged after mapping back."""
    labels: Labels = Labels.NUMBER
    """What stands before each option: ``number``, ``letter`` or ``none``."""
    permute_labels: bool = False
    """Deal labels apart from places, so that a liking for a place and one for a label can be told apart."""
    methods: Annotated[tuple[Method, ...], BeforeValidator(_one_or_several)] = Field(
        default=(Method.EXACT,), alias="method"
    )
    """How answers are got out of the model; the first is the one that headlines are about."""
    samples: Annotated[int, Field(ge=1)] = 20
    """How many replies to a question ``samples`` and ``free-text`` draw, over all option orders together."""
    temperature: Annotated[float, Field(gt=0, le=2)] = 1.0
    """At which replies are drawn; 1 is the model's own distribution."""
    reply_tokens: Annotated[int, Field(ge=1)] | None = None
    """The longest reply, in tokens; by default as much as the method needs."""
    reader: NonEmpty | None = None
    """The model that reads free texts: an engine's name, as ``model``."""
    calibrate: Calibration | None = None
    """Hold out some questions and fit a temperature on them; scores are given before and after."""
    published: bool = False
    """Do as the originals did, for reproduction only: draw neighbours and examples from the very answers being
    measured, which is a leak, and make shares of demonstrations by adding the scores of a label's written forms."""
    adapter: str | None = None
    """Folder of a LoRA adapter to load onto the model."""
    chat_template: str | None = None
    """``plain`` for a base model without a chat template, ``bare`` for one whose prompts bring their own cue; else the
    model's own is used."""
    device: str = "auto"
    """``cpu``, ``cuda``, ``mps`` or ``auto``."""
    dtype: str = "auto"
    """``float32``, ``bfloat16``, ``float16`` or ``auto``."""
    price_in: Price | None = Field(default=None, exclude=True)
    """What a server charges per million tokens of prompts, in any currency: ``--plan`` then says what a poll costs."""
    price_out: Price | None = Field(default=None, exclude=True)
    """The same for tokens of replies. Neither is part of what was asked: runs at other prices are the same run."""
    seed: int = 0
    """Seeds resampling and option orders."""
    resamples: Annotated[int, Field(ge=100)] = 1000
    """Bootstrap resamples behind each interval."""

    @field_validator("name")
    @classmethod
    def _is_a_folder_name(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
            raise ValueError(f"a study's name is letters, digits, '.', '_' and '-', not {name!r}")
        return name

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not self.voices:
            raise ValueError("name at least one voice, such as 'persona'")
        return self

    @model_validator(mode="after")
    def _methods_have_what_they_need(self) -> Self:
        if not self.methods:
            raise ValueError("name at least one method, such as 'exact'")
        if len(set(self.methods)) < len(self.methods):
            raise ValueError("every method is named once")
        if (Method.FREE_TEXT in self.methods) != (self.reader is not None):
            raise ValueError("the method 'free-text' and a 'reader', the model that reads the texts, go together")
        if self.calibrate is not None and Method.EXACT not in self.methods:
            raise ValueError(
                "a temperature is fitted to exact scores: add 'exact' to 'method', or leave out 'calibrate'"
            )
        if self.permute_labels and self.labels is Labels.NONE:
            raise ValueError("without labels there are none to permute: choose 'number' or 'letter'")
        return self


def study_from(path: Path | None, flags: dict[str, Any], questions: dict[str, Any]) -> Study:
    """A study from a YAML file, from flags, or from a file with some of its keys overridden by flags.

    Raises :class:`DataError` naming file, line and key, or :class:`UsageError` naming the flag that is missing.
    """
    if path is None:
        for key in ("model", "survey"):
            if key not in flags:
                raise UsageError(f"name a study file, or a model and a survey: --{key} is missing")
        return validate(Study, Document({**flags, "questions": questions}, {}, "command line"))
    document = parse(read_text(path), str(path))
    if not isinstance(document.data, dict) or not (flags or questions):
        return validate(Study, document)
    own = document.data.get("questions")
    merged = {**document.data, **flags}
    if questions:
        merged["questions"] = {**(own if isinstance(own, dict) else {}), **questions}
    return validate(Study, document._replace(data=merged))
