"""The profile of a voice: every number against the plain function it stands for, and the cases at the edges."""

import json
import math
import time

import numpy as np
import pytest

from pluralign.core.distribution import Distribution, Obtained
from pluralign.core.errors import DistributionError
from pluralign.core.question import Option, Question, Scale
from pluralign.metrics.baselines import baseline_table
from pluralign.metrics.cultural_alignment import cultural_alignment
from pluralign.metrics.distances import (
    entropy,
    js_distance,
    most_likely_match,
    total_variation,
    wasserstein,
    wasserstein_on,
)
from pluralign.metrics.profile import Silence, profile
from pluralign.metrics.shuffled import shuffled_js

Answers = dict[str, Distribution]


def question(key: str, options: int, scale: Scale = Scale.ORDINAL, topic: str = "") -> Question:
    listed = tuple(Option(id=at + 1, text=f"option {at}") for at in range(options))
    return Question(id=key, text=f"{key}?", options=listed, scale=scale, topic=topic)


QUESTIONS = tuple(
    question(f"q{at}", 2 + at % 5, Scale.NOMINAL if at % 7 == 3 else Scale.ORDINAL, f"topic {at % 4}")
    for at in range(40)
)


def population(
    seed: int, *, n: float | None = 500, concentration: float = 1.0, obtained: Obtained = Obtained.PEOPLE
) -> Answers:
    generator = np.random.default_rng(seed)
    return {
        one.id: Distribution.from_weights(
            generator.dirichlet(np.full(len(one.options), concentration)), obtained, n=n, refused=0.05, unreadable=0.1
        )
        for one in QUESTIONS
    }


PEOPLE = population(1)
OTHERS = {"X": population(2), "Y": population(3)}
VOICE = population(4, n=None, obtained=Obtained.EXACT)


def test_means_are_those_of_the_single_functions() -> None:
    found = profile(QUESTIONS, VOICE, PEOPLE, OTHERS, seed=0)
    pairs = [(VOICE[one.id], PEOPLE[one.id]) for one in QUESTIONS]
    assert found.js.value == pytest.approx(np.mean([js_distance(*pair) for pair in pairs]))
    assert found.tv.value == pytest.approx(np.mean([total_variation(*pair) for pair in pairs]))
    ordered = [wasserstein_on(one, VOICE[one.id], PEOPLE[one.id]) for one in QUESTIONS]
    assert found.wasserstein.value == pytest.approx(np.mean([value for value in ordered if value is not None]))
    assert found.match.value == pytest.approx(np.mean([most_likely_match(*pair) for pair in pairs]))
    mine, theirs = np.mean([entropy(voice) for voice, _ in pairs]), np.mean([entropy(people) for _, people in pairs])
    assert found.entropy.value == pytest.approx(mine)
    assert found.people_entropy.value == pytest.approx(theirs)
    assert found.entropy_ratio.value == pytest.approx(mine / theirs)
    assert found.shuffled_js == pytest.approx(np.mean([shuffled_js(*pair) for pair in pairs]))
    assert found.shuffled_js_error == 0
    codes = {one.id: one.options[VOICE[one.id].mode].id for one in QUESTIONS}
    for published, estimate in ((True, found.alignment_published), (False, found.alignment_normalised)):
        expected = cultural_alignment(QUESTIONS, codes, PEOPLE, published=published).score
        assert estimate.value == pytest.approx(expected)
    for estimate in (found.js, found.wasserstein, found.entropy_ratio, found.alignment_published, found.skill):
        assert estimate.value is not None
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low < estimate.value < estimate.high
    assert found.refused == pytest.approx(0.05)
    assert found.unreadable == pytest.approx(0.1)
    assert found.captured == pytest.approx(0.85)
    assert found.people_missing == pytest.approx(0.15)


def test_the_question_table() -> None:
    found = profile(QUESTIONS, VOICE, PEOPLE, OTHERS, seed=0)
    assert [row.question_id for row in found.rows] == [one.id for one in QUESTIONS]
    for row, one in zip(found.rows, QUESTIONS, strict=True):
        assert row.wasserstein == pytest.approx(wasserstein_on(one, VOICE[one.id], PEOPLE[one.id]))
        assert row.js == pytest.approx(js_distance(VOICE[one.id], PEOPLE[one.id]))
        assert (row.topic, row.options, row.refused) == (one.topic, len(one.options), 0.05)
    # Binary questions count as ordered whatever they are called.
    assert all(row.ordered for row in found.rows if row.options == 2)
    assert found.counts.ordered + found.counts.nominal == found.counts.used == 40


def test_floors_and_the_voices_that_stand_on_them() -> None:
    found = profile(QUESTIONS, VOICE, PEOPLE, OTHERS, seed=0)
    assert [(mark.name, mark.kind) for mark in found.marks] == [
        ("uniform", "floor"),
        ("middle", "floor"),
        ("others", "floor"),
        ("marginal", "floor"),
        ("noise", "ceiling"),
    ]
    for mark in found.marks:
        assert mark.sentence.endswith(".")
        assert mark.questions == 40
    uniform = {
        one.id: Distribution.from_weights(np.ones(len(one.options)), Obtained.DERIVED, n=None) for one in QUESTIONS
    }
    level = profile(QUESTIONS, uniform, PEOPLE, OTHERS, seed=0)
    for measure in ("wasserstein", "js", "tv"):
        assert getattr(level, measure).value == pytest.approx(getattr(found.mark("uniform"), measure))
    assert level.shuffled_js == pytest.approx(level.js.value)
    assert level.entropy_ratio.value is not None
    assert level.entropy_ratio.value > 1


def test_skill_of_the_marginal_is_0_of_the_people_1() -> None:
    """The acceptance case: marginal 0, a fresh sample of the group 1 within noise, worse than marginal negative."""
    everyone = {
        one.id: Distribution.from_weights(
            np.mean([group[one.id].array for group in (PEOPLE, *OTHERS.values())], axis=0), Obtained.DERIVED
        )
        for one in QUESTIONS
    }
    marginal = profile(QUESTIONS, everyone, PEOPLE, OTHERS, seed=0)
    assert marginal.skill.value == pytest.approx(0, abs=1e-9)
    generator = np.random.default_rng(6)
    samples = [
        {
            key: Distribution.from_weights(generator.multinomial(500, one.array).astype(float), Obtained.PEOPLE, n=500)
            for key, one in PEOPLE.items()
        }
        for _ in range(20)
    ]
    again = [profile(QUESTIONS, sample, PEOPLE, OTHERS, seed=0, resamples=100) for sample in samples]
    skills = [found.skill.value for found in again if found.skill.value is not None]
    assert np.mean(skills) == pytest.approx(1, abs=0.01)
    worth = [found.worth.value.people for found in again if found.worth is not None]
    assert np.exp(np.mean(np.log(worth))) == pytest.approx(500, rel=0.15)
    stranger = profile(QUESTIONS, VOICE, PEOPLE, OTHERS, seed=0).skill.value
    assert stranger is not None
    assert stranger < 0
    perfect = profile(QUESTIONS, PEOPLE, PEOPLE, OTHERS, seed=0)
    assert perfect.js.value == 0
    assert perfect.skill.value is not None
    assert perfect.skill.value > 1
    assert perfect.worth is not None
    assert str(perfect.worth.value) == ">10000"


def test_without_n_there_is_no_skill_and_the_reason_is_given() -> None:
    unknown = population(1, n=None)
    found = profile(QUESTIONS, VOICE, unknown, OTHERS, seed=0)
    assert found.skill.value is None
    assert "number of people" in found.skill_undefined
    assert found.mark("noise").wasserstein is None
    assert found.mark("noise").questions == 0
    # What a handful of people would reach needs their shares only.
    assert found.worth is not None
    alone = profile(QUESTIONS, VOICE, PEOPLE, {}, seed=0)
    assert alone.mark("others").tv is None
    assert "cannot be told" in alone.skill_undefined


def test_counts_and_silence() -> None:
    voice = {key: one for key, one in VOICE.items() if key not in ("q0", "q1", "q2")}
    people = {key: one for key, one in PEOPLE.items() if key != "q5"}
    silent = {"q0": Silence(1.0, 0.0), "q1": Silence(0.25, 0.75)}
    found = profile(QUESTIONS, voice, people, OTHERS, seed=0, unanswered=silent)
    counts = found.counts
    assert (counts.asked, counts.used, counts.unanswered, counts.without_reference) == (39, 36, 2, 1)
    assert counts.asked == counts.used + counts.unanswered + counts.without_reference
    # Silence is part of the means: (37 x 0.05 + 1 + 0.25) / 39.
    assert found.refused == pytest.approx((37 * 0.05 + 1.25) / 39)
    assert found.unreadable == pytest.approx((37 * 0.1 + 0.75) / 39)
    assert found.captured == pytest.approx(37 * 0.85 / 39)


def test_only_nominal_questions_make_total_variation_the_headline() -> None:
    nominal = [one for one in QUESTIONS if one.scale is Scale.NOMINAL and len(one.options) > 2]
    found = profile(nominal, VOICE, PEOPLE, OTHERS, seed=0)
    assert found.headline == "tv"
    assert found.wasserstein.value is None
    assert found.mark("uniform").wasserstein is None
    assert found.shuffled_wasserstein is None
    assert found.skill.value is not None
    assert found.worth is not None
    assert profile(QUESTIONS, VOICE, PEOPLE, OTHERS, seed=0).headline == "wasserstein"


def test_one_question_has_values_and_no_intervals() -> None:
    found = profile(QUESTIONS[:1], VOICE, PEOPLE, OTHERS, seed=0)
    assert found.wasserstein.value == pytest.approx(wasserstein(VOICE["q0"], PEOPLE["q0"]))
    assert found.wasserstein.low is None
    assert found.worth is not None
    assert found.worth.low is None


def test_nothing_in_common_is_undefined_and_not_an_error() -> None:
    found = profile(QUESTIONS, {}, PEOPLE, OTHERS, seed=0)
    assert found.headline is None
    assert found.js.value is None
    assert found.worth is None
    assert found.skill.value is None
    assert found.skill_undefined
    assert found.rows == ()
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["js"]["value"] is None


def test_topics_can_be_drawn_whole() -> None:
    plain = profile(QUESTIONS, VOICE, PEOPLE, OTHERS, seed=0)
    clustered = profile(QUESTIONS, VOICE, PEOPLE, OTHERS, seed=0, by_topic=True)
    assert plain.js.value == clustered.js.value
    assert plain.js.low != clustered.js.low


def test_equal_arguments_give_equal_results_with_or_without_a_shared_table() -> None:
    table = baseline_table(QUESTIONS, PEOPLE, OTHERS, seed=0)
    one = profile(QUESTIONS, VOICE, PEOPLE, OTHERS, seed=0)
    assert one == profile(QUESTIONS, VOICE, PEOPLE, OTHERS, seed=0)
    assert one == profile(QUESTIONS, VOICE, PEOPLE, OTHERS, seed=0, baselines=table)


def test_json_is_plain() -> None:
    found = profile(QUESTIONS, VOICE, population(1, n=None), {}, seed=0)
    text = json.dumps(found.to_dict(), allow_nan=False)
    back = json.loads(text)
    assert back["wasserstein"].keys() == {"value", "low", "high"}
    assert back["worth"]["value"].keys() == {"people", "relation", "text"}
    assert len(back["rows"]) == 40
    assert back["marks"][0]["name"] == "uniform"
    assert "rows" not in found.to_dict(rows=False)
    assert not any(isinstance(value, float) and math.isnan(value) for row in back["rows"] for value in row.values())


def test_an_answer_must_fit_its_question() -> None:
    odd = {**VOICE, "q0": VOICE["q1"]}
    with pytest.raises(DistributionError, match="q0 has 2 options and 3 shares"):
        profile(QUESTIONS, odd, PEOPLE, OTHERS, seed=0)


def test_a_profile_takes_well_under_a_second() -> None:
    table = baseline_table(QUESTIONS, PEOPLE, OTHERS, seed=0)
    profile(QUESTIONS, VOICE, PEOPLE, OTHERS, seed=0, baselines=table)
    started = time.process_time()
    profile(QUESTIONS, VOICE, PEOPLE, OTHERS, seed=0, baselines=table)
    assert time.process_time() - started < 0.5
