"""What a server serves: voices, panels of voices, and what a request named. Nouns only; gathers and asks nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pluralign.core.collective import Collective
from pluralign.core.errors import UnknownNameError, UsageError
from pluralign.core.question import Question
from pluralign.core.survey import Survey
from pluralign.engines.live import Live
from pluralign.poll.faithfulness import Faithfulness
from pluralign.poll.scores import Scores
from pluralign.prompts.strategies import strategy
from pluralign.serve.names import read_mixture
from pluralign.serve.voice_file import SamplingDefaults, Source
from pluralign.voices.library import Library
from pluralign.voices.panel import Kind
from pluralign.voices.speaking import Speaker
from pluralign.voices.voice import Voice
from pluralign.voices.way import chartered, of_strategy


@dataclass(frozen=True)
class Run:
    """A finished poll on disk."""

    folder: Path
    scores: Scores


@dataclass(frozen=True)
class ServedVoice:
    """A voice that can be asked."""

    name: str
    """As requests name it: ``smollm2@kenya``, or ``smollm2`` for the model as it is."""
    id: str
    base: str
    """What stands before the ``@``."""
    title: str
    speaker: Speaker
    """How it speaks; of a panel, whose members speak, the model told nothing."""
    live: Live = field(repr=False)
    summary: str = ""
    sampling: SamplingDefaults = field(default_factory=SamplingDefaults)
    sources: tuple[Source, ...] = ()
    training: str = ""
    licence: str = ""
    contact: str = ""
    origin: str = ""
    """The voice file or the survey it comes from."""
    survey: Survey | None = field(default=None, repr=False)
    """Where its people's answers are."""
    library: Library | None = field(default=None, repr=False)
    profiles: tuple[Faithfulness, ...] = ()
    """How it was measured, the one to show first."""
    scores: tuple[Scores, ...] = field(default=(), repr=False)
    """The runs behind the profiles, in the same order."""
    panel: "ServedPanel | None" = None
    """Who speaks, where that is a panel."""
    speaks_for: Collective | None = None
    """Whom a panel speaks for as a whole; a voice's own people stand in its speaker."""

    @property
    def collective(self) -> Collective | None:
        """Whom it speaks for."""
        return self.speaks_for or self.speaker.collective

    @property
    def asks(self) -> Voice | None:
        """The same voice as a poll asks it; ``None`` where no poll could: without a survey,
        or asked by the name of a people where it speaks for none."""
        told = self.speaker
        if self.library is None or self.panel is not None:
            return None
        spoken = told.way or of_strategy(strategy("plain"))
        if told.charter is not None:
            spoken = chartered(spoken, told.charter, f"charter:{self.id}")
        if spoken.strategy.names_collective and told.collective is None:
            return None
        return Voice(spoken, told.collective, self.library)

    @property
    def can_be_polled(self) -> bool:
        """Whether a survey's question can be put to it: to a panel, if it can be put to all of its members."""
        if self.panel is not None:
            return all(member.voice.can_be_polled for member in self.panel.members)
        return self.asks is not None


@dataclass(frozen=True)
class ServedMember:
    """One voice of a panel."""

    voice: ServedVoice
    weight: float
    """Its share; all of a panel's sum to 1."""
    title: str
    """What readers see; each stands once in a panel."""


@dataclass(frozen=True)
class ServedPanel:
    """Several voices that answer as one; see :mod:`pluralign.voices.panel`."""

    kind: Kind
    members: tuple[ServedMember, ...]
    """At least two."""
    pick: Literal["declared", "model"] = "declared"
    reply: Literal["quoted", "written"] = "quoted"


@dataclass(frozen=True)
class Spoken:
    """What a request named: one voice, a mixture with weights, or a panel."""

    name: str
    parts: tuple[tuple[ServedVoice, float], ...]
    """Who speaks. Of a steerable panel that has not chosen yet, and of an Overton panel, all members alike."""
    panel: ServedVoice | None = None
    """The panel, where one was named."""
    group: str = ""
    """For whom a steerable panel was asked to speak, as it was written."""
    stated: Collective | None = None
    """The group, once it was looked up."""
    chosen_by: Literal["", "own", "region", "model"] = ""
    """How a steerable panel chose: the group's own voice, the voices of its region, or the model's pick."""

    @property
    def live(self) -> Live:
        """The engine that speaks, or the first of several."""
        return self.parts[0][0].live

    @property
    def voice(self) -> ServedVoice | None:
        """The voice, where there is one alone and no panel."""
        return self.parts[0][0] if len(self.parts) == 1 and self.panel is None else None

    @property
    def kind(self) -> Kind | None:
        """The panel's kind; ``None`` where none was named."""
        return None if self.panel is None or self.panel.panel is None else self.panel.panel.kind

    @property
    def mixes(self) -> bool:
        """Whether several voices speak one reply together, by their weights."""
        return len(self.parts) > 1 and self.kind != "overton"

    @property
    def members(self) -> tuple[ServedMember, ...]:
        """The panel's members, whoever of them speaks; none where no panel was named."""
        return () if self.panel is None or self.panel.panel is None else self.panel.panel.members

    @property
    def panel_name(self) -> str:
        """The panel's own name, without a group; empty where none was named."""
        return "" if self.panel is None else self.panel.name

    @property
    def undecided(self) -> bool:
        """Whether a steerable panel has yet to choose who speaks."""
        return self.kind == "steerable" and not self.chosen_by

    def title_of(self, voice: ServedVoice) -> str:
        """What readers see of a part: its title in the panel, or its own."""
        return next((one.title for one in self.members if one.voice is voice), voice.title)


@dataclass(frozen=True)
class Contents:
    """What is on the shelf at one moment."""

    voices: Mapping[str, ServedVoice]
    """By name, in the order shown."""
    default: str
    problems: Mapping[str, str]
    """File -> what is wrong with it."""
    aliases: Mapping[str, str]
    """Folded other names -> name."""

    def find(self, name: str) -> Spoken:
        """The voice, mixture or panel of that name. Raises :class:`UnknownNameError` or :class:`UsageError`."""
        name = name.strip() or self.default
        mixture = read_mixture(name)
        if mixture is None:
            return self._single(name)
        parts = tuple((self._one(f"{mixture.base}@{voice}"), weight) for voice, weight in mixture.parts)
        panel = next((voice for voice, _ in parts if voice.panel is not None), None)
        if panel is not None:
            raise UsageError(f"{panel.name!r} is a panel: a mixture is made of single voices, such as its members")
        if len({id(voice) for voice, _ in parts}) < len(parts):
            raise UsageError(f"the mixture {name!r} names one voice under two names: add its weights up")
        if len({id(voice.live) for voice, _ in parts}) > 1:
            raise UsageError(f"the voices of {name!r} run on different models and cannot be mixed")
        return Spoken(mixture.name, parts)

    def _single(self, name: str) -> Spoken:
        first, slash, rest = name.partition("/")
        found = self._one(name) if not slash or self._known(first) is None else self._one(first)
        if found.panel is None:
            if slash:
                raise UnknownNameError("voice", name[:200], self.voices)
            return Spoken(found.name, ((found, 1.0),))
        rest = rest.strip()
        if slash and found.panel.kind != "steerable":
            members = {member.voice.name.partition("/")[2] or member.voice.id: member for member in found.panel.members}
            folded = {key.casefold(): member for key, member in members.items()}
            if rest.casefold() not in folded:
                raise UnknownNameError("voice", name[:200], [f"{found.name}/{key}" for key in members])
            return Spoken(folded[rest.casefold()].voice.name, ((folded[rest.casefold()].voice, 1.0),))
        shares = tuple((member.voice, member.weight) for member in found.panel.members)
        return Spoken(found.name, shares, found, group=rest)

    def _one(self, name: str) -> ServedVoice:
        found = self._known(name)
        if found is None:
            raise UnknownNameError("voice", name[:200], self.voices)
        return found

    def _known(self, name: str) -> ServedVoice | None:
        return self.voices.get(name) or self.voices.get(self.aliases.get(name.strip().casefold(), ""))


def question_in(voice: ServedVoice, question_id: str) -> Question | None:
    """The question of that id in the voice's survey; ``None`` where there is none."""
    if voice.survey is None:
        return None
    return next((one for one in voice.survey.questions if one.id == question_id), None)
