"""The published filter rules, one by one, on questions made for them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluralign.curate.question_rules import (
    BARE_NUMBERS,
    DUPLICATE,
    MIXED_NUMBERS,
    Filtered,
    filter_questions,
    merged_id,
    tallies,
)


def one(question: str, *options: str, **others: Any) -> Filtered:
    (result,) = filter_questions([{"question": question, "option_lst": list(options), **others}])
    return result


def test_the_first_of_equal_questions_stays() -> None:
    records = [{"question": text, "option_lst": ["yes", "no"]} for text in ("Tea?", "tea?", "Tea?", "Bread?")]
    dropped = [result.dropped for result in filter_questions(records, known=["Bread?"])]
    assert dropped == [None, None, DUPLICATE, DUPLICATE]


@pytest.mark.parametrize("text", ["On a scale, how?", "How, WITH 1 being low?", "How (where 1 means never)?"])
def test_bare_numbers_stay_where_the_question_explains_them(text: str) -> None:
    assert one(text, "1", "2", "3").dropped is None


def test_bare_numbers_go_where_it_does_not() -> None:
    assert one("How much?", "1", "2", "3").dropped is BARE_NUMBERS


@pytest.mark.parametrize(
    ("numbered", "left"),
    [
        ("1. Very", "Very"),
        ("2 - Rather (a lot)", "Rather (a lot)"),
        ("3(Not)", "Not"),
        ("4 ( Never )", "Never "),
        ("10.", ""),
    ],
)
def test_numbers_and_separators_are_stripped(numbered: str, left: str) -> None:
    result = one("How?", numbered, "2. Other")
    assert result.change == "stripped"
    assert result.record["option_lst"] == [left, "Other"]


def test_named_ends_move_into_the_question() -> None:
    result = one("How free are you?", "1 - not at all", "2", "3", "4 - fully", Q_id="Q7")
    assert result.change == "moved"
    assert result.record["option_lst"] == ["1", "2", "3", "4"]
    assert result.record["question"].startswith("How free are you? (")
    assert "1 means 'not at all'" in result.record["question"]
    assert "4 means 'fully'" in result.record["question"]
    assert result.record["Q_id"] == "Q7"


@pytest.mark.parametrize(
    "options",
    [
        ("1 - low", "2", "3 - middle", "4", "5 - high"),  # a name in between
        ("1 - low", "2", "9 - Refused"),  # refusing is no end of a scale
        ("1 low", "2", "3 - high"),  # the first end has no separator
    ],
)
def test_other_mixtures_go(options: tuple[str, ...]) -> None:
    assert one("How?", *options).dropped is MIXED_NUMBERS


def test_plain_options_are_left_alone() -> None:
    result = one("How?", "Very", "2 times a week", "Never")
    assert (result.dropped, result.numbered, result.record["option_lst"][1]) == (None, False, "2 times a week")


def test_ids_of_topics_that_were_merged() -> None:
    assert merged_id({"Q_id": "Q879", "topic": 1}) == "Q1879"
    assert merged_id({"Q_id": "Q1879"}) == "Q1879"
    assert merged_id({"Q_id": "mine", "topic": 1}) == "mine"
    assert merged_id({}) == ""


TEXTS = st.sampled_from(["How?", "On a scale, how?", "Why?", "Who?"])
OPTIONS = st.lists(
    st.sampled_from(["1", "2", "10", "1. A", "2 - B", "3(C)", "5 - refuse", "D", "1-3: E"]), min_size=0, max_size=5
)
RECORDS = st.lists(st.fixed_dictionaries({"question": TEXTS, "option_lst": OPTIONS, "class": st.sampled_from("ab")}))


@given(RECORDS)
def test_every_question_is_accounted_for_and_filtering_again_changes_no_more_texts(
    records: list[dict[str, Any]],
) -> None:
    results = list(filter_questions(records))
    assert len(results) == len(records)
    kept = [result.record for result in results if result.dropped is None]
    assert sum(tally.left for tally in tallies(results)) == len(kept)
    assert len({record["question"] for record in kept}) == len(kept)
    assert all(
        record["class"] == before["class"]
        for record, before in zip((result.record for result in results), records, strict=True)
    )
