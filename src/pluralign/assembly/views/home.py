"""A participant's own page: what is done, what comes next."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from pluralign.assembly.access import participant
from pluralign.assembly.models import Participation
from pluralign.assembly.services.progress import progress


@participant
@require_GET
def home(request: HttpRequest, mine: Participation) -> HttpResponse:
    """Where the reader stands."""
    held = request.session.get("held")
    if held is not None and not held["path"].startswith(f"/a/{mine.assembly.slug}/"):
        held = None
    context = {"assembly": mine.assembly, "mine": mine, "progress": progress(mine), "held": held}
    return render(request, "assembly/home.html", context)
