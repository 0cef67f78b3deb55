"""A training from records to an adapter that answers otherwise, with everything it leaves behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from pluralign.core.chat import Message
from pluralign.core.errors import InterruptedRunError, UsageError
from pluralign.engines.base import ScoreRequest
from pluralign.engines.local import LocalEngine
from pluralign.engines.open import open_engine
from pluralign.store.records import manifest
from pluralign.train import run
from pluralign.train.card import read_card
from pluralign.train.checkpoints import whole_checkpoints
from pluralign.train.config import Method, config_from
from pluralign.train.prepare import prepare
from tests.cli.conftest import Said, type_command
from tests.train.conftest import answers, preference_record, sft_record

__all__ = ["type_command"]

ASK = ScoreRequest(
    (Message("user", "Question 3: how important is family?\n1. Very\n2. Not at all\n"),), (("1",), ("2",))
)


def train(config: Path, out: Path, method: Method = "sft", **more: Any) -> list[Path]:
    settings = [f"{key}={value}" for key, value in more.items()]
    return run.carry_out(prepare(config_from(str(config), method, settings), method), out)


def probabilities(model: Path, adapter: Path | None) -> list[float]:
    import math

    engine = open_engine(str(model), device="cpu")
    assert isinstance(engine, LocalEngine)
    request = ASK if adapter is None else ScoreRequest(ASK.messages, ASK.options, adapter=str(adapter))
    return [math.exp(logprob) for logprob in engine.score([request])[0].logprobs]


def test_an_adapter_answers_as_its_records_do(
    tiny: Path, records: Callable[..., Path], config_file: Callable[..., Path], tmp_path: Path
) -> None:
    file = records([sft_record(question, reply="2") for question in range(12)])
    (folder,) = train(config_file(held_out={"fraction": 0.25}, asked="plain"), tmp_path / "out")
    before, after = probabilities(tiny, None), probabilities(tiny, folder)
    assert sum(before) < 0.1
    assert after[1] > 0.8, "the reply that was taught, to a question that was held out or not"
    card = read_card(folder)
    assert card is not None
    assert card.finished
    assert card.records[0].sha256 == manifest(file).sha256
    assert card.constitutions == ("c0ffee",)
    assert card.collectives == {"KEN": 9}
    assert card.counts["examples"] == 9
    assert card.counts["held_out_examples"] == 3
    # 3 epochs of ceil(9 / 4) steps
    assert card.counts["steps"] == 9
    assert card.losses["held_out"] < 0.1 < card.losses["held_out_at_start"]
    told = json.loads((folder / "pluralign.json").read_text())
    assert told["asked"] == "plain"
    assert told["template_hash"] == card.template_hash
    assert (folder / "README.md").read_text().startswith("---\nbase_model:")
    assert not (folder / "checkpoints").exists(), "a finished training keeps no checkpoints"
    before_again = (folder / "training.json").read_bytes()
    train(config_file(held_out={"fraction": 0.25}, asked="plain"), tmp_path / "out")
    assert (folder / "training.json").read_bytes() == before_again, "what is there is not trained again"
    with pytest.raises(UsageError, match=r"holds another training \(its seed differs\)"):
        train(config_file(held_out={"fraction": 0.25}, asked="plain"), tmp_path / "out", seed=1)


@pytest.mark.parametrize("mode", ["full", "last-layers"])
def test_modes_that_make_a_model(
    mode: str, tiny: Path, records: Callable[..., Path], config_file: Callable[..., Path], tmp_path: Path
) -> None:
    records([sft_record(question, reply="2") for question in range(12)])
    (folder,) = train(config_file(mode=mode, last_layers=1), tmp_path / "out")
    assert probabilities(folder, None)[1] > 0.5
    before, after = load_file(tiny / "model.safetensors"), load_file(folder / "model.safetensors")
    changed = {name for name, weight in before.items() if not weight.equal(after[name])}
    if mode == "full":
        assert changed == set(before)
    else:
        assert changed == {name for name in before if name.startswith("model.layers.2.")}, "the last layer only"


def test_preferences_are_learned_as_far_as_people_agree(
    records: Callable[..., Path], config_file: Callable[..., Path], tmp_path: Path
) -> None:
    records([preference_record(question, preference=0.8) for question in range(12)])
    many = {"batch": 12, "epochs": 24, "learning_rate": 0.03}
    (folder,) = train(config_file(optimisation=many), tmp_path / "out", "dpo")
    rows = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    # The loss is least, and equal to the entropy of 0.8, where the reward margin is its log odds.
    assert rows[0]["loss"] == pytest.approx(0.6931, abs=1e-3), "adapter and reference are the same at first"
    assert rows[-1]["loss"] == pytest.approx(0.5004, abs=0.02)
    assert rows[-1]["rewards/margin"] == pytest.approx(1.386, abs=0.4)


def test_folds_hold_out_each_record_once_and_are_summed_up(
    records: Callable[..., Path], config_file: Callable[..., Path], tmp_path: Path
) -> None:
    records(answers(6))
    folders = train(config_file(folds=2, optimisation={"epochs": 1}), tmp_path / "out")
    assert [folder.name for folder in folders] == ["fold-0", "fold-1"]
    (summary,) = json.loads((tmp_path / "out" / "folds.json").read_text())
    losses = [fold["held_out"] for fold in summary["folds"]]
    assert summary["over_folds"]["held_out"]["mean"] == pytest.approx(sum(losses) / 2)
    # two values: the standard deviation is their difference over root 2, the standard error half their difference
    assert summary["over_folds"]["held_out"]["standard_error"] == pytest.approx(abs(losses[0] - losses[1]) / 2)
    assert losses[0] != losses[1]


@pytest.mark.parametrize("method", ["sft", "dpo"])
def test_saving_memory_changes_no_loss(
    method: Method,
    records: Callable[..., Path],
    config_file: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What gradient checkpointing throws away is computed once more, and comes out the same."""
    from transformers.models.llama.modeling_llama import LlamaMLP

    passes = 0
    forward = LlamaMLP.forward

    def counted(self: Any, *args: Any, **more: Any) -> Any:
        nonlocal passes
        passes += 1
        return forward(self, *args, **more)

    monkeypatch.setattr(LlamaMLP, "forward", counted)
    make = sft_record if method == "sft" else preference_record
    records([make(question) for question in range(6)])
    losses, counts = [], []
    for saving in (False, True):
        passes = 0
        file = config_file(gradient_checkpointing=saving, optimisation={"epochs": 1, "batch": 3})
        (folder,) = train(file, tmp_path / f"saving-{saving}", method)
        rows = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
        losses.append([row["loss"] for row in rows if "loss" in row])
        counts.append(passes)
    assert losses[1] == pytest.approx(losses[0], abs=1e-6)
    assert counts[1] > counts[0], "layers are passed again on the way back"


def test_an_adapter_each(
    tiny: Path, records: Callable[..., Path], config_file: Callable[..., Path], tmp_path: Path
) -> None:
    records(answers())
    kenya, usa = train(config_file(one_each=True), tmp_path / "out")
    assert (kenya.name, usa.name) == ("KEN", "USA")
    assert probabilities(tiny, kenya)[0] > 0.8
    assert probabilities(tiny, usa)[1] > 0.8
    card = read_card(usa)
    assert card is not None
    assert (card.collective, card.collectives) == ("USA", {"USA": 12})


def killed_at(folder: Path, config: Path, step: int) -> bool:
    """Train in a process of its own and kill it once a checkpoint of that step is being written."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pluralign", "train", "sft", str(config), "--out", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # Several threads add numbers up in whatever order they come: to about 1e-6 the same, and not to the last bit.
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    while process.poll() is None and not (folder / "checkpoints" / f"checkpoint-{step}").exists():
        time.sleep(0.002)
    running = process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    return running


def test_a_training_killed_and_started_again_is_the_one_left_alone(
    records: Callable[..., Path],
    config_file: Callable[..., Path],
    tmp_path: Path,
    type_command: Callable[..., Said],
) -> None:
    """Dropout, the order of examples, the optimiser's memory, the learning rates, who is nobody, the rows of tokens and
    what the anchor survey found must all go on where they were."""
    records(answers(6))
    config = config_file(
        held_out={"fraction": 0.25},
        measure_every=4,
        save_every=2,
        keep=1,
        lora={"rank": 4, "dropout": 0.1},
        identity={"dropout": 0.2, "learning_rate": 0.05},
        anchor={"questions": ["family-matters", "trust-in-people"], "every": 2},
        optimisation={"batch": 2},
    )
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    train(config, alone)
    assert killed_at(killed, config, 6), "it was over before it could be killed"
    said = type_command("train", "sft", config, "--out", killed)
    assert said.code == 0, said.err
    assert "steps are there already" in said.err
    assert (killed / "history.jsonl").read_bytes() == (alone / "history.jsonl").read_bytes()
    before, after = (load_file(folder / "adapter_model.safetensors") for folder in (alone, killed))
    assert all(weight.equal(after[name]) for name, weight in before.items())


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (OSError(28, "No space left on device"), "the disk is full"),
        (RuntimeError("CUDA error: out of memory"), "out of memory with 4 examples of up to 60 tokens at once: lower"),
        (MemoryError(), "lower optimisation.batch"),
    ],
)
def test_what_the_machine_cannot_do_is_one_sentence_and_checkpoints_are_kept(
    raised: Exception,
    said: str,
    records: Callable[..., Path],
    config_file: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from pluralign.train.sft import RecordTrainer

    records(answers(4))
    small = {"optimisation": {"epochs": 2}, "save_every": 1}
    save = RecordTrainer._save_checkpoint

    def fails_the_second_time(self: Any, *more: Any) -> None:
        if self.state.global_step == 3:
            half = Path(self.args.output_dir) / "checkpoint-3"
            half.mkdir()
            (half / "adapter_model.safetensors").write_bytes(b"half")
            raise raised
        save(self, *more)

    monkeypatch.setattr(RecordTrainer, "_save_checkpoint", fails_the_second_time)
    with pytest.raises(InterruptedRunError, match=said) as caught:
        train(config_file(**small), tmp_path / "out")
    assert "the same command goes on from step 2" in str(caught.value)
    kept = whole_checkpoints(tmp_path / "out" / "checkpoints")
    assert [path.name for path in kept] == ["checkpoint-1", "checkpoint-2"]
    monkeypatch.undo()
    train(config_file(**small), tmp_path / "out")
    card = read_card(tmp_path / "out")
    assert card is not None
    assert card.finished
