"""Surveys by name: what was asked, and how people answered. Knows no model and no prompt.

``load("world-mini")`` is bundled; everything else names its data on disk::

    load("wvs7:path/to/folder")      # the World Values Survey in CultureSPA's files
    load("own:survey.yaml")          # your own; "survey.yaml" alone will do

All of them give a :class:`pluralign.core.survey.Survey`. The table below is all there is; to add a survey, write a
loader and add its line.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pluralign.core.errors import UnknownNameError, UsageError
from pluralign.core.survey import Survey
from pluralign.surveys import global_opinions, ipip, own, world_mini, wvs, wvs_microdata

__all__ = ["SOURCES", "Source", "available", "load"]


class Source(NamedTuple):
    """One way to name a survey."""

    form: str
    """What users write: a name, or a scheme with a placeholder, such as ``wvs7:DIR``."""
    description: str
    """One line."""
    loader: Callable[[str], Survey]
    """Gets what follows the colon; an empty text for a bundled survey."""

    @property
    def scheme(self) -> str:
        """The part before the colon; the whole name of a bundled survey."""
        return self.form.partition(":")[0]

    @property
    def bundled(self) -> bool:
        """Whether the survey ships with pluralign and needs no path."""
        return ":" not in self.form


SOURCES: tuple[Source, ...] = (
    Source(
        world_mini.NAME,
        "77 questions on 13 topics in our own words, with the answers of 18 countries (bundled)",
        lambda _: world_mini.load_world_mini(),
    ),
    Source(
        "wvs7:DIR", "World Values Survey wave 7 in CultureSPA's JSON files, 259 questions, 18 countries", wvs.load_wvs
    ),
    Source(
        "wvs7-all:DIR",
        "the same with every country of the file (Mexico too)",
        lambda directory: wvs.load_wvs(directory, only=tuple(wvs.COUNTRIES)),
    ),
    Source(
        "wvs7-microdata:FILE",
        "the World Values Survey's own wave 7 file (.csv, .sav), any country, weighted; FILE,DIR for all 259 questions",
        wvs_microdata.load_microdata,
    ),
    Source(
        "goqa:FILE",
        'GlobalOpinionQA from .csv, .json or .jsonl, or goqa:hub; "don\'t know" and the like count as refused',
        global_opinions.load_global_opinions,
    ),
    Source(
        "goqa-published:FILE",
        "the same with every option of the source kept, as in the papers",
        lambda path: global_opinions.load_global_opinions(path, published=True),
    ),
    Source(
        "mpi:FILE",
        "Machine Personality Inventory, 120 IPIP statements; FILE,RESPONSES adds the people of Johnson's response file",
        ipip.load_ipip,
    ),
    Source(
        "mpi-published:FILE",
        "the same with the people as a published notebook had them, which is wrong: to reproduce its figures",
        ipip.load_published,
    ),
    Source("own:FILE", "your own survey from a .yaml, .yml or .csv file; the path alone will do", own.load_own),
)
"""Every survey and scheme there is."""

OWN_ENDINGS = (".yaml", ".yml", ".csv")


def available() -> tuple[Source, ...]:
    """Every survey and scheme, bundled ones first."""
    return tuple(sorted(SOURCES, key=lambda source: not source.bundled))


def load(name: str) -> Survey:
    """The survey of that name.

    ``name``: a bundled survey, ``scheme:path`` for one of :data:`SOURCES`, or the path of a .yaml, .yml or .csv file.
    Raises :class:`UnknownNameError` for a name the table does not have, and :class:`DataError` for bad files.
    """
    scheme, colon, rest = name.strip().partition(":")
    by_scheme = {source.scheme: source for source in SOURCES}
    source = by_scheme.get(scheme)
    if source is not None and source.bundled != bool(colon):
        if not source.bundled and not rest.strip():
            raise UsageError(f"the survey {name!r} names no path; write {source.form}")
        return source.loader(",".join(_at_home(part) for part in rest.split(",")))
    if source is not None:
        raise UsageError(f"the survey {name!r} is written {source.form!r}")
    if Path(name).suffix.lower() in OWN_ENDINGS:
        return own.load_own(_at_home(name))
    if name.strip() and Path(_at_home(name)).exists():
        forms = ", ".join(source.form for source in available() if not source.bundled)
        raise UsageError(f"{name!r} is a path; say what is in it with one of {forms}")
    raise UnknownNameError("survey", name, [source.form for source in available()])


def _at_home(path: str) -> str:
    """The shell expands a ``~`` at the start of a word only, which a scheme takes away from it."""
    return str(Path(path).expanduser()) if path.startswith("~") else path
