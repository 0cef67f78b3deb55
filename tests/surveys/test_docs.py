"""docs/surveys.md names every survey, and its examples do what it says."""

import re
from pathlib import Path

import pytest

from pluralign.surveys import available, load
from pluralign.surveys.long_table import COLUMNS

PAGE = (Path(__file__).parent.parent.parent / "docs" / "surveys.md").read_text(encoding="utf-8")


def example(language: str) -> str:
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 1
    return str(blocks[0])


def test_every_survey_and_column_is_named() -> None:
    for source in available():
        assert f"| `{source.form}`" in PAGE
    for column in COLUMNS:
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
