"""The arithmetic of the published recipes, recomputed without a GPU and without weights."""

from functools import cache
from typing import Any

import pytest
from transformers import LlamaConfig, MistralConfig

from pluralign.train import plan
from pluralign.train.config import PROJECTIONS, Optimisation, TrainConfig, config_from, shipped
from pluralign.train.plan import Shape, memory, steps

SMOLLM2, MISTRAL, LLAMA3 = "SmolLM2 1.7B", "Mistral 7B", "Llama 3 8B"
MODELS: dict[str, Any] = {
    SMOLLM2: LlamaConfig(
        vocab_size=49152, hidden_size=2048, intermediate_size=8192, num_hidden_layers=24, num_attention_heads=32,
        num_key_value_heads=32, tie_word_embeddings=True,
    ),
    MISTRAL: MistralConfig(
        vocab_size=32000, hidden_size=4096, intermediate_size=14336, num_hidden_layers=32, num_attention_heads=32,
        num_key_value_heads=8, tie_word_embeddings=False,
    ),
    LLAMA3: LlamaConfig(
        vocab_size=128256, hidden_size=4096, intermediate_size=14336, num_hidden_layers=32, num_attention_heads=32,
        num_key_value_heads=8, tie_word_embeddings=False,
    ),
}  # fmt: skip


def config(**keys: Any) -> TrainConfig:
    return TrainConfig.model_validate({"model": "x", "records": "x.jsonl", **keys})


@cache
def _shape(model: str, told: str) -> Shape:
    return plan.shape_of(MODELS[model], TrainConfig.model_validate_json(told))


def shape_of(model: str, given: TrainConfig) -> Shape:
    """Counted once for all tests that ask for the same weights: large models take a second."""
    counted = config(mode=given.mode, lora=given.lora.model_dump(), last_layers=given.last_layers)
    return _shape(model, counted.model_dump_json())


def lora(rank: int) -> TrainConfig:
    return config(lora={"rank": rank, "targets": list(PROJECTIONS)})


@pytest.mark.parametrize(
    ("model", "rank", "trainable"),
    [
        # per layer r x [(h+h) + 2(h+kv) + (h+h) + 3(h+f)], times layers
        (SMOLLM2, 16, 18_087_936),
        (SMOLLM2, 8, 9_043_968),
        (MISTRAL, 16, 41_943_040),
        (MISTRAL, 128, 335_544_320),
        (LLAMA3, 8, 20_971_520),
    ],
)
def test_trainable_parameters_are_those_of_the_published_logs(model: str, rank: int, trainable: int) -> None:
    assert shape_of(model, lora(rank)).trainable == trainable


def test_all_linear_matrices_are_the_seven_projections() -> None:
    assert shape_of(SMOLLM2, config(lora={"rank": 16})).trainable == 18_087_936


def test_a_smollm2_with_its_adapter_is_as_large_as_its_log_says() -> None:
    shape = shape_of(SMOLLM2, lora(8))
    assert shape.parameters + shape.trainable == 1_720_420_352


def test_llama_3_is_the_share_of_the_published_log() -> None:
    shape = shape_of(LLAMA3, lora(8))
    assert shape.parameters == 8_030_261_248
    # LLaMA-Factory divides by what model and adapter have together
    assert round(100 * shape.trainable / (shape.parameters + shape.trainable), 4) == 0.2605


def test_other_modes() -> None:
    assert shape_of(SMOLLM2, config(mode="full")).trainable == shape_of(SMOLLM2, config(mode="full")).parameters
    # a layer: four attention matrices of h x h, three of h x f, two norms
    layer = 4 * 2048 * 2048 + 3 * 2048 * 8192 + 2 * 2048
    assert shape_of(SMOLLM2, config(mode="last-layers", last_layers=3)).trainable == 3 * layer


@pytest.mark.parametrize(
    ("examples", "optimisation", "published", "now"),
    [
        # cai, SmolLM2 DPO: int(.05 x 61,135) + int(.05 x 21,269) = 3,056 + 1,063 pairs; 4,119 // 16
        (4_119, {"batch": 4, "accumulate": 4}, 257, 258),
        # CultureSPA's logs: 62,127 // 128 and 77,086 // 128
        (62_127, {"batch": 4, "accumulate": 32}, 485, 486),
        (77_086, {"batch": 4, "accumulate": 32}, 602, 603),
    ],
)
def test_steps(examples: int, optimisation: dict[str, int], published: int, now: int) -> None:
    assert steps(examples, Optimisation(**optimisation, short_last_step=False)) == published
    assert steps(examples, Optimisation(**optimisation)) == now
    assert steps(examples, Optimisation(steps=7)) == 7


def test_the_shipped_recipes_make_the_published_numbers() -> None:
    culturespa = config_from("culturespa-joint", "sft")
    assert shape_of(LLAMA3, culturespa).trainable == 20_971_520
    assert steps(62_127, culturespa.optimisation) == 485
    dpo = config_from("cai-smollm2-dpo", "dpo")
    assert shape_of(SMOLLM2, dpo).trainable == 18_087_936
    assert steps(4_119, dpo.optimisation) == 257
    assert shape_of(MISTRAL, config_from("cai-mistral-dpo", "dpo")).trainable == 335_544_320
    assert shape_of(MISTRAL, config_from("cai-mistral-sft", "sft")).trainable == 41_943_040
    assert config_from("cai-mistral-sft", "sft").optimisation.batch * 8 == 64


def test_every_shipped_configuration_reads_and_says_where_it_departs() -> None:
    assert len(shipped()) >= 8
    for name, about in shipped().items():
        method: Any = "dpo" if name.endswith("-dpo") else "sft"
        read = config_from(name, method)
        assert read.name == name
        assert about
        assert read.departs, f"{name} does not say where it departs from its original"


def test_memory_is_what_the_parts_are() -> None:
    shape = shape_of(SMOLLM2, lora(16))
    full = memory(shape_of(SMOLLM2, config(mode="full")), config(mode="full"), 512)
    assert (full.weights, full.gradients, full.optimiser) == tuple(shape.parameters * size for size in (4, 4, 8))
    small = memory(shape, lora(16), 512)
    assert small.weights == 4 * (shape.parameters + shape.trainable)
    assert small.optimiser == 8 * shape.trainable
    # 4 bits for all but embeddings, which are tied and kept in 16 bits
    quantised = memory(shape, config(mode="qlora"), 512)
    inner = shape.parameters - 49152 * 2048
    assert quantised.weights == inner // 2 + 2 * 49152 * 2048 + 4 * shape.trainable
    longer = memory(shape, lora(16), 1024)
    assert longer.activations == 2 * small.activations
    saving = lora(16).model_copy(update={"gradient_checkpointing": True})
    assert memory(shape, saving, 512).activations < small.activations / 4
