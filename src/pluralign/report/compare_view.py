"""A comparison arranged as its page shows it: dumbbells on one axis, tables, who is nearest. Measures nothing."""

from collections.abc import Iterator
from typing import NamedTuple

from pluralign.poll.comparison import (
    Change,
    Comparison,
    Difference,
    MeasureName,
    Pair,
    Steering,
    TraitChange,
    VoiceChange,
)
from pluralign.poll.scores import Mark, Measure
from pluralign.report import words
from pluralign.report.compare_words import (
    Direction,
    Finding,
    Tally,
    contrast_sentence,
    direction,
    finding,
    foremost,
    sentence_of,
    tally,
)
from pluralign.report.figure import Axis, Plot, axis, letters, plot

Measures = dict[MeasureName, Change]


class Dumbbell(NamedTuple):
    """One row's picture: before, after, and where after could lie."""

    before: float | None
    """Position in per cent; ``None`` without a number."""
    after: float | None
    low: float | None
    """Where after lies at the ends of the interval of the change, seen from before; ``None`` without an interval."""
    high: float | None
    direction: Direction
    ground: Plot
    """Floors and ceilings; its own dot is empty."""
    text: str
    """All of it in words."""


class Row(NamedTuple):
    """A voice over all its peoples, or one of them."""

    name: str
    small: str
    """A second line: the voice's sentence, or the people's region."""
    change: Change
    """On the headline distance."""
    difference: Difference
    """Of the headline distance, by questions or by topics."""
    direction: Direction
    picture: Dumbbell
    skill: Change
    variety: Change
    agreement: Change
    questions: int


class Ranking(NamedTuple):
    """One voice's peoples, those it came closer to first."""

    voice: VoiceChange
    open: bool
    tally: Tally
    rows: tuple[Row, ...]


class Named(NamedTuple):
    """A number of a voice before and after."""

    name: str
    change: Change
    difference: Difference
    note: str


class Nearest(NamedTuple):
    """Whom a voice asked to be one people is closest to."""

    name: str
    before: str
    after: str
    right_before: bool
    right_after: bool


class Confused(NamedTuple):
    """Asked to be each people, closest to which, for one voice."""

    voice: VoiceChange
    rows: tuple[Nearest, ...]
    right: Change
    difference: Difference
    chance: float
    questions: int


class Trait(NamedTuple):
    """One trait of a voice, before and after."""

    name: str
    """The voice's."""
    found: TraitChange


class Legend(NamedTuple):
    """One line of the legend."""

    letter: str
    mark: Mark
    value: float | None


class PairView(NamedTuple):
    """One pair of runs."""

    pair: Pair
    before: str
    after: str
    finding: Finding
    sentences: tuple[str, ...]
    """One per voice but the foremost."""
    foremost: VoiceChange
    foremost_row: Row
    voices: tuple[Row, ...]
    rankings: tuple[Ranking, ...]
    steering: tuple[Steering, ...]
    contrasts: tuple[Named, ...]
    """Spread between peoples, one per voice that has it."""
    directions: tuple[Named, ...]
    confused: tuple[Confused, ...]
    traits: tuple[Trait, ...]


class View(NamedTuple):
    """The whole page."""

    axis: Axis
    legend: tuple[Legend, ...]
    pairs: tuple[PairView, ...]
    names: dict[str, str]


def arrange(comparison: Comparison, *, by_topic: bool) -> View:
    """Everything the page shows, in its order."""
    groups = [
        marks
        for pair in comparison.pairs
        for voice in pair.voices
        for marks in (voice.marks, *(one.marks for one in voice.peoples))
    ]
    key = letters(groups, comparison.headline)
    scale = axis(_on_axis(comparison))
    names = {one.id: one.name for one in comparison.collectives}
    maker = _Maker(comparison, by_topic, scale, key, names)
    return View(scale, _legend(comparison, key), tuple(_pair(maker, pair) for pair in comparison.pairs), names)


def _on_axis(comparison: Comparison) -> Iterator[float | None]:
    for pair in comparison.pairs:
        for voice in pair.voices:
            everyone = [(voice.overall, voice.marks), *((one.measures, one.marks) for one in voice.peoples)]
            for measures, marks in everyone:
                change = measures[comparison.headline]
                yield from (change.before.value, change.after.value)
                yield from (mark.distances.get(comparison.headline) for mark in marks)


def _legend(comparison: Comparison, key: dict[str, str]) -> tuple[Legend, ...]:
    marks = foremost(comparison.pairs[0]).marks
    lines = [Legend(key[mark.name], mark, mark.distances.get(comparison.headline)) for mark in marks]
    return tuple(sorted(lines, key=lambda line: line.letter))


class _Maker(NamedTuple):
    """What every row needs."""

    comparison: Comparison
    by_topic: bool
    axis: Axis
    key: dict[str, str]
    names: dict[str, str]

    def row(self, name: str, small: str, measures: Measures, marks: tuple[Mark, ...], questions: int) -> Row:
        change = measures[self.comparison.headline]
        difference = change.spread(self.by_topic)
        return Row(
            name,
            small,
            change,
            difference,
            direction(difference),
            self.dumbbell(change, difference, marks),
            measures["skill"],
            measures["entropy_ratio"],
            measures["agreement"],
            questions,
        )

    def dumbbell(self, change: Change, difference: Difference, marks: tuple[Mark, ...]) -> Dumbbell:
        before, after = change.before.value, change.after.value
        ground = plot(Measure(value=None), marks, self.comparison.headline, self.axis, self.key)
        ends = [
            None if end is None or before is None else self.axis.at(before - end)
            for end in (difference.high, difference.low)
        ]
        said = f"Before {words.number(before, 3)}, after {words.number(after, 3)}. "
        said += " ".join(f"{one.letter}, {one.label}: {words.number(one.value, 3)};" for one in ground.marks)
        return Dumbbell(
            None if before is None else self.axis.at(before),
            None if after is None else self.axis.at(after),
            ends[0],
            ends[1],
            direction(difference),
            ground,
            said.removesuffix(";") + ("." if ground.marks else ""),
        )


def _pair(maker: _Maker, pair: Pair) -> PairView:
    comparison, by_topic = maker.comparison, maker.by_topic
    first = foremost(pair)
    rows = {
        voice.voice: maker.row(
            voice.label, voice.sentence, voice.overall, voice.marks, max(one.questions for one in voice.peoples)
        )
        for voice in pair.voices
    }
    return PairView(
        pair=pair,
        before=comparison.runs[pair.before].label,
        after=comparison.runs[pair.after].label,
        finding=finding(comparison, pair, by_topic=by_topic),
        sentences=tuple(
            sentence_of(comparison, pair, voice, by_topic=by_topic) for voice in pair.voices if voice is not first
        )
        if not pair.same_answers
        else (),
        foremost=first,
        foremost_row=rows[first.voice],
        voices=tuple(rows.values()),
        rankings=tuple(_ranking(maker, voice, voice is first) for voice in pair.voices),
        steering=pair.steering,
        contrasts=tuple(
            Named(voice.label, one.spread, one.spread.spread(by_topic), contrast_sentence(voice, by_topic))
            for voice in pair.voices
            if (one := voice.contrast) is not None
        ),
        directions=tuple(
            Named(voice.label, one.direction, one.direction.spread(by_topic), "")
            for voice in pair.voices
            if (one := voice.contrast) is not None
        ),
        confused=tuple(row for voice in pair.voices if (row := _confused(maker, voice)) is not None),
        traits=tuple(Trait(voice.label, one) for voice in pair.voices for one in voice.traits),
    )


def _ranking(maker: _Maker, voice: VoiceChange, is_open: bool) -> Ranking:
    regions = {one.id: one.region for one in maker.comparison.collectives}
    rows = [
        maker.row(
            maker.names.get(one.collective, one.collective),
            regions.get(one.collective, ""),
            one.measures,
            one.marks,
            one.questions,
        )
        for one in voice.peoples
    ]
    rows.sort(key=lambda row: (row.difference.value is None, -(row.difference.value or 0.0)))
    return Ranking(voice, is_open, tally(maker.comparison, voice, maker.by_topic), tuple(rows))


def _confused(maker: _Maker, voice: VoiceChange) -> Confused | None:
    found = voice.confusion
    if found is None:
        return None
    rows = []
    for people in found.before:
        nearest = [_nearest(side[people]) for side in (found.before, found.after)]
        shown = [words.listed([maker.names.get(one, one) for one in ids]) for ids in nearest]
        rows.append(
            Nearest(maker.names.get(people, people), shown[0], shown[1], people in nearest[0], people in nearest[1])
        )
    return Confused(voice, tuple(rows), found.right, found.right.spread(maker.by_topic), found.chance, found.questions)


def _nearest(row: dict[str, float]) -> list[str]:
    least = min(row.values(), default=0.0)
    return [people for people, distance in row.items() if distance <= least + 1e-12]
