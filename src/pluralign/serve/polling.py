"""The same question polled: how a people answered one question of a survey, and how the voice answers it.

The voice's answer is its measured one where a run is at hand, else it is asked now, in two orders of the options.
"""

import threading
from typing import Any, NamedTuple

import numpy as np

from pluralign.core.distribution import Distribution, Obtained
from pluralign.core.question import Question
from pluralign.metrics.baselines import uniform
from pluralign.metrics.distances import is_ordered, pad
from pluralign.metrics.scales import Scales, all_distances
from pluralign.poll.faithfulness import answered
from pluralign.poll.heard import SLACK, Ledger, captured, hidden, probabilities
from pluralign.prompts.options import Labels, orders
from pluralign.serve.errors import ApiError
from pluralign.serve.shelf import ServedVoice, Spoken, question_in

REMEMBERED = 4096
TIMEOUT = 120.0


class Polled(NamedTuple):
    """One voice's answer to one question."""

    question: Question
    people: Distribution | None
    voice: Distribution | None
    how: str
    """``run`` or ``now``; for people alone, ``not asked``."""


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
        people = _mixed([(one.people, weight) for one, weight in each])
        voice = _mixed([(one.voice, weight) for one, weight in each])
        return {
            "model": spoken.name,
            "question": {
                "id": question.id,
                "text": question.text,
                "topic": question.topic,
                "scale": question.scale.value,
                "options": [option.text for option in question.options],
            },
            "people": _told(people, ", ".join(dict.fromkeys(_whose(voice) for voice, _ in spoken.parts))),
            "voice": _told(voice, spoken.name),
            "how": each[0][0].how,
            "distance": _distance(question, people, voice),
            "uniform_distance": _distance(question, people, uniform(question)),
            "distance_name": "wasserstein" if is_ordered(question) else "total_variation",
        }

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
        ledger = Ledger([asks.id], [question])
        for one in scores:
            shares = probabilities(one) if hidden(one) <= SLACK else None
            ledger.add(asks.id, question.id, shares, captured(one))
        ledger.close()
        return Polled(question, people, ledger.heard[asks.id][question.id].distribution(), "now")


def _mixed(parts: list[tuple[Distribution | None, float]]) -> Distribution | None:
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


def _whose(voice: ServedVoice) -> str:
    return voice.title if voice.collective is None else voice.collective.name


def _distance(question: Question, people: Distribution | None, other: Distribution | None) -> float | None:
    if people is None or other is None:
        return None
    scales = Scales.of([question])
    found = all_distances(pad([other], scales.width), pad([people], scales.width), scales)
    return float(found.wasserstein[0] if is_ordered(question) else found.tv[0])
