"""What organisers' pages have in common: the way around, and the language they are written in, which is English."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import override

from pluralign.assembly.access import can
from pluralign.assembly.models import Assembly
from pluralign.assembly.services.joining import Refused


class Entry(NamedTuple):
    """One entry of the navigation."""

    route: str
    label: str
    right: str
    """Key of `access.CAN`: who sees the entry. The view itself is guarded on its own."""


NAVIGATION = (
    Entry("organise-overview", "Overview", "see"),
    Entry("organise-phase", "Phase", "see"),
    Entry("organise-texts", "Questions", "organise"),
    Entry("organise-seeds", "Seeds", "organise"),
    Entry("organise-recruitment", "Links", "organise"),
    Entry("organise-quotas", "Quotas", "see"),
    Entry("organise-moderation", "Moderation", "moderate"),
    Entry("organise-budget", "Budget", "see"),
    Entry("organise-team", "Team", "see"),
    Entry("organise-log", "Log", "organise"),
    Entry("organise-values", "Same values", "organise"),
    Entry("organise-transcripts", "Conversations", "transcripts"),
    Entry("organise-export", "Export", "organise"),
    Entry("organise-settings", "Settings", "organise"),
)


def page(
    request: HttpRequest, assembly: Assembly | None, name: str, context: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    """Render ``assembly/organise/NAME.html``, in English whatever the reader's language is."""
    with override("en"):
        found = {"assembly": assembly, "navigation": _navigation(request, assembly), **(context or {})}
        return render(request, f"assembly/organise/{name}.html", found, status=status)


def edited(
    request: HttpRequest,
    assembly: Assembly,
    form: Any,
    save: Callable[..., object],
    *,
    back: str,
    heading: str,
    field: str | None = None,
    refuses: type[Exception] = Refused,
    **context: Any,
) -> HttpResponse:
    """A page with one form. What was sent is given to ``save`` and the reader goes ``back``; where it is wrong, or
    ``save`` ``refuses`` it, the form is shown again with the reason beside its field."""
    if request.method == "POST" and form.is_valid():
        try:
            save(**form.cleaned_data)
        except refuses as refusal:
            form.add_error(field, str(refusal))
        else:
            messages.success(request, "Kept.")
            return redirect(back, slug=assembly.slug)
    shown = {"form": form, "back": back, "heading": heading, **context}
    return page(request, assembly, "one", shown, status=422 if form.errors else 200)


def _navigation(request: HttpRequest, assembly: Assembly | None) -> list[dict[str, Any]]:
    if assembly is None:
        return []
    here = request.resolver_match.view_name if request.resolver_match else ""
    return [
        {
            "url": reverse(entry.route, args=[assembly.slug]),
            "label": entry.label,
            "here": here == entry.route or here.startswith(f"{entry.route}-"),
        }
        for entry in NAVIGATION
        if can(request, assembly, entry.right)
    ]
