"""What a training will take, before any weight is read: examples, steps, parameters, tokens, memory.

The model is built on torch's meta device, which has shapes and no numbers. Knows no trainer.
"""

import math
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import torch
from peft import get_peft_model

from pluralign.train.config import Method, Optimisation, TrainConfig
from pluralign.train.models import adapter_config, freeze, trainable_parameters, transformer_layers
from pluralign.train.prepare import prepare

_STATES = {"adamw": 8, "adam": 8, "rmsprop": 4, "adagrad": 4, "sgd": 0, "lion": 4, "adafactor": 0}
"""Bytes an optimiser remembers per trained number, by how its name begins."""
_GIB = 2**30


class Shape(NamedTuple):
    """A model without numbers."""

    parameters: int
    """Of the base model."""
    trainable: int
    """Of what is trained: adapters, or weights of the base."""
    embedded: int
    """Of the base's parameters, those in embeddings and output layer, which are never quantised."""
    hidden: int
    layers: int
    vocabulary: int


class Memory(NamedTuple):
    """An estimate, in bytes, for one device that holds everything."""

    weights: int
    gradients: int
    optimiser: int
    activations: int

    @property
    def total(self) -> int:
        """All of it."""
        return sum(self)


class JobPlan(NamedTuple):
    """One training."""

    label: str
    examples: int
    held_out: int
    tokens: int
    """Of all examples, once each."""
    learned: int
    longest: int
    dropped: int
    cut: int
    steps: int


class Plan(NamedTuple):
    """All trainings of a configuration."""

    config: TrainConfig
    shape: Shape
    memory: Memory
    jobs: tuple[JobPlan, ...]

    def lines(self) -> list[str]:
        """For people."""
        shape, optimisation = self.shape, self.config.optimisation
        lines = [
            f"{self.config.model}: {shape.parameters:,} parameters; mode {self.config.mode} trains "
            f"{shape.trainable:,} ({shape.trainable / shape.parameters:.4%} of them)",
            f"{optimisation.batch} x {optimisation.accumulate} = {optimisation.batch * optimisation.accumulate} "
            "examples a step on one device",
        ]
        for job in self.jobs:
            name = f"{job.label}: " if job.label else ""
            lines.append(
                f"{name}{job.examples:,} examples, {job.steps:,} steps; {job.tokens:,} tokens, {job.learned:,} of "
                f"them learned, longest example {job.longest:,}; {job.held_out:,} held out"
            )
            if job.dropped or job.cut:
                lines.append(f"{name}{job.dropped:,} examples too long and left out, {job.cut:,} cut")
        part = self.memory
        lines.append(
            f"about {part.total / _GIB:.1f} GiB on one device: weights {part.weights / _GIB:.1f}, gradients "
            f"{part.gradients / _GIB:.1f}, optimiser {part.optimiser / _GIB:.1f}, activations "
            f"{part.activations / _GIB:.1f} (an estimate for the longest examples)"
        )
        return [*lines, *(f"Departs from the original: {text}" for text in self.config.departs)]


def plan(config: TrainConfig, method: Method, *, cache_dir: Path | None = None, offline: bool = False) -> Plan:
    """Read records and shapes, and count. Raises what :func:`pluralign.train.prepare.prepare` raises."""
    from transformers import AutoConfig

    prepared = prepare(config, method, cache_dir=cache_dir, offline=offline, plan_only=True)
    shape = shape_of(AutoConfig.from_pretrained(str(prepared.base.checkpoint.folder), local_files_only=True), config)
    if prepared.groups is not None:
        shape = shape._replace(trainable=shape.trainable + len(prepared.groups.groups) * shape.hidden)
    jobs = []
    for job in prepared.jobs:
        found = prepared.examples(job.train)
        jobs.append(
            JobPlan(
                label=job.label,
                examples=len(found.rows),
                held_out=len(job.held_out),
                tokens=found.tokens,
                learned=found.learned,
                longest=found.longest,
                dropped=found.dropped,
                cut=found.cut,
                steps=steps(len(found.rows), config.optimisation),
            )
        )
    length = max(job.longest for job in jobs)
    return Plan(config, shape, memory(shape, config, length, pairs=method == "dpo"), tuple(jobs))


def steps(examples: int, optimisation: Optimisation, devices: int = 1) -> int:
    """How often the weights are moved."""
    if optimisation.steps is not None:
        return optimisation.steps
    if not optimisation.short_last_step:
        seen = optimisation.batch * optimisation.accumulate * devices
        return max(1, int(optimisation.epochs * (examples // seen)))
    batches = math.ceil(math.ceil(examples / devices) / optimisation.batch)
    return math.ceil(optimisation.epochs * max(1, math.ceil(batches / optimisation.accumulate)))


def shape_of(model_config: Any, config: TrainConfig) -> Shape:
    """Count the parameters of a model of that transformers configuration, and those that the mode trains."""
    from transformers import AutoModelForCausalLM

    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = AutoModelForCausalLM.from_config(model_config, dtype=torch.bfloat16)
        parameters = sum(part.numel() for part in model.parameters())
        freeze(model, config)
        adapter = None if config.mode == "tokens" else adapter_config(model, config)
        ends = {id(part.weight): part.weight for part in (model.get_input_embeddings(), model.get_output_embeddings())}
        layers = len(transformer_layers(model))
        trained = trainable_parameters(model if adapter is None else get_peft_model(model, adapter))
    text = model_config.get_text_config()
    embedded = sum(weight.numel() for weight in ends.values())
    return Shape(parameters, trained, embedded, int(text.hidden_size), layers, int(text.vocab_size))


def memory(shape: Shape, config: TrainConfig, length: int, *, pairs: bool = False) -> Memory:
    """Bytes that a training needs at its largest batch, of sequences of ``length`` tokens.

    Activations: 34 bytes per token, layer and hidden number in 16 bit (Korthikanti et al. 2022, eq. 1, without the
    attention matrix, which is never kept), or 2 with gradient checkpointing and one layer in full; and the logits of a
    quarter of the tokens. ``pairs``: two sequences per example, and a reference model where no adapter can be taken
    off.
    """
    half = config.dtype == "bfloat16" or config.mode == "qlora"
    per_number = 2 if half else 4
    if config.mode == "qlora":
        quantised = shape.parameters - shape.embedded
        weights = quantised * config.quantisation.bits // 8 + 2 * shape.embedded
    elif config.mode in ("lora", "tokens"):
        weights = shape.parameters * per_number
    else:
        weights = shape.parameters * 4 * (2 if pairs else 1)
    if config.mode in ("lora", "qlora", "tokens"):
        weights += shape.trainable * 4
    optimiser = config.optimisation.optimiser.removeprefix("paged_")
    state = next((size for name, size in _STATES.items() if optimiser.startswith(name)), 8)
    if optimiser.endswith("8bit"):
        state //= 4
    tokens = config.optimisation.batch * length * (2 if pairs else 1)
    layer = tokens * shape.hidden * 34 * per_number // 2
    kept = 2 * tokens * shape.hidden * shape.layers * per_number // 2 + layer
    activations = kept if config.gradient_checkpointing else layer * shape.layers
    logits = tokens // 4 * shape.vocabulary * 4 * 2
    return Memory(weights, shape.trainable * 4, shape.trainable * state, activations + logits)
