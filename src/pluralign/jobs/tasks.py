"""A table of tasks: command lines that differ in some words. Knows neither what they do nor where they run."""

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from pluralign.core.errors import DataError, UsageError

TABLE_FILE = "tasks.json"
AT_START = ("nodes", "node_rank", "main_node", "gpus")
"""Names in braces that are filled in when a task starts, from where it finds itself."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class Table(BaseModel):
    """What a folder of jobs was made for. It never changes: what is submitted again is what is left of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["pluralign.jobs/1"] = "pluralign.jobs/1"
    name: str
    directory: str
    """Where the commands run: relative paths in them are meant from here."""
    commands: Annotated[tuple[tuple[str, ...], ...], Field(min_length=1)]


class State(BaseModel):
    """How a task went when it last ran; times in UTC, ISO 8601."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    started: str
    host: str
    starts: int = 1
    """How often it was started; more than once after a time-out, a pre-emption or a failure."""
    finished: str | None = None
    exit: int | None = None
    """Exit code; ``None`` while it runs, and for ever where the machine was switched off under it."""


class Variation(NamedTuple):
    """A word that differs between tasks."""

    name: str
    values: tuple[str, ...]


def variation(text: str) -> Variation:
    """Read ``NAME=a,b,c``. Raises :class:`UsageError`.

    >>> variation("seed=1,2")
    Variation(name='seed', values=('1', '2'))
    """
    name, sign, rest = text.partition("=")
    values = tuple(value.strip() for value in rest.split(","))
    if not sign or not _NAME.fullmatch(name) or not all(values):
        raise UsageError(f"--vary takes NAME=VALUE,VALUE,…, not {text!r}")
    if name in AT_START:
        raise UsageError(f"{{{name}}} is filled in when a task starts; give --vary {text!r} another name")
    if len(set(values)) < len(values):
        raise UsageError(f"--vary {text!r} names a value twice")
    return Variation(name, values)


def expand(words: Sequence[str], variations: Sequence[Variation]) -> tuple[tuple[str, ...], ...]:
    """The command once for each combination of values, ``{NAME}`` in its words replaced; the last name varies fastest.

    Other braces stay as they are. Raises :class:`UsageError` for no words, a name that is varied twice, or one that no
    word holds.

    >>> expand(["train", "--seed={seed}"], [Variation("seed", ("1", "2"))])
    (('train', '--seed=1'), ('train', '--seed=2'))
    """
    if not words:
        raise UsageError("there is no command; put it behind --, such as -- pluralign train sft config.yaml")
    names = [one.name for one in variations]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{name!r} is varied twice")
        if not any(f"{{{name}}}" in word for word in words):
            raise UsageError(f"no word of the command holds {{{name}}}, so that all tasks would be the same")
    return tuple(
        tuple(fill(word, dict(zip(names, values, strict=True))) for word in words)
        for values in itertools.product(*(one.values for one in variations))
    )


def fill(word: str, values: Mapping[str, str]) -> str:
    """Replace ``{NAME}`` for every known name, once: values are not looked into.

    >>> fill("{a}{b}{c}", {"a": "{b}", "b": "1"})
    '{b}1{c}'
    """
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), word)


def read_table(folder: Path) -> Table:
    """The table of a folder. Raises :class:`DataError` where there is none."""
    path = folder / TABLE_FILE
    try:
        return Table.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise DataError("there are no jobs in it (no tasks.json)", file=str(folder)) from None
    except ValueError:
        raise DataError("is no table of tasks", file=str(path)) from None


def state_file(folder: Path, number: int) -> Path:
    """Where a task's state stands."""
    return folder / "states" / f"{number:04}.json"


def log_file(folder: Path, number: int) -> Path:
    """Where what a task prints goes."""
    return folder / "logs" / f"{number:04}.txt"


def read_state(folder: Path, number: int) -> State | None:
    """A task's state; ``None`` where it never started."""
    try:
        return State.model_validate_json(state_file(folder, number).read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        raise DataError("is no state of a task; remove it", file=str(state_file(folder, number))) from None


def unfinished(folder: Path, table: Table) -> Iterator[int]:
    """Numbers, from 0, of tasks that did not end well yet."""
    for number in range(len(table.commands)):
        state = read_state(folder, number)
        if state is None or state.exit != 0:
            yield number


def table_text(table: Table) -> str:
    """The table as it is kept."""
    return json.dumps(table.model_dump(), indent=1, ensure_ascii=False) + "\n"
