"""Runs held against each other: numbers worked by hand, scipy as oracle, and what must hold whatever the answers."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy import stats

from pluralign.core.survey import Survey
from pluralign.engines.scripted import ScriptedEngine, scripted
from pluralign.metrics.distances import is_ordered
from pluralign.metrics.multiple import expanded_level
from pluralign.metrics.uncertainty import paired_difference
from pluralign.poll import records
from pluralign.poll.comparison import MEASURES, Change, Comparison, VoiceChange
from pluralign.poll.finished import Finished, read_finished
from pluralign.poll.paired import compare_runs
from pluralign.poll.study import Study
from tests.poll.conftest import carry_out, oracle
from tests.poll.two_runs import finished, made_answers, made_survey

FEW = 200
UNHURRIED = settings(deadline=None, max_examples=15)


def polled(survey_file: Path, engine: ScriptedEngine, folder: Path, **changes: object) -> Finished:
    """A poll carried out to its end and read back from disk."""
    study = Study.model_validate(
        {"model": engine.name, "survey": str(survey_file), "voices": ["persona"], "resamples": 100, **changes}
    )
    carry_out(study, engine, folder)
    record = records.read_run(folder)
    records.write_run(folder, record.model_copy(update={"finished": records.now()}))
    return read_finished(folder)


def swapped(survey: Survey) -> ScriptedEngine:
    """Answers for the North as the South does, and the other way round; evenly where the other was not asked."""
    other = {"Northern": "south", "Southern": "north"}
    shares: dict[str, list[float]] = {}
    for question in survey.questions:
        for adjective, people in other.items():
            reference = survey.reference(people, question.id)
            count = len(question.options)
            shares[f"{adjective}|{question.text}"] = [1 / count] * count if reference is None else [*reference.array]

    def score(request: object) -> list[float]:
        text = "\n".join(message.content for message in request.messages)  # type: ignore[attr-defined]
        key = next(key for key in shares if all(part in text for part in key.split("|")))
        return [float(np.log(share)) for share in shares[key]]

    return ScriptedEngine(score, name="swapped")


def voice_of(comparison: Comparison, name: str = "persona", pair: int = 0) -> VoiceChange:
    return next(one for one in comparison.pairs[pair].voices if one.voice == name)


def every_change(comparison: Comparison) -> list[Change]:
    found: list[Change] = []
    for pair in comparison.pairs:
        found += [one.gap for one in pair.steering]
        for voice in pair.voices:
            found += list(voice.overall.values())
            found += [change for people in voice.peoples for change in people.measures.values()]
            found += [] if voice.worst is None else [voice.worst.change]
            found += [] if voice.contrast is None else [voice.contrast.spread, voice.contrast.direction]
            found += [] if voice.confusion is None else [voice.confusion.right]
    return found


# --- by hand --------------------------------------------------------------------------------------------------------


@pytest.fixture
def mended(survey: Survey, survey_file: Path, tmp_path: Path) -> Comparison:
    """Before: each people is answered for as the other one would. After: as itself."""
    before = polled(survey_file, swapped(survey), tmp_path / "before", orders=1)
    after = polled(survey_file, oracle(survey), tmp_path / "after", orders=1)
    return compare_runs([before, after], resamples=FEW)


def test_distances_by_hand(mended: Comparison) -> None:
    north, south = voice_of(mended).peoples
    # tea: (|.6 - .2| + |.9 - .5|) / 2 = 2/5; talk: (|.25 - .1| + |.5 - .3| + |.75 - .6|) / 3 = 1/6; milk has no order
    assert north.measures["wasserstein"].before.value == pytest.approx((2 / 5 + 1 / 6) / 2)
    # tea 2/5; milk: (.6 + .6) / 2 = 3/5; talk: (.15 + .05 + .05 + .15) / 2 = 1/5
    assert north.measures["total_variation"].before.value == pytest.approx((2 / 5 + 3 / 5 + 1 / 5) / 3)
    # neither tea nor milk; on talk all four options are likeliest, one of them the people's: 1/4
    assert north.measures["agreement"].before.value == pytest.approx(1 / 12)
    assert north.measures["agreement"].after.value == 1
    assert north.measures["wasserstein"].after.value == pytest.approx(0, abs=1e-12)
    assert north.measures["wasserstein"].difference.value == pytest.approx(17 / 60)
    # the South was asked tea and milk only
    assert (north.questions, south.questions) == (3, 2)
    assert south.measures["wasserstein"].difference.value == pytest.approx(2 / 5)
    # each people counts alike: (17/60 + 24/60) / 2
    assert voice_of(mended).overall["wasserstein"].difference.value == pytest.approx(41 / 120)


def test_entropy_ratio_by_hand(mended: Comparison) -> None:
    def entropy(*shares: float) -> float:
        return float(stats.entropy(shares))

    north = voice_of(mended).peoples[0].measures["entropy_ratio"]
    said = entropy(0.6, 0.3, 0.1) + entropy(0.1, 0.8, 0.1) + np.log(4)
    people = entropy(0.2, 0.3, 0.5) + entropy(0.7, 0.2, 0.1) + entropy(0.1, 0.2, 0.3, 0.4)
    assert north.before.value == pytest.approx(said / people)
    assert north.after.value == pytest.approx(1)


def test_skill_by_hand(mended: Comparison) -> None:
    north = voice_of(mended).peoples[0]
    skill = north.measures["skill"]
    marks = {mark.name: mark.distances["wasserstein"] for mark in north.marks}
    marginal, noise = marks["marginal"], marks["noise"]
    assert marginal is not None
    assert noise is not None
    assert skill.before.value == pytest.approx((marginal - 17 / 60) / (marginal - noise))
    assert skill.after.value == pytest.approx(marginal / (marginal - noise))
    # everyone together on tea: (1000 (.2, .3, .5) + 500 (.6, .3, .1)) / 1500, so (|1/3 - .2| + |19/30 - .5|) / 2;
    # talk was put to the North alone, so everyone together is the North
    assert marginal == pytest.approx((2 / 15 + 0) / 2)


def test_who_is_mistaken_for_whom_by_hand(mended: Comparison) -> None:
    confusion = voice_of(mended).confusion
    assert confusion is not None
    assert confusion.questions == 1  # of those put to both peoples, only tea has an order
    assert confusion.before["north"] == pytest.approx({"north": 0.4, "south": 0.0})
    assert confusion.after["north"] == pytest.approx({"north": 0.0, "south": 0.4})
    assert (confusion.right.before.value, confusion.right.after.value, confusion.chance) == (0, 2, 1)


def test_a_voice_that_mixes_peoples_up_differs_as_much_and_the_wrong_way(mended: Comparison) -> None:
    contrast = voice_of(mended).contrast
    assert contrast is not None
    assert contrast.people == pytest.approx(0.4)
    assert contrast.spread.before.value == pytest.approx(1)
    assert contrast.spread.after.value == pytest.approx(1)
    assert contrast.direction.before.value == pytest.approx(-1)
    assert contrast.direction.after.value == pytest.approx(1)


def test_steering_by_hand(survey: Survey, survey_file: Path, tmp_path: Path) -> None:
    voices = ["plain", "persona"]
    before = polled(survey_file, scripted("uniform"), tmp_path / "before", voices=voices)
    after = polled(survey_file, oracle(survey), tmp_path / "after", voices=voices)
    (steering,) = compare_runs([before, after], resamples=FEW).pairs[0].steering
    assert (steering.unsteered, steering.steered, steering.peoples) == ("plain", "persona", 2)
    assert steering.gap.before.value == pytest.approx(0)
    # asked as nobody the oracle answers as the North: 0 from the North, .4 from the South; asked as each, 0
    assert steering.gap.after.value == pytest.approx((0 + 0.4) / 2)
    assert steering.gap.difference.value == pytest.approx(-0.2)


@pytest.mark.parametrize("orders", [1, 2, "all"])
def test_answers_read_back_are_those_that_were_heard(
    survey_file: Path, survey: Survey, tmp_path: Path, orders: object
) -> None:
    study = Study.model_validate(
        {"model": "x", "survey": str(survey_file), "voices": ["plain", "persona"], "orders": orders}
    )
    prepared, answers, _ = carry_out(study, scripted("hash"), tmp_path / "run")
    record = records.read_run(tmp_path / "run")
    records.write_run(tmp_path / "run", record.model_copy(update={"finished": records.now()}))
    said = read_finished(tmp_path / "run").said
    for voice in prepared.voices:
        row = said[voice.name]["" if voice.collective is None else voice.collective.id]
        assert set(row) == {question.id for question in survey.questions}
        for question, heard in answers.heard[voice.id].items():
            distribution = heard.distribution()
            assert distribution is not None
            assert row[question].probabilities == pytest.approx(distribution.probabilities, abs=1e-12)


def test_a_question_one_run_was_silent_on_is_left_out_on_both_sides(
    survey: Survey, survey_file: Path, tmp_path: Path
) -> None:
    def silent_on_talk(request: object) -> list[float]:
        text = request.messages[-1].content  # type: ignore[attr-defined]
        size = len(request.options)  # type: ignore[attr-defined]
        return [-np.inf if "like to talk" in text else float(np.log(1 / size))] * size

    before = polled(survey_file, ScriptedEngine(silent_on_talk, name="silent"), tmp_path / "before")
    after = polled(survey_file, oracle(survey), tmp_path / "after")
    comparison = compare_runs([before, after], resamples=FEW)
    north = voice_of(comparison).peoples[0]
    assert north.questions == 2
    # uniform against the North on tea alone: (|1/3 - .2| + |2/3 - .5|) / 2 = 3/20
    assert north.measures["wasserstein"].before.value == pytest.approx(3 / 20)
    assert any("1 answer is missing in one run or the other" in note for note in comparison.pairs[0].notes)


# --- oracles --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def survey_of_40() -> Survey:
    return made_survey(40, 4, seed=3)


@pytest.fixture(scope="module")
def two(survey_of_40: Survey) -> tuple[Finished, Finished]:
    return (
        finished(survey_of_40, made_answers(survey_of_40, seed=1), "before"),
        finished(survey_of_40, made_answers(survey_of_40, seed=2, truth=0.5), "after"),
    )


@pytest.fixture(scope="module")
def compared(two: tuple[Finished, Finished]) -> Comparison:
    return compare_runs(two, seed=4, resamples=2000)


def gaps(survey: Survey, two: tuple[Finished, Finished], people: str) -> list[float | None]:
    """Wasserstein distances before less after, by scipy, question by question."""
    found: list[float | None] = []
    for question in survey.questions:
        if not is_ordered(question):
            found.append(None)
            continue
        reference, places = survey.references[people][question.id].array, np.arange(len(question.options))
        sides = [
            stats.wasserstein_distance(places, places, one.said["persona"][people][question.id].array, reference)
            for one in two
        ]
        found.append((sides[0] - sides[1]) / (len(places) - 1))
    return found


@pytest.mark.parametrize("people", ["P1", "P4"])
def test_a_peoples_difference_is_the_paired_difference_of_the_metrics(
    survey_of_40: Survey, two: tuple[Finished, Finished], compared: Comparison, people: str
) -> None:
    change = next(one for one in voice_of(compared).peoples if one.collective == people).measures["wasserstein"]
    values = gaps(survey_of_40, two, people)
    topics = [question.topic for question in survey_of_40.questions]
    zeros = [None if one is None else 0.0 for one in values]
    for clusters, found in ((None, change.difference), (topics, change.by_topic)):
        groups = 4 if clusters else sum(one is not None for one in values)
        level = expanded_level(0.95, groups)
        expected = paired_difference(values, zeros, seed=4, resamples=2000, clusters=clusters, level=level)
        assert (found.value, found.low, found.high) == pytest.approx((expected.value, expected.low, expected.high))


def test_intervals_against_scipys_bootstrap(
    survey_of_40: Survey, two: tuple[Finished, Finished], compared: Comparison
) -> None:
    values = [one for one in gaps(survey_of_40, two, "P2") if one is not None]
    expected = stats.bootstrap(
        (values,),
        np.mean,
        method="percentile",
        n_resamples=5000,
        rng=1,
        confidence_level=expanded_level(0.95, len(values)),
    ).confidence_interval
    found = next(one for one in voice_of(compared).peoples if one.collective == "P2").measures["wasserstein"].difference
    assert found.low == pytest.approx(expected.low, abs=0.006)
    assert found.high == pytest.approx(expected.high, abs=0.006)


def test_p_values_of_peoples_are_corrected_as_scipy_does(compared: Comparison) -> None:
    for name, by_topic in itertools.product(MEASURES, (False, True)):
        everyone = [one.measures[name].spread(by_topic) for voice in compared.pairs[0].voices for one in voice.peoples]
        expected = stats.false_discovery_control([one.p for one in everyone])
        assert [one.p_adjusted for one in everyone] == pytest.approx(expected.tolist())
    assert all(one.difference.p_adjusted is None for one in voice_of(compared).overall.values())


def test_contrast_against_brute_force(
    survey_of_40: Survey, two: tuple[Finished, Finished], compared: Comparison
) -> None:
    contrast = voice_of(compared).contrast
    assert contrast is not None
    ids = [one.id for one in survey_of_40.collectives]
    apart: dict[str, list[float]] = {"before": [], "after": [], "people": []}
    away: dict[str, list[float]] = {"before": [], "after": [], "people": []}
    for question in survey_of_40.questions:
        sources = {
            "before": {one: two[0].said["persona"][one][question.id].array for one in ids},
            "after": {one: two[1].said["persona"][one][question.id].array for one in ids},
            "people": {one: survey_of_40.references[one][question.id].array for one in ids},
        }
        places = np.arange(len(question.options))
        for name, shares in sources.items():
            away[name] += (np.stack(list(shares.values())) - np.mean(list(shares.values()), axis=0)).ravel().tolist()
            if is_ordered(question):
                apart[name] += [
                    stats.wasserstein_distance(places, places, shares[one], shares[other]) / (len(places) - 1)
                    for one, other in itertools.combinations(ids, 2)
                ]
    assert contrast.spread.before.value == pytest.approx(np.mean(apart["before"]) / np.mean(apart["people"]))
    assert contrast.spread.after.value == pytest.approx(np.mean(apart["after"]) / np.mean(apart["people"]))
    assert contrast.direction.before.value == pytest.approx(np.corrcoef(away["before"], away["people"])[0, 1])
    assert contrast.direction.after.value == pytest.approx(np.corrcoef(away["after"], away["people"])[0, 1])


def test_the_worst_served_people_is_the_one_with_the_least_skill(compared: Comparison) -> None:
    voice = voice_of(compared)
    assert voice.worst is not None
    skills = {one.collective: one.measures["skill"] for one in voice.peoples}
    assert voice.worst.by == "skill"
    assert voice.worst.before == min(skills, key=lambda one: skills[one].before.value or 0.0)
    assert voice.worst.after == min(skills, key=lambda one: skills[one].after.value or 0.0)
    assert voice.worst.change.before.value == skills[voice.worst.before].before.value
    assert voice.worst.change.after.value == skills[voice.worst.after].after.value


def test_without_numbers_of_people_the_worst_served_is_the_farthest(survey_of_40: Survey) -> None:
    references = {
        people: {key: one.model_copy(update={"n": None}) for key, one in row.items()}
        for people, row in survey_of_40.references.items()
    }
    survey = survey_of_40.model_copy(update={"references": references})
    runs = [finished(survey, made_answers(survey, seed=at), f"run{at}") for at in (1, 2)]
    voice = voice_of(compare_runs(runs, resamples=FEW))
    assert voice.overall["skill"].before.value is None
    assert voice.worst is not None
    assert voice.worst.by == "distance"
    farthest = {one.collective: one.measures["wasserstein"].after.value or 0.0 for one in voice.peoples}
    assert voice.worst.after == max(farthest, key=lambda one: farthest[one])


def test_where_nothing_differs_hardly_anything_is_called_a_difference() -> None:
    """Of 60 pairs of voices equally good at 12 questions, 3 are called different by chance; more than 9 would be a
    fault (probability below 0.001). The plain percentile interval calls about 5, and 12 of the sets of peoples.
    """
    whole = sets = 0
    for seed in range(60):
        survey = made_survey(12, 4, seed=seed)
        runs = [
            finished(survey, made_answers(survey, seed=2 * seed + at, voices=["persona"]), f"{at}") for at in (0, 1)
        ]
        voice = voice_of(compare_runs(runs, seed=seed, resamples=400))
        whole += voice.overall["wasserstein"].difference.decided
        sets += any(one.measures["wasserstein"].difference.decided for one in voice.peoples)
    assert whole <= 9
    assert sets <= 9


def test_stereotypes_show_as_too_great_a_spread_and_too_little_variety(survey_of_40: Survey) -> None:
    def exaggerated(power: float) -> dict[str, dict[str, list[float]]]:
        rows: dict[str, dict[str, list[float]]] = {}
        for people, row in survey_of_40.references.items():
            rows[people] = {}
            for question, reference in row.items():
                weights = reference.array**power
                rows[people][question] = [float(one) for one in weights / weights.sum()]
        return rows

    runs = [finished(survey_of_40, {"persona": exaggerated(power)}, f"power{power}") for power in (1.0, 4.0)]
    voice = voice_of(compare_runs(runs, resamples=FEW))
    assert voice.contrast is not None
    assert voice.contrast.spread.before.value == pytest.approx(1)
    assert voice.contrast.spread.after.low is not None
    assert voice.contrast.spread.after.low > 1.1
    assert voice.contrast.direction.after.value is not None
    assert 0.8 < voice.contrast.direction.after.value < 1
    ratio = voice.overall["entropy_ratio"]
    assert ratio.difference.decided
    assert ratio.after.value is not None
    assert ratio.after.value < 0.7


# --- what must hold whatever the answers ----------------------------------------------------------------------------

SEEDS = some.integers(0, 10_000)


def two_made(seed: int, *, same: bool = False) -> tuple[Finished, Finished]:
    survey = made_survey(9, 3, seed=seed, holes=True)
    first = made_answers(survey, seed=seed)
    second = first if same else made_answers(survey, seed=seed + 1, truth=0.6)
    return finished(survey, first, "before"), finished(survey, second, "after")


@UNHURRIED
@given(SEEDS)
def test_a_run_against_itself_is_no_difference_at_all(seed: int) -> None:
    comparison = compare_runs(two_made(seed, same=True), resamples=FEW)
    assert comparison.pairs[0].same_answers
    for change in every_change(comparison):
        assert change.before == change.after
        for difference in (change.difference, change.by_topic):
            assert difference.value in (0.0, None)
            assert difference.low in (0.0, None)
            assert difference.high in (0.0, None)
            assert difference.p in (1.0, None)
            assert not difference.decided


@UNHURRIED
@given(SEEDS)
def test_swapping_the_runs_turns_every_sign_around(seed: int) -> None:
    before, after = two_made(seed)
    there = every_change(compare_runs([before, after], seed=seed, resamples=FEW))
    back = every_change(compare_runs([after, before], seed=seed, resamples=FEW))
    assert len(there) == len(back) > 20
    for one, other in zip(there, back, strict=True):
        assert (one.before, one.after) == (other.after, other.before)
        for mine, theirs in ((one.difference, other.difference), (one.by_topic, other.by_topic)):
            if mine.value is None or theirs.value is None:
                assert mine.value is theirs.value is None
                continue
            assert mine.value == pytest.approx(-theirs.value, rel=1e-9, abs=1e-12)
            assert (mine.p, mine.p_adjusted) == (theirs.p, theirs.p_adjusted)
            if mine.low is not None:
                assert theirs.high is not None
                assert mine.low == pytest.approx(-theirs.high, rel=1e-9, abs=1e-12)


@UNHURRIED
@given(SEEDS, some.randoms(use_true_random=False))
def test_the_order_of_questions_and_peoples_decides_nothing(seed: int, random: object) -> None:
    runs = two_made(seed)
    shuffled = []
    for one in runs:
        questions = list(one.survey.questions)
        random.shuffle(questions)  # type: ignore[attr-defined]
        shuffled.append(one._replace(survey=one.survey.model_copy(update={"questions": tuple(questions)})))
    exclude = {"created"}
    expected = compare_runs(runs, resamples=FEW).model_dump(exclude=exclude)
    assert compare_runs(shuffled, resamples=FEW).model_dump(exclude=exclude) == expected


@UNHURRIED
@given(SEEDS)
def test_the_whole_is_the_mean_of_the_peoples_and_lies_in_its_interval(seed: int) -> None:
    for voice in compare_runs(two_made(seed), resamples=FEW).pairs[0].voices:
        for name in ("wasserstein", "js_distance", "total_variation", "agreement"):
            parts = [one.measures[name].difference.value for one in voice.peoples]
            whole = voice.overall[name].difference
            assert whole.value == pytest.approx(np.mean([part for part in parts if part is not None]))
            assert whole.low is not None
            assert whole.high is not None
            assert whole.low <= whole.high
        for one in voice.peoples:
            change = one.measures["wasserstein"]
            if change.before.value is not None and change.after.value is not None:
                assert change.difference.value == pytest.approx(change.before.value - change.after.value)


def test_equal_runs_give_equal_numbers_and_survive_json(compared: Comparison, two: tuple[Finished, Finished]) -> None:
    again = compare_runs(two, seed=4, resamples=2000)
    assert again.model_dump(exclude={"created"}) == compared.model_dump(exclude={"created"})
    assert Comparison.model_validate_json(compared.model_dump_json()) == compared


def test_one_question_has_no_interval_and_no_p_value() -> None:
    survey = made_survey(1, 2)
    runs = [finished(survey, made_answers(survey, seed=at), f"run{at}") for at in (1, 2)]
    change = voice_of(compare_runs(runs, resamples=FEW)).overall["wasserstein"]
    assert change.difference.value is not None
    assert (change.difference.low, change.difference.high, change.difference.p) == (None, None, None)
    assert not change.difference.decided


def test_one_topic_has_no_interval_over_topics() -> None:
    survey = made_survey(12, 2, topics=1)
    runs = [finished(survey, made_answers(survey, seed=at), f"run{at}") for at in (1, 2)]
    change = voice_of(compare_runs(runs, resamples=FEW)).overall["wasserstein"]
    assert change.difference.low is not None
    assert change.by_topic.low is None


def test_a_survey_without_ordered_questions_is_compared_by_total_variation() -> None:
    survey = made_survey(12, 2, seed=1)
    nominal = survey.select(question_ids=[one.id for one in survey.questions if not is_ordered(one)])
    runs = [finished(nominal, made_answers(nominal, seed=at), f"run{at}") for at in (1, 2)]
    comparison = compare_runs(runs, resamples=FEW)
    assert comparison.headline == "total_variation"
    voice = voice_of(comparison)
    assert voice.overall["wasserstein"].before.value is None
    assert voice.overall["total_variation"].difference.low is not None
    assert voice.contrast is not None
    assert voice.confusion is not None


def test_every_later_run_is_held_against_the_first(two: tuple[Finished, Finished]) -> None:
    comparison = compare_runs([*two, two[0]._replace(folder=Path("third"))], seed=4, resamples=FEW)
    assert [(pair.before, pair.after) for pair in comparison.pairs] == [(0, 1), (0, 2)]
    assert [pair.same_answers for pair in comparison.pairs] == [False, True]
