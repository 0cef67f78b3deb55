"""Adapters come and go with requests: on one base, within one batch, without a trace."""

from pathlib import Path
from typing import Any

import pytest

from pluralign.core.chat import Message
from pluralign.core.errors import DataError, ModelError, UnknownNameError, UsageError
from pluralign.engines.base import ChatRequest, ScoreRequest

pytest.importorskip("torch")

import torch

from pluralign.core.adapter import MANIFEST_FILE, AdapterManifest, mixture_token
from tests.engines import tiny_models

pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:You are trying to modify a model with PEFT for a second time"),
]

TURNS = (Message("user", "How important is family in your life?"),)
OPTIONS = (("1", " 1"), ("2", " 2"), ("10",))
IDS = ("KEN", "USA")


def ask(adapter: Path | str = "", start: str = "") -> ScoreRequest:
    return ScoreRequest(TURNS, OPTIONS, reply_start=start, adapter=str(adapter))


@pytest.fixture(params=[True, False], ids=["tied", "untied"])
def base(request: pytest.FixtureRequest) -> Any:
    return tiny_models.model("llama", tie_word_embeddings=request.param)


@pytest.fixture
def two(base: Any, tmp_path: Path) -> tuple[Path, Path]:
    return (
        tiny_models.identity_adapter(tmp_path / "one", base, "0", IDS, seed=1),
        tiny_models.identity_adapter(tmp_path / "two", base, "0", IDS, seed=2),
    )


def test_requests_with_several_adapters_are_answered_as_if_alone(base: Any, two: tuple[Path, Path]) -> None:
    bare = tiny_models.engine(base, digest="0").score([ask()])
    engine = tiny_models.engine(base, digest="0")
    requests = [
        ask(),
        ask(two[0]),
        ask(two[1]),
        ask(two[0], "<|collective:ken|>"),
        ask(two[1], "<|collective:ken|>"),
        ask(two[0], "<|collective:usa|>"),
        ask(two[0], "<|collective|>"),
    ]
    together = engine.score(requests)
    alone = [engine.score([request])[0] for request in requests]
    assert together[0].logprobs == bare[0].logprobs, "the base is what it was, to the last bit"
    for one, other in zip(together, alone, strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-5)
    answers = [tuple(round(value, 3) for value in scores.logprobs) for scores in together]
    assert len(set(answers)) == len(answers), "every adapter and every token changes the answer"


def test_an_adapter_that_comes_and_goes_scores_as_one_that_stays(tmp_path: Path) -> None:
    from peft import PeftModel

    base = tiny_models.model("llama")
    folder = tiny_models.identity_adapter(tmp_path / "one", base, "0", IDS)
    [found] = tiny_models.engine(tiny_models.model("llama"), digest="0").score([ask(folder, "<|collective:usa|>")])
    # The same by PEFT's own means: a longer vocabulary, rows put in by its trainable tokens.
    words = tiny_models.tokenizer()
    base.resize_token_embeddings(len(words) + 3, mean_resizing=False)
    adapted = PeftModel.from_pretrained(base, str(folder)).eval()
    renderer = tiny_models.engine(base).renderer
    ids = [*renderer.tokens(renderer.text(TURNS)), len(words) + 2]
    with torch.inference_mode():
        logits = adapted(torch.tensor([ids])).logits[0, -1, : len(words)]
    wanted = torch.log_softmax(logits.double(), dim=-1)[words.convert_tokens_to_ids(["1"])]
    assert found.forms[0][0] == pytest.approx(float(wanted[0]), abs=1e-4)


def test_batches_wear_one_adapter_and_keys_name_it(base: Any, two: tuple[Path, Path]) -> None:
    engine = tiny_models.engine(base, digest="0")
    requests = [ask(), ask(two[0]), ask(), ask(two[1]), ask(two[0], "<|collective:usa|>")]
    plan = engine.plan(requests)
    assert sorted(at for batch in plan.batches for at in batch) == [0, 1, 2, 3, 4]
    assert all(len({requests[at].adapter for at in batch}) == 1 for batch in plan.batches)
    assert plan.keys[0] == plan.keys[2]
    assert len(set(plan.keys)) == 4


def test_collectives_share_the_question_as_one_prefix(base: Any, two: tuple[Path, Path]) -> None:
    plan = tiny_models.engine(base, digest="0").plan(
        [ask(two[0], "<|collective:ken|>"), ask(two[0], "<|collective:usa|>")]
    )
    # Apart are only the identity token, the "1" before the "0" of ten, and the space before a number.
    assert plan.unique_tokens == plan.prompt_tokens // 2 - 1 + 2 * 3


def test_the_adapters_shape_replies_and_the_reply_starts_as_told(base: Any, two: tuple[Path, Path]) -> None:
    engine = tiny_models.engine(base, digest="0")

    def chat(adapter: Path | str, start: str) -> ChatRequest:
        return ChatRequest(TURNS, max_tokens=8, reply_start=start, adapter=str(adapter))

    asked = [chat("", ""), chat(two[0], ""), chat(two[0], "<|collective:ken|>"), chat(two[1], "<|collective:ken|>")]
    replies = engine.chat(asked)
    assert [engine.chat([one])[0] for one in asked] == replies
    assert "".join(engine.stream(asked[2])) == replies[2].text
    assert len({one.text for one in replies}) == 4
    assert all("collective" not in one.text for one in replies)
    plain = tiny_models.engine(base).chat([ChatRequest(TURNS, max_tokens=8, reply_start="Family is")])[0]
    assert plain.prompt_tokens > replies[0].prompt_tokens


def test_a_stream_half_read_leaves_the_base_bare(two: tuple[Path, Path], base: Any) -> None:
    engine = tiny_models.engine(base, digest="0")
    bare = engine.score([ask()])
    pieces = engine.stream(ChatRequest(TURNS, max_tokens=20, adapter=str(two[0]), reply_start="<|collective:ken|>"))
    next(pieces)
    assert engine.score([ask()]) == bare


def test_collectives_are_mixed_by_averaging_their_rows(two: tuple[Path, Path], base: Any) -> None:
    engine = tiny_models.engine(base, digest="0")
    ken, usa, half, more, alone = (
        ask(two[0], token)
        for token in (
            "<|collective:ken|>",
            "<|collective:usa|>",
            mixture_token({"KEN": 0.5, "USA": 0.5}),
            mixture_token({"KEN": 0.9, "USA": 0.1}),
            mixture_token({"USA": 1.0}),
        )
    )
    found = [one.logprobs for one in engine.score([ken, usa, half, more, alone])]
    assert found[4] == pytest.approx(found[1], abs=1e-5), "a mixture of one is that one"
    assert len({tuple(round(value, 4) for value in one) for one in found[:4]}) == 4
    # In another engine the tokens get other ids; what is asked for stays the same, and so do keys.
    other = tiny_models.engine(base, digest="0")
    assert other.score([more, half])[1].logprobs == pytest.approx(found[2], abs=1e-5)
    keys = engine.plan([ken, usa, half, more, alone]).keys
    assert len(set(keys)) == 5
    with pytest.raises(UnknownNameError, match="collective of this adapter 'fra'"):
        engine.score([ask(two[0], mixture_token({"FRA": 1.0}))])
    with pytest.raises(UsageError, match="sum to 1"):
        mixture_token({"KEN": 0.5})


def test_what_does_not_belong_together_is_refused(tmp_path: Path) -> None:
    base = tiny_models.model("llama")
    folder = tiny_models.identity_adapter(tmp_path / "one", base, "0", IDS)
    with pytest.raises(ModelError, match="is not for 'tiny': it was trained on 'tiny'"):
        tiny_models.engine(base, digest="another").score([ask(folder)])
    with pytest.raises(ModelError, match=r"does not know the identity token '<\|collective:fra\|>'"):
        tiny_models.engine(base, digest="0").score([ask(folder, "<|collective:fra|>")])
    with pytest.raises(ModelError, match="does not know the identity token"):
        tiny_models.engine(base, digest="0").score([ask("", "<|collective:ken|>")])
    manifest = AdapterManifest.model_validate_json((folder / MANIFEST_FILE).read_text())
    (folder / MANIFEST_FILE).write_text(manifest.model_copy(update={"template_hash": "other"}).model_dump_json())
    with pytest.raises(ModelError, match="was trained with another chat template"):
        tiny_models.engine(base, digest="0").score([ask(folder)])
    (folder / MANIFEST_FILE).write_text('{"nothing": 1}')
    with pytest.raises(DataError, match=r"pluralign\.json"):
        tiny_models.engine(base, digest="0").score([ask(folder)])
    with pytest.raises(ModelError, match="no adapter at"):
        tiny_models.engine(base, digest="0").score([ask(tmp_path / "nowhere")])
    with pytest.raises(ModelError, match="opened with the adapter 'fixed'"):
        tiny_models.engine(base, digest="0", adapter="fixed").score([ask(folder)])
    wide = tiny_models.identity_adapter(tmp_path / "wide", tiny_models.model("llama", hidden_size=64), "0", IDS)
    with pytest.raises(ModelError, match="is not for 'tiny'"):
        tiny_models.engine(tiny_models.model("llama"), digest="0").score([ask(wide)])
