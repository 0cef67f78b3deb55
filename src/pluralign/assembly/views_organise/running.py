"""While it runs: moderation, quotas, the model's budget, and the log of what the team did."""

from datetime import datetime, time
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from pluralign.assembly.access import can, team
from pluralign.assembly.models import Assembly, Attribute, Moderation
from pluralign.assembly.services import dashboards, moderation, quotas, setup
from pluralign.assembly.views_organise.forms import BudgetForm, QuotaForm
from pluralign.assembly.views_organise.log_words import sentence
from pluralign.assembly.views_organise.pages import edited, page

FOUND = {
    "personal": "looks like an address, a number or a link",
    "word": "has the word “{word}”",
    "no_language": "is no language",
}


@team("moderate")
@require_GET
def queue(request: HttpRequest, assembly: Assembly) -> HttpResponse:
    """What waits for a moderator, and what was hidden."""
    waiting, hidden = moderation.queue(assembly), moderation.hidden(assembly)
    context = {
        "waiting": waiting,
        "hidden": hidden,
        "values": [{"value": each, "why": _why(assembly, each)} for each in waiting.values],
        "reasons": [
            {"judgement": each, "why": _found(assembly, each.reason) or ["was held back"]} for each in waiting.reasons
        ],
    }
    return page(request, assembly, "moderation", context)


def _found(assembly: Assembly, *texts: str) -> list[str]:
    return [FOUND[each.kind].format(word=each.word) for each in moderation.held(assembly, *texts)]


def _why(assembly: Assembly, value: Any) -> list[str]:
    kinds = [report.get_kind_display() for report in value.reports.all() if report.settled_at is None]
    reported = [f"reported {kinds.count(kind)} ×: {kind}" for kind in dict.fromkeys(kinds)]
    found = _found(assembly, value.title, value.summary, value.description, *value.policies)
    proposed = ["proposed as a seed, not shown yet"] if value.is_seed and value.moderation == Moderation.WAITING else []
    return [*proposed, *reported, *found] or ["every card waits for a moderator here"]


@team("moderate")
@require_POST
def decide(request: HttpRequest, assembly: Assembly, kind: str, key: int) -> HttpResponse:
    """Accept, hide or restore one thing."""
    try:
        moderation.decide(
            assembly,
            kind,
            key,
            by=request.user,
            accept=request.POST.get("do") == "accept",
            reason=request.POST.get("reason", ""),
        )
    except ObjectDoesNotExist:
        raise Http404 from None
    except ValueError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Kept.")
    return redirect("organise-moderation", slug=assembly.slug)


@team("see")
@require_GET
def quota(request: HttpRequest, assembly: Assembly) -> HttpResponse:
    """Whom the assembly wants to hear, and how full each group is."""
    links = [{"link": link, "joined": link.participation_set.count()} for link in assembly.recruitments.order_by("pk")]
    context = {
        "attributes": quotas.filled(assembly),
        "links": links,
        "people": dashboards.people_of(assembly).count(),
        "may_change": can(request, assembly, "organise"),
    }
    return page(request, assembly, "quotas", context)


@team("organise")
@require_http_methods(["GET", "POST"])
def quota_edit(request: HttpRequest, assembly: Assembly, key: int | None = None) -> HttpResponse:
    """Ask something at joining, or change what is asked and how many may join."""
    found: Attribute | None = None if key is None else get_object_or_404(assembly.attributes, pk=key)
    initial: dict[str, Any] = {"is_active": True}
    if found is not None:
        lines = [f"{group.text} = {group.limit}" if group.limit else group.text for group in found.groups.all()]
        initial = {"question": found.question, "groups": "\n".join(lines), "is_active": found.is_active}
    form = QuotaForm(request.POST if request.method == "POST" else None, initial=initial)
    save = partial(quotas.save, assembly, found, by=request.user)
    heading = "Change a group" if found else "Ask for a group"
    return edited(
        request, assembly, form, save, back="organise-quotas", heading=heading, field="groups", refuses=ValueError
    )


@team("see")
@require_GET
def budget(request: HttpRequest, assembly: Assembly) -> HttpResponse:
    """What the model was used for, against the caps."""
    return _budget(request, assembly, BudgetForm(instance=assembly))


def _budget(request: HttpRequest, assembly: Assembly, form: BudgetForm) -> HttpResponse:
    context = {"form": form, "budget": dashboards.budget(assembly), "may_change": can(request, assembly, "organise")}
    return page(request, assembly, "budget", context, status=422 if form.errors else 200)


@team("organise")
@require_POST
def budget_change(request: HttpRequest, assembly: Assembly) -> HttpResponse:
    """Change the caps."""
    form = BudgetForm(request.POST, instance=Assembly.objects.get(pk=assembly.pk))
    if not form.is_valid():
        return _budget(request, assembly, form)
    kept = Assembly.objects.get(pk=assembly.pk)
    setup.change(kept, form.cleaned_data, by=request.user, assembly=kept, action="budget.change")
    messages.success(request, "Kept.")
    return redirect("organise-budget", slug=assembly.slug)


class LogFilter(forms.Form):
    """What to look for in the log."""

    action = forms.ChoiceField(label="What", required=False)
    person = forms.ChoiceField(label="Who", required=False)
    since = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label="To", required=False, widget=forms.DateInput(attrs={"type": "date"}))


@team("organise")
@require_GET
def log(request: HttpRequest, assembly: Assembly) -> HttpResponse:
    """Who did what when. Names of the team only; of participants neither names nor words."""
    entries = assembly.audit.select_related("person")
    form = LogFilter(request.GET)
    actions = sorted(set(entries.order_by().values_list("action", flat=True)))
    people = sorted(set(entries.order_by().exclude(person=None).values_list("person", "person__name")))
    form.fields["action"].choices = [("", "Everything"), *((each, sentence(each)) for each in actions)]
    form.fields["person"].choices = [("", "Everybody"), *((str(key), name or "no name") for key, name in people)]
    if form.is_valid():
        chosen = form.cleaned_data
        if chosen["action"]:
            entries = entries.filter(action=chosen["action"])
        if chosen["person"]:
            entries = entries.filter(person=chosen["person"])
        if chosen["since"]:
            entries = entries.filter(at__gte=timezone.make_aware(datetime.combine(chosen["since"], time.min)))
        if chosen["until"]:
            entries = entries.filter(at__lte=timezone.make_aware(datetime.combine(chosen["until"], time.max)))
    shown = Paginator(entries, 50).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    rows = [{"entry": entry, "words": sentence(entry.action), "detail": _detail(entry.detail)} for entry in shown]
    context = {"form": form, "rows": rows, "shown": shown, "query": query.urlencode()}
    return page(request, assembly, "log", context, status=422 if form.errors else 200)


def _detail(detail: dict[str, Any]) -> list[tuple[str, str]]:
    """What stands with an entry, name by name; lists of before and after with an arrow."""
    flat = {**detail, **detail.get("fields", {})} if isinstance(detail.get("fields"), dict) else detail
    told = []
    for name, value in flat.items():
        if name == "fields" or value in (None, "", []):
            continue
        pair = isinstance(value, list) and len(value) == 2 and name in detail.get("fields", {})
        told.append((name.replace("_", " "), f"{value[0]} → {value[1]}" if pair else str(value)))
    return told
