"""Every error pluralign raises on purpose. A user's mistake is one sentence: the value, and the way out.

::

    PluralignError
    ├── UsageError              what was asked for cannot be done as asked; exit code 2
    │   ├── UnknownNameError    no survey, country, voice, model … of that name; nearest names follow
    │   ├── DataError           a file, or a field in it, is malformed; names file, line and field
    │   ├── DistributionError   numbers that are no probability distribution
    │   ├── MissingExtraError   an optional part is not installed; gives the command that installs it
    │   └── ModelError          a model cannot be loaded or cannot do what was asked of it
    ├── InterruptedRunError     work stopped half-way; what was computed is kept; exit code 1
    └── BusyError               too much is being asked at once; trying again later helps

Anything else that reaches the top is a defect of pluralign and prints its traceback.
"""

import difflib
from collections.abc import Iterable


class PluralignError(Exception):
    """Root of every error raised on purpose."""


class UsageError(PluralignError):
    """What was asked for cannot be done as asked."""


class UnknownNameError(UsageError):
    """A name that is not in a table. The message lists the nearest names, or all of a short table."""

    def __init__(self, kind: str, name: str, known: Iterable[str]):
        self.kind, self.name, self.known = kind, name, sorted(known)
        folded = {candidate.casefold(): candidate for candidate in reversed(self.known)}
        nearest = difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)
        if nearest:
            hint = "did you mean " + " or ".join(repr(folded[match]) for match in nearest) + "?"
        elif not self.known:
            hint = "there are none."
        elif len(self.known) <= 20:
            hint = "known: " + ", ".join(self.known) + "."
        else:
            hint = f"there are {len(self.known)}, from {self.known[0]!r} to {self.known[-1]!r}."
        super().__init__(f"unknown {kind} {name!r}: {hint}")


class DataError(UsageError):
    """A file or a field in it is malformed. ``where`` is ``file:line`` as far as it is known."""

    def __init__(self, problem: str, *, file: str | None = None, line: int | None = None, field: str | None = None):
        self.problem, self.file, self.line, self.field = problem, file, line, field
        where = "" if file is None else f"{file}:{line}: " if line is not None else f"{file}: "
        what = "" if field is None else f"{field}: "
        super().__init__(f"{where}{what}{problem}")


class DistributionError(UsageError):
    """Numbers that are no probability distribution over the options of a question."""


class MissingExtraError(UsageError):
    """An optional part of pluralign is not installed."""

    def __init__(self, what: str, extra: str):
        super().__init__(f"{what} needs the extra {extra!r}: pip install 'pluralign[{extra}]'")


class ModelError(UsageError):
    """A model cannot be loaded, or cannot do what was asked of it."""


class InterruptedRunError(PluralignError):
    """Work stopped half-way. What was computed is kept; the message says how to go on."""


class BusyError(PluralignError):
    """Too much is being asked at once. Trying again later helps."""
