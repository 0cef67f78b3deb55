"""Hold what voices answered against what people answered: answers in, :class:`Scores` out. Asks and prints nothing."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pluralign import __version__
from pluralign.core.distribution import Distribution
from pluralign.core.question import Question
from pluralign.core.run import RunSpec
from pluralign.core.survey import Survey
from pluralign.metrics.distances import Array, pad
from pluralign.metrics.scales import Scales, all_distances
from pluralign.poll.agreement import agreements
from pluralign.poll.answerers import answerers
from pluralign.poll.calibration import calibrate
from pluralign.poll.cells import Measured, baselines, measured
from pluralign.poll.differences import with_differences
from pluralign.poll.heard import SLACK
from pluralign.poll.order_bias import order_biases
from pluralign.poll.records import now
from pluralign.poll.run import Answers, Prepared
from pluralign.poll.scores import Asked, DistanceName, QuestionAnswers, Scores
from pluralign.poll.study import Method, Study
from pluralign.poll.summarise import caveats, saw_the_answers, summarise
from pluralign.poll.traits import trait_scores
from pluralign.prompts.options import Labels

_METHODS = {
    "exact": "Exact: the probability of every option as the beginning of the model's reply, computed exactly, "
    "renormalised over the options and averaged over their orders.",
    "top_k": "Exact: the probability of every option as the beginning of the model's reply, among the likeliest tokens "
    "that the server lists, renormalised over the options and averaged over their orders. Answers in which unlisted "
    f"options may hold more than {SLACK:.0%} of what the others do are left out and counted.",
    "samples": "Samples: {samples} replies drawn at temperature {temperature:g}, over all option orders together, each "
    "read as one option, a refusal, or neither; shares are of those that could be read.",
    "verbalised": "Verbalised: the model states as JSON how answers are distributed, once in every option order, "
    "greedily; statements that do not name every option once, or do not add up, are left out and counted.",
    "free-text": "Free text: {samples} replies in the model's own words, drawn at temperature {temperature:g} without "
    'showing the options; {reader} then scores which option each comes to, "none of these" among them.',
}
_IN_WORDS = {Labels.NUMBER: "numbers", Labels.LETTER: "letters", Labels.NONE: "no labels, the wording itself"}


def compare(prepared: Prepared, answers: Answers, spec: RunSpec) -> Scores:
    """Compute every measure of every voice against the people it claims to speak for.

    A voice that speaks for nobody in particular is measured against each of the chosen peoples. Equal answers give
    equal scores but for the date.
    """
    survey, study = prepared.measured, prepared.study
    scored = tuple(one for one in prepared.collectives if survey.references.get(one.id))
    unscored = tuple(one.id for one in prepared.collectives if not survey.references.get(one.id))
    tables = {one.id: baselines(survey, one, study.seed) for one in scored}
    peoples = [people.id for people in survey.collectives if survey.references.get(people.id)]
    near = _Nearness(survey, peoples)
    results: list[Measured] = []
    distances: list[tuple[str, str, dict[str, _Mean]]] = []
    profiled: list[tuple[str, str, dict[str, Distribution | None]]] = []
    said_by: dict[str, dict[str, dict[str, tuple[float, ...]]]] = {question.id: {} for question in survey.questions}
    calibrations = calibrate(prepared, answers.by_method[Method.EXACT]) if prepared.held_out else ()
    temperatures = {one.voice: one.temperature.value or 1.0 for one in calibrations}
    everyone = tuple(answerers(prepared, answers, temperatures))
    asked = frozenset(question.id for question in survey.questions)
    for answerer in everyone:
        for voice in answerer.voices:
            heard = answerer.answers(voice, asked)
            said = {key: one.distribution() for key, one in heard.items()}
            spoken_for = "" if voice.collective is None else voice.collective.id
            for people in scored if voice.collective is None else [one for one in scored if one == voice.collective]:
                table = tables[people.id]
                results.append(measured(answerer, heard, said, survey, people, table, study.seed, study.resamples))
            if survey.traits:
                profiled.append((answerer.name, spoken_for, said))
            distances.append((answerer.name, spoken_for, near.distances(said)))
            for question_id, answer in said.items():
                if answer is not None:
                    said_by[question_id].setdefault(answerer.name, {})[spoken_for] = answer.probabilities
    headline: DistanceName = (
        "wasserstein" if any(one.cell.headline == "wasserstein" for one in results) else "total_variation"
    )
    closest = _closest(distances, headline)
    by_voice = {one.name: [cell for cell in results if cell.cell.voice == one.name] for one in everyone}
    scores = Scores(
        run=spec.id,
        study=study.name,
        created=now(),
        version=__version__,
        survey=survey.name,
        survey_title=survey.title or survey.name,
        citation=survey.citation,
        licence=survey.licence,
        survey_notes=survey.notes,
        topics=survey.topics,
        collectives=tuple(dict.fromkeys((*survey.collectives, *prepared.collectives))),
        unscored=unscored,
        asked=_asked(prepared, answers, spec),
        headline=headline,
        summaries=tuple(
            summarise(one, by_voice[one.name], closest.get(one.name, {}), study.seed, study.resamples)
            for one in everyone
            if by_voice[one.name]
        ),
        cells=tuple(one.cell for one in results),
        closest=closest,
        questions=tuple(_question_answers(question, survey, said_by[question.id]) for question in survey.questions),
        methods=tuple(method.value for method in study.methods),
        agreements=tuple(agreements(everyone, survey.questions, study.seed, study.resamples)),
        order_biases=tuple(order_biases(everyone, survey.questions, study.labels, study.seed, study.resamples)),
        calibrations=calibrations,
        traits=trait_scores(survey, profiled, seed=study.seed, resamples=study.resamples),
        caveats=caveats(prepared, tuple(one.cell for one in results), unscored),
    )
    return with_differences(scores, seed=study.seed, resamples=study.resamples)


class _Mean(NamedTuple):
    """Mean distance over questions; ``None`` where it is undefined on all of them."""

    wasserstein: float | None
    tv: float | None


class _Nearness:
    """Distances of voices to every people, over the questions that all peoples were asked.

    On different questions two peoples could not be told apart from two questionnaires. Where no question was put to
    all of them, each people's own questions are used.
    """

    def __init__(self, survey: Survey, peoples: Sequence[str]):
        common = [
            question
            for question in survey.questions
            if all(question.id in survey.references[people] for people in peoples)
        ]
        self._questions = {
            people: common or [question for question in survey.questions if question.id in survey.references[people]]
            for people in peoples
        }
        self._shares = {
            people: pad([survey.references[people][question.id] for question in questions])
            for people, questions in self._questions.items()
        }
        self._common = bool(common)

    def distances(self, said: Mapping[str, Distribution | None]) -> dict[str, _Mean]:
        """People -> mean distance, without those that share no answered question with the voice."""
        found: dict[str, _Mean] = {}
        side: _Side | None = None
        for people, questions in self._questions.items():
            side = side if side is not None and self._common else _side(questions, said)
            if side.rows.size:
                shares = self._shares[people][side.rows]
                both = all_distances(side.shares, _widened(shares, side.scales.width), side.scales)
                found[people] = _Mean(_mean(both.wasserstein), _mean(both.tv))
        return found


class _Side(NamedTuple):
    rows: npt.NDArray[np.int64]
    """Which of the questions the voice answered."""
    scales: Scales
    shares: Array


def _side(questions: Sequence[Question], said: Mapping[str, Distribution | None]) -> _Side:
    answered = [
        (row, question, answer)
        for row, question in enumerate(questions)
        if (answer := said.get(question.id)) is not None
    ]
    scales = Scales.of([question for _, question, _ in answered])
    rows = np.array([row for row, _, _ in answered], dtype=np.int64)
    return _Side(rows, scales, pad([answer for _, _, answer in answered], scales.width))


def _widened(shares: Array, width: int) -> Array:
    """The same with so many columns; what is cut or added holds zeros."""
    wide = np.zeros((len(shares), width))
    kept = min(width, shares.shape[1])
    wide[:, :kept] = shares[:, :kept]
    return wide


def _mean(values: Array) -> float | None:
    return None if np.isnan(values).all() else float(np.nanmean(values))


def _closest(
    distances: Sequence[tuple[str, str, dict[str, _Mean]]], headline: DistanceName
) -> dict[str, dict[str, dict[str, float]]]:
    """Answerer -> collective spoken for -> people -> mean distance."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for name, spoken_for, near in distances:
        for people, mean in near.items():
            distance = mean.wasserstein if headline == "wasserstein" else mean.tv
            if distance is not None:
                found.setdefault(name, {}).setdefault(spoken_for, {})[people] = distance
    return found


def _question_answers(
    question: Question, survey: Survey, voices: dict[str, dict[str, tuple[float, ...]]]
) -> QuestionAnswers:
    return QuestionAnswers(
        id=question.id,
        text=question.text,
        topic=question.topic,
        scale=question.scale.value,
        options=tuple(option.text for option in question.options),
        people={
            people: reference[question.id].probabilities
            for people, reference in survey.references.items()
            if question.id in reference
        },
        voices=voices,
    )


def _methods(study: Study, option_scores: str) -> str:
    """How answers were obtained, a sentence for each method."""
    values = {"samples": study.samples, "temperature": study.temperature, "reader": study.reader}
    keys = [option_scores if method is Method.EXACT else method.value for method in study.methods]
    return " ".join(_METHODS[key].format(**values) for key in keys)


def _asked(prepared: Prepared, answers: Answers, spec: RunSpec) -> Asked:
    study, counts = prepared.study, answers.counts
    orders = {1: "the survey's own order", 2: "the survey's own order and its reverse"}.get(
        study.orders if isinstance(study.orders, int) else 0,
        "every order of small unordered lists, both directions of ordered ones"
        if study.orders == "all"
        else f"{study.orders} balanced orders",
    )
    return Asked(
        model=study.model,
        engine=spec.engine,
        method=_methods(study, spec.engine["option_scores"]),
        orders=orders,
        labels=_IN_WORDS[study.labels] + (", dealt apart from places" if study.permute_labels else ""),
        published_leak=saw_the_answers(prepared),
        prompts=counts["prompts"],
        prompt_tokens=counts["prompt_tokens"],
        computed_tokens=counts["computed_tokens"],
        examples=answers.examples,
    )
