"""The survey in the loop of a training on records: a callback that polls, logs and may stop. Knows no loss.

Whether to stop, and which weights are the best, is worked out from the loss curve alone, so a resumed training decides
alike.
"""

import random
from collections.abc import Sequence
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState

from pluralign.core.collective import Collective
from pluralign.core.errors import UsageError
from pluralign.core.survey import Survey
from pluralign.engines.local import LocalEngine
from pluralign.prompts.strategies import strategy
from pluralign.surveys import load
from pluralign.train.anchor import AnchorSurvey, Reading, best_of, readings, reason_to_stop
from pluralign.train.config import Anchor
from pluralign.train.prepare import Job, Prepared
from pluralign.voices.way import DEFAULT_ASKED, Way


class Asked:
    """An anchor survey and the tokenizer it is asked with."""

    def __init__(self, survey: AnchorSurvey, prepared: Prepared):
        self._survey, self._renderer, self._name = survey, prepared.base.renderer, prepared.config.name

    def read(self, model: Any) -> Reading:
        """Poll the model as it is now; it goes on in the mode it was in."""
        training = model.training
        model.eval()
        engine = LocalEngine(model, self._renderer, name=self._name, digest="in training", method="tree")
        reading = self._survey.read(engine)
        model.train(training)
        return reading


class Anchored(TrainerCallback):
    """Polls every so many steps, stops the training where it was told to, and has the best weights kept."""

    def __init__(self, asked: Asked, anchor: Anchor):
        self._asked, self._anchor = asked, anchor
        self._new: dict[str, float] = {}

    def on_step_end(
        self, _: Any, state: TrainerState, control: TrainerControl, model: Any = None, **__: Any
    ) -> TrainerControl:
        """Poll, and write the reading into the loss curve."""
        if state.global_step % self._anchor.every:
            return control
        self._new = self._asked.read(model).row()
        state.log_history.append({**self._new, "step": state.global_step})
        found = readings(state.log_history)
        if reason_to_stop(found, self._anchor):
            control.should_training_stop = True
        if self._anchor.keep == "best" and best_of(found) == len(found) - 1:
            # The trainer writes a checkpoint of these weights, spares it, and takes them up again at its end.
            state.best_global_step, state.best_metric = state.global_step, found[-1].distance
            control.should_save = True
        return control

    def on_log(self, *_: Any, logs: dict[str, float] | None = None, **__: Any) -> None:
        """Let those who draw curves see the reading."""
        if logs is not None and self._new:
            logs.update(self._new)
            self._new = {}


def find_anchor(prepared: Prepared, job: Job) -> Asked | None:
    """The anchor survey of a training, if it has one.

    Raises :class:`UsageError` where the survey has no answers of the records' collectives, or no such question.
    """
    anchor = prepared.config.anchor
    if anchor is None:
        return None
    survey = load(anchor.survey)
    peoples = _peoples(survey, [located.record.collective for located in job.train], anchor.peoples)
    way = Way(
        prepared.config.name,
        prepared.config.name,
        "in training",
        strategy(prepared.config.asked or DEFAULT_ASKED),
        groups=prepared.groups,
    )
    questions = _questions(survey, anchor, prepared.config.seed)
    return Asked(AnchorSurvey(survey, questions, peoples, way, seed=prepared.config.seed), prepared)


def _peoples(survey: Survey, ids: Sequence[str], most: int) -> list[Collective]:
    known = {one.id: one for one in survey.collectives}
    found = [known[one] for one in sorted(set(ids)) if one in known]
    if not found:
        spoken = ", ".join(sorted({one or "nobody" for one in ids})[:8])
        raise UsageError(
            f"anchor.survey {survey.name!r} has no answers of those the records speak for ({spoken}): name another "
            "survey, or leave anchor out"
        )
    count = min(most, len(found))
    return [found[(2 * at + 1) * len(found) // (2 * count)] for at in range(count)]


def _questions(survey: Survey, anchor: Anchor, seed: int) -> list[str]:
    if not isinstance(anchor.questions, int):
        return [survey.question(one).id for one in anchor.questions]
    ids = [question.id for question in survey.questions]
    drawn = random.Random(f"anchor/{seed}").sample(range(len(ids)), min(anchor.questions, len(ids)))
    return [ids[at] for at in sorted(drawn)]
