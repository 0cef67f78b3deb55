"""Your own survey whose answers stand in another file: respondents with a codebook, and long tables by a mapping."""

from pathlib import Path

import pytest

from pluralign.core.errors import DataError
from pluralign.core.question import Scale
from pluralign.core.survey import Survey
from pluralign.surveys import load

CODEBOOK = """\
name: wave-6
citation: The source
respondents:
  file: wave6.csv
  group: V2
  weight: V258
  not_asked: [-4]
  groups: {392: JPN, 840: USA}
questions:
  - id: happy
    column: V10
    text: How happy are you?
    scale: ordinal
    options: [{id: 1, text: Very}, {id: 2, text: Rather}, {id: 3, text: Not}]
    missing: {-1: don't know, -2: no answer}
  - id: V24
    text: Can people be trusted?
    options: [{id: 1, text: Most can}, {id: 2, text: One must be careful}]
    missing: {-1: don't know}
"""
RESPONDENTS = """\
V1,V2,V10,V24,V258
6,392,1,2,2
6,392,2,1,1
6,392,3,-1,1
6,392,-2,-4,1
6,840,1,,0.5
6,12,3,1,1
"""


def write(folder: Path, codebook: str = CODEBOOK, data: str = RESPONDENTS, name: str = "wave6.csv") -> str:
    (folder / name).write_text(data, encoding="utf-8")
    (folder / "mine.yaml").write_text(codebook, encoding="utf-8")
    return str(folder / "mine.yaml")


def test_respondents_by_a_codebook(tmp_path: Path) -> None:
    survey = load(write(tmp_path))
    assert [(one.id, one.name) for one in survey.collectives] == [
        ("12", "12"),
        ("JPN", "Japan"),
        ("USA", "United States"),
    ]
    happy = survey.references["JPN"]["happy"]
    assert happy.probabilities == (0.5, 0.25, 0.25)
    assert happy.refused == pytest.approx(1 / 5)
    assert happy.n == pytest.approx(16 / 6)  # (2 + 1 + 1)² / (4 + 1 + 1)
    trust = survey.references["JPN"]["V24"]
    assert trust.probabilities == pytest.approx((1 / 3, 2 / 3))
    assert trust.refused == pytest.approx(1 / 4)  # the fourth was not asked
    assert survey.references["USA"].keys() == {"happy"}
    assert survey.citation == "The source"


def test_only_the_named_collectives_are_kept(tmp_path: Path) -> None:
    survey = load(write(tmp_path, CODEBOOK.replace("questions:", "collectives: [JPN]\nquestions:")))
    assert [one.id for one in survey.collectives] == ["JPN"]
    assert survey.notes == "Groups of wave6.csv left out: 12, 840."


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("file: wave6.csv", "file: wave7.csv", r"wave7\.csv: there is no such file"),
        ("group: V2\n", "group: V3\n", r"wave6\.csv: there is no column 'V3'"),
        ("column: V10", "column: V11", r"wave6\.csv: there is no column 'V11'"),
        (
            "not_asked: [-4]",
            "not_asked: []",
            r"mine\.yaml:16: questions\[1\]: wave6\.csv has the code -4 in column 'V24'",
        ),
        ("not_asked", "notasked", r"mine\.yaml:7: respondents\.notasked: unknown key 'notasked': .*'not_asked'"),
        ("392: JPN, 840: USA", "392: JPN, 840: JPN", r"mine\.yaml:3: respondents: two groups .* 'JPN'"),
        (
            "questions:",
            "collectives: [PER]\nquestions:",
            r"mine\.yaml:9: collectives: nobody in wave6\.csv belongs to 'PER'",
        ),
        (
            "    missing: {-1: don't know}\n",
            "    missing: {-1: don't know}\n    references: {JPN: [0.5, 0.5]}\n",
            r"mine\.yaml:20: questions\[1\]\.references: answers stand here and under 'respondents'",
        ),
    ],
)
def test_mistakes_in_a_codebook(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert CODEBOOK.count(old) == 1
    with pytest.raises(DataError, match=message):
        load(write(tmp_path, CODEBOOK.replace(old, new)))


def test_a_column_without_respondents(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: x\nquestions: [{id: a, text: b, options: [c, d], column: e}]\n")
    with pytest.raises(DataError, match=r"mine\.yaml:2: questions\[0\]\.column: a column belongs to 'respondents'"):
        load(str(tmp_path / "mine.yaml"))


MAPPING = """\
name: opinions
title: Opinions by party
licence: ask first
notes: Two waves.
table:
  file: opinions.csv
  scale: ordinal
  missing: [Refused]
  columns: {question_id: key, question: wording, group: party, option: answer, weight: w}
"""
ANSWERS = """\
key,wording,party,answer,w,extra
guns,How serious?,Red,Very,2,x
guns,How serious?,Red,Somewhat,1,x
guns,How serious?,Red,Somewhat,1,x
guns,How serious?,Red,Refused,1,x
guns,How serious?,Blue,Not,1,x
"""
LISTED = """\
name: opinions
table:
  file: opinions.csv
  scale: ordinal
  missing: [Refused]
  columns: {question: q, group: attribute, options: references, shares: distribution}
"""
LISTS = """\
q,attribute,references,distribution
How serious?,Red,"['Very', 'Somewhat', 'Not', 'Refused']","[0.4, 0.3, 0.1, 0.2]"
How serious?,Blue,"[""Very"", ""Somewhat"", ""Not"", ""Refused""]","[0, 0, 1, 0]"
Rate it,Blue,"[1, 2, 3, 4, 5]","[0.2, 0.2, 0.2, 0.2, 0.2]"
"""


def opinions(folder: Path, mapping: str, data: str) -> Survey:
    return load(write(folder, mapping, data, "opinions.csv"))


def test_a_long_table_of_weighted_answers(tmp_path: Path) -> None:
    survey = opinions(tmp_path, MAPPING, ANSWERS)
    question = survey.question("guns")
    assert [option.text for option in question.options] == ["Very", "Somewhat", "Not"]
    assert question.scale is Scale.ORDINAL
    assert question.missing == {-1: "Refused"}
    red = survey.references["Red"]["guns"]
    assert red.probabilities == (0.5, 0.5, 0)
    assert red.refused == pytest.approx(1 / 5)
    assert red.n == pytest.approx(16 / 6)
    assert (survey.title, survey.licence, survey.notes) == ("Opinions by party", "ask first", "Two waves.")


def test_a_table_with_lists_in_its_cells(tmp_path: Path) -> None:
    survey = opinions(tmp_path, LISTED, LISTS)
    red = survey.references["Red"]["Q1"]
    assert red.probabilities == pytest.approx((0.5, 0.375, 0.125))
    assert red.refused == pytest.approx(0.2)
    assert red.n is None
    assert survey.question("Q2").is_numeric
    counts = LISTED.replace("shares:", "counts:")
    assert (
        opinions(tmp_path, counts, LISTS.replace("[0.4, 0.3, 0.1, 0.2]", "[4, 3, 1, 2]")).references["Red"]["Q1"].n == 8
    )


@pytest.mark.parametrize(
    ("mapping", "data", "message"),
    [
        (LISTED.replace("shares:", "sharse:"), LISTS, r"mine\.yaml:6: table\.columns\.sharse: unknown column 'sharse'"),
        (LISTED.replace("q,", "que,"), LISTS, r"opinions\.csv:1: unknown column 'que'"),
        (LISTED.replace(", shares: distribution", ""), LISTS, r"opinions\.csv:1: answers need the column 'group'"),
        (LISTED, LISTS.replace("0.4, 0.3", "0.4"), r"opinions\.csv:2: shares: 3 numbers for 4 options"),
        (LISTED, LISTS.replace("[0.4, ", "["), r"opinions\.csv:2: shares: 3 numbers for 4 options"),
        (LISTED, LISTS.replace("[0.4,", "[0.3,"), r"opinions\.csv:2: share: Red on Q1: the shares sum to 0\.9"),
        (LISTED, LISTS.replace("[0.4,", "[exit(),"), r"opinions\.csv:2: shares: expected a list such as"),
        (LISTED, LISTS.replace("[0.4,", "['a',"), r"opinions\.csv:2: share: expected a number, got 'a'"),
        (LISTED.replace("  scale: ordinal\n", ""), LISTS, r"opinions\.csv:2: scale: .*needs a scale"),
        (LISTED + "questions: [{id: a, text: b, options: [c, d]}]\n", LISTS, r"mine\.yaml:7: questions: .*leave out"),
        (
            MAPPING.replace("weight: w", "weight: extra"),
            ANSWERS,
            r"opinions\.csv:2: weight: expected a number, got 'x'",
        ),
    ],
)
def test_mistakes_in_a_mapping(tmp_path: Path, mapping: str, data: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        opinions(tmp_path, mapping, data)
