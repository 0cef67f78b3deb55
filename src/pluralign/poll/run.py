"""Carry out a study: ask, keep every answer as it comes, go on where an earlier attempt stopped.

Works shard by shard, so that memory does not grow with the number of answers. Knows engines only as a seam.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pluralign.core.collective import Collective
from pluralign.core.distribution import Obtained
from pluralign.core.errors import ModelError, UsageError
from pluralign.core.ids import content_hash
from pluralign.core.question import Question
from pluralign.core.survey import Survey
from pluralign.engines.base import ChatRequest, Completion, Engine, OptionScores, ScoreRequest
from pluralign.metrics.label_variants import variant_shares
from pluralign.metrics.order_bias import Design, design
from pluralign.poll.answer import Answered, Progress, Reply, Request, Work, answer, chatting, scoring
from pluralign.poll.ask import TASKS, Item, answer_count, laid_out, replies, scored
from pluralign.poll.heard import Heard, Ledger, VoiceHeard, captured, probabilities
from pluralign.poll.heard import recall as read_back
from pluralign.poll.replies import Read, read_sample, read_statement, read_text, to_reader
from pluralign.poll.scores import ExamplePrompt
from pluralign.poll.seen import Seen
from pluralign.poll.study import Method, Study
from pluralign.prompts.options import Labels, Layout
from pluralign.prompts.strategies import Task
from pluralign.store.answers import AnswerStore
from pluralign.store.files import sweep
from pluralign.store.tables import ANSWERS, PROMPTS, TableWriter
from pluralign.surveys import load
from pluralign.surveys.countries import spoken_for
from pluralign.voices.library import Library
from pluralign.voices.mixing import mixed
from pluralign.voices.panel import Asked, Panel, PanelVoice, split, voices_of

ANSWERS_FILE = "answers.parquet"
SHARD = 4096
"""How many prompts are laid out at once."""
COUNTED = ("prompts", "computed", "resumed", "prompt_tokens", "computed_tokens", "unique_tokens")
OBTAINED = {
    Method.EXACT: Obtained.EXACT,
    Method.SAMPLES: Obtained.SAMPLED,
    Method.VERBALISED: Obtained.VERBALISED,
    Method.FREE_TEXT: Obtained.FREE_TEXT,
}
"""How the answers of a method are marked; exact ones may turn out to be the likeliest only."""


class Prepared(NamedTuple):
    """A study with its names looked up."""

    study: Study
    survey: Survey
    """The questions that will be asked, with their references."""
    voices: tuple[Asked, ...]
    collectives: tuple[Collective, ...]
    """Whom voices speak for."""
    total: int
    """Number of answers to come."""
    library: Library
    """What voices may know of peoples, from the whole survey."""
    held_out: tuple[str, ...] = ()
    """Questions that are asked to fit a temperature on, and not measured."""
    undecided: tuple[Panel, ...] = ()
    """Panels for which a model has yet to pick a member: :func:`pluralign.poll.panels.decide`."""

    @property
    def measured(self) -> Survey:
        """The questions that are measured."""
        held_out = set(self.held_out)
        if not held_out:
            return self.survey
        return self.survey.select(question_ids=[one.id for one in self.survey.questions if one.id not in held_out])


class Answers(NamedTuple):
    """Everything a poll heard."""

    heard: Mapping[str, Mapping[str, Heard]]
    """Voice id -> question id -> what was heard by the study's first method."""
    counts: dict[str, int]
    examples: tuple[ExamplePrompt, ...]
    by_method: Mapping[Method, Mapping[str, VoiceHeard]]
    """The same as ``heard``, which is of the study's first method, for each of its methods."""


def prepare(study: Study) -> Prepared:
    """Look up survey, questions, collectives and voices. Raises on any name that is not known."""
    full = load(study.survey)
    survey = study.questions.apply(full)
    collectives = (
        tuple(dict.fromkeys(spoken_for(full, name) for name in study.speak_for))
        if study.speak_for
        else full.collectives
    )
    library = Library(full, published=study.published)
    found, panels = split(study.voices, full)
    _check_panels(study, panels)
    undecided = tuple(one for one in panels if one.pick == "model")
    held_out = _held_out(study, survey)
    prepared = Prepared(study, survey, (), collectives, 0, library, held_out, undecided)
    return with_voices(prepared, voices_of(found, panels, collectives, library))


def with_voices(prepared: Prepared, voices: Sequence[Asked]) -> Prepared:
    """The study with these voices, after finding out whether each can be asked at all."""
    study, survey = prepared.study, prepared.survey
    for voice in voices:
        _check(study, voice, survey)
    total = sum(
        answer_count(method, study, question) * (voice.part_count if method is Method.EXACT else 1)
        for voice in voices
        for method in study.methods
        for question in survey.questions
        if method is Method.EXACT or question.id not in prepared.held_out
    )
    return prepared._replace(voices=tuple(voices), total=total)


def _check_panels(study: Study, panels: Sequence[Panel]) -> None:
    for one in panels:
        if Method.VERBALISED in study.methods:
            raise UsageError(
                f"nobody in the panel {one.name!r} can state how all of its members would answer: "
                "leave 'verbalised' out, or the panel"
            )


def _held_out(study: Study, survey: Survey) -> tuple[str, ...]:
    """Questions to fit a temperature on, evenly spread over the survey."""
    if study.calibrate is None:
        return ()
    total, wanted = len(survey.questions), study.calibrate.questions
    count = wanted if isinstance(wanted, int) else max(1, round(wanted * total))
    if count >= total:
        raise UsageError(
            f"{count} questions cannot be held out of {total} with any left to measure: hold out fewer, or ask more"
        )
    return tuple(survey.questions[(2 * at + 1) * total // (2 * count)].id for at in range(count))


def _check(study: Study, voice: Asked, survey: Survey) -> None:
    """Find out before a model is loaded whether the voice can be asked at all."""
    if isinstance(voice, PanelVoice):
        for _, member in voice.voices:
            _check(study, member, survey)
        return
    collective = voice.collective
    if voice.draws_on_people and collective is not None and not voice.library.survey.references.get(collective.id):
        raise UsageError(
            f"the voice {voice.name!r} draws on the people's answers, and {survey.name} has none of "
            f"{collective.name}: ask it with --voice persona, or leave {collective.id} out"
        )
    question = survey.questions[0]
    for method in study.methods:
        voice.ask(question, tuple(range(len(question.options))), study.labels, task=TASKS[method])


def check_engines(study: Study, engine: Engine, reader: Engine | None) -> None:
    """Find out whether the models can be asked in the ways the study wants, and say what to do where they cannot.

    Raises :class:`ModelError`.
    """
    if Method.EXACT in study.methods and engine.can.option_scores == "none":
        raise ModelError(
            f"{engine.name!r} does not tell how probable options are, and they are not guessed: ask with "
            "--method samples, or use a server that does, such as vLLM, or a local model"
        )
    if set(study.methods) - {Method.EXACT} and not engine.can.chat:
        wanted = next(method for method in study.methods if method is not Method.EXACT)
        raise ModelError(f"{engine.name!r} writes no replies, which --method {wanted} needs: ask with --method exact")
    if Method.FREE_TEXT in study.methods:
        if reader is None:
            raise ModelError("free texts need a model that reads them: name one with --reader")
        if reader.can.option_scores == "none":
            raise ModelError(
                f"the reader {reader.name!r} does not tell how probable options are: name another with --reader, such "
                "as a local model or a model behind vLLM"
            )


def poll(
    prepared: Prepared,
    engine: Engine,
    folder: Path,
    on_progress: Callable[[Progress], None],
    *,
    reader: Engine | None = None,
) -> Answers:
    """Ask everything and write ``answers.parquet`` and ``prompts.parquet`` into ``folder``.

    ``reader`` reads free texts, where the study asks for them. Answers already in ``answers.sqlite`` are not asked for
    again. Raises :class:`pluralign.core.errors.InterruptedRunError` where the disk does not take an answer; what was
    stored stays; and :class:`ModelError` for an engine that cannot be asked in this way.
    """
    check_engines(prepared.study, engine, reader)
    with (
        AnswerStore(folder / "answers.sqlite") as store,
        TableWriter(folder / ANSWERS_FILE, ANSWERS) as answer_table,
        TableWriter(folder / "prompts.parquet", PROMPTS) as prompt_table,
    ):
        asking = _Asking(prepared, engine, reader, store, on_progress)
        shown = Seen()
        for method in prepared.study.methods:
            everything: Iterator[tuple[Sequence[Item[Any]], Rows]] = (
                asking.exactly() if method is Method.EXACT else asking.for_replies(method)
            )
            for shard, rows in everything:
                answer_table.write(rows)
                texts = {row["prompt"]: item for row, item in zip(rows, shard, strict=True)}
                prompt_table.write([{"prompt": hash_, **_texts(texts[hash_])} for hash_ in shown.new(list(texts))])
    for ledger in asking.ledgers.values():
        ledger.close()
    sweep(folder)  # another process at this run may have died since it was opened
    return _answers(prepared, {method: ledger.heard for method, ledger in asking.ledgers.items()}, asking.counts)


Rows = list[dict[str, Any]]


class _Asking:
    """A poll under way: asks shard by shard, and hands out items with the rows of their answers."""

    def __init__(
        self,
        prepared: Prepared,
        engine: Engine,
        reader: Engine | None,
        store: AnswerStore,
        on_progress: Callable[[Progress], None],
    ):
        self._prepared, self._engine, self._reader = prepared, engine, reader
        self._store, self._on_progress = store, on_progress
        self._total = prepared.total
        self.counts = dict.fromkeys(COUNTED, 0)
        exact = Obtained.EXACT if engine.can.option_scores == "exact" else Obtained.TOP_K
        self.ledgers = {
            method: _ledger(prepared, method, exact if method is Method.EXACT else OBTAINED[method])
            for method in prepared.study.methods
        }

    def exactly(self) -> Iterator[tuple[Sequence[Item[ScoreRequest]], Rows]]:
        """The probability of every option."""
        prepared, ledger = self._prepared, self.ledgers[Method.EXACT]
        everything = scored(prepared.study, prepared.voices, prepared.survey.questions)
        for shard in shards(everything, SHARD):
            keys, scores = self._answer([one for item in shard for one in item.requests], scoring(self._engine))
            of_requests = iter(keys)
            rows = []
            for item in shard:
                key, score, shares = self._whole(item, [next(of_requests) for _ in item.requests], scores)
                held = captured(score)
                ledger.add(item.voice.id, item.question.id, shares, held, at=item.at)
                rows.append(
                    {
                        **_row(item, ledger.obtained),
                        "logprobs": list(score.logprobs),
                        "high": None if score.high is None else list(score.high),
                        "probabilities": None if shares is None else shares.tolist(),
                        "captured": held,
                        "refused": 0.0,
                        "prompt_tokens": score.prompt_tokens,
                        "key": key,
                    }
                )
            yield shard, rows

    def for_replies(self, method: Method) -> Iterator[tuple[Sequence[Item[ChatRequest]], Rows]]:
        """Replies, and what they come to."""
        prepared, ledger = self._prepared, self.ledgers[method]
        everything = replies(method, prepared.study, prepared.voices, prepared.measured.questions)
        for shard in shards(everything, SHARD):
            keys, said = self._answer([item.request for item in shard], chatting(self._engine))
            completions = [said[key] for key in keys]
            readings = self._read(method, shard, completions)
            rows = []
            for item, key, reply, read in zip(shard, keys, completions, readings, strict=True):
                shares = None if read.shares is None else np.array(read.shares)
                ledger.add(item.voice.id, item.question.id, shares, read.captured, refused=read.refused, at=item.at)
                rows.append(
                    {
                        **_row(item, ledger.obtained),
                        "sample": item.sample,
                        "reply": reply.text,
                        "reading": read.kind.value,
                        "probabilities": None if read.shares is None else list(read.shares),
                        "captured": read.captured,
                        "refused": read.refused,
                        "prompt_tokens": reply.prompt_tokens,
                        "key": key,
                    }
                )
            yield shard, rows

    def _whole(
        self, item: Item[Any], keys: Sequence[str], scores: Mapping[str, OptionScores]
    ) -> tuple[str, OptionScores, npt.NDArray[np.float64] | None]:
        """The key, the scores and the shares of an item: the one request's, or the mixture of several."""
        if len(keys) == 1:
            return keys[0], scores[keys[0]], probabilities(scores[keys[0]])
        found = [scores[key] for key in keys]
        whole = mixed(item.weights, found)
        shares = probabilities(whole)
        if self._prepared.study.published and item.voice.ways[0].strategy.demonstrates and shares is not None:
            shares = variant_shares([one.forms for one in found], published=True)
        return content_hash([list(item.weights), list(keys)]), whole, shares

    def _read(self, method: Method, shard: Sequence[Item[ChatRequest]], said: Sequence[Completion]) -> Iterable[Read]:
        labels = self._prepared.study.labels
        together = zip(shard, said, strict=True)
        if method is Method.SAMPLES:
            return [read_sample(reply, item.question, item.layout, labels) for item, reply in together]
        if method is Method.VERBALISED:
            return [read_statement(reply, item.question, item.layout, labels) for item, reply in together]
        assert self._reader is not None, "checked before anything was asked"
        asked = [to_reader(reply, item.question, item.layout) for item, reply in together]
        wanted = [request for request in asked if request is not None]
        self._total -= len(asked) - len(wanted)
        keys, scores = self._answer(wanted, scoring(self._reader))
        found = iter(keys)
        return [
            read_text(reply, None if request is None else scores[next(found)])
            for reply, request in zip(said, asked, strict=True)
        ]

    def _answer(self, requests: Sequence[Request], work: Work[Request, Reply]) -> Answered[Reply]:
        return answer(requests, work, self._store, self.counts, self._total, self._on_progress)


def _ledger(prepared: Prepared, method: Method, obtained: Obtained) -> Ledger:
    survey = prepared.survey if method is Method.EXACT else prepared.measured
    return Ledger([voice.id for voice in prepared.voices], survey.questions, obtained, designs(prepared, method))


def designs(prepared: Prepared, method: Method) -> dict[str, Design]:
    """Question -> what its option orders tell of places and labels; without those that tell nothing."""
    if method is Method.FREE_TEXT:
        return {}  # whoever answers in words of their own saw no options
    study, known = prepared.study, {}
    found: dict[str, Design] = {}
    for question in prepared.survey.questions:
        chosen = laid_out(study, question)
        # Where numbers are the wordings, or nothing stands before them, there are no labels.
        labelled = study.labels is Labels.LETTER or (study.labels is Labels.NUMBER and not question.is_numeric)
        if (chosen, labelled) not in known:
            marks = [layout.marks for layout in chosen] if labelled else None
            known[chosen, labelled] = design([layout.order for layout in chosen], marks)
        made = known[chosen, labelled]
        if made is not None:
            found[question.id] = made
    return found


def recall(prepared: Prepared, folder: Path, counts: dict[str, int]) -> Answers:
    """The answers of a poll that is finished, read back from ``answers.parquet`` without laying out any prompt.

    ``counts``: from the run's record. Raises :class:`pluralign.core.errors.DataError` where the file does not fit.
    """
    by_name = {
        (voice.name, "" if voice.collective is None else voice.collective.id): voice.id for voice in prepared.voices
    }
    method_of = {obtained: method for method, obtained in OBTAINED.items()} | {Obtained.TOP_K: Method.EXACT}
    layouts = {question.id: len(laid_out(prepared.study, question)) for question in prepared.survey.questions}
    heard = read_back(
        folder / ANSWERS_FILE, by_name, layouts, lambda obtained: _ledger(prepared, method_of[obtained], obtained)
    )
    return _answers(prepared, {method_of[obtained]: said for obtained, said in heard.items()}, counts)


def _answers(prepared: Prepared, heard: Mapping[Method, Mapping[str, VoiceHeard]], counts: dict[str, int]) -> Answers:
    return Answers(heard[prepared.study.methods[0]], counts, example_prompts(prepared), heard)


def example_prompts(prepared: Prepared) -> tuple[ExamplePrompt, ...]:
    """The first prompt of every way of speaking, for each method that asks in another way."""
    study, question = prepared.study, prepared.survey.questions[0]
    layout = laid_out(study, question)[0]
    first = {voice.name: voice for voice in reversed(prepared.voices)}
    tasks: dict[Task, list[Method]] = {}
    for method in study.methods:
        tasks.setdefault(TASKS[method], []).append(method)
    found = []
    for name in dict.fromkeys(voice.name for voice in prepared.voices):
        for task, methods in tasks.items():
            item = _first_item(study, first[name], question, layout, task)
            methods_named = ", ".join(methods) if len(study.methods) > 1 else ""
            found.append(
                ExamplePrompt(voice=name, collective=_collective_id(item), method=methods_named, **_texts(item))
            )
    return tuple(found)


def _first_item(study: Study, voice: Asked, question: Question, layout: Layout, task: Task) -> Item[Any]:
    """What a voice is shown first when it is asked to do this."""
    if task is Task.CHOOSE:
        parts = voice.parts(question, layout.order, study.labels, marks=layout.marks)
        return Item(
            voice, question, layout, tuple(part.request for part in parts), tuple(part.weight for part in parts)
        )
    asked = voice.member(0).ask(question, layout.order, study.labels, marks=layout.marks, task=task)
    return Item(voice, question, layout, (asked,))


def _row(item: Item[Any], obtained: Obtained) -> dict[str, Any]:
    """What every answer says of how it was asked, whatever came of it."""
    return {
        **dict.fromkeys(ANSWERS.names),
        "voice": item.voice.name,
        "collective": _collective_id(item),
        "question": item.question.id,
        "topic": item.question.topic,
        "method": obtained.value,
        "order": list(item.order),
        "labels": list(item.layout.marks),
        "options": [option.id for option in item.question.options],
        "prompt": item.prompt_hash,
    }


def _collective_id(item: Item[Any]) -> str:
    return "" if item.voice.collective is None else item.voice.collective.id


def _texts(item: Item[Any]) -> dict[str, str]:
    if len(item.requests) == 1:
        return _of_request(item.request)
    members = [
        f"[member {number}, weight {weight:g}]\n\n" + "\n\n".join(text for text in _of_request(one).values() if text)
        for number, (weight, one) in enumerate(zip(item.weights, item.requests, strict=True), start=1)
    ]
    return {"system": "", "user": "\n\n".join(members), "reply_start": ""}


def _of_request(request: ScoreRequest | ChatRequest) -> dict[str, str]:
    by_role: dict[str, str] = {message.role: message.content for message in request.messages}
    return {"system": by_role.get("system", ""), "user": by_role["user"], "reply_start": request.reply_start}


def shards(everything: Iterator[Any], size: int) -> Iterator[list[Any]]:
    """Consecutive lists of at most ``size`` items, laid out one list at a time."""
    while shard := list(islice(everything, size)):
        yield shard
