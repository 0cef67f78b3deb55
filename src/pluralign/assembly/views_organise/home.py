"""The way in for organisers, and the assemblies of whose teams they are members."""

from django.contrib.auth import login
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods
from django_ratelimit.decorators import ratelimit

from pluralign.assembly.access import public, signed_in
from pluralign.assembly.models import Membership, Person, Role
from pluralign.assembly.models.assemblies import Assembly
from pluralign.assembly.services import audit
from pluralign.assembly.services.organising import ENTRY_LIFE, ENTRY_SALT, may_create
from pluralign.assembly.views_organise.pages import page

BACKEND = "django.contrib.auth.backends.ModelBackend"


@signed_in
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The assemblies in whose team the reader is."""
    roles = dict(Membership.objects.filter(person=request.user).values_list("assembly_id", "role"))
    found = Assembly.objects.all() if request.user.is_superuser else Assembly.objects.filter(pk__in=roles)
    if not found and not may_create(request.user):
        raise Http404
    rows = [
        {"assembly": each, "role": Role(roles.get(each.pk, Role.OWNER)).label, "people": each.participations.count()}
        for each in found
    ]
    return page(request, None, "home", {"rows": rows, "may_create": may_create(request.user)})


@public
@ratelimit(key="ip", rate="30/h", method="POST")
@require_http_methods(["GET", "POST"])
def enter(request: HttpRequest) -> HttpResponse:
    """Sign an organiser in with the signed link that the command line printed. Reading the page signs nobody in, so
    that link previews cannot use it up; the token stands in the fragment or is typed, never in a log."""
    if request.method == "GET":
        return render(request, "assembly/organise/enter.html")
    try:
        key, stamp = signing.loads(request.POST.get("token", "").strip(), salt=ENTRY_SALT, max_age=ENTRY_LIFE)
    except signing.BadSignature:
        return render(request, "assembly/organise/enter.html", {"wrong": True}, status=422)
    person = get_object_or_404(Person, pk=key, is_active=True)
    if str(person.last_login) != stamp:  # used already: signing in moved the stamp on
        return render(request, "assembly/organise/enter.html", {"wrong": True}, status=422)
    login(request, person, backend=BACKEND)
    audit.record("organiser.enter", person=person)
    return redirect("organise")
