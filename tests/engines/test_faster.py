"""What makes trees faster changes no answer: a last layer that computes only what is asked, products by oneDNN."""

import pytest

torch = pytest.importorskip("torch")

from pluralign.engines.faster import Products, only_asked  # noqa: E402
from tests.engines import tiny_models  # noqa: E402


def test_behind_the_last_attention_only_what_is_asked_is_computed() -> None:
    model = tiny_models.model("llama")
    rows: list[int] = []
    last = model.get_decoder().layers[-1]
    handle = last.mlp.act_fn.register_forward_pre_hook(lambda _, given: rows.append(given[0].shape[1]))
    tokens = torch.tensor([[5, 6, 7, 8, 9]])
    with torch.inference_mode():
        whole = model(input_ids=tokens).logits
        with only_asked(model) as asked:
            with asked(torch.tensor([1, 4])):
                some = model(input_ids=tokens, logits_to_keep=torch.tensor([1, 4])).logits
            again = model(input_ids=tokens).logits
    handle.remove()
    assert rows == [5, 2, 5]
    assert torch.allclose(some, whole[:, [1, 4]], atol=1e-6)
    assert torch.equal(again, whole), "outside the context all is as it was"


def test_products_are_the_same_and_leave_gradients_and_small_ones_alone() -> None:
    values, weight, bias = torch.randn(1, 64, 24), torch.randn(16, 24), torch.randn(16)
    expected = torch.nn.functional.linear(values, weight, bias)
    with torch.inference_mode(), Products():
        assert torch.allclose(torch.nn.functional.linear(values, weight, bias), expected, atol=1e-5)
        assert torch.allclose(torch.nn.functional.linear(values, weight), expected - bias, atol=1e-5)
        assert torch.equal(
            torch.nn.functional.linear(values[:, :1], weight), torch.nn.functional.linear(values[:, :1], weight, None)
        )
        half = torch.nn.functional.linear(values.bfloat16(), weight.bfloat16())
    assert half.dtype == torch.bfloat16
