"""What several runs are called, and what sets two of them apart beside the model. Knows no answer and no measure."""

from collections.abc import Sequence
from typing import Any

from pluralign.poll.comparison import RunLabel
from pluralign.poll.finished import Finished

_NOT_SETTINGS = frozenset(
    {
        "name",
        "model",
        "adapter",
        "survey",
        "as",
        "voices",
        "questions",
        "method",
        "resamples",
        "device",
        "dtype",
        "seed",
    }
)
"""Keys of a study that say what is compared, or that hardly decide an answer. Every other key that differs is told."""


def labels(runs: Sequence[Finished]) -> tuple[RunLabel, ...]:
    """The shortest of model, study and folder that tells all runs apart; numbered where none does."""
    models = [_model(one) for one in runs]
    choices = (models, [one.study.name for one in runs], [one.folder.resolve().name for one in runs])
    distinct = next((names for names in choices if len(set(names)) == len(names)), None)
    names = distinct or [f"{name} ({at + 1})" for at, name in enumerate(choices[-1])]
    return tuple(
        RunLabel(
            label=name,
            folder=str(one.folder),
            run=one.record.spec.id,
            study=one.study.name,
            model=one.study.model,
            adapter=one.study.adapter or "",
            started=one.record.started,
            command=one.record.command,
        )
        for name, one in zip(names, runs, strict=True)
    )


def _model(run: Finished) -> str:
    """The model as a reader knows it, with its adapter's folder."""
    adapter = run.study.adapter
    return run.study.model if not adapter else f"{run.study.model} + {adapter.rstrip('/').rsplit('/', 1)[-1]}"


def notes(before: Finished, after: Finished, *, silent: int) -> tuple[str, ...]:
    """What a reader must know before taking a difference for the model's, in plain sentences.

    ``silent``: how many questions of peoples are left out because a voice did not answer in one run or the other.
    """
    said = []
    same_model = before.record.spec.engine == after.record.spec.engine
    differ = _settings_that_differ(before, after)
    differ += tuple(f"the prompt text {name}" for name in _templates_that_differ(before, after))
    if before.record.spec.id == after.record.spec.id:
        said.append("Both runs are of the same study and the same model.")
    elif same_model and not differ:
        said.append("Model and settings are the same in both runs.")
    if differ:
        beside = "The model is the same; the runs differ in" if same_model else "Beside the model, the runs differ in"
        said.append(f"{beside} {'; '.join(differ)}: a difference may come from that.")
    if before.method == after.method and max(len(one.study.methods) for one in (before, after)) > 1:
        said.append(f"Answers were obtained in several ways: those by {before.method!r} are compared.")
    leaks = [one.study.published for one in (before, after)]
    if any(leaks):
        which = "Both runs" if all(leaks) else "One of the runs"
        said.append(f"{which} let examples and neighbours be drawn from the very answers being measured.")
    if silent:
        said.append(
            f"{silent:,} {'answer is' if silent == 1 else 'answers are'} missing in one run or the other; those "
            "questions are left out on both sides."
        )
    return tuple(said)


def _settings_that_differ(before: Finished, after: Finished) -> tuple[str, ...]:
    """What decides answers and is not the model: each as ``option orders (2, then 4)``."""
    first, second = (_settings(one) for one in (before, after))
    names = {"orders": "option orders", "labels": "option labels", "published": "examples from measured answers"}
    return tuple(
        f"{names.get(key, key.replace('_', ' '))} ({_plain(first.get(key))}, then {_plain(second.get(key))})"
        for key in sorted({*first, *second})
        if first.get(key) != second.get(key)
    )


def _settings(run: Finished) -> dict[str, Any]:
    settings = {key: value for key, value in run.record.spec.study.items() if key not in _NOT_SETTINGS}
    settings["dtype"] = run.record.spec.engine.get("dtype")
    settings["way of answering"] = run.method
    return settings


def _templates_that_differ(before: Finished, after: Finished) -> tuple[str, ...]:
    """Prompt texts of the same name with another content."""
    first, second = before.record.spec.templates, after.record.spec.templates
    return tuple(name for name in sorted(set(first) & set(second)) if first[name] != second[name])


def _plain(value: object) -> str:
    return {"None": "none", "True": "yes", "False": "no"}.get(str(value), str(value))
