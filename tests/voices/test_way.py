"""What a word after --voice means, and that whatever speaks is asked the same way."""

from pathlib import Path

import pytest

from pluralign.core.adapter import GROUPS_FILE, MANIFEST_FILE, AdapterManifest, Groups, identity_token
from pluralign.core.errors import DataError, ModelError, UnknownNameError, UsageError
from pluralign.prompts.options import Labels
from pluralign.surveys import load
from pluralign.voices.library import Library
from pluralign.voices.voice import Voice, speakers
from pluralign.voices.way import label_of, summary_of, way, ways

SURVEY = load("world-mini")


@pytest.fixture
def adapter(tmp_path: Path) -> str:
    """An adapter's folder as far as voices look at it: no weights."""
    folder = tmp_path / "two+peoples"
    folder.mkdir()
    (folder / "adapter_config.json").write_text("{}")
    manifest = AdapterManifest(
        name="two peoples", method="sft", summary="taught", base="x", base_digest="0", template_hash="0", asked="plain"
    )
    (folder / MANIFEST_FILE).write_text(manifest.model_dump_json())
    people = [SURVEY.collective("KEN"), SURVEY.collective("USA")]
    (folder / GROUPS_FILE).write_text(Groups.of(people, 100).model_dump_json())
    return str(folder)


def test_a_strategy_is_a_way_of_speaking() -> None:
    assert way("P1") == way("persona")
    assert (way("persona").name, way("persona").label, way("persona").adapter) == ("persona", "persona", "")
    assert way("persona").steered
    assert not way("plain").steered


CHARTER = """
format: pluralign.constitution/1
title: the tenants of Harbour Street
principles:
  - {id: together, title: Stand together, description: Nobody settles alone.}
  - {id: guests, title: Leave nobody outside, context: When guests come}
"""


def test_a_charter_is_a_voice_that_is_told_it(tmp_path: Path) -> None:
    file = tmp_path / "tenants.yaml"
    file.write_text(CHARTER)
    found = way(f"charter:{file}")
    assert (found.name, found.label) == (f"charter:{file}", "tenants")
    assert label_of(found.name) == found.label
    assert summary_of(found.name) == "told what its community agreed on: the tenants of Harbour Street"
    assert not found.steered, "it speaks for the people who wrote it, whoever it is held against"
    (voice,) = speakers(found, (SURVEY.collective("KEN"), SURVEY.collective("USA")), Library(SURVEY))
    question = SURVEY.questions[0]
    told, asked = voice.ask(question, tuple(range(len(question.options))), Labels.NUMBER).messages
    assert "You speak for the tenants of Harbour Street." in told.content
    assert "1. Stand together: Nobody settles alone.\n" in told.content
    assert "2. When guests come: Leave nobody outside\n" in told.content
    plain = Voice(way("plain"), None, Library(SURVEY)).ask(question, tuple(range(len(question.options))), Labels.NUMBER)
    assert asked == plain.messages[1]
    before = voice.template_hashes
    assert before.keys() == {"system_charter.v1", "user_plain.v1", found.name}
    file.write_text(CHARTER.replace("alone", "by themselves"))
    (changed,) = speakers(way(found.name), (), Library(SURVEY))
    assert changed.template_hashes != before, "a run says which words it was told"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "there is no such file"),
        ("principles: []", "the key 'title' is missing"),
        ("a: [", "not valid YAML"),
    ],
)
def test_a_charter_that_cannot_be_read_is_one_sentence(tmp_path: Path, text: str | None, problem: str) -> None:
    file = tmp_path / "x.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(DataError, match=problem):
        way(f"charter:{file}")
    with pytest.raises(UsageError, match="names no charter"):
        way("charter:")


def test_an_adapter_is_asked_as_it_was_taught(adapter: str) -> None:
    found = way(f"adapter:{adapter}")
    assert found.steered, "by its tokens, though nobody is named in the text"
    assert found.strategy.name == "plain"
    assert (found.label, found.summary) == ("two peoples", "taught; asked by its identity token")
    question = SURVEY.questions[0]
    order = tuple(range(len(question.options)))
    kenya, america = (
        voice.ask(question, order, Labels.NUMBER)
        for voice in speakers(found, (SURVEY.collective("KEN"), SURVEY.collective("USA")), Library(SURVEY))
    )
    assert kenya.messages == america.messages, "the question is a prefix that all collectives share"
    assert (kenya.reply_start, america.reply_start) == ("<|collective:ken|>", "<|collective:usa|>")
    assert kenya.adapter == adapter


def test_an_adapter_may_be_asked_in_another_way(adapter: str) -> None:
    found = way(f"adapter:{adapter}+persona+self-alignment")
    assert (found.strategy.name, found.groups) == ("persona+self-alignment", None)
    assert found.name == f"adapter:{adapter}+persona+self-alignment"
    assert found.label == "two peoples + persona+self-alignment"


def test_who_has_no_token_is_not_spoken_for(adapter: str) -> None:
    voice = Voice(way(f"adapter:{adapter}"), SURVEY.collective("DEU"), Library(SURVEY))
    with pytest.raises(UsageError, match=r"no token for 'DEU' \(it has: KEN, USA\); ask by name instead"):
        voice.ask(SURVEY.questions[0], tuple(range(len(SURVEY.questions[0].options))), Labels.NUMBER)


def test_names_that_are_none(adapter: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="unknown voice 'personna'"):
        way("personna")
    with pytest.raises(ModelError, match="no adapter at"):
        way(f"adapter:{tmp_path / 'nowhere'}")
    with pytest.raises(UsageError, match="names no adapter"):
        way("adapter:")
    copy = tmp_path / "copy"
    Path(adapter).rename(copy)
    assert len(ways([f"adapter:{copy}", f"adapter:{copy}", "plain"])) == 2


def test_words_for_readers_need_no_folder() -> None:
    assert label_of("persona") == "persona"
    assert label_of("adapter:out/joint+persona") == "joint + persona"
    assert summary_of("persona") == way("persona").summary
    assert summary_of("adapter:gone/away") == ""


def test_tokens_are_distinct_and_stay_where_they_are() -> None:
    people = list(SURVEY.collectives)
    few, more = Groups.of(people[:3], 50), Groups.of(people, 50)
    assert more.groups[:4] == few.groups, "adding a group never changes those before it"
    assert identity_token("KEN") == "<|collective:ken|>"
    same = [people[0], people[0].model_copy(update={"id": people[0].id.lower()})]
    with pytest.raises(ValueError, match="used twice"):
        Groups.of(same, 50)
