"""A survey from a long table: a row for each question, option and group, or for each answer given.

Reads CSV text, under our column names or under the table's own through a mapping. Knows no other format.
"""

import ast
import csv
import io
import re
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from pydantic import ValidationError

from pluralign.core.collective import Collective
from pluralign.core.distribution import Distribution
from pluralign.core.errors import DataError, DistributionError, UnknownNameError
from pluralign.core.question import Option, Question, Scale
from pluralign.core.survey import Survey
from pluralign.surveys import countries, people

COLUMNS = {
    "question": "wording of the question; every row of a question repeats it",
    "option": "wording of one option; options keep the order in which they first appear",
    "group": "who answered: a country code, a country's name, or any other name",
    "share": "their share of this option; the shares of a group and question sum to 1",
    "count": "or the number of people, or the sum of their weights",
    "weight": "or one row for each answer given, with the weight of who gave it",
    "question_id": "short id; without this column Q1, Q2, … in order",
    "option_id": "whole number; without this column 1, 2, … in order; a negative one is a missing code",
    "topic": "heading of the question",
    "scale": "nominal, ordinal or interval; needed for questions with more than two options",
    "n": "number of people behind a group's shares, the same in all of its rows for the question",
}
"""Every column. ``question`` and ``option`` must be there; ``group`` with one of ``share``, ``count``, ``weight``."""

LISTS = {
    "options": "all options of the question, as a list",
    "shares": "the group's shares of them, as a list in the same order",
    "counts": "or the numbers of people",
}
"""Columns that only a mapping can name: one row for each question and group, with lists in its cells."""

VALUES = ("share", "count", "weight")


class _Line(NamedTuple):
    number: int
    """1-based line of the file on which the row starts."""
    cells: dict[str, str]


class _Place(NamedTuple):
    """Names a line and a column in errors."""

    file: str
    line: int

    def error(self, problem: str, field: str | None = None) -> DataError:
        return DataError(problem, file=self.file, line=self.line, field=field)


def load_csv(
    text: str,
    *,
    file: str,
    name: str,
    columns: Mapping[str, str] | None = None,
    scale: Scale | None = None,
    missing: Collection[str] = (),
) -> Survey:
    """The survey of a table whose first line names its columns, in any order.

    ``columns``: our name -> the table's, from :data:`COLUMNS` and :data:`LISTS`; columns it does not name are left
    alone. Without it the table uses our names and has no other columns. ``scale``: for questions without one in the
    table. ``missing``: options that are no answer, such as ``Refused``.

    Cells are parted by commas, semicolons or tabs. Options that a group has no row for have the share zero.
    Raises :class:`DataError` with file, line and column for everything that does not fit.
    """
    lines = list(_lines(text, file, columns))
    if not lines:
        raise DataError("there is no row below the header", file=file)
    by_question: dict[str, list[_Line]] = {}
    for line in lines:
        by_question.setdefault(line.cells.get("question_id") or line.cells["question"], []).append(line)
    with_ids = "question_id" in lines[0].cells
    questions = []
    references: dict[str, dict[str, Distribution]] = {}
    groups: dict[str, Collective] = {}
    rows = []
    for at, (key, own) in enumerate(by_question.items(), start=1):
        question = _question(key if with_ids else f"Q{at}", own, file, scale, missing)
        questions.append(question)
        for group, answers in _by_group(own).items():
            collective = groups.setdefault(group, _collective(group, _Place(file, answers[0].number)))
            row = _reference(question, answers, file)
            references.setdefault(collective.id, {})[question.id] = row.distribution
            rows.append(row)
    return Survey(
        name=name,
        questions=tuple(questions),
        collectives=_distinct(groups, file),
        references=references,
        notes=people.rounding_note(rows),
    )


def _lines(text: str, file: str, columns: Mapping[str, str] | None) -> Iterator[_Line]:
    header_text = text.splitlines()[0]
    delimiter = max(",;\t", key=header_text.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    start = _Place(file, 1)
    try:
        header = _header(next(reader), columns, start)
        end = reader.line_num
        for cells in reader:
            place, end = _Place(file, end + 1), reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                problem = f"{len(cells)} cells under {len(header)} columns; quote cells that contain {delimiter!r}"
                raise place.error(problem)
            row = {column: cell.strip() for column, cell in zip(header, cells, strict=True) if column}
            for column in ("question", "option", "question_id", "option_id"):
                if row.get(column) == "":
                    raise place.error("the cell is empty", column)
            yield from [_Line(place.line, row)] if "options" not in row else _spread(row, place)
    except csv.Error as error:
        raise _Place(file, reader.line_num).error(f"not valid CSV: {error}") from None


def _header(cells: list[str], columns: Mapping[str, str] | None, start: _Place) -> list[str]:
    """Our name of every column; an empty one for columns that a mapping does not name."""
    names = [cell.strip() for cell in cells]
    if columns is None:
        header = [name.casefold() for name in names]
        for column in header:
            if column not in COLUMNS:
                raise start.error(str(UnknownNameError("column", column, COLUMNS)))
    else:
        for theirs in columns.values():
            if theirs not in names:
                raise start.error(str(UnknownNameError("column", theirs, names)))
        ours = {theirs: column for column, theirs in columns.items()}
        header = [ours.get(name, "") for name in names]
    for column in header:
        if column and header.count(column) > 1:
            raise start.error(f"the column {column!r} stands there twice")
    _check_header(header, start)
    return header


def _check_header(header: list[str], start: _Place) -> None:
    lists = "options" in header
    for column in ("question", "options" if lists else "option"):
        if column not in header:
            raise start.error(f"the column {column!r} is missing; the first line names the columns")
    values = [column for column in (("shares", "counts") if lists else VALUES) if column in header]
    if len(values) > 1:
        raise start.error(f"there are both {' and '.join(values)}; keep one of these columns")
    if bool(values) is not ("group" in header):
        raise start.error("answers need the column 'group' and one of 'share', 'count' and 'weight'")
    if "n" in header and values not in (["share"], ["shares"]):
        raise start.error("the column 'n' belongs to shares; there are none")


def _spread(row: Mapping[str, str], place: _Place) -> Iterator[_Line]:
    """One line for each option of a row whose cells hold lists."""
    column = next((name for name in ("shares", "counts") if name in row), None)
    options = _list(row["options"], place, "options")
    values = [""] * len(options) if column is None else _list(row[column], place, column)
    if len(values) != len(options):
        raise place.error(f"{len(values)} numbers for {len(options)} options", column)
    rest = {name: cell for name, cell in row.items() if name not in LISTS}
    for option, value in zip(options, values, strict=True):
        cells = {**rest, "option": str(option).strip()}
        if column is not None:
            cells[column.removesuffix("s")] = str(value)
        yield _Line(place.line, cells)


def _list(text: str, place: _Place, column: str) -> list[object]:
    """A list in JSON or as Python writes it; nothing in it is evaluated."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = None
    if not isinstance(value, list):
        raise place.error(f"expected a list such as ['Yes', 'No'], got {text[:40]!r}", column)
    return value


def _question(
    question_id: str, lines: list[_Line], file: str, default: Scale | None, missing: Collection[str]
) -> Question:
    first = _Place(file, lines[0].number)
    for column in ("question", "topic", "scale"):
        for line in lines:
            if line.cells.get(column) != lines[0].cells.get(column):
                raise _Place(file, line.number).error(
                    f"{line.cells[column]!r} differs from {lines[0].cells[column]!r} in line {lines[0].number}, "
                    f"which is about the same question",
                    column,
                )
    codes: dict[str, int] = {}
    # A scale of numbers has the numbers it shows for codes.
    numbers = all(line.cells["option"].isdecimal() or line.cells["option"] in missing for line in lines)
    for line in lines:
        text = line.cells["option"]
        place = _Place(file, line.number)
        if text in missing:
            code = codes.get(text, -1 - sum(known < 0 for known in codes.values()))
        elif "option_id" in line.cells:
            code = _whole(line.cells["option_id"], place)
        else:
            code = int(text) if numbers else codes.get(text, 1 + sum(known > 0 for known in codes.values()))
        if codes.setdefault(text, code) != code:
            raise place.error(f"the option {text!r} has the id {codes[text]} in another row", "option_id")
    scale_text = lines[0].cells.get("scale", "") or (default.value if default is not None else "")
    options = [Option(id=code, text=text) for text, code in codes.items() if code >= 0]
    if not scale_text and len(options) > 2:
        raise first.error(f"a question with more than two options needs a scale: {', '.join(Scale)}", "scale")
    if scale_text and scale_text not in list(Scale):
        raise first.error(str(UnknownNameError("scale", scale_text, [scale.value for scale in Scale])), "scale")
    try:
        return Question(
            id=question_id,
            text=lines[0].cells["question"],
            options=tuple(options),
            scale=Scale(scale_text) if scale_text else Scale.NOMINAL,
            topic=lines[0].cells.get("topic", ""),
            missing={code: text for text, code in codes.items() if code < 0},
        )
    except ValidationError as error:
        raise first.error(error.errors()[0]["msg"].removeprefix("Value error, "), "option") from None


def _by_group(lines: list[_Line]) -> dict[str, list[_Line]]:
    groups: dict[str, list[_Line]] = {}
    for line in lines:
        if line.cells.get("group"):  # a row without a group only names an option
            groups.setdefault(line.cells["group"], []).append(line)
    return groups


def _reference(question: Question, lines: list[_Line], file: str) -> people.Row:
    column = next(name for name in VALUES if name in lines[0].cells)
    kind = people.Kind.SHARES if column == "share" else people.Kind.COUNTS
    first = _Place(file, lines[0].number)
    positions = {option.text: at for at, option in enumerate(question.options)}
    numbers = [0.0] * len(question.options)
    missing = squares = 0.0
    heads = 0
    seen: dict[str, int] = {}
    for line in lines:
        place = _Place(file, line.number)
        option = line.cells["option"]
        if option in seen and column != "weight":
            raise place.error(f"the same question, option and group stand in line {seen[option]}")
        seen[option] = line.number
        if line.cells.get("n") != lines[0].cells.get("n"):
            raise place.error(f"{line.cells['n']!r} differs from {lines[0].cells['n']!r} in line {first.line}", "n")
        value = _number(line.cells[column], place, column)
        if option in positions:
            numbers[positions[option]] += value
            squares += value**2
            heads += value > 0
        else:
            missing += value
    n_text = lines[0].cells.get("n", "")
    n = _number(n_text, first, "n") if n_text else None
    if column == "weight" and squares > 0:
        n = sum(numbers) ** 2 / squares  # Kish's effective number of the people who gave an option
    try:
        respondents = float(heads) if column == "weight" and heads else None
        return people.distribution(numbers, kind, missing=missing, n=n, respondents=respondents)
    except DistributionError as error:
        raise first.error(f"{lines[0].cells['group']} on {question.id}: {error}", column) from None


def _collective(group: str, place: _Place) -> Collective:
    collective = countries.collective_of(group)
    if collective is None:
        raise place.error(f"{group!r} has no letter or digit to make an id of", "group")
    return collective


def _distinct(groups: dict[str, Collective], file: str) -> tuple[Collective, ...]:
    names: dict[str, str] = {}
    for name, collective in groups.items():
        if names.setdefault(collective.id, name) != name:
            raise DataError(f"the groups {names[collective.id]!r} and {name!r} get the same id; rename one", file=file)
    return tuple(groups.values())


def _number(text: str, place: _Place, column: str) -> float:
    try:
        value = float(text)
    except ValueError:
        hint = "; write the decimal point as '.'" if re.fullmatch(r"\d+,\d+", text) else ""
        raise place.error(f"expected a number, got {text!r}{hint}", column) from None
    if not 0 <= value < float("inf"):
        raise place.error(f"a number must not be negative or infinite, got {text!r}", column)
    return value


def _whole(text: str, place: _Place) -> int:
    if not re.fullmatch(r"-?\d+", text):
        raise place.error(f"expected a whole number, got {text!r}", "option_id")
    return int(text)
