"""Loads a model that runs in this process, and says in one sentence why it cannot. Knows files and torch, no prompt."""

import warnings
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from pluralign.core.errors import MissingExtraError, ModelError
from pluralign.engines.checkpoints import Checkpoint, digest_of, find_adapter, find_model
from pluralign.engines.local import LocalEngine
from pluralign.engines.quiet import quiet
from pluralign.engines.rendering import Renderer, tokenizer_in
from pluralign.engines.worn import check_fits

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def open_local(
    name: str,
    *,
    device: str = "auto",
    dtype: str = "auto",
    adapter: str | None = None,
    chat_template: str | None = None,
    cache_dir: Path | None = None,
    offline: bool = False,
    threads: int | None = None,
) -> LocalEngine:
    """Load a model; see :func:`pluralign.engines.open.open_engine` for the arguments."""
    where = choose_device(device)
    numbers = choose_dtype(dtype, where)
    if threads is not None:
        if threads < 1:
            raise ModelError(f"threads must be at least 1, got {threads}")
        torch.set_num_threads(threads)
    checkpoint = find_model(name, cache_dir=cache_dir, offline=offline)
    adapter_folder = find_adapter(adapter, offline=offline) if adapter is not None else None
    tokenizer = load_tokenizer(checkpoint, adapter_folder)
    renderer = Renderer.of(tokenizer, name, chat_template)
    digest = digest_of(checkpoint.folder, cache_dir=cache_dir)
    try:
        model = load_model(checkpoint, numbers)
        if adapter is not None and adapter_folder is not None:
            check_fits(adapter, adapter_folder, name, digest, renderer)
            model = add_adapter(model, adapter_folder, name, tokenizer)
        model = model.to(where).eval().requires_grad_(False)
    except (torch.OutOfMemoryError, MemoryError):
        raise ModelError(f"{name!r} does not fit into the memory of {where}: {_smaller(numbers)}") from None
    except RuntimeError as error:
        if "memory" not in str(error):
            raise
        raise ModelError(f"{name!r} does not fit into the memory of {where}: {_smaller(numbers)}") from None
    return LocalEngine(
        model,
        renderer,
        name=name,
        digest=digest,
        adapter=adapter,
        adapter_digest=None if adapter_folder is None else digest_of(adapter_folder, cache_dir=cache_dir),
        origin=checkpoint.origin,
        cache_dir=cache_dir,
        offline=offline,
    )


def choose_device(device: str) -> torch.device:
    """The device of that name, or the best there is. Raises :class:`ModelError` if this machine has none such."""
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError:
        raise ModelError(f"unknown device {device!r}: known are auto, cpu, cuda, cuda:1 and mps") from None
    if chosen.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (chosen.index or 0) >= count:
            raise ModelError(f"the device {device!r} is not there: torch {torch.__version__} sees {count} of its kind")
    elif chosen.type == "mps":
        if not torch.backends.mps.is_available():
            raise ModelError("the device 'mps' is not there: it needs an Apple processor; use --device cpu")
    elif chosen.type != "cpu":
        raise ModelError(f"unknown device {device!r}: known are auto, cpu, cuda, cuda:1 and mps")
    return chosen


def choose_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """The number format of that name. ``auto``: float32, but bfloat16 on a GPU that computes in it."""
    if dtype == "auto":
        fast = device.type == "cuda" and torch.cuda.is_bf16_supported()
        return torch.bfloat16 if fast else torch.float32
    if dtype not in _DTYPES:
        raise ModelError(f"unknown dtype {dtype!r}: known are auto, {', '.join(_DTYPES)}")
    if dtype == "float16" and device.type == "cpu":
        raise ModelError("the dtype 'float16' is not for processors: use float32, or bfloat16 where memory is short")
    if dtype == "bfloat16" and device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise ModelError("this GPU does not compute in bfloat16: use --dtype float16 or float32")
    return _DTYPES[dtype]


def load_tokenizer(checkpoint: Checkpoint, adapter_folder: Path | None) -> Any:
    """The adapter's tokenizer if it brought one (it may have new tokens), else the model's."""
    brought = adapter_folder is not None and (adapter_folder / "tokenizer_config.json").is_file()
    return tokenizer_in(adapter_folder if brought and adapter_folder is not None else checkpoint.folder)


def load_model(checkpoint: Checkpoint, dtype: torch.dtype, **settings: Any) -> Any:
    """The causal language model in a folder. Never runs code that comes with a model.

    ``settings`` go to transformers: how to quantise, which attention to use.
    """
    folder = str(checkpoint.folder)
    try:
        with quiet():
            return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True, **settings)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise ModelError(f"cannot load the model {checkpoint.origin!r}: {_first_line(error)}") from None
    except RuntimeError as error:
        # Only ever seen for weights of another shape than the configuration says.
        if "memory" in str(error):
            raise
        raise ModelError(f"cannot load the model {checkpoint.origin!r}: {_first_line(error)}") from None


def add_adapter(model: Any, folder: Path, name: str, tokenizer: Any) -> Any:
    """The model with a LoRA adapter; merged into the weights in float32, where that loses nothing that matters."""
    try:
        from peft import PeftConfig, PeftModel
    except ModuleNotFoundError:
        raise MissingExtraError(f"the adapter {str(folder)!r}", "local") from None
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    mismatch = ModelError(f"the adapter {str(folder)!r} is not for {name!r}")
    try:
        base = PeftConfig.from_pretrained(str(folder)).base_model_name_or_path
        mismatch = ModelError(f"the adapter {str(folder)!r} is not for {name!r}: it was trained on {base!r}")
        with warnings.catch_warnings(), quiet():
            warnings.simplefilter("ignore")
            # Weights that the adapter should have and does not, it would only warn of.
            warnings.filterwarnings("error", message=".*missing adapter keys.*")
            adapted = PeftModel.from_pretrained(model, str(folder), local_files_only=True)
            return adapted.merge_and_unload() if model.dtype == torch.float32 else adapted
    except (RuntimeError, ValueError, KeyError, OSError, TypeError, UserWarning) as error:
        if "memory" in str(error):
            raise
        raise mismatch from error


def _smaller(dtype: torch.dtype) -> str:
    way = "use a smaller model or another device"
    return f"{way}, or --dtype bfloat16" if dtype == torch.float32 else way


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
