"""Panels: several voices that answer as one (after Modular Pluralism, Feng et al., EMNLP 2024).

::

    distributional   members answer with given weights; their probabilities are mixed exactly, before renormalisation
    steerable        the member best suited to the group that is asked for answers alone
    overton          all members speak, and one reply covers what they say, each part attributed

A panel is a YAML file; ``panel:FILE`` after ``--voice`` makes it a voice that is polled like any other. Knows no
engine's insides; what a panel needs from a model (a pick, a member's words) its caller asks for.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pluralign.core.chat import Message
from pluralign.core.collective import Collective
from pluralign.core.documents import parse, validate
from pluralign.core.errors import UsageError
from pluralign.core.ids import content_hash
from pluralign.core.question import NonEmpty, Question
from pluralign.core.survey import Survey
from pluralign.engines.base import OptionScores, ScoreRequest
from pluralign.prompts import templates
from pluralign.prompts.options import Labels, Order
from pluralign.prompts.strategies import Task
from pluralign.surveys.countries import spoken_for
from pluralign.surveys.files import read_text
from pluralign.voices.library import Library
from pluralign.voices.voice import Part, Voice, speakers
from pluralign.voices.way import Way, way, ways

PANEL = "panel:"
PICK_SYSTEM, PICK_USER = "system_plain.v1", "user_pick.v1"
READABLE = 0.5
"""Least share of a model's reply that must fall on the members for its pick to count as one."""
MOST_MEMBERS = 26
"""As many as there are letters to pick by."""

Kind = Literal["distributional", "steerable", "overton"]


class MemberFile(BaseModel):
    """One voice of a panel, as written in its file."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    voice: NonEmpty
    """A way of speaking, as after ``--voice``."""
    speaks_for: str = Field(default="", alias="as")
    """Id or name of the collective it speaks for; empty: whichever the panel is asked to speak for."""
    weight: Annotated[float, Field(gt=0)] | None = None
    """Its share; all members have one, and they sum to 1, or none has, and all weigh the same."""
    title: str = ""
    """What readers see; empty: the collective's name, or the way of speaking."""


class PanelFile(BaseModel):
    """A panel as it is written. Unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: NonEmpty
    """What readers see."""
    kind: Kind
    summary: str = ""
    """One plain sentence for readers; empty: worked out from the members."""
    members: Annotated[tuple[MemberFile, ...], Field(min_length=2, max_length=MOST_MEMBERS)]
    pick: Literal["declared", "model"] = "declared"
    """How a steerable panel chooses: by what collectives declare (the very group, else its region), or by asking the
    model which member suits the group."""
    reply: Literal["quoted", "written"] = "quoted"
    """How an Overton panel replies: members' words set side by side, or woven into one text by the model."""

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        weights = [member.weight for member in self.members]
        given = [weight for weight in weights if weight is not None]
        if given and len(given) < len(weights):
            raise ValueError("give every member a weight, or none")
        if given and abs(sum(given) - 1) > 1e-6:
            raise ValueError(f"the members' weights sum to {sum(given):g}; they must sum to 1")
        if given and self.kind != "distributional":
            raise ValueError(f"weights are for distributional panels; this one is {self.kind}")
        if "pick" in self.model_fields_set and self.kind != "steerable":
            raise ValueError(f"'pick' is for steerable panels; this one is {self.kind}")
        if "reply" in self.model_fields_set and self.kind != "overton":
            raise ValueError(f"'reply' is for overton panels; this one is {self.kind}")
        for member in self.members:
            if member.voice.strip().casefold().startswith(PANEL):
                raise ValueError(f"a panel's members are voices, not panels: {member.voice!r}")
            if self.kind != "distributional" and not member.speaks_for and not member.title:
                raise ValueError(f"the member {member.voice!r} needs 'as' or a title: readers must know who speaks")
        return self


@dataclass(frozen=True)
class Member:
    """One voice of a panel, with its names looked up."""

    way: Way
    weight: float
    collective: Collective | None = None
    """Whom it speaks for, whoever is asked for; ``None`` if it follows the panel."""
    title: str = ""

    @property
    def follows(self) -> bool:
        """Whether it speaks for whomever the panel is asked to speak for."""
        return self.collective is None and self.way.steered


@dataclass(frozen=True)
class Panel:
    """Several ways of speaking, used as one. Has what a :class:`Way` shows of itself."""

    name: str
    """``panel:FILE``, as it is written after ``--voice``."""
    label: str = field(compare=False)
    summary: str = field(compare=False)
    kind: Kind
    members: tuple[Member, ...]
    pick: Literal["declared", "model"] = "declared"
    reply: Literal["quoted", "written"] = "quoted"
    digest: str = field(default="", compare=False)
    """Content hash of the panel and of the adapters its members wear."""
    adapter: str = ""
    """None of its own: members have theirs."""

    @property
    def steered(self) -> bool:
        """Whether answers depend on the collective that is asked for."""
        return self.kind == "steerable" or any(member.follows for member in self.members)


def read_panel(path: Path) -> PanelFile:
    """A panel's file. Raises :class:`pluralign.core.errors.DataError` naming file, line and key."""
    return validate(PanelFile, parse(read_text(path), str(path)))


def panel(path: Path, survey: Survey, *, offline: bool = False) -> Panel:
    """The panel of a file, its members' names looked up in the survey and among countries.

    Raises :class:`UsageError` for a voice or collective that is not known, and for two members of one name.
    """
    written = read_panel(path)
    members = tuple(_member(one, len(written.members), survey, offline) for one in written.members)
    titles = [member.title for member in members]
    twice = next((title for title in titles if titles.count(title) > 1), None)
    if twice is not None:
        raise UsageError(f"{path}: two members are called {twice!r}; give them titles of their own")
    return Panel(
        name=f"{PANEL}{path}",
        label=written.name,
        summary=written.summary or summed_up(written.kind, [member.title for member in members]),
        kind=written.kind,
        members=members,
        pick=written.pick,
        reply=written.reply,
        digest=content_hash([written.model_dump(mode="json"), [member.way.digest for member in members]]),
    )


def _member(written: MemberFile, count: int, survey: Survey, offline: bool) -> Member:
    found = way(written.voice, offline=offline)
    collective = None
    if written.speaks_for:
        collective = spoken_for(survey, written.speaks_for)
    title = written.title or (found.label if collective is None else f"{collective.name} ({found.label})")
    return Member(found, written.weight or 1 / count, collective, title)


def summed_up(kind: Kind, names: Sequence[str]) -> str:
    """A panel in a few words for readers; ``names``: its members."""
    listed = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) <= 4 else f"{len(names)} voices"
    return {
        "distributional": f"{listed} answering with their shares",
        "steerable": f"the best suited of {listed}",
        "overton": f"one reply that covers {listed}",
    }[kind]


@dataclass(frozen=True)
class PanelVoice:
    """A panel's members, or of a steerable one those that it chose, speaking for one collective."""

    way: Panel
    collective: Collective | None
    """Whom it speaks for; ``None`` where the panel makes no difference between collectives."""
    voices: tuple[tuple[float, Voice], ...]
    """Who answers, with weights that sum to one."""

    @property
    def name(self) -> str:
        """``panel:FILE``."""
        return self.way.name

    @property
    def id(self) -> str:
        """``panel:FILE@USA``."""
        return self.name if self.collective is None else f"{self.name}@{self.collective.id}"

    @property
    def ways(self) -> tuple[Way, ...]:
        """The ways of speaking behind it: its members'."""
        return tuple(dict.fromkeys(voice.way for _, voice in self.voices))

    @property
    def draws_on_people(self) -> bool:
        """Whether a member's prompts are made from what its people answered to other questions."""
        return any(voice.draws_on_people for _, voice in self.voices)

    @property
    def template_hashes(self) -> dict[str, str]:
        """Template file -> content hash, of all the texts members are asked with."""
        found = {name: digest for _, voice in self.voices for name, digest in voice.template_hashes.items()}
        return found | (pick_hashes() if self.way.pick == "model" else {})

    def hashes_for(self, tasks: Sequence[Task]) -> dict[str, str]:
        """Template file -> content hash, of the texts members are asked with to do these things."""
        found = {name: digest for _, voice in self.voices for name, digest in voice.hashes_for(tasks).items()}
        return found | (pick_hashes() if self.way.pick == "model" else {})

    def parts(
        self, question: Question, order: Order, labels: Labels, *, marks: Order | None = None
    ) -> tuple[Part, ...]:
        """The requests of its members, with their weights.

        Raises :class:`UsageError` where a member cannot be asked.
        """
        return tuple(
            Part(weight * part.weight, part.request)
            for weight, voice in self.voices
            for part in voice.parts(question, order, labels, marks=marks)
        )

    @property
    def part_count(self) -> int:
        """How many requests :meth:`parts` makes of a question."""
        return sum(voice.part_count for _, voice in self.voices)

    def member(self, turn: int) -> Voice:
        """Who gives the reply of that turn, counted from 0: members take turns by their weights, so that after any
        number of turns each has had its share give or take one.
        """
        return self.voices[_turns(tuple(weight for weight, _ in self.voices), turn + 1)[turn]][1]


@cache
def _turns(weights: tuple[float, ...], count: int) -> tuple[int, ...]:
    """Whose turn it is: whoever is farthest behind its share; the first of several."""
    had = [0] * len(weights)
    found = []
    for turn in range(1, count + 1):
        at = max(range(len(weights)), key=lambda member: (weights[member] * turn - had[member], -member))
        had[at] += 1
        found.append(at)
    return tuple(found)


Asked = Voice | PanelVoice
"""Whatever a poll asks."""


def split(texts: Sequence[str], survey: Survey, *, offline: bool = False) -> tuple[tuple[Way, ...], tuple[Panel, ...]]:
    """What the words after ``--voice`` name: ways of speaking, and panels (``panel:FILE``).

    Raises :class:`UsageError` where two would look the same to readers.
    """
    files = [text.strip()[len(PANEL) :] for text in texts if text.strip().casefold().startswith(PANEL)]
    found = ways([text for text in texts if not text.strip().casefold().startswith(PANEL)], offline=offline)
    panels = tuple(dict.fromkeys(panel(Path(file), survey, offline=offline) for file in files))
    labels = [*(one.label for one in found), *(one.label for one in panels)]
    twice = next((one for one in panels if labels.count(one.label) > 1), None)
    if twice is not None:
        raise UsageError(f"two voices are called {twice.label!r}: give the panel in {twice.name!r} another name")
    return found, panels


def voices_of(
    found: Sequence[Way], panels: Sequence[Panel], collectives: Sequence[Collective], library: Library
) -> tuple[Asked, ...]:
    """Everyone who can be asked without a model having to pick first."""
    alone = [voice for one in found for voice in speakers(one, tuple(collectives), library)]
    together = [voice for one in panels if one.pick != "model" for voice in panel_voices(one, collectives, library)]
    return (*alone, *together)


def panel_voices(
    one: Panel, collectives: Sequence[Collective], library: Library, picks: Mapping[str, int | None] | None = None
) -> tuple[PanelVoice, ...]:
    """Voices of a panel: one per collective, or one where it makes no difference.

    An Overton panel is polled as what its reply is put together from: every member's part counts alike, so its shares
    say how much of the reply's room each answer has.

    ``picks``: collective id -> the member that a model picked (see :func:`pick_request`), ``None`` where its pick could
    not be read: nobody then speaks for that collective. Without it a steerable panel goes by what is declared: the
    member of the very collective, else the members of its region with equal weights. Raises :class:`UsageError` where
    no member fits.
    """
    asked = tuple(collectives) if one.steered else (None,)
    found = []
    for collective in asked:
        if one.kind == "steerable":
            assert collective is not None
            if picks is not None and picks[collective.id] is None:
                continue
            chosen = suited(one, collective) if picks is None else (one.members[picks[collective.id] or 0],)
            members = tuple((1 / len(chosen), member) for member in chosen)
        else:
            members = tuple((member.weight, member) for member in one.members)
        found.append(
            PanelVoice(
                one, collective, tuple((weight, _voice(member, collective, library)) for weight, member in members)
            )
        )
    return tuple(found)


def _voice(member: Member, asked: Collective | None, library: Library) -> Voice:
    return Voice(member.way, (member.collective or asked) if member.way.steered else None, library)


def suited(one: Panel, asked: Collective) -> tuple[Member, ...]:
    """The members that declare to speak for the group that is asked for: its own, else those of its region."""
    chosen = suited_among([member.collective for member in one.members], asked)
    if not chosen:
        raise UsageError(
            f"no member of the panel {one.label!r} speaks for {asked.name} or its region; "
            f"leave {asked.id} out with --as, or let the model choose with 'pick: model'"
        )
    return tuple(one.members[at] for at in chosen)


def suited_among(peoples: Sequence[Collective | None], asked: Collective) -> tuple[int, ...]:
    """Positions of those who speak for the group, else of those who speak for its region; none where nobody does.

    ``peoples``: whom each member speaks for.
    """
    own = tuple(at for at, one in enumerate(peoples) if one is not None and one.id == asked.id)
    near = tuple(
        at for at, one in enumerate(peoples) if one is not None and asked.region and one.region == asked.region
    )
    return own or near


def pick_request(one: Panel, asked: Collective) -> ScoreRequest:
    """Asks a model which member is best suited to speak for a group; the options are the members, by letter."""
    return pick_among([member.title for member in one.members], asked)


def pick_among(titles: Sequence[str], asked: Collective) -> ScoreRequest:
    """The same for members known by their titles."""
    letters = [chr(ord("A") + at) for at in range(len(titles))]
    text = templates.render(PICK_USER, collective=asked, members=list(zip(letters, titles, strict=True)))
    return ScoreRequest(
        (Message("system", templates.render(PICK_SYSTEM)), Message("user", text)),
        tuple((letter, f" {letter}") for letter in letters),
    )


def pick_hashes() -> dict[str, str]:
    """Template file -> content hash, of the texts a model is asked to pick by."""
    return {name: templates.template_hash(name) for name in (PICK_SYSTEM, PICK_USER)}


def picked(scores: OptionScores) -> int | None:
    """Which member the model picked: the likeliest.

    ``None`` where the pick cannot be read, as less than half of the reply falls on the members or two are equally
    likely; it is then counted as such and not replaced (the original drew one at random).
    """
    shares = [math.exp(log) for log in scores.logprobs]
    best = max(shares)
    if math.fsum(shares) < READABLE or shares.count(best) > 1:
        return None
    return shares.index(best)
