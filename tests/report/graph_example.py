"""A small graph with everything a page can show: two contexts, groups, a thin link, a rejected one, wicked titles."""

from pluralign.core.moral_graph import Construction, Edge, EdgeCounts, GroupSupport, MoralGraph, Standing
from pluralign.core.value_card import ValueCard

HOME, WORK = "When at home", "When at work"
WICKED = "</script><script>alert('x')</script> & <b>Candour</b>"


def card(name: str, title: str, *policies: str) -> ValueCard:
    return ValueCard(id=name, title=title, summary=f"About {title}.", policies=policies)


def edge(
    source: str,
    wiser: str,
    counts: tuple[int, int, int, int],
    context: str = HOME,
    *,
    failed: tuple[str, ...] = (),
    north: tuple[int, int] = (0, 0),
) -> Edge:
    w, n, l, u = counts  # noqa: E741
    total = w + n + l + u
    groups = (GroupSupport(attribute="area", group="north", wiser=north[0], total=north[1], participants=north[1]),)
    return Edge(
        source=source,
        wiser=wiser,
        contexts=(context,),
        counts=EdgeCounts(wiser=w, not_wiser=n, less_wise=l, unsure=u, impressions=total),
        participants=total,
        likelihood=(w - l) / total,
        entropy=0.5,
        support=w / total,
        failed=failed,
        groups=groups if north[1] else (),
    )


def standing(value: str, context: str, rank: int, win: float) -> Standing:
    return Standing(
        value=value, context=context, rank=rank, wisdom=1.0, page_rank=0.1, win_probability=win, supporters=9
    )


def example() -> MoralGraph:
    return MoralGraph(
        values=(
            card("1", "Listening", "PAUSES before an answer", "What is left unsaid"),
            card("2", "Patience", "SIGNS that someone needs time"),
            card("3", WICKED, "WORDS that are true"),
            card("4", "Care for those who come after", "CONSEQUENCES in fifty years"),
            card("5", "Alone"),
        ),
        edges=(
            edge("1", "2", (30, 5, 0, 5), north=(2, 8)),
            edge("2", "3", (9, 0, 0, 0), north=(4, 4)),
            edge("1", "4", (2, 1, 0, 0), WORK),
            edge("4", "3", (20, 4, 1, 5), WORK),
        ),
        rejected=(edge("3", "1", (1, 6, 0, 0), failed=("min_wiser",)),),
        standings=(standing("3", HOME, 1, 0.3), standing("2", HOME, 2, 0.2), standing("3", WORK, 1, 0.9)),
        contexts=(HOME, WORK),
        cases=((HOME, "family"), (WORK, "labour")),
        participants=50,
        construction=Construction(mode="default", pooled=False, judgements=90, bootstrap=100, seed=0),
    )


def empty() -> MoralGraph:
    return MoralGraph(values=(), edges=(), contexts=(), construction=Construction(mode="imported", pooled=False))
