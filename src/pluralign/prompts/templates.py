"""The prompt texts: versioned files beside this module, rendered by Jinja. Knows nothing of who is asked.

A text that has been used in a published run is never edited: a new version gets a new file, so that a run's
template hashes say exactly what was asked.
"""

from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
from jinja2.sandbox import SandboxedEnvironment

from pluralign.core.ids import text_hash

_FOLDER = files("pluralign.prompts") / "templates"


@cache
def source(name: str) -> str:
    """Text of the template file ``name``, such as ``user_plain.v1``."""
    return (_FOLDER / f"{name}.txt").read_text(encoding="utf-8")


@cache
def _compiled(text: str) -> jinja2.Template:
    environment = SandboxedEnvironment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=False
    )
    return environment.from_string(text)


def fill(text: str, /, **values: Any) -> str:
    """Fill in a template given as text, such as one that a user wrote in the community's own language.

    A value the template asks for and does not get is an error, never an empty string. Raises
    :class:`jinja2.TemplateError`.
    """
    return _compiled(text).render(values).strip()


def render(name: str, /, **values: Any) -> str:
    """Fill in a template of this folder."""
    return fill(source(name), **values)


def template_hash(name: str) -> str:
    """Content hash of a template's text, as stored with every run."""
    return text_hash(source(name))
