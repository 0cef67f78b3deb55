"""Your own survey: every form of the YAML file and the table, and errors with file, line and field for the rest."""

from pathlib import Path

import pytest

from pluralign.core.errors import DataError, UnknownNameError, UsageError
from pluralign.core.question import Scale
from pluralign.surveys import SOURCES, available, load
from pluralign.surveys.own import parse_yaml

GOOD = """\
name: staff-2026
title: Staff survey
citation: Works council, 2026
licence: internal
notes: Asked in March.
collectives:
  - id: nurses
    name: Nurses
  - {id: doctors, name: Doctors, region: Hospital}
  - JPN
questions:
  - id: pay
    text: Is your pay fair?
    topic: Work
    scale: ordinal
    options: [Too low, About right, Too high]
    missing: {-1: no answer}
    references:
      nurses: [0.5, 0.3, 0.2]
      doctors: {Too low: 6, About right: 3, no answer: 1}
      JPN: {shares: [0.2, 0.5, 0.3], n: 80, refused: 0.1}
  - id: hours
    text: How content are you with your hours, from 0 (not at all) to 2 (very)?
    scale: interval
    options: [0, 1, 2]
    references:
      nurses: {counts: [10, 20, 30]}
      JPN: {1: 0.25, 2: 0.75}
  - id: again
    text: Would you work here again?
    options: [{id: 5, text: "Yes"}, {id: 7, text: "No"}]
    references:
      doctors: [0.333, 0.665]
"""


def write(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_every_form_of_the_yaml_file(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    survey = load(f"own:{path}")
    assert load(str(path)) == survey
    assert survey.name == "staff-2026"
    assert [collective.name for collective in survey.collectives] == ["Nurses", "Doctors", "Japan"]
    pay, hours, again = survey.questions
    assert [option.id for option in pay.options] == [1, 2, 3]
    assert hours.is_numeric
    assert [option.id for option in hours.options] == [0, 1, 2]
    assert again.scale is Scale.NOMINAL
    nurses = survey.references["nurses"]["pay"]
    assert nurses.probabilities == (0.5, 0.3, 0.2)
    assert nurses.n is None
    doctors = survey.references["doctors"]["pay"]
    # 6, 3 and 0 of nine who answered; 1 of ten did not.
    assert doctors.probabilities == pytest.approx((6 / 9, 3 / 9, 0))
    assert doctors.n == 9
    assert doctors.refused == pytest.approx(0.1)
    japan = survey.references["JPN"]["pay"]
    assert (japan.n, japan.refused) == (80, 0.1)
    assert survey.references["nurses"]["hours"].n == 60
    assert survey.references["JPN"]["hours"].probabilities == (0, 0.25, 0.75)
    rounded = survey.references["doctors"]["again"]
    assert rounded.probabilities == pytest.approx((0.333 / 0.998, 0.665 / 0.998))
    assert (
        survey.notes == "Asked in March. 1 row of shares was off by up to 0.002 from rounding and scaled to sum to 1."
    )
    assert survey.reference("nurses", "again") is None


def replaced(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"mine\.yaml: the file is empty"),
        ("# nothing\n", r"mine\.yaml: the file is empty"),
        ("name: x\nquestions: [", r"mine\.yaml:2: not valid YAML"),
        ("- 1", r"mine\.yaml:1: expected keys and values"),
        ("name: x\nquestions: []", r"mine\.yaml:2: questions: there is no question"),
        (replaced("licence:", "license:"), r"mine\.yaml:4: license: unknown key 'license': did you mean 'licence'"),
        (replaced("    topic: Work", "    tpoic: Work"), r":14: questions\[0\]\.tpoic: unknown key 'tpoic'.*'topic'"),
        (replaced("    text: Is your pay fair?\n", ""), r":12: questions\[0\]: the key 'text' is missing"),
        (replaced("    scale: ordinal", "    scale: ordnal"), r":15: questions\[0\]\.scale: "),
        (replaced("    scale: ordinal\n", ""), r":12: questions\[0\]: .*needs a scale: nominal, ordinal, interval"),
        (replaced("[Too low, About right, Too high]", "[Too low]"), r":16: questions\[0\]\.options: .*1 option"),
        (replaced("About right, Too", "Too low, Too"), r":16: questions\[0\]\.options: .*'Too low' twice"),
        (replaced("[Too low,", "[Yes,"), r":16: questions\[0\]\.options\[0\]: YAML reads yes, no"),
        (replaced("[Too low,", "[1.5,"), r":16: questions\[0\]\.options\[0\]: expected the option's wording"),
        (replaced("{id: 5,", "{id: five,"), r":31: questions\[2\]\.options\[0\]\.id: .*integer"),
        (replaced("{id: 5,", "{id: 7,"), r":31: questions\[2\]\.options: .*id twice"),
        (replaced("  - id: hours", "  - id: pay"), r":22: questions\[1\]\.id: the question id 'pay' is used twice"),
        (replaced("{id: doctors,", "{id: nurses,"), r":9: collectives\[1\]: .*'nurses' is used twice"),
        (replaced("{id: doctors,", "{id: all doctors,"), r":9: collectives\[1\]\.id: "),
        (replaced("  - JPN\n", "  - JAN\n"), r":10: collectives\[2\]: 'JAN' is no country code"),
        (replaced("  - JPN\n", "  - 7\n"), r":10: collectives\[2\]: expected a country code"),
        (replaced("nurses: [0.5", "nursers: [0.5"), r":19: .*references\.nursers: unknown collective.*'nurses'"),
        (
            replaced("[0.5, 0.3, 0.2]", "[0.5, 0.3, 0.1]"),
            r":19: .*references\.nurses: the shares sum to 0\.9, not to 1",
        ),
        (replaced("[0.5, 0.3, 0.2]", "[50.5, 29.5, 20]"), r":19: .*sum to 100, not to 1; divide percentages by 100"),
        (replaced("[0.5, 0.3, 0.2]", "[50, 30, 20]"), r":19: .*sum to 100: write 'counts:'"),
        (replaced("[0.5, 0.3, 0.2]", "[0.5, 0.5]"), r":19: .*2 numbers for 'pay', which has 3 options"),
        (replaced("[0.5, 0.3, 0.2]", "[0, 0, 0]"), r":19: .*all numbers are zero"),
        (replaced("[0.5, 0.3, 0.2]", "[1.5, -0.5, 0]"), r":19: .*must not be negative"),
        (replaced("[0.5, 0.3, 0.2]", "[half, 0.3, 0.2]"), r":19: .*expected a number, got 'half'"),
        (replaced("[0.5, 0.3, 0.2]", "[true, 0.3, 0.2]"), r":19: .*expected a number, got True"),
        (replaced("[0.5, 0.3, 0.2]", "most"), r":19: .*expected a list of numbers"),
        (replaced("{Too low: 6,", "{To low: 6,"), r":20: .*unknown option 'To low': did you mean 'Too low'"),
        (replaced("{Too low: 6,", "{1: 2, Too low: 6,"), r":20: .*named twice"),
        (replaced("n: 80", "n: -80"), r":21: .*references\.JPN\.n: .*greater than 0"),
        (replaced("n: 80", "m: 80"), r":21: .*references\.JPN\.m: "),
        (
            replaced("{counts: [10, 20, 30]}", "{counts: [1, 2, 3], shares: [1, 0, 0]}"),
            r":27: .*either shares or counts",
        ),
    ],
)
def test_mistakes_are_named_with_file_line_and_field(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(DataError, match=message) as caught:
        load(str(path))
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent\.yaml: there is no such file"):
        load(str(tmp_path / "absent.yaml"))
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(DataError, match=r"folder\.yaml: this is a folder"):
        load(str(tmp_path / "folder.yaml"))
    (tmp_path / "latin.yaml").write_bytes("name: x\ntitle: Übung".encode("latin-1"))
    with pytest.raises(DataError, match=r"latin\.yaml:2: byte 0xdc is not UTF-8"):
        load(str(tmp_path / "latin.yaml"))


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load(str(path)).name == "staff-2026"


def test_quoted_numbers_are_a_scale_of_numbers(tmp_path: Path) -> None:
    text = "name: x\nquestions:\n- {id: a, text: b, scale: interval, options: ['0', '1', '2']}\n"
    question = load(str(write(tmp_path, text))).questions[0]
    assert question.is_numeric


TABLE = """\
question,option,group,share,topic,scale,n
Is your pay fair?,Too low,Nurses,0.5,Work,ordinal,120
Is your pay fair?,About right,Nurses,0.3,Work,ordinal,120
Is your pay fair?,Too high,Nurses,0.2,Work,ordinal,120
Is your pay fair?,Too low,JPN,0.25,Work,ordinal,
Is your pay fair?,About right,JPN,0.75,Work,ordinal,

"Would you, today,
work here again?",Yes,Night shift (ward 7),1,,,
"Would you, today,
work here again?",No,,,,,
"""
COUNTS = """\
question_id;question;option_id;option;group;count;scale
pay;Fair?;1;Too low;Nurses;6;ordinal
pay;Fair?;2;About right;Nurses;3;ordinal
pay;Fair?;3;Too high;Doctors;2;ordinal
pay;Fair?;-1;No answer;Nurses;1;ordinal
"""


def test_a_table_of_shares(tmp_path: Path) -> None:
    survey = load(str(write(tmp_path, TABLE, "staff.csv")))
    assert survey.name == "staff"
    assert [(question.id, len(question.options)) for question in survey.questions] == [("Q1", 3), ("Q2", 2)]
    assert [(one.id, one.name) for one in survey.collectives] == [
        ("Nurses", "Nurses"),
        ("JPN", "Japan"),
        ("Night-shift-ward-7", "Night shift (ward 7)"),
    ]
    assert survey.references["Nurses"]["Q1"].n == 120
    assert survey.references["JPN"]["Q1"].probabilities == (0.25, 0.75, 0)
    assert survey.references["JPN"]["Q1"].n is None
    assert survey.references["Night-shift-ward-7"]["Q2"].probabilities == (1, 0)
    assert survey.topics == ("Work", "")


def test_a_table_of_counts_with_missing_codes(tmp_path: Path) -> None:
    survey = load(str(write(tmp_path, COUNTS, "staff.csv")))
    assert survey.question("pay").missing == {-1: "No answer"}
    nurses = survey.references["Nurses"]["pay"]
    assert nurses.probabilities == pytest.approx((6 / 9, 3 / 9, 0))
    assert nurses.n == 9
    assert nurses.refused == pytest.approx(0.1)
    assert load(str(write(tmp_path, COUNTS.replace(";", "\t"), "staff.csv"))) == survey


def test_a_table_of_questions_without_answers(tmp_path: Path) -> None:
    survey = load(str(write(tmp_path, "question,option\nFair?,Yes\nFair?,No\n", "bare.csv")))
    assert survey.collectives == ()
    assert len(survey.questions[0].options) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"mine\.csv: the file is empty"),
        ("question,option\n", r"mine\.csv: there is no row below the header"),
        ("question,answer\nFair?,Yes\n", r"mine\.csv:1: unknown column 'answer'"),
        ("question,question\nFair?,Yes\n", r"mine\.csv:1: the column 'question' stands there twice"),
        ("question,group,share\nFair?,a,1\n", r"mine\.csv:1: the column 'option' is missing"),
        ("question,option,group\nFair?,Yes,a\n", r"mine\.csv:1: answers need the column 'group' and one of"),
        ("question,option,share\nFair?,Yes,1\n", r"mine\.csv:1: answers need the column 'group' and one of"),
        ("question,option,group,share,count\nFair?,Yes,a,1,1\n", r"mine\.csv:1: there are both share and count;"),
        (TABLE.replace("JPN,0.75", "JPN,0.7"), r"mine\.csv:5: share: JPN on Q1: the shares sum to 0\.95, not to 1"),
        (TABLE.replace("JPN,0.75", "JPN,three"), r"mine\.csv:6: share: expected a number, got 'three'"),
        (TABLE.replace("JPN,0.75", 'JPN,"0,75"'), r"mine\.csv:6: share: .*write the decimal point as '\.'"),
        (TABLE.replace("JPN,0.75", "JPN,-0.75"), r"mine\.csv:6: share: a number must not be negative"),
        (TABLE.replace("JPN,0.75", "JPN,nan"), r"mine\.csv:6: share: "),
        (TABLE.replace("About right,JPN", "Too low,JPN"), r"mine\.csv:6: the same question, option .* in line 5"),
        (TABLE.replace("0.2,Work,ordinal", "0.2,Work,nominal"), r"csv:4: scale: 'nominal' differs from 'ordinal'"),
        (TABLE.replace("0.2,Work,ordinal,120", "0.2,Work,ordinal,12"), r"mine\.csv:4: n: '12' differs from '120'"),
        (TABLE.replace("ordinal", "ordnal"), r"mine\.csv:2: scale: unknown scale 'ordnal': did you mean 'ordinal'"),
        (TABLE.replace("ordinal", ""), r"mine\.csv:2: scale: .*needs a scale"),
        (TABLE.replace("0.3,Work", "0,3,Work"), r"mine\.csv:3: 8 cells under 7 columns"),
        (TABLE.replace(",No,", ",,"), r"mine\.csv:10: option: the cell is empty"),
        (TABLE.replace("work here again?\",No,,,,,", "work here again?\",Yes,,,,,"), r"mine\.csv:8: .* 1 option"),
        (COUNTS.replace("pay;Fair?;2;", "pay;Fair?;two;"), r"mine\.csv:3: option_id: expected a whole number"),
        (COUNTS.replace("pay;Fair?;2;", "pay;Fair?;1;"), r"mine\.csv:2: option: .*id twice"),
        (COUNTS.replace("pay;Fair?;2;", "pay;Fair;2;"), r"mine\.csv:3: question: 'Fair' differs from 'Fair\?'"),
        (TABLE.replace("JPN", "日本"), r"mine\.csv:5: group: '日本' has no letter or digit"),
        (TABLE.replace("JPN", "Nurses!"), r"'Nurses' and 'Nurses!' get the same id"),
        ('question,option\n"Fair?,Yes\n', r"mine\.csv:\d: not valid CSV"),
    ],
)  # fmt: skip
def test_mistakes_in_a_table(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load(str(write(tmp_path, text, "mine.csv")))


def test_names() -> None:
    with pytest.raises(UnknownNameError, match="unknown survey 'world-mimi': did you mean 'world-mini'"):
        load("world-mimi")
    with pytest.raises(UnknownNameError, match="unknown survey 'wvs8:folder'"):
        load("wvs8:folder")
    with pytest.raises(UsageError, match="'wvs7:' names no path; write wvs7:DIR"):
        load("wvs7:")
    with pytest.raises(UsageError, match="'wvs7' is written 'wvs7:DIR'"):
        load("wvs7")
    with pytest.raises(UsageError, match="is written 'world-mini'"):
        load("world-mini:here")
    with pytest.raises(UnknownNameError, match="unknown survey ''"):
        load("")


def test_paths_without_a_scheme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"is a path; say what is in it with one of wvs7:DIR, .*own:FILE$"):
        load(str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path, GOOD)
    assert load("~/mine.yaml") == load("own:~/mine.yaml") == load(str(tmp_path / "mine.yaml"))


def test_the_table_of_sources() -> None:
    assert {source.form for source in available()} == {source.form for source in SOURCES}
    assert available()[0].form == "world-mini"
    assert len({source.scheme for source in SOURCES}) == len(SOURCES)
    assert all(source.description and "\n" not in source.description for source in SOURCES)


TRAITS = """
name: mine
questions:
  - {id: talk, text: "I talk a lot.", scale: ordinal, options: [Agree, Neither, Disagree]}
  - {id: hide, text: "I like to hide.", scale: ordinal, options: [Agree, Neither, Disagree]}
  - {id: tea, text: "Tea or coffee?", scale: nominal, options: [Tea, Coffee, Neither]}
  - {id: agree, text: "Yes?", scale: ordinal, options: ["Yes", "No"]}
traits:
  Extraversion: {KEYS}
"""


def test_own_questions_can_be_scored_as_traits() -> None:
    survey = parse_yaml(TRAITS.replace("KEYS", "talk: 1, hide: -1"), file="mine.yaml")
    assert survey.traits == {"Extraversion": {"talk": 1, "hide": -1}}
    plain = parse_yaml(TRAITS[: TRAITS.index("traits:")], file="mine.yaml")
    assert plain.checksum != survey.checksum


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("talk: 1, tlak: -1", "did you mean 'talk'"),
        ("talk: 2", "1 or -1"),
        ("talk: 1, tea: 1", "the options of 'tea' have no order"),
        ("talk: 1, agree: -1", "all questions of a trait need equally many"),
        ("", "names no question"),
    ],
)
def test_what_is_wrong_with_a_trait_is_said_with_its_line(keys: str, problem: str) -> None:
    with pytest.raises(DataError, match=problem) as error:
        parse_yaml(TRAITS.replace("KEYS", keys), file="mine.yaml")
    assert error.value.line is not None
    assert error.value.line >= 8, "where the traits stand"
