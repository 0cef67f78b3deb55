"""Does a voice read which end of a scale is which? Every scale is put both ways round.

    python -m benchmarks.direction [VOICE …]
    python -m benchmarks.direction plain persona-last adapter:runs/align/distributional

Ordered questions of the bundled survey: worded options are listed forwards and backwards, numeric scales have the ends
that the question names changed over. What a voice owes to places on the page falls out of the mean of the two; what is
left is what it makes of the question. Held against where the peoples' own answers lie, question by question: 0 is the
survey's first option, 1 its last. Of an adapter, questions that were learned and held out stand apart. Intervals are
95 %, from resampled questions.
"""

import sys
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.sample import bundled
from pluralign.core.question import Question
from pluralign.engines.base import Engine, OptionScores, ScoreRequest
from pluralign.engines.manifest import read_manifest
from pluralign.engines.open import open_engine
from pluralign.metrics.distances import Array
from pluralign.metrics.uncertainty import Estimate, bootstrap
from pluralign.poll.heard import probabilities
from pluralign.prompts.options import Labels
from pluralign.train.mirrored import mirrored
from pluralign.voices.library import Library
from pluralign.voices.voice import speakers
from pluralign.voices.way import way

PEOPLES = ("USA", "BRA", "GBR", "UKR", "CHN", "IND", "KEN", "NGA", "AUS")
"""One or two of each region, all of them learned from in ``make align``."""
RESAMPLES = 2000


class Read(NamedTuple):
    """Mean positions of one voice's answers, each array of shape (questions,), in [0, 1]."""

    questions: tuple[Question, ...]
    ahead: Array
    """As the survey puts it."""
    turned: Array
    """Put the other way round, and mapped back."""
    people: Array

    @property
    def meant(self) -> Array:
        """What is left when places are averaged out."""
        return (self.ahead + self.turned) / 2


def read(voice: str, engine: Engine) -> Read:
    """Ask all scales that can be turned, both ways, for every people that the voice can speak for."""
    survey = bundled()
    peoples = tuple(survey.collective(one) for one in PEOPLES)
    those = [one for one in speakers(way(voice), peoples, Library(survey)) if one.collective in (None, *peoples)]
    kept: list[Question] = []
    requests: list[ScoreRequest] = []
    for question in survey.questions:
        turned = mirrored(question)
        if not question.scale.ordered or (question.is_numeric and turned is None):
            continue
        kept.append(question)
        order = tuple(range(len(question.options)))
        for one in those:
            other = one.ask(turned, order, Labels.NUMBER) if turned else one.ask(question, order[::-1], Labels.NUMBER)
            requests += [one.ask(question, order, Labels.NUMBER), other]
    found = iter(engine.score(requests))
    ahead, back, theirs = [], [], []
    for question in kept:
        both = [(said(next(found)), said(next(found))) for _ in those]
        ahead.append(np.mean([one for one, _ in both]))
        # Of a numeric scale the option "1" now means the other end; worded options come back in the survey's order.
        back.append(np.mean([1 - one if question.is_numeric else one for _, one in both]))
        known = (survey.reference(one.id, question.id) for one in peoples)
        theirs.append(np.mean([position(one.probabilities) for one in known if one is not None]))
    return Read(tuple(kept), np.array(ahead), np.array(back), np.array(theirs))


def said(scores: OptionScores) -> float:
    """Position of one answer; an engine in this process shows every option's probability."""
    shares = probabilities(scores)
    assert shares is not None
    return position(shares)


def position(shares: Sequence[float] | Array) -> float:
    """Mean position on the scale: 0 all at the first option, 1 all at the last."""
    values = np.asarray(shares, dtype=float)
    return float(values @ np.linspace(0, 1, len(values)) / values.sum())


def correlation(one: Array, other: Array) -> Estimate:
    """Pearson's r over questions."""

    def of(counts: Array) -> Array:
        weights = counts / counts.sum(axis=-1, keepdims=True)
        first = one - (weights @ one)[..., None]
        second = other - (weights @ other)[..., None]
        spread = np.sqrt((weights * first**2).sum(axis=-1) * (weights * second**2).sum(axis=-1))
        return np.asarray((weights * first * second).sum(axis=-1) / spread)

    return bootstrap(len(one), seed=0, resamples=RESAMPLES).estimate(of)


def table(voice: str, found: Read) -> list[str]:
    """Rows in Markdown, one per group of questions."""
    groups = {"all": np.ones(len(found.questions), dtype=bool)}
    groups["1 to 10"] = np.array([one.is_numeric for one in found.questions])
    groups["worded"] = ~groups["1 to 10"]
    adapter = way(voice).adapter
    manifest = read_manifest(adapter) if adapter else None
    if manifest is not None:
        split = manifest.training.get("split", {})
        for label in ("learned", "held_out"):
            ids = set(split.get(f"{label}_questions", ()))
            groups[label.replace("_", " ")] = np.array([one.id in ids for one in found.questions])
    lines = []
    for label, chosen in groups.items():
        if chosen.sum() < 3:
            continue
        r = correlation(found.meant[chosen], found.people[chosen])
        between = "" if r.low is None or r.high is None else f" ({r.low:.2f} to {r.high:.2f})"
        place = np.abs(found.ahead - found.turned)[chosen].mean()
        lines.append(
            f"| {voice} | {label} | {chosen.sum()} | {place:.2f} | {found.meant[chosen].std():.3f} | "
            f"{found.people[chosen].std():.3f} | {r.value:.2f}{between} |"
        )
    return lines


def main() -> None:
    """One table for all voices."""
    engine = open_engine("smollm2")
    print("| voice | questions | how many | moved by turning the scale | spread of what is left | of the peoples | r |")
    print("|---|---|---|---|---|---|---|")
    for voice in sys.argv[1:] or ["plain"]:
        print("\n".join(table(voice, read(voice, engine))), flush=True)


if __name__ == "__main__":
    main()
