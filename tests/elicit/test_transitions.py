"""Pairs and stories: all values hang together, both directions are asked, and a story tells of nobody."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluralign.core.value_card import ValueCard
from pluralign.elicit.transitions import FIXED_STORY, both_ways, pairs, read_story, story_request

CARDS = [
    ValueCard(id=str(n), title=title, policies=("Faces", "Hands")) for n, title in enumerate(["Waiting", "Asking"])
]
STORY = "I used to speak first in every meeting. Then one evening I saw a neighbour close her mouth and look away."


@given(st.integers(0, 40), st.integers(1, 5), st.integers(0, 9))
def test_every_value_can_be_reached_from_every_other_by_few_pairs(count: int, per_value: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(count, 8)).astype(np.float32)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    found = pairs(vectors, per_value)
    assert all(one < other for one, other in found)
    assert len(found) <= count * (per_value + 1)
    if count > 1:
        graph = nx.Graph(found)
        assert len(graph) == count
        assert nx.is_connected(graph)


def test_equal_values_hang_together_too() -> None:
    assert nx.is_connected(nx.Graph(pairs(np.ones((5, 1), dtype=np.float32), 1)))


def test_both_directions_in_every_context() -> None:
    found = both_ways([(0, 1), (1, 2)], ["early", "late"])
    assert len(found) == 8
    assert {(p.candidate, p.source, p.context) for p in found} == set(found)


def test_the_fixed_story_says_the_same_of_both_values() -> None:
    text = " ".join(FIXED_STORY)
    for name in ("source", "candidate"):
        assert text.count(f"%({name})s") == 1
        assert text.count(f"%({name}_policy)s") == 1
    assert "wise" not in text


def test_the_model_is_told_both_values_the_context_and_the_language() -> None:
    asked = story_request(CARDS[0], CARDS[1], "When time is short", "The lot", "Arabic").request.messages[0].content
    for part in ("Waiting", "Asking", "When time is short", "The lot", "Arabic", "possible to disagree"):
        assert part in asked


@pytest.mark.parametrize(
    ("reply", "is_read"),
    [
        (STORY, True),
        (f'"{STORY}"', True),
        ("Too short.", False),
        (STORY * 20, False),
        (f"- one\n- two\n{STORY}", False),
        (f"{STORY} Write to me: rosa@example.org", False),
    ],
)
def test_a_models_story_is_read_or_refused(reply: str, is_read: bool) -> None:
    assert (read_story(reply) is not None) == is_read
