"""Afterwards: where my value sits, the live graph, taking my data with me, and leaving."""

from csp.decorators import csp_exempt
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods
from django_ratelimit.decorators import ratelimit

from pluralign.assembly.access import own, participation_of, public, team_role
from pluralign.assembly.models import Assembly, Participation, Phase, Question
from pluralign.assembly.services import erasure, results, transcripts
from pluralign.assembly.services.progress import progress
from pluralign.report.graph_page import graph_page


@own
@require_GET
def after(request: HttpRequest, mine: Participation) -> HttpResponse:
    """Where the reader's values sit, and what they can do with their data."""
    questions = [
        {
            "question": question,
            "places": results.places(mine, question),
            "may_see_graph": results.may_see_graph(mine, question),
        }
        for question in mine.assembly.questions.filter(is_open=True)
    ]
    latest = mine.consents.last()
    context = {
        "assembly": mine.assembly,
        "mine": mine,
        "questions": questions,
        "progress": progress(mine),
        "recruitment": mine.recruitment,
        "readings": transcripts.readings(mine),
        "shares_transcript": latest is not None and latest.share_transcript,
    }
    return render(request, "assembly/after.html", context)


def _visible(request: HttpRequest, slug: str, question: str) -> Question:
    """A question whose graph this reader may see: the team always, people after judging, all once it is published."""
    assembly = get_object_or_404(Assembly, slug=slug)
    found: Question = get_object_or_404(assembly.questions, slug=question)
    if team_role(request, assembly) is not None:
        return found
    mine = participation_of(request, slug)
    if mine is None and (not assembly.is_public or assembly.phase == Phase.PROPOSE):
        raise Http404
    if not results.may_see_graph(mine, found):
        raise Http404
    return found


@public
@require_GET
def graph(request: HttpRequest, slug: str, question: str) -> HttpResponse:
    """The live graph as tables: light, readable by every browser."""
    found = _visible(request, slug, question)
    built = results.graph_of(found)
    contexts = []
    if built is not None:
        titles = {card.id: card.title for card in built.values}
        for context in built.contexts:
            contexts.append(
                {
                    "text": context,
                    "standings": [
                        (standing, titles[standing.value])
                        for standing in built.standings_in(context)[:5]
                        if built.edges_in([context])
                    ],
                    "edges": [
                        (edge, titles[edge.source], titles[edge.wiser])
                        for edge in sorted(built.edges_in([context]), key=lambda each: -each.counts.total)
                    ],
                }
            )
    return render(
        request,
        "assembly/graph.html",
        {
            "assembly": found.assembly,
            "mine": participation_of(request, slug),
            "question": found,
            "graph": built,
            "contexts": contexts,
        },
    )


@public
@csp_exempt()  # the page brings a stricter policy of its own, with hashes of its scripts
@require_GET
def graph_drawing(request: HttpRequest, slug: str, question: str) -> HttpResponse:
    """The live graph as an interactive drawing, in one page of about half a megabyte."""
    found = _visible(request, slug, question)
    built = results.graph_of(found)
    if built is None:
        raise Http404
    return HttpResponse(graph_page(built, title=f"{found.assembly.title}: {found.title}", source=found.assembly.title))


@own
@ratelimit(key="pluralign.assembly.access.by_person", rate="30/h")
@require_GET
def export(request: HttpRequest, mine: Participation) -> JsonResponse:
    """All that the reader gave."""
    del request
    response = JsonResponse(erasure.everything_of(mine), json_dumps_params={"ensure_ascii": False, "indent": 1})
    response["Content-Disposition"] = f'attachment; filename="{mine.assembly.slug}-mine.json"'
    return response


@own
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, mine: Participation) -> HttpResponse:
    """Ask once, then delete for good."""
    if request.method == "POST" and request.POST.get("sure") == "yes":
        slug, leaves = mine.assembly.slug, not mine.person.memberships.exists()
        erasure.erase(mine)
        request.session.pop("held", None)
        if leaves and not request.user.is_staff:
            logout(request)
        return (
            redirect("welcome", slug=slug) if Assembly.objects.filter(slug=slug, is_public=True) else redirect("front")
        )
    return render(request, "assembly/delete.html", {"assembly": mine.assembly, "mine": mine},
                  status=422 if request.method == "POST" else 200)  # fmt: skip
