"""Scripted people: each has a place of their own among the values, and answers by how far a value is from it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from pluralign.elicit.draws import Cell, Shown, bridging_scores, draw_cards, draw_pair
from pluralign.elicit.transitions import pairs

SEEDS, GROWN = 8, 16
"""Values there are to begin with, and values that join while people come."""
CONTEXTS = (0, 1, 2, 3)


class Judged(NamedTuple):
    """One answer."""

    person: int
    source: int
    candidate: int
    context: int
    answer: str


@dataclass
class Simulation:
    """What happened."""

    judgements: list[Judged] = field(default_factory=list)
    pairs: list[tuple[int, int]] = field(default_factory=list)
    contexts: tuple[int, ...] = CONTEXTS
    card_showings: Counter[int] = field(default_factory=Counter)
    propensities: list[float] = field(default_factory=list)


def simulate(*, people: int, judgements: int, seed: int) -> Simulation:
    """Let people come one after another, each vote on six cards and judge transitions. Values grow over the first
    quarter of them, and with each new value new pairs."""
    random = np.random.default_rng(seed)
    run = Simulation()
    vectors = _unit(random.normal(size=(SEEDS + GROWN, 12)) * 0.35 + 1)
    wisdom = random.normal(size=(SEEDS + GROWN, len(CONTEXTS)))
    votes: dict[tuple[int, int], bool] = {}
    cells: dict[tuple[int, int, int], Cell] = {}
    for person in range(people):
        known = min(SEEDS + GROWN, SEEDS + GROWN * (person + 1) * 4 // people)
        run.pairs = pairs(vectors[:known])
        for low, high in run.pairs:
            for context in CONTEXTS:
                cells.setdefault((low, high, context), Cell(low, high, context))
        mine = _unit(vectors[[random.integers(known)]] + random.normal(size=(1, 12)) * 0.1)
        _vote(run, random, vectors[:known], mine, votes, person)
        _judge(run, random, cells, wisdom, judgements, person)
    return run


def _vote(
    run: Simulation,
    random: np.random.Generator,
    vectors: np.ndarray,
    mine: np.ndarray,
    votes: dict[tuple[int, int], bool],
    person: int,
) -> None:
    bridging = bridging_scores(votes, range(len(vectors)))
    shown = [Shown(value, run.card_showings[value], bridging[value]) for value in range(len(vectors))]
    for card in draw_cards(shown, vectors, mine, 6, random):
        run.card_showings[card.value] += 1
        votes[person, card.value] = bool(vectors[card.value] @ mine[0] > 0.9)


def _judge(
    run: Simulation,
    random: np.random.Generator,
    cells: dict[tuple[int, int, int], Cell],
    wisdom: np.ndarray,
    judgements: int,
    person: int,
) -> None:
    mine: set[tuple[int, int, int]] = set()
    live = {(low, high) for low, high in run.pairs}
    for _ in range(judgements):
        left = [cell for key, cell in cells.items() if key not in mine and key[:2] in live]
        drawn = draw_pair(left, random)
        assert drawn is not None
        key = (min(drawn.source, drawn.candidate), max(drawn.source, drawn.candidate), drawn.context)
        mine.add(key)
        gap = wisdom[drawn.candidate, drawn.context] - wisdom[drawn.source, drawn.context] + random.normal() * 0.8
        answer = "wiser" if gap > 0.6 else "less_wise" if gap < -0.6 else random.choice(["different", "unsure"])
        run.judgements.append(Judged(person, drawn.source, drawn.candidate, drawn.context, str(answer)))
        run.propensities.append(drawn.propensity)
        cells[key] = _counted(cells[key], drawn.source < drawn.candidate, str(answer))


def _counted(cell: Cell, upward: bool, answer: str) -> Cell:
    high, low, different, unsure = cell.counts
    if answer in {"wiser", "less_wise"}:
        if (answer == "wiser") == upward:
            high += 1
        else:
            low += 1
    different, unsure = different + (answer == "different"), unsure + (answer == "unsure")
    return cell._replace(
        counts=(high, low, different, unsure),
        upward=cell.upward + upward,
        downward=cell.downward + (not upward),
    )


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)
