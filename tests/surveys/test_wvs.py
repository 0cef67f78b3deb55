"""The WVS files of CultureSPA: goldens of the released data, and errors on files that are not like them."""

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pluralign.core.errors import DataError, UnknownNameError
from pluralign.core.question import Scale
from pluralign.core.survey import Survey
from pluralign.surveys import load, wvs

# First 16 hex digits of the SHA-256 of lines "<id>=<code of the most frequent option>", recomputed from the release.
MODES = {
    "USA": "2d578692ebd775bd",
    "CAN": "c66a902b0b86eb1f",
    "BOL": "7c57d8324a388173",
    "BRA": "7f97864a5db66c28",
    "GBR": "1c989a3878f6b59d",
    "NLD": "f6f6cf7ae22ae2b6",
    "DEU": "0e4fc60d711791b6",
    "UKR": "5b7b9c9431fa3002",
    "CHN": "dcd7340425e363d3",
    "RUS": "8d0799abd0b8cf7e",
    "IND": "9f75db49ce0ee9cb",
    "THA": "b47f304448f61702",
    "KEN": "674497496d75f792",
    "NGA": "a150693d1d98fd59",
    "ETH": "9ed6b261930b5d46",
    "ZWE": "704464da73efd34c",
    "AUS": "abd247a56855b9e9",
    "NZL": "a559f2bc10631571",
}
# Questions with a reference, where not all 259 have one.
USABLE = {"USA": 257, "BOL": 258, "GBR": 246, "DEU": 258, "CHN": 222, "RUS": 258, "THA": 258, "AUS": 257, "NZL": 257}
# Equal shares: (country, question) -> (code the file lists first, the other one).
TIES = {
    ("BOL", "Q50"): (8, 7),
    ("BOL", "Q163"): (5, 1),
    ("BRA", "Q231"): (3, 4),
    ("KEN", "Q89"): (1, 2),
    ("NLD", "Q110"): (3, 5),
    ("NLD", "Q163"): (8, 7),
    ("NZL", "Q35"): (5, 4),
    ("NZL", "Q193"): (10, 1),
}


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    return shared_data / "wvs7"


@pytest.fixture(scope="module")
def survey(folder: Path) -> Survey:
    return load(f"wvs7:{folder}")


def test_291_questions_stand_in_the_file_and_259_are_used(survey: Survey, folder: Path) -> None:
    texts = wvs.ranking_texts(folder)
    assert len(texts) == len(set(texts.values())) == 291
    assert len(survey.questions) == 259
    assert len(texts.keys() & wvs.EXCLUDED) == len(wvs.EXCLUDED) == 32
    assert [question.id for question in survey.questions] == [key for key in texts if key not in wvs.EXCLUDED]
    assert 18 * len(survey.questions) == 4662


def test_option_counts_codes_and_scales(survey: Survey) -> None:
    assert Counter(len(question.options) for question in survey.questions) == {
        2: 35, 3: 43, 4: 106, 5: 22, 7: 1, 8: 1, 10: 42, 11: 9,
    }  # fmt: skip
    zero_based = {question.id for question in survey.questions if question.options[0].id == 0}
    assert zero_based == wvs.ZERO_BASED
    assert len(zero_based) == 30
    for question in survey.questions:
        assert [option.id - question.options[0].id for option in question.options] == list(range(len(question.options)))
    scales = Counter(question.scale for question in survey.questions)
    # 51 = 42 scales of ten numbers and 9 of eleven; 20 = the ids of NOMINAL, one by one.
    assert scales == {Scale.INTERVAL: 51, Scale.NOMINAL: 20, Scale.ORDINAL: 188}
    assert all(question.is_numeric is (question.scale is Scale.INTERVAL) for question in survey.questions)


def test_thirteen_topics(survey: Survey) -> None:
    assert survey.topics == wvs.TOPICS
    counts = Counter(question.topic for question in survey.questions)
    assert [counts[topic] for topic in wvs.TOPICS] == [45, 11, 49, 6, 9, 10, 21, 6, 6, 12, 23, 36, 25]
    assert survey.question("Q234A").topic == "Political Interest & Political Participation"


def test_eighteen_countries_in_the_published_order(survey: Survey) -> None:
    assert [collective.id for collective in survey.collectives] == list(MODES)
    assert survey.collective("india").adjective == "Indian"
    assert survey.collective("NZL").adjective == "New Zealand"
    with_an = {collective.id for collective in survey.collectives if " with an " in collective.member}
    assert with_an == {"USA", "IND", "ETH", "AUS"}
    assert Counter(collective.region for collective in survey.collectives) == {
        "America": 4, "Europe": 4, "Asia": 4, "Africa": 4, "Oceania": 2,
    }  # fmt: skip


def test_4602_cells_have_a_reference(survey: Survey) -> None:
    usable = {code: len(survey.references[code]) for code in MODES}
    assert usable == {code: USABLE.get(code, 259) for code in MODES}
    assert sum(usable.values()) == 4602
    assert survey.reference("GBR", "Q119") is None


def test_most_frequent_answers_match_the_checksums(survey: Survey) -> None:
    for code, expected in MODES.items():
        lines = [
            f"{question.id}={question.options[reference.mode].id}"
            for question in survey.questions
            if (reference := survey.reference(code, question.id)) is not None
        ]
        assert hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] == expected, code


def test_ties_keep_the_order_of_the_file(survey: Survey) -> None:
    found = {}
    for code, answers in survey.references.items():
        for question_id, reference in answers.items():
            if len(reference.modes) > 1:
                options = survey.question(question_id).options
                others = [options[at].id for at in reference.modes if at != reference.mode]
                found[code, question_id] = (options[reference.mode].id, *others)
    assert found == TIES


def test_n_and_missing_mass_are_whole_people(survey: Survey) -> None:
    reference = survey.reference("USA", "Q1")
    assert reference is not None
    # 2316 + 221 + 48 + 8 of 2596 respondents; 3 gave no answer.
    assert reference.n == 2593
    assert reference.probabilities == pytest.approx((2316 / 2593, 221 / 2593, 48 / 2593, 8 / 2593), abs=1e-15)
    assert reference.refused == pytest.approx(3 / 2596, abs=1e-12)
    for code, answers in survey.references.items():
        for distribution in answers.values():
            assert distribution.n is not None
            assert distribution.n / (1 - distribution.refused) == pytest.approx(wvs.COUNTRIES[code].respondents)
    # The worst answered cell of the file.
    assert max(d.refused for d in survey.references["CHN"].values()) == pytest.approx(1 - 0.231, abs=5e-4)


def test_mexico_is_there_for_who_asks(folder: Path) -> None:
    everyone = load(f"wvs7-all:{folder}")
    assert len(everyone.collectives) == 19
    only = wvs.load_wvs(folder, only=["MEX"])
    assert only.collective("Mexico").id == "MEX"
    assert len(only.references["MEX"]) == 259
    tie = only.reference("MEX", "Q204")
    assert tie is not None
    assert len(tie.modes) == 2


def test_unknown_country(folder: Path) -> None:
    with pytest.raises(UnknownNameError, match="'MEX'"):
        wvs.load_wvs(folder, only=["MXE"])


QUESTIONS: list[dict[str, Any]] = [
    {"Q_id": "Q1", "question": "How much?", "option_lst": ["Much", "Little"]},
    {"Q_id": "Q260", "question": "Who are you?", "option_lst": []},
]


def write(folder: Path, questions: object, shares: object) -> Path:
    (folder / wvs.QUESTIONS_FILE).write_text(json.dumps(questions))
    (folder / wvs.PROPORTIONS_FILE).write_text(json.dumps(shares))
    return folder


def test_shares_that_are_not_whole_people_leave_n_unknown(tmp_path: Path) -> None:
    write(tmp_path, QUESTIONS, {"USA": {"Q1": {"2": 0.6, "1": 0.3}}})
    reference = wvs.load_wvs(tmp_path, only=["USA"]).reference("USA", "Q1")
    assert reference is not None
    assert reference.n is None
    assert reference.probabilities == pytest.approx((1 / 3, 2 / 3))
    assert reference.refused == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("questions", "shares", "message"),
    [
        ({}, {}, r"wvs_questions\.json: expected a list of questions"),
        ([], {}, r"expected a list of questions"),
        ([3], {}, r"\[0\]: expected an object"),
        ([{"Q_id": "Q1", "question": "?"}], {}, r"\[0\]\.option_lst: the key is missing"),
        ([{"Q_id": 1, "question": "?", "option_lst": []}], {}, r"\[0\]\.Q_id: expected a text"),
        ([{"Q_id": "Q1", "question": "?", "option_lst": [1]}], {}, r"every option must be text"),
        ([{"Q_id": "Q1", "question": "?", "option_lst": ["One"]}], {}, r"Q1: .*needs at least two"),
        ([QUESTIONS[0], QUESTIONS[0]], {}, r"'Q1' is used twice"),
        ([QUESTIONS[1]], {}, r"no question is left"),
        (QUESTIONS, [], r"proportions_group_by_country\.json: expected an object of countries"),
        (QUESTIONS, {}, r"USA: the country is missing"),
        (QUESTIONS, {"USA": 1}, r"USA: expected an object of questions"),
        (QUESTIONS, {"USA": {}}, r"USA\.Q1: the question is missing"),
        (QUESTIONS, {"USA": {"Q1": [1]}}, r"USA\.Q1: expected an object of shares"),
        (QUESTIONS, {"USA": {"Q1": {"3": 1.0}}}, r"'3' is no option of this question \(1 to 2\)"),
        (QUESTIONS, {"USA": {"Q1": {"-1": 1.0}}}, r"'-1' is no option"),
        (QUESTIONS, {"USA": {"Q1": {"1": "half"}}}, r"a share must be a number from 0 to 1, got 'half'"),
        (QUESTIONS, {"USA": {"Q1": {"1": 0.8, "2": 0.8}}}, r"the shares sum to 1\.6"),
        (QUESTIONS, {"USA": {"Q1": {"1": 0.0}}}, r"the shares sum to 0"),
    ],
)
def test_malformed_files_are_named(tmp_path: Path, questions: object, shares: object, message: str) -> None:
    write(tmp_path, questions, shares)
    with pytest.raises(DataError, match=message):
        wvs.load_wvs(tmp_path, only=["USA"])


def test_files_that_are_not_there_or_not_json(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"wvs_questions\.json: there is no such file"):
        load(f"wvs7:{tmp_path}")
    (tmp_path / wvs.QUESTIONS_FILE).write_text("[\n{]")
    with pytest.raises(DataError, match=r"wvs_questions\.json:2: not valid JSON"):
        load(f"wvs7:{tmp_path}")
    (tmp_path / wvs.QUESTIONS_FILE).write_text("")
    with pytest.raises(DataError, match="the file is empty"):
        load(f"wvs7:{tmp_path}")
    (tmp_path / wvs.QUESTIONS_FILE).write_text('[{"Q_id": "Q1", "Q_id": "Q2"}]')
    with pytest.raises(DataError, match="Q_id: the key is used twice"):
        load(f"wvs7:{tmp_path}")
    (tmp_path / wvs.QUESTIONS_FILE).write_bytes(b'\n"\xe9"')
    with pytest.raises(DataError, match=r":2: byte 0xe9 is not UTF-8"):
        load(f"wvs7:{tmp_path}")
    with pytest.raises(DataError, match=r"there is no such file"):
        load(f"wvs7:{tmp_path / 'nowhere'}")
