"""Seed values: the organisers' own, to begin with. Marked as such, counted as nobody's."""

from functools import partial

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from pluralign.assembly.access import team
from pluralign.assembly.models import Assembly, CanonicalValue, Question
from pluralign.assembly.services import setup
from pluralign.assembly.views_organise.forms import SeedForm
from pluralign.assembly.views_organise.pages import edited, page


@team("organise")
@require_GET
def seeds(request: HttpRequest, assembly: Assembly) -> HttpResponse:
    """All seeds, question by question."""
    questions = [
        {
            "question": question,
            "seeds": [
                {"value": value, "fixed": setup.why_fixed(value)} for value in question.values.filter(is_seed=True)
            ],
        }
        for question in assembly.questions.all()
    ]
    return page(request, assembly, "seeds", {"questions": questions})


@team("organise")
@require_http_methods(["GET", "POST"])
def add(request: HttpRequest, assembly: Assembly, question: int) -> HttpResponse:
    """Add a seed to a question."""
    return _edit(request, assembly, get_object_or_404(assembly.questions, pk=question), None)


@team("organise")
@require_http_methods(["GET", "POST"])
def change(request: HttpRequest, assembly: Assembly, key: int) -> HttpResponse:
    """Change a seed that nobody has been shown."""
    found = _seed(assembly, key)
    return _edit(request, assembly, found.question, found)


def _edit(request: HttpRequest, assembly: Assembly, question: Question, value: CanonicalValue | None) -> HttpResponse:
    fixed = setup.why_fixed(value) if value is not None else ""
    initial = {}
    if value is not None:
        initial = {"title": value.title, "summary": value.summary, "policies": "\n".join(value.policies)}
    form = SeedForm(request.POST if request.method == "POST" else None, initial=initial)
    save = partial(setup.save_seed, question, value, by=request.user)
    heading = f"{'Change a seed of' if value else 'Add a seed to'} “{question}”"
    return edited(request, assembly, form, save, back="organise-seeds", heading=heading, field="title",
                  fixed=fixed, locked=bool(fixed))  # fmt: skip


@team("organise")
@require_POST
def show(request: HttpRequest, assembly: Assembly, key: int) -> HttpResponse:
    """Take a seed out of all draws, or back in."""
    setup.show_seed(_seed(assembly, key), by=request.user, shown=request.POST.get("open") == "yes")
    return redirect("organise-seeds", slug=assembly.slug)


def _seed(assembly: Assembly, key: int) -> CanonicalValue:
    found: CanonicalValue = get_object_or_404(CanonicalValue, pk=key, question__assembly=assembly, is_seed=True)
    return found
