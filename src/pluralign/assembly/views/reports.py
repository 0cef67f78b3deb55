"""Asking moderators to look at somebody's value."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods
from django_ratelimit.decorators import ratelimit

from pluralign.assembly.access import participant
from pluralign.assembly.models import CanonicalValue, Participation, ReportKind
from pluralign.assembly.services import moderation


class ReportForm(forms.Form):
    """What is wrong with it."""

    kind = forms.ChoiceField(
        label=gettext_lazy("What is wrong with this card?"),
        choices=ReportKind.choices,
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Please choose one.")},
    )


@participant
@ratelimit(key="pluralign.assembly.access.by_person", rate="30/h", method="POST")
@require_http_methods(["GET", "POST"])
def report(request: HttpRequest, mine: Participation, key: int) -> HttpResponse:
    """Report a value that was shown to the reader, and go back to where they were."""
    value = get_object_or_404(moderation.shown_to(mine), pk=key)
    back = "values" if request.GET.get("from") == "values" else "transitions"
    form = ReportForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            moderation.report(mine, key, form.cleaned_data["kind"])
        except CanonicalValue.DoesNotExist:
            raise Http404 from None
        messages.success(request, _("Thank you. A moderator will look at the card."))
        return redirect(back, slug=mine.assembly.slug, question=value.question.slug)
    context = {"assembly": mine.assembly, "mine": mine, "value": value, "form": form, "back": back}
    return render(request, "assembly/report.html", context, status=422 if form.errors else 200)
