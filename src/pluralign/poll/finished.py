"""A finished run, read back from its folder: what was asked of whom, and what was answered. Asks and measures nothing.

The answers come from ``answers.parquet``, the people's from the survey that ``run.json`` names, which must still be the
one that was polled.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pluralign.core.distribution import Distribution, Obtained
from pluralign.core.errors import DataError, UnknownNameError, UsageError
from pluralign.core.run import RunRecord
from pluralign.core.survey import Survey
from pluralign.poll.records import read_run, recorded_study
from pluralign.poll.study import Study
from pluralign.surveys import load

ANSWERS_FILE = "answers.parquet"
_COLUMNS = ("voice", "collective", "question", "method", "probabilities", "captured")

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


def read_finished(folder: Path) -> Finished:
    """Read a run back.

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
    method, said = _answers(folder / ANSWERS_FILE, survey)
    return Finished(folder, record, study, survey, _peoples(study, full, survey), said, method)


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


def _answers(path: Path, survey: Survey) -> _Answers:
    """Mean over option orders of every answer that any option had a share of; column by column, for millions of rows.

    Where answers were obtained in several ways, the exact ones count, else those of the first way.
    """
    try:
        table = pq.read_table(path, columns=list(_COLUMNS))
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"cannot be read as the answers of a poll ({error})", file=str(path)) from None
    methods = table.column("method").unique().to_pylist()
    method = Obtained.EXACT.value if Obtained.EXACT.value in methods else (methods or [""])[0]
    kept = table.filter(
        pc.and_(pc.equal(table.column("method"), method), pc.is_valid(table.column("probabilities")))
    ).combine_chunks()
    said: Said = {}
    for voice, collective in dict.fromkeys(
        zip(*(table.column(name).to_pylist() for name in ("voice", "collective")), strict=True)
    ):
        said.setdefault(voice, {})[collective] = {}
    if not kept.num_rows:
        return _Answers(method, said)
    names, codes = _keys(kept)
    rows = kept.column("probabilities").combine_chunks()
    lengths = np.asarray(pc.list_value_length(rows), dtype=np.int64)
    shares = np.asarray(rows.flatten(), dtype=np.float64)
    if method == Obtained.FREE_TEXT.value:  # each text counts by what the options hold of it
        shares = shares * np.repeat(np.asarray(kept.column("captured"), dtype=np.float64), lengths)
    place = np.arange(len(shares)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    sums = np.zeros((len(names), int(lengths.max())))
    np.add.at(sums, (np.repeat(codes, lengths), place), shares)
    options = {question.id: len(question.options) for question in survey.questions}
    for (voice, collective, question), weights in zip(names, sums, strict=True):
        if question not in options:
            raise DataError(f"holds the question {question!r}, which was not asked", file=str(path))
        if weights[options[question] :].any():
            raise DataError(f"has more shares for {question!r} than it has options", file=str(path))
        said[voice][collective][question] = Distribution.from_weights(
            weights[: options[question]], Obtained(method) if method in set(Obtained) else Obtained.DERIVED
        )
    return _Answers(method, said)


class _Keys(NamedTuple):
    names: list[tuple[str, str, str]]
    """Voice, collective and question of every cell."""
    codes: npt.NDArray[np.int64]
    """The cell of every row."""


def _keys(table: Any) -> _Keys:
    columns = [table.column(name).combine_chunks().dictionary_encode() for name in ("voice", "collective", "question")]
    words = [column.dictionary.to_pylist() for column in columns]
    packed = np.zeros(table.num_rows, dtype=np.int64)
    for column, known in zip(columns, words, strict=True):
        packed = packed * len(known) + np.asarray(column.indices, dtype=np.int64)
    found, codes = np.unique(packed, return_inverse=True)
    sizes = tuple(len(known) for known in words)
    places = np.unravel_index(found, sizes)
    names = [
        (words[0][voice], words[1][collective], words[2][question])
        for voice, collective, question in zip(*places, strict=True)
    ]
    return _Keys(names, codes)
