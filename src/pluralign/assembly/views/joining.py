"""Front page, what an assembly is about, worked example, consent, and the ways in and back."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import login, logout
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe
from django_ratelimit.decorators import ratelimit

from pluralign.assembly.access import participation_of, public, signed_in, team_role
from pluralign.assembly.models import Assembly, Attribute, Person, Phase, Recruitment
from pluralign.assembly.services import consents, joining, quotas
from pluralign.assembly.views.errors import sorry

BACKEND = "django.contrib.auth.backends.ModelBackend"


class ConsentForm(forms.Form):
    """What somebody agrees to. Only the first is needed to take part."""

    agree = forms.BooleanField(
        label=gettext_lazy("I have read this, I am 16 or older, and I want to take part."),
        error_messages={"required": gettext_lazy("To take part, please tick this box.")},
    )
    share_reasons = forms.BooleanField(
        required=False, label=gettext_lazy("Reasons that I write may be quoted, without my name.")
    )
    share_transcript = forms.BooleanField(
        required=False,
        label=gettext_lazy("The organisers may read my conversation. Each reading is written down."),
    )

    def __init__(self, assembly: Assembly, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._asked = quotas.asked(assembly)
        for attribute in self._asked:
            groups = [(str(group.pk), group.text) for group in attribute.groups.all()]
            self.fields[f"about-{attribute.pk}"] = forms.ChoiceField(
                label=attribute.question,
                choices=[("", gettext_lazy("I would rather not say")), *groups],
                required=False,
            )

    @property
    def about_you(self) -> list[Any]:
        """What is asked about groups."""
        return [self[f"about-{attribute.pk}"] for attribute in self._asked]

    @property
    def groups(self) -> dict[int, int]:
        """What was chosen: attribute -> group."""
        chosen = {attribute.pk: self.cleaned_data[f"about-{attribute.pk}"] for attribute in self._asked}
        return {key: int(group) for key, group in chosen.items() if group}


class EmailForm(forms.Form):
    """Where to send a code."""

    email = forms.EmailField(
        label=gettext_lazy("E-mail address"),
        max_length=200,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
    )


class CodeForm(forms.Form):
    """The six digits."""

    code = forms.RegexField(
        r"^\s*\d{6}\s*$",
        label=gettext_lazy("Six-digit code"),
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "maxlength": "8"}),
        error_messages={"invalid": gettext_lazy("The code has six digits.")},
    )


class ReturnForm(forms.Form):
    """A return code."""

    code = forms.CharField(
        label=gettext_lazy("Return code"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )


@public
@require_safe
def front(request: HttpRequest) -> HttpResponse:
    """The assemblies that anybody may join or read, and those the reader is in."""
    open_ones = Assembly.objects.filter(is_public=True).exclude(phase=Phase.PROPOSE)
    mine = []
    if request.user.is_authenticated:
        mine = list(Assembly.objects.filter(participations__person=request.user))
    others = [assembly for assembly in open_ones if assembly not in mine]
    return render(request, "assembly/front.html", {"yours": mine, "others": others})


def _readable(request: HttpRequest, slug: str) -> Assembly:
    """An assembly that this reader may know of: public, their own, or one whose invitation they hold."""
    assembly = get_object_or_404(Assembly, slug=slug)
    invited = request.session.get("invited", {}).get(slug) is not None
    known = invited or team_role(request, assembly) is not None or participation_of(request, slug) is not None
    if not known and (not assembly.is_public or assembly.phase == Phase.PROPOSE):
        raise Http404
    return assembly


@public
@require_safe
def welcome(request: HttpRequest, slug: str) -> HttpResponse:
    """What it is about, what will happen, how long it takes."""
    assembly = _readable(request, slug)
    mine = participation_of(request, slug)
    questions = assembly.questions.filter(is_open=True)
    return render(request, "assembly/welcome.html", {"assembly": assembly, "mine": mine, "questions": questions})


@public
@require_safe
def example(request: HttpRequest, slug: str) -> HttpResponse:
    """A worked example of a conversation, a card and a story, before anything is asked."""
    return render(request, "assembly/example.html", {"assembly": _readable(request, slug)})


@public
@ratelimit(key="ip", rate="pluralign.assembly.access.joining_rate", method="POST")
@require_http_methods(["GET", "POST"])
def consent(request: HttpRequest, slug: str) -> HttpResponse:
    """What happens to one's data; agreeing joins."""
    assembly = _readable(request, slug)
    mine = participation_of(request, slug)
    form = ConsentForm(assembly, request.POST if request.method == "POST" else None, initial=_consented(mine))
    read = request.POST.get("version", str(assembly.consent_version))
    if request.method == "POST" and form.is_valid() and read != str(assembly.consent_version):
        form.add_error(None, _("The text has changed while you read it. Please read it again."))
    if request.method == "POST" and form.is_valid() and mine is None and _hides_full(request, assembly, form.groups):
        form.add_error(None, _("You have said that you belong to a group that is full. Thank you for coming."))
    if request.method == "POST" and form.is_valid():
        invitation = request.session.get("invited", {}).get(slug, {})
        recruitment = Recruitment.objects.filter(pk=invitation.get("recruitment"), assembly=assembly).first()
        person = request.user if request.user.is_authenticated else None
        try:
            joined = joining.join(
                assembly,
                person,
                share_reasons=form.cleaned_data["share_reasons"],
                share_transcript=form.cleaned_data["share_transcript"],
                recruitment=recruitment,
                external_id=invitation.get("external_id", ""),
                language=get_language() or "",
                groups=form.groups,
                attempt=request.META.get("CSRF_COOKIE", ""),  # a second press sends the same; coming in changes it
            )
        except joining.GroupIsFull as refusal:
            _remember_full(request, refusal.attribute)
            form.add_error(None, str(refusal))
        except joining.LinkIsFull as refusal:
            form.add_error(None, f"{refusal} {_without_link(request, recruitment)}".strip())
        except joining.Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            if person is None:
                _log_in(request, joined.participation.person)
            request.session.pop("invited", None)
            if joined.return_code is not None:
                request.session["return_code"] = joined.return_code
                return redirect("return-code", slug=slug)
            return redirect("home", slug=slug)
    latest = mine.consents.last() if mine is not None else None
    stale = latest is not None and consents.is_outdated(latest, assembly)
    context = {
        "assembly": assembly,
        "form": form,
        "mine": mine,
        "agreed": latest,
        "stale": stale,
        "words_then": consents.words_of(assembly, latest.version) if stale and latest is not None else "",
        "held": stale and "held" in request.session,
    }
    return render(request, "assembly/consent.html", context, status=422 if form.errors else 200)


def _remember_full(request: HttpRequest, attribute: int) -> None:
    """Somebody has said that they belong to a group that is full: not to say so now would go round the quota."""
    request.session["full"] = sorted({*request.session.get("full", []), attribute})


def _hides_full(request: HttpRequest, assembly: Assembly, groups: dict[int, int]) -> bool:
    """Whether this browser said a group that is full before, and would rather not say now. Another group may be said:
    the first may have been a slip."""
    said = Attribute.objects.filter(assembly=assembly, is_active=True, pk__in=request.session.get("full", []))
    return any(attribute.pk not in groups for attribute in said)


def _without_link(request: HttpRequest, recruitment: Recruitment | None) -> str:
    """What somebody may do whom a full link turned away: where anybody may join, they may, and nothing else is kept of
    the link. Empty where they may not."""
    if recruitment is None or not joining.may_come_without(recruitment):
        return ""
    request.session.pop("invited", None)
    return _("You can still take part, as everybody can. Whoever sent you here does not learn of it.")


def _consented(mine: Any) -> dict[str, Any]:
    latest = mine.consents.last() if mine is not None else None
    if latest is None:
        return {}
    groups = {f"about-{key}": str(group) for key, group in mine.belongings.values_list("attribute", "group")}
    return {"share_reasons": latest.share_reasons, "share_transcript": latest.share_transcript, **groups}


@signed_in
@require_GET
def return_code(request: HttpRequest, slug: str) -> HttpResponse:
    """The return code, shown until the reader goes on; afterwards nobody can show it again."""
    assembly = _readable(request, slug)
    code = request.session.get("return_code")
    if code is None:
        return redirect("home", slug=slug)
    return render(request, "assembly/return_code.html", {"assembly": assembly, "code": code})


@signed_in
@require_POST
def return_code_kept(request: HttpRequest, slug: str) -> HttpResponse:
    """The reader has written it down; forget it."""
    request.session.pop("return_code", None)
    return redirect("home", slug=slug)


@signed_in
@ratelimit(key="pluralign.assembly.access.by_person", rate="10/h", method="POST")
@require_POST
def new_return_code(request: HttpRequest, slug: str) -> HttpResponse:
    """Give a new return code in place of a lost one, to somebody who is still signed in."""
    request.session["return_code"] = joining.give_return_code(request.user)
    return redirect("return-code", slug=slug)


@public
@ratelimit(key="ip", rate="20/h", method="POST")
@require_http_methods(["GET", "POST"])
def come_back(request: HttpRequest) -> HttpResponse:
    """Come back by return code, on any device."""
    form = ReturnForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        person = joining.person_of_return_code(form.cleaned_data["code"])
        if person is None:
            form.add_error("code", _("No one has this return code. Look for letters that were mixed up."))
        else:
            _log_in(request, person)
            return redirect(_next(request))
    return render(
        request, "assembly/come_back.html", {"form": form, "next": _next(request)}, status=422 if form.errors else 200
    )


@public
@ratelimit(key="ip", rate="20/h", method="POST")
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for an address and send a code to it."""
    form = EmailForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            joining.send_login_code(form.cleaned_data["email"])
        except joining.Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            request.session["address"] = form.cleaned_data["email"]
            request.session["next"] = _next(request)
            return redirect("sign-in-code")
    return render(
        request, "assembly/sign_in.html", {"form": form, "next": _next(request)}, status=422 if form.errors else 200
    )


@public
@ratelimit(key="ip", rate="60/h", method="POST")
@require_http_methods(["GET", "POST"])
def sign_in_code(request: HttpRequest) -> HttpResponse:
    """Take the code."""
    sent_to = request.session.get("address")
    if sent_to is None:
        return redirect("sign-in")
    form = CodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        current = request.user if request.user.is_authenticated else None
        person = joining.person_of_login_code(
            sent_to, form.cleaned_data["code"], current=current, language=get_language() or ""
        )
        if person is None:
            form.add_error("code", _("This code is wrong or too old. After five tries ask for a new one."))
        else:
            target = request.session.get("next") or reverse("front")
            request.session.pop("address", None)
            _log_in(request, person)
            return redirect(target)
    return render(
        request, "assembly/sign_in_code.html", {"form": form, "address": sent_to}, status=422 if form.errors else 200
    )


@public
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Leave this device."""
    logout(request)
    messages.success(request, _("You are signed out on this device."))
    return redirect("front")


@public
@ratelimit(key="ip", rate="600/h")
@require_GET
def recruited(request: HttpRequest, slug: str, token: str) -> HttpResponse:
    """Come in by a panel's link. An id in a link is no proof of who comes: whoever has joined with it before must
    show their return code."""
    recruitment = get_object_or_404(Recruitment, assembly__slug=slug, token=token)
    external_id = request.GET.get(recruitment.id_parameter, "")[:200]
    if not joining.signature_is_right(recruitment, external_id, request.GET.get("signature", "")):
        raise Http404
    known = None
    full = joining.why_closed(recruitment)
    if external_id:
        known = recruitment.participation_set.filter(
            external_digest=joining.external_digest(recruitment, external_id)
        ).first()
    if known is not None:
        if request.user.is_authenticated and request.user.pk == known.person_id:
            return redirect("home", slug=slug)
        messages.info(request, _("You have been here before. Come in with the return code that you were given."))
        return redirect(f"{reverse('come-back')}?next={reverse('home', args=[slug])}")
    request.session["invited"] = {slug: {"recruitment": recruitment.pk, "external_id": external_id}}
    if full and participation_of(request, slug) is None:
        way = _without_link(request, recruitment)
        if not way:
            return sorry(request, full, status=403, title=_("Thank you for coming"))
        messages.info(request, f"{full} {way}")
    return redirect("welcome", slug=slug)


def _log_in(request: HttpRequest, person: Person) -> None:
    kept = {key: request.session[key] for key in ("invited",) if key in request.session}
    login(request, person, backend=BACKEND)
    request.session.update(kept)


def _next(request: HttpRequest) -> str:
    """Where to go afterwards: only within this site."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return wanted
    return reverse("front")
