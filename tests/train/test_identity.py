"""Identity tokens: made from words, trained alone, kept through saving and loading, and distinct in what they say."""

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("peft")

import torch

from pluralign.core.adapter import GROUPS_FILE, Groups, identity_token
from pluralign.core.chat import Message
from pluralign.core.errors import UnknownNameError, UsageError
from pluralign.engines.base import ScoreRequest
from pluralign.engines.local import LocalEngine
from pluralign.engines.open import open_engine
from pluralign.surveys import load
from pluralign.train.identity import (
    initial_rows,
    mixture,
    put_in_rows,
    save_tokens,
    speak_through_others,
    teach_tokens,
)
from pluralign.train.results import merge
from tests.engines import tiny_models

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

PEOPLES = load("world-mini").collectives
ASKED = (Message("user", "How important is family in your life?"),)


def request(start: str, adapter: Path | str = "") -> ScoreRequest:
    return ScoreRequest(ASKED, (("1", " 1"), ("2", " 2")), reply_start=start, adapter=str(adapter))


def spread(rows: torch.Tensor | None) -> None:
    with torch.no_grad():
        assert rows is not None
        rows.add_(torch.randn(rows.shape, generator=torch.Generator().manual_seed(3)))


def test_rows_are_the_mean_of_the_description_and_a_little_noise() -> None:
    model = tiny_models.model("llama")
    weight = model.get_input_embeddings().weight
    groups = Groups.of(PEOPLES, 330).groups
    rows = initial_rows(weight, tiny_models.tokenizer(), groups, seed=0)
    ids = tiny_models.tokenizer()(groups[1].description)["input_ids"]
    wanted = weight[ids].mean(dim=0)
    assert float((rows[1] - wanted).detach().std()) == pytest.approx(0.01 * float(weight.detach().std()), rel=0.5)
    assert torch.equal(rows, initial_rows(weight, tiny_models.tokenizer(), groups, seed=0))
    assert not torch.equal(rows, initial_rows(weight, tiny_models.tokenizer(), groups, seed=1))


@pytest.mark.parametrize("tied", [True, False])
def test_tokens_survive_saving_and_loading(tied: bool, tmp_path: Path) -> None:
    model = tiny_models.model("llama", tie_word_embeddings=tied)
    engine = tiny_models.engine(model, digest="0")
    taught = teach_tokens(model, engine.renderer, PEOPLES[:3], seed=0)
    spread(taught.overlay.rows)
    assert taught.overlay.rows is not None
    inside = LocalEngine(model, taught.renderer, name="tiny", digest="0")
    requests = [request(group.token) for group in taught.groups.groups]
    before = inside.score(requests)
    assert len({tuple(one.logprobs) for one in before}) == len(requests), "swapping the token changes the answer"
    save_tokens(tmp_path, taught, taught.overlay.rows, taught.groups)
    fresh = tiny_models.engine(tiny_models.model("llama", tie_word_embeddings=tied), digest="0")
    after = fresh.score([request(one.reply_start, tmp_path) for one in requests])
    for one, other in zip(before, after, strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-5)
    kept = Groups.model_validate_json((tmp_path / GROUPS_FILE).read_text())
    assert kept == taught.groups
    assert json.loads((tmp_path / "adapter_config.json").read_text())["token_indices"] == [330, 331, 332, 333]


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("with_lora", [True, False])
def test_tokens_survive_merging(tied: bool, with_lora: bool, tmp_path: Path) -> None:
    base_folder, folder = tmp_path / "base", tmp_path / "adapter"
    model = tiny_models.model("llama", tie_word_embeddings=tied)
    model.save_pretrained(base_folder)
    tiny_models.tokenizer().save_pretrained(base_folder)
    engine = open_engine(str(base_folder), device="cpu", cache_dir=tmp_path / "cache")
    digest = str(engine.describe()["digest"])
    if with_lora:
        tiny_models.identity_adapter(folder, model, digest, [one.id for one in PEOPLES[:2]])
    else:
        folder.mkdir()
        taught = teach_tokens(model, tiny_models.engine(model).renderer, PEOPLES[:2], seed=0)
        spread(taught.overlay.rows)
        assert taught.overlay.rows is not None
        save_tokens(folder, taught, taught.overlay.rows, taught.groups)
    merged = merge(str(folder), tmp_path / "merged", model=str(base_folder), cache_dir=tmp_path / "cache")
    whole = open_engine(str(merged), device="cpu", cache_dir=tmp_path / "cache")
    tokens = [identity_token(one) for one in ("", *(people.id for people in PEOPLES[:2]))]
    worn = engine.score([request(token, folder) for token in tokens])
    inside = whole.score([request(token) for token in tokens])
    for one, other in zip(worn, inside, strict=True):
        # The merged model could write the new tokens too, so only what options have of each other is the same.
        assert one.logprobs[0] - one.logprobs[1] == pytest.approx(other.logprobs[0] - other.logprobs[1], abs=1e-3)
    assert len({one.logprobs for one in inside}) == len(tokens)


def test_adding_a_group_changes_nothing_for_nobody_in_particular() -> None:
    answers = []
    for count in (2, 5):
        model = tiny_models.model("llama")
        engine = tiny_models.engine(model)
        taught = teach_tokens(model, engine.renderer, PEOPLES[:count], seed=0)
        inside = LocalEngine(model, taught.renderer, name="tiny", digest="0")
        answers.append(inside.score([request(taught.groups.groups[0].token)])[0].logprobs)
    assert answers[0] == answers[1]


def test_a_mixture_of_one_is_that_one() -> None:
    groups = Groups.of(PEOPLES[:3], 330)
    rows = torch.arange(8.0).reshape(4, 2)
    assert torch.equal(mixture(rows, groups, {PEOPLES[0].id: 1.0}), rows[1])
    assert mixture(rows, groups, {PEOPLES[0].id: 0.5, PEOPLES[1].id: 0.5}).tolist() == [3.0, 4.0]
    with pytest.raises(UsageError, match="sum to 1"):
        mixture(rows, groups, {PEOPLES[0].id: 0.5})
    with pytest.raises(UsageError, match="not be negative"):
        mixture(rows, groups, {PEOPLES[0].id: 1.5, PEOPLES[1].id: -0.5})
    with pytest.raises(UnknownNameError, match="collective of this adapter 'FRA'"):
        mixture(rows, groups, {"FRA": 1.0})


def test_who_was_not_trained_speaks_through_its_region() -> None:
    trained, others = [PEOPLES[0], PEOPLES[1]], [PEOPLES[2], PEOPLES[5]]
    groups = Groups.of(PEOPLES[:6], 330)
    rows = torch.arange(14.0).reshape(7, 2)
    found, told = speak_through_others(rows, groups, trained, others)
    assert PEOPLES[2].region == PEOPLES[0].region != PEOPLES[5].region
    assert found[3].tolist() == [3.0, 4.0], "the mean of the first two"
    assert found[6].tolist() == rows[0].tolist(), "nobody's"
    assert torch.equal(found[:3], rows[:3])
    assert "mean of the rows of USA, CAN" in told.groups[3].description


@pytest.mark.parametrize("tied", [True, False])
def test_rows_laid_over_or_put_in_read_the_same(tied: bool) -> None:
    model = tiny_models.model("llama", tie_word_embeddings=tied)
    engine = tiny_models.engine(model)
    taught = teach_tokens(model, engine.renderer, PEOPLES[:2], seed=0)
    spread(taught.overlay.rows)
    ids = torch.tensor([[5, 6, 331, 7]])
    with torch.inference_mode():
        over = model(ids).logits
    model.set_input_embeddings(taught.overlay.base)
    setting = put_in_rows(model, taught.renderer.tokenizer, taught.groups, seed=0)
    assert taught.overlay.rows is not None
    with torch.no_grad():
        model.get_input_embeddings().weight[setting["embed_tokens"]] = taught.overlay.rows
    assert setting == {"embed_tokens": [330, 331, 332]}
    with torch.inference_mode():
        inside = model(ids).logits[..., :330]
    assert torch.allclose(over, inside, atol=1e-5)


def test_a_model_that_has_the_tokens_already_is_refused() -> None:
    model: Any = tiny_models.model("llama")
    engine = tiny_models.engine(model)
    taught = teach_tokens(model, engine.renderer, PEOPLES[:2], seed=0)
    with pytest.raises(UsageError, match="already"):
        teach_tokens(model, taught.renderer, PEOPLES[:2], seed=0)
