"""From single cells to what a reader sees first: one line per voice, and what to beware of. Computes no distance."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from pluralign.metrics.distances import Array
from pluralign.metrics.skill import SIZES, sample_curves, skills, worth_n
from pluralign.metrics.uncertainty import Bootstrap, Estimate, bootstrap, weighted_mean
from pluralign.poll.answerers import Answerer
from pluralign.poll.cells import Measured, headline_values, in_words, mark_values, measure, table_rows
from pluralign.poll.panels import unread
from pluralign.poll.run import Prepared
from pluralign.poll.scores import DISTANCES, Cell, DistanceName, Mark, Measure, Summary
from pluralign.poll.study import Method
from pluralign.voices.panel import PanelVoice
from pluralign.voices.way import Way, label_of

LOW_CAPTURE = 0.5
"""Below this share of probability on the options, a reader is warned."""
MUCH_MISSING = 0.1
"""Above this share of people without a valid answer, a reader is warned."""
FEW_QUESTIONS = 10
"""Below this number of questions, a reader is warned."""


def summarise(
    answerer: Answerer,
    measured: Sequence[Measured],
    closest: Mapping[str, Mapping[str, float]],
    seed: int,
    resamples: int,
) -> Summary:
    """One voice over all its peoples, each people counting alike; intervals by resampling questions for all at once.

    ``closest``: collective spoken for -> people -> distance.
    """
    headline = measured[0].cell.headline
    questions = list(dict.fromkeys(row.question_id for one in measured for row in one.profile.rows))
    column = {question_id: at for at, question_id in enumerate(questions)}
    draws = bootstrap(len(questions), seed=seed, resamples=resamples)

    def grid(values: Callable[[Measured], Array]) -> Array:
        """Values per people and question, shape (peoples, questions), NaN where there is none."""
        filled = np.full((len(measured), len(questions)), np.nan)
        for row, one in enumerate(measured):
            columns = [column[answer.question_id] for answer in one.profile.rows]
            filled[row, columns] = values(one)
        return filled

    topic_of = {row.question_id: row.topic for one in measured for row in one.profile.rows}
    topics = [topic_of[question] for question in questions]
    topical = bootstrap(len(questions), seed=seed, resamples=resamples, clusters=topics)

    def estimate(statistic: Callable[[Array], Array], defined: Array, drawn: Bootstrap = draws) -> Measure:
        contributes = np.asarray(~np.isnan(defined).all(axis=0))
        return measure(drawn.estimate(statistic, contributes) if questions else Estimate(None))

    distance = grid(lambda one: headline_values(one.profile, headline))
    js = grid(lambda one: np.array([row.js for row in one.profile.rows]))
    match = grid(lambda one: np.array([row.match for row in one.profile.rows]))
    own_entropy = grid(lambda one: np.array([row.voice_entropy for row in one.profile.rows]))
    their_entropy = grid(lambda one: np.array([row.people_entropy for row in one.profile.rows]))
    floors = {
        name: grid(lambda one, name=name: mark_values(one.table, one.profile, name, headline))  # type: ignore[misc]
        for name in ("uniform", "marginal", "noise")
    }
    skill = _skill_over(distance, floors["marginal"], floors["noise"])
    over_uniform = _skill_over(distance, floors["uniform"], floors["noise"])
    ranked = sorted((one.cell for one in measured if one.cell.skill.value is not None), key=_skill_value)
    worth_people, worth_text = _worth(measured, headline, distance)
    return Summary(
        voice=answerer.name,
        label=answerer.label,
        sentence=answerer.way.summary,
        way=answerer.way.name,
        method=answerer.method,
        distance=estimate(lambda counts: _mean_over_peoples(counts, distance), distance),
        distance_by_topic=estimate(lambda counts: _mean_over_peoples(counts, distance), distance, topical),
        skill_by_topic=estimate(skill, distance, topical),
        js_distance=estimate(lambda counts: _mean_over_peoples(counts, js), js),
        entropy_ratio=estimate(
            lambda counts: _over(_mean_over_peoples(counts, own_entropy), _mean_over_peoples(counts, their_entropy)),
            own_entropy,
        ),
        agreement=estimate(lambda counts: _mean_over_peoples(counts, match), match),
        skill=estimate(skill, distance),
        skill_over_uniform=estimate(over_uniform, distance),
        worth_people=worth_people,
        worth_text=worth_text,
        captured=float(np.mean([one.cell.captured for one in measured])),
        refused=float(np.mean([one.cell.refused for one in measured])),
        replies=_mean([one.cell.replies for one in measured]),
        marks=_mean_marks([one.cell for one in measured]),
        worst=ranked[0].collective if ranked else None,
        best=ranked[-1].collective if ranked else None,
        own_closest=_own_closest(closest),
        peoples=len(measured),
    )


def _mean_over_peoples(counts: Array, values: Array) -> Array:
    """Mean of the peoples' means, shape (resamples,): each people counts alike however many questions it has."""
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.stack([weighted_mean(counts, row) for row in values])
    return np.asarray(means.mean(axis=0))


def _over(voice: Array, people: Array) -> Array:
    """Undefined (NaN) over peoples who are all of one mind."""
    return np.divide(voice, people, out=np.full_like(voice, np.nan), where=people > 0)


def _skill_over(distance: Array, floor: Array, noise: Array) -> Callable[[Array], Array]:
    """Skill of mean distances, over the cells where all three are defined."""
    sides = np.stack([distance, floor, noise])
    sides[:, np.isnan(sides).any(axis=0)] = np.nan
    peoples = ~np.isnan(sides[0]).all(axis=1)
    sides = sides[:, peoples]

    def statistic(counts: Array) -> Array:
        if not peoples.any():
            return np.full(len(counts), np.nan)
        return skills(*(_mean_over_peoples(counts, side) for side in sides))

    return statistic


def _skill_value(cell: Cell) -> float:
    return -np.inf if cell.skill.value is None else cell.skill.value


def _worth(measured: Sequence[Measured], headline: DistanceName, distance: Array) -> tuple[float | None, str]:
    """Invert the peoples' mean curve at the voice's mean distance."""
    if np.isnan(distance).all():
        return None, "undefined"
    curves, means = [], []
    for one, row in zip(measured, distance, strict=True):
        if np.isnan(row).all():
            continue
        table = one.table.take(table_rows(one.table, one.profile))
        both = sample_curves(table.people, table.scales)
        curve = both.wasserstein if headline == "wasserstein" else both.tv
        curves.append(np.nanmean(curve, axis=0))
        means.append(np.nanmean(row))
    worth = worth_n(float(np.mean(means)), SIZES, np.mean(curves, axis=0))
    return worth.people, in_words(str(worth))


def _mean_marks(cells: Sequence[Cell]) -> tuple[Mark, ...]:
    marks = []
    for first in cells[0].marks:
        same = [mark for cell in cells for mark in cell.marks if mark.name == first.name]
        distances = {name: _mean([mark.distances[name] for mark in same]) for name in DISTANCES}
        marks.append(first.model_copy(update={"distances": distances}))
    return tuple(marks)


def _mean(values: Sequence[float | None]) -> float | None:
    """``None`` unless every people has the number: a mean over some would not be comparable."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known and len(known) == len(values) else None


def _own_closest(closest: Mapping[str, Mapping[str, float]]) -> int | None:
    """For how many peoples the voice speaking for them is closer to them than to any other people."""
    own = [(spoken_for, row) for spoken_for, row in closest.items() if spoken_for in row]
    if not own or len(own[0][1]) < 2:
        return None
    return sum(min(row, key=lambda people: row[people]) == spoken_for for spoken_for, row in own)


def _ways(prepared: Prepared) -> tuple[Way, ...]:
    """All ways of speaking that are asked, those of panels' members included."""
    return tuple(dict.fromkeys(way for voice in prepared.voices for way in voice.ways))


def _seen(way: Way, prepared: Prepared) -> str:
    """What of this poll a voice was trained on; empty if nothing."""
    if way.lessons.survey != prepared.survey.name:
        return ""
    asked, learned = prepared.survey.questions, set(way.lessons.questions)
    seen = sum(question.id in learned for question in asked)
    peoples = [one.id for one in prepared.collectives if one.id in set(way.lessons.peoples)]
    if not seen or not peoples:
        return ""
    return (
        f"“{way.label}” was trained on people's answers to {seen} of these {len(asked)} questions, as given by "
        f"{len(peoples)} of these {len(prepared.collectives)} peoples ({', '.join(peoples)}): where both meet it "
        "repeats what it was told."
    )


def saw_the_answers(prepared: Prepared) -> bool:
    """Whether some voice's prompts show the very answers that are measured."""
    drawing = (way.strategy for way in _ways(prepared))
    return prepared.study.published and any(one.needs_examples or one.needs_neighbours for one in drawing)


def caveats(prepared: Prepared, cells: Sequence[Cell], unscored: Sequence[str]) -> tuple[str, ...]:
    """What a reader must know before believing any of it."""
    said = []
    study, survey = prepared.study, prepared.survey
    if study.published and any(way.strategy.demonstrates for way in _ways(prepared)):
        said.append(
            "The shares of demonstrations come of adding the log-probabilities of a label's written forms, averaged "
            "over draws (published mode), which makes them sharper than the model's answers are."
        )
    if saw_the_answers(prepared):
        said.append(
            "Examples and neighbouring cultures were drawn from the very answers being measured (published mode): "
            "self-alignment and cross-culture voices have seen part of what they are scored on."
        )
    if unscored:
        said.append(
            f"{survey.name} has no answers of {', '.join(unscored)}: those voices were polled and cannot be scored."
        )
    drawn = [cell for cell in cells if cell.replies is not None]
    if drawn:
        fewest = min(cell.replies or 0.0 for cell in drawn)
        said.append(
            f"Answers drawn as replies rest on as few as {fewest:.0f} readable ones a question; so few lie farther "
            "from any people than the voice itself does, so distances by different methods are not to be ranked."
        )
    if prepared.held_out:
        said.append(
            f"{len(prepared.held_out)} questions were held out to fit temperatures on; they are in no other number."
        )
    said += [one for way in _ways(prepared) if (one := _seen(way, prepared))]
    for label, count in unread(prepared).items():
        said.append(
            f"The panel {label} was to pick a member for {len(prepared.collectives)} peoples; {count} picks could "
            "not be read, and nobody speaks for those peoples."
        )
    windows = {
        voice.way.label for voice in prepared.voices if isinstance(voice, PanelVoice) and voice.way.kind == "overton"
    }
    for label in sorted(windows):
        said.append(
            f"{label} is an Overton panel: its shares say how much room its reply gives to each answer, every voice's "
            "part counting alike. How many of people's views its replies cover is another matter, which pluralign "
            "coverage measures."
        )
    low = sorted({label_of(cell.voice) for cell in cells if cell.captured < LOW_CAPTURE})
    if low:
        worst = min(cell.captured for cell in cells)
        said.append(
            f"Under {', '.join(low)} the model would often reply with something other than an option "
            f"(options hold as little as {worst:.0%} of the probability); shares are of the rest."
        )
    empty = sum(cell.unanswerable for cell in cells)
    if empty:
        none = "showed the options no probability, or too little of it"
        if set(study.methods) - {Method.EXACT}:
            none += ", or could not be read"
        said.append(f"{empty} answers {none}; they are left out.")
    missing = [cell for cell in cells if cell.people_missing > MUCH_MISSING]
    if missing:
        worst_missing = max(missing, key=lambda cell: cell.people_missing)
        said.append(
            f"Many people gave no valid answer (most in {worst_missing.collective}: "
            f"{worst_missing.people_missing:.0%}); they are left out of the people's shares."
        )
    absent = {cell.collective: cell.without_reference for cell in cells if cell.without_reference}
    if absent:
        said.append(
            "Questions a people was not asked are left out of its scores: "
            + ", ".join(f"{people} {count}" for people, count in absent.items())
            + "."
        )
    answered = [reference for reference in survey.references.values() if reference]
    if len(answered) > 1 and not set.intersection(*(set(reference) for reference in answered)):
        said.append(
            "No question was put to all peoples of this survey, so to whom a voice is closest was found on "
            "different questions for each."
        )
    if cells and max(cell.questions for cell in cells) < FEW_QUESTIONS:
        said.append("So few questions were asked that the intervals are rough.")
    if study.orders == 1:
        said.append("Options were listed in one order only; models favour places, so ask with --orders 2 or more.")
    return tuple(said)
