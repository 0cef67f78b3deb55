"""The same question polled: how a people answered one question of a survey, and how the voice answers it.

The voice's answer is its measured one where a run is at hand, else it is asked now, in two orders of the options.
"""

import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pluralign.core.distribution import Distribution, Obtained
from pluralign.core.question import Question
from pluralign.engines.base import OptionScores
from pluralign.metrics.baselines import uniform
from pluralign.metrics.distances import is_ordered, pad
from pluralign.metrics.scales import Scales, all_distances
from pluralign.poll.faithfulness import answered
from pluralign.poll.heard import SLACK, Ledger, captured, hidden, probabilities
from pluralign.prompts.options import Labels, orders
from pluralign.serve.errors import ApiError
from pluralign.serve.served import ServedVoice, Spoken, question_in
from pluralign.voices.mixing import mixed

REMEMBERED = 4096
TIMEOUT = 120.0


class Polled(NamedTuple):
    """One voice's answer to one question."""

    question: Question
    people: Distribution | None
    voice: Distribution | None
    how: str
    """``run`` or ``now``; for people alone, ``not asked``."""
    scores: tuple[OptionScores, ...] = ()
    """What was answered now, one per order of the options."""


class Poller:
    """Asks, and remembers what was answered, by the voice's name: to be replaced when voices may have changed.

    Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Polled] = {}
        self._lock = threading.Lock()

    def poll(self, spoken: Spoken, question_id: str) -> dict[str, Any]:
        """People's shares beside the voice's. Raises :class:`ApiError` for a question nobody knows."""
        each = [(self._one(voice, question_id), weight) for voice, weight in spoken.parts]
        question = each[0][0].question
        people = self._people(spoken, each, question_id)
        voice = _together(each)
        return {
            "model": spoken.name,
            "question": {
                "id": question.id,
                "text": question.text,
                "topic": question.topic,
                "scale": question.scale.value,
                "options": [option.text for option in question.options],
            },
            "people": _told(people, _whose(spoken)),
            "voice": _told(voice, spoken.name),
            "how": "not asked" if voice is None else "run" if all(one.how == "run" for one, _ in each) else "now",
            "distance": _distance(question, people, voice),
            "uniform_distance": _distance(question, people, uniform(question)),
            "distance_name": "wasserstein" if is_ordered(question) else "total_variation",
        }

    def _people(self, spoken: Spoken, each: Sequence[tuple[Polled, float]], question_id: str) -> Distribution | None:
        """How the people answered whom the voice speaks for: of a panel's own group where it has one."""
        survey = spoken.parts[0][0].survey
        group = spoken.stated or (None if spoken.panel is None else spoken.panel.collective)
        if group is not None:
            return None if survey is None else survey.reference(group.id, question_id)
        return _mixed([(one.people, weight) for one, weight in each])

    def _one(self, voice: ServedVoice, question_id: str) -> Polled:
        key = (voice.name, question_id)
        with self._lock:
            if key in self._known:
                return self._known[key]
        found = self._measured(voice, question_id) or self._asked(voice, question_id)
        with self._lock:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[key] = found
        return found

    def _measured(self, voice: ServedVoice, question_id: str) -> Polled | None:
        for profile, scores in zip(voice.profiles, voice.scores, strict=True):
            both = answered(scores, profile.voice, profile.collective).get(question_id)
            if both is not None:
                return Polled(both.question, both.people, both.voice, "run")
        return None

    def _asked(self, voice: ServedVoice, question_id: str) -> Polled:
        question = question_in(voice, question_id)
        if question is None or voice.survey is None:
            raise ApiError(
                404, f"No survey of {voice.name!r} has the question {question_id[:100]!r}.", code="question_not_found",
                param="question",
            )  # fmt: skip
        people = None if voice.collective is None else voice.survey.reference(voice.collective.id, question.id)
        asks = voice.asks
        if asks is None or voice.live.engine.can.option_scores == "none":
            return Polled(question, people, None, "not asked")
        requests = [asks.ask(question, order, Labels.NUMBER) for order in orders(question, 2)]
        scores = voice.live.do(lambda: voice.live.engine.score(requests)).result(timeout=TIMEOUT)
        return Polled(question, people, _folded(question, scores), "now", tuple(scores))


def _folded(question: Question, scores: Sequence[OptionScores]) -> Distribution | None:
    """The mean over orders, as a poll makes it."""
    ledger = Ledger(["voice"], [question])
    for one in scores:
        shares = probabilities(one) if hidden(one) <= SLACK else None
        ledger.add("voice", question.id, shares, captured(one))
    ledger.close()
    return ledger.heard["voice"][question.id].distribution()


def _together(each: Sequence[tuple[Polled, float]]) -> Distribution | None:
    """What several voices answer as one: probabilities mixed before what is no option is left out, as in a poll of a
    panel; where a run kept only shares of the options, those are averaged."""
    if len(each) > 1 and all(one.scores for one, _ in each):
        weights = [weight for _, weight in each]
        orders = zip(*(one.scores for one, _ in each), strict=True)
        return _folded(each[0][0].question, [mixed(weights, scores) for scores in orders])
    return _mixed([(one.voice, weight) for one, weight in each])


def _mixed(parts: Sequence[tuple[Distribution | None, float]]) -> Distribution | None:
    """The weighted mean; ``None`` where a part of it is not known."""
    if len(parts) == 1:
        return parts[0][0]
    known = [(one, weight) for one, weight in parts if one is not None]
    if len(known) < len(parts):
        return None
    weights = np.sum([weight * one.array for one, weight in known], axis=0)
    outside = sum(weight * one.unreadable for one, weight in known)
    return Distribution.from_weights(weights, Obtained.DERIVED, unreadable=outside)


def _told(one: Distribution | None, who: str) -> dict[str, Any] | None:
    if one is None:
        return None
    return {"who": who, "shares": list(one.probabilities), "n": one.n, "outside": one.unreadable + one.refused}


def _whose(spoken: Spoken) -> str:
    """The people beside whom an answer is shown: those of the group that was stated, else of all who speak."""
    if spoken.panel is not None and spoken.panel.collective is not None:
        return spoken.panel.collective.name
    if spoken.group:
        return spoken.group
    names = (voice.title if voice.collective is None else voice.collective.name for voice, _ in spoken.parts)
    return ", ".join(dict.fromkeys(names))


def _distance(question: Question, people: Distribution | None, other: Distribution | None) -> float | None:
    if people is None or other is None:
        return None
    scales = Scales.of([question])
    found = all_distances(pad([other], scales.width), pad([people], scales.width), scales)
    return float(found.wasserstein[0] if is_ordered(question) else found.tv[0])
