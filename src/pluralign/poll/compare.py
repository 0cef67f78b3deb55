"""Hold what voices answered against what people answered: answers in, :class:`Scores` out. Asks and prints nothing."""

from collections.abc import Mapping

import numpy as np

from pluralign import __version__
from pluralign.core.distribution import Distribution
from pluralign.core.question import Question
from pluralign.core.run import RunSpec
from pluralign.metrics.distances import pad
from pluralign.metrics.scales import Scales, all_distances
from pluralign.poll.cells import baselines, measured
from pluralign.poll.records import now
from pluralign.poll.run import Answers, Prepared
from pluralign.poll.scores import Asked, DistanceName, QuestionAnswers, Scores
from pluralign.poll.summarise import caveats, summarise
from pluralign.prompts.options import Labels

_IN_WORDS = {Labels.NUMBER: "numbers", Labels.LETTER: "letters", Labels.NONE: "no labels, the wording itself"}


def compare(prepared: Prepared, answers: Answers, spec: RunSpec) -> Scores:
    """Compute every measure of every voice against the people it claims to speak for.

    A voice that speaks for nobody in particular is measured against each of the chosen peoples. Equal answers give
    equal scores but for the date.
    """
    survey, study = prepared.survey, prepared.study
    scored = tuple(one for one in prepared.collectives if survey.references.get(one.id))
    unscored = tuple(one.id for one in prepared.collectives if not survey.references.get(one.id))
    tables = {one.id: baselines(survey, one, study.seed) for one in scored}
    results = []
    for voice in prepared.voices:
        heard = answers.heard[voice.id]
        peoples = scored if voice.collective is None else tuple(one for one in scored if one == voice.collective)
        for people in peoples:
            results.append(
                measured(voice.strategy.name, heard, survey, people, tables[people.id], study.seed, study.resamples)
            )
    headline: DistanceName = (
        "wasserstein" if any(one.cell.headline == "wasserstein" for one in results) else "total_variation"
    )
    closest = _closest(prepared, answers, headline)
    strategies = tuple(dict.fromkeys(voice.strategy for voice in prepared.voices))
    by_voice = {one.name: [cell for cell in results if cell.cell.voice == one.name] for one in strategies}
    return Scores(
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
            for one in strategies
            if by_voice[one.name]
        ),
        cells=tuple(one.cell for one in results),
        closest=closest,
        questions=tuple(_question_answers(question, prepared, answers) for question in survey.questions),
        caveats=caveats(prepared, tuple(one.cell for one in results), unscored),
    )


def _closest(prepared: Prepared, answers: Answers, headline: DistanceName) -> dict[str, dict[str, dict[str, float]]]:
    """Mean distance of every voice to every people, over the questions that all peoples were asked.

    On different questions two peoples could not be told apart from two questionnaires. Where no question was put to
    all of them, each people's own questions are used.
    """
    survey = prepared.survey
    peoples = [one.id for one in survey.collectives if survey.references.get(one.id)]
    common = [
        question for question in survey.questions if all(question.id in survey.references[people] for people in peoples)
    ]
    found: dict[str, dict[str, dict[str, float]]] = {}
    for voice in prepared.voices:
        said = {key: one.distribution() for key, one in answers.heard[voice.id].items()}
        for people in peoples:
            reference = survey.references[people]
            questions = common or [question for question in survey.questions if question.id in reference]
            distance = _mean_distance(questions, said, reference, headline)
            if distance is not None:
                spoken_for = "" if voice.collective is None else voice.collective.id
                found.setdefault(voice.strategy.name, {}).setdefault(spoken_for, {})[people] = distance
    return found


def _mean_distance(
    questions: list[Question],
    voice: Mapping[str, Distribution | None],
    people: Mapping[str, Distribution],
    headline: DistanceName,
) -> float | None:
    pairs = [(question, answer) for question in questions if (answer := voice.get(question.id)) is not None]
    if not pairs:
        return None
    scales = Scales.of([question for question, _ in pairs])
    distances = all_distances(
        pad([answer for _, answer in pairs], scales.width),
        pad([people[question.id] for question, _ in pairs], scales.width),
        scales,
    )
    values = distances.wasserstein if headline == "wasserstein" else distances.tv
    return None if np.isnan(values).all() else float(np.nanmean(values))


def _question_answers(question: Question, prepared: Prepared, answers: Answers) -> QuestionAnswers:
    voices: dict[str, dict[str, tuple[float, ...]]] = {}
    for voice in prepared.voices:
        heard = answers.heard[voice.id].get(question.id)
        said = None if heard is None else heard.distribution()
        if said is not None:
            spoken_for = "" if voice.collective is None else voice.collective.id
            voices.setdefault(voice.strategy.name, {})[spoken_for] = said.probabilities
    return QuestionAnswers(
        id=question.id,
        text=question.text,
        topic=question.topic,
        scale=question.scale.value,
        options=tuple(option.text for option in question.options),
        people={
            people: reference[question.id].probabilities
            for people, reference in prepared.survey.references.items()
            if question.id in reference
        },
        voices=voices,
    )


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
        method=(
            "The probability of every option as the beginning of the model's reply, computed exactly, "
            "renormalised over the options and averaged over their orders."
        ),
        orders=orders,
        labels=_IN_WORDS[study.labels],
        published_leak=study.published,
        prompts=counts["prompts"],
        prompt_tokens=counts["prompt_tokens"],
        computed_tokens=counts["computed_tokens"],
        examples=answers.examples,
    )
