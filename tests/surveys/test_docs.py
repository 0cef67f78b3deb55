"""docs/surveys.md names every survey, and its examples do what it says."""

import re
from pathlib import Path

import pytest

from pluralign.surveys import available, load
from pluralign.surveys.long_table import COLUMNS, LISTS

PAGE = (Path(__file__).parent.parent.parent / "docs" / "surveys.md").read_text(encoding="utf-8")


def example(language: str, at: int = 0) -> str:
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return str(blocks[at])


def test_every_survey_and_column_is_named() -> None:
    for source in available():
        assert f"| `{source.form}`" in PAGE
    for column in [*COLUMNS, *LISTS]:
        assert f"`{column}`" in PAGE


def test_the_yaml_example(tmp_path: Path) -> None:
    path = tmp_path / "night-shifts.yaml"
    path.write_text(example("yaml"), encoding="utf-8")
    survey = load(str(path))
    assert [len(question.options) for question in survey.questions] == [3, 5, 2]
    doctors = survey.references["doctors"]["sleep"]
    assert doctors.n == 25
    assert doctors.refused == pytest.approx(2 / 27)
    assert survey.references["JPN"]["sleep"].n == 80
    assert survey.references["nurses"]["roster"].n == 56
    assert survey.collective("nurses").member == "a person with a nursing cultural background"


def test_the_table_example(tmp_path: Path) -> None:
    path = tmp_path / "night-shifts.csv"
    path.write_text(example("csv"), encoding="utf-8")
    survey = load(str(path))
    assert survey.references["Nurses"]["Q1"].probabilities == (0.2, 0.3, 0.5)
    assert survey.references["JPN"]["Q1"].probabilities == pytest.approx((5 / 12, 0, 7 / 12))


def test_the_mapping_example(tmp_path: Path) -> None:
    (tmp_path / "opinions.yaml").write_text(example("yaml", 1), encoding="utf-8")
    rows = ["key,wording,party,answer,w,other", "a,How?,Red,Well,2,", "a,How?,Red,Badly,1,", "a,How?,Red,Refused,1,"]
    (tmp_path / "opinions.csv").write_text("\n".join(rows))
    red = load(str(tmp_path / "opinions.yaml")).references["Red"]["a"]
    assert red.probabilities == pytest.approx((2 / 3, 1 / 3))
    assert red.refused == pytest.approx(1 / 4)


def test_the_codebook_example(tmp_path: Path) -> None:
    (tmp_path / "wave6.yaml").write_text(example("yaml", 3), encoding="utf-8")
    (tmp_path / "wave6.csv").write_text("V2,V10,V258\n392,1,2\n392,4,2\n392,-1,4\n840,-4,1\n840,3,1\n124,1,1\n")
    survey = load(str(tmp_path / "wave6.yaml"))
    assert survey.references["JPN"]["happy"].probabilities == (0.5, 0, 0, 0.5)
    assert survey.references["JPN"]["happy"].refused == 0.5
    assert survey.references["USA"]["happy"].probabilities == (0, 0, 1, 0)
    assert "left out: 124" in survey.notes
