"""Replies, on a model whose next-token probabilities are known."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("torch")

import torch

from pluralign.core.chat import Message
from pluralign.core.errors import ModelError
from pluralign.engines.base import ChatRequest
from pluralign.engines.local import choose_method
from tests.engines import tiny_models

HELLO = ChatRequest((Message("user", "Agree?"),), max_tokens=8)


@pytest.fixture(scope="module")
def known() -> tuple[Any, torch.Tensor]:
    made, table = tiny_models.markov()
    return tiny_models.engine(made), table


def first_token(engine: Any) -> int:
    last: int = engine.renderer.tokens(engine.renderer.text(HELLO.messages))[-1]
    return last


def test_greedy_follows_the_likeliest_token(known: tuple[Any, torch.Tensor]) -> None:
    engine, table = known
    tokens = [first_token(engine)]
    while len(tokens) <= HELLO.max_tokens and tokens[-1] != 1:
        tokens.append(int(table[tokens[-1]].argmax()))
    expected = engine.renderer.tokenizer.decode(tokens[1:], skip_special_tokens=True)
    [reply] = engine.chat([HELLO])
    assert reply.text == expected
    assert reply.finish == ("stop" if tokens[-1] == 1 else "length")
    assert reply.prompt_tokens == len(engine.renderer.tokens(engine.renderer.text(HELLO.messages)))


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.5, 1.0), (1.0, 0.6)])
def test_draws_come_in_the_shares_they_should(
    known: tuple[Any, torch.Tensor], temperature: float, top_p: float
) -> None:
    engine, table = known
    shares = torch.softmax(table[first_token(engine)] / temperature, dim=-1)
    ranked, order = shares.sort(descending=True)
    kept = int((ranked.cumsum(-1) < top_p).sum()) + 1
    allowed = {int(token): float(ranked[at] / ranked[:kept].sum()) for at, token in enumerate(order[:kept])}
    draws = 400
    requests = [replace(HELLO, temperature=temperature, top_p=top_p, max_tokens=1, seed=seed) for seed in range(draws)]
    decode = engine.renderer.tokenizer.decode
    expected: Counter[str] = Counter()
    for token, share in allowed.items():
        expected[decode([token], skip_special_tokens=True)] += share  # type: ignore[assignment]
    seen = Counter(reply.text for reply in engine.chat(requests))
    assert set(seen) <= set(expected)
    for text, share in expected.most_common(5):
        # Five standard deviations of a share among so many draws.
        assert abs(seen[text] / draws - share) <= 5 * (share * (1 - share) / draws) ** 0.5 + 1e-9


def test_a_reply_stops_at_the_first_stop_string(known: tuple[Any, torch.Tensor]) -> None:
    engine, _ = known
    request = replace(HELLO, temperature=1.0, seed=5, max_tokens=20)
    [whole] = engine.chat([request])
    middle = whole.text[3:5]
    [cut] = engine.chat([replace(request, stop=(middle,))])
    assert cut.text == whole.text.split(middle, 1)[0]
    assert cut.finish == "stop"
    assert cut.completion_tokens < whole.completion_tokens


def test_a_conversation_that_leaves_no_room_is_refused(known: tuple[Any, torch.Tensor]) -> None:
    engine, _ = known
    with pytest.raises(ModelError, match="leaves no room for a reply: the model reads 512"):
        engine.chat([ChatRequest((Message("user", "agree " * 3000),))])


def test_a_reply_ends_with_the_context(known: tuple[Any, torch.Tensor]) -> None:
    engine, _ = known
    text = "a " * 120
    while len(engine.renderer.tokens(engine.renderer.text((Message("user", text),)))) < 500:
        text += "a "
    for seed in range(8):
        [reply] = engine.chat([ChatRequest((Message("user", text),), max_tokens=100, temperature=1.0, seed=seed)])
        assert reply.prompt_tokens + reply.completion_tokens <= 512


@pytest.mark.parametrize("kind", ["llama", "gemma2", "gpt2", "bloom"])
def test_half_precision_computes_prompts_as_full_precision_does(kind: str) -> None:
    made = tiny_models.model(kind)
    method = choose_method(made)
    assert method == {"bloom": "padded", "gemma2": "masked"}.get(kind, "tree")
    assert choose_method(made.to(torch.bfloat16)) == method
