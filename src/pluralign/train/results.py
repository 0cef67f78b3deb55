"""What is done with a trained voice: merged into its base, exported, put on the hub, given a profile.

Knows folders and weights, no records.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Protocol

import torch

from pluralign.core.adapter import GROUPS_FILE
from pluralign.core.errors import DataError, InterruptedRunError, ModelError, UsageError
from pluralign.core.training import CARD_FILE, Profile, TrainingCard
from pluralign.engines.checkpoints import digest_of, find_adapter, find_model
from pluralign.engines.loading import add_adapter, load_model, load_tokenizer
from pluralign.engines.manifest import read_manifest
from pluralign.engines.quiet import quiet
from pluralign.engines.rendering import Renderer
from pluralign.engines.worn import check_fits
from pluralign.poll.scores import Scores
from pluralign.train.card import profile_of, read_card, write_card
from pluralign.train.config import WHOLE_MODEL

CONVERTERS = ("convert_hf_to_gguf.py", "convert-hf-to-gguf.py", "convert_hf_to_gguf")
"""What llama.cpp calls its program that writes GGUF files."""
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Hub(Protocol):
    """As much of ``huggingface_hub.HfApi`` as is used."""

    def create_repo(self, repo_id: str, *, private: bool, exist_ok: bool) -> Any:
        """Make the repository if it is not there."""
        ...

    def upload_folder(self, *, repo_id: str, folder_path: str, commit_message: str, ignore_patterns: list[str]) -> Any:
        """Put a folder's files into it."""
        ...


def finished_card(folder: Path) -> TrainingCard:
    """The card of a training that is over. Raises :class:`UsageError` where there is none, or it goes on."""
    if not folder.is_dir():
        raise UsageError(f"there is no folder {str(folder)!r}")
    card = read_card(folder)
    if card is None:
        raise UsageError(f"{str(folder)!r} was not made by `pluralign train`: it has no {CARD_FILE}")
    if card.finished is None:
        raise UsageError(f"the training in {str(folder)!r} is not over: the same command again goes on with it")
    return card


def merge(
    adapter: str,
    out: Path,
    *,
    model: str | None = None,
    dtype: str | None = None,
    cache_dir: Path | None = None,
    offline: bool = False,
) -> Path:
    """Write the base model with the adapter merged into it, as safetensors with its tokenizer, to ``out``.

    Merging is done in float32; ``dtype`` is that of the written weights, by default the base's own. Identity tokens
    stay tokens of the merged model. Raises :class:`ModelError` where adapter and base do not belong together.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{str(out)!r} is there already: name another folder")
    folder = find_adapter(adapter, offline=offline)
    name = model or _base_of(adapter, folder, offline)
    checkpoint = find_model(name, cache_dir=cache_dir, offline=offline)
    base_tokenizer = load_tokenizer(checkpoint, None)
    template = folder / "chat_template.jinja"
    own = read_manifest(adapter, offline=offline)
    renderer = Renderer.of(base_tokenizer, name, None if own is None else _template(own.config, template))
    check_fits(adapter, folder, name, digest_of(checkpoint.folder, cache_dir=cache_dir), renderer)
    tokenizer = load_tokenizer(checkpoint, folder)
    try:
        base = load_model(checkpoint, torch.float32)
        written = _DTYPES.get(dtype or str(base.config.dtype or "float32").removeprefix("torch."))
        if written is None:
            raise ModelError(f"unknown dtype {dtype!r}: known are {', '.join(_DTYPES)}")
        merged = add_adapter(base, folder, name, tokenizer).to(written)
    except (torch.OutOfMemoryError, MemoryError):
        raise ModelError(f"{name!r} does not fit into memory in float32, in which merging is done") from None
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        with quiet():
            merged.save_pretrained(partial)
            tokenizer.save_pretrained(partial)
        for kept in (CARD_FILE, GROUPS_FILE, "README.md", "history.jsonl"):
            if (folder / kept).is_file():
                shutil.copy(folder / kept, partial / kept)
        if out.is_dir():
            out.rmdir()
        partial.rename(out)
    except OSError as error:
        raise InterruptedRunError(f"{str(out)!r} could not be written ({error.strerror or error})") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return out


def export_gguf(folder: Path, file: Path, *, tool: str | None = None, numbers: str = "f16") -> Path:
    """Write a model folder as a GGUF file with llama.cpp's converter. ``numbers``: its ``--outtype``.

    Raises :class:`ModelError` where there is no converter, or it fails.
    """
    if (folder / "adapter_config.json").is_file():
        raise UsageError(f"{str(folder)!r} is an adapter: merge it first, with `pluralign train merge {folder} OUT`")
    if not (folder / "config.json").is_file():
        raise UsageError(f"{str(folder)!r} is no model: it has no config.json")
    found = tool or next((place for name in CONVERTERS if (place := shutil.which(name))), None)
    if found is None or not Path(found).is_file():
        raise ModelError(
            f"writing GGUF needs llama.cpp's {CONVERTERS[0]}, which "
            + (f"is not at {tool!r}" if tool else "is not on the PATH")
            + ": get it from https://github.com/ggml-org/llama.cpp and name it with --tool"
        )
    command = [sys.executable, found, str(folder), "--outfile", str(file), "--outtype", numbers]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not file.is_file():
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise ModelError(f"{Path(found).name} failed: {lines[-1] if lines else f'exit code {done.returncode}'}")
    return file


def push(folder: Path, name: str, hub: Hub, *, private: bool) -> None:
    """Put a trained voice on the hub, with its card. Raises :class:`ModelError` where the hub refuses.

    Curves and checkpoints stay here.
    """
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError

    card = finished_card(folder)
    if name.count("/") != 1:
        raise UsageError(f"name the place on the hub as OWNER/NAME, not {name!r}")
    what = f"{card.method} on {sum(card.collectives.values()):,} records, by pluralign"
    try:
        hub.create_repo(name, private=private, exist_ok=True)
        hub.upload_folder(
            repo_id=name,
            folder_path=str(folder),
            commit_message=what,
            ignore_patterns=["curves/*", "checkpoints/*", ".*"],
        )
    except LocalTokenNotFoundError:
        raise ModelError("the hub does not know you: run `hf auth login` first") from None
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise ModelError(f"{name!r} could not be put on the hub: {reason}") from None


def add_profile(folder: Path, run: Path, voices: str | None = None) -> Profile:
    """Write what a poll found into the card of the voice it polled. ``run``: the poll's folder.

    ``voices``: how the names of the voices begin that are of this adapter; by default those that wear ``folder``, or,
    for a whole model, all. Raises :class:`UsageError` where the poll was of something else.
    """
    card = finished_card(folder)
    file = run / "scores.json"
    try:
        scores = Scores.model_validate_json(file.read_text(encoding="utf-8"))
    except OSError:
        raise UsageError(f"there is no finished poll in {str(run)!r}: scores.json is missing") from None
    except ValueError:
        raise DataError("does not hold the scores of a poll", file=str(file)) from None
    asked_base = scores.asked.engine.get("digest")
    if card.mode not in WHOLE_MODEL and asked_base != card.base.digest:
        raise UsageError(f"the poll in {str(run)!r} asked another base model than {card.base.name!r}")
    begins = voices if voices is not None else "" if card.mode in WHOLE_MODEL else f"adapter:{folder}"
    profile = profile_of(scores, begins)
    write_card(folder, card.model_copy(update={"profile": profile}))
    return profile


def _base_of(adapter: str, folder: Path, offline: bool) -> str:
    manifest = read_manifest(adapter, offline=offline)
    if manifest is not None:
        return manifest.base
    from peft import PeftConfig

    named = PeftConfig.from_pretrained(str(folder)).base_model_name_or_path
    if not named:
        raise ModelError(f"the adapter {adapter!r} does not say what its base is: name it with --model")
    return str(named)


def _template(config: Any, file: Path) -> str | None:
    """The chat template that the adapter was trained with, where it is not the base's own."""
    chosen = config.get("chat_template")
    if chosen in (None, "plain", "bare"):
        return None if chosen is None else str(chosen)
    return str(file)
