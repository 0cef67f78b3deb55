"""Models small enough to build in a test, with a tokenizer and a chat template of their own."""

import copy
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast

from pluralign.core.adapter import GROUPS_FILE, MANIFEST_FILE, AdapterManifest, Groups
from pluralign.core.collective import Collective
from pluralign.core.ids import text_hash
from pluralign.engines.local import LocalEngine
from pluralign.engines.rendering import Renderer

TEMPLATE = (
    "{% for message in messages %}<|start|>{{ message['role'] }}\n{{ message['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)
CORPUS = [
    "How important is family in your life? Very important, rather important, not very important, not at all important.",
    "Agree strongly, agree, disagree, disagree strongly. Somewhat agree. Somewhat disagree.",
    "You are a person with a Japanese cultural background. You are a person with a Mexican cultural background.",
]


@cache
def tokenizer(template: str | None = TEMPLATE) -> Any:
    """Byte-level BPE of some 330 tokens; every digit is a token, so "10" is "1" and "0"."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=330,
        special_tokens=["<|start|>", "<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(CORPUS, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token="<|end|>", pad_token="<|end|>", chat_template=template
    )


def model(kind: str, **settings: Any) -> Any:
    """A random-weight model of an architecture, with weights large enough that its probabilities differ."""
    from transformers import AutoConfig

    common = {
        "llama": {"num_key_value_heads": 2},
        "qwen2": {"num_key_value_heads": 2},
        "qwen3": {"num_key_value_heads": 2, "head_dim": 8},
        "mistral": {"num_key_value_heads": 2, "sliding_window": 512},
        "gemma2": {"num_key_value_heads": 2, "head_dim": 8, "sliding_window": 512, "query_pre_attn_scalar": 8},
        "gemma3_text": {"num_key_value_heads": 2, "head_dim": 8, "sliding_window": 512, "query_pre_attn_scalar": 8},
        "phi3": {"num_key_value_heads": 2, "pad_token_id": 0, "bos_token_id": 0, "eos_token_id": 1},
        "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 1024},
        "gpt_neox": {},
        "opt": {"ffn_dim": 64, "word_embed_proj_dim": 32},
        "bloom": {"n_layer": 2, "n_head": 4},
        "mamba": {"state_size": 4},
    }[kind]
    sizes = {
        "vocab_size": len(tokenizer()),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "max_position_embeddings": 1024,
        "initializer_range": 0.3,
        "bos_token_id": 0,
        "eos_token_id": 1,
    }
    if kind == "gpt2":
        for unknown in ("hidden_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings"):
            sizes.pop(unknown)
        sizes.pop("intermediate_size")
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, **{**sizes, **common, **settings})
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()


def markov() -> tuple[Any, torch.Tensor]:
    """A Llama whose next token depends on the last one alone, and the log-probabilities it must give.

    Attention and feed-forward add nothing; the embedding is one-hot, which the norm scales by the root of its width;
    so the output weights, divided by that root, are the logits. Shape of the table: (last token, next token).
    """
    size = len(tokenizer())
    config = LlamaConfig(
        vocab_size=size,
        hidden_size=size + size % 2,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        max_position_embeddings=512,
        rms_norm_eps=1e-12,
        tie_word_embeddings=False,
    )
    made = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    logits = 2 * torch.randn((size, size), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        for layer in made.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        made.model.embed_tokens.weight.zero_()
        made.model.embed_tokens.weight[:, :size] = torch.eye(size)
        made.lm_head.weight.zero_()
        made.lm_head.weight[:, :size] = logits.T / config.hidden_size**0.5
    return made, torch.log_softmax(logits.double(), dim=-1)


def engine(made: Any, **settings: Any) -> LocalEngine:
    """A local engine around a tiny model."""
    renderer = Renderer.of(tokenizer(), "tiny")
    return LocalEngine(made, renderer, name="tiny", digest=settings.pop("digest", "0"), **settings)


def identity_adapter(
    path: Path, base: Any, digest: str, ids: Sequence[str], *, seed: int = 1, lora: bool = True
) -> Path:
    """An adapter of a tiny model with an identity token per id, every row and every low-rank weight drawn at random."""
    from peft import LoraConfig, get_peft_model

    words = copy.deepcopy(tokenizer())
    groups = Groups.of([Collective(id=one, name=one) for one in ids], len(words))
    words.add_tokens([AddedToken(group.token, special=True) for group in groups.groups], special_tokens=True)
    width = base.get_input_embeddings().weight.shape[1]
    draw = torch.Generator().manual_seed(seed)
    made = get_peft_model(copy.deepcopy(base), LoraConfig(r=2, target_modules=["q_proj", "v_proj"]))
    made.save_pretrained(str(path))
    tensors = {
        key: torch.randn(value.shape, generator=draw) * 0.3
        for key, value in load_file(str(path / "adapter_model.safetensors")).items()
        if lora
    }
    key = "base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta"
    tensors[key] = torch.randn((len(groups.groups), width), generator=draw)
    save_file(tensors, str(path / "adapter_model.safetensors"))
    config = json.loads((path / "adapter_config.json").read_text())
    config["trainable_token_indices"] = {"embed_tokens": [group.token_id for group in groups.groups]}
    (path / "adapter_config.json").write_text(json.dumps(config))
    words.save_pretrained(str(path))
    manifest = AdapterManifest(
        name=path.name,
        method="distributional",
        summary="a tiny adapter",
        base="tiny",
        base_digest=digest,
        template_hash=text_hash(TEMPLATE),
        asked="plain",
    )
    (path / MANIFEST_FILE).write_text(manifest.model_dump_json())
    (path / GROUPS_FILE).write_text(groups.model_dump_json())
    return path
