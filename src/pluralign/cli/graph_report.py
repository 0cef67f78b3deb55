"""``pluralign graph report JUDGEMENTS.csv --cards cards.json``: how far a moral graph can be trusted."""

import json as json_text
from pathlib import Path
from typing import Annotated, Any

import typer

from pluralign.cli import graph_options as given
from pluralign.core.errors import DataError, UsageError


def report(
    judgements: given.JUDGEMENTS,
    cards: given.CARDS = None,
    contexts: given.CONTEXTS = None,
    participants: given.PARTICIPANTS = None,
    published: given.PUBLISHED = False,
    pool: given.POOL = False,
    context: given.CONTEXT = None,
    case: given.CASE = None,
    users: given.USERS = None,
    since: given.SINCE = None,
    until: given.UNTIL = None,
    group: given.GROUP = None,
    min_wiser: given.MIN_WISER = None,
    min_total: given.MIN_TOTAL = None,
    min_likelihood: given.MIN_LIKELIHOOD = None,
    max_entropy: given.MAX_ENTROPY = None,
    min_support: given.MIN_SUPPORT = None,
    level: given.LEVEL = 0.95,
    bootstrap: given.BOOTSTRAP = 1000,
    seed: given.SEED = 0,
    target: Annotated[float, typer.Option(help="A winner is stable if it wins this share of resamples.")] = 0.95,
    json: Annotated[Path | None, typer.Option(help="Also write all of it to this file.")] = None,
) -> None:
    """Test a moral graph: coverage, cycles, thresholds, resampling, and how many more judgements are needed."""
    if not 0 < target <= 1:
        raise UsageError(f"--target {target} is not between 0 and 1")
    if bootstrap == 0:
        raise UsageError("--bootstrap 0: the report needs resamples")
    from pluralign.cli import graph_tables as tables
    from pluralign.graph.bootstrap import bootstrap as resample
    from pluralign.graph.bootstrap import convergence, further_judgements, places
    from pluralign.graph.build import build
    from pluralign.graph.coverage import coverage
    from pluralign.graph.sensitivity import sweep
    from pluralign.graph.structure import structure
    from pluralign.graph.tally import tally

    read = given.read(
        judgements,
        cards=cards,
        contexts=contexts,
        participants=participants,
        published=published,
        pool=pool,
        context=context,
        case=case,
        users=users,
        since=since,
        until=until,
        group=group,
        min_wiser=min_wiser,
        min_total=min_total,
        min_likelihood=min_likelihood,
        max_entropy=max_entropy,
        min_support=min_support,
        level=level,
        bootstrap=bootstrap,
        seed=seed,
    )
    method = read.method
    counted = tally(read.table, method, **read.sources)
    with given.progress("resampling the participants", bootstrap if published else 2 * bootstrap) as told:
        graph = build(read.table, method, cards=read.cards, progress=told, **read.sources)
        resampled = resample(
            counted.table,
            counted.pairs,
            counted.kept,
            method.rule,
            published=published,
            resamples=bootstrap,
            seed=seed,
            level=level,
            progress=told,
        )
    with given.progress("resampling more and fewer people", 7 * 200) as told:
        points = convergence(
            counted.table, counted.pairs, method.rule, published=published, resamples=200, seed=seed, progress=told
        )
    covered, ordered, swept = coverage(counted.table), structure(graph), sweep(counted, method)
    tables.show(
        tables.summary(graph),
        tables.coverage(covered),
        tables.resampled(resampled, counted, bootstrap),
        tables.winners(graph),
        tables.order(ordered),
        tables.overruled(ordered, graph),
        tables.sensitivity(swept),
        tables.stability(points, counted, target),
        *tables.groups(graph, top=10),
    )
    if json is None:
        return
    where = places(counted.pairs)
    heard = {context: int((counted.table.context == context).sum()) for context in set(counted.table.context.tolist())}
    heard[-1] = len(counted.table)

    def name(code: int) -> str | None:
        return None if code == -1 else counted.table.context_names[code]

    values = counted.table.value_names
    written: dict[str, Any] = {
        "construction": graph.construction.model_dump(mode="json"),
        "coverage": covered._asdict(),
        "structure": [_plain(each) for each in ordered],
        "sensitivity": [row._asdict() for row in swept],
        "bootstrap": {
            "resamples": bootstrap,
            "similarity": resampled.similarity,
            "edges": [
                {"source": values[source], "wiser": values[wiser], "context": name(code), "survival": survival}
                for source, wiser, code, survival in zip(
                    counted.pairs.source.tolist(),
                    counted.pairs.candidate.tolist(),
                    counted.pairs.context.tolist(),
                    resampled.survival.tolist(),
                    strict=True,
                )
            ],
            "winners": [
                {"value": values[value], "context": name(code), "wisdom": wins, "page_rank": rank_wins}
                for value, code, wins, rank_wins in zip(
                    where.value.tolist(),
                    where.context.tolist(),
                    resampled.wins.tolist(),
                    resampled.page_rank_wins.tolist(),
                    strict=True,
                )
            ],
        },
        "convergence": {
            "target": target,
            "points": [
                point._asdict() | {"context": name(point.context), "winner": values[point.winner]} for point in points
            ],
            "further_judgements": [
                {"context": name(code), "judgements": further_judgements(points, code, heard[code], target)}
                for code in dict.fromkeys(point.context for point in points)
            ],
        },
    }
    try:
        json.write_text(
            json_text.dumps(written, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8"
        )
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror}", file=str(json)) from None
    print(f"wrote {json}")


def _plain(value: Any) -> Any:
    """Named tuples, nested, as plain data."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(each) for name, each in value._asdict().items()}
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value]
    return value
