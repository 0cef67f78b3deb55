"""Who may do what. Every view says so by one decorator of this module, and the server holds it on every request.

A view without one of them fails the route test. What somebody has no right to is "not found", so that nobody learns
what exists.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from pluralign.assembly.models import Assembly, Membership, Participation, Role
from pluralign.assembly.services import consents
from pluralign.assembly.services.doors import ClosedError

View = Callable[..., HttpResponse]
LONGEST_HELD = 50_000
"""Characters of a form that are kept while its sender is asked to agree anew; every form of participants has fewer."""
CAN: dict[str, frozenset[Any]] = {
    "see": frozenset(Role.values),
    "moderate": frozenset({Role.OWNER, Role.ORGANISER, Role.MODERATOR}),
    "organise": frozenset({Role.OWNER, Role.ORGANISER}),
    "own": frozenset({Role.OWNER}),
    "transcripts": frozenset(),
}
"""What an organiser's page may ask for, and the roles that have it. No role reads transcripts by itself, nor does
whoever runs the site: `Membership.reads_transcripts` says who may."""


class Access(NamedTuple):
    """Who may open a view, as the route test reads it."""

    kind: str
    """public, signed_in, participant or team"""
    right: str = ""
    """Of the team: a key of `CAN`."""


def public(view: View) -> View:
    """Anybody may open it."""
    return _marked(view, Access("public"))


def signed_in(view: View) -> View:
    """Somebody who can come back may open it; others are sent to sign in."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return _sign_in(request)
        return view(request, *args, **kwargs)

    return _marked(guarded, Access("signed_in"))


def participant(view: View) -> View:
    """Called with the reader's own participation in the assembly that `slug` names. Others are sent to its start; who
    has not agreed to the organisers' present words is asked for that first."""
    return _participant(view, frozenset())


def own_to_read(view: View) -> View:
    """Like `participant`, but reading is open also to who has not agreed to the present words."""
    return _participant(view, frozenset({"GET", "HEAD"}))


def own(view: View) -> View:
    """Like `participant`, but open also to who has not agreed to the present words: to look at, take away, withdraw or
    delete what one gave."""
    return _participant(view, frozenset({"GET", "HEAD", "POST"}))


def _participant(view: View, always: frozenset[str]) -> View:
    @functools.wraps(view)
    def guarded(request: HttpRequest, slug: str, *args: Any, **kwargs: Any) -> HttpResponse:
        found = participation_of(request, slug)
        if found is None:
            assembly = get_object_or_404(Assembly, slug=slug)
            if not assembly.is_public and team_role(request, assembly) is None:
                raise Http404
            return _go(request, reverse("welcome", args=[assembly.slug]))
        if request.method not in always and consents.is_stale(found):
            _hold(request)
            return _go(request, reverse("consent", args=[found.assembly.slug]))
        if request.method == "POST" and request.session.get("held", {}).get("path") == request.path:
            del request.session["held"]
        try:
            return view(request, found, *args, **kwargs)
        except ClosedError:
            messages.error(request, _("The assembly has moved on: this part is closed now. What you gave is kept."))
            return _go(request, reverse("home", args=[found.assembly.slug]))

    return _marked(guarded, Access("participant"))


def team(right: str) -> Callable[[View], View]:
    """Called with the assembly that `slug` names, if the reader has the right in that very assembly."""
    assert right in CAN, right

    def guard(view: View) -> View:
        @functools.wraps(view)
        def guarded(request: HttpRequest, slug: str, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return _sign_in(request)
            assembly = get_object_or_404(Assembly, slug=slug)
            if not can(request, assembly, right):
                raise Http404
            return view(request, assembly, *args, **kwargs)

        return _marked(guarded, Access("team", right))

    return guard


def participation_of(request: HttpRequest, slug: str) -> Participation | None:
    """The reader's participation in an assembly, or None."""
    if not request.user.is_authenticated:
        return None
    return (
        Participation.objects.select_related("assembly", "person")
        .filter(person=request.user, assembly__slug=slug)
        .first()
    )


def team_role(request: HttpRequest, assembly: Assembly) -> Any:
    """The reader's role in an assembly, or None. Who may do everything on the site is everybody's owner."""
    person = request.user
    if not person.is_authenticated:
        return None
    if person.is_superuser:
        return Role.OWNER
    found = Membership.objects.filter(person=person, assembly=assembly).first()
    return found.role if found is not None else None


def can(request: HttpRequest, assembly: Assembly, right: str) -> bool:
    """Whether the reader has a right in an assembly."""
    if right == "transcripts":
        person = request.user
        given = Membership.objects.filter(person=person.pk, assembly=assembly, reads_transcripts=True)
        return person.is_authenticated and given.exists()
    return team_role(request, assembly) in CAN[right]


def address(request: HttpRequest) -> str:
    """The reader's address behind a proxy of one's own: the last entry, which that proxy wrote."""
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    return forwarded.split(",")[-1].strip() or str(request.META["REMOTE_ADDR"])


def by_person(group: str, request: HttpRequest) -> str:
    """What rate limits count by: the person where known, else the address."""
    del group
    if request.user.is_authenticated:
        return f"person {request.user.pk}"
    return f"address {address(request) if settings.PLURALIGN.behind_proxy else request.META['REMOTE_ADDR']}"


def joining_rate(group: str, request: HttpRequest) -> str:
    """How often people may try to join from one address."""
    del group, request
    return f"{settings.PLURALIGN.joins_per_hour}/h"


def _marked(view: View, access: Access) -> View:
    view.access = access  # type: ignore[attr-defined]
    return view


def _hold(request: HttpRequest) -> None:
    """Keep what was sent meanwhile, so that it can be sent again once the reader has agreed."""
    if request.method == "POST":
        fields = [
            [name, text] for name, texts in request.POST.lists() for text in texts if name != "csrfmiddlewaretoken"
        ]
        if sum(len(text) for _name, text in fields) <= LONGEST_HELD:
            request.session["held"] = {"path": request.path, "fields": fields}


def _sign_in(request: HttpRequest) -> HttpResponse:
    target = reverse("sign-in")
    return _go(request, f"{target}?next={request.path}" if request.method == "GET" else target)


def _go(request: HttpRequest, target: str) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": target})
    return redirect(target)
