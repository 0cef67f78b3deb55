"""What a run found, in a few plain sentences that claim no more than the intervals allow. Knows no page.

A floor counts as beaten only if the whole interval lies on the better side of it, and as unbeaten only if the whole
interval lies on the worse side. All in between is said to be too close to call.
"""

from enum import Enum
from typing import NamedTuple

from pluralign.poll.scores import Cell, Mark, Measure, Scores, Summary
from pluralign.report import words

_FLOORS = {
    "uniform": "a coin toss over the options",
    "middle": "always giving the middle answer",
    "others": "the average of the other peoples",
    "marginal": "the average of everyone asked",
}
"""Floors as they read in a sentence; others go by their label."""
LOW_CAPTURE = 0.5
"""Below this share of the reply on the options, the numbers describe only a part of what the model says."""


class Headline(NamedTuple):
    """The sentences above a report."""

    title: str
    """The finding itself."""
    support: tuple[str, ...] = ()
    """What makes it readable: worth in people, for whom it fails, how varied its answers are."""
    rivals: tuple[str, ...] = ()
    """Labels of the voices that the closest is not clearly ahead of."""


class Verdict(Enum):
    """Where a number lies against a bar, all of its interval considered."""

    BEATS = "beats"
    TIES = "ties"
    LOSES = "loses"


def headline(scores: Scores) -> Headline:
    """The finding and what supports it."""
    known = [one for one in foremost(scores) if one.distance.value is not None]
    if not known:
        return Headline(_nothing(scores))
    best = closest_voice(scores)
    assert best is not None
    title, rivals = _finding(scores, best, known), _rivals(best, known)
    support = (
        _who(best, title),
        _worth(best),
        _reach(known),
        _whom(scores, best),
        _steering(scores, best, known),
        _variety(best),
    )
    return Headline(title, tuple(sentence for sentence in support if sentence), rivals)


def closest_voice(scores: Scores) -> Summary | None:
    """The voice with the smallest distance; ``None`` if nothing could be compared."""
    known = [summary for summary in foremost(scores) if summary.distance.value is not None]
    return min(known, key=_distance, default=None)


def foremost(scores: Scores) -> list[Summary]:
    """The voices by the study's first method: distances by different methods are not to be ranked."""
    return [summary for summary in scores.summaries if summary.method == scores.methods[0]]


def verdict(scores: Scores, summary: Summary, mark: Mark) -> Verdict | None:
    """How a voice does against a mark; ``None`` where either has no number.

    Against the uniform floor and the whole sample the skill decides: its interval is over the *difference*, question
    by question, and so is sharper than the distance's own.
    """
    bar = mark.distances.get(scores.headline)
    if bar is None or summary.distance.value is None:
        return None
    skill = {"uniform": summary.skill_over_uniform, "marginal": summary.skill}.get(mark.name)
    if skill is not None and skill.low is not None and skill.high is not None:
        return Verdict.BEATS if skill.low > 0 else Verdict.LOSES if skill.high < 0 else Verdict.TIES
    low, high = _ends(summary.distance)
    return Verdict.BEATS if high < bar else Verdict.LOSES if low > bar else Verdict.TIES


def _ends(measure: Measure) -> tuple[float, float]:
    assert measure.value is not None
    low = measure.value if measure.low is None else measure.low
    high = measure.value if measure.high is None else measure.high
    return low, high


def _nothing(scores: Scores) -> str:
    if scores.unscored:
        names = words.listed([_name(scores, each) for each in scores.unscored])
        return f"Nothing could be compared: this survey has no answers from {names}."
    return "Nothing could be compared: no question had both an answer of the model and answers of people."


def _peoples(scores: Scores, summary: Summary) -> str:
    ids = {cell.collective for cell in scores.cells if cell.voice == summary.voice}
    if len(ids) == 1:
        return f"the one people measured ({_name(scores, ids.pop())})"
    return f"these {summary.peoples} peoples"


def _name(scores: Scores, collective_id: str) -> str:
    return next((each.name for each in scores.collectives if each.id == collective_id), collective_id)


def _phrase(mark: Mark) -> str:
    return _FLOORS.get(mark.name, mark.label)


def _floors(scores: Scores, summary: Summary) -> list[tuple[Mark, Verdict]]:
    """The floors of a voice with their verdicts, the easiest to beat first."""
    judged = [(mark, verdict(scores, summary, mark)) for mark in summary.marks if mark.kind == "floor"]
    found = [(mark, result) for mark, result in judged if result is not None]
    return sorted(found, key=lambda pair: -(pair[0].distances.get(scores.headline) or 0.0))


def _models(scores: Scores) -> str:
    return "these models" if scores.runs else "this model"


def _finding(scores: Scores, best: Summary, known: list[Summary]) -> str:
    whom = _peoples(scores, best)
    toss = [verdict(scores, summary, mark) for summary in known for mark in summary.marks if mark.name == "uniform"]
    alone = len(known) == 1
    if toss and all(result is Verdict.LOSES for result in toss):
        subject = f"The voice “{best.label}” does not come" if alone else f"No voice of {_models(scores)} comes"
        return f"{subject} closer to {whom} than {_FLOORS['uniform']}."
    if toss and all(result is not Verdict.BEATS for result in toss):
        subject = f"The voice “{best.label}”" if alone else f"Even the closest voice, “{best.label}”,"
        return f"{subject} cannot be told from {_FLOORS['uniform']} when held against {whom}."
    against = _against(scores, best)
    if alone:
        return f"The voice “{best.label}”, held against {whom}, comes {against or 'as the table below shows'}."
    return f"{_opening(best, known, whom)}{against and f': {against}'}."


def _opening(best: Summary, known: list[Summary], whom: str) -> str:
    rivals = _rivals(best, known)
    hedge = f", not clearly ahead of {_quoted(rivals)}," if rivals else ""
    return f"The voice “{best.label}”{hedge} comes closest to {whom}"


def _rivals(best: Summary, known: list[Summary]) -> tuple[str, ...]:
    _, high = _ends(best.distance)
    return tuple(other.label for other in known if other is not best and _ends(other.distance)[0] <= high)


def _who(best: Summary, title: str) -> str:
    """Whom the sentences after a title are about that names no voice."""
    return "" if f"“{best.label}”" in title else f"The smallest distance is that of “{best.label}”."


def _quoted(labels: tuple[str, ...]) -> str:
    if len(labels) > 2:
        return f"{len(labels)} other voices"
    return words.listed([f"“{label}”" for label in labels])


def _against(scores: Scores, best: Summary) -> str:
    """Where a voice lies among its floors: past the hardest it beats, short of the easiest it does not."""
    floors = _floors(scores, best)
    beaten = [_phrase(mark) for mark, result in floors if result is Verdict.BEATS]
    tied = [_phrase(mark) for mark, result in floors if result is Verdict.TIES]
    lost = [_phrase(mark) for mark, result in floors if result is Verdict.LOSES]
    parts = [f"closer than {beaten[-1]}"] if beaten else []
    if tied and not (beaten and lost):  # three bars in one sentence are two too many; the table has them all
        parts.append(f"about as close as {tied[-1]}")
    if lost:
        parts.append(f"{'but ' if parts else ''}not as close as {lost[0]}")
    if beaten and not tied and not lost and _like_the_people(scores, best):
        parts.append("and cannot be told from a fresh sample of the people themselves")
    return ", ".join(parts)


def _like_the_people(scores: Scores, best: Summary) -> bool:
    """Whether the distance cannot be told from what a fresh sample of the people would have."""
    bars = [mark.distances.get(scores.headline) for mark in best.marks if mark.name == "noise"]
    reached = any(bar is not None and _ends(best.distance)[0] <= bar for bar in bars)
    return reached or (best.skill.high is not None and best.skill.high >= 1)


def _worth(best: Summary) -> str:
    if best.worth_people is None and not any(digit.isdigit() for digit in best.worth_text):
        return ""  # undefined: there is no number of people to name
    members = "member" if best.worth_text in {"1", "fewer than 1"} else "members"
    whom = "of this people" if best.peoples == 1 else "of each people"
    return f"Asking it tells as much as asking {best.worth_text} randomly chosen {members} {whom}."


def _whom(scores: Scores, best: Summary) -> str:
    if best.peoples < 2 or best.worst is None or best.best is None or best.worst == best.best:
        return ""
    cells = {cell.collective: cell for cell in scores.cells if cell.voice == best.voice}
    worst, nearest = _name(scores, best.worst), _name(scores, best.best)
    if best.worst in cells and best.best in cells and _apart(cells[best.worst], cells[best.best]):
        return f"It works worst for {worst} and best for {nearest}."
    return f"It seems to work worst for {worst} and best for {nearest}, but that difference is within the uncertainty."


def _apart(worst: Cell, best: Cell) -> bool:
    if worst.skill.high is None or best.skill.low is None:
        return False
    return worst.skill.high < best.skill.low


def _steering(scores: Scores, best: Summary, known: list[Summary]) -> str:
    """Whether being told whom to speak for helps: against not being told, or by whom it comes closest to."""
    if _steered(scores, best):
        return _own(scores, best)
    told = min((each for each in known if _steered(scores, each)), key=_distance, default=None)
    if told is None:
        return ""
    if _ends(told.distance)[0] > _ends(best.distance)[1]:
        return "Telling the model whom to speak for makes it worse."
    return "Telling the model whom to speak for does not bring it closer."


def _steered(scores: Scores, summary: Summary) -> bool:
    return any(scores.closest.get(summary.voice, {}))


def _distance(summary: Summary) -> float:
    assert summary.distance.value is not None
    return summary.distance.value


def _own(scores: Scores, best: Summary) -> str:
    if best.own_closest is None:
        return ""
    rows = scores.closest.get(best.voice, {})
    others = max((len(row) for row in rows.values()), default=0)
    asked = len([spoken for spoken, row in rows.items() if spoken in row])
    if others < 2 or asked < 1:
        return ""
    if asked == 1:
        return (
            f"Asked to speak for one people, it is closer to them than to any of the {others - 1} others."
            if best.own_closest
            else "Asked to speak for one people, it is closer to another one."
        )
    expected = asked / others
    chance = f"chance would give {words.number(expected, 1)}" if expected >= 0.05 else "chance would hardly give one"
    return (
        f"Asked to speak for {asked} peoples in turn, it is closest to the right one, of {others} compared, "
        f"{_times(best.own_closest)}; {chance}."
    )


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


def _variety(best: Summary) -> str:
    ratio = best.entropy_ratio
    if ratio.value is None:
        return ""
    low, high = _ends(ratio)
    if high < 1:
        return (
            f"Its answers are more of one mind than the people’s: they vary {words.percent(ratio.value)} "
            "as much (entropy)."
        )
    if low > 1:
        return (
            f"Its answers are more scattered than the people’s: they vary {words.percent(ratio.value)} "
            "as much (entropy)."
        )
    return ""


def _reach(known: list[Summary]) -> str:
    shares = sorted(summary.captured for summary in known)
    if shares[0] >= LOW_CAPTURE:
        return ""
    found = words.percent(shares[0]) if len(shares) == 1 else words.percent_interval(shares[0], shares[-1])
    only = "Only " if shares[-1] < LOW_CAPTURE else ""
    subject = words.sentence(f"{only}{found} of the reply")
    return f"{subject} fell on the options offered; the numbers describe that part alone."
