"""What is done with a trained voice: card, merge, GGUF, hub."""

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from safetensors.torch import load_file

from pluralign.core.errors import ModelError, UsageError
from pluralign.engines.base import ScoreRequest
from pluralign.engines.open import open_engine
from pluralign.train import results, run
from pluralign.train.card import read_card
from pluralign.train.config import config_from
from pluralign.train.prepare import prepare
from tests.cli.conftest import Said, type_command
from tests.train.conftest import sft_record
from tests.train.test_run import ASK

__all__ = ["type_command"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Path:
    """The folder of an adapter that answers 2."""
    from pluralign.store.records import write_records

    place = tmp_path_factory.mktemp("trained")
    write_records(place / "records.jsonl", [sft_record(number, reply="2") for number in range(12)])
    data = {
        "name": "twos", "model": str(tiny), "records": str(place / "records.jsonl"), "device": "cpu", "trackers": [],
        "asked": "plain", "optimisation": {"batch": 4, "epochs": 3, "learning_rate": 0.01},
    }  # fmt: skip
    (place / "config.yaml").write_text(yaml.safe_dump(data))
    run.carry_out(prepare(config_from(str(place / "config.yaml"), "sft"), "sft"), place / "twos")
    return place / "twos"


def test_a_merged_model_answers_as_the_adapter_does(trained: Path, tiny: Path, tmp_path: Path) -> None:
    out = results.merge(str(trained), tmp_path / "merged")
    asked = ScoreRequest(ASK.messages, ASK.options, adapter=str(trained))
    with_adapter = open_engine(str(tiny), device="cpu").score([asked])[0].logprobs
    merged = open_engine(str(out), device="cpu").score([ASK])[0].logprobs
    assert merged == pytest.approx(with_adapter, abs=1e-4)
    assert (out / "model.safetensors").is_file()
    assert read_card(out) == read_card(trained)
    with pytest.raises(UsageError, match="is there already"):
        results.merge(str(trained), out)


def test_an_adapter_is_not_merged_into_another_base(trained: Path, tmp_path: Path) -> None:
    other = results.merge(str(trained), tmp_path / "other")
    with pytest.raises(ModelError, match="is not for"):
        results.merge(str(trained), tmp_path / "merged", model=str(other))
    assert not (tmp_path / "merged").exists()


def test_merging_keeps_the_asked_numbers(trained: Path, tmp_path: Path) -> None:
    import torch

    out = results.merge(str(trained), tmp_path / "merged", dtype="bfloat16")
    assert {weight.dtype for weight in load_file(out / "model.safetensors").values()} == {torch.bfloat16}


def test_gguf_is_written_by_the_tool_where_it_is_and_said_where_not(
    trained: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ModelError, match=r"convert_hf_to_gguf\.py, which is not on the PATH: get it from"):
        results.export_gguf(tiny, tmp_path / "x.gguf")
    with pytest.raises(UsageError, match="is an adapter: merge it first"):
        results.export_gguf(trained, tmp_path / "x.gguf")
    tool = tmp_path / "convert_hf_to_gguf.py"
    tool.write_text("import sys, pathlib\npathlib.Path(sys.argv[3]).write_text(' '.join(sys.argv[1:]))\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    file = results.export_gguf(tiny, tmp_path / "x.gguf", numbers="q8_0")
    assert file.read_text() == f"{tiny} --outfile {file} --outtype q8_0"
    tool.write_text("import sys\nsys.exit('no such architecture')\n")
    with pytest.raises(ModelError, match="failed: no such architecture"):
        results.export_gguf(tiny, tmp_path / "y.gguf", tool=str(tool))


class FakeHub:
    """Keeps what it is told."""

    def __init__(self, failure: Exception | None = None):
        self.told: list[dict[str, Any]] = []
        self.failure = failure

    def create_repo(self, repo_id: str, *, private: bool, exist_ok: bool) -> None:
        if self.failure:
            raise self.failure
        self.told.append({"repo_id": repo_id, "private": private, "exist_ok": exist_ok})

    def upload_folder(self, **told: Any) -> None:
        self.told.append(told)


def test_pushing_puts_the_folder_with_its_card_on_the_hub(trained: Path, tmp_path: Path) -> None:
    hub = FakeHub()
    results.push(trained, "group/twos", hub, private=True)
    made, put = hub.told
    assert made == {"repo_id": "group/twos", "private": True, "exist_ok": True}
    assert put["folder_path"] == str(trained)
    assert "curves/*" in put["ignore_patterns"]
    header = yaml.safe_load((trained / "README.md").read_text().split("---")[1])
    assert header["library_name"] == "peft"
    with pytest.raises(UsageError, match="OWNER/NAME"):
        results.push(trained, "twos", hub, private=True)
    with pytest.raises(UsageError, match="was not made by"):
        results.push(tmp_path, "group/twos", hub, private=True)
    from huggingface_hub.errors import LocalTokenNotFoundError

    with pytest.raises(ModelError, match="hf auth login"):
        results.push(trained, "group/twos", FakeHub(LocalTokenNotFoundError("no token")), private=True)
    with pytest.raises(ModelError, match="could not be put on the hub: no route"):
        results.push(trained, "group/twos", FakeHub(OSError("no route")), private=True)


def test_a_poll_fills_the_card(trained: Path, tiny: Path, tmp_path: Path, type_command: Callable[..., Said]) -> None:
    said = type_command(
        "poll", "--model", tiny, "--voice", f"plain,adapter:{trained}", "--survey", "world-mini", "--as", "USA,KEN",
        "--question", "divorce,family-matters", "--resamples", "100", "--device", "cpu", "--out", tmp_path / "run",
    )  # fmt: skip
    assert said.code == 0, said.err
    said = type_command("train", "card", trained, "--poll", tmp_path / "run")
    assert said.code == 0, said.err
    card = read_card(trained)
    assert card is not None
    assert card.profile is not None
    assert {line.collective for line in card.profile.lines} == {"USA", "KEN"}
    assert {line.voice for line in card.profile.lines} == {f"adapter:{trained}"}
    scores = json.loads((tmp_path / "run" / "scores.json").read_text())
    cell = next(cell for cell in scores["cells"] if cell["voice"] != "plain" and cell["collective"] == "KEN")
    line = next(line for line in card.profile.lines if line.collective == "KEN")
    assert line.value == cell["distances"][cell["headline"]]["value"]
    assert "uniform" in card.profile.floors
    assert "| KEN |" in (trained / "README.md").read_text()
    said = type_command("train", "card", trained, "--poll", tmp_path / "run", "--voice", "adapter:elsewhere")
    assert said.code == 2
    assert "unknown voice of the poll" in said.err


def test_commands_say_what_is_wrong_in_a_sentence(type_command: Callable[..., Said], tmp_path: Path) -> None:
    said = type_command("train", "push", tmp_path / "nowhere", "a/b")
    assert (said.code, "there is no folder" in said.err) == (2, True)
    said = type_command("train", "configs")
    assert "culturespa-joint: " in said.out
    said = type_command("train", "accelerate-config", "fsdp")
    assert Path(said.out.strip()).is_file()
    said = type_command("train", "sft", "culturespa-joint", "--set", f"records={tmp_path / 'none.jsonl'}")
    assert (said.code, "cannot be read" in said.err or "CUDA" in said.err) == (2, True)
