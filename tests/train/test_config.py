"""What a user may write, and what is said where it is wrong."""

from pathlib import Path
from typing import Any

import pytest

from pluralign.core.errors import DataError, ModelError, PluralignError, UsageError
from pluralign.train.config import TrainConfig, accelerate_file, accelerate_files, config_from, shipped_text
from pluralign.train.models import check_mode


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model: smollm2\nrecords: r.jsonl\nlearning_rate: 1\n", r"mine\.yaml:3: learning_rate: unknown key"),
        (
            "model: smollm2\nrecords: r.jsonl\noptimisation:\n  lerning_rate: 1\n",
            r"mine\.yaml:4: .*did you mean 'learn",
        ),
        ("model: smollm2\n", r"the key 'records' is missing"),
        ("model: smollm2\nrecords: []\n", r"mine\.yaml:2: records"),
        ("model: smollm2\nrecords: r.jsonl\nmode: tuning\n", r"mine\.yaml:3: mode"),
        ("model: smollm2\nrecords: r.jsonl\nmethod: dpo\n", r"mine\.yaml:3: method: is for `pluralign train dpo`"),
        ("model: smollm2\nrecords: {dataset: a/b}\n", r"under which licence 'a/b'"),
        ("model: smollm2\nrecords: {file: r, dataset: a/b}\n", r"either a file of records or a dataset"),
        ("model: smollm2\nrecords: r\nname: a/b\n", r"a training's name is letters"),
        ("model: smollm2\nrecords: r\nheld_out: {records: [{file: h, fraction: 0.5}]}\n", r"measured in full"),
        ("model: smollm2\nrecords: r\nfolds: 2\nheld_out: {fraction: 0.5}\n", r"leave out held_out\.fraction"),
    ],
)
def test_mistakes_are_one_sentence_with_their_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        config_from(written(tmp_path, text), "sft")


def test_settings_go_over_keys(tmp_path: Path) -> None:
    file = written(tmp_path, "model: smollm2\nrecords: r.jsonl\noptimisation: {epochs: 1, batch: 2}\n")
    config = config_from(file, "sft", ["optimisation.epochs=3", "lora.targets=[q_proj]", "seed=5"])
    assert (config.optimisation.epochs, config.optimisation.batch, config.seed) == (3, 2, 5)
    assert config.lora.targets == ("q_proj",)
    with pytest.raises(UsageError, match="KEY=VALUE"):
        config_from(file, "sft", ["seed"])
    with pytest.raises(DataError, match=r"optimisation\.epoch.*did you mean 'epochs'"):
        config_from(file, "sft", ["optimisation.epoch=3"])


def test_a_name_that_is_no_file_and_not_shipped() -> None:
    with pytest.raises(UsageError, match=r"'culturespa'.*nor is it one of: .*culturespa-joint"):
        config_from("culturespa", "sft")
    with pytest.raises(UsageError, match="did you mean"):
        shipped_text("culturespa-join")


def config(**keys: Any) -> TrainConfig:
    return TrainConfig.model_validate({"model": "x", "records": "x.jsonl", "device": "cpu", **keys})


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"mode": "qlora"}, "needs a CUDA GPU.*set mode to lora"),
        ({"packing": True}, "'chosen by default' would let them read each other"),
        ({"packing": True, "attention": "sdpa"}, "'sdpa' would let them read each other"),
        ({"packing": True, "attention": "flash_attention_2"}, "runs on CUDA only: set packing to false"),
    ],
)
def test_what_this_machine_cannot_do_is_said_before_anything_is_loaded(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        check_mode(config(**keys))


@pytest.mark.parametrize("name", accelerate_files())
def test_accelerate_reads_the_shipped_files(name: str) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    read = load_config_from_file(str(accelerate_file(name)))
    assert read.num_processes >= 2
    if name == "fsdp":
        from accelerate.commands.launch import launch_command_parser

        assert read.distributed_type == "FSDP"
        known = {action.dest for action in launch_command_parser()._actions}
        assert set(read.fsdp_config) <= known, "accelerate would pass over what it does not know"


def test_trackers_that_are_not_installed_are_named() -> None:
    from pluralign.train.arguments import check_trackers

    with pytest.raises(PluralignError, match="'trackio' is not installed: pip install trackio"):
        check_trackers(config(trackers=["trackio"]))
