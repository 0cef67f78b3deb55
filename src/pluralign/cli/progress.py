"""How far a long run has come: what every command shows that works long."""

import time
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class HowFar(Protocol):
    """What a run tells of itself."""

    @property
    def done(self) -> int:
        """Answers or steps in hand, resumed ones included."""
        ...

    @property
    def total(self) -> int:
        """Answers or steps in all, as far as that is known beforehand."""
        ...

    @property
    def waiting(self) -> int:
        """Answers that another process is computing, while this one has nothing else to do."""
        ...


class ProgressLine:
    """A bar with an estimate on a terminal; elsewhere a line now and then, so that logs stay readable."""

    EVERY_SECONDS = 15.0

    def __init__(self, console: Console, doing: str = "Asking", things: str = "answers"):
        self._console, self._things = console, things
        self._bar = Progress(
            TextColumn(doing),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(doing, total=None)
        self._started = self._said = time.monotonic()
        self._first: int | None = None
        self._waited = False

    def __enter__(self) -> "ProgressLine":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, progress: HowFar, note: str = "") -> None:
        """Take in how far the run has come; ``note`` goes to the end of a line in a log."""
        if self._first is None:
            self._first = progress.done
            if progress.done:
                self._console.print(f"{progress.done:,} {self._things} are there already.", highlight=False)
        if progress.waiting and not self._waited:
            self._console.print("Another process is at work on this run: waiting for its answers.", highlight=False)
            self._waited = True
        self._bar.update(self._task, completed=progress.done, total=progress.total)
        now = time.monotonic()
        if self._console.is_terminal or now - self._said < self.EVERY_SECONDS:
            return
        self._said = now
        fresh = progress.done - self._first
        seconds = (now - self._started) / fresh * (progress.total - progress.done) if fresh else None
        left = "" if seconds is None else f", about {seconds:.0f} s left"
        self._console.print(f"{progress.done:,} of {progress.total:,} {self._things}{left}{note}", highlight=False)
