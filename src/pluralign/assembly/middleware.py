"""What holds for every page and every log line: pages are not kept by others, and logs hold no personal words."""

import logging
import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_SECRET_PATH = re.compile(r"(/via/|[?&][\w-]+=)[^\s/&\"']+")


class PrivatePages:
    """Nothing that was made for one person may be kept by a browser or a proxy, or be indexed."""

    def __init__(self, respond: Callable[[HttpRequest], HttpResponse]) -> None:
        self._respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Add the headers, unless the view has said otherwise."""
        response = self._respond(request)
        if "Cache-Control" not in response:
            response["Cache-Control"] = "no-store"
        response["X-Robots-Tag"] = "noindex"
        response["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), interest-cohort=()"
        return response


class NoPersonalWords(logging.Filter):
    """Takes addresses, parameters of URLs and secret parts of paths out of every line before it is written."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record. Always lets it pass."""
        record.msg = redact(record.getMessage())
        record.args = None
        return True


def redact(text: str) -> str:
    """The text without e-mail addresses, values of URL parameters and tokens of recruitment links."""
    return _ADDRESS.sub("[address]", _SECRET_PATH.sub(r"\1[…]", text))
