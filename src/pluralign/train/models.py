"""The model to be trained: loaded, and made trainable in one of four modes. Knows no records and no loss."""

import contextlib
import importlib.util
from pathlib import Path
from typing import Any, NamedTuple

import torch
from peft import LoraConfig
from peft.utils.constants import DUMMY_TARGET_MODULES

from pluralign.core.errors import ModelError, UnknownNameError
from pluralign.core.training import BaseModelCard
from pluralign.engines.checkpoints import Checkpoint, digest_of, find_model
from pluralign.engines.loading import choose_device, choose_dtype, load_model, load_tokenizer
from pluralign.engines.local import context_length
from pluralign.engines.rendering import Renderer
from pluralign.train.config import WHOLE_MODEL, TrainConfig, template_of

_FLASH = ("flash_attention_2", "flash_attention_3", "kernels-community/flash-attn2", "kernels-community/flash-attn3")


class Base(NamedTuple):
    """A base model's files, before its weights are read."""

    checkpoint: Checkpoint
    renderer: Renderer
    card: BaseModelCard
    limit: int
    """Tokens the model can read."""

    @property
    def tokenizer(self) -> Any:
        """The tokenizer; the renderer's own."""
        return self.renderer.tokenizer


def find_base(
    config: TrainConfig, *, cache_dir: Path | None = None, offline: bool = False, weights: bool = True
) -> Base:
    """Look up the base model of a configuration and read its tokenizer. Raises :class:`ModelError`."""
    from transformers import AutoConfig

    checkpoint = find_model(config.model, cache_dir=cache_dir, offline=offline, weights=weights)
    tokenizer = load_tokenizer(checkpoint, None)
    if tokenizer.pad_token is None:
        # Attention masks and labels say what padding is; its token is never asked.
        tokenizer.pad_token = tokenizer.eos_token
    renderer = Renderer.of(tokenizer, config.model, template_of(config))
    digest = digest_of(checkpoint.folder, cache_dir=cache_dir) if weights else ""
    card = BaseModelCard(name=config.model, origin=checkpoint.origin, digest=digest)
    shape = AutoConfig.from_pretrained(str(checkpoint.folder), local_files_only=True)
    return Base(checkpoint, renderer, card, context_length(_WithConfig(shape)))


class _WithConfig(NamedTuple):
    config: Any


def check_mode(config: TrainConfig) -> None:
    """Raise :class:`ModelError` for a mode that this machine cannot run, before anything is loaded."""
    device = choose_device(config.device)
    choose_dtype(config.dtype, device)
    if config.mode == "qlora":
        if device.type != "cuda":
            raise ModelError(
                "the mode 'qlora' needs a CUDA GPU, and this machine has none to use: set mode to lora, and dtype to "
                "bfloat16 where memory is short"
            )
        if importlib.util.find_spec("bitsandbytes") is None:
            raise ModelError("the mode 'qlora' needs bitsandbytes: pip install 'pluralign[qlora]'")
    if config.packing and config.attention not in _FLASH:
        raise ModelError(
            f"packing joins examples, and the attention {config.attention or 'chosen by default'!r} would let them "
            "read each other: set attention to flash_attention_2 (CUDA only), or packing to false"
        )
    if config.packing and device.type != "cuda":
        raise ModelError(
            "packing needs flash attention, which keeps joined examples apart and runs on CUDA only: set packing to "
            "false"
        )


def base_dtype(config: TrainConfig) -> torch.dtype:
    """Numbers of the loaded weights: those that are trained stay in float32."""
    if config.mode in WHOLE_MODEL:
        return torch.float32
    return choose_dtype(config.dtype, choose_device(config.device))


def computes_in_bfloat16(config: TrainConfig) -> bool:
    """Whether products are computed in bfloat16."""
    return choose_dtype(config.dtype, choose_device(config.device)) == torch.bfloat16


def load_base(base: Base, config: TrainConfig) -> Any:
    """The base model with its weights, on the processor; the trainer moves it."""
    settings: dict[str, Any] = {} if config.attention is None else {"attn_implementation": config.attention}
    if config.mode == "qlora":
        settings |= {"quantization_config": _quantisation(config), "device_map": {"": torch.cuda.current_device()}}
    model = load_model(base.checkpoint, base_dtype(config), **settings)
    model.config.use_cache = False
    if config.mode == "qlora":
        from peft import prepare_model_for_kbit_training

        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=config.gradient_checkpointing)
    return model


def _quantisation(config: TrainConfig) -> Any:
    from transformers import BitsAndBytesConfig

    if config.quantisation.bits == 8:
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=config.quantisation.kind,
        bnb_4bit_use_double_quant=config.quantisation.double,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def adapter_config(model: Any, config: TrainConfig, tokens: dict[str, list[int]] | None = None) -> LoraConfig | None:
    """What PEFT is to train, or ``None`` in modes that train the model's own weights.

    ``tokens``: name of the embedding -> ids of the new tokens whose rows are trained.

    Raises :class:`UnknownNameError` for a target that the model does not have.
    """
    if config.mode in WHOLE_MODEL:
        return None
    targets = DUMMY_TARGET_MODULES if config.mode == "tokens" else config.lora.targets
    if not isinstance(targets, str):
        linear = {name.rsplit(".", 1)[-1] for name, part in model.named_modules() if _is_linear(part)}
        for target in targets:
            if target not in linear:
                raise UnknownNameError("matrix to adapt", target, linear)
    return LoraConfig(
        r=config.lora.rank,
        lora_alpha=config.lora.alpha,  # type: ignore[arg-type, unused-ignore]
        lora_dropout=config.lora.dropout,
        target_modules=targets if isinstance(targets, str) else list(targets),
        bias="none",
        task_type="CAUSAL_LM",
        trainable_token_indices=tokens,  # type: ignore[arg-type, unused-ignore]
    )


def freeze(model: Any, config: TrainConfig) -> None:
    """Leave trainable what the mode trains; for adapters nothing of the base. Raises :class:`ModelError`."""
    if config.mode == "full":
        return
    model.requires_grad_(False)
    if config.mode != "last-layers":
        return
    layers = transformer_layers(model)
    if config.last_layers > len(layers):
        raise ModelError(f"the model has {len(layers)} layers, so the last {config.last_layers} cannot be trained")
    for layer in layers[len(layers) - config.last_layers :]:
        layer.requires_grad_(True)


def transformer_layers(model: Any) -> list[Any]:
    """The model's layers in order: the longest list of like modules in it."""
    lists = [list(part) for part in model.modules() if isinstance(part, torch.nn.ModuleList)]
    if not lists:
        raise ModelError("the model's layers cannot be found: use the mode lora or full")
    return max(lists, key=len)


def trainable_parameters(model: Any) -> int:
    """How many numbers are trained."""
    return sum(part.numel() for part in model.parameters() if part.requires_grad)


def _is_linear(part: Any) -> bool:
    with contextlib.suppress(ImportError):
        from transformers.pytorch_utils import Conv1D

        if isinstance(part, Conv1D):
            return True
    return isinstance(part, torch.nn.Linear)
