"""Moral graphs in the terminal: summaries and tables for the commands of ``pluralign graph``."""

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from pluralign.core.moral_graph import Interval, MoralGraph, Standing
from pluralign.graph.bootstrap import Bootstrap, ConvergencePoint, further_judgements
from pluralign.graph.coverage import Coverage
from pluralign.graph.sensitivity import SweepRow
from pluralign.graph.structure import Structure
from pluralign.graph.tally import Counted

NONE = "·"


def show(*parts: RenderableType) -> None:
    """Print the parts, one below the other."""
    console = Console(highlight=False)
    for part in parts:
        console.print(part)


def summary(graph: MoralGraph) -> Text:
    """How the graph was built and what came of it, in a few lines."""
    made = graph.construction
    lines = [
        f"{len(graph.edges)} edges between {len(graph.linked_values)} values"
        + (f"; {len(graph.rejected)} judged pairs did not pass" if graph.rejected else "")
    ]
    if made.judgements is not None and graph.participants is not None:
        lines.append(
            f"from {made.judgements:,} judgements of {graph.participants:,} people in {len(graph.contexts)} contexts, "
            + ("put together" if made.pooled else "kept apart")
        )
    rule = made.thresholds
    asked = [f"wiser >= {rule.min_wiser}", *([f"answers >= {rule.min_total}"] if rule.min_total else [])]
    for name, value, sign in (
        ("likelihood", rule.min_likelihood, ">="),
        ("entropy", rule.max_entropy, "<="),
        ("lower end of Wilson's interval", rule.min_support_low, ">"),
    ):
        if value is not None:
            asked.append(f"{name} {sign} {value:g}")
    lines.append(f"{made.mode} method; an edge needs " + ", ".join(asked))
    lines += [f"set aside: {each.count} ({each.reason}; the first: {each.example})" for each in made.set_aside]
    return Text("\n".join(lines))


def winners(graph: MoralGraph) -> Table:
    """The first value of each context; of a pooled graph, the first eight."""
    first = [
        standing
        for standing in graph.standings
        if standing.wisdom > 0 and standing.rank <= (8 if standing.context is None else 1)
    ]
    return _standings(graph, first, "Wisest values" if graph.construction.pooled else "Wisest value of each context")


def ranking(graph: MoralGraph, *, by: str, context: str | None, top: int) -> list[Table]:
    """A table per context, its values in the order asked for. ``by`` is wisdom, page-rank or strength."""
    field = by.replace("-", "_")
    made = []
    for name in dict.fromkeys(standing.context for standing in graph.standings):
        if context is not None and name != context:
            continue
        told = [each for each in graph.standings_in(name) if getattr(each, field) is not None]
        told.sort(key=lambda standing: (-getattr(standing, field), standing.rank))
        made.append(_standings(graph, told[:top], name or "All contexts together"))
    return made


def _standings(graph: MoralGraph, standings: Sequence[Standing], title: str) -> Table:
    several = len({standing.context for standing in standings}) > 1
    table = _table(title, *(["Context"] if several else []), "Value")
    columns = {
        "Wisdom": [_number(each.wisdom, 3) + _interval(each.wisdom_interval, 2) for each in standings],
        "Page rank": [_number(each.page_rank, 5) for each in standings],
        "Strength": [_number(each.strength, 2) + _interval(each.strength_interval, 1) for each in standings],
        "Wins": [_percent(each.win_probability) for each in standings],
        "By page\nrank": [_percent(each.page_rank_win_probability) for each in standings],
        "People for\nof asked": [
            NONE if each.supporters is None else f"{each.supporters} of {each.judges}" for each in standings
        ],
    }
    # A winner per context leaves room for little else; `pluralign graph rank` shows all.
    spared = {"Page rank", "Strength", "By page\nrank"} if several else set()
    told = {name: column for name, column in columns.items() if set(column) != {NONE} and name not in spared}
    for name in told:
        table.add_column(name, justify="right", no_wrap=True)
    cards = {card.id: card for card in graph.values}
    for row, each in enumerate(standings):
        table.add_row(
            *([Text(each.context or "")] if several else []),
            Text(cards[each.value].title),
            *(column[row] for column in told.values()),
        )
    return table


def coverage(found: Coverage) -> Text:
    """Whom and what the judgements covered."""
    return Text(
        f"{found.judgements:,} judgements of {found.participants:,} people on {found.pairs:,} ordered pairs: "
        f"at most {found.most} on one, median {found.median:g}, {found.below_five} pairs fewer than five times, "
        f"{found.once} once.\nThe ten most judged pairs took {found.top_ten_share:.1%} (Gini {found.gini:.2f}). "
        f"{found.both_directions} pairs were judged in both directions, {found.several_contexts} in several contexts."
    )


def order(found: Iterable[Structure]) -> Table:
    """Cycles and transitivity of each context."""
    table = _table("Is it an order?", "Context")
    for name in ("Edges", "Paths\na→b→c", "closed", "turned\nround", "not\nkept", "not\nasked", "Circular\nshare"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in found:
        table.add_row(
            Text(each.context or "all together"),
            str(each.edges),
            *map(str, each.transitivity),
            f"{each.circularity.inconsistency:.0%}",
        )
    return table


def overruled(found: Iterable[Structure], graph: MoralGraph) -> Text:
    """What would have to be left out so that no cycle is left."""
    titles = {card.id: card.title for card in graph.values}
    lines = []
    for each in found:
        cut = each.feedback
        if not cut.edges:
            continue
        circle = sum(len(component.values) for component in each.components)
        sure = "" if cut.exact else " (there may be a cheaper way)"
        lines.append(
            f"{each.context or 'All together'}: {circle} values lead round in circles, until {cut.wiser_answers} "
            f"answers are overruled{sure}:"
        )
        lines += [f"  {titles[source]} → {titles[wiser]}" for source, wiser in cut.edges]
    return Text("\n".join(lines) if lines else "No cycles.")


def sensitivity(rows: Iterable[SweepRow]) -> Table:
    """What each threshold decides."""
    table = _table("Each threshold moved in turn", "Threshold", "Set to")
    for name in ("Edges", "Values", "Same edges\n(Jaccard)", "Same winner"):
        table.add_column(name, justify="right")
    before = ""
    for row in rows:
        if before and row.threshold != before:
            table.add_section()
        table.add_row(
            row.threshold if row.threshold != before else "",
            "none" if row.value is None else f"{row.value:g}",
            str(row.edges),
            str(row.values),
            f"{row.similarity:.2f}",
            f"{row.winners_kept} of {row.contexts}",
        )
        before = row.threshold
    return table


def resampled(found: Bootstrap, counted: Counted, resamples: int) -> Text:
    """How much of the graph another sample of people would have given."""
    kept = found.survival[counted.kept]
    sure = int((kept > 0.9).sum())
    return Text(
        f"In {resamples:,} resamples of the people, the edges agree with these to {found.similarity:.2f} (Jaccard); "
        f"{sure} of {len(kept)} edges stay in more than 90% of them."
    )


def stability(points: list[ConvergencePoint], counted: Counted, target: float) -> Table:
    """How sure each context's winner is with more people, and how many more judgements it takes."""
    sizes = list(dict.fromkeys(point.participants for point in points))
    table = _table(f"Probability of the most frequent winner, by number of people (stable: {target:.0%})", "Context")
    for size in sizes:
        table.add_column(f"{size:,}", justify="right")
    table.add_column("More judgements", justify="right")
    codes = counted.table.context
    for context in dict.fromkeys(point.context for point in points):
        heard = len(codes) if context == -1 else int((codes == context).sum())
        more = further_judgements(points, context, heard, target)
        curve = {point.participants: point for point in points if point.context == context}
        table.add_row(
            Text("all together" if context == -1 else counted.table.context_names[context]),
            *(f"{curve[size].probability:.0%}" for size in sizes),
            f"over {curve[sizes[-1]].judgements - heard:,}" if more is None else f"{more:,}",
        )
    return table


def groups(graph: MoralGraph, top: int) -> list[Table]:
    """For each attribute, the values whose support reaches furthest across its groups."""
    made = []
    attributes = dict.fromkeys(each.attribute for standing in graph.standings for each in standing.bridging)
    cards = {card.id: card.title for card in graph.values}
    for attribute in attributes:
        table = _table(f"Support across {attribute}", "Context", "Value")
        for name in ("Least", "Product", "Consensus"):
            table.add_column(name, justify="right")
        table.add_column("Wiser / answers, by group")
        rows = [
            (each, standing)
            for standing in graph.standings
            for each in standing.bridging
            if each.attribute == attribute
        ]
        rows.sort(key=lambda row: (-row[0].consensus, row[1].rank))
        for bridge, standing in rows[:top]:
            by_group = ", ".join(
                f"{each.group} {each.wiser}/{each.total}" for each in standing.groups if each.attribute == attribute
            )
            table.add_row(
                Text(standing.context or "all together"),
                Text(cards[standing.value]),
                f"{bridge.minimum:.2f}",
                f"{bridge.product:.2f}",
                f"{bridge.consensus:.2f}",
                Text(by_group),
            )
        made.append(table)
    return made


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column)
    return table


def _number(number: float | None, digits: int) -> str:
    return NONE if number is None else f"{number:.{digits}f}"


def _interval(interval: Interval | None, digits: int) -> str:
    return "" if interval is None else f"\n[dim]{interval.low:.{digits}f} to {interval.high:.{digits}f}[/dim]"


def _percent(share: float | None) -> str:
    return NONE if share is None else f"{share:.0%}"
