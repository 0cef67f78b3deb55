"""The chat page: one HTML text without any file beside it, and the policy that keeps it so."""

import base64
import hashlib
from functools import cached_property
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pluralign.report.page import template_text

SCRIPTS = ("chat_voices.js", "chat.js")


class ChatPage:
    """The page of one server."""

    def __init__(self, title: str, *, keyed: bool):
        """``keyed``: whether the page must ask for a key."""
        self._title, self._keyed = title, keyed

    @cached_property
    def html(self) -> str:
        """The page."""
        environment = Environment(
            loader=PackageLoader("pluralign.serve"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        return environment.get_template("chat.html").render(
            title=self._title, keyed=self._keyed, style=Markup(_style()), script=Markup(_script())
        )

    @cached_property
    def headers(self) -> dict[str, str]:
        """No script but this one, no connection but to this server, in nobody's frame."""
        return {
            "Content-Security-Policy": (
                f"default-src 'none'; script-src {_digest(_script())}; style-src {_digest(_style())}; "
                "connect-src 'self'; img-src data:; base-uri 'none'; "
                "form-action 'none'; frame-ancestors 'none'"
            ),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-cache",
        }


def _style() -> str:
    return template_text("base.css") + _text("chat.css")


def _script() -> str:
    return "\n".join(_text(name) for name in SCRIPTS)


def _text(name: str) -> str:
    return files("pluralign.serve").joinpath("templates", name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
