"""A finished poll with all that its numbers are made from, read back from its folder. Asks no model, makes no prompt.

What it costs grows with the survey, not with the number of option orders: a million answers take seconds.
"""

from pathlib import Path
from typing import NamedTuple

from pluralign.core.errors import UsageError
from pluralign.core.run import RunRecord
from pluralign.poll.panels import decide
from pluralign.poll.records import read_run, recorded_study
from pluralign.poll.run import ANSWERS_FILE, Answers, Prepared, prepare, recall


class Reopened(NamedTuple):
    """A run that was carried out to its end."""

    record: RunRecord
    prepared: Prepared
    answers: Answers


def reopen(folder: Path) -> Reopened:
    """Read a run back.

    Raises :class:`UsageError` where there is no finished poll, or where its survey is no longer what it was;
    :class:`DataError` where a file cannot be read.
    """
    record = read_run(folder)
    if record.spec.kind != "poll" or record.finished is None or not (folder / ANSWERS_FILE).exists():
        raise UsageError(
            f"there is no finished poll in {str(folder)!r}: type its `pluralign poll` command again to go on with it"
        )
    study = recorded_study(folder, record)
    prepared = decide(prepare(study), None, folder)
    if prepared.survey.checksum != record.spec.survey_checksum:
        raise UsageError(
            f"the survey {study.survey!r} has changed since the run in {str(folder)!r} was made: put its earlier "
            "version in place, or poll again"
        )
    return Reopened(record, prepared, recall(prepared, folder, record.counts))
