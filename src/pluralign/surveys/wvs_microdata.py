"""The World Values Survey's own wave 7 file, one row per respondent, as it can be had from the WVS for free.

Any country of the wave, with the survey's weights, missing codes apart and an effective n. The file holds no wording:
that comes from ``world-mini``, or from a folder with ``wvs_questions.json``. Other waves: a codebook of your own, see
``respondents`` in :mod:`pluralign.surveys.own`.
"""

from pathlib import Path

from pluralign.core.collective import Collective
from pluralign.core.errors import DataError
from pluralign.core.question import Question
from pluralign.core.survey import Survey
from pluralign.surveys import countries, wvs
from pluralign.surveys.microdata import Asked, read_table, tabulate
from pluralign.surveys.world_mini import load_world_mini, source_ids

GROUP = "B_COUNTRY_ALPHA"
WEIGHT = "W_WEIGHT"
MISSING = {-1: "don't know", -2: "no answer", -5: "missing or not available"}
"""Codes of people who were asked and gave no option."""
NOT_ASKED = {-3: "not applicable", -4: "not asked"}
"""Codes of people who were not asked; they count nowhere."""


def load_microdata(target: Path | str, *, weighted: bool = True) -> Survey:
    """``FILE`` with the wording of ``world-mini``, or ``FILE,DIR`` with that of ``DIR/wvs_questions.json``.

    ``FILE``: the country-pooled file in .csv, .sav or .dta. ``weighted``: use ``W_WEIGHT``, so that each country's
    shares are those of its adults; ``n`` is then Kish's effective number.

    Raises :class:`DataError` for files that are not like that, and :class:`pluralign.core.errors.MissingExtraError`
    where .sav or .dta files cannot be read for want of pyreadstat.
    """
    file_name, _, directory = str(target).partition(",")
    path = Path(file_name)
    if directory:
        sources = {question.id: question for question in wvs.load_questions(directory)}
        questions = list(sources.values())
        columns = {question_id: question_id for question_id in sources}
    else:
        questions = list(load_world_mini().questions)
        columns = source_ids()
    asked = [_asked(question, columns[question.id]) for question in questions]
    table = read_table(path, group=GROUP, weight=WEIGHT if weighted else None, columns=[one.column for one in asked])
    tabulated = tabulate(table, asked)
    if not tabulated.references:
        raise DataError("nobody gave an answer that the questions know", file=str(path))
    notes = "Weighted with W_WEIGHT; n is effective." if weighted else "Unweighted."
    strange = sum(sum(codes.values()) for codes in tabulated.strange.values())
    if strange:
        notes += (
            f" {strange} answers have codes that are no option, in {', '.join(sorted(tabulated.strange))}; "
            "they count as unreadable."
        )
    return Survey(
        name="wvs7-microdata",
        title="World Values Survey, wave 7, respondents' answers",
        questions=tuple(questions),
        collectives=tuple(_country(code) for code in tabulated.references),
        references=tabulated.references,
        citation=wvs.CITATION,
        licence=wvs.LICENCE,
        notes=notes,
    )


def _asked(question: Question, column: str) -> Asked:
    first = 0 if column in wvs.ZERO_BASED else 1
    codes = tuple(range(first, first + len(question.options)))
    return Asked(question, column, codes, frozenset(MISSING), frozenset(NOT_ASKED))


def _country(code: str) -> Collective:
    return countries.country(code) or Collective(id=code, name=code)
