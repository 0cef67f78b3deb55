"""Answers with and without a culture, and which of them are kept: two rules, the published one by name.

``shift`` compares option distributions from exact scores (``curate/shift.py`` has the test and its error rate).
``published`` samples one answer on either side and keeps what differs, as CultureSPA does, defects included. Knows no
record and no file.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from pluralign.core.question import Question
from pluralign.core.records import Scalar
from pluralign.curate.culturespa_recipe import CultureSpa
from pluralign.curate.shift import Array, chance_rate, differ_rate, shift
from pluralign.curate.work import Dropped, Status, Task, Work
from pluralign.engines.base import OptionScores, ScoreRequest
from pluralign.poll.heard import captured, probabilities
from pluralign.prompts.answers import FILTERING_LIMIT, SCORING_LIMIT, read_published
from pluralign.prompts.options import Order, show
from pluralign.prompts.strategies import Context, Strategy, strategy

STAGE = "answer"
KEEP = "keep"
REQUESTS_AT_ONCE = 4096
"""About so many prompts are laid out at once."""


class Stand(NamedTuple):
    """A question and the orders in which its options are listed."""

    question: Question
    orders: tuple[Order, ...]


class Kept(NamedTuple):
    """An answer that culture changes."""

    collective: str
    stand: Stand
    shares: tuple[float, ...]
    """Distribution of the answer with the culture; empty under the published rule."""
    said: str
    """What was sampled under the published rule, a number; else empty."""
    details: dict[str, Scalar]


@dataclass
class Tally:
    """What became of one collective's answers."""

    collective: str
    asked: int = 0
    valid: int = 0
    """Answers that can be compared."""
    kept: int = 0
    variations: list[float] = field(default_factory=list)
    """Total variation of each valid answer from the one without culture."""
    differ: list[float] = field(default_factory=list)
    """Probability that one answer drawn from each differ."""
    chance: list[float] = field(default_factory=list)
    """Probability that two answers without culture differ: what the published rule keeps where nothing moved."""


Answers = Iterator[Kept | Dropped | Tally]


# --- the distribution shifts ----------------------------------------------------------------------------------------


class _Heard(NamedTuple):
    shares: Array | None
    """Mean over orders; ``None`` where the options have no probability."""
    captured: float
    """Probability of the options together, mean over orders."""


def shifted_answers(
    recipe: CultureSpa, stands: Sequence[Stand], contexts: Mapping[str, Context], work: Work
) -> Answers:
    """Score every question with and without each culture, a few hundred questions at a time, and compare."""
    tallies = {name: Tally(name) for name in contexts}
    plain, aware = strategy("plain"), strategy(recipe.voice)
    for chunk in _chunks(stands, 1 + len(contexts)):
        asked = [("", plain, Context()), *((name, aware, context) for name, context in contexts.items())]
        requests = [
            request
            for _, way, context in asked
            for stand in chunk
            for request in _requests(recipe, stand, way, context)
        ]
        scores = iter(work.score(requests, stage=STAGE))
        heard = {name: [_fold([next(scores) for _ in stand.orders]) for stand in chunk] for name, _, _ in asked}
        for name in contexts:
            for stand, before, after in zip(chunk, heard[""], heard[name], strict=True):
                yield _compared(recipe, stand, before, after, tallies[name])
    yield from tallies.values()


def _chunks(stands: Sequence[Stand], voices: int) -> Iterator[list[Stand]]:
    chunk: list[Stand] = []
    requests = 0
    for stand in stands:
        chunk.append(stand)
        requests += voices * len(stand.orders)
        if requests >= REQUESTS_AT_ONCE:
            yield chunk
            chunk, requests = [], 0
    if chunk:
        yield chunk


def _requests(recipe: CultureSpa, stand: Stand, asked: Strategy, context: Context) -> Iterator[ScoreRequest]:
    for order in stand.orders:
        shown = show(stand.question, order, recipe.labels)
        yield ScoreRequest(asked.messages(shown, context), shown.forms)


def _fold(scores: Sequence[OptionScores]) -> _Heard:
    found = [shares for shares in map(probabilities, scores) if shares is not None]
    mean = np.mean(found, axis=0) if len(found) == len(scores) else None
    return _Heard(mean, float(np.mean([captured(one) for one in scores])))


def _compared(recipe: CultureSpa, stand: Stand, before: _Heard, after: _Heard, tally: Tally) -> Kept | Dropped:
    name, id_ = tally.collective, stand.question.id
    tally.asked += 1
    least = min(before.captured, after.captured)
    if before.shares is None or after.shares is None or least < recipe.least_captured:
        detail = f"the options hold {least:.1%} of the replies"
        return Dropped(f"{name}/{id_}", KEEP, "beside the question", detail, parents=(f"question:{id_}",))
    found = shift(before.shares, after.shares, answers=recipe.noise.answers, level=recipe.noise.level)
    tally.valid += 1
    tally.variations.append(found.variation)
    tally.differ.append(differ_rate(before.shares, after.shares))
    tally.chance.append(chance_rate(before.shares))
    if not found.counts:
        detail = f"total variation {found.variation:.3f}: within noise"
        return Dropped(f"{name}/{id_}", KEEP, "no shift", detail, parents=(f"question:{id_}",))
    tally.kept += 1
    details: dict[str, Scalar] = {
        "variation": round(found.variation, 6),
        "statistic": round(found.statistic, 4),
        "threshold": round(found.threshold, 4),
        "captured": round(after.captured, 6),
    }
    return Kept(name, stand, tuple(after.shares.tolist()), "", details)


# --- one sample differs ---------------------------------------------------------------------------------------------


def published_answers(
    recipe: CultureSpa, stands: Sequence[Stand], contexts: Mapping[str, Context], work: Work
) -> Answers:
    """One sampled answer each; the first number counts, compared as digits. Those above 10 could not be taught."""
    before = _sampled(recipe, stands, strategy("plain"), Context(), "1", work)
    for name, context in contexts.items():
        tally = Tally(name)
        after = _sampled(recipe, stands, strategy(recipe.voice), context, "2", work)
        for stand, one, two in zip(stands, before, after, strict=True):
            tally.asked += 1
            yield _differs(stand, name, one, two, tally)
        yield tally


def _sampled(
    recipe: CultureSpa, stands: Sequence[Stand], asked: Strategy, context: Context, sample: str, work: Work
) -> list[str]:
    """Digits of the answers; empty where there are none, or a number above 15."""
    who = "" if context.collective is None else context.collective.id
    tasks = [
        Task(
            id=f"{STAGE}/{asked.name}/{who}/{stand.question.id}",
            stage=STAGE,
            messages=asked.messages(show(stand.question, stand.orders[0], recipe.labels), context),
            read=first_digits,
            sample=sample,
            sampling=recipe.sampling,
            may_decline=True,
            may_be_cut=True,
        )
        for stand in stands
    ]
    return [outcome.value or "" if outcome.status is Status.OK else "" for outcome in work.ask(tasks)]


def first_digits(text: str) -> str:
    """The first run of digits, as it stands, where its number is at most 15; else empty.

    >>> [first_digits(text) for text in ("01. Yes", "I'd say 3 or 4", "call 988", "no")]
    ['01', '3', '', '']
    """
    if read_published(text, limit=FILTERING_LIMIT) is None:
        return ""
    found = re.search(r"\d+", text)
    return found[0] if found else ""


def _differs(stand: Stand, name: str, before: str, after: str, tally: Tally) -> Kept | Dropped:
    id_ = stand.question.id

    def drop(reason: str, detail: str = "") -> Dropped:
        return Dropped(f"{name}/{id_}", KEEP, reason, detail, parents=(f"question:{id_}",))

    if not before or not after:
        return drop("no number", f"without culture {before!r}, with it {after!r}")
    tally.valid += 1
    if before == after:
        return drop("same answer", after)
    tally.kept += 1
    if int(after) > SCORING_LIMIT:
        return drop("above 10", after)
    return Kept(name, stand, (), str(int(after)), {"unaware": before})


# --- the account ----------------------------------------------------------------------------------------------------


def tally_text(recipe: CultureSpa, tallies: Sequence[Tally]) -> str:
    """A table for the data card, and what it means."""
    if recipe.rule == "published":
        head = ["collective", "asked", "valid", "same", "differ", "rate"]
        rows = [
            [one.collective, one.asked, one.valid, one.valid - one.kept, one.kept, _rate(one.kept, one.valid)]
            for one in tallies
        ]
        note = (
            "One answer was sampled with and one without the culture. Two answers without it may differ as well: this "
            "rule cannot tell what culture changed from chance."
        )
    else:
        head = ["collective", "asked", "valid", "kept", "rate", "mean shift", "published rule", "by chance"]
        rows = [
            [
                one.collective,
                one.asked,
                one.valid,
                one.kept,
                _rate(one.kept, one.valid),
                _mean(one.variations),
                _mean(one.differ),
                _mean(one.chance),
            ]
            for one in tallies
        ]
        note = (
            f"Kept: answers whose distribution moves by more than {recipe.noise.answers:,} answers on either side "
            f"would show by chance at an error rate of {recipe.noise.level:.0%} (G test on exact scores). *Mean shift* "
            "is the total variation. *Published rule*: what one sampled answer each would have kept; *by chance*: "
            "what it would have kept had culture changed nothing."
        )
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [f"| {' | '.join(f'{cell:,}' if isinstance(cell, int) else str(cell) for cell in row)} |" for row in rows]
    return "\n".join([note, "", *lines])


def _rate(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "–"


def _mean(values: Sequence[float]) -> str:
    return f"{float(np.mean(values)):.3f}" if values else "–"
