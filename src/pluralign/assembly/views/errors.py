"""What people see when something cannot be done: a sentence and a way on."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _


def sorry(request: HttpRequest, message: str, *, status: int, title: str = "") -> HttpResponse:
    """A page that says why, with links onwards."""
    return render(request, "assembly/sorry.html", {"title": title or _("That did not work"), "message": message},
                  status=status)  # fmt: skip


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form was not ours, or cookies are switched off."""
    del reason
    return sorry(request, _("This form was open for too long, or cookies are switched off. Go back, reload the page "
                            "and send it again: what you wrote is still in the form."), status=403)  # fmt: skip


def too_many(request: HttpRequest, exception: Exception) -> HttpResponse:
    """More requests than a person makes."""
    del exception
    response = sorry(request, _("That was a lot at once. Wait a minute and try again; nothing is lost."), status=429)
    response["Retry-After"] = "60"
    return response


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Not there, or not for this reader."""
    del exception
    return sorry(request, _("There is nothing here, or it is not for you to see."), status=404, title=_("Not found"))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django refused."""
    del exception
    return sorry(request, _("You may not do this."), status=403)


def broken(request: HttpRequest) -> HttpResponse:
    """A defect of ours. Uses no database and no session, which may be what is broken."""
    return render(request, "assembly/broken.html", status=500)
