"""What voices answered, folded over option orders as it comes: a few numbers per voice and question stay in memory.

Knows no engine. Answers arrive from a poll one by one, or from ``answers.parquet`` in blocks; either way gives the
same numbers to the last bit.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
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
from pluralign.metrics.order_bias import Design, Effects, effects

Array = npt.NDArray[np.float64]

SLACK = 0.01
"""Where only a model's likeliest tokens are known: the most that may be hidden from the options, as a share of what
they are known to hold. An answer that hides more is not used, and counted."""

_BLOCK = 65_536
_CELL = ("method", "voice", "collective", "question")


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
    mean_refused: float = 0.0
    """Share of replies that declined; 0 where there are none."""
    n: float | None = None
    """How many readable replies there are, texts read by a model counted by how much of them was read; ``None`` where
    answers are not replies drawn at random."""

    def distribution(self) -> Distribution | None:
        """Mean over orders, or over replies; ``None`` where no option ever had any probability."""
        if self.shares is None:
            return None
        outside = min(1.0, max(0.0, 1 - self.mean_captured - self.mean_refused))
        return Distribution.from_weights(
            self.shares, self.obtained, n=self.n, refused=self.mean_refused, unreadable=outside
        )


class VoiceHeard(Mapping[str, Heard]):
    """Question id -> what one voice answered; kept as arrays, as there may be a million of them."""

    def __init__(self, questions: Sequence[Question], places: Mapping[str, int], obtained: Obtained):
        """``places``: question id -> row, shared by all voices."""
        self._questions, self._places, self._obtained = questions, places, obtained
        width = max((len(question.options) for question in questions), default=1)
        self._shares = np.full((len(questions), width), np.nan)
        self._captured = np.full(len(questions), np.nan)
        self._refused = np.zeros(len(questions))
        self._n = np.full(len(questions), np.nan)
        self._effects = np.full(len(questions), np.nan)
        self._of_place, self._of_label = (np.full((len(questions), width), np.nan) for _ in range(2))

    def put(
        self,
        question: str,
        shares: Array,
        effect: float,
        captured: float,
        *,
        refused: float = 0.0,
        n: float = np.nan,
        bias: Effects | None = None,
    ) -> None:
        """Keep one cell; NaN stands for what there is not. ``bias``: of this one cell."""
        row = self._places[question]
        self._shares[row, : len(shares)] = shares
        self._effects[row], self._captured[row] = effect, captured
        self._refused[row], self._n[row] = refused, n
        if bias is not None:
            self._of_place[row, : bias.places.shape[1]] = bias.places[0]
            if bias.labels is not None:
                self._of_label[row, : bias.labels.shape[1]] = bias.labels[0]

    def order_effects(self, questions: Sequence[str]) -> tuple[Array, Array]:
        """What each place, and each label, adds to a share: both of shape (questions, width), NaN where not known."""
        rows = [self._places[question] for question in questions]
        return self._of_place[rows], self._of_label[rows]

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
            float(self._refused[row]),
            None if np.isnan(self._n[row]) else float(self._n[row]),
        )

    def __iter__(self) -> Iterator[str]:
        return (question.id for question, share in zip(self._questions, self._captured, strict=True) if share >= 0)

    def __len__(self) -> int:
        return int((self._captured >= 0).sum())


class Ledger:
    """Takes in answers, all those of one voice to one question one after the other, and keeps what they come to.

    Answers to different orders count alike. Replies drawn at random are counted: each adds what the options hold of it.
    """

    def __init__(
        self,
        voices: Sequence[str],
        questions: Sequence[Question],
        obtained: Obtained = Obtained.EXACT,
        designs: Mapping[str, Design] | None = None,
    ):
        """``voices``: their ids. ``designs``: question -> what its option orders tell of places and labels."""
        places = {question.id: row for row, question in enumerate(questions)}
        self.obtained = obtained
        self.designs = designs or {}
        self.heard: dict[str, VoiceHeard] = {voice: VoiceHeard(questions, places, obtained) for voice in voices}
        self._cell: tuple[str, str] | None = None
        self._shares: list[Array] = []
        self._at: list[int] = []
        self._captured: list[float] = []
        self._refused: list[float] = []

    @property
    def counts_replies(self) -> bool:
        """Whether answers are replies drawn at random."""
        return self.obtained in (Obtained.SAMPLED, Obtained.FREE_TEXT)

    def add(
        self, voice: str, question: str, shares: Array | None, captured: float, *, refused: float = 0.0, at: int = 0
    ) -> None:
        """Take in one answer, to the order number ``at``."""
        if self._cell != (voice, question):
            self.close()
            self._cell = voice, question
        self._captured.append(captured)
        self._refused.append(refused)
        if shares is not None:
            self._shares.append(shares)
            self._at.append(at)

    def close(self) -> None:
        """Fold what came since the last cell was closed. To be called after the last answer."""
        if self._cell is None:
            return
        self.take(
            *self._cell,
            np.array(self._shares),
            np.array(self._at, dtype=np.int64),
            captured=self._captured,
            refused=self._refused,
        )
        self._cell, self._shares, self._at, self._captured, self._refused = None, [], [], [], []

    def take(
        self,
        voice: str,
        question: str,
        shares: Array,
        at: npt.NDArray[np.int64],
        *,
        captured: Sequence[float],
        refused: Sequence[float],
    ) -> None:
        """Take in all answers of a cell at once.

        ``shares``: of those that have any, shape (answers, options); ``at``: the order each of these was to;
        ``captured`` and ``refused``: of all of them.
        """
        put = partial(self.heard[voice].put, question, captured=_mean(captured), refused=_mean(refused))
        if not len(shares):
            put(np.array([np.nan]), np.nan)
            return
        bias = self.biases(self.designs.get(question), shares, np.array([0, len(shares)]), at)[0]
        if self.counts_replies:
            found = count(shares, np.array([share for share in captured if share > 0]), np.array([0, len(shares)]))
            put(found.shares[0], np.nan, n=float(found.n[0]), bias=bias)
        else:
            means, effect = fold(shares[None])
            put(means[0], float(effect[0]), bias=bias)

    @staticmethod
    def biases(
        design: Design | None, shares: Array, starts: npt.NDArray[np.int64], at: npt.NDArray[np.int64]
    ) -> list[Effects | None]:
        """Per cell the effects of places and labels, ``None`` where there is not an answer to every order.

        ``shares``: shape (answers, options), those of a cell from one of ``starts`` to the next; ``at``: their orders.
        """
        cells = len(starts) - 1
        if design is None:
            return [None] * cells
        orders = design.places.shape[1]
        slot = np.repeat(np.arange(cells) * orders, np.diff(starts)) + at
        by_slot = np.argsort(slot, kind="stable")
        counts = np.bincount(slot, minlength=cells * orders)
        filled = np.flatnonzero(counts)
        sums = np.add.reduceat(shares[by_slot], (np.cumsum(counts) - counts)[filled], axis=0)
        means = np.full((cells * orders, shares.shape[1]), np.nan)
        means[filled] = sums / counts[filled, None]
        whole = np.flatnonzero((counts.reshape(cells, orders) > 0).all(axis=1))
        found: list[Effects | None] = [None] * cells
        if len(whole):
            every = effects(design, means.reshape(cells, orders, -1)[whole])
            for row, cell in enumerate(whole.tolist()):
                found[cell] = every.take(row)
        return found


class Counted(NamedTuple):
    """Cells over their replies."""

    shares: Array
    """Shape (cells, options)."""
    n: Array
    """How much was read, shape (cells,)."""


def count(shares: Array, weights: Array, starts: npt.NDArray[np.int64]) -> Counted:
    """Mean of the replies of every cell, each counted by what the options hold of it.

    ``shares``: shape (replies, options); ``weights``: shape (replies,); the replies of a cell, one at least, stand from
    one of ``starts`` to the next. A cell gets the same bits whatever else is in the arrays.
    """
    totals = np.add.reduceat(weights, starts[:-1])
    return Counted(np.add.reduceat(shares * weights[:, None], starts[:-1], axis=0) / totals[:, None], totals)


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


def recall(
    path: Path,
    voices: Mapping[tuple[str, str], str],
    layouts: Mapping[str, int],
    ledger: Callable[[Obtained], Ledger],
) -> dict[Obtained, dict[str, VoiceHeard]]:
    """Read answers back from ``answers.parquet``, block by block: how they were obtained -> voice -> answers.

    ``voices``: (way of speaking, collective) -> id of the voice. ``layouts``: question -> in how many ways its options
    are laid out. ``ledger`` makes a fresh one. Raises :class:`DataError` where the file cannot be read or holds other
    answers.
    """
    ledgers: dict[Obtained, Ledger] = {}
    try:
        file = pq.ParquetFile(path, read_dictionary=list(_CELL))
        known = set(file.schema_arrow.names)
        columns = [name for name in (*_CELL, "probabilities", "captured", "refused", "sample") if name in known]
        left: pa.Table | None = None
        for block in file.iter_batches(_BLOCK, columns=columns):
            table = pa.Table.from_batches([block])
            table = (table if left is None else pa.concat_tables([left, table])).unify_dictionaries().combine_chunks()
            starts = _starts(table)
            _take_in(ledgers, ledger, table.slice(0, starts[-1]), starts, voices, layouts)
            left = table.slice(starts[-1])  # its cell may go on in the next block
        if left is not None and left.num_rows:
            _take_in(ledgers, ledger, left, np.array([0, left.num_rows]), voices, layouts)
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise DataError(f"does not hold the answers of this run ({error})", file=str(path)) from None
    for one in ledgers.values():
        one.close()
    return {obtained: one.heard for obtained, one in ledgers.items()}


def _starts(table: pa.Table) -> npt.NDArray[np.int64]:
    """Rows at which a cell begins."""
    new = np.zeros(table.num_rows, dtype=bool)
    new[0] = True
    for name in _CELL:
        codes = np.asarray(table.column(name).combine_chunks().indices)
        new[1:] |= codes[1:] != codes[:-1]
    return np.flatnonzero(new)


def _take_in(
    ledgers: dict[Obtained, Ledger],
    ledger: Callable[[Obtained], Ledger],
    table: pa.Table,
    starts: npt.NDArray[np.int64],
    voices: Mapping[tuple[str, str], str],
    layouts: Mapping[str, int],
) -> None:
    """Fold whole cells. ``starts``: their first rows, and the row behind the last."""
    if not table.num_rows:
        return
    first = table.select(_CELL).take(pa.array(starts[:-1])).to_pydict()
    obtained = np.array(first["method"])
    # One method after the other: a block holds two at most where one ends and the next begins.
    for name in dict.fromkeys(obtained.tolist()):
        if Obtained(name) not in ledgers:
            ledgers[Obtained(name)] = ledger(Obtained(name))
        one = ledgers[Obtained(name)]
        cells = np.flatnonzero(obtained == name)
        own = table.slice(starts[cells[0]], starts[cells[-1] + 1] - starts[cells[0]])
        names = [
            _Cell(voices[first["voice"][cell], first["collective"][cell]], first["question"][cell])
            for cell in cells.tolist()
        ]
        own_starts = starts[cells[0] : cells[-1] + 2] - starts[cells[0]]
        if one.obtained in (Obtained.EXACT, Obtained.TOP_K):
            _fold_in(one, own, own_starts, names)
        elif one.counts_replies:
            _count_in(one, own, own_starts, names, layouts)
        else:
            _state_in(one, own, own_starts, names, layouts)


class _Cell(NamedTuple):
    voice: str
    question: str


def _state_in(
    ledger: Ledger,
    table: pa.Table,
    starts: npt.NDArray[np.int64],
    names: Sequence[_Cell],
    layouts: Mapping[str, int],
) -> None:
    """Take in stated shares, cell by cell: there is one statement in an order at most."""
    captured, refused = (np.asarray(table.column(name)).tolist() for name in ("captured", "refused"))
    sample = np.asarray(pc.fill_null(table.column("sample"), 0), dtype=np.int64)
    lists = _lists(table)
    for cell, begin, end in zip(names, starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        answered = begin + np.flatnonzero(lists.lengths[begin:end])
        options = int(lists.lengths[answered[0]]) if len(answered) else 1
        ledger.take(
            *cell,
            lists.values[lists.place[answered][:, None] + np.arange(options)],
            sample[answered] % layouts[cell.question],
            captured=captured[begin:end],
            refused=refused[begin:end],
        )


def _count_in(
    ledger: Ledger,
    table: pa.Table,
    starts: npt.NDArray[np.int64],
    names: Sequence[_Cell],
    layouts: Mapping[str, int],
) -> None:
    """Take in replies, all cells of a kind at once."""
    captured, refused = (np.asarray(table.column(name), dtype=np.float64) for name in ("captured", "refused"))
    sizes = np.diff(starts)
    means = []
    for column in (captured, refused):
        if np.any(column % 1):  # texts read by a model are captured in part, and are added exactly
            means.append([_mean(values.tolist()) for values in np.split(column, starts[1:-1])])
        else:
            means.append((np.add.reduceat(column, starts[:-1]) / sizes).tolist())
    sample = np.asarray(pc.fill_null(table.column("sample"), 0), dtype=np.int64)
    lists = _lists(table)
    answered = np.flatnonzero(lists.lengths)
    edges = np.searchsorted(answered, starts)
    kinds: dict[tuple[int, int], list[int]] = {}
    for cell, (begin, end) in enumerate(pairwise(edges.tolist())):
        if begin == end:
            ledger.heard[names[cell].voice].put(
                names[cell].question, np.array([np.nan]), np.nan, means[0][cell], refused=means[1][cell]
            )
            continue
        design = ledger.designs.get(names[cell].question)
        kinds.setdefault((int(lists.lengths[answered[begin]]), id(design)), []).append(cell)
    for (options, _), cells in kinds.items():
        own = np.array(cells)
        counts = np.diff(edges)[own]
        bounds = np.concatenate([[0], np.cumsum(counts)])
        rows = answered[np.repeat(edges[own] - bounds[:-1], counts) + np.arange(bounds[-1])]
        shares = lists.values[lists.place[rows][:, None] + np.arange(options)]
        found = count(shares, captured[rows], bounds)
        ways = np.array([layouts[names[cell].question] for cell in cells])
        at = sample[rows] % np.repeat(ways, counts)
        biases = ledger.biases(ledger.designs.get(names[cells[0]].question), shares, bounds, at)
        for row, cell in enumerate(cells):
            ledger.heard[names[cell].voice].put(
                names[cell].question,
                found.shares[row],
                np.nan,
                means[0][cell],
                refused=means[1][cell],
                n=float(found.n[row]),
                bias=biases[row],
            )


class _Lists(NamedTuple):
    """A column of lists: of the row with number i ``lengths[i]`` of the values, from ``place[i]`` on."""

    values: Array
    place: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]


def _lists(table: pa.Table) -> _Lists:
    column = table.column("probabilities").combine_chunks()
    lengths = np.asarray(pc.fill_null(pc.list_value_length(column), 0), dtype=np.int64)
    return _Lists(np.asarray(column.flatten(), dtype=np.float64), np.cumsum(lengths) - lengths, lengths)


def _fold_in(ledger: Ledger, table: pa.Table, starts: npt.NDArray[np.int64], names: Sequence[_Cell]) -> None:
    """Fold answers to option orders, all cells of a kind at once."""
    captured = np.asarray(table.column("captured")).tolist()
    values, place, lengths = _lists(table)
    rows: dict[tuple[int, int, int], list[int]] = {}
    kept: list[npt.NDArray[np.int64]] = []
    known: dict[int, Design] = {}
    for cell, (begin, end) in enumerate(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)):
        answered = begin + np.flatnonzero(lengths[begin:end])
        kept.append(answered)
        design = ledger.designs.get(names[cell].question)
        told = design is not None and len(answered) == end - begin == design.places.shape[1]
        if told and design is not None:
            known[id(design)] = design
        kind = (len(answered), int(lengths[answered[0]]) if len(answered) else 1, id(design) if told else 0)
        rows.setdefault(kind, []).append(cell)
    for (orders, options, told), cells in rows.items():
        bias = None
        if orders:
            at = place[np.stack([kept[cell] for cell in cells])][:, :, None] + np.arange(options)
            folded = fold(values[at])
            bias = effects(known[told], values[at]) if told else None
        else:
            folded = Folded(np.full((len(cells), 1), np.nan), np.full(len(cells), np.nan))
        for row, (cell, shares, effect) in enumerate(zip(cells, *folded, strict=True)):
            mean = _mean(captured[starts[cell] : starts[cell + 1]])
            ledger.heard[names[cell].voice].put(
                names[cell].question, shares, float(effect), mean, bias=None if bias is None else bias.take(row)
            )


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
