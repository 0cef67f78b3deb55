"""A voice file: the YAML that says who speaks, for whom, through what, and how it was measured. Loads no model."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pluralign.core.collective import Collective, Slug
from pluralign.core.documents import parse, validate
from pluralign.core.question import NonEmpty
from pluralign.surveys.files import read_text
from pluralign.voices.panel import MOST_MEMBERS, Kind

ENDINGS = (".yaml", ".yml")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Part):
    """Something that a voice rests on."""

    title: NonEmpty
    url: str = ""
    licence: str = ""
    note: str = ""
    """What was taken from it, in plain words."""


class Measured(_Part):
    """A finished poll of this voice."""

    run: NonEmpty
    """Folder of the run, beside the voice file or absolute; holds ``scores.json``."""
    voice: str = ""
    """What the run calls the voice; empty: the name of its way of speaking."""
    collective: str = ""
    """Id of the people it was held against; empty: the voice's own."""


class SamplingDefaults(_Part):
    """How the voice's replies are drawn where a request does not say."""

    temperature: Annotated[float, Field(ge=0, le=2)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    max_tokens: Annotated[int, Field(ge=1)] | None = None


class MemberPart(_Part):
    """One voice of a panel."""

    voice: NonEmpty
    """A voice of this server: ``kenya``, or ``smollm2@kenya`` in full."""
    weight: Annotated[float, Field(gt=0, le=1)] | None = None
    """Its share; all members have one, and they sum to 1, or none has, and all weigh the same."""
    title: str = ""
    """What readers see; empty: the voice's own title."""


def _as_key(key: str) -> Any:
    """A plain text stands for the mapping that has nothing but this key."""
    return BeforeValidator(lambda value: {key: value} if isinstance(value, str) else value)


class PanelPart(_Part):
    """Several voices that answer as one: a panel's file, or voices of this server."""

    file: str = ""
    """A panel as ``pluralign poll`` reads it."""
    kind: Kind | None = None
    """``distributional``: all speak, by their weights. ``steerable``: the one best suited to the group that is asked
    for. ``overton``: one reply that covers them all, each part attributed."""
    members: Annotated[tuple[Annotated[MemberPart, _as_key("voice")], ...], Field(max_length=MOST_MEMBERS)] = ()
    pick: Literal["declared", "model"] = "declared"
    """How a steerable panel chooses: by what voices declare, or by asking the model."""
    reply: Literal["quoted", "written"] = "quoted"
    """How an Overton panel replies: its voices' words side by side, or woven into one text by the model."""

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if self.file:
            more = sorted(self.model_fields_set - {"file"})
            if more:
                raise ValueError(f"the panel's file says it all: remove {more[0]!r}, or 'file'")
            return self
        if self.kind is None:
            raise ValueError("say what kind of panel it is (distributional, steerable or overton), or name its 'file'")
        if len(self.members) < 2:
            raise ValueError("a panel has at least two members")
        given = [member.weight for member in self.members if member.weight is not None]
        if given and self.kind != "distributional":
            raise ValueError(f"weights are for distributional panels; this one is {self.kind}")
        if given and len(given) < len(self.members):
            raise ValueError("give every member a weight, or none")
        if given and abs(sum(given) - 1) > 1e-6:
            raise ValueError(f"the members' weights sum to {sum(given):g}; they must sum to 1")
        if "pick" in self.model_fields_set and self.kind != "steerable":
            raise ValueError(f"'pick' is for steerable panels; this one is {self.kind}")
        if "reply" in self.model_fields_set and self.kind != "overton":
            raise ValueError(f"'reply' is for overton panels; this one is {self.kind}")
        return self


class VoiceFile(_Part):
    """One voice, as a person writes it down. Paths are relative to the file."""

    id: Slug
    """The second half of its name: ``kenya`` in ``smollm2@kenya``."""
    title: NonEmpty
    """What readers see."""
    summary: str = ""
    """One plain sentence."""
    collective: Collective | None = None
    """Whom it speaks for; absent for a voice that speaks for nobody in particular."""
    model: str = ""
    """The base model, as in ``pluralign poll --model``; empty: the one the server was started with."""
    strategy: str = ""
    """``plain`` or ``persona``: what the model is told. Empty: ``persona`` for a collective, else ``plain``."""
    charter: str = ""
    """A constitution (YAML or JSON) that it is told instead."""
    adapter: str = ""
    """Folder or hub name of an adapter; behind a server, the name of the model with the adapter on."""
    identity_token: str = ""
    """Token that begins its replies; empty: the adapter's own for the collective, if it has any."""
    panel: Annotated[PanelPart, _as_key("file")] | None = None
    """Several voices that answer as one, instead of all the above but collective and model."""
    sampling: SamplingDefaults = SamplingDefaults()
    sources: tuple[Source, ...] = ()
    """What it was made from: surveys, corpora, assemblies."""
    training: str = ""
    """What it was trained on, in plain words; empty: it was not trained."""
    licence: str = ""
    """Terms under which its replies and its adapter may be used."""
    contact: str = ""
    """Whom to tell what is wrong with it."""
    survey: str = ""
    """Where the people's answers are, as in ``pluralign poll --survey``; empty: the server's."""
    measured: tuple[Measured, ...] = ()
    """Finished polls, the one to show first."""
    default: bool = False
    """Whether it answers requests that name no voice."""

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if self.charter and self.strategy:
            raise ValueError("a voice is told a strategy or a charter, not both: remove one")
        if self.panel is not None:
            alone = next(
                (name for name in ("charter", "strategy", "adapter", "identity_token") if getattr(self, name)), ""
            )
            if alone:
                raise ValueError(f"a panel's members have their own ways of speaking: remove {alone!r}")
        if self.identity_token and not self.adapter:
            raise ValueError("an identity token means nothing without the adapter that was trained with it")
        return self


def read_voice_file(path: Path) -> VoiceFile:
    """Read one file. Raises :class:`pluralign.core.errors.DataError` naming file, line and key."""
    return validate(VoiceFile, parse(read_text(path), str(path)))
