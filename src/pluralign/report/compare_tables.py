"""A comparison for the terminal: what became of every voice, and for which peoples. Fits 80 columns."""

from typing import NamedTuple

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from pluralign.poll.comparison import Change, Comparison, Difference, Pair, VoiceChange
from pluralign.poll.scores import DistanceName
from pluralign.report import words
from pluralign.report.compare_words import Direction, closer_by, direction, ends, foremost, gain

MOST_PEOPLES = 30
"""Above this number only those with the greatest changes are listed."""
_VOICE_WIDTH = 12
_SHORT: dict[DistanceName, str] = {
    "wasserstein": "Wasserstein",
    "js_distance": "Jensen–Shannon",
    "total_variation": "total variation",
}
_VERDICTS = {
    Direction.CLOSER: "closer",
    Direction.FARTHER: "farther",
    Direction.SAME: "the same",
    Direction.UNDECIDED: "?",
    Direction.UNDEFINED: words.NONE,
}


class _Sides(NamedTuple):
    before: str
    after: str


class _Row(NamedTuple):
    measure: str
    before: str
    after: str
    change: str


def overview(comparison: Comparison, pair: Pair, *, by_topic: bool = False) -> Group:
    """Both tables of two runs, and how to read them."""
    before, after = (comparison.runs[at].label for at in (pair.before, pair.after))
    voice = foremost(pair)
    unit = "whole topics" if by_topic else "questions"
    note = (
        f"Intervals: 95%, resampling {unit} on both sides at once. Skill: 0 is everyone’s average, 1 the people "
        "themselves. Variety: entropy over the people’s; below 1 is more of one mind. Same answer: how often the "
        "likeliest option is the same. Between peoples: how far apart its answers for two peoples are, over how far "
        "apart they are; above 1 it exaggerates. Right: asked to be a people, closest to just them. Gain of telling: "
        "how much closer it comes for being told whom to speak for. ?: too close to call, corrected for the number of "
        "peoples."
    )
    return Group(
        Text(f"{before} → {after}, {words.count(comparison.questions, 'question')}", style="bold"),
        _voices(comparison, pair, by_topic),
        Text(_worst(comparison, pair)),
        Text(f"{words.DISTANCE_NAMES[comparison.headline].capitalize()} to each people, {voice.label}", style="bold"),
        _peoples(comparison, voice, by_topic),
        Text(note, style="dim"),
    )


def _voices(comparison: Comparison, pair: Pair, by_topic: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1), pad_edge=False)
    table.add_column("Voice", overflow="fold", max_width=_VOICE_WIDTH)
    table.add_column("Measure", no_wrap=True)
    for name in ("Before", "After"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("After − before (95%)", no_wrap=True)
    for voice in pair.voices:
        first = True
        for measure, before, after, change in _rows(comparison, voice, by_topic):
            table.add_row(Text(_broken(voice.label) if first else ""), measure, before, after, change)
            first = False
        table.add_section()
    for one in pair.steering:
        gap = one.gap
        table.add_row(
            Text(_broken(one.steered)),
            "gain of telling",
            *_sides(gap, 3),
            gain(gap.spread(by_topic), 3),
        )
    return table


def _broken(label: str) -> str:
    """A name that breaks where it is joined, if it is long."""
    parts = label.replace("+", "+\n")
    return parts if max(len(part) for part in parts.split("\n")) <= _VOICE_WIDTH else parts.replace("-", "-\n")


def _rows(comparison: Comparison, voice: VoiceChange, by_topic: bool) -> list[_Row]:
    rows: list[_Row] = []
    headline = comparison.headline
    for name in (headline, *(one for one in _SHORT if one != headline)):
        change = voice.overall[name]
        difference = change.spread(by_topic)
        if change.before.value is not None:
            rows.append(_Row(_SHORT[name], *_sides(change, 3), f"{gain(difference, 3)}{_toward(difference)}"))
    for label, change in (("skill", voice.overall["skill"]), ("variety", voice.overall["entropy_ratio"])):
        if change.before.value is not None:
            rows.append(_Row(label, *_sides(change, 2), gain(change.spread(by_topic))))
    change = voice.overall["agreement"]
    rows.append(_Row("same answer", *_sides(change, 2), gain(change.spread(by_topic))))
    if voice.worst is not None:
        digits = 2 if voice.worst.by == "skill" else 3
        worst = voice.worst.change
        before, after = _sides(worst, digits)
        rows.append(_Row(f"worst {voice.worst.by}", before, after, gain(worst.spread(by_topic), digits)))
    if voice.contrast is not None:
        rows.append(
            _Row("between peoples", *_sides(voice.contrast.spread, 2), gain(voice.contrast.spread.spread(by_topic)))
        )
    if voice.confusion is not None and len(voice.peoples) > 1:
        right = voice.confusion.right
        rows.append(_Row(f"right of {len(voice.peoples)}", *_sides(right, 0), gain(right.spread(by_topic), 0)))
    return rows


def _worst(comparison: Comparison, pair: Pair) -> str:
    names = {one.id: one.name for one in comparison.collectives}
    said = []
    for voice in pair.voices:
        if voice.worst is None:
            continue
        before, after = names[voice.worst.before], names[voice.worst.after]
        who = f"{after}, before and after" if before == after else f"{before} before, {after} after"
        said.append(f"{voice.label}: {who}")
    return f"Worst served. {'; '.join(said)}.\n" if said else ""


def _peoples(comparison: Comparison, voice: VoiceChange, by_topic: bool) -> Group | Table:
    names = {one.id: one.name for one in comparison.collectives}
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1), pad_edge=False)
    table.add_column("People", overflow="ellipsis", max_width=26)
    for name in ("Before", "After", "Closer by"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("95% interval", no_wrap=True)
    table.add_column("", no_wrap=True)
    rows = sorted(voice.peoples, key=lambda one: -(one.measures[comparison.headline].difference.value or 0.0))
    half = MOST_PEOPLES // 2
    shown = rows if len(rows) <= MOST_PEOPLES else [*rows[:half], *rows[-half:]]
    for one in shown:
        change = one.measures[comparison.headline]
        difference = change.spread(by_topic)
        table.add_row(
            Text(names.get(one.collective, one.collective)),
            *_sides(change, 3),
            closer_by(difference),
            ends(difference) or words.NONE,
            _VERDICTS[direction(difference)],
        )
    if len(shown) == len(rows):
        return table
    hidden = Text(f"{len(rows) - len(shown):,} peoples with smaller changes are on the page and in the JSON.")
    return Group(table, hidden)


def _sides(change: Change, digits: int) -> _Sides:
    return _Sides(words.number(change.before.value, digits), words.number(change.after.value, digits))


def _toward(difference: Difference) -> str:
    found = direction(difference)
    return {Direction.CLOSER: " closer", Direction.FARTHER: " farther", Direction.UNDECIDED: " ?"}.get(found, "")
