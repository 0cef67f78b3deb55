"""Reading conversations whose participants allow it. Each reading needs a reason, which the participant sees."""

from django import forms
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET, require_http_methods
from django_ratelimit.decorators import ratelimit

from pluralign.assembly.access import team
from pluralign.assembly.models import Assembly, Dialogue
from pluralign.assembly.services import dialogues, transcripts
from pluralign.assembly.services.joining import Refused
from pluralign.assembly.views_organise.pages import page


class WhyForm(forms.Form):
    """Why somebody reads what another person told."""

    why = forms.CharField(
        label="Why you read it",
        max_length=transcripts.LONGEST_REASON,
        help_text="The participant reads this, and it stands in the log. Name nobody.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


@team("transcripts")
@require_GET
def conversations(request: HttpRequest, assembly: Assembly) -> HttpResponse:
    """Whose conversations may be read: pseudonyms and dates, no words."""
    shown = Paginator(transcripts.allowed(assembly), 50).get_page(request.GET.get("page"))
    rows = [{"dialogue": each, "whose": transcripts.pseudonym(each.participation)} for each in shown]
    return page(request, assembly, "conversations", {"rows": rows, "shown": shown})


@team("transcripts")
@ratelimit(key="pluralign.assembly.access.by_person", rate="60/h", method="POST")
@require_http_methods(["GET", "POST"])
def read(request: HttpRequest, assembly: Assembly, key: str) -> HttpResponse:
    """Ask why; on POST write it down and show the conversation. Looking again is another reading."""
    found = get_object_or_404(transcripts.allowed(assembly), pk=key)
    form = WhyForm(request.POST if request.method == "POST" else None)
    context = {"form": form, "dialogue": found, "whose": transcripts.pseudonym(found.participation)}
    if request.method == "POST" and form.is_valid():
        try:
            transcripts.read(assembly, key, by=request.user, why=form.cleaned_data["why"])
        except Refused as refusal:
            form.add_error("why", str(refusal))
        except Dialogue.DoesNotExist:
            raise Http404 from None
        else:
            context["turns"] = dialogues.turns(found)
    return page(request, assembly, "conversation", context, status=422 if form.errors else 200)
