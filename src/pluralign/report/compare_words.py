"""What comparing two runs found, in plain sentences that claim no more than the intervals allow. Knows no page.

A change counts only where its p-value says so (corrected, where it is one of many peoples'); everything else is said to
be too close to call, with how far it could be either way.
"""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from pluralign.poll.comparison import Comparison, Difference, Pair, RunLabel, VoiceChange
from pluralign.report import words

_FINEST = 6
"""Digits after which rounding is left to itself."""
_NOTABLE = 0.05
"""Changes of the entropy ratio below this are left to the table."""


class Direction(Enum):
    """Where a distance went."""

    CLOSER = "closer"
    FARTHER = "farther"
    SAME = "the same"
    UNDECIDED = "cannot tell"
    UNDEFINED = "no number"


class Finding(NamedTuple):
    """The sentences above a comparison."""

    title: str
    """The finding itself."""
    support: tuple[str, ...]
    """For whom, how much it means, what became of variety."""


class Tally(NamedTuple):
    """How many peoples a voice came closer to, and how many it moved away from."""

    closer: int
    farther: int
    undecided: int


def direction(difference: Difference) -> Direction:
    """Where a distance went, given how sure that is."""
    if difference.value is None:
        return Direction.UNDEFINED
    if difference.decided:
        return Direction.CLOSER if difference.value > 0 else Direction.FARTHER
    nothing = difference.value == 0 and not difference.low and not difference.high
    return Direction.SAME if nothing else Direction.UNDECIDED


def foremost(pair: Pair) -> VoiceChange:
    """The voice the headline is about: the first one that is told whom to speak for, else the first.

    Chosen by its place and not by its numbers, because the best of several is partly luck.
    """
    return next((voice for voice in pair.voices if voice.steered), pair.voices[0])


def finding(comparison: Comparison, pair: Pair, *, by_topic: bool = False) -> Finding:
    """The headline of two runs and what supports it."""
    voice = foremost(pair)
    title = sentence_of(comparison, pair, voice, by_topic=by_topic)
    if pair.same_answers:
        return Finding(title, ())
    support = (
        _noise(comparison, voice, by_topic),
        _skill(voice),
        _whom(comparison, pair, voice, by_topic),
        _variety(voice, by_topic),
    )
    return Finding(title, tuple(one for one in support if one))


def sentence_of(comparison: Comparison, pair: Pair, voice: VoiceChange, *, by_topic: bool = False) -> str:
    """What became of one voice, in one sentence."""
    before, after = (_subject(comparison.runs[at]) for at in (pair.before, pair.after))
    if pair.same_answers:
        return "Both runs gave the very same answers: there is no difference to report."
    difference = voice.overall[comparison.headline].spread(by_topic)
    whom, asked = _peoples(comparison, voice), f"Asked as “{voice.label}”, "
    low, high = difference.low, difference.high
    match direction(difference):
        case Direction.UNDEFINED:
            return f"For the voice “{voice.label}” there is nothing to compare."
        case Direction.SAME:
            return f"{asked}{after} is exactly as far from {whom} as {before}."
        case Direction.CLOSER:
            return f"{asked}{after} is {_amount(difference)} closer to {whom} than {before} ({ends(difference)})."
        case Direction.FARTHER:
            return (
                f"{asked}{after} is {_amount(difference)} farther from {whom} than {before} "
                f"({ends(difference, turned=True)})."
            )
    asked_on = words.count(comparison.topics, "topic") if by_topic else words.count(comparison.questions, "question")
    which = f"{asked_on} cannot tell whether {after} or {before} is closer to {whom}, asked as “{voice.label}”"
    if low is None or high is None:
        more = "closer" if (difference.value or 0) > 0 else "farther"
        return f"{which}: on these it is {_amount(difference)} {more}, and that has no interval."
    between = f"the difference lies between {_span(low)} and {_span(high)}"
    if low > 0 or high < 0:
        # Interval and test part company where there are few questions, or many comparisons; the stricter one decides.
        corrected = "" if difference.p_adjusted is None else ", corrected for many"
        told = f" (p = {words.number(difference.telling, 3)}{corrected})"
        return f"{which}: {between}, but the test{told} does not rule out that there is none."
    return f"{which}: {between}."


def tally(comparison: Comparison, voice: VoiceChange, by_topic: bool = False) -> Tally:
    """Count peoples by where the voice went, with p-values corrected for their number."""
    found = [direction(one.measures[comparison.headline].spread(by_topic)) for one in voice.peoples]
    closer, farther = (found.count(one) for one in (Direction.CLOSER, Direction.FARTHER))
    return Tally(closer, farther, len(found) - closer - farther)


def contrast_sentence(voice: VoiceChange, by_topic: bool = False) -> str:
    """Whether the voice draws stereotypes: more difference between peoples than there is, or other difference."""
    if voice.contrast is None or voice.contrast.spread.after.value is None:
        return ""
    spread = voice.contrast.spread
    now = spread.after
    low = now.value if now.low is None else now.low
    high = now.value if now.high is None else now.high
    assert low is not None
    assert high is not None
    verdict = (
        "it exaggerates how peoples differ"
        if low > 1
        else "it makes peoples more alike than they are"
        if high < 1
        else "whether it exaggerates cannot be told"
    )
    changed = spread.spread(by_topic)
    before = f", before {words.percent(spread.before.value)}" if changed.decided else ""
    return (
        f"The voice’s answers for different peoples lie {words.percent(now.value)} as far apart as the peoples’ own"
        f"{before}: {verdict}."
    )


def gain(difference: Difference, digits: int = 2) -> str:
    """After less before with its interval, such as ``+0.12 (0.03 to 0.20)``; a dash where there is none."""
    if difference.value is None:
        return words.NONE
    text = words.signed(-difference.value, digits)
    between = ends(difference, digits, turned=True)
    return f"{text} ({between})" if between else text


def ends(difference: Difference, digits: int = 3, *, turned: bool = False) -> str:
    """The interval in words; empty where there is none. ``turned``: as after less before.

    An end that is not zero is not rounded to zero where that would seem to take back a decision.
    """
    low, high = difference.low, difference.high
    if low is None or high is None:
        return ""
    nearest = min(abs(low), abs(high))
    while difference.decided and digits < _FINEST and nearest < 0.5 * 10**-digits:
        digits += 1
    return words.interval(-high, -low, digits) if turned else words.interval(low, high, digits)


def closer_by(difference: Difference, digits: int = 3) -> str:
    """Before less after, of a distance: how much closer, with its sign."""
    return words.signed(difference.value, digits)


def _subject(run: RunLabel) -> str:
    return run.label if run.label.startswith(run.model) else f"the run “{run.label}”"


def _peoples(comparison: Comparison, voice: VoiceChange) -> str:
    if len(voice.peoples) > 1:
        return f"these {len(voice.peoples)} peoples"
    names = {one.id: one.name for one in comparison.collectives}
    return names.get(voice.peoples[0].collective, voice.peoples[0].collective)


def _amount(difference: Difference) -> str:
    size = abs(difference.value or 0.0)
    return words.number(size, 3) if size >= 0.0005 else "less than 0.001"


def _span(value: float) -> str:
    if abs(value) < 0.0005:
        return "0.000"
    return f"{words.number(abs(value), 3)} {'closer' if value > 0 else 'farther'}"


def _noise(comparison: Comparison, voice: VoiceChange, by_topic: bool) -> str:
    """A red flag: a change so small that surveys of this size would not notice it in people."""
    difference = voice.overall[comparison.headline].spread(by_topic)
    noise = next((mark.distances.get(comparison.headline) for mark in voice.marks if mark.name == "noise"), None)
    if noise is None or difference.value is None or not difference.decided or abs(difference.value) >= noise:
        return ""
    return (
        f"That is a small change: the same people, asked afresh, would differ from themselves by "
        f"{words.number(noise, 3)}."
    )


def _skill(voice: VoiceChange) -> str:
    skill = voice.overall["skill"]
    if skill.before.value is None or skill.after.value is None:
        return ""
    return (
        f"Skill, before {words.number(skill.before.value)}, is now {words.number(skill.after.value)}: 0 is everyone’s "
        "average, 1 the people themselves."
    )


def _whom(comparison: Comparison, pair: Pair, voice: VoiceChange, by_topic: bool) -> str:
    if len(voice.peoples) < 2:
        return ""
    counts = tally(comparison, voice, by_topic)
    many = sum(len(one.peoples) for one in pair.voices)
    total = len(voice.peoples)
    parts = []
    if counts.closer:
        parts.append(f"came closer to {_all(counts.closer, total)}")
    if counts.farther:
        parts.append(f"moved away from {_all(counts.farther, total)}")
    if not parts:
        return "For no single people can a change be told from chance."
    rest = f"; for {counts.undecided} it cannot be told" if counts.undecided else ""
    return f"It {' and '.join(parts)}{rest} (corrected for looking {many} times)."


def _all(count: int, total: int) -> str:
    return f"all {total}" if count == total else f"{count} of the {total}"


def _variety(voice: VoiceChange, by_topic: bool) -> str:
    ratio = voice.overall["entropy_ratio"]
    if not ratio.spread(by_topic).decided or ratio.after.value is None or ratio.before.value is None:
        return ""
    if abs(ratio.after.value - ratio.before.value) < _NOTABLE:
        return ""
    more = "more of one mind than it was" if ratio.after.value < ratio.before.value else "more varied than it was"
    return (
        f"It is {more}: its answers vary {words.percent(ratio.after.value)} as much as the people’s, before "
        f"{words.percent(ratio.before.value)} (entropy)."
    )


def listed_peoples(comparison: Comparison, ids: Sequence[str]) -> str:
    """Peoples by name."""
    names = {one.id: one.name for one in comparison.collectives}
    return words.listed([names.get(one, one) for one in ids])
