"""Review sheets go out blind and safe, and what comes back decides as the docstrings say."""

import csv
import io
import json
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pluralign.cli.curate_commands import app
from pluralign.core.chat import Message
from pluralign.core.errors import DataError, UsageError
from pluralign.core.records import PreferenceRecord, Provenance, Record, SftRecord
from pluralign.curate.review import apply_review, draw_sheets, read_sheet, sheet_text
from pluralign.store.records import read_records, write_records


def said(at: int, principle: str = "a", text: str = "Come in.") -> SftRecord:
    return SftRecord(
        collective="tenants",
        messages=(Message("user", f"May I come in, {at}?"), Message("assistant", text)),
        source="a test",
        licence="CC0-1.0",
        provenance=Provenance(recipe="test", parents=(f"principle:{principle}",)),
    )


def pair(at: int) -> PreferenceRecord:
    return PreferenceRecord(
        collective="tenants",
        prompt=(Message("user", f"May I come in, {at}?"),),
        chosen="Come in.",
        rejected="Go away.",
        preference=0.9,
        margin=2.0,
        source="a test",
        licence="CC0-1.0",
        provenance=Provenance(recipe="test", parents=("principle:a",)),
    )


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def filled(
    path: Path, records: list[Record], verdicts: dict[str, str], reviewers: int, delimiter: str = ","
) -> list[Path]:
    """Sheets of all records for all reviewers; ``verdicts``: record id -> a letter a reviewer (b: the better one)."""
    paths = []
    for sheet in draw_sheets(records, sample=len(records), reviewers=reviewers, each=reviewers, seed=0):
        own = rows(sheet_text(sheet))
        for row in own:
            letter = verdicts.get(row["key"].rsplit("-", 1)[0], " " * reviewers)[sheet.reviewer - 1]
            better = "1" if row["reply"] == "Come in." else "2"
            words = {
                "b": better,
                "w": {"1": "2", "2": "1"}[better],
                "y": "Yes",
                "n": "no",
                "?": "unsure",
                " ": "",
                "e": "equal",
            }
            row["verdict"] = words[letter]
        paths.append(path / f"reviewer-{sheet.reviewer}.csv")
        with paths[-1].open("w", newline="") as file:
            out = csv.DictWriter(file, list(own[0]), delimiter=delimiter)
            out.writeheader()
            out.writerows(own)
    return paths


def test_records_are_dealt_evenly_over_principles_and_reviewers() -> None:
    records = [said(at, "rare" if at < 3 else "common") for at in range(100)]
    sheets = draw_sheets(records, sample=8, reviewers=3, each=2, seed=1)
    assert sorted(len(sheet.records) for sheet in sheets) == [5, 5, 6]
    read = Counter(record.id for sheet in sheets for record in sheet.records)
    assert set(read.values()) == {2}
    assert len(read) == 8
    rare = {record.id for record in records[:3]}
    assert len(rare & set(read)) == 3, "three of the rare principle, five of the common one"
    assert draw_sheets(records, sample=8, reviewers=3, each=2, seed=1) == sheets
    assert draw_sheets(records, sample=8, reviewers=3, each=2, seed=2) != sheets


def test_more_readers_than_reviewers_are_refused() -> None:
    with pytest.raises(UsageError, match="lower --each"):
        draw_sheets([said(0)], sample=1, reviewers=1, each=2, seed=0)


def test_pairs_are_blind_and_no_cell_is_a_formula() -> None:
    records: list[Record] = [pair(at) for at in range(40)]
    (sheet,) = draw_sheets(records, sample=40, reviewers=1, each=1, seed=0)
    first = [row["reply"] for row in rows(sheet_text(sheet))]
    assert 8 <= first.count("Come in.") <= 32, "the better reply stands on either side"
    (dangerous,) = draw_sheets([said(0, text="=1+1")], sample=1, reviewers=1, each=1, seed=0)
    assert rows(sheet_text(dangerous))[0]["reply"] == "'=1+1"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_verdicts_come_back_in_the_records_terms(tmp_path: Path, delimiter: str) -> None:
    records: list[Record] = [said(0), pair(1), pair(2)]
    ids = [record.id for record in records]
    paths = filled(tmp_path, records, {ids[0]: "yn", ids[1]: "bw", ids[2]: "e "}, 2, delimiter)
    found = {
        (one.record, one.reviewer): one.verdict
        for path in paths
        for one in read_sheet(path, dict(zip(ids, records, strict=True)))
    }
    assert found == {
        (ids[0], "reviewer-1"): "yes",
        (ids[0], "reviewer-2"): "no",
        (ids[1], "reviewer-1"): "chosen",
        (ids[1], "reviewer-2"): "rejected",
        (ids[2], "reviewer-1"): "equal",
    }


def test_the_majority_decides_and_pairs_carry_what_people_prefer(tmp_path: Path) -> None:
    records: list[Record] = [said(0), said(1), said(2), pair(3), pair(4), pair(5), said(6)]
    ids = [record.id for record in records]
    letters = ["yyn", "yn?", "nny", "bbb", "wwb", "bwe", "   "]
    verdicts = [
        one
        for path in filled(tmp_path, records, dict(zip(ids, letters, strict=True)), 3)
        for one in read_sheet(path, dict(zip(ids, records, strict=True)))
    ]
    found = apply_review(records, verdicts, only_reviewed=False)
    kept = {
        record.prompt[-1].content if isinstance(record, PreferenceRecord) else record.messages[0].content: record
        for record in found.records
    }
    assert list(kept) == [f"May I come in, {at}?" for at in (0, 3, 4, 6)]
    better, turned = kept["May I come in, 3?"], kept["May I come in, 4?"]
    assert isinstance(better, PreferenceRecord)
    assert isinstance(turned, PreferenceRecord)
    assert (better.chosen, better.preference, better.margin) == ("Come in.", 4 / 5, None)  # (3 + 1) / (3 + 2)
    assert (turned.chosen, turned.preference) == ("Go away.", 3 / 5)  # (2 + 1) / (3 + 2)
    assert f"record:{ids[4]}" in turned.provenance.parents
    assert turned.provenance.details == {"reviewers_for": 1, "reviewers_against": 2, "reviewers_undecided": 0}
    assert [one.record.id for one in found.rejected] == [ids[1], ids[2], ids[5]]
    assert (found.turned, found.unread) == (1, 1)
    # Replies, verdicts (yes, no, unsure): (2, 1, 0), (1, 1, 1), (1, 2, 0). Disagreeing ordered pairs over n - 1:
    # 4/2 + 6/2 + 4/2 = 7. Expected: (81 - 16 - 16 - 1) / 8 = 6. alpha = 1 - 7/6.
    assert found.alpha["sft"] == pytest.approx(-1 / 6)
    assert len(apply_review(records, verdicts, only_reviewed=True).records) == 3


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    record = said(0)
    sheet = tmp_path / "reviewer-1.csv"
    sheet.write_text(f"key,verdict\n{record.id}-1,maybe\n")
    with pytest.raises(DataError, match=r"reviewer-1\.csv.*2.*'maybe' is no verdict; write yes, no or unsure"):
        list(read_sheet(sheet, {record.id: record}))
    with pytest.raises(DataError, match="no record has the key"):
        list(read_sheet(sheet, {}))
    sheet.write_text("key,comment\n")
    with pytest.raises(DataError, match="the column 'verdict' is missing"):
        list(read_sheet(sheet, {}))


def test_from_records_to_sheets_and_back(tmp_path: Path) -> None:
    run = CliRunner()
    path, out = tmp_path / "sft.jsonl", tmp_path / "sheets"
    records = [said(at) for at in range(4)]
    write_records(path, records)
    assert run.invoke(app, ["review", "export", str(path), "--out", str(out), "--each", "3"]).exit_code == 0
    again = run.invoke(app, ["review", "export", str(path), "--out", str(out)])
    assert isinstance(again.exception, UsageError), "filled-in sheets are not overwritten"
    for sheet in out.glob("*.csv"):
        assert sheet.read_bytes().startswith(b"\xef\xbb\xbf")
        own = rows(sheet.read_text(encoding="utf-8-sig"))
        for row in own:
            row["verdict"] = "no" if row["conversation"].endswith("2?") else "yes"
            row["comment"] = "Rude." if row["verdict"] == "no" else ""
        with sheet.open("w", newline="", encoding="utf-8-sig") as file:
            table = csv.DictWriter(file, list(own[0]))
            table.writeheader()
            table.writerows(own)
    done = run.invoke(app, ["review", "import", str(path), "--sheet", str(out), "--out", str(tmp_path / "reviewed")])
    assert done.exit_code == 0, done.output
    left = [
        record.messages[0].content
        for record in read_records(tmp_path / "reviewed" / "sft.jsonl")
        if isinstance(record, SftRecord)
    ]
    assert left == [f"May I come in, {at}?" for at in (0, 1, 3)]
    (gone,) = map(json.loads, (tmp_path / "reviewed" / "rejected.jsonl").read_text().splitlines())
    assert gone["record"] == records[2].id
    assert gone["comments"] == ["Rude."] * 3
    report = (tmp_path / "reviewed" / "review.md").read_text()
    assert "| verdicts for, against, undecided | 9, 3, 0 |" in report
    assert "alpha, sft | 1.00" in report
