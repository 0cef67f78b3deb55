"""The log for Inspect: what stands in it, and that Inspect's own reader takes it where it is installed."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pluralign.core.errors import UsageError
from pluralign.core.survey import Survey
from pluralign.engines.scripted import scripted
from pluralign.poll import records
from pluralign.poll.export import samples, write_inspect
from pluralign.poll.reopen import Reopened, reopen
from pluralign.poll.run import poll, prepare
from pluralign.poll.study import Method
from pluralign.store.files import make_folder
from tests.poll.conftest import carry_out, oracle
from tests.poll.test_run import study


@pytest.fixture
def run(survey: Survey, survey_file: Path, tmp_path: Path) -> Reopened:
    """The voice that names nobody and the persona, in two orders; the oracle takes the first for the North."""
    folder = tmp_path / "run"
    _, answers, _ = carry_out(study(survey_file, voices=["plain", "persona"]), oracle(survey, spread=0.5), folder)
    record = records.read_run(folder)
    records.write_run(folder, record.model_copy(update={"finished": records.now(), "counts": answers.counts}))
    return reopen(folder)


def read(path: Path) -> dict[str, Any]:
    """The whole log, from either format."""
    if path.suffix == ".json":
        log: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return log
    with zipfile.ZipFile(path) as file:
        log = json.loads(file.read("header.json"))
        log["samples"] = [json.loads(file.read(name)) for name in file.namelist() if name.startswith("samples/")]
        assert [one["id"] for one in json.loads(file.read("summaries.json"))] == [one["id"] for one in log["samples"]]
        start = json.loads(file.read("_journal/start.json"))
        assert {**start, "eval": {**start["eval"], "dataset": None}} == {
            key: {**log[key], "dataset": None} if key == "eval" else log[key] for key in start
        }
    return log


@pytest.mark.parametrize("ending", [".eval", ".json"])
def test_a_log_has_a_sample_per_voice_people_and_question(run: Reopened, tmp_path: Path, ending: str) -> None:
    path = tmp_path / "logs" / f"tea{ending}"
    assert write_inspect(run, path) == 12
    log = read(path)
    assert (log["version"], log["status"], log["eval"]["model"]) == (2, "success", "oracle")
    assert log["eval"]["dataset"] == {"name": "tea", "samples": 12, "shuffled": False}
    ids = [one["id"] for one in log["samples"]]
    assert len(set(ids)) == 12
    assert {"plain:south:tea", "persona:north:talk"} < {*ids}
    assert log["results"]["total_samples"] == log["results"]["completed_samples"] == 12
    found = {one["name"]: one for one in log["results"]["scores"]}
    # persona answers as the people do; plain as the North: 0 on tea and talk there, 0.4 on tea in the South,
    # where talk was not asked: (0 + 0 + 0.4) / 3
    assert found["wasserstein"]["metrics"]["persona"]["value"] == pytest.approx(0, abs=1e-12)
    assert found["wasserstein"]["metrics"]["plain"]["value"] == pytest.approx(0.4 / 3)
    assert (found["wasserstein"]["scored_samples"], found["wasserstein"]["unscored_samples"]) == (6, 6)


def test_a_sample_says_what_was_asked_and_what_came(run: Reopened) -> None:
    by_id = {one["id"]: one for one in samples(run)}
    one = by_id["plain:south:tea"]
    assert [message["role"] for message in one["input"]] == ["system", "user"]
    assert "Question: How often do you drink tea?" in one["input"][1]["content"]
    assert one["choices"] == ["Never", "Sometimes", "Often"]
    assert one["target"] == "Never"
    assert one["output"]["completion"] == "Never: 20.0%\nSometimes: 30.0%\nOften: 50.0%"
    assert one["metadata"]["probabilities"] == pytest.approx([0.2, 0.3, 0.5])
    assert one["metadata"]["people"] == pytest.approx([0.6, 0.3, 0.1])
    assert one["metadata"]["captured"] == pytest.approx(0.5)
    assert one["metadata"]["option_orders"] == 2
    # |0.2 - 0.6| / 2 + |0.5 - 0.9| / 2 over two steps = 0.4; total variation the same
    assert one["scores"]["wasserstein"]["value"] == pytest.approx(0.4)
    assert one["scores"]["total_variation"]["value"] == pytest.approx(0.4)
    assert one["scores"]["agreement"]["value"] == 0
    assert "wasserstein" not in by_id["persona:south:milk"]["scores"], "its options have no order"
    assert by_id["persona:south:talk"]["scores"] == {}, "the South was not asked"
    assert by_id["persona:south:talk"]["target"] == ""


def test_equal_runs_give_equal_files(run: Reopened, tmp_path: Path) -> None:
    write_inspect(run, tmp_path / "one.eval")
    write_inspect(run, tmp_path / "two.eval")
    assert (tmp_path / "one.eval").read_bytes() == (tmp_path / "two.eval").read_bytes()


def test_another_ending_is_refused(run: Reopened, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"something\.eval or something\.json, not 'log\.csv'"):
        write_inspect(run, tmp_path / "log.csv")


@pytest.fixture
def every_method(survey_file: Path, tmp_path: Path) -> Reopened:
    folder, reader = make_folder(tmp_path / "methods"), scripted("hash")
    prepared = prepare(
        study(survey_file, voices=["plain", "persona"], method=list(Method), samples=3, reader="scripted:hash")
    )
    record = records.open_run(folder, records.specify(prepared, scripted("hash"), reader), ())
    answers = poll(prepared, scripted("hash"), folder, lambda _: None, reader=reader)
    records.write_run(folder, record.model_copy(update={"finished": records.now(), "counts": answers.counts}))
    return reopen(folder)


@pytest.mark.parametrize("ending", [".eval", ".json"])
def test_every_method_of_a_run_is_in_the_log(every_method: Reopened, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"methods{ending}"
    assert write_inspect(every_method, path) == 12 * len(Method)
    by_id = {one["id"]: one for one in read(path)["samples"]}
    assert len(by_id) == 12 * len(Method)
    for method in Method:
        one = by_id[f"persona:north:tea:{method.value}"]
        assert (one["metadata"]["method"], one["metadata"]["voice"]) == (method.value, f"persona ({method.value})")
    shown = {method: by_id[f"plain:north:tea:{method.value}"]["input"][-1]["content"] for method in Method}
    assert "JSON" in shown[Method.VERBALISED]
    assert "1. Never" not in shown[Method.FREE_TEXT]
    log = pytest.importorskip("inspect_ai.log")
    whole = log.read_eval_log(str(path))
    assert {one.id for one in whole.samples} == {*by_id}
    assert {one.id for one in log.read_eval_log_sample_summaries(str(path))} == {*by_id}
    assert {*whole.results.scores[0].metrics} == {
        f"{voice} ({method.value})" for voice in ("plain", "persona") for method in Method
    }


@pytest.mark.parametrize("ending", [".eval", ".json"])
def test_inspects_own_reader_takes_it(run: Reopened, tmp_path: Path, ending: str) -> None:
    log = pytest.importorskip("inspect_ai.log")
    path = tmp_path / f"tea{ending}"
    write_inspect(run, path)
    whole = log.read_eval_log(str(path))
    assert len(whole.samples) == 12
    assert log.read_eval_log(str(path), header_only=True).results.total_samples == 12
    summaries = log.read_eval_log_sample_summaries(str(path))
    assert {one.id for one in summaries} == {one.id for one in whole.samples}
    one = log.read_eval_log_sample(str(path), id="plain:south:tea", epoch=1)
    assert one.scores["wasserstein"].value == pytest.approx(0.4)
