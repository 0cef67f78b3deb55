"""Seed values from a file, or from a Polis conversation."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods
from django_ratelimit.decorators import ratelimit

from pluralign.assembly.access import team
from pluralign.assembly.models import Assembly
from pluralign.assembly.services import importing
from pluralign.assembly.services.joining import Refused
from pluralign.assembly.views_organise.pages import page
from pluralign.core.errors import UsageError
from pluralign.elicit.seeds import LARGEST, read


class BringForm(forms.Form):
    """A file, and what to do with it."""

    file = forms.FileField(
        label="File",
        help_text="Seeds as .csv, .yaml or .json; or of a Polis conversation comments.csv, or the ZIP of its export.",
    )
    question = forms.ModelChoiceField(
        label="For which question", queryset=None, required=False, empty_label="Every question",
        help_text="Rows that name a question go to that one.",
    )  # fmt: skip
    proposed = forms.ChoiceField(
        label="What becomes of them",
        choices=[("", "Seeds, shown at once"), ("yes", "Proposals: a moderator looks at each before it is shown")],
        required=False,
    )
    skip_faults = forms.BooleanField(label="Leave out rows that cannot be used, and bring the rest", required=False)

    def __init__(self, assembly: Assembly, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["question"].queryset = assembly.questions.all()


@team("organise")
@ratelimit(key="pluralign.assembly.access.by_person", rate="60/h", method="POST")
@require_http_methods(["GET", "POST"])
def bring(request: HttpRequest, assembly: Assembly) -> HttpResponse:
    """Bring seeds from a file. Every row that cannot be used is named."""
    form = BringForm(assembly, *([request.POST, request.FILES] if request.method == "POST" else []))
    faults: list[str] = []
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        try:
            if told["file"].size > LARGEST:
                raise UsageError(f"{told['file'].name!r} has {told['file'].size:,} bytes; {LARGEST:,} are possible")
            found = read(told["file"].name, told["file"].read())
            done = importing.bring(
                assembly, found, by=request.user, question=told["question"], proposed=told["proposed"] == "yes",
                skip_faults=told["skip_faults"],
            )  # fmt: skip
        except UsageError as error:
            form.add_error("file", f"{error}.")
        except Refused as refusal:
            faults = str(refusal).split("\n")
        else:
            _say(request, done, found.left_out)
            return redirect("organise-seeds", slug=assembly.slug)
    status = 422 if form.errors or faults else 200
    return page(request, assembly, "bring", {"form": form, "faults": faults}, status=status)


def _say(request: HttpRequest, done: importing.Brought, left_out: tuple[str, ...]) -> None:
    messages.success(request, " ".join([f"Values brought: {done.made}.", *(
        [f"There already: {done.there_already}."] if done.there_already else []), *left_out]))  # fmt: skip
    for fault in done.faults:
        messages.error(request, f"Left out: {fault}")
