"""Credit for options: hand-worked trees, and what must hold for any tree."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluralign.engines.options import credited, form_logprobs, inner_paths


def test_a_shorter_option_loses_what_the_longer_one_gets() -> None:
    # "1" has 0.5; after it "0" has 0.4: "10" has 0.2, which leaves 0.3 for "1". "2" has 0.1.
    forms: list[list[tuple[int, ...]]] = [[(1,)], [(1, 0)], [(2,)]]
    edges = {(1,): math.log(0.5), (1, 0): math.log(0.4), (2,): math.log(0.1)}
    plain = form_logprobs(forms, edges)
    assert [math.exp(values[0]) for values in plain] == pytest.approx([0.5, 0.2, 0.1])
    assert [math.exp(value) for value in credited(forms, plain)] == pytest.approx([0.3, 0.2, 0.1])


def test_only_the_nearest_longer_form_is_taken_away() -> None:
    # 0.8 > 0.5 > 0.1 along one path: 0.3, then 0.5 - 0.1 = 0.4, then 0.1.
    forms: list[list[tuple[int, ...]]] = [[(1,)], [(1, 2)], [(1, 2, 3)]]
    found = credited(forms, [[math.log(0.8)], [math.log(0.5)], [math.log(0.1)]])
    assert [math.exp(value) for value in found] == pytest.approx([0.3, 0.4, 0.1])


def test_forms_of_one_option_add_up_without_being_counted_twice() -> None:
    # "Very" 0.4 contains "Very much" 0.3: together 0.4. The second option's "Yes" is listed twice.
    forms: list[list[tuple[int, ...]]] = [[(1,), (1, 2)], [(3,), (3,)]]
    found = credited(forms, [[math.log(0.4), math.log(0.3)], [math.log(0.2), math.log(0.2)]])
    assert [math.exp(value) for value in found] == pytest.approx([0.4, 0.2])


def test_what_is_too_small_for_a_number_stays_a_logarithm() -> None:
    assert credited([[(1,)], [(2,), (3,)]], [[-800.0], [-900.0, -900.0]]) == pytest.approx(
        (-800.0, -900.0 + math.log(2))
    )


def test_a_shorter_option_whose_all_is_the_longer_one_has_nothing() -> None:
    assert credited([[(1,)], [(1, 2)]], [[-0.5], [-0.5]]) == (-math.inf, -0.5)


def test_the_model_is_asked_at_every_inner_node_once() -> None:
    assert inner_paths([[(1,), (1, 2, 3)], [(1, 2)], [(4, 5)]]) == [(), (1,), (1, 2), (4,)]


@given(st.dictionaries(st.lists(st.integers(0, 2), min_size=1, max_size=3).map(tuple), st.integers(0, 3), min_size=1))
def test_events_are_disjoint_for_any_tree(owners: dict[tuple[int, ...], int]) -> None:
    """With next tokens uniform over three, a node at depth d has 3**-d; the credits are those of the leaves below."""
    options = sorted(set(owners.values()))
    forms = [[tokens for tokens, owner in owners.items() if owner == option] for option in options]
    plain = [[-len(tokens) * math.log(3) for tokens in of_option] for of_option in forms]
    expected = [0.0] * len(options)
    for leaf in ((a, b, c) for a in range(3) for b in range(3) for c in range(3)):
        owned = [leaf[:end] for end in (3, 2, 1) if leaf[:end] in owners]
        if owned:
            expected[options.index(owners[owned[0]])] += 1 / 27
    assert [math.exp(value) for value in credited(forms, plain)] == pytest.approx(expected, abs=1e-12)
