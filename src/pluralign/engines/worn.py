"""Adapters that a model puts on and takes off, one base in memory. Knows PEFT and tokenizers, no request.

Low-rank weights stay apart from the base's, so that the base without an adapter computes what it always did, to the
last bit. Rows of new tokens are only ever read, never written: they are laid over the input embedding, and the model's
vocabulary of replies stays the base's.
"""

import contextlib
import copy
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken

from pluralign.core.adapter import mixed
from pluralign.core.errors import MissingExtraError, ModelError, UnknownNameError
from pluralign.engines.checkpoints import digest_of, find_adapter
from pluralign.engines.manifest import read_groups, read_manifest
from pluralign.engines.quiet import quiet
from pluralign.engines.rendering import Renderer, tokenizer_in

TOKEN_ROWS = "trainable_tokens_delta"
"""What PEFT calls the rows of single tokens: the rows themselves, in spite of the name."""


class Overlay(torch.nn.Module):
    """An input embedding with some rows laid over it."""

    def __init__(self, base: Any):
        super().__init__()
        self.base = base
        self.first = 0
        self.rows: torch.Tensor | None = None
        """Rows of the tokens from ``first`` on; shape (tokens, width). ``None``: the base's alone."""

    @property
    def num_embeddings(self) -> int:
        """Number of the base's rows."""
        return int(self.base.num_embeddings)

    @property
    def weight(self) -> torch.Tensor:
        """The base's rows."""
        return self.base.weight  # type: ignore[no-any-return]

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Rows of the tokens; shape of ``ids`` and width."""
        if self.rows is None:
            return self.base(ids)  # type: ignore[no-any-return]
        place = ids - self.first
        over = (place >= 0) & (place < len(self.rows))
        found: torch.Tensor = self.base(ids.masked_fill(over, 0))
        return torch.where(over[..., None], self.rows[place.clamp(0, len(self.rows) - 1)], found)


@dataclass(frozen=True)
class Worn:
    """An adapter that is ready to be put on."""

    name: str
    digest: str
    renderer: Renderer
    """The base's, or one with the adapter's own tokens."""
    lora: str = ""
    """What PEFT knows its weights by; empty for an adapter that is nothing but token rows."""
    rows: torch.Tensor | None = None
    first: int = 0
    """Id of the first of the token rows."""


class Wardrobe:
    """The adapters of one base model."""

    def __init__(self, model: Any, renderer: Renderer, *, name: str, digest: str, cache_dir: Path | None = None):
        self.model, self.renderer, self.name, self.digest = model, renderer, name, digest
        self._cache_dir = cache_dir
        self._known: dict[str, Worn] = {}
        self._peft: Any = None
        self._overlay: Overlay | None = None

    def get(self, adapter: str, *, offline: bool = False) -> Worn:
        """The adapter in that folder or of that hub name, loaded the first time.

        Raises :class:`ModelError` for one that was made for another base, tokenizer or chat template.
        """
        if adapter not in self._known:
            self._known[adapter] = self._load(adapter, find_adapter(adapter, offline=offline))
        return self._known[adapter]

    def mix(self, worn: Worn, token: str) -> Worn:
        """The adapter with one more token, whose row is the weighted mean of collectives' rows.

        ``token``: as :func:`pluralign.core.adapter.mixture_token` writes it. Raises :class:`UnknownNameError` for a
        collective that the adapter has no token for.
        """
        weights, groups = mixed(token), read_groups(worn.name)
        if weights is None or groups is None or worn.rows is None:
            raise ModelError(f"the adapter {worn.name!r} knows no identity token {token!r}")
        place = {group.id.lower(): group.token_id - worn.first for group in groups.groups if group.id}
        for slug in weights:
            if slug not in place:
                raise UnknownNameError("collective of this adapter", slug, place)
        row = torch.stack([weight * worn.rows[place[slug]] for slug, weight in weights.items()]).sum(dim=0)
        tokenizer = copy.deepcopy(worn.renderer.tokenizer)
        tokenizer.add_tokens([AddedToken(token, special=True)], special_tokens=True)
        renderer = self.renderer.with_tokenizer(tokenizer)
        richer = replace(worn, renderer=renderer, rows=torch.cat([worn.rows, row[None]]))
        self._known[worn.name] = richer
        return richer

    @contextlib.contextmanager
    def wearing(self, worn: Worn | None) -> Iterator[None]:
        """Put an adapter on for as long as the context lasts; ``None``: the bare base."""
        if self._overlay is not None:
            self._overlay.rows = None if worn is None else worn.rows
            self._overlay.first = 0 if worn is None else worn.first
        try:
            if self._peft is None:
                yield
            elif worn is None or not worn.lora:
                with self._peft.disable_adapter():
                    yield
            else:
                self._peft.set_adapter(worn.lora, inference_mode=True)
                yield
        finally:
            if self._overlay is not None:
                self._overlay.rows = None

    def _load(self, adapter: str, folder: Path) -> Worn:
        check_fits(adapter, folder, self.name, self.digest, self.renderer)
        renderer = self._own_renderer(adapter, folder)
        try:
            weights = _weights(folder)
            config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ModelError(f"cannot read the adapter {adapter!r}: {error}") from None
        rows, first = self._rows(adapter, weights, config)
        rest = {key: value for key, value in weights.items() if TOKEN_ROWS not in key}
        lora = ""
        if rest:
            lora = f"adapter{len(self._known)}"
            self._add(adapter, folder, lora, rest)
        if rows is not None and self._overlay is None:
            self._overlay = Overlay(self.model.get_input_embeddings())
            self.model.set_input_embeddings(self._overlay)
        return Worn(adapter, digest_of(folder, cache_dir=self._cache_dir), renderer, lora, rows, first)

    def _own_renderer(self, adapter: str, folder: Path) -> Renderer:
        if not (folder / "tokenizer_config.json").is_file():
            return self.renderer
        tokenizer = tokenizer_in(folder)
        base = self.renderer.tokenizer
        # A tokenizer with more tokens is expected; one that reads the base's own words differently is another's.
        sample = "Agree strongly. 1 2 10 <|im_start|>: what comes first?"
        if len(tokenizer) < len(base) or tokenizer(sample)["input_ids"] != base(sample)["input_ids"]:
            raise ModelError(f"the adapter {adapter!r} brings another tokenizer than that of {self.name!r}")
        return self.renderer.with_tokenizer(tokenizer)

    def _rows(self, adapter: str, weights: dict[str, Any], config: dict[str, Any]) -> tuple[torch.Tensor | None, int]:
        keys = [key for key in weights if TOKEN_ROWS in key]
        if not keys:
            return None, 0
        inputs = [key for key in keys if "lm_head" not in key and "output" not in key]
        indices = config.get("trainable_token_indices") or config.get("token_indices") or []
        ids = [*next(iter(indices.values()))] if isinstance(indices, dict) else [*indices]
        if len(inputs) != 1 or not ids or ids != list(range(ids[0], ids[0] + len(ids))):
            raise ModelError(f"the adapter {adapter!r} trains tokens in a way that is not known here: use --adapter")
        if ids[0] < len(self.renderer.tokenizer):
            raise ModelError(
                f"the adapter {adapter!r} changes tokens that the base has already, so it cannot be put on and taken "
                "off: open the model with --adapter instead"
            )
        rows = weights[inputs[0]]
        if rows.shape != (len(ids), self.model.get_input_embeddings().weight.shape[1]):
            raise ModelError(f"the adapter {adapter!r} is not for {self.name!r}: its token rows have another width")
        return rows.to(self.model.device, self.model.dtype), ids[0]

    def _add(self, adapter: str, folder: Path, lora: str, weights: dict[str, Any]) -> None:
        try:
            from peft import PeftConfig, PeftModel, get_peft_model, set_peft_model_state_dict
        except ModuleNotFoundError:
            raise MissingExtraError(f"the adapter {adapter!r}", "local") from None
        problem = ModelError(f"the adapter {adapter!r} is not for {self.name!r}")
        try:
            config = PeftConfig.from_pretrained(str(folder))
            if getattr(config, "modules_to_save", None) or not all("lora_" in key for key in weights):
                raise ModelError(
                    f"the adapter {adapter!r} changes more than low-rank weights and token rows, so it cannot be put "
                    "on and taken off: open the model with --adapter instead"
                )
            config.trainable_token_indices = None
            config.inference_mode = True
            with warnings.catch_warnings(), quiet():
                warnings.simplefilter("ignore")
                if self._peft is None:
                    peft: PeftModel = get_peft_model(self.model, config, adapter_name=lora)
                    self._peft = peft
                else:
                    self._peft.add_adapter(lora, config)
                result = set_peft_model_state_dict(self._peft, weights, adapter_name=lora)
            missing = [key for key in getattr(result, "missing_keys", []) if f".{lora}." in key]
            if missing or getattr(result, "unexpected_keys", []):
                raise problem
            self._peft.eval().requires_grad_(False)
        except (RuntimeError, ValueError, KeyError, OSError, TypeError) as error:
            if "memory" in str(error):
                raise
            raise problem from error


def check_fits(adapter: str, folder: Path, name: str, digest: str, renderer: Renderer) -> None:
    """Raise :class:`ModelError` for an adapter that was made for another base model or chat template."""
    manifest = read_manifest(str(folder))
    if manifest is None:
        return
    if manifest.base_digest != digest:
        raise ModelError(
            f"the adapter {adapter!r} is not for {name!r}: it was trained on {manifest.base!r} "
            f"({manifest.base_digest[:12]}), and this is another model ({digest[:12]})"
        )
    if manifest.template_hash != renderer.template_hash:
        raise ModelError(
            f"the adapter {adapter!r} was trained with another chat template ({manifest.template_hash}) than is in use "
            f"here ({renderer.template_hash}): open the model with the template it was trained with"
        )
    groups = read_groups(str(folder))
    if groups is not None and not (folder / "tokenizer_config.json").is_file():
        raise ModelError(
            f"the adapter {adapter!r} has identity tokens and no tokenizer that knows them: train it again"
        )


def _weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    file = folder / "adapter_model.safetensors"
    found: dict[str, Any] = (
        load_file(str(file))
        if file.is_file()
        else torch.load(str(folder / "adapter_model.bin"), map_location="cpu", weights_only=True)
    )
    return found
