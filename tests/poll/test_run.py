"""A poll from study to numbers, with engines whose answers are known."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pluralign.core.distribution import Obtained
from pluralign.core.errors import InterruptedRunError, ModelError, UsageError
from pluralign.core.survey import Survey
from pluralign.engines.base import OptionScores, ScoreRequest
from pluralign.engines.scripted import ScriptedEngine, scripted
from pluralign.poll import records, run
from pluralign.poll.study import Study
from tests.poll.conftest import carry_out, oracle, wordings


def study(survey_file: Path, **changes: object) -> Study:
    return Study.model_validate(
        {"model": "oracle", "survey": str(survey_file), "voices": ["persona"], "resamples": 100, **changes}
    )


def test_a_voice_that_answers_as_the_people_do_is_at_distance_zero(
    survey: Survey, survey_file: Path, tmp_path: Path
) -> None:
    _, _, scores = carry_out(study(survey_file), oracle(survey), tmp_path / "run")
    for cell in scores.cells:
        assert cell.distances["wasserstein"].value == pytest.approx(0, abs=1e-12)
        assert cell.distances["js_distance"].value == pytest.approx(0, abs=1e-6)
        assert cell.agreement.value == 1
        assert cell.entropy_ratio.value == pytest.approx(1)
        assert cell.worth_text == "more than 10,000"
        assert cell.captured == pytest.approx(1)
    assert scores.closest["persona"]["north"]["north"] == pytest.approx(0, abs=1e-12)
    assert scores.summaries[0].own_closest == 2


@pytest.mark.parametrize("orders", [1, 2, 4, "all"])
@pytest.mark.parametrize("labels", ["number", "letter", "none"])
def test_whatever_the_order_and_the_labels_answers_are_mapped_back(
    survey: Survey, survey_file: Path, tmp_path: Path, orders: object, labels: str
) -> None:
    _, answers, scores = carry_out(study(survey_file, orders=orders, labels=labels), oracle(survey), tmp_path / "run")
    reference = survey.reference("north", "milk")
    heard = answers.heard["persona@north"]["milk"].distribution()
    assert reference is not None
    assert heard is not None
    assert heard.probabilities == pytest.approx(reference.probabilities)
    for cell in scores.cells:
        assert cell.order_effect == (None if orders == 1 else pytest.approx(0, abs=1e-12))


def test_a_voice_that_always_takes_the_first_place_shows_as_order_effect_and_not_as_an_opinion(
    survey_file: Path, tmp_path: Path
) -> None:
    def first_listed(request: ScoreRequest) -> list[float]:
        user = request.messages[-1].content
        places = [user.rindex(wording) for wording in wordings(request)]
        return [0.0 if place == min(places) else -math.inf for place in places]

    engine = ScriptedEngine(first_listed, name="first")
    _, answers, scores = carry_out(
        study(survey_file, orders="all", questions={"ids": ["milk"]}), engine, tmp_path / "run"
    )
    heard = answers.heard["persona@north"]["milk"].distribution()
    assert heard is not None
    # all 3! orders: each option stands first in 2 of 6
    assert heard.probabilities == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    # one-hot against uniform over three: (|1 - 1/3| + 2 * 1/3) / 2 = 2/3
    assert scores.cells[0].order_effect == pytest.approx(2 / 3)


def test_an_unsteered_voice_is_asked_once_and_held_against_every_people(
    survey: Survey, survey_file: Path, tmp_path: Path
) -> None:
    engine = oracle(survey)
    prepared, _, scores = carry_out(study(survey_file, voices=["plain"], orders=1), engine, tmp_path / "run")
    assert [voice.id for voice in prepared.voices] == ["plain"]
    assert sum(len(call) for call in engine.scored) == 3
    assert [cell.collective for cell in scores.cells] == ["north", "south"]
    # the oracle, asked by nobody in particular, answers as the North
    assert scores.cells[0].distances["wasserstein"].value == pytest.approx(0, abs=1e-12)
    # South against North on tea: |0.6-0.2|/2 + |0.9-0.5|/2 = 0.4; talk was not asked in the South
    assert scores.cells[1].distances["wasserstein"].value == pytest.approx(0.4)
    assert scores.cells[1].without_reference == 1


def test_mass_outside_the_options_is_shown_and_not_shared_out(
    survey: Survey, survey_file: Path, tmp_path: Path
) -> None:
    _, _, scores = carry_out(study(survey_file), oracle(survey, spread=0.25), tmp_path / "run")
    assert scores.cells[0].captured == pytest.approx(0.25)
    assert scores.cells[0].distances["wasserstein"].value == pytest.approx(0, abs=1e-12)
    assert any("25% of the probability" in caveat for caveat in scores.caveats)


def test_an_answer_with_no_probability_at_all_is_counted_and_not_guessed(survey_file: Path, tmp_path: Path) -> None:
    def silent_on_milk(request: ScoreRequest) -> list[float]:
        size = len(request.options)
        return [-math.inf if "milk" in request.messages[-1].content else math.log(1 / size)] * size

    _, _, scores = carry_out(study(survey_file), ScriptedEngine(silent_on_milk), tmp_path / "run")
    assert [cell.unanswerable for cell in scores.cells] == [1, 1]
    assert [cell.questions for cell in scores.cells] == [2, 1]
    assert any("2 answers showed the options no probability" in caveat for caveat in scores.caveats)
    rows = pq.read_table(tmp_path / "run" / "answers.parquet").to_pylist()
    assert {row["question"] for row in rows if row["probabilities"] is None} == {"milk"}


def test_answers_on_disk_say_what_was_asked_and_what_came(survey: Survey, survey_file: Path, tmp_path: Path) -> None:
    carry_out(study(survey_file), oracle(survey), tmp_path / "run")
    rows = pq.read_table(tmp_path / "run" / "answers.parquet").to_pylist()
    assert len(rows) == 2 * 3 * 2
    row = next(row for row in rows if (row["collective"], row["question"], row["order"]) == ("south", "tea", [2, 1, 0]))
    assert row["probabilities"] == pytest.approx([0.6, 0.3, 0.1])
    assert row["options"] == [1, 2, 3]
    assert row["method"] == "exact"
    prompts = {one["prompt"]: one for one in pq.read_table(tmp_path / "run" / "prompts.parquet").to_pylist()}
    assert "Southern cultural background" in prompts[row["prompt"]]["system"]
    assert "Answers:\n1. Often\n2. Sometimes\n3. Never\n" in prompts[row["prompt"]]["user"]


def test_equal_prompts_are_asked_once(survey_file: Path, tmp_path: Path) -> None:
    """Two collectives whose majorities agree get the same self-alignment prompt."""
    text = survey_file.read_text().replace("shares: [0.6, 0.3, 0.1], n: 500", "shares: [0.1, 0.3, 0.6], n: 500")
    survey_file.write_text(text.replace("shares: [0.1, 0.8, 0.1], n: 500", "shares: [0.8, 0.1, 0.1], n: 500"))
    engine = scripted("uniform")
    _, answers, _ = carry_out(
        study(survey_file, voices=["self-alignment"], orders=1, questions={"ids": ["talk"]}), engine, tmp_path / "run"
    )
    assert answers.counts["prompts"] == 2
    assert answers.counts["computed"] == sum(len(call) for call in engine.scored) == 1


class Dies(ScriptedEngine):
    """Gives out after some batches, as a process that is killed does."""

    def __init__(self, survey: Survey, batches: int):
        super().__init__(oracle(survey)._scorer, name="oracle", version="1.0")
        self.left = batches

    def score(self, requests: "list[ScoreRequest]") -> list[OptionScores]:  # type: ignore[override]
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        return super().score(requests)


@pytest.mark.parametrize("batches", [0, 1, 2])
def test_a_run_that_was_stopped_goes_on_without_asking_anything_twice(
    survey: Survey, survey_file: Path, tmp_path: Path, batches: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "SHARD", 5)  # twelve prompts in three shards
    one = study(survey_file)
    _, undisturbed, expected = carry_out(one, oracle(survey), tmp_path / "undisturbed")
    dying = Dies(survey, batches)
    with pytest.raises(KeyboardInterrupt):
        carry_out(one, dying, tmp_path / "stopped")
    assert not (tmp_path / "stopped" / "answers.parquet").exists()
    second = oracle(survey)
    _, answers, scores = carry_out(one, second, tmp_path / "stopped")
    asked = [request for engine in (dying, second) for call in engine.scored for request in call]
    assert len(asked) == len(set(asked)) == undisturbed.counts["computed"]
    assert scores.model_dump(exclude={"created"}) == expected.model_dump(exclude={"created"})
    for name in ("answers.parquet", "prompts.parquet"):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "undisturbed" / name).read_bytes()
    assert answers.counts["resumed"] + answers.counts["computed"] == undisturbed.counts["computed"]


def test_a_run_whose_server_went_down_goes_on_when_it_is_back(
    survey_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openai")
    from pluralign.engines.http import open_http
    from tests.engines.fake_server import FakeServer, serving

    monkeypatch.setattr(run, "SHARD", 5)
    one = study(survey_file)
    with serving(FakeServer("vllm")) as server:
        engine: Any = open_http(f"http:tiny@{server.url}", retries=0)
        _, undisturbed, expected = carry_out(one, engine, tmp_path / "undisturbed")
        replies = [path for path, _ in server.asked if path == "/v1/completions"]
        assert len(replies) > 2, "it would show little"
        answer, answered = server.answer, [0]

        def down(path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
            answered[0] += path == "/v1/completions"
            return answer(path, body) if answered[0] <= 1 else (503, {"error": {"message": "out of order"}})

        monkeypatch.setattr(server, "answer", down)
        with pytest.raises(InterruptedRunError, match="run the same command again"):
            carry_out(one, engine, tmp_path / "stopped")
        assert not (tmp_path / "stopped" / "answers.parquet").exists()
        monkeypatch.setattr(server, "answer", answer)
        _, answers, scores = carry_out(one, engine, tmp_path / "stopped")
        engine.close()
    assert 0 < answers.counts["resumed"] < undisturbed.counts["computed"]
    assert answers.counts["resumed"] + answers.counts["computed"] == undisturbed.counts["computed"]
    assert scores.model_dump(exclude={"created"}) == expected.model_dump(exclude={"created"})
    for name in ("answers.parquet", "prompts.parquet"):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "undisturbed" / name).read_bytes()


def test_a_folder_with_another_run_is_refused_and_left_alone(survey: Survey, survey_file: Path, tmp_path: Path) -> None:
    carry_out(study(survey_file), oracle(survey), tmp_path / "run")
    before = (tmp_path / "run" / "run.json").read_bytes()
    with pytest.raises(UsageError, match=r"holds another run \(its study 'seed' differs\); name another folder"):
        carry_out(study(survey_file, seed=1), oracle(survey), tmp_path / "run")
    assert (tmp_path / "run" / "run.json").read_bytes() == before


def test_the_record_holds_all_that_is_needed_to_repeat_a_run(survey: Survey, survey_file: Path, tmp_path: Path) -> None:
    carry_out(study(survey_file), oracle(survey), tmp_path / "run")
    record = records.read_run(tmp_path / "run")
    assert record.spec.survey_checksum == survey.checksum
    assert record.spec.engine["name"] == "oracle"
    assert set(record.spec.templates) == {"system_persona.v1", "user_plain.v1"}
    assert record.spec.given == ("model", "resamples", "survey", "voices")
    assert record.spec.study["orders"] == 2
    assert {"pluralign", "python", "numpy"} <= set(record.versions)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["spec"]["seed"] == 0


def test_a_full_disk_keeps_what_is_there(
    survey: Survey, survey_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pluralign.store.answers import AnswerStore

    def full(self: AnswerStore, _answers: object) -> None:
        raise InterruptedRunError(f"{self.path}: database or disk is full; 0 answers are kept")

    monkeypatch.setattr(AnswerStore, "put", full)
    with pytest.raises(InterruptedRunError, match="disk is full"):
        carry_out(study(survey_file), oracle(survey), tmp_path / "run")
    assert (tmp_path / "run" / "answers.sqlite").exists()
    assert not (tmp_path / "run" / "answers.parquet").exists()


@pytest.mark.parametrize("voice", ["cross-culture", "self-alignment", "P2+P3"])
def test_a_voice_that_draws_on_answers_needs_some(survey_file: Path, voice: str) -> None:
    with pytest.raises(UsageError, match="draws on the people's answers, and tea has none of Japan"):
        run.prepare(study(survey_file, voices=[voice], **{"as": ["JPN"]}))


def test_a_country_without_answers_is_polled_and_not_scored(survey_file: Path, tmp_path: Path) -> None:
    _, answers, scores = carry_out(
        study(survey_file, **{"as": ["north", "JPN"]}), scripted("uniform"), tmp_path / "run"
    )
    assert set(answers.heard) == {"persona@north", "persona@JPN"}
    assert scores.unscored == ("JPN",)
    assert [cell.collective for cell in scores.cells] == ["north"]
    assert set(scores.closest["persona"]["JPN"]) == {"north", "south"}
    assert any("no answers of JPN" in caveat for caveat in scores.caveats)


def test_a_survey_without_any_reference_can_be_polled(survey_file: Path, tmp_path: Path) -> None:
    lines = survey_file.read_text().splitlines()
    kept = [line for line in lines if not any(word in line for word in ("north", "south", "references", "collectives"))]
    survey_file.write_text("\n".join(kept))
    _, answers, scores = carry_out(study(survey_file, voices=["plain"]), scripted("uniform"), tmp_path / "run")
    assert len(answers.heard["plain"]) == 3
    assert not scores.cells
    assert not scores.summaries


def test_an_engine_that_does_not_score_options_is_refused(survey_file: Path, tmp_path: Path) -> None:
    engine = scripted("uniform")
    engine.can = replace(engine.can, option_scores="none")
    with pytest.raises(ModelError, match="does not tell how probable options are"):
        carry_out(study(survey_file), engine, tmp_path / "run")


class Lists(ScriptedEngine):
    """Lists its likeliest tokens only: of milk it hides the second option, of tea next to nothing of the third."""

    def __init__(self) -> None:
        super().__init__(lambda request: [0.0] * len(request.options), name="lists")
        self.can = replace(self.can, option_scores="top_k")

    def score(self, requests: Sequence[ScoreRequest]) -> list[OptionScores]:
        return [self._listed(request) for request in requests]

    def _listed(self, request: ScoreRequest) -> OptionScores:
        user = request.messages[-1].content
        size = len(request.options)
        low = [math.log(0.8 / (size - 1))] * (size - 1) + [-math.inf]
        most = 0.1 if "milk" in user else 0.001
        high = (*low[:-1], math.log(most))
        return OptionScores(tuple(low), tuple((value,) for value in low), 5, tuple(low), high)


def test_what_a_server_does_not_list_is_bounded_and_not_guessed(survey_file: Path, tmp_path: Path) -> None:
    one = study(survey_file, orders=1, **{"as": ["north"]})
    _, answers, scores = carry_out(one, Lists(), tmp_path / "run")
    tea = answers.heard["persona@north"]["tea"].distribution()
    assert tea is not None
    assert tea.obtained is Obtained.TOP_K
    assert tea.probabilities == pytest.approx([0.5, 0.5, 0])
    # 0.1 hidden beside 0.8 known is more than 1 %
    assert answers.heard["persona@north"]["milk"].distribution() is None
    assert scores.cells[0].unanswerable == 1
    assert "left out and counted" in scores.asked.method
    rows = {row["question"]: row for row in pq.read_table(tmp_path / "run" / "answers.parquet").to_pylist()}
    assert rows["milk"]["method"] == "top_k"
    assert rows["milk"]["probabilities"] is None
    assert rows["milk"]["high"][-1] == pytest.approx(math.log(0.1))
    again = run.recall(run.prepare(one), tmp_path / "run", answers.counts)
    assert again.heard["persona@north"]["tea"].distribution() == tea
    _, resumed, _ = carry_out(one, Lists(), tmp_path / "run")
    assert resumed.counts["computed"] == 0
    assert resumed.heard["persona@north"]["milk"].distribution() is None


@pytest.mark.parametrize(("shared", "warned"), [(True, False), (False, True)])
def test_peoples_without_a_question_in_common_are_compared_with_a_warning(
    survey_file: Path, tmp_path: Path, shared: bool, warned: bool
) -> None:
    one = study(survey_file, **({} if shared else {"questions": {"ids": ["talk", "milk"]}}))
    if not shared:
        text = survey_file.read_text().replace("      north: {shares: [0.7, 0.2, 0.1], n: 1000}\n", "")
        survey_file.write_text(text)
    _, _, scores = carry_out(one, scripted("uniform"), tmp_path / "run")
    assert any("No question was put to all peoples" in caveat for caveat in scores.caveats) is warned
