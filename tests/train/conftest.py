"""A tiny model on disk and a few records, as a user would have them."""

import importlib.util
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

if importlib.util.find_spec("trl") is None:
    pytest.skip("needs the extra 'train'", allow_module_level=True)

import torch

from pluralign.core.chat import Message
from pluralign.core.records import PreferenceRecord, Provenance, Record, SftRecord
from pluralign.store.records import write_records
from tests.engines import tiny_models

PROVENANCE = Provenance(recipe="test", details={"constitution": "c0ffee"})


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def sft_record(question: int = 0, collective: str = "KEN", reply: str = "1", **more: Any) -> SftRecord:
    asked = Message("user", f"Question {question}: how important is family?\n1. Very\n2. Not at all\n")
    given = {"source": "hand", "licence": "CC0-1.0", "group": f"q{question}", "provenance": PROVENANCE, **more}
    return SftRecord(collective=collective, messages=(asked, Message("assistant", reply)), **given)


def preference_record(question: int = 0, collective: str = "KEN", **more: Any) -> PreferenceRecord:
    asked = Message("user", f"Question {question}: how important is family?\n")
    given = {"chosen": "Very", "rejected": "Not at all", "source": "hand", "licence": "CC0-1.0"}
    return PreferenceRecord(collective=collective, prompt=(asked,), provenance=PROVENANCE, **{**given, **more})


def answers(questions: int = 12) -> list[Record]:
    """Kenya says 1, the USA say 2; the collective is not told, so a model can only learn the shares."""
    return [
        sft_record(question, collective, reply)
        for question in range(questions)
        for collective, reply in (("KEN", "1"), ("USA", "2"))
    ]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a Llama with 50,000 random numbers and a tokenizer whose padding is its end-of-turn mark."""
    folder = tmp_path_factory.mktemp("tiny")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tiny_models.model("llama").save_pretrained(folder)
        tiny_models.tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def records(tmp_path: Path) -> Callable[..., Path]:
    """Write records to a file."""

    def write(found: Sequence[Record], name: str = "records.jsonl") -> Path:
        write_records(tmp_path / name, found)
        return tmp_path / name

    return write


@pytest.fixture
def config_file(tmp_path: Path, tiny: Path) -> Callable[..., Path]:
    """Write a configuration; keys given override the small ones here."""

    def write(**keys: Any) -> Path:
        optimisation = {"batch": 4, "epochs": 3, "learning_rate": 0.01, **keys.pop("optimisation", {})}
        data = {
            "name": "mini",
            "model": str(tiny),
            "records": str(tmp_path / "records.jsonl"),
            "device": "cpu",
            "save_every": 3,
            "trackers": [],
            "lora": {"rank": 4},
            "optimisation": optimisation,
            **keys,
        }
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(data))
        return path

    return write
