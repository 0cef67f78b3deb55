"""Making an assembly, changing it, its questions and situations."""

from functools import partial
from importlib import resources

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST
from django_ratelimit.decorators import ratelimit

from pluralign.assembly.access import signed_in, team
from pluralign.assembly.models import Assembly
from pluralign.assembly.services import consents, setup
from pluralign.assembly.services.joining import Refused
from pluralign.assembly.services.organising import may_create
from pluralign.assembly.views_organise.forms import ContextForm, FromFile, NewAssembly, QuestionForm, Settings
from pluralign.assembly.views_organise.pages import edited, page


@signed_in
@ratelimit(key="pluralign.assembly.access.by_person", rate="30/h", method="POST")
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """A new assembly from a topic, or from a file."""
    if not may_create(request.user):
        raise Http404
    by_file = request.POST.get("do") == "file"
    form = NewAssembly(request.POST if request.method == "POST" and not by_file else None, auto_id="new_%s")
    upload = FromFile(*((request.POST, request.FILES) if by_file else ()), auto_id="file_%s")
    chosen = upload if by_file else form
    if request.method == "POST" and chosen.is_valid():
        try:
            if by_file:
                assembly = setup.plant(upload.cleaned_data["file"], request.user)
            else:
                told = dict(form.cleaned_data)
                assembly = setup.create(request.user, uses_model=told.pop("asks") == "model", **told)
        except Refused as refusal:
            chosen.add_error("file", str(refusal))
        else:
            messages.success(request, "The assembly is made. Nobody sees it until you open it.")
            return redirect("organise-overview", slug=assembly.slug)
    example = (resources.files("pluralign.assembly") / "data" / "example.yaml").read_text(encoding="utf-8")
    context = {"form": form, "upload": upload, "example": example}
    return page(request, None, "new", context, status=422 if chosen.errors else 200)


@team("organise")
@require_http_methods(["GET", "POST"])
def settings(request: HttpRequest, assembly: Assembly) -> HttpResponse:
    """What may be changed at any time."""
    form = Settings(request.POST if request.method == "POST" else None, instance=assembly)
    if request.method == "POST" and form.is_valid():
        kept = Assembly.objects.get(pk=assembly.pk)
        if setup.change(kept, form.cleaned_data, by=request.user, assembly=kept, action="assembly.change"):
            messages.success(request, "Kept.")
        return redirect("organise-settings", slug=assembly.slug)
    shown = Assembly.objects.get(pk=assembly.pk)  # a form that failed must not rename the page
    context = {"form": form, "agreed": consents.agreed(shown)}
    return page(request, shown, "settings", context, status=422 if form.errors else 200)


@team("organise")
@require_http_methods(["GET"])
def texts(request: HttpRequest, assembly: Assembly) -> HttpResponse:
    """The questions and the situations."""
    context = {
        "questions": [
            {"question": each, "fixed": setup.why_fixed(each), "people": each.dialogues.count()}
            for each in assembly.questions.all()
        ],
        "contexts": [
            {"context": each, "fixed": setup.why_fixed(each), "judgements": each.judgements.count()}
            for each in assembly.contexts.prefetch_related("questions")
        ],
    }
    return page(request, assembly, "texts", context)


@team("organise")
@require_http_methods(["GET", "POST"])
def question(request: HttpRequest, assembly: Assembly, key: int | None = None) -> HttpResponse:
    """Add a question or change it."""
    found = None if key is None else get_object_or_404(assembly.questions, pk=key)
    fixed = setup.why_fixed(found) if found is not None else ""
    initial = {"title": found.title, "text": found.text} if found is not None else {}
    form = QuestionForm(request.POST if request.method == "POST" else None, initial=initial)
    if fixed:
        form.fields["text"].disabled = True
    save = partial(setup.save_question, assembly, found, by=request.user)
    heading = "Change a question" if found else "Add a question"
    return edited(request, assembly, form, save, back="organise-texts", heading=heading, field="text", fixed=fixed)


@team("organise")
@require_http_methods(["GET", "POST"])
def context(request: HttpRequest, assembly: Assembly, key: int | None = None) -> HttpResponse:
    """Add a situation or change it."""
    found = None if key is None else get_object_or_404(assembly.contexts, pk=key)
    fixed = setup.why_fixed(found) if found is not None else ""
    initial = {
        "text": found.text if found else "",
        "questions": found.questions.all() if found else assembly.questions.all(),
    }
    form = ContextForm(assembly, request.POST if request.method == "POST" else None, initial=initial)
    if fixed:
        form.fields["text"].disabled = True
    save = partial(setup.save_context, assembly, found, by=request.user)
    heading = "Change a situation" if found else "Add a situation"
    return edited(request, assembly, form, save, back="organise-texts", heading=heading, field="text", fixed=fixed)


@team("organise")
@require_POST
def open_question(request: HttpRequest, assembly: Assembly, key: int) -> HttpResponse:
    """Close a question to participants, or open it again."""
    found = get_object_or_404(assembly.questions, pk=key)
    is_open = request.POST.get("open") == "yes"
    setup.change(found, {"is_open": is_open}, by=request.user, assembly=assembly,
                 action="question.open" if is_open else "question.close")  # fmt: skip
    return redirect("organise-texts", slug=assembly.slug)


@team("organise")
@require_POST
def open_context(request: HttpRequest, assembly: Assembly, key: int) -> HttpResponse:
    """Retire a situation, so that nobody else is asked about it, or take it back in."""
    found = get_object_or_404(assembly.contexts, pk=key)
    setup.open_context(found, by=request.user, is_active=request.POST.get("open") == "yes")
    return redirect("organise-texts", slug=assembly.slug)
