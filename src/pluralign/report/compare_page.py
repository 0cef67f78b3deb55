"""The before/after page: one HTML file that needs nothing else and runs no script, made from a comparison alone.

Everything that came from outside is escaped.
"""

import shlex
from functools import cache

from jinja2 import Environment
from markupsafe import Markup

from pluralign.poll.comparison import LEVEL, MEASURES, Comparison
from pluralign.report import compare_view, compare_words
from pluralign.report.page import environment_for_pages, template_text

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""No network, no script, no picture from elsewhere."""


def render(comparison: Comparison, *, by_topic: bool = False) -> str:
    """The whole page. ``by_topic``: show intervals that resample whole topics instead of questions."""
    style = "".join(template_text(name) for name in ("base.css", "poll.css", "compare.css"))
    return (
        _environment()
        .get_template("compare.html")
        .render(
            comparison=comparison,
            view=compare_view.arrange(comparison, by_topic=by_topic),
            by_topic=by_topic,
            command=shlex.join(["pluralign", "compare", *(run.folder for run in comparison.runs)]),
            style=Markup(style),
            policy=POLICY,
        )
    )


@cache
def _environment() -> Environment:
    environment = environment_for_pages()
    environment.globals.update(
        gain=compare_words.gain,
        ends=compare_words.ends,
        measures=MEASURES,
        level=LEVEL,
    )
    return environment
