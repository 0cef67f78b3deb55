"""Results as files: what would be left out, then the archive."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods
from django_ratelimit.decorators import ratelimit

from pluralign.assembly.access import can, team
from pluralign.assembly.models import Assembly
from pluralign.assembly.services import export_files, exporting
from pluralign.assembly.views_organise.pages import page


class ExportForm(forms.Form):
    """How small a group may be told apart, and whether one person's answers hang together."""

    def __init__(self, assembly: Assembly, *args: object, owner: bool, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        # Only those who run the assembly may go below what people were told.
        least = 1 if owner else min(assembly.privacy_threshold, exporting.LARGEST_K)
        self.fields["k"] = forms.IntegerField(
            label="Fewest people who share what is told", min_value=least, max_value=exporting.LARGEST_K
        )
        if owner:
            self.fields["linked"] = forms.BooleanField(label="Number the people in judgements.csv", required=False)


@team("organise")
@ratelimit(key="pluralign.assembly.access.by_person", rate="60/h", method="POST")
@require_http_methods(["GET", "POST"])
def export(request: HttpRequest, assembly: Assembly) -> HttpResponse:
    """Show what an export would leave out; on POST hand the archive out."""
    owner = can(request, assembly, "own")
    sent = request.POST or ({"k": request.GET["k"]} if "k" in request.GET else {"k": assembly.privacy_threshold})
    form = ExportForm(assembly, sent, owner=owner)
    fits = form.is_valid()
    k = form.cleaned_data["k"] if fits else assembly.privacy_threshold
    if request.method == "POST" and fits and request.POST.get("do") == "export":
        linked = bool(form.cleaned_data.get("linked"))
        found = export_files.export(assembly, k=k, by=request.user, linked=linked)
        response = HttpResponse(found.archive(), content_type="application/zip")
        response["Content-Disposition"] = f'attachment; filename="{assembly.slug}-results.zip"'
        return response
    context = {"form": form, "owner": owner, "k": k, "found": exporting.gather(assembly, k)}
    return page(request, assembly, "export", context, status=200 if fits else 422)
