"""The CultureSPA recipe on scripted engines: what is kept, what is taught, and that nothing is asked twice."""

import json
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pluralign.core.errors import DataError, UnknownNameError, UsageError
from pluralign.core.records import SftRecord
from pluralign.curate.culture_answers import first_digits
from pluralign.curate.culturespa import prepare
from pluralign.curate.culturespa_recipe import CultureSpa
from pluralign.curate.forecast import forecast
from pluralign.curate.run import Result, curate
from pluralign.curate.work import Dropped
from pluralign.engines.base import ChatRequest, Engine, ScoreRequest
from pluralign.engines.open import open_engine
from pluralign.engines.scripted import ScriptedEngine, scripted
from pluralign.prompts.options import show
from pluralign.prompts.strategies import Context, strategy
from pluralign.store.records import read_records
from pluralign.surveys import load
from tests.curate.question_server import QuestionServer
from tests.engines.fake_server import serving

TOPICS = ["Safety", "Migration"]


def recipe(**keys: Any) -> CultureSpa:
    given = {
        "name": "test",
        "model": "scripted",
        "licence": "CC0-1.0",
        "as": ["USA", "KEN"],
        "questions": {"topics": TOPICS},
    }
    return CultureSpa.model_validate(given | keys)


def made(own: CultureSpa, engine: Engine, folder: Path) -> Result:
    folder.mkdir(exist_ok=True)
    return curate(prepare(own), {"model": engine}, folder)


def kept(folder: Path, file: str = "sft.jsonl") -> list[SftRecord]:
    return [record for record in read_records(folder / file) if isinstance(record, SftRecord)]


def moved_by(culture: str, shares: tuple[float, ...]) -> ScriptedEngine:
    """Answers the first option in nine of ten cases, but with ``shares`` where a culture is named."""

    def score(request: ScoreRequest) -> Iterator[float]:
        named = culture in request.messages[0].content
        count = len(request.options)
        own = (*shares[:count], *[0.0] * (count - len(shares))) if named else (0.9, *[0.1 / (count - 1)] * (count - 1))
        return (math.log(share) if share else -math.inf for share in own)

    return ScriptedEngine(lambda request: list(score(request)))


# --- which answers are kept -----------------------------------------------------------------------------------------


def test_only_the_culture_that_moves_an_answer_is_kept(tmp_path: Path) -> None:
    result = made(recipe(), moved_by("Kenyan", (0.2, 0.8)), tmp_path)
    records = kept(tmp_path)
    assert {record.collective for record in records} == {"KEN"}
    assert len(records) == 10
    assert Counter(drop.reason for drop in result.card.dropped) == {"no shift": 10}
    # The first option falls from 0.9 to 0.2; of k options the k - 2 others fall from 0.1 / (k - 1) to 0 as well.
    survey = load("world-mini")
    for record in records:
        options = len(survey.question(record.group.removeprefix("question:")).options)
        expected = 0.7 + 0.1 * (options - 2) / (options - 1)
        assert record.provenance.details["variation"] == pytest.approx(expected, abs=1e-6)


def test_a_shift_within_noise_is_dropped_and_more_imagined_answers_find_it(tmp_path: Path) -> None:
    # One question with two options, 0.90 to 0.91: G is about n (0.01)² / (0.905 · 0.095) = 0.00116 n / 2. At n = 1,000
    # that is 0.6, far under 6.6; at a million it is 580.
    file = tmp_path / "questions.json"
    file.write_text(json.dumps([{"question": "Do you like tea?", "option_lst": ["Yes", "No"]}]))
    engine = moved_by("Kenyan", (0.91, 0.09))
    few = made(recipe(**{"from": str(file)}), engine, tmp_path / "few")
    many = made(recipe(noise={"answers": 10**6}, **{"from": str(file)}), engine, tmp_path / "many")
    assert (few.counts["records"], many.counts["records"]) == (0, 1)
    (record,) = kept(tmp_path / "many")
    assert record.provenance.details["statistic"] == pytest.approx(582, abs=2)


def test_answers_beside_the_question_are_dropped(tmp_path: Path) -> None:
    engine = ScriptedEngine(lambda request: [math.log(0.01 / len(request.options))] * len(request.options))
    result = made(recipe(), engine, tmp_path)
    assert result.counts["records"] == 0
    assert {drop.reason for drop in result.card.dropped} == {"beside the question"}


def test_an_engine_that_does_not_tell_probabilities_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not tell how probable options are"):
        made(recipe(), ScriptedEngine(speaker=lambda _: "1"), tmp_path)


def test_the_published_rule_keeps_one_sample_that_differs(tmp_path: Path) -> None:
    def speak(request: ChatRequest) -> str:
        system = request.messages[0].content
        return "01. Yes" if "Kenyan" in system else "I would say 12" if "American" in system else "1"

    result = made(recipe(rule="published"), ScriptedEngine(speaker=speak), tmp_path)
    records = kept(tmp_path)
    # "01" is not "1"; 12 is kept by step 3 of the original and cannot be taught by step 4.
    assert {(record.collective, record.messages[-1].content) for record in records} == {("KEN", "1")}
    assert Counter(drop.reason for drop in result.card.dropped) == {"above 10": 10}


def test_the_published_rule_skips_what_holds_no_number(tmp_path: Path) -> None:
    engine = ScriptedEngine(speaker=lambda request: "call 988" if "Kenyan" in request.messages[0].content else "2")
    result = made(recipe(rule="published"), engine, tmp_path)
    assert Counter(drop.reason for drop in result.card.dropped) == {"no number": 10, "same answer": 10}
    assert sum(len(asked) for asked in engine.said) == 30, "the published rule asks nobody twice"


@pytest.mark.parametrize(
    ("text", "digits"), [("1", "1"), ("01", "01"), ("12", "12"), ("16", ""), ("2.2", "2"), ("I can't", ""), ("٣", "٣")]
)
def test_digits_as_the_original_reads_them(text: str, digits: str) -> None:
    assert first_digits(text) == digits


# --- what is taught -------------------------------------------------------------------------------------------------


def test_records_are_the_very_prompts_that_polls_use(tmp_path: Path) -> None:
    made(recipe(), scripted("hash"), tmp_path)
    survey = load("world-mini")
    records = kept(tmp_path)
    assert len({record.id for record in records}) == len(records)
    for record in records:
        question = survey.question(record.group.removeprefix("question:"))
        order = tuple(int(place) for place in str(record.provenance.details["order"]).split(","))
        shown = show(question, order)
        asked = strategy("persona").messages(shown, Context(collective=survey.collective(record.collective)))
        assert record.messages[:-1] == asked
        assert record.messages[-1].content in {forms[0] for forms in shown.forms}
        assert record.provenance.parents == (record.group,)
        assert record.provenance.templates == strategy("persona").template_hashes
    assert len({str(record.provenance.details["order"]) for record in records}) > 2, "both directions are shown"


def test_plain_prompts_for_identity_tokens(tmp_path: Path) -> None:
    made(recipe(teach="plain"), scripted("hash"), tmp_path)
    assert {record.messages[0].content for record in kept(tmp_path)} == {
        strategy("plain").messages(show(load("world-mini").questions[0]), Context())[0].content
    }


def test_the_mode_the_draw_and_every_option(tmp_path: Path) -> None:
    engine = moved_by("Kenyan", (0.2, 0.8))
    made(recipe(answer="spread", orders=1), engine, tmp_path / "spread")
    spread: dict[str, float] = {}
    for record in kept(tmp_path / "spread"):
        spread[record.group] = spread.get(record.group, 0) + record.weight
    assert all(total == pytest.approx(1) for total in spread.values())
    assert {round(record.weight, 6) for record in kept(tmp_path / "spread")} == {0.2, 0.8}
    made(recipe(answer="mode", orders=1), engine, tmp_path / "mode")
    survey = load("world-mini")
    for record in kept(tmp_path / "mode"):
        second = survey.question(record.group.removeprefix("question:")).options[1]
        assert record.messages[-1].content == str(second.id)


def test_draws_follow_the_distribution(tmp_path: Path) -> None:
    wide = recipe(questions={}, orders=1, **{"as": ["KEN", "USA", "CHN", "IND", "BRA"]})
    made(wide, moved_by("cultural", (0.2, 0.8)), tmp_path)
    survey = load("world-mini")
    records = kept(tmp_path)
    first = sum(
        record.messages[-1].content == str(survey.question(record.group.removeprefix("question:")).options[0].id)
        for record in records
    )
    # 385 draws at 0.2: mean 77, standard deviation 7.8.
    assert len(records) == 5 * 77
    assert abs(first - 77) < 4 * 7.9


def test_thinking_of_other_cultures_first(tmp_path: Path) -> None:
    made(recipe(voice="cross-culture"), scripted("hash"), tmp_path)
    for record in kept(tmp_path):
        assert "in what ways it differs from" in record.messages[0].content
    made(recipe(voice="cross-culture", rule="published"), scripted("hash"), tmp_path / "published")
    for record in kept(tmp_path / "published"):
        assert "in what ways it differs from" not in record.messages[0].content, "the original teaches the persona"


def test_a_smaller_ratio_is_a_part_of_a_larger_one(tmp_path: Path) -> None:
    ids: list[set[str]] = []
    for ratio in (0.1, 0.5, 0.9, 1.0):
        made(recipe(questions={}, ratio=ratio), scripted("hash"), tmp_path / str(ratio))
        ids.append({record.id for record in kept(tmp_path / str(ratio))})
    assert ids[0] < ids[1] < ids[2] < ids[3]
    whole = Counter(record.collective for record in kept(tmp_path / "1.0"))
    part = Counter(record.collective for record in kept(tmp_path / "0.5"))
    assert part == {name: math.ceil(0.5 * count) for name, count in whole.items()}


def test_one_file_per_collective_holds_what_the_joint_one_does(tmp_path: Path) -> None:
    made(recipe(), scripted("hash"), tmp_path / "joint")
    made(recipe(format="per-collective"), scripted("hash"), tmp_path / "own")
    assert not (tmp_path / "own" / "sft.jsonl").exists()
    own = kept(tmp_path / "own", "sft.USA.jsonl") + kept(tmp_path / "own", "sft.KEN.jsonl")
    assert own == kept(tmp_path / "joint")
    made(recipe(), scripted("hash"), tmp_path / "own")
    assert not list((tmp_path / "own").glob("sft.*.jsonl")), "files of an earlier format go"


def test_collectives_of_your_own(tmp_path: Path) -> None:
    guild = {"id": "weavers", "name": "the weavers' guild"}
    made(recipe(collectives=[guild], **{"as": ["weavers", "USA"]}), scripted("hash"), tmp_path)
    assert {record.collective for record in kept(tmp_path)} == {"weavers", "USA"}
    with pytest.raises(UnknownNameError, match="did you mean 'weavers'"):
        prepare(recipe(collectives=[guild], **{"as": ["weaver"]}))


# --- questions from files and from models ---------------------------------------------------------------------------


def test_questions_of_a_file_are_filtered_and_what_goes_is_said(tmp_path: Path) -> None:
    survey = load("world-mini")
    measured = next(question for question in survey.questions if question.topic not in TOPICS)
    lines = [
        {"Q_id": "Q1", "class": "Tea", "question": "Do you drink tea in the morning?", "option_lst": ["Yes", "No"]},
        {"Q_id": "Q2", "class": "Tea", "question": "Do you drink tea in the morning?", "option_lst": ["Yes", "No"]},
        {"Q_id": "Q3", "class": "Tea", "question": "Is tea dear?", "option_lst": ["Yes", "No", "Don't know"]},
        {"Q_id": "Q4", "class": "Tea", "question": "Is coffee dear?", "option_lst": ["Yes", "Not sure"]},
        {"Q_id": "Q5", "class": "Tea", "question": "Is milk dear to you?", "option_lst": ["Yes", "yes"]},
        {"Q_id": "Q6", "class": "Tea", "question": measured.text, "option_lst": ["Yes", "No"]},
        {"Q_id": "Q7", "class": "Tea", "question": "Is rain good, from 1 to 3?", "option_lst": ["1", "2", "3"]},
    ]
    file = tmp_path / "questions.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    result = made(recipe(**{"from": str(file)}), scripted("hash"), tmp_path / "out")
    reasons = {drop.item: drop.reason for drop in result.card.dropped if drop.stage == "filter"}
    assert reasons == {
        "record 2": "worded as an earlier question",
        "record 4": "too few or too many options",
        "record 5": "an option twice",
        "record 6": "a question that will be measured",
        "record 7": "bare numbers that the question does not explain",
    }
    asked = json.loads((tmp_path / "out" / "questions.json").read_text())
    assert [record["Q_id"] for record in asked] == ["Q1", "Q3"]
    assert asked[1]["option_lst"] == ["Yes", "No", "Don't know"], "the file's record stays as it was"
    assert not any("Don't know" in turn.content for record in kept(tmp_path / "out") for turn in record.messages)


def test_a_malformed_file_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "questions.json"
    for text, message in [
        ("[1]", "record 1: expected an object"),
        ('[{"question": 3}]', "'question' must be a text"),
        ('[{"question": "a", "option_lst": [1]}]', "'option_lst' must be a list of texts"),
        ('{"question": "a"\n', "neither a JSON list nor one JSON object a line"),
    ]:
        file.write_text(text)
        with pytest.raises(DataError, match=r"questions\.json") as error:
            prepare(recipe(**{"from": str(file)}))
        assert message in str(error.value)


def test_writing_questions_with_a_scripted_server(tmp_path: Path) -> None:
    own = recipe(write={"per_topic": 6, "at_once": 4}, model="http:tiny")
    with serving(QuestionServer()) as server:
        engine = open_engine(f"http:tiny@{server.url}")
        result = made(own, engine, tmp_path / "first")
        asked = len(server.asked_for("/v1/chat/completions"))
        made(own, engine, tmp_path / "first")
        assert len(server.asked_for("/v1/chat/completions")) == asked, "a finished run asks nothing"
    questions = json.loads((tmp_path / "first" / "questions.json").read_text())
    assert Counter(record["class"] for record in questions) == dict.fromkeys(TOPICS, 6)
    assert len({record["question"] for record in questions}) == 12
    assert not any("1." in option for record in questions for option in record["option_lst"])
    records = kept(tmp_path / "first")
    assert {record.collective for record in records} == {"USA", "KEN"}
    for record in records:
        # Every record leads back to the question and to the survey's questions it was written after.
        assert record.provenance.parents[0] == record.group
        assert len(record.provenance.parents) == 6
    assert "| write |" in (tmp_path / "first" / "dataset.md").read_text()
    assert result.counts["computed"] > 0


def test_a_model_that_writes_no_questions_is_given_up(tmp_path: Path) -> None:
    calls: list[str] = []

    def speak(request: ChatRequest) -> str:
        calls.append(request.messages[-1].content)
        return "What a lovely topic!"

    own = recipe(write={"per_topic": 3, "tries": 2}, retries=1)
    result = made(own, ScriptedEngine(lambda _: [0.0], speaker=speak), tmp_path)
    assert result.counts["records"] == 0
    # Two topics, 2 x 3 requests each, each asked for twice.
    assert len(calls) == 2 * 6 * 2
    given_up = [drop for drop in result.card.dropped if drop.reason == "given up"]
    assert [drop.detail for drop in given_up] == ["0 of 3 questions after 6 requests"] * 2
    assert not any("lovely" in text for text in calls), "what cannot be read is never echoed back"


def test_examples_are_three_of_the_survey_and_two_of_its_own(tmp_path: Path) -> None:
    own_counts: list[int] = []

    def speak(request: ChatRequest) -> str:
        lines = [line for line in request.messages[-1].content.splitlines() if line.startswith("   Options: ")]
        assert len(lines) == 5
        own_counts.append(sum("mine" in line for line in lines))
        return json.dumps({"Question": f"question {len(own_counts)}?", "Options": ["mine", "not mine"]})

    own = recipe(write={"per_topic": 4, "at_once": 1, "similar": None}, questions={"topics": ["Safety"]})
    made(own, ScriptedEngine(lambda request: [-1.0] * len(request.options), speaker=speak), tmp_path)
    assert own_counts == [0, 1, 2, 2]


def test_a_topic_with_one_seed_shows_more_of_its_own(tmp_path: Path) -> None:
    own_counts: list[tuple[int, int]] = []

    def speak(request: ChatRequest) -> str:
        lines = [line for line in request.messages[-1].content.splitlines() if line.startswith("   Options: ")]
        own_counts.append((len(lines), sum("mine" in line for line in lines)))
        return json.dumps({"question": f"question {len(own_counts)}?", "options": ["mine", "not mine"]})

    write = {"per_topic": 7, "at_once": 1, "similar": None, "seeds": "one"}
    engine = ScriptedEngine(lambda request: [-1.0] * len(request.options), speaker=speak)
    made(recipe(write=write, questions={"topics": ["Safety"]}), engine, tmp_path)
    assert own_counts == [(1, 0), (2, 1), (3, 2), (4, 3), (5, 4), (5, 4), (5, 4)]


# --- forecast and keys ----------------------------------------------------------------------------------------------


def test_the_forecast_counts_what_will_be_asked(tmp_path: Path) -> None:
    own = recipe()
    size = forecast(own, prepare(own).make)
    assert size.usage.calls == 3 * 10 * 2  # as itself and two cultures, ten questions, two orders
    result = made(own, scripted("hash"), tmp_path)
    assert result.counts["computed"] == size.usage.calls
    writing = recipe(write={"per_topic": 7})
    size = forecast(writing, prepare(writing).make)
    assert {stage.name: stage.usage.calls for stage in size.stages} == {"write": 14, "answer": 3 * 14 * 2}
    published = recipe(rule="published")
    size = forecast(published, prepare(published).make)
    assert (size.usage.calls, size.sft) == (30, 20)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"voice": "self-alignment"}, "shows answered questions"),
        ({"voice": "plain"}, "names nobody"),
        ({"write": {}, "from": "x.json"}, "leave out 'from' or 'write'"),
        ({"rule": "published", "answer": "mode"}, "one sampled answer"),
        ({"noise": {"level": 1.5}}, "less than 1"),
        ({"ratoi": 0.5}, "ratoi"),
    ],
)
def test_keys_that_do_not_fit_are_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        recipe(**keys)


def test_drops_lead_back_to_their_question(tmp_path: Path) -> None:
    result = made(recipe(), scripted("uniform"), tmp_path)
    drops: list[Dropped] = list(result.card.dropped)
    assert len(drops) == 20
    assert all(drop.parents[0].startswith("question:") for drop in drops)
    assert result.counts["records"] == 0
