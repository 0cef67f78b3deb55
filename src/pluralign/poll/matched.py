"""Voices of different names held against each other: prompting before, an adapter after. Renames; measures nothing."""

from collections.abc import Sequence
from typing import NamedTuple

from pluralign.core.distribution import Distribution
from pluralign.core.errors import UnknownNameError, UsageError
from pluralign.poll.finished import Finished
from pluralign.voices.way import label_of


class Match(NamedTuple):
    """A voice of the first run, and the one of a later run that is its after."""

    before: str
    after: str

    @property
    def name(self) -> str:
        """What the two are called together."""
        return self.before if self.before == self.after else f"{label_of(self.before)} → {label_of(self.after)}"


def match(text: str) -> Match:
    """Read ``persona=adapter:runs/kenya``. Raises :class:`UsageError` for anything else."""
    before, sign, after = text.partition("=")
    if not (sign and before.strip() and after.strip()):
        raise UsageError(f"--pair takes BEFORE=AFTER, such as persona=adapter:runs/kenya, not {text!r}")
    return Match(before.strip(), after.strip())


def matched(runs: Sequence[Finished], matches: Sequence[Match]) -> list[Finished]:
    """The runs with these voices only, under common names.

    Raises :class:`UnknownNameError` for a voice that a run does not have.
    """
    names = [one.name for one in matches]
    for one in matches:
        if names.count(one.name) > 1:
            raise UsageError(f"--pair {one.before}={one.after}: another pair is called {one.name!r} too")
    return [
        run._replace(said={one.name: _of(run, one.after if at else one.before) for one in matches})
        for at, run in enumerate(runs)
    ]


def _of(run: Finished, voice: str) -> dict[str, dict[str, Distribution]]:
    if voice not in run.said:
        raise UnknownNameError(f"voice of {str(run.folder)!r}", voice, run.said)
    return run.said[voice]
