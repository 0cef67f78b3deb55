"""Short runs of a tree look at their own paths and at nothing else, and attention elsewhere stays as it was."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from pluralign.engines import trie  # noqa: E402
from pluralign.engines.tree_attention import runs, tree_attention  # noqa: E402
from tests.engines import tiny_models  # noqa: E402
from tests.engines.test_trie import SEQUENCES  # noqa: E402

MODEL = SimpleNamespace(dtype=torch.float32, device=torch.device("cpu"))


@given(SEQUENCES, st.integers(1, 9), st.integers(1, 4))
def test_every_token_of_a_run_sees_its_own_prefix(sequences: list[tuple[int, ...]], size: int, length: int) -> None:
    tree = trie.build(sequences)
    cache: list[int] = []
    read: dict[int, tuple[int, ...]] = {}
    for start, stop in trie.cuts(tree, size):
        kept = [*cache, *range(start, stop)]
        found = runs(tree, start, stop, length=length, model=MODEL)
        assert found.columns.shape == (-(-(stop - start) // length), found.mask.shape[-1])
        for at, node in enumerate(range(start, stop)):
            run, row = divmod(at, length)
            seen = found.mask[run, 0, row] == 0
            visible = [kept[int(column)] for column in found.columns[run][seen]]
            read[node] = tuple(tree.tokens[visible].tolist())
        if stop < len(tree.tokens):
            cache = [kept[at] for at in trie.step(tree, start, stop)]
    assert [read[node] for node in tree.last] == sequences


def test_a_pass_without_a_tree_is_the_models_own_while_another_thread_follows_one() -> None:
    model = tiny_models.model("llama")
    before = model.config._attn_implementation
    tokens = torch.tensor([[5, 6, 7, 8], [1, 1, 9, 4]])
    mask = torch.tensor([[1, 1, 1, 1], [0, 0, 1, 1]])
    with torch.inference_mode():
        plain = model(input_ids=tokens, attention_mask=mask).logits
        with tree_attention(model):
            within = model(input_ids=tokens, attention_mask=mask).logits
    assert torch.equal(plain, within)
    assert model.config._attn_implementation == before
