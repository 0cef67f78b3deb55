"""What the folds of a cross-validation found together. Knows cards, no trainer."""

import statistics
from collections.abc import Sequence
from typing import Any

from pluralign.core.training import TrainingCard

FOLDS_FILE = "folds.json"


def summarise(cards: Sequence[TrainingCard]) -> list[dict[str, Any]]:
    """Per collective (or once, for a training of all) the held-out loss of each fold, their mean, the standard
    deviation over folds and the standard error of the mean.

    Folds share most of what they learned from, so the standard error is a lower bound (Bengio & Grandvalet 2004).
    """
    return [
        _summary(collective, [card for card in cards if card.collective == collective])
        for collective in dict.fromkeys(card.collective for card in cards)
    ]


def _summary(collective: str, cards: Sequence[TrainingCard]) -> dict[str, Any]:
    folds = [
        {"fold": card.fold, "examples": card.counts["examples"], "held_out": card.counts["held_out_examples"]}
        | {name: value for name, value in card.losses.items() if name.startswith("held_out")}
        for card in cards
    ]
    names = sorted(set.intersection(*(set(card.losses) for card in cards)))
    means: dict[str, dict[str, float]] = {}
    for name in names:
        if not name.startswith("held_out"):
            continue
        values = [card.losses[name] for card in cards]
        spread = statistics.stdev(values)
        means[name] = {
            "mean": statistics.fmean(values),
            "standard_deviation": spread,
            "standard_error": spread / len(values) ** 0.5,
        }
    return {"collective": collective, "folds": folds, "over_folds": means}
