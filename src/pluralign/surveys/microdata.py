"""One row per respondent into answer distributions per group: weights, missing codes, effective n.

Reads .csv (any delimiter of , ; tab) with pyarrow, .sav and .dta with pyreadstat, only the columns it needs. Knows no
survey in particular: what to read is given as :class:`Asked`.
"""

import importlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pluralign.core.distribution import Distribution, Obtained
from pluralign.core.errors import DataError, MissingExtraError
from pluralign.core.question import Question

Numbers = npt.NDArray[np.float64]


class Asked(NamedTuple):
    """A question and where its answers stand."""

    question: Question
    column: str
    codes: tuple[int, ...]
    """The code of each option, in the question's order."""
    missing: frozenset[int]
    """Codes of people who were asked and gave no option: they become ``refused``."""
    not_asked: frozenset[int]
    """Codes of people who were not asked; blank cells are too. They count nowhere."""


class Table(NamedTuple):
    """The columns that were read, each of shape (respondents,)."""

    groups: npt.NDArray[np.str_]
    weights: Numbers
    """Ones where the file is read without weights."""
    weighted: bool
    answers: dict[str, Numbers]
    """Column -> codes; NaN where the cell is blank."""


class Tabulated(NamedTuple):
    """Answers by group and question."""

    references: dict[str, dict[str, Distribution]]
    """Group -> question id -> distribution; a question that nobody of a group answered is absent."""
    strange: dict[str, dict[int, int]]
    """Column -> code -> respondents, for codes that are neither an option nor listed otherwise."""


def read_table(path: Path, *, group: str, weight: str | None, columns: Iterable[str]) -> Table:
    """Read the named columns. Raises :class:`DataError` for absent columns, cells that are no numbers, bad weights."""
    wanted = list(dict.fromkeys(columns))
    needed = [group, *([weight] if weight else []), *wanted]
    if not path.is_file():
        raise DataError(
            "this is a folder; name a file in it" if path.is_dir() else "there is no such file", file=str(path)
        )
    suffix = path.suffix.lower()
    if suffix == ".csv":
        data = _read_csv(path, needed, group)
    elif suffix in (".sav", ".zsav", ".dta"):
        data = _read_with_pyreadstat(path, needed)
    else:
        raise DataError("respondents are read from .csv, .sav or .dta files", file=str(path))
    groups = np.array([_group_name(value) for value in data[group]], dtype=np.str_)
    answers = {column: _numbers(data[column], column, path) for column in wanted}
    if groups.size == 0:
        raise DataError("there is no row below the header", file=str(path))
    weights = _numbers(data[weight], weight, path) if weight else np.ones(groups.size)
    bad = np.flatnonzero(~np.isfinite(weights) | (weights < 0))
    if bad.size:
        raise DataError(f"the weight of respondent {bad[0] + 1} is absent or negative", file=str(path), field=weight)
    return Table(groups, weights, weight is not None, answers)


def tabulate(table: Table, asked: Sequence[Asked]) -> Tabulated:
    """Weighted shares of every group and question.

    ``n`` is the number of people who gave an option; with weights, Kish's effective number (sum w)² / sum w². A code
    that is neither an option nor listed counts as ``unreadable``.
    """
    names, group_of = np.unique(table.groups, return_inverse=True)
    references: dict[str, dict[str, Distribution]] = {str(name): {} for name in names if name}
    strange: dict[str, dict[int, int]] = {}
    for one in asked:
        codes = table.answers[one.column]
        options = len(one.codes)
        # Positions: an option, then missing, then a code nobody listed; -1 for those who were not asked.
        place = np.full(codes.size, options + 1, dtype=np.int64)
        place[np.isin(codes, list(one.missing))] = options
        place[np.isnan(codes) | np.isin(codes, list(one.not_asked))] = -1
        for position, code in enumerate(one.codes):
            place[codes == code] = position
        unknown = codes[place == options + 1]
        if unknown.size:
            found, counts = np.unique(unknown, return_counts=True)
            strange[one.column] = {int(code): int(count) for code, count in zip(found, counts, strict=True)}
        here = place >= 0
        shape = (names.size, options + 2)
        flat = group_of[here] * shape[1] + place[here]
        sums = _sums(flat, table.weights[here], shape)
        heads = _sums(flat, np.ones(flat.size), shape)
        squares = _sums(flat, table.weights[here] ** 2, shape)
        for at, name in enumerate(names):
            valid = float(sums[at, :options].sum())
            if not name or valid <= 0:
                continue
            everyone = float(sums[at].sum())
            references[str(name)][one.question.id] = Distribution.from_weights(
                sums[at, :options],
                Obtained.PEOPLE,
                n=valid**2 / float(squares[at, :options].sum()),
                respondents=float(heads[at, :options].sum()),
                refused=float(sums[at, options]) / everyone,
                unreadable=float(sums[at, options + 1]) / everyone,
            )
    return Tabulated({name: answers for name, answers in references.items() if answers}, strange)


def _sums(cells: npt.NDArray[np.int64], weights: Numbers, shape: tuple[int, int]) -> Numbers:
    """Sum of weights in each cell of a table of that shape, counted row by row."""
    return np.bincount(cells, weights, minlength=shape[0] * shape[1]).astype(np.float64).reshape(shape)


def _read_csv(path: Path, needed: Sequence[str], group: str) -> Mapping[str, Any]:
    import pyarrow as pa  # here, because naming a survey must not wait for it
    import pyarrow.csv

    with path.open("rb") as file:
        header = file.readline().decode("utf-8-sig", errors="replace").strip()
    delimiter = max(",;\t", key=header.count)
    _check_columns([cell.strip().strip('"') for cell in header.split(delimiter)], needed, path)
    try:
        table = pyarrow.csv.read_csv(
            path,
            # One thread: only then do errors name the row.
            read_options=pyarrow.csv.ReadOptions(use_threads=False),
            parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=list(needed),
                column_types={column: pa.string() if column == group else pa.float64() for column in needed},
                null_values=["", " ", ".", "NA", "NaN", "#NULL!"],
                strings_can_be_null=True,
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        reason = " ".join(str(error).split()).removesuffix(".")
        raise DataError(f"not a table of numbers: {reason}", file=str(path)) from None
    return {column: table.column(column).to_numpy() for column in needed}


def _read_with_pyreadstat(path: Path, needed: Sequence[str]) -> Mapping[str, Any]:
    try:
        pyreadstat = importlib.import_module("pyreadstat")
    except ImportError:
        raise MissingExtraError(f"reading {path.suffix} files", "data") from None
    read = pyreadstat.read_dta if path.suffix.lower() == ".dta" else pyreadstat.read_sav
    try:
        _, metadata = read(str(path), metadataonly=True)
        _check_columns(metadata.column_names, needed, path)
        # user_missing: codes that SPSS was told to hide are the ones that say why an answer is missing.
        data, _ = read(str(path), usecols=list(needed), output_format="dict", user_missing=True)
    except pyreadstat.ReadstatError as error:
        raise DataError(f"cannot be read ({error})", file=str(path)) from None
    found: Mapping[str, Any] = data
    return found


def _check_columns(columns: Sequence[str], needed: Sequence[str], path: Path) -> None:
    for column in needed:
        if column not in columns:
            some = ", ".join(repr(one) for one in columns[:3])
            raise DataError(f"there is no column {column!r} among its {len(columns)} ({some} …)", file=str(path))


def _numbers(values: Any, column: str, path: Path) -> Numbers:
    """Codes as numbers; blanks, which SPSS stores as None or NaN, become NaN."""
    array = np.asarray(values)
    if array.dtype == object:
        array = np.array([np.nan if value is None or value == "" else value for value in array])
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError):
        raise DataError("the column holds something that is no number", file=str(path), field=column) from None


def _group_name(value: Any) -> str:
    """Text as it is, a number without its decimal point, and nothing for a blank."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    return str(int(value)) if isinstance(value, (float, np.floating)) and value == int(value) else str(value).strip()
