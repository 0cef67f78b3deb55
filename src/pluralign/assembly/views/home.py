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
    return render(request, "assembly/home.html", {"assembly": mine.assembly, "mine": mine, "progress": progress(mine)})
