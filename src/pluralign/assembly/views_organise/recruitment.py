"""Recruitment links: where a panel sends people, how many may come, and what takes them back."""

from functools import partial

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from pluralign.assembly.access import team
from pluralign.assembly.models import Assembly, Recruitment
from pluralign.assembly.services import setup
from pluralign.assembly.views_organise.forms import RecruitmentForm
from pluralign.assembly.views_organise.pages import edited, page


@team("organise")
@require_GET
def links(request: HttpRequest, assembly: Assembly) -> HttpResponse:
    """All links, with how many came by each."""
    found = [
        {
            "link": link,
            "address": address_of(request, link),
            "joined": link.participation_set.count(),
            "finished": link.participation_set.exclude(transitions_finished_at=None).count(),
        }
        for link in assembly.recruitments.order_by("pk")
    ]
    start = request.build_absolute_uri(reverse("welcome", args=[assembly.slug]))
    return page(request, assembly, "recruitment", {"links": found, "start": start})


@team("organise")
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, assembly: Assembly, key: int | None = None) -> HttpResponse:
    """Add a link or change it."""
    found = None if key is None else get_object_or_404(assembly.recruitments, pk=key)
    form = RecruitmentForm(request.POST if request.method == "POST" else None, instance=found)
    kept = None if key is None else Recruitment.objects.get(pk=key)  # the form changes the one that it was given
    save = partial(setup.save_recruitment, assembly, kept, by=request.user)
    heading = "Change a recruitment link" if found else "Add a recruitment link"
    return edited(request, assembly, form, save, back="organise-recruitment", heading=heading)


def address_of(request: HttpRequest, link: Recruitment) -> str:
    """The link as a panel is given it, with the panel's placeholder for its id."""
    path = reverse("recruited", args=[link.assembly.slug, link.token])
    return request.build_absolute_uri(path) + f"?{link.id_parameter}={{{{%{link.id_parameter}%}}}}"
