"""The page a run leaves behind: one HTML file that needs nothing else, made from scores alone. Asks nothing itself.

Everything that came from outside is escaped, and a content policy lets no script run but the page's own.
"""

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pluralign.poll.scores import Scores
from pluralign.report import export, luck, validity, view, words
from pluralign.report.headline import closest_voice, headline
from pluralign.report.profile import profiles

_JSON_ESCAPES: Final = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def render(scores: Scores, *, command: str = "") -> str:
    """The whole page. ``command``: what was typed to make the run, if it is known."""
    best = closest_voice(scores)
    script = template_text("poll.js")
    sheets = {
        sheet.name: {"columns": sheet.columns, "rows": [[_brief(value) for value in row] for row in sheet.rows]}
        for sheet in export.sheets(scores)
        if sheet.name != "questions"  # the page's script makes that one from the explorer's data
    }
    return (
        _environment()
        .get_template("poll.html")
        .render(
            scores=scores,
            view=view.arrange(scores, best),
            profiles=profiles(scores),
            headline=headline(scores),
            best=best,
            command=command,
            plain_questions=view.plain_questions(scores),
            explorer=embedded(view.explorer(scores)),
            validity=validity.arrange(scores),
            gap_kinds=luck.GAP_KINDS,
            averaged=luck.averaged(scores),
            varieties=luck.varieties(scores),
            topical=luck.topical(scores),
            points=validity.points,
            points_interval=validity.points_interval,
            sheets=embedded({"study": scores.study, "sheets": sheets}),
            style=Markup(template_text("base.css") + template_text("poll.css")),
            script=Markup(script),
            policy=policy(script),
        )
    )


def sentence(scores: Scores) -> str:
    """The finding in plain words: the page's title and what must be known with it."""
    found = headline(scores)
    return " ".join([found.title, *found.support[:3]])


def embedded(data: object) -> Markup:
    """Compact JSON that cannot end the script element it stands in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup("".join(_JSON_ESCAPES.get(character, character) for character in text))


def policy(script: str) -> str:
    """A content policy that allows no network and no script but this one."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; script-src 'sha256-{digest}'"


@cache
def template_text(name: str) -> str:
    """A file of the templates folder, as it is."""
    return files("pluralign.report").joinpath("templates", name).read_text(encoding="utf-8")


def environment_for_pages() -> Environment:
    """Templates with the words that every page of numbers uses. Fresh, so that a page may add its own."""
    environment = Environment(
        loader=PackageLoader("pluralign.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=words.number, percent=words.percent, sentence=words.sentence)
    environment.globals.update(
        interval=words.interval,
        signed=words.signed,
        percent_interval=words.percent_interval,
        count=words.count,
        listed=words.listed,
        distance_names=words.DISTANCE_NAMES,
        distance_sentences=words.DISTANCE_SENTENCES,
        missing=words.NONE,
    )
    return environment


@cache
def _environment() -> Environment:
    return environment_for_pages()


def _brief(value: export.Value) -> export.Value:
    """Six significant digits: more than any of these numbers can bear, and half the page's weight saved."""
    return float(f"{value:.6g}") if isinstance(value, float) else value
