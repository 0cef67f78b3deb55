"""The first page of an assembly for its team: how far people have come, and whether there are enough judgements."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from pluralign.assembly import tasks
from pluralign.assembly.access import can, team
from pluralign.assembly.models import Assembly, Phase, Question
from pluralign.assembly.services import dashboards, moderation, quotas, reckoning, setup
from pluralign.assembly.views_organise.charts import curve
from pluralign.assembly.views_organise.pages import page


@team("see")
@require_GET
def overview(request: HttpRequest, assembly: Assembly) -> HttpResponse:
    """Where the assembly stands."""
    preparing = assembly.phase == str(Phase.PROPOSE)
    context = {
        "missing": setup.ready_to_open(assembly) if preparing else [],
        "advice": setup.advice(assembly) if preparing else [],
        "may_organise": can(request, assembly, "organise"),
        "funnel": dashboards.funnel(assembly),
        "by_group": dashboards.funnel_by_group(assembly),
        "questions": [_question(each) for each in assembly.questions.all()],
        "budget": dashboards.budget(assembly),
        "groups": quotas.filled(assembly),
        "links": [link for link in assembly.recruitments.all() if link.limit],
        "waiting": moderation.queue(assembly).size if can(request, assembly, "moderate") else 0,
    }
    return page(request, assembly, "overview", context)


def _question(question: Question) -> dict[str, Any]:
    found, is_current = reckoning.latest(question)
    if not is_current:
        tasks.reckon.enqueue(question.pk)
    contexts = [] if found is None else [_context(each) for each in found.data["contexts"]]
    settled = sum(each["settled"] for each in contexts)
    return {
        "question": question,
        "reckoning": found,
        "is_current": is_current,
        "contexts": contexts,
        "settled": settled,
        "coverage": None if found is None else found.data["coverage"],
        "enough": bool(contexts) and settled == len(contexts),
    }


def _context(data: dict[str, Any]) -> dict[str, Any]:
    probability = data["probability"]
    settled = probability is not None and data["further"] == 0
    return {
        **data,
        "settled": settled,
        "verdict": verdict(data),
        "chart": curve(data["curve"], reckoning.TARGET) if len(data["curve"]) > 1 else None,
    }


def verdict(data: dict[str, Any]) -> str:
    """Whether there are enough judgements in a context, in words."""
    if data["probability"] is None:
        return f"Too early to say: {data['judgements']} judgements, and at least {reckoning.FEW} are needed."
    first = f"“{data['winner']}” comes first in {data['probability']:.0%} of samples drawn anew from the same people"
    match data["further"]:
        case 0:
            return f"Enough. {first}, and would with more people too."
        case None:
            return f"Not enough, and more answers like those so far would hardly settle it. {first}: it is a near tie."
        case further:
            return f"Not enough. {first}. About {further:,} more judgements like those so far would settle it."
