"""A finished run, read back from its folder: what was asked of whom, and what was answered. Asks and measures nothing.

The answers come from ``answers.parquet``, the people's from the survey that ``run.json`` names, which must still be the
one that was polled.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from pluralign.core.distribution import Distribution, Obtained
from pluralign.core.errors import DataError, UnknownNameError, UsageError
from pluralign.core.run import RunRecord
from pluralign.core.survey import Survey
from pluralign.poll.heard import Ledger, recall
from pluralign.poll.records import read_run, recorded_study
from pluralign.poll.run import OBTAINED
from pluralign.poll.study import Method, Study
from pluralign.surveys import load

ANSWERS_FILE = "answers.parquet"

Said = dict[str, dict[str, dict[str, Distribution]]]
"""Voice -> collective ("" where the voice names nobody) -> question -> answer, averaged over option orders."""


class Finished(NamedTuple):
    """A run that was carried out to its end."""

    folder: Path
    record: RunRecord
    study: Study
    survey: Survey
    """The questions that were asked, with their references."""
    peoples: tuple[str, ...]
    """Ids of those it was told to speak for, as far as the survey has answers of theirs."""
    said: Said
    method: str
    """How the answers were obtained, such as ``exact``."""


def read_alike(folders: Sequence[Path]) -> list[Finished]:
    """Read runs back that are to be held against each other: of each the answers by a method that all of them have.

    Exact ones where all have them, else those of the first run's first method that the others have too; where there is
    no such method, each run's own. Raises as :func:`read_finished` does.
    """
    records = [(folder, read_run(folder)) for folder in folders]
    methods = [recorded_study(folder, record).methods for folder, record in records if record.spec.kind == "poll"]
    common = [method for method in methods[0] if all(method in other for other in methods)] if methods else []
    method = Method.EXACT if Method.EXACT in common else next(iter(common), None)
    return [read_finished(folder, method) for folder in folders]


def read_finished(folder: Path, method: Method | None = None) -> Finished:
    """Read a run back: its answers by ``method``, by default the exact ones if there are any, else its first's.

    Raises :class:`UsageError` where there is no run, where it is not finished, or where its survey is no longer what
    it was; :class:`DataError` where a file cannot be read.
    """
    record = read_run(folder)
    if record.spec.kind != "poll":
        raise UsageError(f"{str(folder)!r} holds a run of {record.spec.kind!r}, and only polls can be compared")
    if record.finished is None or not (folder / ANSWERS_FILE).exists():
        raise UsageError(
            f"the run in {str(folder)!r} is not finished: type its `pluralign poll` command again to go on with it"
        )
    study = recorded_study(folder, record)
    full = load(study.survey)
    survey = study.questions.apply(full)
    if survey.checksum != record.spec.survey_checksum:
        raise UsageError(
            f"the survey {study.survey!r} has changed since the run in {str(folder)!r} was made: compare it with the "
            "survey's earlier version in place, or poll again"
        )
    found = _answers(folder / ANSWERS_FILE, survey, method)
    return Finished(folder, record, study, survey, _peoples(study, full, survey), found.said, found.method)


def _peoples(study: Study, full: Survey, survey: Survey) -> tuple[str, ...]:
    """Whom the run spoke for. Countries that the survey has nothing of were polled, and cannot be compared."""
    names = study.speak_for or tuple(one.id for one in full.collectives)
    found = []
    for name in names:
        try:
            found.append(full.collective(name).id)
        except UnknownNameError:
            continue
    return tuple(one for one in dict.fromkeys(found) if survey.references.get(one))


class _Answers(NamedTuple):
    method: str
    said: Said


def _answers(path: Path, survey: Survey, wanted: Method | None) -> _Answers:
    """Mean over option orders, or over replies, of every answer that any option had a share of.

    Where answers were obtained in several ways those of the ``wanted`` one count, else the exact ones, else those of
    the first.
    """
    names = _names(path)
    ids = {name: f"{name[0]}@{name[1]}" for name in names}
    everyone = list(ids.values())
    heard = recall(
        path,
        ids,
        {question.id: 1 for question in survey.questions},
        lambda obtained: Ledger(everyone, survey.questions, obtained),
    )
    first = next(iter(heard), Obtained.EXACT)
    liked = (*((OBTAINED[wanted],) if wanted else ()), Obtained.EXACT, Obtained.TOP_K)
    method = next((one for one in liked if one in heard), first)
    said: Said = {}
    for (voice, collective), id_ in ids.items():
        answers = heard[method][id_].items() if method in heard else ()
        found = {question: one.distribution() for question, one in answers}
        said.setdefault(voice, {})[collective] = {key: one for key, one in found.items() if one is not None}
    return _Answers(method.value if heard else "", said)


def _names(path: Path) -> list[tuple[str, str]]:
    """Voices and whom they speak for, in the file's order; block by block, for millions of rows."""
    found: dict[tuple[str, str], None] = {}
    columns = ["voice", "collective"]
    try:
        for block in pq.ParquetFile(path, read_dictionary=columns).iter_batches(columns=columns):
            pairs = pa.Table.from_batches([block]).group_by(columns, use_threads=False).aggregate([])
            found |= dict.fromkeys(zip(*(pairs.column(name).to_pylist() for name in columns), strict=True))
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise DataError(f"cannot be read as the answers of a poll ({error})", file=str(path)) from None
    return list(found)
