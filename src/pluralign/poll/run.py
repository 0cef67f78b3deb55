"""Carry out a study: ask, keep every answer as it comes, go on where an earlier attempt stopped.

Works shard by shard, so that memory does not grow with the number of answers. Knows engines only as a seam.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pluralign.core.collective import Collective
from pluralign.core.distribution import Distribution, Obtained
from pluralign.core.errors import ModelError, UsageError
from pluralign.core.survey import Survey
from pluralign.engines.base import Engine, OptionScores
from pluralign.poll.answer import Progress, answer
from pluralign.poll.ask import Item, items
from pluralign.poll.scores import ExamplePrompt
from pluralign.poll.study import Study
from pluralign.prompts.options import Labels, orders
from pluralign.prompts.strategies import strategy
from pluralign.store.answers import AnswerStore
from pluralign.store.files import sweep
from pluralign.store.tables import ANSWERS, PROMPTS, TableWriter
from pluralign.surveys import load
from pluralign.surveys.countries import country
from pluralign.voices.library import Library
from pluralign.voices.voice import Voice, speakers

SHARD = 4096
"""How many prompts are laid out at once."""


class Prepared(NamedTuple):
    """A study with its names looked up."""

    study: Study
    survey: Survey
    """The questions that will be asked, with their references."""
    voices: tuple[Voice, ...]
    collectives: tuple[Collective, ...]
    """Whom voices speak for."""
    total: int
    """Number of answers to come."""


@dataclass
class Heard:
    """What one voice answered to one question, summed over option orders."""

    per_order: list[npt.NDArray[np.float64]] = field(default_factory=list)
    """Renormalised probabilities in the survey's order, one array per order that had any."""
    captured: list[float] = field(default_factory=list)
    """Probability of the options altogether, one number per order."""

    def add(self, scores: OptionScores) -> None:
        """Take in the answer to one more order."""
        shares = probabilities(scores.logprobs)
        self.captured.append(captured(scores.logprobs))
        if shares is not None:
            self.per_order.append(shares)

    def distribution(self) -> Distribution | None:
        """Mean over orders; ``None`` where no option ever had any probability."""
        if not self.per_order:
            return None
        mean = np.mean(self.per_order, axis=0)
        return Distribution.from_weights(mean, Obtained.EXACT, unreadable=min(1.0, max(0.0, 1 - self.mean_captured)))

    @property
    def mean_captured(self) -> float:
        """Mean over orders."""
        return math.fsum(self.captured) / len(self.captured)

    def order_effect(self) -> float | None:
        """Mean total variation of each order's answer from the mean over orders; ``None`` with one order only."""
        if len(self.per_order) < 2:
            return None
        mean = np.mean(self.per_order, axis=0)
        return float(np.mean([0.5 * np.abs(shares - mean).sum() for shares in self.per_order]))


class Answers(NamedTuple):
    """Everything a poll heard."""

    heard: dict[str, dict[str, Heard]]
    """Voice id -> question id -> what was heard."""
    counts: dict[str, int]
    examples: tuple[ExamplePrompt, ...]


def prepare(study: Study) -> Prepared:
    """Look up survey, questions, collectives and voices. Raises on any name that is not known."""
    full = load(study.survey)
    survey = study.questions.apply(full)
    collectives = (
        tuple(dict.fromkeys(_collective(full, name) for name in study.speak_for))
        if study.speak_for
        else full.collectives
    )
    library = Library(full, published=study.published)
    chosen = dict.fromkeys(strategy(name) for name in study.voices)
    voices = tuple(voice for one in chosen for voice in speakers(one, collectives, library))
    for voice in voices:
        _check(voice, survey)
    per_voice = sum(len(orders(question, study.orders, study.seed)) for question in survey.questions)
    return Prepared(study, survey, voices, collectives, per_voice * len(voices))


def _check(voice: Voice, survey: Survey) -> None:
    """Find out before a model is loaded whether the voice can be asked at all."""
    strategy, collective = voice.strategy, voice.collective
    needs_people = strategy.needs_neighbours or strategy.needs_examples
    if needs_people and collective is not None and not voice.library.survey.references.get(collective.id):
        raise UsageError(
            f"the voice {strategy.name!r} draws on the people's answers, and {survey.name} has none of "
            f"{collective.name}: ask it with --voice persona, or leave {collective.id} out"
        )
    voice.ask(survey.questions[0], tuple(range(len(survey.questions[0].options))), Labels.NUMBER)


def _collective(survey: Survey, name: str) -> Collective:
    """A population of the survey; else a country the survey has no answers of, so that it can at least be polled."""
    known = {collective.id.casefold() for collective in survey.collectives}
    known |= {collective.name.casefold() for collective in survey.collectives}
    elsewhere = country(name)
    if name.casefold() not in known and elsewhere is not None:
        return elsewhere
    return survey.collective(name)


def poll(prepared: Prepared, engine: Engine, folder: Path, on_progress: Callable[[Progress], None]) -> Answers:
    """Ask everything and write ``answers.parquet`` and ``prompts.parquet`` into ``folder``.

    Answers already in ``answers.sqlite`` are not asked for again. Raises
    :class:`pluralign.core.errors.InterruptedRunError` where the disk does not take an answer; what was stored stays;
    and :class:`ModelError` for an engine without exact scores.
    """
    if engine.can.option_scores != "exact":
        raise ModelError(
            f"{engine.name!r} does not tell the probability of every option, and what it leaves out is not guessed: "
            "use a server that does, such as vLLM, or a local model"
        )
    study = prepared.study
    heard: dict[str, dict[str, Heard]] = {voice.id: {} for voice in prepared.voices}
    counts = {"prompts": 0, "computed": 0, "resumed": 0, "prompt_tokens": 0, "computed_tokens": 0, "unique_tokens": 0}
    examples: dict[str, ExamplePrompt] = {}
    shown: set[str] = set()
    everything = items(
        prepared.voices, prepared.survey.questions, order_count=study.orders, labels=study.labels, seed=study.seed
    )
    with (
        AnswerStore(folder / "answers.sqlite") as store,
        TableWriter(folder / "answers.parquet", ANSWERS) as answer_table,
        TableWriter(folder / "prompts.parquet", PROMPTS) as prompt_table,
    ):
        for shard in shards(everything, SHARD):
            keys, scores = answer(shard, engine, store, counts, prepared.total, on_progress)
            answer_rows, prompt_rows = [], []
            for item, key in zip(shard, keys, strict=True):
                heard[item.voice.id].setdefault(item.question.id, Heard()).add(scores[key])
                row = _row(item, key, scores[key])
                answer_rows.append(row)
                if row["prompt"] not in shown:
                    shown.add(row["prompt"])
                    prompt_rows.append({"prompt": row["prompt"], **_texts(item)})
                if item.voice.strategy.name not in examples:
                    examples[item.voice.strategy.name] = ExamplePrompt(
                        voice=item.voice.strategy.name, collective=_collective_id(item), **_texts(item)
                    )
            answer_table.write(answer_rows)
            prompt_table.write(prompt_rows)
    sweep(folder)  # another process at this run may have died since it was opened
    return Answers(heard, counts, tuple(examples.values()))


def probabilities(logprobs: Sequence[float]) -> npt.NDArray[np.float64] | None:
    """Renormalise log-probabilities over the options; ``None`` where every one of them is zero."""
    array = np.asarray(logprobs, dtype=np.float64)
    top = array.max()
    if not math.isfinite(top):
        return None
    weights = np.exp(array - top)
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def captured(logprobs: Sequence[float]) -> float:
    """Probability of all options together, in [0, 1]."""
    return min(1.0, math.fsum(math.exp(value) for value in logprobs))


def _row(item: Item, key: str, scores: OptionScores) -> dict[str, Any]:
    shares = probabilities(scores.logprobs)
    return {
        "voice": item.voice.strategy.name,
        "collective": _collective_id(item),
        "question": item.question.id,
        "topic": item.question.topic,
        "method": Obtained.EXACT.value,
        "order": list(item.order),
        "options": [option.id for option in item.question.options],
        "logprobs": list(scores.logprobs),
        "probabilities": None if shares is None else shares.tolist(),
        "captured": captured(scores.logprobs),
        "prompt_tokens": scores.prompt_tokens,
        "prompt": item.prompt_hash,
        "key": key,
    }


def _collective_id(item: Item) -> str:
    return "" if item.voice.collective is None else item.voice.collective.id


def _texts(item: Item) -> dict[str, str]:
    by_role: dict[str, str] = {message.role: message.content for message in item.request.messages}
    return {"system": by_role.get("system", ""), "user": by_role["user"]}


def shards(everything: Iterator[Item], size: int) -> Iterator[list[Item]]:
    """Consecutive lists of at most ``size`` items, laid out one list at a time."""
    while shard := list(islice(everything, size)):
        yield shard
