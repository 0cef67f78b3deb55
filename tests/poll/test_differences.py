"""Differences within one page: the same numbers as comparing runs gives, corrected, and stereotypes known by design."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from pluralign.core.distribution import Distribution, Obtained
from pluralign.engines.scripted import ScriptedEngine, scripted
from pluralign.metrics.uncertainty import paired_difference
from pluralign.poll.paired import compare_runs
from pluralign.poll.scores import Scores
from pluralign.poll.study import Study
from pluralign.report import export, page
from tests.poll.conftest import carry_out
from tests.poll.two_runs import finished, made_answers, made_survey


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Scores:
    study = Study.model_validate(
        {
            "model": "scripted:hash", "survey": "world-mini", "voices": ["plain", "persona", "cross-culture"],
            "as": ["USA", "KEN", "DEU", "BRA"], "questions": {"per_topic": 3}, "resamples": 400,
        }
    )  # fmt: skip
    return carry_out(study, scripted("hash"), tmp_path_factory.mktemp("run"))[2]


def wasserstein(p: tuple[float, ...], q: tuple[float, ...]) -> float:
    return float(np.abs(np.cumsum(np.subtract(p, q))[:-1]).sum() / (len(p) - 1))


def test_a_gap_is_the_mean_over_peoples_of_the_mean_paired_difference(scores: Scores) -> None:
    gap = next(one for one in scores.gaps if one.second == "persona")
    assert (gap.kind, gap.first, gap.peoples) == ("telling", "plain", 4)
    expected = []
    for people in ("USA", "KEN", "DEU", "BRA"):
        asked = [
            one
            for one in scores.questions
            if people in one.people and (one.scale != "nominal" or len(one.options) == 2)
        ]
        sides = [
            [
                wasserstein(one.voices[voice].get(people, one.voices[voice].get("", ())), one.people[people])
                for one in asked
            ]
            for voice in ("plain", "persona")
        ]
        expected.append(paired_difference(*sides, seed=0).value)
    assert gap.difference.value == pytest.approx(np.mean(expected), abs=1e-12)  # type: ignore[arg-type]
    assert gap.before.value is not None
    assert gap.after.value is not None
    assert gap.difference.value == pytest.approx(gap.before.value - gap.after.value)
    assert gap.by_topic.low is not None


def test_all_gaps_and_all_peoples_are_corrected_each_as_one_family(scores: Scores) -> None:
    for family in ([one.difference for one in scores.gaps], [one.over_average for one in scores.cells]):
        known = [one for one in family if one is not None and one.p is not None]
        assert len(known) > 1
        rates = false_discovery_control([one.p for one in known])  # scipy's Benjamini-Hochberg
        assert [one.p_adjusted for one in known] == pytest.approx(list(rates))


def test_closer_than_average_is_skill_without_its_denominator(scores: Scores) -> None:
    for cell in scores.cells:
        assert cell.over_average is not None
        marginal = next(mark for mark in cell.marks if mark.name == "marginal").distances["wasserstein"]
        noise = next(mark for mark in cell.marks if mark.name == "noise").distances["wasserstein"]
        assert marginal is not None
        assert noise is not None
        assert cell.over_average.value == pytest.approx((cell.skill.value or 0) * (marginal - noise), abs=1e-9)


def test_intervals_over_topics_hold_the_same_number(scores: Scores) -> None:
    for one in scores.summaries:
        assert one.distance_by_topic is not None
        assert one.skill_by_topic is not None
        assert one.distance_by_topic.value == one.distance.value
        assert one.skill_by_topic.value == one.skill.value
        assert one.distance_by_topic.low != one.distance.low


def test_a_caricature_has_a_spread_above_one_in_the_right_direction(tmp_path: Path) -> None:
    """Two peoples at 0.6 and 0.4; the voice says 0.8 and 0.2: three times as far apart, the same way."""
    survey = tmp_path / "two.csv"
    lines = ["question_id,question,topic,scale,group,option,share,n"]
    for at in range(12):
        for group, share in (("north", 0.6), ("south", 0.4)):
            lines += [f"q{at},Number {at}?,T{at % 3},ordinal,{group},{option},{one:.1f},500"
                      for option, one in (("Yes", share), ("No", 1 - share))]  # fmt: skip
    survey.write_text("\n".join(lines) + "\n")
    engine = ScriptedEngine.from_table({"north": [0.8, 0.2], "south": [0.2, 0.8], "": [0.5, 0.5]})
    study = Study.model_validate(
        {"model": "x", "survey": str(survey), "voices": ["persona"], "orders": 1, "resamples": 100}
    )
    _, _, scores = carry_out(study, engine, tmp_path / "run")
    [told] = scores.tellings
    assert told.spread.value == pytest.approx(3)
    assert told.direction.value == pytest.approx(1)
    assert told.people == pytest.approx(0.2)


def test_the_page_and_the_tables_say_all_of_it(scores: Scores) -> None:
    text = page.render(scores)
    assert "Which differences are more than luck" in text
    assert "told whom to speak for, against not told" in text
    assert "corrected for 2 differences" in text
    sheets = {sheet.name: sheet for sheet in export.sheets(scores)}
    assert len(sheets["differences"].rows) == len(scores.gaps) == 2
    assert len(sheets["stereotypes"].rows) == len(scores.tellings) == 2
    for sheet in sheets.values():
        assert all(len(row) == len(sheet.columns) for row in sheet.rows), sheet.name
    assert {"design_effect", "closer_than_average_p_corrected"} <= set(sheets["peoples"].columns)
    assert {"distance_by_topic_low", "skill_by_topic_high"} <= set(sheets["voices"].columns)


def test_comparing_says_what_weights_cost_and_how_traits_change() -> None:
    made = made_survey(48, 2, nominal=False)
    survey = made.select(question_ids=[one.id for one in made.questions if len(one.options) == 4])
    keys = {one.id: 1 if at % 2 else -1 for at, one in enumerate(survey.questions)}
    references = {
        people: {key: one.model_copy(update={"respondents": 1.5 * (one.n or 0)}) for key, one in row.items()}
        for people, row in survey.references.items()
    }
    survey = survey.model_copy(update={"traits": {"Order": keys}, "references": references})
    runs = [finished(survey, made_answers(survey, seed=at), f"run{at}") for at in (1, 2)]
    for voice in compare_runs(runs, resamples=200).pairs[0].voices:
        assert all(one.design_effect == pytest.approx(1.5) for one in voice.peoples)
        assert {one.collective for one in voice.traits} == ({"P1", "P2"} if voice.steered else {""})
        for one in voice.traits:
            said = [run.said[voice.voice][one.collective] for run in runs]
            scored = [[_score(side[key].probabilities, keys[key]) for key in keys] for side in said]
            assert one.change.before.value == pytest.approx(np.mean(scored[0]))
            assert one.change.difference.value == pytest.approx(np.mean(scored[0]) - np.mean(scored[1]))
            assert one.items == 12
            assert (one.people is None) is (not voice.steered), "with two peoples nobody's is nobody's"


def _score(shares: tuple[float, ...], key: int) -> float:
    best = len(shares)
    expected = sum(share * (best - at) for at, share in enumerate(shares))
    return expected if key > 0 else best + 1 - expected


def test_respondents_are_no_part_of_what_is_written_down() -> None:
    one = Distribution(probabilities=(0.5, 0.5), obtained=Obtained.PEOPLE, n=100, respondents=150)
    assert one.design_effect == 1.5
    assert "respondents" not in one.model_dump()
    assert Distribution(probabilities=(1.0,), obtained=Obtained.PEOPLE, n=100).design_effect is None
