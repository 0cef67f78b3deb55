"""The card: edited field by field by its author, submitted, compared with near ones, withdrawn."""

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_ratelimit.decorators import ratelimit
from pydantic import ValidationError

from pluralign.assembly.access import own, own_to_read, participant
from pluralign.assembly.models import Author, Card, CardStatus, Moderation, Participation, SimilarOffer
from pluralign.assembly.services import cards, similar
from pluralign.assembly.services.drafts import draft_of
from pluralign.elicit.cards import LONGEST_POLICY, LONGEST_TITLE, MOST_POLICIES, issues, tidy

WHO = "pluralign.assembly.access.by_person"
NEW_ROWS = 2
PATIENCE = 20
"""Seconds that the page waits for the worker to look for near values; then it goes on without."""


@own_to_read
@ratelimit(key=WHO, rate="60/m", method="POST")
@require_http_methods(["GET", "POST"])
def card(request: HttpRequest, mine: Participation, key: int) -> HttpResponse:
    """See and edit the card. "Save" keeps a version; "submit" gives it to the assembly."""
    found = _own(mine, key)
    error = ""
    if request.method == "POST":
        error = _save(request, mine, found)
        if not error and request.POST.get("do") == "submit":
            try:
                cards.submit(mine, key)
            except cards.NotYetError as refusal:
                error = _(refusal.issues[0].text)
            else:
                return redirect("similar", slug=mine.assembly.slug, key=key)
        elif not error:
            messages.success(request, _("Saved. Every earlier version is kept."))
            return redirect("card", slug=mine.assembly.slug, key=key)
    return _page(request, mine, found, error)


def _save(request: HttpRequest, mine: Participation, found: Card) -> str:
    number = request.POST.get("version", "")
    if not number.isdigit() or not found.versions.filter(number=int(number)).exists():
        raise BadRequest("no such version")
    policies = found.versions.get(number=int(number)).policies
    try:
        cards.edit(
            mine,
            found.pk,
            title=request.POST.get("title", ""),
            summary=request.POST.get("summary", ""),
            verdicts=[request.POST.get(f"verdict-{row}", "") for row in range(len(policies))],
            wordings=[request.POST.get(f"wording-{row}", "") for row in range(len(policies))],
            added=request.POST.getlist("added"),
            number=int(number),
        )
    except ValidationError:
        return _("One of the texts is too long, or there are more than %(most)d things to look out for.") % {
            "most": MOST_POLICIES
        }
    return ""


def _page(request: HttpRequest, mine: Participation, found: Card, error: str) -> HttpResponse:
    latest = found.latest
    draft = tidy(draft_of(latest))
    advice = issues(draft)
    verdicts = list(latest.verdicts) + [""] * len(latest.policies)
    rows = [
        {
            "number": row,
            "policy": policy,
            "verdict": verdicts[row],
            "issues": [_(issue.text) for issue in advice if issue.row == row],
        }
        for row, policy in enumerate(latest.policies)
    ]
    context = {
        "assembly": mine.assembly,
        "mine": mine,
        "card": found,
        "version": latest,
        "rows": rows,
        "new_rows": range(max(0, min(NEW_ROWS, MOST_POLICIES - len(rows)))),
        "title_issues": [_(i.text) for i in advice if i.field == "title" and (i.code != "no_title" or error)],
        "summary_issues": [_(i.text) for i in advice if i.field == "summary"],
        "list_issues": [_(i.text) for i in advice if i.field == "policies" and i.row is None],
        "by_ai": latest.author == Author.AI,
        "submitted": found.status == CardStatus.SUBMITTED,
        "withdrawn": found.status == CardStatus.WITHDRAWN,
        "versions": found.versions.order_by("-number"),
        "longest_title": LONGEST_TITLE,
        "longest_policy": LONGEST_POLICY,
        "error": error,
    }
    return render(request, "assembly/card.html", context, status=422 if error else 200)


@own
@require_POST
def withdraw(request: HttpRequest, mine: Participation, key: int) -> HttpResponse:
    """Take the card back."""
    _own(mine, key)
    cards.withdraw(mine, key)
    messages.success(request, _("Your card is withdrawn. You can change it and submit it again at any time."))
    return redirect("card", slug=mine.assembly.slug, key=key)


@participant
@require_GET
def near(request: HttpRequest, mine: Participation, key: int) -> HttpResponse:
    """Values that may say the same. Polls until a worker has looked; never holds anybody up."""
    found = _own(mine, key)
    offers = list(found.offers.filter(value__moderation=Moderation.OK).select_related("value"))
    placed = found.canonical is not None
    waited = (timezone.now() - found.submitted_at).total_seconds() if found.submitted_at else PATIENCE
    context = {
        "assembly": mine.assembly,
        "mine": mine,
        "card": found,
        "version": found.latest,
        "offers": offers,
        "open_offers": [offer for offer in offers if not offer.answer],
        "waiting": not placed and waited < PATIENCE and found.status == CardStatus.SUBMITTED,
    }
    part = "assembly/parts/similar.html" if request.headers.get("HX-Request") else "assembly/similar.html"
    return render(request, part, context)


@participant
@ratelimit(key=WHO, rate="60/m", method="POST")
@require_POST
def answer_near(request: HttpRequest, mine: Participation, offer: int) -> HttpResponse:
    """Same, nearly, or different: the author decides."""
    try:
        kept = similar.answer_offer(mine, offer, request.POST.get("answer", ""), request.POST.get("adds", ""))
    except SimilarOffer.DoesNotExist:
        raise Http404 from None
    except ValueError as error:
        raise BadRequest(str(error)) from None
    return redirect("similar", slug=mine.assembly.slug, key=kept.card_id)


def _own(mine: Participation, key: int) -> Card:
    found: Card = get_object_or_404(mine.cards.all(), pk=key)
    return found
