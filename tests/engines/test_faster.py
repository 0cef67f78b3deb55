"""What makes trees faster changes no answer: workers side by side, a last layer that computes only what is asked."""

import pytest

torch = pytest.importorskip("torch")

from pluralign.engines import plain, prefix  # noqa: E402
from pluralign.engines.faster import Products, only_asked  # noqa: E402
from tests.engines import tiny_models  # noqa: E402

STEM = tuple(range(5, 25))
QUESTIONS: list[prefix.Question] = [((at % 3, *STEM, *range(30, 40 + at)), [1, 2, 3]) for at in range(12)]


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
@pytest.mark.parametrize("run", [3, None])
def test_workers_side_by_side_give_what_one_gives(kind: str, run: int | None) -> None:
    model = tiny_models.model(kind)
    threads = torch.get_num_threads()
    with torch.inference_mode():
        truth = torch.tensor(plain.next_logprobs(model, QUESTIONS, batch=1))
    for workers in (1, 3):
        found = torch.tensor(prefix.next_logprobs(model, QUESTIONS, block=16, run=run, workers=workers))
        assert torch.allclose(found, truth, atol=1e-5)
    assert len(prefix.divided([tokens for tokens, _ in QUESTIONS], 3, 16)) == 3, "three had work to do"
    assert torch.get_num_threads() == threads


def test_an_error_of_a_worker_goes_through_and_leaves_the_threads_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    own = torch.set_num_threads

    def tell(count: int) -> None:
        told.append(count)
        own(count)

    monkeypatch.setattr(torch, "set_num_threads", tell)
    with pytest.raises(IndexError):
        prefix.next_logprobs(
            tiny_models.model("llama"), [(tokens, [10**9]) for tokens, _ in QUESTIONS], block=16, run=3, workers=3
        )
    assert told[-1] == torch.get_num_threads()
    assert len(told) == 4


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
