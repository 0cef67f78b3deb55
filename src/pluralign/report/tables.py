"""The headline table for the terminal: one line per voice, then the floors and ceilings to hold it against."""

from rich import box
from rich.table import Table
from rich.text import Text

from pluralign.poll.scores import Mark, Measure, Scores
from pluralign.report import words


def headline(scores: Scores) -> Table:
    """A rich table of voices, floors and ceilings. Intervals are 95 % and over questions."""
    peoples = max((summary.peoples for summary in scores.summaries), default=0)
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title=f"{words.DISTANCE_NAMES[scores.headline]} to {words.count(peoples, 'people', 'peoples')} "
        f"on {words.count(len(scores.questions), 'question')} (0 is the same answers)",
        title_justify="left",
        title_style="bold",
        caption="Below each number: its 95% interval. Skill: 0 knows no more than everyone's average, 1 is the people "
        "themselves.\nVariety: entropy of the answers over the people's; below 1 is more of one mind.",
        caption_justify="left",
    )
    table.add_column("Voice", overflow="fold", min_width=16)
    for name in ("Distance", "Skill", "Worth\npeople", "Variety", "Same top\nanswer", "On the\noptions"):
        table.add_column(name, justify="right", no_wrap=True)
    for summary in scores.summaries:
        table.add_row(
            Text(summary.label),  # a label is a name, never markup
            _measure(summary.distance, 3),
            _measure(summary.skill, 2),
            summary.worth_text or words.NONE,
            words.number(summary.entropy_ratio.value),
            words.percent(summary.agreement.value),
            words.percent(summary.captured),
        )
    marks = _marks(scores)
    if marks:
        table.add_section()
    for mark in marks:
        table.add_row(
            Text(f"{mark.kind}: {mark.label}", style="dim"),
            Text(words.number(mark.distances.get(scores.headline), 3), style="dim"),
        )
    return table


def _measure(measure: Measure, digits: int) -> str:
    inside = words.interval(measure.low, measure.high, digits)
    value = words.number(measure.value, digits)
    return f"{value}\n[dim]{inside}[/dim]" if inside else value


def _marks(scores: Scores) -> list[Mark]:
    """Each floor and ceiling once, as the first voice has it, the farthest first."""
    marks = {mark.name: mark for summary in reversed(scores.summaries) for mark in summary.marks}
    known = [mark for mark in marks.values() if mark.distances.get(scores.headline) is not None]
    return sorted(known, key=lambda mark: -(mark.distances[scores.headline] or 0.0))
