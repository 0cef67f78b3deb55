"""How far answers are the voice's own and not the way of asking: agreement of methods, places and labels, temperatures.

Arranged for the page, for the terminal and as tables of plain values. Measures nothing.
"""

from typing import Final, NamedTuple

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from pluralign.poll.scores import Calibrated, Mark, Measure, MethodAgreement, OrderBias, Scores
from pluralign.report import words
from pluralign.report.figure import Axis, Plot, axis, plot

_TV: Final = "total_variation"
_LETTERS: Final = {"sampling": "a", "shuffled": "b"}
_AGREEMENT_NOTE: Final = (
    "Apart: total variation, 0 is the same answers. Rank: Spearman’s correlation of a question’s shares, 1 is the same "
    "order of options. Replies: how far apart so few replies would be from the very same answers. Chance: the same "
    "shares dealt to random options."
)
_BIAS_NOTE: Final = (
    "What standing first or last adds to an option’s share, in points; moved: points that answers owe to places."
)


class AgreementRow(NamedTuple):
    """Two methods of one voice."""

    agreement: MethodAgreement
    plot: Plot


class Validity(NamedTuple):
    """All that the page shows of it."""

    axis: Axis
    agreements: tuple[AgreementRow, ...]
    order_biases: tuple[OrderBias, ...]
    apart: bool
    """Whether labels came apart from places anywhere."""
    calibrations: tuple[Calibrated, ...]

    @property
    def any(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.agreements or self.order_biases or self.calibrations)


def arrange(scores: Scores) -> Validity:
    """Rows and their pictures."""
    found = [value for one in scores.agreements for value in _on_axis(one)]
    scale = axis(found)
    return Validity(
        axis=scale,
        agreements=tuple(
            AgreementRow(one, plot(one.total_variation, _marks(one), _TV, scale, _LETTERS)) for one in scores.agreements
        ),
        order_biases=scores.order_biases,
        apart=any(one.apart for one in scores.order_biases),
        calibrations=scores.calibrations,
    )


def _on_axis(one: MethodAgreement) -> tuple[float | None, ...]:
    return one.total_variation.value, one.total_variation.high, one.by_sampling, one.shuffled


def _marks(one: MethodAgreement) -> list[Mark]:
    return [
        Mark(
            name="sampling",
            label="as few replies of the very same answers",
            sentence="",
            kind="ceiling",
            distances={_TV: one.by_sampling},
        ),
        Mark(name="shuffled", label="chance", sentence="", kind="floor", distances={_TV: one.shuffled}),
    ]


def points(measure: Measure) -> str:
    """A share added or taken, in points: ``+5.2``."""
    return words.NONE if measure.value is None else _signed(measure.value)


def points_interval(measure: Measure) -> str:
    """Both ends in points: ``+1.0 to +9.4``; empty where there is no interval."""
    if measure.low is None or measure.high is None:
        return ""
    return f"{_signed(measure.low)} to {_signed(measure.high)}"


def _signed(share: float) -> str:
    text = f"{100 * share:+.1f}"
    return "0.0" if text in {"+0.0", "-0.0"} else text.replace("-", "−")


# --- on the terminal --------------------------------------------------------------------------------------------------


def tables(scores: Scores) -> Group | None:
    """Agreement, order effects and temperatures in 80 columns; ``None`` where there is none of them."""
    parts: list[Table | Text] = []
    if scores.agreements:
        parts += [Text("\nDo the methods agree?", style="bold"), _agreements(scores), _dim(_AGREEMENT_NOTE)]
    if scores.order_biases:
        together = "" if any(one.apart for one in scores.order_biases) else " (with its label)"
        parts += [Text(f"\nWhat the place{together} does", style="bold"), _biases(scores), _dim(_BIAS_NOTE)]
    if scores.calibrations:
        parts += [Text("\nTemperatures, fitted on held-out questions", style="bold"), _calibrations(scores)]
    return Group(*parts) if parts else None


def _agreements(scores: Scores) -> Table:
    table = _table("Voice", "Methods", numbers=("Apart", "Rank", "Replies", "Chance"))
    for one in scores.agreements:
        table.add_row(
            Text(one.label),
            f"{one.first},\n{one.second}",
            _measure(one.total_variation, 3, "–"),
            _measure(one.rank_correlation, 2, " to "),
            words.number(one.by_sampling, 3),
            words.number(one.shuffled, 3),
        )
    return table


def _biases(scores: Scores) -> Table:
    labelled = any(one.labels for one in scores.order_biases)
    table = _table("Voice", numbers=("First", "Last", "Moved"))
    if labelled:
        table.add_column("Labels")
    for one in scores.order_biases:
        ends = [f"{points(end)}\n[dim]{points_interval(end)}[/dim]" for end in (one.first, one.last)]
        row: list[str | Text] = [Text(one.label), *ends]
        row.append(words.number(None if one.moved is None else 100 * one.moved, 1))
        if labelled:
            row.append(Text("  ".join(f"{of.label}: {points(of.effect)}" for of in one.labels) or words.NONE))
        table.add_row(*row)
    return table


def _calibrations(scores: Scores) -> Table:
    table = _table("Voice", numbers=("Temperature", "Divergence\nbefore", "after", "Questions"))
    for one in scores.calibrations:
        table.add_row(
            Text(one.label),
            _measure(one.temperature, 2, " to ") + ("\n(or beyond)" if one.at_bound else ""),
            words.number(one.divergence_before, 3),
            words.number(one.divergence_after, 3),
            str(len(one.questions)),
        )
    return table


def _table(*names: str, numbers: tuple[str, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1), pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _measure(measure: Measure, digits: int, between: str) -> str:
    value = words.number(measure.value, digits)
    if measure.low is None or measure.high is None:
        return value
    return f"{value}\n[dim]{words.number(measure.low, digits)}{between}{words.number(measure.high, digits)}[/dim]"


def _dim(text: str) -> Text:
    return Text(text, style="dim")
