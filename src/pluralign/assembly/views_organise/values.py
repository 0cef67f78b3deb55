"""The workbench on which organisers say which values are the same: groups, distances, merging, splitting, undoing."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from pluralign.assembly import machines
from pluralign.assembly.access import team
from pluralign.assembly.models import Assembly, AuditEntry, CanonicalValue, Card, CardStatus, Moderation, ValueStatus
from pluralign.assembly.services import grouping
from pluralign.assembly.services.exporting import authors_of
from pluralign.assembly.services.joining import Refused
from pluralign.assembly.views_organise.pages import page


class Reach(forms.Form):
    """How near values must be to be put side by side."""

    within = forms.FloatField(min_value=0.0, max_value=2.0)


@team("organise")
@require_GET
def values(request: HttpRequest, assembly: Assembly) -> HttpResponse:
    """Groups of values that may be the same, question by question, and what was done so far."""
    form = Reach(request.GET)
    within = form.cleaned_data["within"] if form.is_valid() else None
    questions = [
        {"question": question, "found": grouping.overview(question, within), "history": _told(question)}
        for question in assembly.questions.all()
    ]
    for each in questions:
        for suggestion in each["found"].suggestions:
            for value in suggestion.values:
                value.said = _said(value, suggestion.values, each["found"].said)
    context = {"questions": questions, "people": dict(authors_of(assembly)), "distances": machines.embedder().distances,
               "within": questions[0]["found"].within if questions else 0}  # fmt: skip
    _count_people(context)
    return page(request, assembly, "values", context)


def _count_people(context: dict[str, Any]) -> None:
    for each in context["questions"]:
        for value in (*each["found"].others, *(v for group in each["found"].suggestions for v in group.values)):
            value.people = context["people"].get(value.pk, 0)


def _said(value: CanonicalValue, others: Any, said: dict[tuple[int, int], dict[str, int]]) -> list[str]:
    """What authors of cards said of this value and another of the group, in words."""
    found = []
    for other in others:
        for answer, count in said.get((min(value.pk, other.pk), max(value.pk, other.pk)), {}).items():
            if other.pk != value.pk:
                found.append(f"{count} {'author' if count == 1 else 'authors'} said of “{other.title}”: {answer}")
    return found


def _told(question: Any) -> list[dict[str, Any]]:
    titles = dict(question.values.values_list("pk", "title"))

    def name(key: int) -> str:
        return f"“{titles.get(key, 'a value that is gone')}”"

    def words(entry: AuditEntry) -> str:
        detail = entry.detail
        match entry.action:
            case grouping.MERGE:
                return f"merged {', '.join(map(name, detail['absorb']))} into {name(detail['keep'])}"
            case grouping.SPLIT:
                return f"split {len(detail['moves'])} card(s) of {name(detail['value'])} off as {name(detail['into'])}"
            case grouping.APART:
                return f"said that {', '.join(map(name, detail['values']))} are different"
            case _:
                return "took a change back"

    return [
        {"entry": entry, "words": words(entry), "can_undo": entry.undone_at is None and entry.action != grouping.UNDO}
        for entry in grouping.history(question)
    ]


@team("organise")
@require_GET
def value(request: HttpRequest, assembly: Assembly, key: int) -> HttpResponse:
    """One value with the cards that say it, and the values nearest to it."""
    found = get_object_or_404(CanonicalValue, pk=key, question__assembly=assembly)
    cards = []
    for card in Card.objects.filter(canonical=found, status=CardStatus.SUBMITTED).select_related("participation"):
        consent = card.participation.consents.last()
        shown = card.moderation == Moderation.OK and consent is not None and consent.share_card
        cards.append({"card": card, "version": card.latest if shown else None})
    near = grouping.neighbours(found) if found.status == ValueStatus.ACTIVE else []
    return page(request, assembly, "value", {"value": found, "cards": cards, "near": near,
                                             "active": found.status == ValueStatus.ACTIVE})  # fmt: skip


@team("organise")
@require_POST
def merge(request: HttpRequest, assembly: Assembly, question: int) -> HttpResponse:
    """Merge the chosen values into the one to keep, or say that they are different."""
    found = get_object_or_404(assembly.questions, pk=question)
    try:
        chosen = {int(key) for key in request.POST.getlist("value")}
        keep = int(request.POST.get("keep") or 0)
    except ValueError:
        return HttpResponseBadRequest("values have numbers")
    by: Any = request.user
    if request.POST.get("do") == "apart":
        return _do(request, assembly, lambda: grouping.keep_apart(found, chosen, by=by), "They are kept apart.")
    return _do(request, assembly, lambda: grouping.merge(found, keep, chosen - {keep}, by=by), "Merged.")


@team("organise")
@require_POST
def split(request: HttpRequest, assembly: Assembly, key: int) -> HttpResponse:
    """Take the chosen cards out of a value."""
    found = get_object_or_404(CanonicalValue, pk=key, question__assembly=assembly)
    try:
        cards = {int(card) for card in request.POST.getlist("card")}
    except ValueError:
        return HttpResponseBadRequest("cards have numbers")
    by: Any = request.user
    return _do(request, assembly, lambda: grouping.split(found.question, key, cards, by=by), "Split.")


@team("organise")
@require_POST
def undo(request: HttpRequest, assembly: Assembly, question: int) -> HttpResponse:
    """Take a change back."""
    found = get_object_or_404(assembly.questions, pk=question)
    try:
        entry = int(request.POST.get("entry", ""))
    except ValueError:
        return HttpResponseBadRequest("changes have numbers")
    by: Any = request.user
    return _do(request, assembly, lambda: grouping.undo(found, entry, by=by), "Taken back.")


def _do(request: HttpRequest, assembly: Assembly, deed: Callable[[], object], done: str) -> HttpResponse:
    try:
        deed()
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, done)
    back = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return redirect(back)
    return redirect(reverse("organise-values", args=[assembly.slug]))
