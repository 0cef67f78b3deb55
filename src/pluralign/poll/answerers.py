"""Who answered: every way of speaking by every method, each a row of its own in tables. Measures nothing."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from pluralign.metrics.temperature import tempered
from pluralign.poll.heard import Heard, VoiceHeard
from pluralign.poll.run import Answers, Prepared
from pluralign.poll.study import Method
from pluralign.voices.panel import Asked, Panel
from pluralign.voices.way import Way

CALIBRATED = "calibrated"
"""What exact answers at a fitted temperature are called, beside the methods."""


class Answerer(NamedTuple):
    """One way of speaking, asked by one method, for all the peoples it speaks for."""

    way: Way | Panel
    method: str
    """A :class:`Method`, or :data:`CALIBRATED`."""
    name: str
    """Unlike any other answerer's of the run."""
    label: str
    """The same for readers."""
    voices: tuple[Asked, ...]
    heard: Mapping[str, VoiceHeard]
    """Voice id -> what was heard."""
    temperature: float = 1.0

    def answers(self, voice: Asked, measured: frozenset[str]) -> dict[str, Heard]:
        """What one voice answered to the questions that are measured."""
        found = {key: one for key, one in self.heard[voice.id].items() if key in measured}
        if self.temperature == 1:
            return found
        return {key: self._tempered(one) for key, one in found.items()}

    def _tempered(self, one: Heard) -> Heard:
        if one.shares is None:
            return one
        return one._replace(shares=tuple(tempered(np.array(one.shares), self.temperature).tolist()))


def answerers(prepared: Prepared, answers: Answers, temperatures: Mapping[str, float]) -> Iterator[Answerer]:
    """All of them, way by way. ``temperatures``: way of speaking -> the temperature fitted to its exact answers.

    By the study's first method a way goes by its own name; the others are told apart by theirs.
    """
    methods = prepared.study.methods
    several = len(methods) > 1 or bool(temperatures)
    for way in dict.fromkeys(voice.way for voice in prepared.voices):
        voices = tuple(voice for voice in prepared.voices if voice.way == way)
        for method in methods:
            heard = answers.by_method[method]
            name = way.name if method is methods[0] else named(way.name, method)
            label = named(way.label, method) if several else way.label
            yield Answerer(way, method.value, name, label, voices, heard)
            if method is Method.EXACT and way.name in temperatures:
                name, label = named(way.name, CALIBRATED), named(way.label, CALIBRATED)
                yield Answerer(way, CALIBRATED, name, label, voices, heard, temperatures[way.name])


def named(text: str, method: str) -> str:
    """``persona (samples)``."""
    return f"{text} ({method})"
