"""What several runs have in common, and what has to be left out to compare them. Knows no measure.

Two runs can be held against each other on questions with the same wording and options, against peoples whose answers
are the same in both surveys, voice by voice. Whatever else one of them has is named and left out.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from pluralign.core.distribution import Distribution
from pluralign.core.errors import UsageError
from pluralign.core.question import Question
from pluralign.core.survey import Survey
from pluralign.poll.finished import Finished

_SAME = 1e-9
"""How far apart two shares may lie and still count as the same people's."""


class Joint(NamedTuple):
    """What all runs have."""

    survey: Survey
    """Questions in order of their ids, so that their order in the files decides nothing; peoples and references."""
    peoples: dict[str, tuple[str, ...]]
    """Voice -> ids of the peoples it is measured against."""
    left_out: tuple[str, ...]
    """What only some of them have, in plain sentences."""


def join(runs: Sequence[Finished]) -> Joint:
    """Find what is common.

    Raises :class:`UsageError` where no question, no people or no voice is.
    """
    left_out: list[str] = []
    questions = _questions(runs, left_out)
    references = _references(runs, [question.id for question in questions], left_out)
    collectives = tuple(one for one in runs[0].survey.collectives if references.get(one.id))
    if not collectives:
        raise UsageError(
            f"nothing can be compared: no people has the same answers in the survey of {_name(runs[0])} and in the "
            "survey of every other run"
        )
    peoples = _voices(runs, [one.id for one in collectives], left_out)
    first = runs[0].survey
    survey = Survey(
        name=first.name,
        title=first.title,
        questions=questions,
        collectives=collectives,
        references={one.id: references[one.id] for one in collectives},
        traits=first.select(question_ids=[question.id for question in questions]).traits,
        citation=first.citation,
        licence=first.licence,
        notes=first.notes,
    )
    return Joint(survey, peoples, tuple(left_out))


def _questions(runs: Sequence[Finished], left_out: list[str]) -> tuple[Question, ...]:
    by_id = [{question.id: question for question in one.survey.questions} for one in runs]
    shared = sorted(set(by_id[0]).intersection(*by_id[1:]))
    if not shared:
        other = next((one for one in runs[1:] if one.survey.name != runs[0].survey.name), runs[-1])
        raise UsageError(
            f"nothing can be compared: {_name(runs[0])} was asked {runs[0].survey.name!r} and {_name(other)} "
            f"{other.survey.name!r}, and they share no question; compare runs of the same survey"
        )
    asked = sorted(set().union(*by_id) - set(shared))
    if asked:
        left_out.append(f"Not asked in every run: {_some(asked, 'question')}.")
    same = [one for one in shared if all(_alike(by_id[0][one], other[one]) for other in by_id[1:])]
    if not same:
        raise UsageError(
            f"nothing can be compared: {_name(runs[0])} and {_name(runs[-1])} word every question they share "
            f"differently, such as {shared[0]!r}; compare runs of the same survey"
        )
    if len(same) < len(shared):
        otherwise = sorted(set(shared) - set(same))
        left_out.append(f"Worded otherwise or with other options in another run: {_some(otherwise, 'question')}.")
    return tuple(by_id[0][one] for one in same)


def _alike(first: Question, second: Question) -> bool:
    """Whether people and models were asked the same thing. Its heading may differ."""
    return (first.text, first.options, first.scale) == (second.text, second.options, second.scale)


def _references(
    runs: Sequence[Finished], questions: Sequence[str], left_out: list[str]
) -> dict[str, dict[str, Distribution]]:
    kept: dict[str, dict[str, Distribution]] = {}
    only_some, differ = [], []
    everyone = dict.fromkeys(key for one in runs for key in one.survey.references)
    for people in everyone:
        for question in questions:
            found = [one.survey.reference(people, question) for one in runs]
            known = [one for one in found if one is not None]
            if len(known) < len(found):
                if known:
                    only_some.append(people)
            elif all(_same(known[0], other) for other in known[1:]):
                kept.setdefault(people, {})[question] = known[0]
            else:
                differ.append(people)
    for cells, why in ((only_some, "Only some runs' surveys know"), (differ, "The runs' surveys disagree on")):
        if cells:
            left_out.append(
                f"{why} the answers of {_some(list(dict.fromkeys(cells)), 'people', 'peoples')} to some questions "
                f"({len(cells):,} in all)."
            )
    return kept


def _same(first: Distribution, second: Distribution) -> bool:
    return first.n == second.n and bool(np.allclose(first.probabilities, second.probabilities, rtol=0, atol=_SAME))


def _voices(runs: Sequence[Finished], known: Sequence[str], left_out: list[str]) -> dict[str, tuple[str, ...]]:
    everything = dict.fromkeys(voice for one in runs for voice in one.said)
    shared = [voice for voice in everything if all(voice in one.said for one in runs)]
    if not shared:
        raise UsageError(
            f"nothing can be compared: the voices of {_name(runs[0])} are {_quoted(runs[0].said)} and those of "
            f"{_name(runs[-1])} {_quoted(runs[-1].said)}; poll both with the same --voice"
        )
    missing = [voice for voice in everything if voice not in shared]
    if missing:
        left_out.append(f"Not in every run: {_some(missing, 'voice')}.")
    peoples, dropped = {}, []
    for voice in shared:
        wanted = [_measured_against(one, voice) for one in runs]
        both = [people for people in known if all(people in one for one in wanted)]
        dropped += [people for one in wanted for people in one if people not in both]
        if both:
            peoples[voice] = tuple(both)
    if not peoples:
        raise UsageError(
            f"nothing can be compared: {_name(runs[0])} and {_name(runs[-1])} speak for no people in common; "
            "poll both with the same --as"
        )
    if dropped:
        names = {one.id: one.name for run in runs for one in run.survey.collectives}
        unique = [names.get(one, one) for one in dict.fromkeys(dropped)]
        left_out.append(f"Not measured in every run: {_some(unique, 'people', 'peoples')}.")
    return peoples


def _measured_against(run: Finished, voice: str) -> tuple[str, ...]:
    """A voice that names nobody is measured against everybody the run is about."""
    spoken_for = run.said[voice]
    return run.peoples if "" in spoken_for else tuple(one for one in spoken_for if one in run.peoples)


def _name(run: Finished) -> str:
    return f"the run in {str(run.folder)!r}"


def _quoted(voices: Mapping[str, object] | Iterable[str]) -> str:
    return ", ".join(repr(one) for one in voices)


def _some(names: Sequence[str], one: str, many: str = "") -> str:
    """A count, and the first few by name."""
    shown = ", ".join(names[:3])
    more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return f"{len(names):,} {one if len(names) == 1 else many or one + 's'} ({shown}{more})"
