"""What voices answered, folded over option orders as it comes: a few numbers per voice and question stay in memory.

Knows no engine. Answers arrive from a poll one by one, or from ``answers.parquet`` in blocks; either way gives the
same numbers to the last bit.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pluralign.core.distribution import Distribution, Obtained
from pluralign.core.errors import DataError
from pluralign.core.question import Question
from pluralign.engines.base import OptionScores

Array = npt.NDArray[np.float64]

SLACK = 0.01
"""Where only a model's likeliest tokens are known: the most that may be hidden from the options, as a share of what
they are known to hold. An answer that hides more is not used, and counted."""

_BLOCK = 65_536
_CELL = ("voice", "collective", "question")


class Heard(NamedTuple):
    """What one voice answered to one question, over all option orders."""

    shares: tuple[float, ...] | None
    """Mean over orders of the renormalised probabilities, in the survey's order; ``None`` where no option ever had
    any probability."""
    mean_captured: float
    """Probability of the options altogether, mean over orders."""
    order_effect: float | None
    """Mean total variation of each order's answer from the mean over orders; ``None`` with one order only."""
    obtained: Obtained = Obtained.EXACT
    """How the answers were come by."""

    def distribution(self) -> Distribution | None:
        """Mean over orders; ``None`` where no option ever had any probability."""
        if self.shares is None:
            return None
        outside = min(1.0, max(0.0, 1 - self.mean_captured))
        return Distribution.from_weights(self.shares, self.obtained, unreadable=outside)


class VoiceHeard(Mapping[str, Heard]):
    """Question id -> what one voice answered; kept as arrays, as there may be a million of them."""

    def __init__(self, questions: Sequence[Question], places: Mapping[str, int], obtained: Obtained):
        """``places``: question id -> row, shared by all voices."""
        self._questions, self._places, self._obtained = questions, places, obtained
        width = max((len(question.options) for question in questions), default=1)
        self._shares = np.full((len(questions), width), np.nan)
        self._captured = np.full(len(questions), np.nan)
        self._effects = np.full(len(questions), np.nan)

    def put(self, question: str, shares: Array, effect: float, captured: float) -> None:
        """Keep one cell; NaN stands for what there is not."""
        row = self._places[question]
        self._shares[row, : len(shares)] = shares
        self._effects[row], self._captured[row] = effect, captured

    def __getitem__(self, question: str) -> Heard:
        row = self._places[question]
        if np.isnan(self._captured[row]):
            raise KeyError(question)
        shares = self._shares[row, : len(self._questions[row].options)]
        return Heard(
            None if np.isnan(shares[0]) else tuple(shares.tolist()),
            float(self._captured[row]),
            None if np.isnan(self._effects[row]) else float(self._effects[row]),
            self._obtained,
        )

    def __iter__(self) -> Iterator[str]:
        return (question.id for question, share in zip(self._questions, self._captured, strict=True) if share >= 0)

    def __len__(self) -> int:
        return int((self._captured >= 0).sum())


class Ledger:
    """Takes in answers, all orders of a question one after the other, and keeps what they come to."""

    def __init__(self, voices: Sequence[str], questions: Sequence[Question], obtained: Obtained = Obtained.EXACT):
        """``voices``: their ids."""
        places = {question.id: row for row, question in enumerate(questions)}
        self.heard: dict[str, VoiceHeard] = {voice: VoiceHeard(questions, places, obtained) for voice in voices}
        self._cell: tuple[str, str] | None = None
        self._shares: list[Array] = []
        self._captured: list[float] = []

    def add(self, voice: str, question: str, shares: Array | None, captured: float) -> None:
        """Take in the answer to one order."""
        if self._cell != (voice, question):
            self.close()
            self._cell = voice, question
        self._captured.append(captured)
        if shares is not None:
            self._shares.append(shares)

    def close(self) -> None:
        """Fold what came since the last cell was closed. To be called after the last answer."""
        if self._cell is None:
            return
        voice, question = self._cell
        means, effects = fold(np.array([self._shares])) if self._shares else (np.array([[np.nan]]), np.array([np.nan]))
        self.heard[voice].put(question, means[0], float(effects[0]), _mean(self._captured))
        self._cell, self._shares, self._captured = None, [], []


class Folded(NamedTuple):
    """Cells over their orders."""

    shares: Array
    """Means, shape (cells, options)."""
    effects: Array
    """Order effects, shape (cells,); NaN with one order."""


def fold(shares: Array) -> Folded:
    """Means and order effects of cells that were asked in equally many orders: shape (cells, orders, options)."""
    means = shares.mean(axis=1)
    if shares.shape[1] < 2:
        return Folded(means, np.full(len(shares), np.nan))
    return Folded(means, (0.5 * np.abs(shares - means[:, None]).sum(axis=2)).mean(axis=1))


def recall(path: Path, voices: Mapping[tuple[str, str], str], questions: Sequence[Question]) -> dict[str, VoiceHeard]:
    """Read answers back from ``answers.parquet``, block by block.

    ``voices``: (strategy, collective) -> id of the voice. Raises :class:`DataError` where the file cannot be read or
    holds other answers.
    """
    try:
        file = pq.ParquetFile(path, read_dictionary=list(_CELL))
        ledger = Ledger(list(voices.values()), questions, _obtained(file))
        left: pa.Table | None = None
        for block in file.iter_batches(_BLOCK, columns=[*_CELL, "probabilities", "captured"]):
            table = pa.Table.from_batches([block])
            table = (table if left is None else pa.concat_tables([left, table])).unify_dictionaries().combine_chunks()
            starts = _starts(table)
            _take_in(ledger, table.slice(0, starts[-1]), starts, voices)
            left = table.slice(starts[-1])  # its cell may go on in the next block
        if left is not None and left.num_rows:
            _take_in(ledger, left, np.array([0, left.num_rows]), voices)
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise DataError(f"does not hold the answers of this run ({error})", file=str(path)) from None
    return ledger.heard


def _obtained(file: pq.ParquetFile) -> Obtained:
    """How the answers of a file were come by; one poll has one way."""
    for block in file.iter_batches(1, columns=["method"]):
        return Obtained(block.column(0)[0].as_py())
    return Obtained.EXACT


def _starts(table: pa.Table) -> npt.NDArray[np.int64]:
    """Rows at which a cell begins."""
    new = np.zeros(table.num_rows, dtype=bool)
    new[0] = True
    for name in _CELL:
        codes = np.asarray(table.column(name).combine_chunks().indices)
        new[1:] |= codes[1:] != codes[:-1]
    return np.flatnonzero(new)


def _take_in(
    ledger: Ledger, table: pa.Table, starts: npt.NDArray[np.int64], voices: Mapping[tuple[str, str], str]
) -> None:
    """Fold whole cells. ``starts``: their first rows, and the row behind the last."""
    if not table.num_rows:
        return
    first = table.select(_CELL).take(pa.array(starts[:-1])).to_pydict()
    names = list(zip(first["voice"], first["collective"], first["question"], strict=True))
    captured = np.asarray(table.column("captured")).tolist()
    lists = table.column("probabilities").combine_chunks()
    lengths = np.asarray(pc.fill_null(pc.list_value_length(lists), 0), dtype=np.int64)
    values = np.asarray(lists.flatten(), dtype=np.float64)
    place = np.cumsum(lengths) - lengths
    rows: dict[tuple[int, int], list[int]] = {}
    kept: list[npt.NDArray[np.int64]] = []
    for cell, (begin, end) in enumerate(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)):
        answered = begin + np.flatnonzero(lengths[begin:end])
        kept.append(answered)
        rows.setdefault((len(answered), int(lengths[answered[0]]) if len(answered) else 1), []).append(cell)
    for (orders, options), cells in rows.items():
        if orders:
            at = place[np.stack([kept[cell] for cell in cells])][:, :, None] + np.arange(options)
            folded = fold(values[at])
        else:
            folded = Folded(np.full((len(cells), 1), np.nan), np.full(len(cells), np.nan))
        for cell, shares, effect in zip(cells, *folded, strict=True):
            voice, collective, question = names[cell]
            mean = _mean(captured[starts[cell] : starts[cell + 1]])
            ledger.heard[voices[voice, collective]].put(question, shares, float(effect), mean)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def probabilities(scores: OptionScores) -> Array | None:
    """Renormalised over the options; ``None`` where every one of them is zero, or too much of them is hidden."""
    if scores.high is not None and hidden(scores) > SLACK * captured(scores):
        return None
    array = np.asarray(scores.logprobs, dtype=np.float64)
    top = array.max()
    if not math.isfinite(top):
        return None
    weights = np.exp(array - top)
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def captured(scores: OptionScores) -> float:
    """Probability of all options together, in [0, 1]."""
    return min(1.0, math.fsum(math.exp(value) for value in scores.logprobs))


def hidden(scores: OptionScores) -> float:
    """The most that options may hold beyond what is known of them; 0 for exact scores."""
    if scores.high is None:
        return 0.0
    return max(0.0, math.fsum(math.exp(value) for value in scores.high) - captured(scores))
