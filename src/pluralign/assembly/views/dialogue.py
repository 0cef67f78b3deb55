"""The dialogue: one question at a time, streamed where a model asks; the form where none does."""

import json
from collections.abc import Iterator

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from django_ratelimit.decorators import ratelimit

from pluralign.assembly import machines
from pluralign.assembly.access import own_to_read, participant
from pluralign.assembly.models import Deed, Dialogue, DialogueMode, Participation
from pluralign.assembly.services import dialogues
from pluralign.assembly.services.doors import must_be_open
from pluralign.elicit.interview import LONGEST_ANSWER, QUESTIONS, STAGES

WHO = "pluralign.assembly.access.by_person"


@participant
@ratelimit(key=WHO, rate="20/h", method="POST")
@require_POST
def start(request: HttpRequest, mine: Participation, question: str) -> HttpResponse:
    """Begin, or go on with, the dialogue about a question."""
    about = get_object_or_404(mine.assembly.questions, slug=question, is_open=True)
    dialogue = dialogues.start(mine, about, with_model=request.POST.get("how") != "form")
    return redirect("dialogue", slug=mine.assembly.slug, key=dialogue.pk)


@participant
@require_GET
def show(request: HttpRequest, mine: Participation, key: str) -> HttpResponse:
    """Where the dialogue stands. ``?wait`` has the model's next question in the page, for browsers without script."""
    dialogue = _own(mine, key)
    if "wait" in request.GET and dialogue.ended_at is None:
        must_be_open(mine, Deed.TELL)
        for _piece in dialogues.next_words(mine, key):
            pass
        return redirect("dialogue", slug=mine.assembly.slug, key=key)
    if dialogue.ended_at is not None and hasattr(dialogue, "card"):
        return redirect("card", slug=mine.assembly.slug, key=dialogue.card.pk)
    return _page(request, mine, dialogue)


@participant
@ratelimit(key=WHO, rate="60/m", method="POST")
@require_POST
def answer(request: HttpRequest, mine: Participation, key: str) -> HttpResponse:
    """Take an answer, a skip, or "that's enough"; sent twice, it counts once."""
    _own(mine, key)
    revision = int(request.POST.get("revision", "0")) if request.POST.get("revision", "0").isdigit() else 0
    text = request.POST.get("answer", "")
    error = ""
    match request.POST.get("do"):
        case "enough":
            if text.strip():  # what stands in the box was said
                error = _try_answer(mine, key, revision, text)
            dialogue = _own(mine, key)
            if not error or dialogues.interview_of(dialogue).standing != "asked":
                dialogue = dialogues.enough(mine, key)
        case "skip":
            dialogue = dialogues.skip(mine, key, revision)
        case "form":
            dialogue = dialogues.go_on_by_form(mine, key)
        case _:
            error = _try_answer(mine, key, revision, text)
            dialogue = _own(mine, key)
    if dialogue.ended_at is not None:
        return _go(request, _after(mine, dialogue))
    if error or request.headers.get("HX-Request"):
        return _page(request, mine, dialogue, error=error, typed=text if error else "")
    return redirect("dialogue", slug=mine.assembly.slug, key=key)


def _try_answer(mine: Participation, key: str, revision: int, text: str) -> str:
    try:
        dialogues.answer(mine, key, revision, text)
    except dialogues.StaleError:
        return _("This question was answered already, perhaps in another window. Look below; your text is still here.")
    except ValueError:
        if not text.strip():
            return _("Please write something, or skip the question.")
        return _("Please shorten your answer to %(limit)d letters.") % {"limit": LONGEST_ANSWER}
    return ""


@own_to_read  # the answer that this goes on from was taken
@ratelimit(key=WHO, rate="60/m")
@require_GET
def stream(request: HttpRequest, mine: Participation, key: str) -> StreamingHttpResponse:
    """The model's next question as server-sent events: pieces of text, then "done"."""
    del request
    must_be_open(mine, Deed.TELL)
    _own(mine, key)
    response = StreamingHttpResponse(_events(dialogues.next_words(mine, key)), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    response["Content-Encoding"] = "identity"  # compression would hold pieces back
    return response


def _events(words: Iterator[str]) -> Iterator[str]:
    for piece in words:
        lines = escape(piece).split("\n")
        yield "event: piece\n" + "".join(f"data: {line}\n" for line in lines) + "\n"
    yield "event: done\ndata: done\n\n"


@participant
@require_GET
def drafting(request: HttpRequest, mine: Participation, key: str) -> HttpResponse:
    """While the model puts the answers into a card."""
    dialogue = _own(mine, key)
    return render(request, "assembly/drafting.html", {"assembly": mine.assembly, "mine": mine, "dialogue": dialogue})


@participant
@ratelimit(key=WHO, rate="20/h", method="POST")
@require_POST
def draft(request: HttpRequest, mine: Participation, key: str) -> HttpResponse:
    """Have it done and show the card."""
    dialogue = _own(mine, key)
    if dialogue.ended_at is None:
        return _go(request, reverse("dialogue", args=[mine.assembly.slug, key]))
    must_be_open(mine, Deed.TELL)
    card = dialogues.draft_by_model(mine, key)
    return _go(request, reverse("card", args=[mine.assembly.slug, card.pk]))


def _own(mine: Participation, key: str) -> Dialogue:
    theirs: QuerySet[Dialogue] = mine.dialogues.select_related("question")
    return get_object_or_404(theirs, pk=key)


def _after(mine: Participation, dialogue: Dialogue) -> str:
    if dialogue.mode == DialogueMode.MODEL and machines.engine_for(mine.assembly, mine) is not None:
        return reverse("drafting", args=[mine.assembly.slug, dialogue.pk])
    return reverse("card", args=[mine.assembly.slug, dialogue.card.pk])


def _go(request: HttpRequest, target: str) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": target})
    return redirect(target)


def _page(
    request: HttpRequest, mine: Participation, dialogue: Dialogue, *, error: str = "", typed: str = ""
) -> HttpResponse:
    interview = dialogues.interview_of(dialogue)
    stage = interview.pending.stage if interview.pending is not None else interview.stage
    context = {
        "assembly": mine.assembly,
        "mine": mine,
        "dialogue": dialogue,
        "question": dialogue.question,
        "turns": dialogues.turns(dialogue),
        "standing": interview.standing,
        "hint": _(QUESTIONS[stage].hint),
        "is_list": stage is STAGES[-1],
        "answered": len(interview.turns) - (interview.pending is not None),
        "budget": interview.budget if dialogue.mode == DialogueMode.MODEL else len(STAGES),
        "by_model": dialogue.mode == DialogueMode.MODEL,
        "taken_over": dialogue.model_failed_at is not None,
        "error": error,
        "typed": typed,
        "now": timezone.now(),
    }
    name = "assembly/parts/dialogue.html" if request.headers.get("HX-Request") else "assembly/dialogue.html"
    response = render(request, name, context, status=422 if error else 200)
    if request.headers.get("HX-Request"):
        response["HX-Trigger-After-Settle"] = json.dumps({"turn": True})
    return response
