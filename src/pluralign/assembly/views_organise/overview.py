"""The first page of an assembly for its team: what is to be done next, and how far people have come."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from pluralign.assembly.access import team
from pluralign.assembly.models import Assembly
from pluralign.assembly.services import setup
from pluralign.assembly.views_organise.pages import page


@team("see")
@require_GET
def overview(request: HttpRequest, assembly: Assembly) -> HttpResponse:
    """Where the assembly stands."""
    context = {
        "missing": setup.ready_to_open(assembly),
        "advice": setup.advice(assembly),
        "people": assembly.participations.filter(is_simulated=False).count(),
    }
    return page(request, assembly, "overview", context)
