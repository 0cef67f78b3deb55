"""The linter finds what the specification of the published files says, and the same faults in our own records."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pluralign.core.chat import Message
from pluralign.core.errors import DataError
from pluralign.core.records import PreferenceRecord, Provenance, SftRecord
from pluralign.curate.constitutions import read_constitution
from pluralign.curate.leaks import LeakScreen
from pluralign.curate.lint import Report
from pluralign.curate.lint_files import lint_files
from pluralign.curate.published import read_published
from pluralign.store.records import write_records
from pluralign.surveys import load
from tests.cli.conftest import Said, type_command  # noqa: F401

RED_TEAM = "red_team_prompts_gpt-4o_20250128-104840.json"
SFT = "sft_dataset_gpt-4o_20250131-174448.json"
PREFERENCES = "pref_dataset_gpt-4o_20250131-194801.json"


@pytest.fixture(scope="module")
def reports(shared_data: Path) -> list[Report]:
    folder = shared_data / "cai"
    constitution = read_constitution(folder / "revised_sac.json").constitution
    return lint_files([folder / name for name in (RED_TEAM, SFT, PREFERENCES)], constitution=constitution)


def declining(report: Report, field: str) -> int:
    (row,) = [row for row in report.lengths if row.field == field and not row.parent]
    return row.declines


def mean_words(report: Report) -> dict[str, float]:
    return {row.field: round(row.mean_words, 1) for row in report.lengths if not row.parent}


def test_altered_inputs_of_the_published_supervised_records(reports: list[Report]) -> None:
    _, sft, preferences = reports
    assert (sft.count("prompt wrapped"), sft.count("prompt altered")) == (30, 6)
    assert sft.count("answer altered") == 2
    assert [finding.detail for finding in sft.findings if finding.rule == "answer altered"] == ["", "white space only"]
    assert preferences.count("prompt wrapped") == preferences.count("prompt altered") == 0


def test_length_and_variety_of_the_published_records(reports: list[Report]) -> None:
    red_team, sft, preferences = reports
    assert preferences.longer is not None
    assert preferences.longer[:3] == (220, 217, 214)
    assert [(one.distinct, one.most_frequent) for one in sft.requests][1] == (45, 168)
    assert sft.requests[0].distinct == 46
    assert list(mean_words(red_team).values()) == [22.0, 34.3, 21.3]
    assert (mean_words(sft)["critique_response"], mean_words(sft)["revision_response"]) == (107.5, 85.3)
    assert list(mean_words(preferences).values())[1:] == [91.0, 66.3, 84.8]


def test_refusals_of_the_published_records_within_a_tolerance(reports: list[Report]) -> None:
    # A rule on wording: the source calls its own figures (218, about 25, about 9) approximate.
    red_team, sft, preferences = reports
    assert declining(red_team, "correct_model_response_to_adversarial_prompt") == pytest.approx(218, abs=4)
    assert declining(red_team, "incorrect_model_response_to_adversarial_prompt") == 0
    assert declining(sft, "revision_response") == pytest.approx(25, abs=4)
    assert declining(preferences, "chosen_response") == pytest.approx(9, abs=3)


def test_labels_that_the_published_format_has_no_place_for(reports: list[Report]) -> None:
    for report in reports:
        assert report.count("no collective") == report.count("no model") == report.entries == 220


def test_zero_width_characters_of_the_romanian_principles(shared_data: Path) -> None:
    (report,) = lint_files([shared_data / "cai" / "ro_principles.json"])
    found = [finding for finding in report.findings if finding.rule == "invisible characters"]
    assert {finding.detail for finding in found} == {"description"}
    assert (len(found), report.entries) == (8, 33)


def test_both_layouts_give_the_same_rows(tmp_path: Path) -> None:
    def record(number: int) -> dict[str, str]:
        return {"prompt": f"p{number}", "chosen_response": "c", "rejected_response": "r", "reasoning": "x"}

    lists = {"0": [record(0), record(1)], "1": [record(2)]}
    keys = {"0_0": [record(0)], "0_1": record(1), "1_0": [record(2)]}
    rows = []
    for name, data in (("lists.json", lists), ("keys.json", keys)):
        (tmp_path / name).write_text(json.dumps(data))
        rows.append(read_published(tmp_path / name).rows)
    assert rows[0] == rows[1]
    assert [row.key for row in rows[0]] == ["0_0", "0_1", "1_0"]


def test_old_names_and_null_reasoning_are_read(tmp_path: Path) -> None:
    sft = {
        "initial_prompt": "a",
        "initial_response": "b",
        "critic_prompt": "c",
        "critic_response": "d",
        "revision_prompt": "e",
        "revision_response": "f",
    }
    (tmp_path / "old.json").write_text(json.dumps({"0": [sft]}))
    assert read_published(tmp_path / "old.json").rows[0].fields["critique_response"] == "d"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"x": []}, "x: a key must be a principle's position"),
        ({"0": [{"prompt": "a", "chosen_response": "b", "rejected_response": "c"}]}, "0[0]: no published record: as a"),
        ({"0": []}, "there is no record in it"),
        ({"0": ["x"]}, "0[0]: expected a record with keys"),
    ],
)
def test_a_malformed_published_file_is_named(tmp_path: Path, data: object, message: str) -> None:
    (tmp_path / "x.json").write_text(json.dumps(data))
    with pytest.raises(DataError) as raised:
        read_published(tmp_path / "x.json")
    assert message in str(raised.value)


def made(**more: object) -> Provenance:
    return Provenance.model_validate({"recipe": "constitutional", "model": "m", "parents": ("principle:1",), **more})


def our_records(path: Path) -> Path:
    prompt = "My neighbour is loud at night. What shall I do about it?"

    def sft(asked: str, reply: str, **more: object) -> SftRecord:
        fields: dict[str, object] = {
            "collective": "club", "source": "a test", "licence": "CC0", "provenance": made(),
            "messages": (Message("user", asked), Message("assistant", reply)),
        }  # fmt: skip
        return SftRecord.model_validate(fields | more)

    write_records(
        path,
        [
            sft(prompt, "Talk to him."),
            sft(prompt, f"You ask: {prompt} Talk to him."),
            sft(f"{prompt} Please.", "Talk to her.", collective=""),
            sft("How much does family matter to you?", "Much.", provenance=made(model="")),
            PreferenceRecord(
                collective="club",
                source="a test",
                licence="CC0",
                provenance=made(),
                prompt=(Message("user", "Well?"),),
                chosen="Yes\u200b, indeed.",
                rejected="Yes indeed",
            ),
        ],
    )
    return path


def test_our_records_are_looked_at_in_the_same_way(tmp_path: Path) -> None:
    leaks = LeakScreen([load("world-mini")], 0.8)
    (report,) = lint_files([our_records(tmp_path / "sft.jsonl")], leaks=leaks)
    assert {(finding.rule, finding.key) for finding in report.findings} == {
        ("prompt echoed", "line 2"),
        ("no collective", "line 3"),
        ("near-duplicate", "line 3"),
        ("leak", "line 4"),
        ("no model", "line 4"),
        ("same answers", "line 5"),
        ("invisible characters", "line 5"),
    }
    assert report.longer is not None
    assert report.longer.by_characters == 1
    assert "principle:1" in {row.parent for row in report.lengths}


def test_revisions_that_are_none_are_found(tmp_path: Path) -> None:
    record = {
        "initial_prompt": "What is near?", "initial_response": "The river.", "critique_prompt": "",
        "critique_response": "The market.", "revision_prompt": "Again.", "revision_response": "The river!",
    }  # fmt: skip
    same = {**record, "revision_response": "the market"}
    (tmp_path / "x.json").write_text(json.dumps({"0": [record, same]}))
    (report,) = lint_files([tmp_path / "x.json"])
    found = {(finding.rule, finding.key, finding.detail) for finding in report.findings}
    assert {
        ("revision unchanged", "0_0", ""),
        ("revision is critique", "0_1", ""),
        ("empty", "0_0", "critique_prompt"),
    } < found


def test_the_command(type_command: Callable[..., Said], tmp_path: Path) -> None:  # noqa: F811
    path = our_records(tmp_path / "sft.jsonl")
    said = type_command("curate", "lint", path, "--survey", "world-mini", "--by-principle")
    assert said.code == 0, said.err
    for line in (
        "sft.jsonl: 5 entries (records)",
        "leak: 1 of 5",
        "line 4 (100% of family-matters of world-mini)",
        "chosen is longer than rejected: 1 of 1 by characters",
        "principle:1",
    ):
        assert line in said.out, said.out
    assert type_command("curate", "lint", path, "--strict").code == 1
    refused = type_command("curate", "lint", tmp_path / "none.jsonl")
    assert refused.code == 2
    assert "cannot be read" in refused.err
