"""Orders, labels, and what counts as an answer."""

import math
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluralign.core.errors import UsageError
from pluralign.core.question import Option, Question, Scale
from pluralign.prompts.options import Labels, balanced, layouts, orders, show


def question(count: int, scale: Scale = Scale.NOMINAL, first: int = 1) -> Question:
    options = tuple(Option(id=first + at, text=f"answer {chr(97 + at)}") for at in range(count))
    return Question(id="Q", text="Which?", options=options, scale=scale)


def numeric(first: int, last: int) -> Question:
    options = tuple(Option(id=code, text=str(code)) for code in range(first, last + 1))
    return Question(id="Q", text="How much?", options=options, scale=Scale.INTERVAL)


def test_labels_belong_to_places_and_wordings_to_options() -> None:
    shown = show(question(3), order=(2, 0, 1))
    assert shown.listing == "\n1. answer c\n2. answer a\n3. answer b"
    # option a stands second, so "2" is the answer that means it
    assert shown.forms == (("2", " 2"), ("3", " 3"), ("1", " 1"))
    assert shown.labels == ("2. answer a", "3. answer b", "1. answer c")


def test_codes_that_start_at_zero_keep_their_zero() -> None:
    shown = show(question(3, first=0), order=(2, 1, 0))
    assert shown.listing == "\n0. answer c\n1. answer b\n2. answer a"
    assert shown.forms[0][0] == "2"


def test_numbers_of_a_numeric_scale_are_their_own_wording_in_every_order() -> None:
    shown = show(numeric(0, 10), order=tuple(range(10, -1, -1)))
    assert shown.listing == " 10 9 8 7 6 5 4 3 2 1 0"
    assert [forms[0] for forms in shown.forms] == [str(code) for code in range(11)]


def test_letters_and_bare_wordings() -> None:
    assert show(question(2), labels=Labels.LETTER).listing == "\nA. answer a\nB. answer b"
    assert show(numeric(1, 3), labels=Labels.LETTER).listing == "\nA. 1\nB. 2\nC. 3"
    bare = show(question(2), order=(1, 0), labels=Labels.NONE)
    assert bare.listing == "\n- answer b\n- answer a"
    assert bare.forms == (("answer a", " answer a"), ("answer b", " answer b"))


def test_letters_end_at_twenty_six() -> None:
    with pytest.raises(UsageError, match="letters reach only to 26"):
        show(question(27), labels=Labels.LETTER)


@pytest.mark.parametrize("order", [(0, 1), (0, 1, 1), (0, 1, 3)])
def test_what_is_no_order_is_refused(order: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="no order of the 3 options"):
        show(question(3), order=order)


def test_one_order_is_the_surveys_own_and_two_add_its_reverse() -> None:
    assert orders(question(4), 1) == ((0, 1, 2, 3),)
    assert orders(question(4), 2) == ((0, 1, 2, 3), (3, 2, 1, 0))


def test_all_orders_of_a_small_nominal_scale_and_two_of_an_ordered_one() -> None:
    assert len(orders(question(3), "all")) == 6
    assert len(orders(question(4), "all")) == 24
    assert orders(question(4, Scale.ORDINAL), "all") == ((0, 1, 2, 3), (3, 2, 1, 0))
    assert orders(numeric(1, 10), 4) == (tuple(range(10)), tuple(range(9, -1, -1)))


def test_all_orders_of_a_large_nominal_scale_put_every_option_in_every_place_equally_often() -> None:
    chosen = orders(question(7), "all")
    assert len(chosen) == 14
    assert set(Counter((place, option) for order in chosen for place, option in enumerate(order)).values()) == {2}


@given(st.integers(2, 9), st.integers(1, 12), st.integers(0, 5))
def test_orders_are_distinct_begin_with_the_surveys_own_and_are_as_many_as_asked_for(
    size: int, count: int, seed: int
) -> None:
    chosen = orders(question(size), count, seed)
    assert chosen[0] == tuple(range(size))
    assert len(chosen) == len(set(chosen)) == min(count, math.factorial(size))
    assert all(sorted(order) == list(range(size)) for order in chosen)
    assert chosen == orders(question(size), count, seed)


def spread(chosen: tuple[tuple[int, ...], ...]) -> int:
    """By how much the numbers of times that options stand in places differ."""
    size = len(chosen[0])
    times = Counter((place, option) for order in chosen for place, option in enumerate(order))
    found = [times[place, option] for place in range(size) for option in range(size)]
    return max(found) - min(found)


@given(st.integers(2, 9), st.integers(1, 40), st.integers(0, 5))
def test_every_option_stands_in_every_place_equally_often_as_far_as_the_number_of_orders_allows(
    size: int, count: int, seed: int
) -> None:
    chosen = balanced(size, min(count, math.factorial(size)), seed)
    assert len(set(chosen)) == len(chosen)
    assert spread(chosen) == (len(chosen) % size > 0)


@pytest.mark.parametrize("size", range(2, 10))
def test_williams_squares_also_balance_what_stands_before_what(size: int) -> None:
    chosen = balanced(size, size if size % 2 == 0 else 2 * size)
    follows = Counter(pair for order in chosen for pair in pairwise(order))
    assert len(follows) == size * (size - 1)
    assert len(set(follows.values())) == 1


@given(st.sampled_from([2, 4, 6, 8]), st.integers(1, 4))
def test_in_pairs_of_orders_of_an_even_list_every_option_stands_as_early_as_late(size: int, pairs: int) -> None:
    chosen = balanced(size, min(2 * pairs, size))
    assert chosen[1] == chosen[0][::-1]
    places = [[order.index(option) for order in chosen] for option in range(size)]
    assert {sum(of_one) / len(of_one) for of_one in places} == {(size - 1) / 2}


@given(st.integers(2, 9), st.integers(1, 4))
def test_labels_dealt_apart_stand_in_every_place_and_at_every_option_equally_often(size: int, squares: int) -> None:
    # an even size needs two squares for it
    count = size * squares * (1 if size % 2 else 2)
    if count > math.factorial(size):
        return
    chosen = layouts(question(size), count, permute_labels=True)
    assert chosen[0] == (tuple(range(size)), tuple(range(size)))
    assert spread(tuple(layout.marks for layout in chosen)) == 0
    at_options = tuple(tuple(layout.marks[layout.order.index(option)] for option in range(size)) for layout in chosen)
    assert spread(at_options) == 0


def test_labels_stay_with_their_places_unless_told_otherwise_and_on_numeric_scales() -> None:
    assert {layout.marks for layout in layouts(question(4), 4)} == {(0, 1, 2, 3)}
    assert {layout.marks for layout in layouts(numeric(1, 5), 2, permute_labels=True)} == {(0, 1, 2, 3, 4)}


def test_a_label_may_stand_in_another_place() -> None:
    shown = show(question(3), order=(2, 0, 1), marks=(1, 2, 0))
    assert shown.listing == "\n2. answer c\n3. answer a\n1. answer b"
    assert [forms[0] for forms in shown.forms] == ["3", "1", "2"]
    assert shown.labels == ("3. answer a", "1. answer b", "2. answer c")
    assert show(question(2), labels=Labels.LETTER, marks=(1, 0)).listing == "\nB. answer a\nA. answer b"
    with pytest.raises(UsageError, match="no order of the 3 labels"):
        show(question(3), marks=(0, 1, 1))


@given(st.permutations(range(5)))
def test_mapping_back_is_exact_whatever_the_order(order: list[int]) -> None:
    shown = show(question(5), order=tuple(order))
    for option, forms in enumerate(shown.forms):
        # the line that carries this label carries this option's wording
        line = next(line for line in shown.listing.splitlines() if line.startswith(f"{forms[0]}. "))
        assert line.endswith(f"answer {chr(97 + option)}")
