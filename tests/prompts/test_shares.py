"""Stated distributions: what is one, and what is left alone."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluralign.core.question import Option, Question, Scale
from pluralign.prompts.answers import Kind
from pluralign.prompts.options import Labels, show
from pluralign.prompts.shares import read_shares


def question(*texts: str) -> Question:
    options = tuple(Option(id=at + 1, text=text) for at, text in enumerate(texts))
    return Question(id="Q", text="How much?", options=options, scale=Scale.ORDINAL)


THREE = question("Agree", "Neither", "Disagree")
TURNED = show(THREE, order=(2, 1, 0))
"""Disagree stands first, under "1"."""


@pytest.mark.parametrize(
    "text",
    [
        '{"1": 50, "2": 20, "3": 30}',
        '{"1": 0.5, "2": 0.2, "3": 0.3}',
        '{"1": "50%", "2": "20 %", "3": "30%"}',
        ' {"3": 30, "1": 50.0, "2": 20}\n',
        '```json\n{"1": 50, "2": 20, "3": 30}\n```',
        '```\n{"1": 50,\n "2": 20, "3": 30}```',
        '{"Disagree": 50, "neither": 20, "Agree.": 30}',
        '{"1. Disagree": 50, "2": 20, "3. Agree": 30}',
    ],
)
def test_a_statement_is_read_and_mapped_back(text: str) -> None:
    read = read_shares(text, THREE, TURNED)
    assert read.kind is Kind.ANSWER
    assert read.shares == pytest.approx((0.3, 0.2, 0.5))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "50, 20, 30",
        "50% would disagree.",
        '{"1": 50, "2": 20}',  # an option is missing
        '{"1": 50, "2": 20, "3": 30, "4": 0}',  # one too many
        '{"1": 50, "1": 20, "2": 0, "3": 30}',  # twice
        '{"1": 50, "Disagree": 20, "3": 30}',  # twice by another name
        '{"1": 50, "2": 20, "3": 20}',  # 90 in all
        '{"1": 0.6, "2": 0.3, "3": 0.2}',
        '{"1": 110, "2": -20, "3": 10}',
        '{"1": 50, "2": "20%", "3": 30}',  # two ways of writing
        '{"1": "50", "2": "20", "3": "30"}',
        '{"1": true, "2": 99, "3": 0}',
        '{"1": null, "2": 50, "3": 50}',
        '{"1": NaN, "2": 50, "3": 50}',
        '{"1": Infinity, "2": 50, "3": 50}',
        '{"1": 1e400, "2": 50, "3": 50}',
        '{"1": {"2": 50}, "3": 50}',
        "[50, 20, 30]",
        "100",
        'Sure! {"1": 50, "2": 20, "3": 30}',
        '{"1": 50, "2": 20, "3": 30} {"1": 50, "2": 20, "3": 30}',
        '{"1": 50, "2": 20, "3": 30',
        "[" * 100_000,
        '{"1": "50%", "2": "20%", "3": "0.3%"}',
    ],
)
def test_what_is_no_statement_is_unreadable_and_not_mended(text: str) -> None:
    assert read_shares(text, THREE, TURNED) == (Kind.UNREADABLE, None)


def test_one_that_declines_is_a_refusal() -> None:
    assert read_shares("I cannot estimate that.", THREE, TURNED).kind is Kind.REFUSED


def test_rounded_percentages_are_a_whole() -> None:
    read = read_shares('{"1": 33, "2": 33, "3": 33}', THREE, TURNED)
    assert read.shares == pytest.approx((1 / 3, 1 / 3, 1 / 3))


def test_a_label_that_is_another_options_wording_is_a_label() -> None:
    two = question("2", "1", "many")
    # on the page: 1. "2", 2. "1", 3. "many"
    assert read_shares('{"1": 70, "2": 20, "3": 10}', two, show(two)).shares == pytest.approx((0.7, 0.2, 0.1))


def test_options_without_labels_are_named_by_their_wordings() -> None:
    bare = show(THREE, order=(2, 1, 0), labels=Labels.NONE)
    assert bare.keys == ("Agree", "Neither", "Disagree")
    assert read_shares('{"Agree": 30, "Neither": 20, "Disagree": 50}', THREE, bare).shares == pytest.approx(
        (0.3, 0.2, 0.5)
    )


@given(st.permutations(range(3)), st.lists(st.integers(0, 100), min_size=3, max_size=3).filter(lambda one: sum(one)))
def test_what_is_written_is_read_back_whatever_the_order(order: list[int], counts: list[int]) -> None:
    shown = show(THREE, order=tuple(order))
    shares = [count / sum(counts) for count in counts]
    text = json.dumps(dict(zip(shown.keys, shares, strict=True)))
    assert read_shares(text, THREE, shown).shares == pytest.approx(shares)


@given(
    st.text() | st.recursive(st.none() | st.floats() | st.text(), lambda of: st.dictionaries(st.text(), of)).map(str)
)
def test_whatever_a_model_writes_is_read_as_something(text: str) -> None:
    read = read_shares(text, THREE, TURNED)
    assert (read.shares is not None) == (read.kind is Kind.ANSWER)
