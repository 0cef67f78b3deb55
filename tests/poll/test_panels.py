"""A panel is polled like any voice: its members are asked, and its answer is their mixture."""

import math
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pluralign.core.errors import DataError, UsageError
from pluralign.core.survey import Survey
from pluralign.engines.base import ChatRequest, ScoreRequest
from pluralign.engines.scripted import ScriptedEngine
from pluralign.poll import compare, forecast, records, run
from pluralign.poll.panels import PICKS_FILE, decide
from pluralign.poll.run import Answers, Prepared
from pluralign.poll.scores import Scores
from pluralign.poll.study import Method, Study
from tests.poll.conftest import carry_out, oracle

MIXTURE = "name: both\nkind: distributional\nmembers:\n"
NORTH_AND_SOUTH = MIXTURE + "- {voice: persona, as: north, weight: 0.75}\n- {voice: persona, as: south, weight: 0.25}\n"
CHOICE = (
    "name: choice\nkind: steerable\npick: model\nmembers:\n- {voice: persona, as: north}\n- {voice: plain, title: Me}\n"
)


def study(survey_file: Path, text: str, *voices: str) -> Study:
    path = survey_file.parent / "panel.yaml"
    path.write_text(text)
    return Study.model_validate(
        {"model": "x", "survey": str(survey_file), "voices": [*voices, f"panel:{path}"], "resamples": 100}
    )


def test_a_mixture_of_two_peoples_answers_with_their_shares(survey_file: Path, survey: Survey, tmp_path: Path) -> None:
    one = study(survey_file, NORTH_AND_SOUTH, "persona")
    prepared, answers, scores = carry_out(one, oracle(survey), tmp_path / "run")
    name = f"panel:{tmp_path / 'panel.yaml'}"
    heard = answers.heard[name]["tea"].distribution()
    assert heard is not None
    assert heard.probabilities == pytest.approx([0.3, 0.3, 0.4])  # 3/4 (.2 .3 .5) + 1/4 (.6 .3 .1)
    assert prepared.total == 2 * 3 * 4, "two orders of three questions to two voices and two members"
    assert answers.counts["computed"] == 2 * 3 * 2, "its members are asked what the persona voices are asked: once"
    assert [(one.voice, one.label) for one in scores.summaries] == [("persona", "persona"), (name, "both")]
    rows = [row for row in pq.read_table(tmp_path / "run" / "answers.parquet").to_pylist() if row["voice"] == name]
    assert len(rows) == 6
    assert all(row["collective"] == "" for row in rows)
    prompts = {row["prompt"]: row for row in pq.read_table(tmp_path / "run" / "prompts.parquet").to_pylist()}
    assert "[member 2, weight 0.25]" in prompts[rows[0]["prompt"]]["user"]
    again, _, repeated = carry_out(one, oracle(survey), tmp_path / "run")
    assert repeated.summaries == scores.summaries
    recalled = run.recall(again, tmp_path / "run", answers.counts)
    assert recalled.heard[name]["tea"].distribution() == heard


def test_the_forecast_counts_every_member_and_shared_prompts_once(survey_file: Path, survey: Survey) -> None:
    size = forecast.forecast(
        run.prepare(study(survey_file, NORTH_AND_SOUTH, "persona")), oracle(survey), measure_speed=False
    )
    assert (size.prompts, size.distinct) == (24, 12)


def test_another_weight_is_another_run(survey_file: Path, survey: Survey) -> None:
    def spec_of(text: str) -> str:
        return records.specify(run.prepare(study(survey_file, text)), oracle(survey)).id

    assert spec_of(NORTH_AND_SOUTH) == spec_of(NORTH_AND_SOUTH)
    assert spec_of(NORTH_AND_SOUTH) != spec_of(NORTH_AND_SOUTH.replace("0.75", "0.5").replace("0.25", "0.5"))


def picker(survey: Survey, sure: float) -> ScriptedEngine:
    """Picks the first member for the north, the second for the south with probability ``sure``; else the oracle."""
    knows = oracle(survey)

    def score(request: ScoreRequest) -> Sequence[float]:
        user = request.messages[-1].content
        if "best suited" not in user:
            return knows.score([request])[0].logprobs
        return [math.log(0.9), -math.inf] if "The North" in user.splitlines()[0] else [-math.inf, math.log(sure)]

    return ScriptedEngine(score, name="picker", version=str(sure))


def whole(one: Study, engine: ScriptedEngine, folder: Path) -> tuple[Prepared, Answers, Scores]:
    undecided = run.prepare(one)
    spec = records.specify(undecided, engine)
    records.open_run(folder, spec, ())
    prepared = decide(undecided, engine, folder)
    answers = run.poll(prepared, engine, folder, lambda _: None)
    return prepared, answers, compare.compare(prepared, answers, spec)


def test_the_member_a_model_picks_answers_and_its_pick_is_kept(
    survey_file: Path, survey: Survey, tmp_path: Path
) -> None:
    one = study(survey_file, CHOICE)
    engine = picker(survey, 0.9)
    prepared, _, scores = whole(one, engine, tmp_path / "run")
    assert [voice.member(0).id for voice in prepared.voices] == ["persona@north", "plain"]
    assert scores.summaries[0].label == "choice"
    asked = len(engine.scored)
    again = decide(run.prepare(one), engine, tmp_path / "run")
    assert again.voices == prepared.voices
    assert len(engine.scored) == asked, "the pick was read from the run's folder"
    assert decide(run.prepare(one), None, tmp_path / "run").voices == prepared.voices


def test_a_pick_that_cannot_be_read_is_counted_and_not_replaced(
    survey_file: Path, survey: Survey, tmp_path: Path
) -> None:
    prepared, _, scores = whole(study(survey_file, CHOICE), picker(survey, 0.3), tmp_path / "run")
    assert [voice.collective and voice.collective.id for voice in prepared.voices] == ["north"]
    assert any("choice was to pick a member for 2 peoples; 1 picks could not be read" in one for one in scores.caveats)


def test_members_take_turns_at_replying_by_their_weights(survey_file: Path, tmp_path: Path) -> None:
    one = study(survey_file, NORTH_AND_SOUTH).model_copy(update={"methods": (Method.SAMPLES,), "samples": 8})
    asked: list[str] = []

    def speak(request: ChatRequest) -> str:
        asked.append(request.messages[0].content + request.messages[1].content)
        return "1"

    carry_out(one, ScriptedEngine(speaker=speak, name="speaker"), tmp_path / "run")
    tea = [text for text in asked if "drink tea" in text]
    forwards = [text for text in tea if "1. Never" in text]
    assert (len(tea), len(forwards)) == (8, 4)
    assert sum("Northern" in text for text in tea) == 6
    assert sum("Northern" in text for text in forwards) == 3, "every order meets every member"
    stated = one.model_copy(update={"methods": (Method.VERBALISED,)})
    with pytest.raises(UsageError, match="leave 'verbalised' out"):
        run.prepare(stated)


def test_spoiled_picks_are_said_in_one_sentence(survey_file: Path, survey: Survey, tmp_path: Path) -> None:
    one = study(survey_file, CHOICE)
    whole(one, picker(survey, 0.9), tmp_path / "run")
    (tmp_path / "run" / PICKS_FILE).write_text("{")
    with pytest.raises(DataError, match="is not a file of picks"):
        decide(run.prepare(one), None, tmp_path / "run")
    (tmp_path / "run" / PICKS_FILE).unlink()
    with pytest.raises(DataError, match="does not hold every pick"):
        decide(run.prepare(one), None, tmp_path / "run")


WINDOW = "name: window\nkind: overton\nmembers:\n- {voice: persona, as: north}\n- {voice: persona, as: south}\n"


def test_an_overton_panel_is_polled_part_by_part(survey_file: Path, survey: Survey, tmp_path: Path) -> None:
    prepared, answers, scores = carry_out(study(survey_file, WINDOW), oracle(survey), tmp_path / "run")
    heard = answers.heard[f"panel:{tmp_path / 'panel.yaml'}"]["tea"].distribution()
    assert heard is not None
    assert heard.probabilities == pytest.approx([0.4, 0.3, 0.3])  # 1/2 (.2 .3 .5) + 1/2 (.6 .3 .1)
    assert [voice.collective for voice in prepared.voices] == [None]
    assert any("how much room its reply gives to each answer" in one for one in scores.caveats)


def test_the_parts_of_an_overton_panel_are_read_by_themselves(survey_file: Path, tmp_path: Path) -> None:
    """Of four free texts each of two voices writes two: one says the first answer, the other the last."""
    one = study(survey_file, WINDOW).model_copy(
        update={"methods": (Method.FREE_TEXT,), "samples": 4, "reader": "reader", "orders": 1}
    )
    prepared = run.prepare(one)

    def speak(request: ChatRequest) -> str:
        return "certainly first" if "Northern" in request.messages[0].content else "certainly last"

    def read(request: ScoreRequest) -> list[float]:
        last = len(request.options) - 2  # behind it stands "none of these"
        chosen = 0 if "certainly first" in request.messages[-1].content else last
        return [0.0 if at == chosen else -math.inf for at in range(len(request.options))]

    speaker, reader = ScriptedEngine(speaker=speak, name="speaker"), ScriptedEngine(read, name="reader")
    answers = run.poll(prepared, speaker, tmp_path, lambda _: None, reader=reader)
    heard = answers.heard[prepared.voices[0].id]["tea"].distribution()
    assert heard is not None
    assert (heard.probabilities[0], heard.probabilities[-1]) == (0.5, 0.5)
