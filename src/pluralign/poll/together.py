"""Scores of several runs on one page: all models' voices side by side, against the same peoples. Measures no distance.

What depends on the runs' own floors stays as it was computed; differences between voices are worked out anew, also
between models.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pluralign.core.errors import UsageError
from pluralign.poll.differences import with_differences
from pluralign.poll.scores import QuestionAnswers, RunOfPage, Scores

_PARTS = ("agreements", "order_biases", "calibrations")


def together(runs: Sequence[tuple[str, Scores]], *, seed: int = 0, resamples: int = 1000) -> Scores:
    """One :class:`Scores` with the voices of all runs. ``runs``: where each came from, and its scores.

    Voices are told apart by a short name of their model. Raises :class:`UsageError` for fewer than two runs, for two
    that are the same, and where runs were not put the same questions or hold different answers of the people.
    """
    if len(runs) < 2:
        raise UsageError("one page over several runs needs at least two: name their folders one after the other")
    first = runs[0][1]
    ids = [scores.run for _, scores in runs]
    if len(set(ids)) < len(ids):
        raise UsageError(f"{runs[ids.index(max(ids, key=ids.count))][0]!r} is named twice, or is a copy of another run")
    for place, scores in runs[1:]:
        _check(runs[0][0], first, place, scores)
    names = _names(runs)
    parts = [_renamed(scores, name) for (_, scores), name in zip(runs, names, strict=True)]
    whole = first.model_copy(
        update={
            "run": " + ".join(ids),
            "study": " and ".join(dict.fromkeys(one.study for one in parts)),
            "created": max(one.created for one in parts),
            "collectives": tuple(dict.fromkeys(each for one in parts for each in one.collectives)),
            "unscored": tuple(dict.fromkeys(each for one in parts for each in one.unscored)),
            "asked": _asked(parts, names),
            "summaries": tuple(each for one in parts for each in one.summaries),
            "cells": tuple(each for one in parts for each in one.cells),
            "closest": {voice: row for one in parts for voice, row in one.closest.items()},
            "questions": tuple(_merged(same) for same in zip(*(one.questions for one in parts), strict=True)),
            "methods": tuple(dict.fromkeys(each for one in parts for each in one.methods)),
            "traits": _traits(parts),
            "caveats": _caveats(parts, names),
            "runs": tuple(
                RunOfPage(name=name, run=one.run, folder=place, asked=one.asked, created=one.created)
                for name, one, (place, _) in zip(names, parts, runs, strict=True)
            ),
            **{part: tuple(each for one in parts for each in getattr(one, part)) for part in _PARTS},
        }
    )
    return with_differences(whole, seed=seed, resamples=resamples)


def _check(place: str, first: Scores, other_place: str, other: Scores) -> None:
    said = f"{place!r} and {other_place!r} do not fit on one page"
    theirs = {one.id: one for one in other.questions}
    if first.survey != other.survey or [one.id for one in first.questions] != list(theirs):
        raise UsageError(
            f"{said}: they were not put the same questions of one survey; `pluralign compare` takes what they share"
        )
    for one in first.questions:
        same = theirs[one.id]
        if (one.text, one.options, one.people) != (same.text, same.options, same.people):
            raise UsageError(f"{said}: the survey differs on {one.id!r}; poll one of them again")
    if first.headline != other.headline:
        raise UsageError(f"{said}: one is about {first.headline}, the other about {other.headline}")


def _names(runs: Sequence[tuple[str, Scores]]) -> list[str]:
    """A short name of every run's model, with the study's or the run's where models are the same."""
    models = [scores.asked.model.rstrip("/").rsplit("/", 1)[-1] for _, scores in runs]
    studies = [f"{model}, {scores.study}" for model, (_, scores) in zip(models, runs, strict=True)]
    for names in (models, studies):
        if len(set(names)) == len(names):
            return names
    return [f"{model}, {scores.run[:8]}" for model, (_, scores) in zip(models, runs, strict=True)]


def _voice(name: str, voice: str) -> str:
    return f"{name} · {voice}"


def _renamed(scores: Scores, name: str) -> Scores:
    """The same with every voice under the model's name."""

    def renamed(one: Any, **more: Any) -> Any:
        found = {"voice": _voice(name, one.voice), **more}
        if getattr(one, "label", ""):
            found["label"] = _voice(name, one.label)
        return one.model_copy(update=found)

    return scores.model_copy(
        update={
            "summaries": tuple(renamed(one, model=name, way=one.way or one.voice) for one in scores.summaries),
            "cells": tuple(renamed(one) for one in scores.cells),
            "closest": {_voice(name, voice): row for voice, row in scores.closest.items()},
            "questions": tuple(
                one.model_copy(update={"voices": {_voice(name, voice): said for voice, said in one.voices.items()}})
                for one in scores.questions
            ),
            "traits": tuple(renamed(one) if one.voice else one for one in scores.traits),
            **{part: tuple(renamed(one) for one in getattr(scores, part)) for part in _PARTS},
        }
    )


def _merged(same: Sequence[QuestionAnswers]) -> QuestionAnswers:
    voices: dict[str, Mapping[str, tuple[float, ...]]] = {}
    for one in same:
        voices |= one.voices
    return same[0].model_copy(update={"voices": voices})


def _traits(parts: Sequence[Scores]) -> tuple[Any, ...]:
    """The people's own profiles once, then every model's."""
    peoples = [one for one in parts[0].traits if not one.voice]
    return (*peoples, *(one for part in parts for one in part.traits if one.voice))


def _asked(parts: Sequence[Scores], names: Sequence[str]) -> Any:
    first = parts[0].asked
    examples = tuple(
        example.model_copy(update={"voice": _voice(name, example.voice)})
        for name, one in zip(names, parts, strict=True)
        for example in one.asked.examples
    )
    return first.model_copy(
        update={
            "model": ", ".join(names),
            "engine": {},
            "published_leak": any(one.asked.published_leak for one in parts),
            "prompts": sum(one.asked.prompts for one in parts),
            "prompt_tokens": sum(one.asked.prompt_tokens for one in parts),
            "computed_tokens": sum(one.asked.computed_tokens for one in parts),
            "examples": examples,
            **{
                key: getattr(first, key)
                if len({getattr(one.asked, key) for one in parts}) == 1
                else "; ".join(f"{name}: {getattr(one.asked, key)}" for name, one in zip(names, parts, strict=True))
                for key in ("method", "orders", "labels")
            },
        }
    )


def _caveats(parts: Sequence[Scores], names: Sequence[str]) -> tuple[str, ...]:
    """What holds for all of them once, then what holds for one."""
    found: list[str] = []
    for key in ("method", "orders", "labels"):
        if len({getattr(one.asked, key) for one in parts}) > 1:
            what = {"method": "methods", "orders": "option orders", "labels": "option labels"}[key]
            found.append(f"The models were asked with different {what}, which may be what sets them apart.")
    everywhere = [one for one in parts[0].caveats if all(one in part.caveats for part in parts)]
    found += everywhere
    for name, part in zip(names, parts, strict=True):
        found += [f"{name}: {one}" for one in part.caveats if one not in everywhere]
    return tuple(found)
