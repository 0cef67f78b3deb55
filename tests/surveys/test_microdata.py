"""Respondents into distributions: hand-worked weights, missing codes, and the way back from world-mini's counts."""

from pathlib import Path

import numpy as np
import pytest

from pluralign.core.errors import DataError, MissingExtraError
from pluralign.surveys import load, world_mini, wvs
from pluralign.surveys.wvs_microdata import load_microdata


def write(path: Path, rows: list[dict[str, object]], delimiter: str = ",") -> Path:
    """A file with a column for every question of world-mini; what a row does not name was not asked."""
    columns = ["B_COUNTRY_ALPHA", "W_WEIGHT", *world_mini.source_ids().values()]
    lines = [delimiter.join(columns)]
    lines += [delimiter.join(str(row.get(column, "-4")) for column in columns) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    return path


def person(country: str, weight: object, **answers: object) -> dict[str, object]:
    return {"B_COUNTRY_ALPHA": country, "W_WEIGHT": weight, **answers}


PEOPLE = [
    person("JPN", 2.0, Q46=1, Q94=0),
    person("JPN", 1.0, Q46=2, Q94=2),
    person("JPN", 1.0, Q46=2, Q94=""),
    person("JPN", 0.5, Q46=-1),
    person("JPN", 0.5, Q46=-2),
    person("JPN", 1.0, Q46=""),
    person("JPN", 3.0, Q46=-3),
    person("XYZ", 1.0, Q46=4, Q243=0),
    person("XYZ", 1.0, Q46=9, Q243=10),
]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_weights_missing_codes_and_effective_n(tmp_path: Path, delimiter: str) -> None:
    survey = load(f"wvs7-microdata:{write(tmp_path / 'wave7.csv', PEOPLE, delimiter)}")
    japan = survey.references["JPN"]
    assert japan.keys() == {"happiness", "religious-membership"}
    happiness = japan["happiness"]
    # Weights 2 for the first option and 1 + 1 for the second; one of five asked, by weight, gave no answer.
    assert happiness.probabilities == (0.5, 0.5, 0, 0)
    assert happiness.refused == pytest.approx(1 / 5)
    # Kish: (2 + 1 + 1)² / (4 + 1 + 1) = 16/6.
    assert happiness.n == pytest.approx(16 / 6)
    # Three people gave an option: 3 / (16/6).
    assert happiness.respondents == 3
    assert happiness.design_effect == pytest.approx(9 / 8)
    # Codes start at 0 here: weight 2 for the first option, 1 for the third.
    assert japan["religious-membership"].probabilities == pytest.approx((2 / 3, 0, 1 / 3))
    other = survey.references["XYZ"]
    assert other["happiness"].probabilities == (0, 0, 0, 1)
    assert other["happiness"].unreadable == 0.5
    assert other["democracy-elections"].probabilities == (0.5, *[0.0] * 9, 0.5)
    assert [(one.id, one.name) for one in survey.collectives] == [("JPN", "Japan"), ("XYZ", "XYZ")]
    assert survey.notes == (
        "Weighted with W_WEIGHT; n is effective. "
        "1 answers have codes that are no option, in Q46; they count as unreadable."
    )


def test_without_weights(tmp_path: Path) -> None:
    survey = load_microdata(write(tmp_path / "wave7.csv", PEOPLE), weighted=False)
    happiness = survey.references["JPN"]["happiness"]
    assert happiness.probabilities == pytest.approx((1 / 3, 2 / 3, 0, 0))
    assert happiness.n == 3
    assert happiness.design_effect == 1
    assert happiness.refused == pytest.approx(2 / 5)
    assert survey.notes.startswith("Unweighted.")


def test_respondents_made_from_the_counts_of_world_mini_give_world_mini(tmp_path: Path) -> None:
    bundled = load("world-mini")
    rows: list[dict[str, object]] = []
    for code in ("NZL", "ETH"):
        respondents = wvs.COUNTRIES[code].respondents
        people = [person(code, 1) for _ in range(respondents)]
        for question_id, source in world_mini.source_ids().items():
            reference = bundled.references[code][question_id]
            assert reference.n is not None
            first = 0 if source in wvs.ZERO_BASED else 1
            counts = np.rint(reference.array * reference.n).astype(int)
            codes = [first + at for at, count in enumerate(counts) for _ in range(count)]
            for at, one in enumerate(people):
                one[source] = codes[at] if at < len(codes) else -1 - at % 2
        rows += people
    survey = load(f"wvs7-microdata:{write(tmp_path / 'wave7.csv', rows)}")
    assert survey.questions == bundled.questions
    for code in ("NZL", "ETH"):
        for question_id, reference in bundled.references[code].items():
            again = survey.references[code][question_id]
            assert again.probabilities == pytest.approx(reference.probabilities, abs=1e-12)
            assert again.n == pytest.approx(reference.n)
            assert again.refused == pytest.approx(reference.refused, abs=1e-12)


def test_the_wording_of_a_folder(tmp_path: Path, shared_data: Path) -> None:
    folder = shared_data / "wvs7"
    questions = wvs.load_questions(folder)
    columns = ["B_COUNTRY_ALPHA", "W_WEIGHT", *(question.id for question in questions)]
    first = ["CHL", "1", *(str(question.options[-1].id) for question in questions)]
    path = tmp_path / "wave7.csv"
    path.write_text("\n".join(",".join(row) for row in (columns, first)) + "\n")
    survey = load(f"wvs7-microdata:{path},{folder}")
    assert len(survey.questions) == 259
    assert all(reference.probabilities[-1] == 1 for reference in survey.references["CHL"].values())
    assert len(survey.references["CHL"]) == 259


def test_files_that_are_not_like_that(tmp_path: Path) -> None:
    path = tmp_path / "wave7.csv"
    with pytest.raises(DataError, match=r"wave7\.csv: there is no such file"):
        load(f"wvs7-microdata:{path}")
    path.write_text("B_COUNTRY_ALPHA,W_WEIGHT,Q1\nJPN,1,1\n")
    with pytest.raises(
        DataError, match=r"wave7\.csv: there is no column 'Q6' among its 3 \('B_COUNTRY_ALPHA', 'W_WEIGHT', 'Q1' …\)"
    ):
        load(f"wvs7-microdata:{path}")
    path.write_text("country,W_WEIGHT,Q1\nJPN,1,1\n")
    with pytest.raises(DataError, match=r"there is no column 'B_COUNTRY_ALPHA'"):
        load(f"wvs7-microdata:{path}")
    write(path, [person("JPN", 1, Q46="happy")])
    with pytest.raises(DataError, match=r"not a table of numbers: .*Row #2.*'happy'"):
        load(f"wvs7-microdata:{path}")
    write(path, [person("JPN", 1, Q46=1), person("JPN", -1, Q46=1)])
    with pytest.raises(DataError, match=r"W_WEIGHT: the weight of respondent 2 is absent or negative"):
        load(f"wvs7-microdata:{path}")
    write(path, [])
    with pytest.raises(DataError, match="no row below the header"):
        load(f"wvs7-microdata:{path}")
    write(path, [person("JPN", 1)])
    with pytest.raises(DataError, match="nobody gave an answer"):
        load(f"wvs7-microdata:{path}")
    path.write_text("")
    with pytest.raises(DataError, match=r"wave7\.csv"):
        load(f"wvs7-microdata:{path}")
    (tmp_path / "wave7.xlsx").write_text("x")
    with pytest.raises(DataError, match=r"read from \.csv, \.sav or \.dta files"):
        load(f"wvs7-microdata:{tmp_path / 'wave7.xlsx'}")


def test_sav_needs_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyreadstat", None)
    path = tmp_path / "wave7.sav"
    path.write_bytes(b"$FL2")
    with pytest.raises(MissingExtraError, match=r"reading \.sav files needs the extra 'data'"):
        load(f"wvs7-microdata:{path}")


@pytest.mark.parametrize("ending", ["sav", "dta"])
def test_spss_and_stata_give_what_csv_gives(tmp_path: Path, ending: str) -> None:
    pyreadstat = pytest.importorskip("pyreadstat", reason="the extra 'data' is not installed")
    pandas = pytest.importorskip("pandas", reason="pyreadstat writes from pandas")
    columns = ["B_COUNTRY_ALPHA", "W_WEIGHT", *world_mini.source_ids().values()]
    frame = pandas.DataFrame([{column: row.get(column, -4) for column in columns} for row in PEOPLE]).replace("", None)
    numbers = columns[1:]
    frame[numbers] = frame[numbers].astype(float)
    path = tmp_path / f"wave7.{ending}"
    if ending == "sav":
        # The official file declares its negative codes as missing; they must still be told apart.
        missing = {column: [{"lo": -5, "hi": -1}] for column in world_mini.source_ids().values()}
        pyreadstat.write_sav(frame, str(path), missing_ranges=missing)
    else:
        pyreadstat.write_dta(frame, str(path))
    expected = load(f"wvs7-microdata:{write(tmp_path / 'wave7.csv', PEOPLE)}")
    assert load(f"wvs7-microdata:{path}") == expected
    broken = tmp_path / f"broken.{ending}"
    broken.write_bytes(b"nothing of the sort")
    with pytest.raises(DataError, match="cannot be read"):
        load(f"wvs7-microdata:{broken}")
