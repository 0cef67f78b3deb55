"""Fit a temperature to each way of speaking, on questions that are held out and not measured. Asks nothing."""

from collections.abc import Iterator, Mapping

import numpy as np

from pluralign.core.distribution import Distribution
from pluralign.core.errors import UsageError
from pluralign.metrics.distances import Array, pad
from pluralign.metrics.temperature import fit_temperature
from pluralign.metrics.uncertainty import bootstrap
from pluralign.poll.heard import VoiceHeard
from pluralign.poll.run import Prepared
from pluralign.poll.scores import Calibrated, Measure
from pluralign.voices.panel import Asked, Panel
from pluralign.voices.way import Way

RESAMPLES = 200
"""Of held-out questions, behind the interval of a temperature: each is a fit of its own."""


def calibrate(prepared: Prepared, heard: Mapping[str, VoiceHeard]) -> tuple[Calibrated, ...]:
    """One temperature per way of speaking; ``heard``: voice id -> exact answers, those held out among them.

    Raises :class:`UsageError` where no people answered a held-out question.
    """
    return tuple(_fit(prepared, heard, way) for way in dict.fromkeys(voice.way for voice in prepared.voices))


def _fit(prepared: Prepared, heard: Mapping[str, VoiceHeard], way: Way | Panel) -> Calibrated:
    voices = [voice for voice in prepared.voices if voice.way == way]
    cells = [(at, said, theirs) for voice in voices for at, said, theirs in _cells(prepared, voice, heard[voice.id])]
    if not cells:
        raise UsageError(
            f"no people answered a question that {way.name!r} was held out on: hold out more, or do not calibrate"
        )
    width = max(len(theirs) for _, _, theirs in cells)
    said, theirs = pad([said for _, said, _ in cells], width), pad([theirs for _, _, theirs in cells], width)
    fitted = fit_temperature(said, theirs)
    of = np.array([at for at, _, _ in cells])
    low, high = _interval(said, theirs, of, len(prepared.held_out), prepared.study.seed)
    return Calibrated(
        voice=way.name,
        label=way.label,
        questions=prepared.held_out,
        answers=len(cells),
        temperature=Measure(value=fitted.value, low=low, high=high),
        at_bound=fitted.at_bound,
        divergence_before=fitted.before,
        divergence_after=fitted.after,
    )


def _cells(prepared: Prepared, voice: Asked, heard: VoiceHeard) -> Iterator[tuple[int, Distribution, Distribution]]:
    """Held-out question, what the voice said, and what a people it is measured against did."""
    peoples = prepared.collectives if voice.collective is None else (voice.collective,)
    for at, question in enumerate(prepared.held_out):
        one = heard.get(question)
        said = None if one is None else one.distribution()
        for people in peoples:
            theirs = prepared.survey.reference(people.id, question)
            if said is not None and theirs is not None:
                yield at, said, theirs


def _interval(said: Array, theirs: Array, of: Array, questions: int, seed: int) -> tuple[float | None, float | None]:
    """Where temperatures fitted on other questions of the same kind would lie, 95 %; ``None`` with one question."""
    if len(np.unique(of)) < 2:
        return None, None
    found = []
    for counts in bootstrap(questions, seed=seed, resamples=RESAMPLES).counts:
        rows = np.repeat(np.arange(len(of)), counts[of].astype(np.int64))
        if len(rows):
            found.append(fit_temperature(said[rows], theirs[rows]).value)
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)
