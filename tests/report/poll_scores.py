"""Realistic scores for tests of the report, made from a seed: peoples, voices that resemble them more or less."""

import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pluralign.core.collective import Collective
from pluralign.poll.scores import (
    Asked,
    Cell,
    DistanceName,
    ExamplePrompt,
    Mark,
    Measure,
    QuestionAnswers,
    Scores,
    Summary,
)

Array = npt.NDArray[np.float64]

COUNTRIES = (
    ("USA", "United States", "America"),
    ("CAN", "Canada", "America"),
    ("BOL", "Bolivia", "America"),
    ("BRA", "Brazil", "America"),
    ("GBR", "Great Britain", "Europe"),
    ("NLD", "Netherlands", "Europe"),
    ("DEU", "Germany", "Europe"),
    ("UKR", "Ukraine", "Europe"),
    ("CHN", "China", "Asia"),
    ("RUS", "Russia", "Asia"),
    ("IND", "India", "Asia"),
    ("THA", "Thailand", "Asia"),
    ("KEN", "Kenya", "Africa"),
    ("NGA", "Nigeria", "Africa"),
    ("ETH", "Ethiopia", "Africa"),
    ("ZWE", "Zimbabwe", "Africa"),
    ("AUS", "Australia", "Oceania"),
    ("NZL", "New Zealand", "Oceania"),
)
VOICES = (
    ("plain", "Plain", "Asked as itself, nobody named.", False),
    ("persona", "Persona", "Told to be a person of that background.", True),
    ("self-alignment", "Self-alignment", "Shown five other questions as the people's majority answered them.", True),
    ("cross-culture", "Cross-culture", "Told to think of similar and different cultures.", True),
    ("persona+self-alignment", "Persona + self-alignment", "Told both who to be and what others said.", True),
    ("cross-culture+self-alignment", "Cross-culture + self-alignment", "Told of cultures and shown answers.", True),
)
TOPICS = ("Social values", "Happiness", "Trust", "Economic values", "Corruption", "Migration", "Security")
STEMS = (
    "How important is {} in your life?",
    "How much do you trust {}?",
    "Do you agree that {} should come first when money is short?",
    "How often does {} worry you?",
)
NOUNS = ("family", "work", "religion", "the police", "your neighbourhood", "the press", "school", "the law")
SCALES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("ordinal", ("Very important", "Rather important", "Not very important", "Not at all important")),
    ("nominal", ("Economic growth", "Strong defence", "More say for people", "Beautiful cities")),
    ("interval", tuple(str(step) for step in range(1, 11))),
    ("ordinal", ("Agree", "Neither agree nor disagree", "Disagree")),
)


def _distance(name: DistanceName, left: Array, right: Array) -> float:
    if name == "wasserstein":
        return float(np.abs(np.cumsum(left - right)[:-1]).sum() / (len(left) - 1))
    if name == "total_variation":
        return float(np.abs(left - right).sum() / 2)
    middle = (left + right) / 2

    def divergence(of: Array) -> float:
        kept = of > 0
        return float((of[kept] * np.log2(of[kept] / middle[kept])).sum())

    return math.sqrt(max(0.0, (divergence(left) + divergence(right)) / 2))


def _entropy(of: Array) -> float:
    return float(-(of[of > 0] * np.log(of[of > 0])).sum())


def _measure(values: list[float], random: np.random.Generator) -> Measure:
    if not values:
        return Measure(value=None)
    array = np.array(values)
    means = array[random.integers(0, len(array), (200, len(array)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Measure(value=float(array.mean()), low=float(low), high=float(high))


def make_scores(
    *,
    peoples: int = 6,
    voices: int = 3,
    questions: int = 26,
    compared: int | None = None,
    knowledge: float = 0.55,
    seed: int = 7,
    **changes: Any,
) -> Scores:
    """Scores of a made-up run. ``knowledge``: 0 is a voice that answers at random, 1 one that knows the people."""
    random = np.random.default_rng(seed)
    spoken = [Collective(id=code, name=name, region=region) for code, name, region in COUNTRIES[:peoples]]
    everyone = [
        Collective(id=code, name=name, region=region) for code, name, region in COUNTRIES[: compared or peoples]
    ]
    truths: list[dict[str, Array]] = []
    answers: list[dict[str, dict[str, Array]]] = []
    rows = []
    for at in range(questions):
        scale, options = SCALES[at % len(SCALES)]
        size = len(options)
        shared = random.dirichlet(np.full(size, 1.2))
        truth = {one.id: random.dirichlet(shared * 8 + 0.3) for one in everyone}
        biased = random.dirichlet(np.full(size, 0.35))
        said: dict[str, dict[str, Array]] = {}
        for rank, (voice, _, _, steered) in enumerate(VOICES[:voices]):
            weight = knowledge * (0.4 + 0.6 * rank / max(1, voices - 1)) if steered else knowledge * 0.3
            if steered:
                said[voice] = {one.id: weight * truth[one.id] + (1 - weight) * biased for one in spoken}
            else:
                said[voice] = {"": weight * shared + (1 - weight) * biased}
        truths.append(truth)
        answers.append(said)
        rows.append(
            QuestionAnswers(
                id=f"Q{at + 1}",
                text=STEMS[at % len(STEMS)].format(NOUNS[at % len(NOUNS)]),
                topic=TOPICS[at % len(TOPICS)],
                scale=scale,
                options=options,
                people={key: tuple(value.tolist()) for key, value in truth.items()},
                voices={voice: {key: tuple(value.tolist()) for key, value in of.items()} for voice, of in said.items()},
            )
        )
    ordered = [at for at, row in enumerate(rows) if row.scale != "nominal"]

    def pairs(voice: str, spoken_for: str, against: str, which: list[int]) -> list[tuple[Array, Array]]:
        found = []
        for at in which:
            of = answers[at][voice]
            found.append((of.get(spoken_for, of.get("", np.ones(1))), truths[at][against]))
        return found

    every = list(range(questions))
    cells = []
    closest: dict[str, dict[str, dict[str, float]]] = {}
    for voice, _, _, steered in VOICES[:voices]:
        closest[voice] = {
            one: {
                other.id: float(
                    np.mean([_distance("wasserstein", *pair) for pair in pairs(voice, one, other.id, ordered)])
                )
                for other in everyone
            }
            for one in ([each.id for each in spoken] if steered else [""])
        }
        cells += [_cell(voice, one.id, pairs, ordered, every, truths, random) for one in spoken]
    summaries = tuple(_summary(entry, cells, closest) for entry in VOICES[:voices])
    content: dict[str, Any] = {
        "run": "0f3c5a7e9b1d2c4e",
        "study": "demo",
        "created": "2026-11-21T09:50:00+00:00",
        "version": "0.1.0",
        "survey": "world-mini",
        "survey_title": "World mini: 26 questions of our own wording",
        "citation": "Haerpfer, C. et al. (eds.) (2022). World Values Survey: Round Seven. doi:10.14281/18241.20",
        "licence": "Wording CC-BY-4.0; shares after the World Values Survey, non-commercial use with citation.",
        "survey_notes": "Shares are of everyone who gave a valid answer.",
        "topics": tuple(dict.fromkeys(row.topic for row in rows)),
        "collectives": tuple(everyone),
        "unscored": (),
        "asked": Asked(
            model="SmolLM2-135M-Instruct",
            engine={"name": "local", "device": "cpu", "dtype": "float32", "revision": "3f1a"},
            method="The probability of every option as the beginning of the reply, computed exactly.",
            orders="Each question was asked in 2 orders of its options; answers are averaged.",
            labels="number",
            published_leak=False,
            prompts=questions * (1 + (voices - 1) * peoples) * 2,
            prompt_tokens=184_230,
            computed_tokens=41_877,
            examples=tuple(
                ExamplePrompt(
                    voice=voice,
                    collective=spoken[0].id if steered else "",
                    system="You are a person with a background." if steered else "You are a person with values.",
                    user="How important is family in your life?\n1. Very important\n2. Rather important\n\nAnswer:",
                )
                for voice, _, _, steered in VOICES[:voices]
            ),
        ),
        "headline": "wasserstein",
        "summaries": summaries,
        "cells": tuple(cells),
        "closest": closest,
        "questions": tuple(rows),
        "caveats": (
            "A model of 135 million parameters knows little of any country: read this as a test of the instrument.",
            "Survey questions were asked in English; the people answered in their own languages.",
        ),
    }
    return Scores(**{**content, **changes})


def _marks(truths: list[dict[str, Array]], of: str, which: list[int]) -> tuple[Mark, ...]:
    def mean(name: DistanceName, guess: Any) -> float | None:
        found = [_distance(name, guess(truths[at]), truths[at][of]) for at in which]
        return float(np.mean(found)) if found else None

    def middle(truth: dict[str, Array]) -> Array:
        size = len(truth[of])
        peak = np.zeros(size)
        peak[(size - 1) // 2] += 0.5
        peak[size // 2] += 0.5
        return peak

    def others(truth: dict[str, Array]) -> Array:
        rest = [shares for key, shares in truth.items() if key != of]
        return np.asarray(np.mean(rest, axis=0) if rest else np.full(len(truth[of]), 1 / len(truth[of])))

    guesses: tuple[tuple[str, str, str, Literal["floor", "ceiling"], Any], ...] = (
        (
            "uniform",
            "coin toss",
            "Every option is given the same share.",
            "floor",
            lambda truth: np.full(len(truth[of]), 1 / len(truth[of])),
        ),
        ("middle", "always the middle", "Everyone gives the middle answer.", "floor", middle),
        ("others", "other peoples", "The average of the other peoples is passed off as this one.", "floor", others),
        (
            "marginal",
            "everyone asked",
            "The average of everyone asked, this people included.",
            "floor",
            lambda truth: np.mean(list(truth.values()), axis=0),
        ),
    )
    names: tuple[DistanceName, ...] = ("wasserstein", "js_distance", "total_variation")
    made = [
        Mark(
            name=name,
            label=label,
            sentence=sentence,
            kind=kind,
            distances={each: mean(each, guess) for each in names},
        )
        for name, label, sentence, kind, guess in guesses
    ]
    noise: dict[DistanceName, float | None] = {"wasserstein": 0.012, "js_distance": 0.02, "total_variation": 0.015}
    sentence = "What a fresh sample of the same people, as large as the first, would differ by chance."
    return (*made, Mark(name="noise", label="the people again", sentence=sentence, kind="ceiling", distances=noise))


def _cell(
    voice: str, of: str, pairs: Any, ordered: list[int], every: list[int], truths: Any, random: np.random.Generator
) -> Cell:
    on_scales, on_all = pairs(voice, of, of, ordered), pairs(voice, of, of, every)
    marks = _marks(truths, of, ordered)
    by_name = {mark.name: mark.distances["wasserstein"] or 0.0 for mark in marks}
    distance = _measure([_distance("wasserstein", *pair) for pair in on_scales], random)
    voice_entropy = [_entropy(left) for left, _ in on_all]
    people_entropy = [_entropy(right) for _, right in on_all]

    def skill(floor: float) -> Measure:
        if floor <= by_name["noise"]:
            return Measure(value=None)
        ends = [
            None if end is None else (floor - end) / (floor - by_name["noise"])
            for end in (distance.value, distance.high, distance.low)
        ]
        return Measure(value=ends[0], low=ends[1], high=ends[2])

    worth = None if not distance.value else (0.3 / distance.value) ** 2
    return Cell(
        voice=voice,
        collective=of,
        headline="wasserstein",
        distances={
            "wasserstein": distance,
            "js_distance": _measure([_distance("js_distance", *pair) for pair in on_all], random),
            "total_variation": _measure([_distance("total_variation", *pair) for pair in on_all], random),
        },
        shuffled={"wasserstein": 0.3, "js_distance": 0.4, "total_variation": 0.38},
        entropy=_measure(voice_entropy, random),
        people_entropy=float(np.mean(people_entropy)),
        entropy_ratio=_measure(
            [mine / theirs for mine, theirs in zip(voice_entropy, people_entropy, strict=True)], random
        ),
        agreement=_measure([float(left.argmax() == right.argmax()) for left, right in on_all], random),
        alignment_published=0.61,
        alignment=Measure(value=0.58, low=0.51, high=0.66),
        skill=skill(by_name["marginal"]),
        skill_over_uniform=skill(by_name["uniform"]),
        skill_note="" if by_name["marginal"] > by_name["noise"] else "the whole sample is this people",
        worth_people=worth,
        worth_text="–" if worth is None else f"{worth:.1f}" if worth >= 1 else "fewer than 1",
        marks=marks,
        questions=len(every),
        ordered=len(ordered),
        nominal=len(every) - len(ordered),
        without_reference=2 if of == "CHN" else 0,
        unanswerable=0,
        captured=0.93,
        lowest_captured=0.42,
        people_missing=0.031,
        order_effect=0.14,
    )


def _mean(measures: list[Measure]) -> Measure:
    known = [measure for measure in measures if measure.value is not None]
    if not known:
        return Measure(value=None)
    return Measure(
        value=float(np.mean([measure.value for measure in known])),
        low=float(np.mean([measure.low for measure in known])),
        high=float(np.mean([measure.high for measure in known])),
    )


def _summary(entry: tuple[str, str, str, bool], cells: list[Cell], closest: Any) -> Summary:
    voice, label, sentence, steered = entry
    mine = [cell for cell in cells if cell.voice == voice]
    ranked = sorted(mine, key=lambda cell: cell.skill.value if cell.skill.value is not None else -9.0)
    marks = []
    for mark in mine[0].marks if mine else ():
        same = [each for cell in mine for each in cell.marks if each.name == mark.name]
        names: tuple[DistanceName, ...] = ("wasserstein", "js_distance", "total_variation")
        marks.append(
            mark.model_copy(
                update={"distances": {name: float(np.mean([each.distances[name] for each in same])) for name in names}}
            )
        )
    distance = _mean([cell.distances["wasserstein"] for cell in mine])
    worth = None if not distance.value else (0.3 / distance.value) ** 2
    return Summary(
        voice=voice,
        label=label,
        sentence=sentence,
        distance=distance,
        js_distance=_mean([cell.distances["js_distance"] for cell in mine]),
        entropy_ratio=_mean([cell.entropy_ratio for cell in mine]),
        agreement=_mean([cell.agreement for cell in mine]),
        skill=_mean([cell.skill for cell in mine]),
        skill_over_uniform=_mean([cell.skill_over_uniform for cell in mine]),
        worth_people=worth,
        worth_text="–" if worth is None else f"{worth:.1f}" if worth >= 1 else "fewer than 1",
        captured=0.93,
        marks=tuple(marks),
        worst=ranked[0].collective if ranked else None,
        best=ranked[-1].collective if ranked else None,
        own_closest=sum(min(row, key=row.__getitem__) == spoken for spoken, row in closest[voice].items())
        if steered
        else None,
        peoples=len(mine),
    )


def hard_scores() -> Scores:
    """Undefined skill, a people without reference, low captured mass, a very long name, right-to-left text."""
    base = make_scores(peoples=3, questions=8)
    long = "The Federation of Very Long-Named Peoples of the Outer Archipelago, its Dependencies and Territories " * 2
    cells = [cell.model_copy(update={"captured": 0.2, "lowest_captured": 0.0}) for cell in base.cells]
    cells[0] = cells[0].model_copy(
        update={
            "skill": Measure(value=None),
            "skill_note": "the whole sample is no farther away than chance",
            "worth_people": None,
            "worth_text": "undefined",
            "people_entropy": None,
            "order_effect": None,
            "alignment_published": None,
            "unanswerable": 3,
        }
    )
    arabic = QuestionAnswers(
        id="own-1",
        text="هل تثق في جيرانك؟",
        topic="الثقة",
        scale="ordinal",
        options=("نعم", "لا"),
        people={"USA": (0.6, 0.4)},
        voices={"plain": {"": (1.0, 0.0)}, "persona": {"USA": (0.5, 0.5)}},
    )
    return base.model_copy(
        update={
            "collectives": (
                base.collectives[0],
                Collective(id="CAN", name=long),
                base.collectives[2],
                Collective(id="JPN", name="Japan"),
            ),
            "unscored": ("JPN",),
            "cells": tuple(cells),
            "summaries": tuple(one.model_copy(update={"captured": 0.2}) for one in base.summaries),
            "questions": (*base.questions, arabic),
        }
    )
