"""What came of comparing runs, as numbers: what ``pluralign compare --json`` writes and its page is made from.

Knows no page and computes nothing. A difference is always *before less after*: above zero, a distance has become
smaller. Every number that does not exist is ``None``.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from pluralign.core.collective import Collective
from pluralign.poll.scores import LEVEL, Difference, DistanceName, Mark, Measure

__all__ = ["LEVEL", "Difference"]  # shared with the scores of a single run

MeasureName = Literal["wasserstein", "js_distance", "total_variation", "entropy_ratio", "agreement", "skill"]
MEASURES: tuple[MeasureName, ...] = (
    "wasserstein",
    "js_distance",
    "total_variation",
    "entropy_ratio",
    "agreement",
    "skill",
)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Change(_Part):
    """One number before and after."""

    before: Measure
    after: Measure
    """Both over the questions answered in both runs, and so not always what the runs' own reports say."""
    difference: Difference
    """Resampling questions."""
    by_topic: Difference
    """Resampling whole topics: wider, because questions of a topic go up and down together."""

    def spread(self, by_topic: bool) -> Difference:
        """The difference with the interval of either kind."""
        return self.by_topic if by_topic else self.difference


class PeopleChange(_Part):
    """One voice against one people."""

    collective: str
    questions: int
    """Answered by people and voice, before and after: what every number here is over."""
    measures: dict[MeasureName, Change]
    marks: tuple[Mark, ...]
    """Floors and ceilings on the same questions."""
    people_n: float | None = None
    """Mean number of people behind an answer, effective where they are weighted; ``None`` where it is not known."""
    design_effect: float | None = None
    """Respondents over effective number (Kish), mean over questions: what weighting costs."""


class TraitChange(_Part):
    """One trait of a personality inventory, of a voice before and after."""

    trait: str
    collective: str
    """Spoken for; empty for a voice that speaks for nobody."""
    items: int
    """Statements answered before and after."""
    top: int
    """The highest score there is; the lowest is 1."""
    people: float | None
    """The people's own score on the same statements."""
    change: Change
    """Of the mean rating; its intervals are over statements."""


class Worst(_Part):
    """The people served worst, whoever it is. Not the same one before and after, perhaps."""

    by: Literal["skill", "distance"]
    """Skill where every people has one, else the headline distance."""
    before: str
    after: str
    change: Change
    """Of the number of those two. Its interval holds them fixed: it does not cover who came out worst."""


class Contrast(_Part):
    """How a voice tells peoples apart, held against how the peoples differ: is it drawing stereotypes?"""

    peoples: int
    questions: int
    people: float | None
    """Mean headline distance between two of the peoples on a question."""
    spread: Change
    """Mean distance between the voice's answers for two peoples, over that between the peoples. Above 1: it
    exaggerates; below 1: it makes them alike."""
    direction: Change
    """Correlation, in [-1, 1], of how far each people's shares lie from the mean of the peoples, in the voice and in
    truth. Near 1: the voice tells them apart as they do differ; near 0: it tells them apart, but otherwise."""


class Confusion(_Part):
    """Asked to be each people, closest to which?"""

    questions: int
    """Those that all the peoples compared were asked."""
    before: dict[str, dict[str, float]]
    """People spoken for -> people compared with -> mean headline distance."""
    after: dict[str, dict[str, float]]
    right: Change
    """Number of peoples spoken for whose voice is closest to just them (before less after, like every difference)."""
    chance: float
    """How many would be right if the closest people were drawn by lot."""


class VoiceChange(_Part):
    """One voice over all its peoples, each people counting alike, and each of them."""

    voice: str
    label: str
    sentence: str
    """What the model is told, in plain words."""
    steered: bool
    """Whether it is told whom to speak for."""
    overall: dict[MeasureName, Change]
    marks: tuple[Mark, ...]
    """Means of the peoples' floors and ceilings."""
    peoples: tuple[PeopleChange, ...]
    worst: Worst | None
    """``None`` with fewer than two peoples."""
    contrast: Contrast | None
    """``None`` for a voice that speaks for nobody in particular, and with fewer than two peoples."""
    confusion: Confusion | None
    traits: tuple[TraitChange, ...] = ()
    """Of a personality inventory only."""


class Steering(_Part):
    """What telling the model whom to speak for is worth: distance unsteered less distance steered, within one run."""

    unsteered: str
    steered: str
    peoples: int
    gap: Change
    """Above zero: steering helps. On the headline distance."""


class Pair(_Part):
    """Two runs, voice by voice."""

    before: int
    """Position in :attr:`Comparison.runs`."""
    after: int
    voices: tuple[VoiceChange, ...]
    steering: tuple[Steering, ...]
    same_answers: bool
    """Whether all answers compared are the same to the last digit."""
    notes: tuple[str, ...]
    """What a reader must know of these two, in plain sentences: what else differs, what was silent."""


class RunLabel(_Part):
    """One run as readers know it."""

    label: str
    """Short, and different for every run."""
    folder: str
    run: str
    """Id of its specification."""
    study: str
    model: str
    adapter: str
    """Empty without one."""
    started: str
    """UTC, ISO 8601."""
    command: tuple[str, ...]


class Comparison(_Part):
    """Everything that comparing runs found out. The first run is held against each of the others."""

    schema_version: Literal[1] = 1
    created: str
    """UTC, ISO 8601."""
    version: str
    """Of pluralign."""
    runs: tuple[RunLabel, ...]
    survey: str
    survey_title: str
    citation: str
    licence: str
    survey_notes: str
    collectives: tuple[Collective, ...]
    headline: DistanceName
    """Wasserstein wherever a question has an order, else total variation."""
    questions: int
    """In all runs."""
    ordered: int
    topics: int
    resamples: int
    seed: int
    pairs: tuple[Pair, ...]
    left_out: tuple[str, ...]
    """What some runs have and others have not, in plain sentences."""
