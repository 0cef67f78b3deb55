"""Where an assembly stands, what that opens to participants, and moving it on or back."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from pluralign.assembly.access import can, team
from pluralign.assembly.models import OPENS, Assembly, Deed, Phase
from pluralign.assembly.services import phases, setup
from pluralign.assembly.services.joining import Refused
from pluralign.assembly.views_organise.pages import page

DEEDS = {
    Deed.JOIN: "join",
    Deed.TELL: "tell of choices and submit cards",
    Deed.JUDGE: "vote on values and judge stories",
    Deed.LOOK: "see the graph without having judged",
}
MEANS = {
    Phase.PROPOSE: "You write the questions, situations and seeds. Participants see nothing.",
    Phase.ELICIT: "People come, tell of a choice, make a card, and judge what others wrote.",
    Phase.JUDGE: "No new cards: people judge what there is.",
    Phase.REVIEW: "Nobody answers any more. The team looks at the result, with the people if it likes.",
    Phase.PUBLISH: "The result is final and can be quoted.",
}


@team("see")
@require_GET
def phase(request: HttpRequest, assembly: Assembly) -> HttpResponse:
    """The five phases, and where the assembly stands."""
    before, after = phases.neighbours(assembly.phase)
    here = phases.ORDER.index(assembly.phase)
    rows = [
        {
            "phase": each,
            "means": MEANS[each],
            "opens": [words for deed, words in DEEDS.items() if deed in OPENS[each]],
            "state": "done" if place < here else "now" if place == here else "later",
        }
        for place, each in enumerate(Phase)
    ]
    context = {
        "rows": rows,
        "may_move": can(request, assembly, "organise"),
        "before": Phase(before) if before else None,
        "after": Phase(after) if after else None,
        "missing": setup.ready_to_open(assembly) if after == str(Phase.ELICIT) else [],
        "history": [
            {
                "entry": entry,
                "before": Phase(entry.detail["before"]).label,
                "after": Phase(entry.detail["after"]).label,
                "note": entry.detail.get("note", ""),
            }
            for entry in phases.history(assembly)
        ],
    }
    return page(request, assembly, "phase", context)


@team("organise")
@require_POST
def move(request: HttpRequest, assembly: Assembly) -> HttpResponse:
    """Move on or back by one phase."""
    try:
        moved = phases.move(
            assembly,
            request.POST.get("to", ""),
            by=request.user,
            seen=request.POST.get("seen", ""),
            note=request.POST.get("note", ""),
        )
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"The assembly stands at “{moved.get_phase_display()}” now.")
    return redirect("organise-phase", slug=assembly.slug)
