"""Training scores options exactly as polls do, and a question shared by its collectives gives the same gradients."""

from typing import Any

import pytest

pytest.importorskip("peft")

import torch

from pluralign.core.chat import Message
from pluralign.core.errors import ModelError
from pluralign.engines.base import ScoreRequest
from pluralign.engines.local import LocalEngine
from pluralign.prompts.options import Labels, orders
from pluralign.prompts.strategies import STRATEGIES
from pluralign.surveys import load
from pluralign.train.identity import teach_tokens
from pluralign.train.kept_stems import KeptStems
from pluralign.train.option_tree import lay_out, option_probabilities
from pluralign.voices.library import Library
from pluralign.voices.voice import Voice
from pluralign.voices.way import Way
from tests.engines import tiny_models

SURVEY = load("world-mini")
PEOPLES = SURVEY.collectives[:4]
# Options of one token, of two ("10" is "1" and "0"), and without an order.
QUESTIONS = [SURVEY.question(one) for one in ("family-matters", "life-satisfaction", "aim-first")]


@pytest.fixture(params=["tied", "untied"])
def taught(request: pytest.FixtureRequest) -> tuple[Any, Any, Any]:
    """A tiny model with identity tokens, its renderer, and a way of asking by them."""
    model = tiny_models.model("llama", tie_word_embeddings=request.param == "tied", max_position_embeddings=4096)
    engine = tiny_models.engine(model)
    found = teach_tokens(model, engine.renderer, PEOPLES, seed=0)
    with torch.no_grad():
        assert found.overlay.rows is not None
        found.overlay.rows.add_(torch.randn(found.overlay.rows.shape, generator=torch.Generator().manual_seed(5)))
    way = Way("x", "x", "x", STRATEGIES["plain"], groups=found.groups)
    return model, found, way


def asked(way: Way, at: int, order: int = 0) -> list[ScoreRequest]:
    question = QUESTIONS[at]
    return [
        Voice(way, people, Library(SURVEY)).ask(question, orders(question, 2)[order], Labels.NUMBER)
        for people in (*PEOPLES, None)
    ]


@pytest.mark.parametrize("at", range(len(QUESTIONS)))
def test_options_have_the_probabilities_that_a_poll_finds(taught: Any, at: int) -> None:
    model, found, way = taught
    requests = asked(way, at)
    engine = LocalEngine(model, found.renderer, name="tiny", digest="0")
    wanted = [torch.tensor(scores.logprobs).exp() for scores in engine.score(requests)]
    laid = lay_out(found.renderer, requests)
    # The very tokens that the poll reads, from end to end.
    assert [part.stem for part in laid.parts] == [part.stem for part in found.renderer.render(requests)]
    for mine, theirs in zip(option_probabilities(model, laid), wanted, strict=True):
        assert torch.allclose(mine.double(), theirs.double(), atol=1e-6)
        assert float(mine.detach().sum()) <= 1 + 1e-6


def test_one_pass_has_the_gradients_of_separate_passes(taught: Any) -> None:
    model, found, way = taught
    rows = found.overlay.rows
    weight = model.model.layers[0].self_attn.q_proj.weight
    requests = asked(way, 1)

    def gradients(passes: list[list[ScoreRequest]]) -> list[torch.Tensor]:
        rows.grad = weight.grad = None
        for one_pass in passes:
            for options in option_probabilities(model, lay_out(found.renderer, one_pass)):
                (torch.log(options) * torch.linspace(1, 2, len(options))).sum().backward(retain_graph=True)  # type: ignore[no-untyped-call]
        return [rows.grad.clone(), weight.grad.clone()]

    for shared, apart in zip(gradients([requests]), gradients([[one] for one in requests]), strict=True):
        assert float(shared.abs().max()) > 1e-3, "a gradient of nothing would prove nothing"
        assert torch.allclose(shared, apart, rtol=1e-4, atol=1e-5 * float(apart.abs().max()))


@pytest.mark.parametrize("frozen", [1, 2, 3])
def test_work_of_frozen_layers_may_be_kept(taught: Any, frozen: int) -> None:
    model, found, way = taught
    rows = found.overlay.rows
    upper = [one for layer in model.model.layers[frozen:] for one in layer.parameters()]
    kept = KeptStems(model, frozen)
    for _ in range(2):  # the first time stems are computed, the second time they are there
        for at in range(len(QUESTIONS)):
            laid = lay_out(found.renderer, asked(way, at))
            sides = []
            for how in (None, kept):
                for one in (rows, *upper):
                    one.grad = None
                options = torch.stack(option_probabilities(model, laid, how))
                (torch.log(options) * torch.linspace(1, 2, options.shape[1])).sum().backward()  # type: ignore[no-untyped-call]
                sides.append([options.detach(), *(one.grad.clone() for one in (rows, *upper))])
            for plain, other in zip(*sides, strict=True):
                assert torch.allclose(plain, other, rtol=1e-4, atol=1e-5 * max(1.0, float(plain.abs().max())))
    assert len(model.model.layers) == 3, "the model is whole again"


def test_kept_stems_stay_within_their_memory(taught: Any) -> None:
    model, found, way = taught
    kept = KeptStems(model, 2, most_bytes=1)
    wanted = [option_probabilities(model, lay_out(found.renderer, asked(way, at)))[0] for at in (0, 1, 0)]
    for at, plain in zip((0, 1, 0), wanted, strict=True):
        [other, *_] = option_probabilities(model, lay_out(found.renderer, asked(way, at)), kept)
        assert torch.allclose(plain, other, atol=1e-6)
    assert len(kept._kept) == 1


def test_collectives_hang_on_one_question(taught: Any) -> None:
    _, found, way = taught
    laid = lay_out(found.renderer, asked(way, 0))
    stem = len(laid.parts[0].stem) - 1
    assert laid.tokens < stem + 4 * len(laid.parts), "a few tokens for each, and the question once"
    assert laid.apart > 4 * laid.tokens / 2


def test_a_prompt_that_the_model_cannot_read_is_refused() -> None:
    engine = tiny_models.engine(tiny_models.model("llama", max_position_embeddings=16))
    long = ScoreRequest((Message("user", "family " * 30),), (("1",), ("2",)))
    with pytest.raises(ModelError, match="longer than the 16"):
        option_probabilities(engine.model, lay_out(engine.renderer, [long]))
