"""A voice file: the YAML that says who speaks, for whom, through what, and how it was measured. Loads no model."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pluralign.core.collective import Collective, Slug
from pluralign.core.documents import parse, validate
from pluralign.core.question import NonEmpty
from pluralign.surveys.files import read_text

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
        if self.identity_token and not self.adapter:
            raise ValueError("an identity token means nothing without the adapter that was trained with it")
        return self


def read_voice_file(path: Path) -> VoiceFile:
    """Read one file. Raises :class:`pluralign.core.errors.DataError` naming file, line and key."""
    return validate(VoiceFile, parse(read_text(path), str(path)))
