"""Every form of constitution loads with its ids, and a malformed one is named to the field."""

import json
from pathlib import Path

import pytest

from pluralign.core.errors import DataError
from pluralign.curate.constitutions import read_constitution, written

LISTED = [
    {"id": 1, "title": "Candour", "description": "Say what is true.\u200b"},
    {"id": 7, "title": "Care", "description": "Mind the weak.", "category": "Ethics"},
]
EXPLAINED = [
    {"principle": "Candour", "explanation": "Say what is true.", "references": ["Article 1"], "category": "Truth"}
]
PAIRS = {
    "harmful0": {
        "prompt": ["\n\nCritiqueRequest: Where is it false?\n\nCritique:"],
        "edit_request": "\n\nRevisionRequest: Make it true.\n\nRevision:",
    }
}
SWARM = {
    "constitutions": [{"critic": "Where is it false?", "revision": "Make it true."}],
    "system_chat": [[{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Good day"}]],
}
OURS = {
    "format": "pluralign.constitution/1",
    "title": "Ours",
    "principles": [{"id": "a", "title": "Candour"}],
}


def write(path: Path, data: object) -> Path:
    path.write_text(data if isinstance(data, str) else json.dumps(data, indent=1))
    return path


@pytest.mark.parametrize(
    ("name", "data", "ids"),
    [
        ("list.json", LISTED, ["1", "7"]),
        ("explained.json", EXPLAINED, ["1"]),
        ("pairs.json", PAIRS, ["harmful0"]),
        ("swarm.json", SWARM, ["1"]),
        ("ours.json", OURS, ["a"]),
        ("ours.yaml", "format: pluralign.constitution/1\ntitle: Ours\nprinciples:\n  - {id: a, title: B}\n", ["a"]),
        ("lines.txt", "Say what is true.\n\nMind the weak.\n", ["1", "2"]),
    ],
)
def test_every_form_loads_and_survives_the_way_through_ours(
    tmp_path: Path, name: str, data: object, ids: list[str]
) -> None:
    read = read_constitution(write(tmp_path / name, data)).constitution
    assert [one.id for one in read.principles] == ids
    again = read_constitution(write(tmp_path / "again.json", written(read))).constitution
    assert again == read
    assert again.hash == read.hash


def test_nothing_of_a_principle_is_lost(tmp_path: Path) -> None:
    first, second = read_constitution(write(tmp_path / "l.json", LISTED)).constitution.principles
    assert (first.description, second.category) == ("Say what is true.", "Ethics")
    (explained,) = read_constitution(write(tmp_path / "e.json", EXPLAINED)).constitution.principles
    assert (explained.title, explained.references, explained.category) == ("Candour", ("Article 1",), "Truth")
    (pair,) = read_constitution(write(tmp_path / "p.json", PAIRS)).constitution.principles
    assert (pair.critique_request, pair.revision_request) == ("Where is it false?", "Make it true.")
    swarm = read_constitution(write(tmp_path / "s.json", SWARM))
    assert [turn.role for turn in swarm.chats[0]] == ["user", "assistant"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([LISTED[0], {"id": 2, "title": "Care", "descripton": "x"}], "record 1, counted from 0, has an unknown key"),
        ([LISTED[0], {"id": 2, "description": "x"}], "record 1, counted from 0, lacks 'title'; its keys are 'id', 'de"),
        ([LISTED[0], LISTED[0]], "two principles have the id '1'"),
        ([LISTED[0], "Care"], "[1]: record 1, counted from 0, has no keys"),
        ({"harmful0": {"prompt": "x", "edit_request": "y"}}, "harmful0.prompt: record 0"),
        ({"constitutions": [{"critic": "x"}]}, "constitutions[0]: record 0, counted from 0, lacks 'revision'"),
        ({"constitutions": [], "system_chat": []}, "expected a list of {critic, revision}"),
        ({**SWARM, "system_chat": [[{"role": "user", "content": "x"}]]}, "system_chat[0]: turns must alternate"),
        ({**OURS, "principles": [{"id": "a", "titel": "x"}]}, "ours.json:7: principles[0].titel: unknown key"),
        ([], "this is no constitution"),
        ("3", "this is no constitution"),
    ],
)
def test_a_malformed_constitution_is_named_to_the_field(tmp_path: Path, data: object, message: str) -> None:
    with pytest.raises(DataError) as raised:
        read_constitution(write(tmp_path / "ours.json", data))
    assert message in str(raised.value)


def test_published_constitutions_load_and_the_malformed_one_is_refused(shared_data: Path) -> None:
    counts = {
        name: len(read_constitution(shared_data / "cai" / f"{name}.json").constitution.principles)
        for name in ("revised_sac", "ro_principles", "anthropic_constitution")
    }
    assert counts == {"revised_sac": 22, "ro_principles": 33, "anthropic_constitution": 16}
    romanian = read_constitution(shared_data / "cai" / "ro_principles.json").constitution
    assert [one.category for one in romanian.principles].count("Ethics") == 10
    assert not any("\u200b" in one.description for one in romanian.principles)
    with pytest.raises(DataError, match=r"\[12\]: record 12, counted from 0, lacks 'explanation'") as raised:
        read_constitution(shared_data / "cai" / "malformed_sac_principles.json")
    assert "its keys are 'principle', \"'explanation'\"" in str(raised.value)
