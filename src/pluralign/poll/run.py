"""Carry out a study: ask, keep every answer as it comes, go on where an earlier attempt stopped.

Works shard by shard, so that memory does not grow with the number of answers. Knows engines only as a seam.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pluralign.core.collective import Collective
from pluralign.core.distribution import Obtained
from pluralign.core.errors import ModelError, UsageError
from pluralign.core.survey import Survey
from pluralign.engines.base import Engine, OptionScores
from pluralign.poll.answer import Progress, answer
from pluralign.poll.ask import Item, items
from pluralign.poll.heard import Array, Heard, Ledger, captured, probabilities
from pluralign.poll.heard import recall as read_back
from pluralign.poll.scores import ExamplePrompt
from pluralign.poll.study import Study
from pluralign.prompts.options import Labels, orders
from pluralign.store.answers import AnswerStore
from pluralign.store.files import sweep
from pluralign.store.tables import ANSWERS, PROMPTS, TableWriter
from pluralign.surveys import load
from pluralign.surveys.countries import country
from pluralign.voices.library import Library
from pluralign.voices.voice import Voice, speakers
from pluralign.voices.way import ways

ANSWERS_FILE = "answers.parquet"
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


class Answers(NamedTuple):
    """Everything a poll heard."""

    heard: Mapping[str, Mapping[str, Heard]]
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
    voices = tuple(voice for one in ways(study.voices) for voice in speakers(one, collectives, library))
    for voice in voices:
        _check(voice, survey)
    per_voice = sum(len(orders(question, study.orders, study.seed)) for question in survey.questions)
    return Prepared(study, survey, voices, collectives, per_voice * len(voices))


def _check(voice: Voice, survey: Survey) -> None:
    """Find out before a model is loaded whether the voice can be asked at all."""
    collective = voice.collective
    if voice.draws_on_people and collective is not None and not voice.library.survey.references.get(collective.id):
        raise UsageError(
            f"the voice {voice.name!r} draws on the people's answers, and {survey.name} has none of "
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
    and :class:`ModelError` for an engine that does not score options.
    """
    if engine.can.option_scores == "none":
        raise ModelError(
            f"{engine.name!r} does not tell how probable options are, and they are not guessed: "
            "use a server that does, such as vLLM, or a local model"
        )
    obtained = Obtained.EXACT if engine.can.option_scores == "exact" else Obtained.TOP_K
    study = prepared.study
    ledger = Ledger([voice.id for voice in prepared.voices], prepared.survey.questions, obtained)
    counts = {"prompts": 0, "computed": 0, "resumed": 0, "prompt_tokens": 0, "computed_tokens": 0, "unique_tokens": 0}
    shown = _Shown()
    everything = items(
        prepared.voices, prepared.survey.questions, order_count=study.orders, labels=study.labels, seed=study.seed
    )
    with (
        AnswerStore(folder / "answers.sqlite") as store,
        TableWriter(folder / ANSWERS_FILE, ANSWERS) as answer_table,
        TableWriter(folder / "prompts.parquet", PROMPTS) as prompt_table,
    ):
        for shard in shards(everything, SHARD):
            keys, scores = answer(shard, engine, store, counts, prepared.total, on_progress)
            rows = []
            for item, key in zip(shard, keys, strict=True):
                shares = probabilities(scores[key])
                rows.append(_row(item, key, scores[key], shares, obtained))
                ledger.add(item.voice.id, item.question.id, shares, rows[-1]["captured"])
            answer_table.write(rows)
            texts = {row["prompt"]: item for row, item in zip(rows, shard, strict=True)}
            prompt_table.write([{"prompt": hash_, **_texts(texts[hash_])} for hash_ in shown.new(list(texts))])
    ledger.close()
    sweep(folder)  # another process at this run may have died since it was opened
    return Answers(ledger.heard, counts, example_prompts(prepared))


def recall(prepared: Prepared, folder: Path, counts: dict[str, int]) -> Answers:
    """The answers of a poll that is finished, read back from ``answers.parquet`` without laying out any prompt.

    ``counts``: from the run's record. Raises :class:`pluralign.core.errors.DataError` where the file does not fit.
    """
    by_name = {
        (voice.name, "" if voice.collective is None else voice.collective.id): voice.id for voice in prepared.voices
    }
    heard = read_back(folder / ANSWERS_FILE, by_name, prepared.survey.questions)
    return Answers(heard, counts, example_prompts(prepared))


def example_prompts(prepared: Prepared) -> tuple[ExamplePrompt, ...]:
    """The first prompt of every way of speaking."""
    study, question = prepared.study, prepared.survey.questions[0]
    order = orders(question, study.orders, study.seed)[0]
    first = {voice.name: voice for voice in reversed(prepared.voices)}
    found = []
    for name in dict.fromkeys(voice.name for voice in prepared.voices):
        item = Item(first[name], question, order, first[name].ask(question, order, study.labels))
        found.append(ExamplePrompt(voice=name, collective=_collective_id(item), **_texts(item)))
    return tuple(found)


class _Shown:
    """Which prompts are written already, in eight bytes each: a set of their hashes would take over a hundred."""

    def __init__(self) -> None:
        self._seen = np.zeros(0, dtype=np.uint64)

    def new(self, hashes: Sequence[str]) -> list[str]:
        """Those that come for the first time. ``hashes`` are 16 hex digits, all different."""
        numbers = np.array([int(one, 16) for one in hashes], dtype=np.uint64)
        fresh = ~np.isin(numbers, self._seen)
        self._seen = np.concatenate([self._seen, numbers[fresh]])
        return [one for one, is_fresh in zip(hashes, fresh, strict=True) if is_fresh]


def _row(item: Item, key: str, scores: OptionScores, shares: Array | None, obtained: Obtained) -> dict[str, Any]:
    return {
        "voice": item.voice.name,
        "collective": _collective_id(item),
        "question": item.question.id,
        "topic": item.question.topic,
        "method": obtained.value,
        "order": list(item.order),
        "options": [option.id for option in item.question.options],
        "logprobs": list(scores.logprobs),
        "high": None if scores.high is None else list(scores.high),
        "probabilities": None if shares is None else shares.tolist(),
        "captured": captured(scores),
        "prompt_tokens": scores.prompt_tokens,
        "prompt": item.prompt_hash,
        "key": key,
    }


def _collective_id(item: Item) -> str:
    return "" if item.voice.collective is None else item.voice.collective.id


def _texts(item: Item) -> dict[str, str]:
    by_role: dict[str, str] = {message.role: message.content for message in item.request.messages}
    return {"system": by_role.get("system", ""), "user": by_role["user"], "reply_start": item.request.reply_start}


def shards(everything: Iterator[Item], size: int) -> Iterator[list[Item]]:
    """Consecutive lists of at most ``size`` items, laid out one list at a time."""
    while shard := list(islice(everything, size)):
        yield shard
