"""What dashboards say of a question's judgements: how far they reach, and whether there are enough. Computed in the
background and kept, since it takes seconds where there are many; a page shows the last one and of how many it speaks.
"""

from typing import Any

from django.db.models import Max
from django.utils import timezone

from pluralign.assembly.models import Question, Reckoning, ValueStatus
from pluralign.assembly.services.results import judgements_of
from pluralign.assembly.services.similar import resolved
from pluralign.graph.bootstrap import ConvergencePoint, convergence, further_judgements
from pluralign.graph.coverage import ContextCoverage, by_context, coverage
from pluralign.graph.judgements import JudgementTable, from_judgements, latest_only
from pluralign.graph.tally import Method, tally

AT_ONCE = 500
"""So few judgements are reckoned while the page waits; more are left to a worker."""
RESAMPLES = 200
TARGET = 0.95
"""Share of resamples in which the same value must come first."""
FEW = 20
"""With fewer judgements in a context nothing is said of its winner."""


def state_of(question: Question) -> str:
    """Changes whenever what is reckoned may come out differently."""
    judged = question.judgements.aggregate(newest=Max("updated_at"), last=Max("pk"))
    values = question.values.aggregate(newest=Max("updated_at"))
    count, asked = question.judgements.count(), question.transitions.count()
    return f"{judged['newest']} {judged['last']} {values['newest']} {count} {asked}"


def latest(question: Question) -> tuple[Reckoning | None, bool]:
    """The last reckoning, and whether it is up to date. Where judgements are few it is made now."""
    state = state_of(question)
    kept = Reckoning.objects.filter(question=question).first()
    if kept is not None and kept.state == state:
        return kept, True
    if question.judgements.count() <= AT_ONCE:
        return reckon(question), True
    return kept, False


def reckon(question: Question) -> Reckoning:
    """Reckon and keep it. Done twice, it comes out the same."""
    state = state_of(question)
    kept = Reckoning.objects.filter(question=question, state=state).first()
    if kept is not None:
        return kept
    found, _made = Reckoning.objects.update_or_create(
        question=question, defaults={"state": state, "data": _reckoned(question), "made_at": timezone.now()}
    )
    return found


def _reckoned(question: Question) -> dict[str, Any]:
    judgements = judgements_of(question)
    table = None
    if judgements:
        table = latest_only(from_judgements(judgements, name=f"question {question.slug}"), per_context=True)
    covered = by_context(_asked(question), table)
    curves = [] if table is None else _curves(table)
    return {
        "judgements": 0 if table is None else len(table),
        "coverage": None if table is None else coverage(table)._asdict(),
        "contexts": [each._asdict() | _convergence(question, table, each, curves) for each in covered],
    }


def _asked(question: Question) -> list[tuple[str, str, str]]:
    """What may be asked, as the values that were merged now count."""
    into = resolved(question)
    active = set(question.values.filter(status=ValueStatus.ACTIVE).values_list("pk", flat=True))
    rows = question.transitions.filter(is_active=True, context__is_active=True).values_list(
        "source", "candidate", "context__text"
    )
    ends = ((into[source], into[candidate], context) for source, candidate, context in rows)
    return [(str(one), str(other), context) for one, other, context in ends if one != other and {one, other} <= active]


def _convergence(
    question: Question, table: JudgementTable | None, covered: ContextCoverage, curves: list[ConvergencePoint]
) -> dict[str, Any]:
    nothing: dict[str, Any] = {"winner": "", "probability": None, "further": None, "curve": []}
    if table is None or covered.judgements < FEW or covered.context not in table.context_names:
        return nothing
    code = table.context_names.index(covered.context)
    curve = [point for point in curves if point.context == code]
    if not curve:
        return nothing
    here = next(point for point in curve if point.participants == _people(table))
    titles = dict(question.values.values_list("pk", "title"))
    return {
        "winner": titles[int(table.value_names[here.winner])],
        "probability": here.probability,
        "further": further_judgements(curve, code, covered.judgements, TARGET),
        "curve": [(point.judgements, point.probability) for point in curve],
    }


def _people(table: JudgementTable) -> int:
    return len(set(table.participant.tolist()))


def _curves(table: JudgementTable) -> list[ConvergencePoint]:
    counted = tally(table, Method())
    return convergence(counted.table, counted.pairs, Method().rule, published=False, resamples=RESAMPLES)
