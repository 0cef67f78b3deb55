"""What to ask whom next: values to vote on, a transition to judge, each with the probability it was drawn with.

A transition is drawn in proportion to the information that its answer is expected to give, under balance: contexts
and directions that had less weigh more, nothing runs ahead of the rest by more than a few showings, and everything
that may be shown has a floor. The propensities are exact and meant to be kept, so that estimates can be weighted by
their inverse. The original showed what lay nearest to each person: ten pairs took 38.6 % of all judgements.

Who asks matters in one way only: nobody is asked twice about a pair in a context, in whichever direction. Knows no
database; randomness comes in from outside.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma

from pluralign.elicit.dedupe import distances
from pluralign.elicit.embeddings import Vectors

METHOD = "expected-information/1"
"""Kept with every draw. Raised when the way of drawing changes."""
FLOOR = 0.1
"""Share of every draw that is spread evenly over all that may be drawn."""
SLACK = 2
"""Showings by which one cell may be ahead of the one with fewest."""
ANSWERS = ("wiser", "less_wise", "different", "unsure")
_HEAT = 0.03
"""Cosine distance over which the pull of nearness falls to a third."""

Floats = NDArray[np.float64]


class Cell(NamedTuple):
    """An unordered pair of values in a context: what one answer tells about."""

    low: int
    high: int
    """Ids of the values, low < high."""
    context: int
    counts: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Answers: high is wiser, low is wiser, just different, unsure; whichever way they were asked."""
    upward: int = 0
    """How often it was shown as low -> high."""
    downward: int = 0
    """How often it was shown as high -> low."""
    can_go_up: bool = True
    """Whether low -> high may be shown: organisers may retire a direction."""
    can_go_down: bool = True

    @property
    def shown(self) -> int:
        """How often it was shown, either way."""
        return self.upward + self.downward


class PairDraw(NamedTuple):
    """One transition for one person."""

    source: int
    candidate: int
    context: int
    propensity: float
    """Exact probability, in (0, 1], with which this transition was drawn."""
    information: float
    """Expected information of the answer, in nats."""


def expected_information(counts: NDArray[np.integer] | Sequence[Sequence[int]]) -> Floats:
    """How much the next answer is expected to tell about the shares of answers, in nats; shape (n, k) -> (n,).

    The mutual information of the next answer and the shares, under a Dirichlet posterior with a flat prior:
    H(E[p]) - E[H(p)]. Highest, about 0.27 for k = 4, where nobody has answered; falls as (k - 1) / 2N.
    """
    alpha = np.asarray(counts, dtype=np.float64) + 1.0
    total = alpha.sum(axis=-1, keepdims=True)
    mean = alpha / total
    entropy_of_mean = -(mean * np.log(mean)).sum(axis=-1)
    mean_entropy = digamma(total[..., 0] + 1) - (mean * digamma(alpha + 1)).sum(axis=-1)
    return np.asarray(np.maximum(entropy_of_mean - mean_entropy, 0.0), dtype=np.float64)


def pair_probabilities(cells: Sequence[Cell]) -> Floats:
    """Probability of every cell in both directions, shape (n, 2): low -> high, high -> low. Sums to 1.

    ``cells`` are those that this person has not judged. Raises ValueError where none may be shown.
    """
    open_ways = np.array([[cell.can_go_up, cell.can_go_down] for cell in cells], dtype=bool).reshape(-1, 2)
    if not open_ways.any():
        raise ValueError("no cell may be shown")
    shown = np.array([[cell.upward, cell.downward] for cell in cells], dtype=np.float64)
    per_cell = shown.sum(axis=1)
    weight = expected_information([cell.counts for cell in cells])
    weight = weight * _context_balance(cells, per_cell)
    allowed = open_ways.any(axis=1)
    weight[per_cell > per_cell[allowed].min() + SLACK] = 0.0
    # The direction that was shown less, sharply: with 0 against 1 showings it is drawn four times of five.
    ways = np.where(open_ways, (1.0 + shown[:, ::-1]) ** 2, 0.0)
    ways = ways / np.maximum(ways.sum(axis=1, keepdims=True), 1e-300)
    wanted = weight[:, None] * ways
    floor = open_ways / open_ways.sum()
    return np.asarray((1 - FLOOR) * wanted / wanted.sum() + FLOOR * floor, dtype=np.float64)


def _context_balance(cells: Sequence[Cell], per_cell: Floats) -> Floats:
    """Per cell how far its context lags behind, as mean showings per cell: 1 where all are even."""
    contexts = np.array([cell.context for cell in cells])
    factor = np.ones(len(cells))
    overall = 1.0 + per_cell.mean()
    for context in np.unique(contexts):
        inside = contexts == context
        factor[inside] = (overall / (1.0 + per_cell[inside].mean())) ** 2
    return factor


def draw_pair(cells: Sequence[Cell], random: np.random.Generator) -> PairDraw | None:
    """Draw a transition from the cells that a person has not judged; None where there is nothing left to ask."""
    if not any(cell.can_go_up or cell.can_go_down for cell in cells):
        return None
    probabilities = pair_probabilities(cells)
    position = int(random.choice(probabilities.size, p=probabilities.ravel()))
    cell = cells[position // 2]
    source, candidate = (cell.low, cell.high) if position % 2 == 0 else (cell.high, cell.low)
    return PairDraw(
        source=source,
        candidate=candidate,
        context=cell.context,
        propensity=float(probabilities.ravel()[position]),
        information=float(expected_information([cell.counts])[0]),
    )


@dataclass(frozen=True)
class Shown:
    """A value that may be voted on."""

    value: int
    exposures: int
    """How often it was shown to anybody."""
    bridging: float = 0.5
    """Support across groups, in [0, 1]; see `bridging_scores`."""


class CardDraw(NamedTuple):
    """One value for one person."""

    value: int
    slot: str
    """near, far, bridging or rare."""
    propensity: float
    """Probability, in (0, 1], that its slot drew it given what the slots before had drawn."""


SLOTS = ("near", "rare", "bridging", "far", "near", "rare")
"""What each of six cards is drawn for; longer draws go round again."""


def draw_cards(
    values: Sequence[Shown],
    vectors: Vectors,
    mine: Vectors,
    count: int,
    random: np.random.Generator,
) -> list[CardDraw]:
    """Draw values to vote on, mixed, in the random order in which they are to be shown.

    ``vectors`` are those of ``values``, row by row; ``mine`` those of the person's own cards, which may be none: near
    and far then mean nothing and every value is as likely.
    """
    left = list(range(len(values)))
    near = distances(vectors, mine).min(axis=1) if len(mine) and len(values) else np.zeros(len(values))
    drawn = []
    for slot in (SLOTS * (count // len(SLOTS) + 1))[: min(count, len(values))]:
        weights = np.array([_card_weight(slot, values[index], float(near[index])) for index in left])
        chances = (1 - FLOOR) * weights / weights.sum() + FLOOR / len(left)
        place = int(random.choice(len(left), p=chances))
        drawn.append(CardDraw(values[left.pop(place)].value, slot, float(chances[place])))
    return [drawn[index] for index in random.permutation(len(drawn))]


def _card_weight(slot: str, value: Shown, distance: float) -> float:
    match slot:
        case "near":
            return float(np.exp(-distance / _HEAT)) + 1e-12
        case "far":
            return float(np.exp(min(distance, 1.0) / _HEAT)) + 1e-12
        case "bridging":
            return value.bridging**4 + 1e-12
        case _:
            return 1.0 / (1.0 + value.exposures) ** 2


def bridging_scores(votes: Mapping[tuple[int, int], bool], values: Sequence[int]) -> dict[int, float]:
    """How far support for each value reaches across the two sides that votes fall into most; in (0, 1).

    ``votes`` maps (person, value) to whether they found it wise. People are parted by the sign of the first principal
    component of their votes, with a value's mean where they did not vote. Per side the support is (W + 1) / (n + 2),
    and the score the geometric mean of the two, as group-aware consensus in Polis: 0.5 where nobody has voted.
    """
    people = sorted({person for person, _ in votes})
    if len(people) < 4 or len(values) < 2:
        return dict.fromkeys(values, 0.5)
    rows = {person: row for row, person in enumerate(people)}
    columns = {value: column for column, value in enumerate(values)}
    table = np.full((len(people), len(values)), np.nan)
    for (person, value), wise in votes.items():
        if value in columns:
            table[rows[person], columns[value]] = float(wise)
    answered = ~np.isnan(table)
    means = np.where(answered, table, 0).sum(axis=0) / np.maximum(answered.sum(axis=0), 1)
    centred = np.where(answered, table - means, 0.0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    side = centred @ axes[0] >= 0
    supports = []
    for members in (side, ~side):
        wise = np.where(answered, table, 0)[members].sum(axis=0)
        supports.append((wise + 1) / (answered[members].sum(axis=0) + 2))
    return dict(zip(values, np.sqrt(supports[0] * supports[1]).tolist(), strict=True))
