"""The headline table for the terminal: one line per voice, then the floors and ceilings to hold it against."""

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from pluralign.poll.scores import Mark, Measure, Scores
from pluralign.report import words
from pluralign.report.profile import Profiles, profiles

_NOTE = (
    "Under each number its 95% interval. Worth: so many random members of a people would come as close. "
    "Skill: 0 is everyone’s average, 1 the people themselves. Variety: entropy over the people’s; below 1 is "
    "more of one mind. Same answer: how often the likeliest option is the same. On options: the share of the reply."
)


def headline(scores: Scores) -> Group:
    """Voices, floors and ceilings, in 80 columns. Intervals are 95 % and over questions."""
    peoples = max((summary.peoples for summary in scores.summaries), default=0)
    title = (
        f"{words.DISTANCE_NAMES[scores.headline]} to {words.count(peoples, 'people', 'peoples')}, "
        f"{words.count(len(scores.questions), 'question')} (0 is the same answers)"
    )
    parts: list[Table | Text] = [Text(title, style="bold"), _voices(scores)]
    marks = _marks(scores)
    if marks:
        named = [f"{mark.label} {words.number(mark.distances.get(scores.headline), 3)}" for mark in marks]
        parts.append(Text("Hold against: " + ", ".join(named)))
    parts.append(Text(_NOTE, style="dim"))
    found = profiles(scores)
    if found is not None:
        parts.append(_traits(found))
    return Group(*parts)


def _voices(scores: Scores) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1), pad_edge=False)
    table.add_column("Voice", overflow="fold")
    for name in ("Distance", "Worth\npeople", "Skill", "Variety", "Same\nanswer", "On\noptions"):
        table.add_column(name, justify="right", no_wrap=True)
    for summary in scores.summaries:
        table.add_row(
            Text(summary.label.replace("+", "+\n")),  # a name, never markup; long ones break where they are joined
            _measure(summary.distance, 3, "–"),
            summary.worth_text.replace("fewer than ", "<").replace("more than ", ">") or words.NONE,
            _measure(summary.skill, 2, " to "),
            words.number(summary.entropy_ratio.value),
            words.percent(summary.agreement.value),
            words.percent(summary.captured),
        )
    return table


def _traits(found: Profiles) -> Table:
    """Profiles of a personality inventory: a row per people and voice, a column per trait."""
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 0, 0, 1),
        pad_edge=False,
        title=f"Traits, from 1 to {found.top}",
        title_justify="left",
        title_style="bold",
    )
    table.add_column("Who", overflow="fold")
    for trait in found.traits:
        table.add_column(trait[:9] + "." if len(trait) > 10 else trait, justify="right", no_wrap=True)
    for row in found.rows:
        table.add_row(Text(row.name), *(_measure(cell.score.score, 2, "–") for cell in row.cells))
    return table


def _measure(measure: Measure, digits: int, between: str) -> str:
    value = words.number(measure.value, digits)
    if measure.low is None or measure.high is None:
        return value
    return f"{value}\n[dim]{words.number(measure.low, digits)}{between}{words.number(measure.high, digits)}[/dim]"


def _marks(scores: Scores) -> list[Mark]:
    """Each floor and ceiling once, as the first voice has it, the farthest first."""
    marks = {mark.name: mark for summary in reversed(scores.summaries) for mark in summary.marks}
    known = [mark for mark in marks.values() if mark.distances.get(scores.headline) is not None]
    return sorted(known, key=lambda mark: -(mark.distances[scores.headline] or 0.0))
