"""The values vote and the transitions. What a form sends are answers only; what they answer is in the stored draw."""

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from django_ratelimit.decorators import ratelimit

from pluralign.assembly import tasks
from pluralign.assembly.access import participant
from pluralign.assembly.models import Deed, Draw, Participation, Question
from pluralign.assembly.services import judging, transitions, voting
from pluralign.assembly.services.doors import must_be_open

WHO = "pluralign.assembly.access.by_person"


@participant
@require_GET
def values(request: HttpRequest, mine: Participation, question: str) -> HttpResponse:
    """The cards to vote on."""
    about = _question(mine, question)
    draw = voting.open_draw(mine, about)
    if draw is None:
        return render(request, "assembly/nothing_left.html", {"assembly": mine.assembly, "mine": mine, "about": about})
    return _vote_page(request, mine, about, draw)


def _vote_page(
    request: HttpRequest, mine: Participation, about: Question, draw: Draw, missing: frozenset[int] = frozenset()
) -> HttpResponse:
    cards = [
        {
            "position": card.position,
            "value": card.value,
            "answer": request.POST.get(f"answer-{card.position}") or getattr(getattr(card, "vote", None), "answer", ""),
            "missing": card.position in missing,
        }
        for card in voting.to_answer(draw).select_related("value", "vote")
    ]
    context = {"assembly": mine.assembly, "mine": mine, "about": about, "draw": draw, "cards": cards,
               "missing": bool(missing)}  # fmt: skip
    return render(request, "assembly/values.html", context, status=422 if missing else 200)


@participant
@ratelimit(key=WHO, rate="60/m", method="POST")
@require_POST
def vote(request: HttpRequest, mine: Participation, draw: str) -> HttpResponse:
    """Keep the answers; where some are missing, keep those that are there and ask for the rest."""
    none = request.POST.get("do") == "none"
    answers = {
        int(name.removeprefix("answer-")): answer
        for name, answer in request.POST.items()
        if name.removeprefix("answer-").isdigit() and name.startswith("answer-")
    }
    try:
        kept = voting.vote(mine, draw, answers, none_of_these=none)
    except Draw.DoesNotExist:
        raise Http404 from None
    except ValueError as error:
        raise BadRequest(str(error)) from None
    if kept.answered_at is None:
        open_ones = frozenset(voting.to_answer(kept).filter(vote=None).values_list("position", flat=True))
        return _vote_page(request, mine, kept.question, kept, open_ones)
    messages.success(request, _("Thank you. Your votes are kept."))
    return redirect("transitions", slug=mine.assembly.slug, question=kept.question.slug)


@participant
@require_GET
def show(request: HttpRequest, mine: Participation, question: str) -> HttpResponse:
    """The next transition to judge."""
    about = _question(mine, question)
    if not about.transitions.exists():
        transitions.propose(about)  # a new assembly whose worker has not run yet
    language = get_language() or "en"
    draw = judging.open_draw(mine, about, language)
    if draw is None:
        judging.finish(mine)
        return render(request, "assembly/nothing_left.html", {"assembly": mine.assembly, "mine": mine, "about": about})
    drawn = draw.transition
    transition = drawn.transition
    if drawn.story is None and transition.question.assembly.call_budget:
        _order_story(transition.pk, language)
    given = mine.judgements.filter(question=about).count()
    context = {
        "assembly": mine.assembly,
        "mine": mine,
        "about": about,
        "draw": draw,
        "story": drawn.story,
        "fixed_story": transitions.fixed_story(transition) if drawn.story is None else [],
        "transition": transition,
        "given": given,
        "wished": mine.assembly.transitions_per_person,
        "percent": min(100, 100 * given // max(1, mine.assembly.transitions_per_person)),
        "longest_reason": judging.LONGEST_REASON,
        "can_undo": given > 0,
    }
    return render(request, "assembly/transition.html", context)


def _order_story(transition: int, language: str) -> None:
    """Have a story ready for whoever is shown this transition next, if a model may write one."""
    from pluralign.assembly import machines

    if machines.engine() is not None:
        tasks.write_story.enqueue(transition, language)


@participant
@ratelimit(key=WHO, rate="60/m", method="POST")
@require_POST
def judge(request: HttpRequest, mine: Participation, draw: str) -> HttpResponse:
    """Keep the answer; a second press finds it kept."""
    try:
        kept = judging.judge(mine, draw, request.POST.get("answer", ""), request.POST.get("reason", ""))
    except Draw.DoesNotExist:
        raise Http404 from None
    except ValueError:
        messages.error(request, _("Please choose one of the four answers."))
        about = get_object_or_404(mine.draws, pk=draw).question
        return redirect("transitions", slug=mine.assembly.slug, question=about.slug)
    if mine.judgements.count() == mine.assembly.transitions_per_person:  # also when the last answer is sent twice
        return redirect("after", slug=mine.assembly.slug)
    return redirect("transitions", slug=mine.assembly.slug, question=kept.question.slug)


@participant
@ratelimit(key=WHO, rate="60/m", method="POST")
@require_POST
def undo(request: HttpRequest, mine: Participation) -> HttpResponse:
    """Take the last judgement back."""
    draw = judging.undo(mine)
    if draw is None:
        return redirect("home", slug=mine.assembly.slug)
    messages.success(request, _("Your last answer is taken back. Here is the story again."))
    return redirect("transitions", slug=mine.assembly.slug, question=draw.question.slug)


@participant
@ratelimit(key=WHO, rate="30/h", method="POST")
@require_POST
def flag(request: HttpRequest, mine: Participation, draw: str) -> HttpResponse:
    """Say that a story is unrealistic or offensive."""
    found = get_object_or_404(mine.draws, pk=draw)
    try:
        judging.flag(mine, draw, request.POST.get("kind", ""))
    except ValueError as error:
        raise BadRequest(str(error)) from None
    messages.success(request, _("Thank you. A moderator will look at the story."))
    return redirect("transitions", slug=mine.assembly.slug, question=found.question.slug)


def _question(mine: Participation, slug: str) -> Question:
    must_be_open(mine, Deed.JUDGE)
    found: Question = get_object_or_404(mine.assembly.questions, slug=slug, is_open=True)
    return found
