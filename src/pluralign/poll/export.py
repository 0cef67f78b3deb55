"""A finished poll as a log of Inspect (inspect.aisi.org.uk), version 2, so that ``inspect view`` opens it.

Knows the format, which is zipped or plain JSON, and nothing of the package. One sample per voice, people and question,
and per method where several were asked: the first of its prompts, the answer averaged over option orders, the people's
shares, and the distances as scores.
"""

import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pluralign import __version__
from pluralign.core.collective import Collective
from pluralign.core.distribution import Distribution
from pluralign.core.errors import UsageError
from pluralign.core.question import Question
from pluralign.metrics.distances import js_distance, most_likely_match, total_variation, wasserstein_on
from pluralign.poll.ask import TASKS, laid_out
from pluralign.poll.heard import Heard
from pluralign.poll.reopen import Reopened
from pluralign.poll.study import Method
from pluralign.store.files import make_folder, write_whole
from pluralign.voices.panel import Asked


def write_inspect(run: Reopened, path: Path) -> int:
    """Write the log to a ``.eval`` or ``.json`` file and return its number of samples.

    Samples are written one by one. Raises :class:`UsageError` for any other ending of the name.
    """
    if path.suffix not in (".eval", ".json"):
        raise UsageError(f"the log must be called something.eval or something.json, not {path.name!r}")
    make_folder(path.parent)
    means = _Means()
    write_whole(path, lambda part: (_write_zip if path.suffix == ".eval" else _write_json)(run, part, means))
    return means.samples


def samples(run: Reopened) -> Iterator[dict[str, Any]]:
    """Every sample in Inspect's format, voice by voice. A voice that names nobody is held against each people."""
    prepared, survey = run.prepared, run.prepared.survey
    scored = [one for one in prepared.collectives if survey.references.get(one.id)]
    for method in prepared.study.methods:
        for voice in prepared.voices:
            heard = run.answers.by_method[method][voice.id]
            for people in (voice.collective,) if voice.collective is not None else scored or (None,):
                for question in survey.questions:
                    if question.id in heard:
                        yield _sample(run, method, voice, people, question, heard[question.id])


class _Means:
    """What the samples come to, voice by voice."""

    def __init__(self) -> None:
        self.samples = 0
        self._sums: dict[str, dict[str, list[float]]] = {}

    def add(self, sample: dict[str, Any]) -> None:
        self.samples += 1
        for name, score in sample["scores"].items():
            total = self._sums.setdefault(name, {}).setdefault(sample["metadata"]["voice"], [0.0, 0])
            total[0] += score["value"]
            total[1] += 1

    def results(self) -> dict[str, Any]:
        """``EvalResults``: the mean of every score, per voice."""
        return {
            "total_samples": self.samples,
            "completed_samples": self.samples,
            "scores": [
                {
                    "name": name,
                    "scorer": name,
                    "scored_samples": int(sum(count for _, count in voices.values())),
                    "unscored_samples": self.samples - int(sum(count for _, count in voices.values())),
                    "metrics": {
                        voice: {"name": voice, "value": total / count} for voice, (total, count) in voices.items()
                    },
                }
                for name, voices in self._sums.items()
            ],
        }


def _write_zip(run: Reopened, part: Path, means: _Means) -> None:
    """A file per sample, a list of all for the viewer's first page, and the head."""
    with zipfile.ZipFile(part, "w") as file, tempfile.TemporaryFile("w+", encoding="utf-8") as summaries:
        _put(file, "_journal/start.json", _dumped({key: _head(run)[key] for key in ("version", "eval", "plan")}))
        for sample in samples(run):
            summaries.write((",\n" if means.samples else "[") + _dumped(_summary(sample)))
            _put(file, f"samples/{sample['id']}_epoch_{sample['epoch']}.json", _dumped(sample))
            means.add(sample)
        summaries.write("]" if means.samples else "[]")
        summaries.seek(0)
        with file.open(_entry("summaries.json"), "w") as target:
            while text := summaries.read(1 << 20):
                target.write(text.encode())
        _put(file, "header.json", _dumped({**_head(run, means.samples), "results": means.results()}))


def _write_json(run: Reopened, part: Path, means: _Means) -> None:
    """The same as one document: samples last, as readers stop at them to read the head alone."""
    with part.open("w", encoding="utf-8") as file, tempfile.TemporaryFile("w+", encoding="utf-8") as written:
        for sample in samples(run):
            written.write((",\n" if means.samples else "") + _dumped(sample))
            means.add(sample)
        written.seek(0)
        file.write(_dumped({**_head(run, means.samples), "results": means.results()})[:-1] + ',"samples":[\n')
        shutil.copyfileobj(written, file)
        file.write("\n]}\n")


def _head(run: Reopened, total: int | None = None) -> dict[str, Any]:
    """All of an ``EvalLog`` but samples and results."""
    record, study, survey = run.record, run.prepared.study, run.prepared.survey
    return {
        "version": 2,
        "status": "success",
        "eval": {
            "eval_id": record.spec.id,
            "run_id": record.spec.id,
            "created": record.started,
            "task": f"{study.name}: {survey.title or survey.name}",
            "task_id": record.spec.id,
            "task_args": record.spec.study,
            "dataset": {"name": survey.name, "samples": total, "shuffled": False},
            "model": study.model,
            "config": {"epochs": 1},
            "packages": {"pluralign": __version__},
            "metadata": {
                "engine": record.spec.engine,
                "command": list(record.command),
                "citation": survey.citation,
                "licence": survey.licence,
            },
        },
        "plan": {"name": "plan", "steps": []},
        "stats": {"started_at": record.started, "completed_at": record.finished or ""},
    }


def _sample(
    run: Reopened, method: Method, voice: Asked, people: Collective | None, question: Question, heard: Heard
) -> dict[str, Any]:
    study = run.prepared.study
    asked_in = laid_out(study, question)
    first = asked_in[0]
    # Of a panel what its first member is shown.
    request = voice.member(0).ask(question, first.order, study.labels, marks=first.marks, task=TASKS[method])
    messages = [{"role": message.role, "content": message.content} for message in request.messages]
    said = heard.distribution()
    theirs = None if people is None else run.prepared.survey.reference(people.id, question.id)
    options = [option.text for option in question.options]
    reply = "no option has any probability" if said is None else _in_words(options, said)
    several = (method.value,) if len(study.methods) > 1 else ()
    sample_id = ":".join((voice.name, "" if people is None else people.id, question.id, *several))
    return {
        "id": sample_id,
        "epoch": 1,
        "uuid": f"{run.record.spec.id}:{sample_id}",
        "input": messages,
        "choices": options,
        "target": "" if theirs is None else options[theirs.mode],
        "messages": [*messages, {"role": "assistant", "content": reply}],
        "output": {
            "model": study.model,
            "choices": [{"message": {"role": "assistant", "content": reply}, "stop_reason": "stop"}],
            "completion": reply,
        },
        "scores": {} if said is None or theirs is None else _scores(question, options, said, theirs),
        "metadata": {
            "voice": f"{voice.name} ({method.value})" if several else voice.name,
            "collective": None if people is None else people.id,
            "question": question.id,
            "text": question.text,
            "topic": question.topic,
            "scale": question.scale.value,
            "options": options,
            "probabilities": None if said is None else list(said.probabilities),
            "people": None if theirs is None else list(theirs.probabilities),
            "people_n": None if theirs is None else theirs.n,
            "method": method.value,
            "captured": heard.mean_captured,
            "refused": heard.mean_refused,
            "replies": heard.n,
            "order_effect": heard.order_effect,
            "option_orders": len(asked_in),
        },
        "store": {},
        "events": [],
        "model_usage": {},
        "attachments": {},
    }


def _scores(
    question: Question, options: list[str], said: Distribution, theirs: Distribution
) -> dict[str, dict[str, Any]]:
    explanation = "\n".join(
        f"{option}: {mine:.1%}, the people {other:.1%}"
        for option, mine, other in zip(options, said.probabilities, theirs.probabilities, strict=True)
    )
    values = {
        "total_variation": total_variation(said, theirs),  # first, as every question has it
        "wasserstein": wasserstein_on(question, said, theirs),
        "js_distance": js_distance(said, theirs),
        "agreement": most_likely_match(said, theirs),
    }
    return {
        name: {"value": value, "answer": options[said.mode], "explanation": explanation}
        for name, value in values.items()
        if value is not None  # Wasserstein of options without an order
    }


def _summary(sample: dict[str, Any]) -> dict[str, Any]:
    """What the viewer's list of samples shows."""
    kept = ("voice", "collective", "question", "topic")
    return {
        **{key: sample[key] for key in ("id", "epoch", "uuid", "choices", "target", "model_usage")},
        "input": sample["metadata"]["text"],
        "metadata": {key: sample["metadata"][key] for key in kept},
        "scores": {name: {"value": one["value"], "answer": one["answer"]} for name, one in sample["scores"].items()},
        "completed": True,
        "message_count": len(sample["messages"]),
    }


def _in_words(options: list[str], said: Distribution) -> str:
    return "\n".join(f"{option}: {share:.1%}" for option, share in zip(options, said.probabilities, strict=True))


def _entry(name: str) -> zipfile.ZipInfo:
    """Without the time of writing, so that equal runs give equal files."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _put(file: zipfile.ZipFile, name: str, text: str) -> None:
    file.writestr(_entry(name), text)


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
