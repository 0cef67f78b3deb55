"""The team's page, invitations, and the way in for who was invited."""

from django.contrib import messages
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_ratelimit.decorators import ratelimit

from pluralign.assembly.access import can, public, signed_in, team, team_role
from pluralign.assembly.models import Assembly, Membership, Role
from pluralign.assembly.services import team as services
from pluralign.assembly.services.joining import Refused
from pluralign.assembly.views_organise.forms import AcceptForm, InviteForm
from pluralign.assembly.views_organise.pages import page

BACKEND = "django.contrib.auth.backends.ModelBackend"


@team("see")
@require_GET
def members(request: HttpRequest, assembly: Assembly) -> HttpResponse:
    """Who is in the team, and who was invited."""
    return _page(request, assembly, InviteForm())


def _page(request: HttpRequest, assembly: Assembly, form: InviteForm) -> HttpResponse:
    owns = can(request, assembly, "own")
    context = {
        "form": form,
        "owns": owns,
        "members": assembly.memberships.select_related("person").order_by("created_at"),
        "is_member": assembly.memberships.filter(person=request.user).exists(),
        "invitations": assembly.invitations.filter(
            accepted_at=None, withdrawn_at=None, expires_at__gt=timezone.now()
        ).select_related("invited_by"),
        "roles": [(role, Role(role).label, services.MAY[role]) for role in Role.values],
        "made_link": request.session.pop("made_link", ""),
    }
    return page(request, assembly, "team", context, status=422 if form.errors else 200)


@team("own")
@ratelimit(key="pluralign.assembly.access.by_person", rate="30/h", method="POST")
@require_POST
def invite(request: HttpRequest, assembly: Assembly) -> HttpResponse:
    """Offer a place in the team."""
    form = InviteForm(request.POST)
    if not form.is_valid():
        return _page(request, assembly, form)

    def link_of(token: str) -> str:
        return f"{request.build_absolute_uri(reverse('organise-invited'))}#{token}"

    try:
        made = services.invite(assembly, by=request.user, link_of=link_of, **form.cleaned_data)
    except Refused as refusal:
        form.add_error("email", str(refusal))
        return _page(request, assembly, form)
    if form.cleaned_data["email"]:
        messages.success(request, f"The invitation is sent to {form.cleaned_data['name']}.")
    else:
        request.session["made_link"] = link_of(made.token)
    return redirect("organise-team", slug=assembly.slug)


@team("own")
@require_POST
def withdraw(request: HttpRequest, assembly: Assembly, key: int) -> HttpResponse:
    """Take an invitation back."""
    services.withdraw(assembly, key, by=request.user)
    return redirect("organise-team", slug=assembly.slug)


@team("own")
@require_POST
def role(request: HttpRequest, assembly: Assembly, key: int) -> HttpResponse:
    """Change somebody's role, or take them out of the team."""
    found = get_object_or_404(assembly.memberships.select_related("person"), pk=key)
    wanted = request.POST.get("role", "")
    if wanted not in {*Role.values, "none"}:
        raise Http404
    return _set(request, assembly, found, None if wanted == "none" else wanted)


@team("own")
@require_POST
def transcripts(request: HttpRequest, assembly: Assembly, key: int) -> HttpResponse:
    """Give a member the right to read conversations, or take it back."""
    found = get_object_or_404(assembly.memberships, pk=key)
    services.let_read_transcripts(assembly, found.pk, by=request.user, allowed=request.POST.get("allowed") == "yes")
    messages.success(request, "Kept.")
    return redirect("organise-team", slug=assembly.slug)


@team("see")
@require_POST
def leave(request: HttpRequest, assembly: Assembly) -> HttpResponse:
    """Leave the team oneself."""
    found = get_object_or_404(assembly.memberships.select_related("person"), person=request.user)
    return _set(request, assembly, found, None)


def _set(request: HttpRequest, assembly: Assembly, membership: Membership, role: str | None) -> HttpResponse:
    try:
        services.set_role(assembly, membership.person, role, by=request.user)
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "Kept.")
    if team_role(request, assembly) is None:
        return redirect("front")
    return redirect("organise-team", slug=assembly.slug)


@public
@ratelimit(key="ip", rate="30/h", method="POST")
@require_http_methods(["GET", "POST"])
def invited(request: HttpRequest) -> HttpResponse:
    """Come into a team by an invitation. The secret stands in the fragment of the link, so that reading the page uses
    nothing up and no log holds it."""
    known = request.user if request.user.is_authenticated else None
    form = AcceptForm(request.POST if request.method == "POST" else None)
    if known is not None and known.name:
        del form.fields["name"]
    if request.method == "POST" and form.is_valid():
        try:
            accepted = services.accept(form.cleaned_data["token"], known, form.cleaned_data.get("name", ""))
        except Refused as refusal:
            form.add_error("token", str(refusal))
        else:
            if known is None:
                login(request, accepted.membership.person, backend=BACKEND)
            if accepted.return_code is not None:
                request.session["team_code"] = accepted.return_code
                return redirect("organise-code")
            return redirect("organise-overview", slug=accepted.membership.assembly.slug)
    return page(request, None, "invited", {"form": form, "known": known}, status=422 if form.errors else 200)


@signed_in
@require_http_methods(["GET", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """The return code of somebody who has just come in by a link, until they have written it down."""
    found = request.session.get("team_code")
    if request.method == "POST" or found is None:
        request.session.pop("team_code", None)
        return redirect("organise")
    return page(request, None, "code", {"code": found})
