"""Place and label effects of known size are found, apart where the design lets them be told apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluralign.core.question import Option, Question, Scale
from pluralign.metrics.distances import Array
from pluralign.metrics.order_bias import design, effects
from pluralign.prompts.options import balanced, layouts


def question(size: int) -> Question:
    options = tuple(Option(id=at + 1, text=f"answer {at}") for at in range(size))
    return Question(id="Q", text="Which?", options=options, scale=Scale.NOMINAL)


def centred(draw: np.random.Generator, size: int) -> Array:
    values = draw.normal(0, 0.02, size)
    return np.asarray(values - values.mean())


@given(st.integers(2, 7), st.integers(0, 50), st.booleans())
def test_what_places_and_labels_add_is_found_exactly(size: int, seed: int, apart: bool) -> None:
    """shares = the option's own + what the place adds + what the label adds, over two whole squares."""
    draw = np.random.default_rng(seed)
    chosen = layouts(question(size), 2 * size if size > 2 else 2, permute_labels=apart)
    own, of_place, of_label = draw.dirichlet(np.ones(size)), centred(draw, size), centred(draw, size)
    shares = np.zeros((1, len(chosen), size))
    for row, layout in enumerate(chosen):
        for place, option in enumerate(layout.order):
            shares[0, row, option] = own[option] + of_place[place] + of_label[layout.marks[place]]
    plan = design([one.order for one in chosen], [one.marks for one in chosen])
    assert plan is not None
    found = effects(plan, shares)
    if apart and size > 2:
        assert found.labels is not None
        assert found.places[0] == pytest.approx(of_place, abs=1e-12)
        assert found.labels[0] == pytest.approx(of_label, abs=1e-12)
    elif not apart:
        assert found.labels is None
        assert found.places[0] == pytest.approx(of_place + of_label, abs=1e-12)


@given(st.integers(3, 7), st.floats(0, 1), st.integers(0, 20))
def test_a_voice_that_gives_so_much_to_the_first_place(size: int, bias: float, seed: int) -> None:
    """(1 - b) q + b for the first place: b (1 - 1/K) more than its due, and b / K less in every other place."""
    own = np.random.default_rng(seed).dirichlet(np.ones(size))
    orders = balanced(size, size)
    shares = np.stack([(1 - bias) * own + bias * (np.arange(size) == order[0]) for order in orders])[None]
    plan = design(orders)
    assert plan is not None
    assert effects(plan, shares).places[0] == pytest.approx([bias * ((at == 0) - 1 / size) for at in range(size)])


def test_two_orders_tell_a_place_from_its_mirror_image_only() -> None:
    plan = design([(0, 1, 2), (2, 1, 0)])
    assert plan is not None
    # the option in the first place gets 0.1 more than in the last: half of it is laid to each
    found = effects(plan, np.array([[[0.5, 0.3, 0.2], [0.4, 0.3, 0.3]]]))
    assert found.places[0] == pytest.approx([0.05, 0, -0.05])


def test_one_order_tells_nothing() -> None:
    assert design([(0, 1, 2)]) is None


@given(st.integers(2, 6), st.integers(1, 9))
def test_a_cell_has_the_same_effects_whatever_stands_beside_it(size: int, cells: int) -> None:
    chosen = layouts(question(size), 2 * size if size > 2 else 2, permute_labels=True)
    plan = design([one.order for one in chosen], [one.marks for one in chosen])
    assert plan is not None
    shares = np.random.default_rng(size).dirichlet(np.ones(size), size=(cells, len(chosen)))
    together = effects(plan, shares)
    for at in range(cells):
        alone = effects(plan, shares[at : at + 1])
        assert alone.places[0].tolist() == together.places[at].tolist()
        if together.labels is not None and alone.labels is not None:
            assert alone.labels[0].tolist() == together.labels[at].tolist()
