"""The sentences above a report claim no more than the intervals allow."""

from typing import Any

import pytest

from pluralign.poll.scores import Mark, Measure, Scores, Summary
from pluralign.report import page
from pluralign.report.headline import headline
from tests.report.poll_scores import make_scores

PEOPLE_MARKS = {"noise": 0.01, "marginal": 0.10, "others": 0.12, "uniform": 0.20, "middle": 0.30}


def skill(low: float, high: float) -> Measure:
    return Measure(value=(low + high) / 2, low=low, high=high)


def voice(
    label: str,
    distance: tuple[float, float, float],
    *,
    marginal: Measure | None = None,
    uniform: Measure | None = None,
    **changes: Any,
) -> Summary:
    """A voice at ``distance`` (value, low, high); skills follow from the marks unless given."""
    value, low, high = distance
    marks = tuple(
        Mark(
            name=name,
            label=name,
            sentence=f"What {name} is.",
            kind="ceiling" if name == "noise" else "floor",
            distances={"wasserstein": bar, "js_distance": None, "total_variation": None},
        )
        for name, bar in PEOPLE_MARKS.items()
    )

    def follows(bar: float) -> Measure:
        reach = bar - PEOPLE_MARKS["noise"]
        return Measure(value=(bar - value) / reach, low=(bar - high) / reach, high=(bar - low) / reach)

    content: dict[str, Any] = {
        "voice": label,
        "label": label,
        "sentence": "asked in some way",
        "distance": Measure(value=value, low=low, high=high),
        "js_distance": Measure(value=0.3),
        "entropy_ratio": Measure(value=1.0, low=0.9, high=1.1),
        "agreement": Measure(value=0.4),
        "skill": marginal or follows(PEOPLE_MARKS["marginal"]),
        "skill_over_uniform": uniform or follows(PEOPLE_MARKS["uniform"]),
        "worth_people": 2.3,
        "worth_text": "2.3",
        "captured": 0.9,
        "marks": marks,
        "worst": None,
        "best": None,
        "own_closest": None,
        "peoples": 6,
    }
    return Summary(**{**content, **changes})


def scores_with(*voices: Summary, **changes: Any) -> Scores:
    return make_scores(questions=4).model_copy(update={"summaries": voices, "closest": {}, **changes})


@pytest.mark.parametrize(
    ("voices", "title"),
    [
        pytest.param(
            [voice("plain", (0.30, 0.27, 0.33)), voice("persona", (0.26, 0.23, 0.29))],
            "No voice of this model comes closer to these 6 peoples than a coin toss over the options.",
            id="all below the floor",
        ),
        pytest.param(
            [voice("plain", (0.30, 0.27, 0.33)), voice("persona", (0.21, 0.18, 0.24))],
            "Even the closest voice, “persona”, cannot be told from a coin toss over the options when held against "
            "these 6 peoples.",
            id="the best cannot be told from the floor",
        ),
        pytest.param(
            [voice("persona", (0.21, 0.18, 0.24))],
            "The voice “persona” cannot be told from a coin toss over the options when held against these 6 peoples.",
            id="one voice at the floor",
        ),
        pytest.param(
            [voice("persona", (0.26, 0.23, 0.29))],
            "The voice “persona” does not come closer to these 6 peoples than a coin toss over the options.",
            id="one voice below the floor",
        ),
        pytest.param(
            [voice("plain", (0.30, 0.27, 0.33)), voice("persona", (0.15, 0.13, 0.17))],
            "The voice “persona” comes closest to these 6 peoples: closer than a coin toss over the options, but not "
            "as close as the average of the other peoples.",
            id="between the floors",
        ),
        pytest.param(
            [voice("plain", (0.16, 0.14, 0.18)), voice("persona", (0.15, 0.13, 0.17))],
            "The voice “persona”, not clearly ahead of “plain”, comes closest to these 6 peoples: closer than a coin "
            "toss over the options, but not as close as the average of the other peoples.",
            id="two voices that cannot be told apart",
        ),
        pytest.param(
            [voice("persona", (0.11, 0.09, 0.13))],
            "The voice “persona”, held against these 6 peoples, comes closer than a coin toss over the options, about "
            "as close as the average of everyone asked.",
            id="about as close as the whole sample",
        ),
        pytest.param(
            [voice("plain", (0.30, 0.27, 0.33)), voice("persona", (0.05, 0.04, 0.06))],
            "The voice “persona” comes closest to these 6 peoples: closer than the average of everyone asked.",
            id="past every floor",
        ),
        pytest.param(
            [voice("plain", (0.30, 0.27, 0.33)), voice("persona", (0.012, 0.008, 0.016))],
            "The voice “persona” comes closest to these 6 peoples: closer than the average of everyone asked, and "
            "cannot be told from a fresh sample of the people themselves.",
            id="like the people themselves",
        ),
        pytest.param(
            # The distance's own interval crosses the floor; the paired one over differences does not.
            [voice("persona", (0.18, 0.15, 0.21), uniform=skill(0.02, 0.2))],
            "The voice “persona”, held against these 6 peoples, comes closer than a coin toss over the options, but "
            "not as close as the average of the other peoples.",
            id="the paired interval decides",
        ),
        pytest.param(
            [voice("persona", (0.15, 0.13, 0.17), marginal=Measure(value=None))],
            "The voice “persona”, held against these 6 peoples, comes closer than a coin toss over the options, but "
            "not as close as the average of the other peoples.",
            id="skill undefined",
        ),
    ],
)
def test_the_title_says_what_the_intervals_allow(voices: list[Summary], title: str) -> None:
    assert headline(scores_with(*voices)).title == title


def test_one_people_is_named() -> None:
    found = headline(make_scores(peoples=1, voices=2, questions=8, knowledge=0.0))
    assert "the one people measured (United States)" in found.title
    assert not any("worst for" in sentence for sentence in found.support)


def test_nothing_to_compare_is_said_and_why() -> None:
    empty = make_scores(questions=4).model_copy(update={"summaries": (), "cells": (), "unscored": ("USA", "CAN")})
    assert headline(empty).title == (
        "Nothing could be compared: this survey has no answers from United States and Canada."
    )
    assert headline(empty.model_copy(update={"unscored": ()})).title.startswith(
        "Nothing could be compared: no question"
    )


@pytest.mark.parametrize(
    ("text", "people", "said"),
    [
        ("2.3", 2.3, "Asking it tells as much as asking 2.3 randomly chosen members of each people."),
        ("fewer than 1", None, "as much as asking fewer than 1 randomly chosen member of each people."),
        ("more than 1,000", None, "as much as asking more than 1,000 randomly chosen members of each people."),
        ("undefined", None, ""),
    ],
)
def test_worth_in_people_reads_as_english(text: str, people: float | None, said: str) -> None:
    support = headline(scores_with(voice("persona", (0.15, 0.13, 0.17), worth_text=text, worth_people=people))).support
    assert any(said in sentence for sentence in support) if said else not any("Asking it" in each for each in support)


def test_the_worst_served_people_is_named_and_hedged() -> None:
    scores = make_scores(knowledge=0.6)
    best = headline(scores).support
    assert any("seems to work worst" in sentence and "within the uncertainty" in sentence for sentence in best)
    cells = []
    for cell in scores.cells:
        level = {"USA": skill(-2.0, -1.5), "CAN": skill(0.4, 0.6)}.get(cell.collective, skill(-0.2, 0.2))
        cells.append(cell.model_copy(update={"skill": level}))
    summaries = tuple(one.model_copy(update={"worst": "USA", "best": "CAN"}) for one in scores.summaries)
    clear = headline(scores.model_copy(update={"cells": tuple(cells), "summaries": summaries})).support
    assert "It works worst for United States and best for Canada." in clear


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        (Measure(value=0.4, low=0.3, high=0.5), "more of one mind"),
        (Measure(value=1.4, low=1.3, high=1.5), "more scattered"),
        (Measure(value=0.9, low=0.7, high=1.1), ""),
        (Measure(value=None), ""),
    ],
)
def test_variety_is_mentioned_only_when_it_is_clear(ratio: Measure, said: str) -> None:
    support = " ".join(headline(scores_with(voice("persona", (0.15, 0.13, 0.17), entropy_ratio=ratio))).support)
    assert (said in support) if said else "mind" not in support and "scattered" not in support


def test_low_captured_mass_is_said() -> None:
    support = headline(scores_with(voice("persona", (0.15, 0.13, 0.17), captured=0.31))).support
    assert any("Only 31% of the reply" in sentence for sentence in support)


def test_a_plain_voice_that_wins_says_that_telling_does_not_help() -> None:
    scores = scores_with(voice("plain", (0.15, 0.13, 0.17)), voice("persona", (0.16, 0.14, 0.18)))
    scores = scores.model_copy(update={"closest": {"plain": {"": {"USA": 0.1}}, "persona": {"USA": {"USA": 0.1}}}})
    assert any("does not bring it closer" in sentence for sentence in headline(scores).support)


def test_whom_it_is_closest_to_is_held_against_chance() -> None:
    scores = make_scores(compared=18, knowledge=0.7)
    best = next(one for one in scores.summaries if one.voice == "self-alignment")
    said = next(sentence for sentence in headline(scores).support if "in turn" in sentence)
    assert f"{best.own_closest} times" in said
    assert "of 18 compared" in said
    assert "chance would give 0.3" in said


def test_sentence_is_the_title_and_two_more() -> None:
    scores = make_scores()
    assert page.sentence(scores).startswith(headline(scores).title)


def test_sentences_after_a_title_without_a_name_say_whom_they_are_about() -> None:
    found = headline(
        scores_with(voice("plain", (0.30, 0.27, 0.33)), voice("persona", (0.26, 0.23, 0.29), captured=0.1))
    )
    assert found.support[0] == "The smallest distance is that of “persona”."
    assert found.support[2].startswith("10 to 90% of the reply fell on the options offered;")
    assert found.rivals == ("plain",)
