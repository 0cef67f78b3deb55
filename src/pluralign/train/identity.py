"""Identity tokens: one new token per collective, its row made from the collective's description, then trained.

The token is only ever read: its row lies over the input embedding, and the model's vocabulary of replies stays the
base's, so tied and untied models are the same to it. On disk a row is one of PEFT's trainable tokens, so that PEFT
loads what is written here. Knows no question and no loss.
"""

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken

from pluralign.core.adapter import GROUPS_FILE, NOBODY, Group, Groups
from pluralign.core.collective import Collective
from pluralign.core.errors import UnknownNameError, UsageError
from pluralign.engines.rendering import Renderer
from pluralign.engines.worn import TOKEN_ROWS, Overlay

NOISE = 0.01
"""Noise of a new row, as a share of the embedding's own spread: what tells two groups of the same words apart."""


class Taught(NamedTuple):
    """A renderer that knows the tokens, and an input embedding that has their rows."""

    groups: Groups
    renderer: Renderer
    overlay: Overlay
    place: str
    """Where the input embedding stands in the model, such as ``model.embed_tokens``."""
    tied_place: str = ""
    """Where the output stands that has the same rows; empty where it has its own."""


class Named(NamedTuple):
    """Tokens that a tokenizer knows, before any model has rows for them."""

    groups: Groups
    renderer: Renderer


def name_tokens(renderer: Renderer, groups: Callable[[int], Groups]) -> Named:
    """Give a tokenizer tokens of groups. ``groups`` is told the first free id.

    Raises :class:`UsageError` where it has one of them already.
    """
    tokenizer = copy.deepcopy(renderer.tokenizer)
    found = groups(len(tokenizer))
    known = set(tokenizer.get_vocab())
    for group in found.groups:
        if group.token in known:
            raise UsageError(f"the tokenizer has a token {group.token!r} already: train on the base model itself")
    tokenizer.add_tokens([AddedToken(group.token, special=True) for group in found.groups], special_tokens=True)
    return Named(found, renderer.with_tokenizer(tokenizer))


def teach_tokens(
    model: Any,
    renderer: Renderer,
    collectives: Sequence[Collective],
    *,
    seed: int,
    placement: Literal["late", "early"] = "late",
    source: str = "",
    licence: str = "",
) -> Taught:
    """Give a model tokens of the collectives and of nobody in particular; their rows are ready to be trained."""
    groups, named = name_tokens(
        renderer,
        lambda first: Groups.of(collectives, first, placement=placement, source=source, licence=licence),
    )
    embedding = model.get_input_embeddings()
    place = next(name for name, part in model.named_modules() if part is embedding)
    output = model.get_output_embeddings()
    tied = output is not None and output.weight is embedding.weight
    tied_place = next(name for name, part in model.named_modules() if part is output) if tied else ""
    rows = initial_rows(embedding.weight, named.tokenizer, groups.groups, seed=seed)
    overlay = Overlay(embedding)
    overlay.first = groups.groups[0].token_id
    overlay.rows = torch.nn.Parameter(rows)
    model.set_input_embeddings(overlay)
    return Taught(groups, named, overlay, place, tied_place)


def initial_rows(weight: torch.Tensor, tokenizer: Any, groups: Sequence[Group], *, seed: int) -> torch.Tensor:
    """A row per group: the mean of the rows of its description's tokens, and a little noise; shape (groups, width)."""
    means = torch.stack(
        [
            weight.detach()[tokenizer(group.description, add_special_tokens=False)["input_ids"]].float().mean(dim=0)
            for group in groups
        ]
    )
    draw = torch.Generator().manual_seed(seed)
    noise = torch.randn(means.shape, generator=draw) * NOISE * float(weight.detach().float().std())
    return (means.cpu() + noise).to(weight.device, weight.dtype)


def mixture(rows: torch.Tensor, groups: Groups, weights: Mapping[str, float]) -> torch.Tensor:
    """The row that speaks for several collectives at once: the weighted mean of theirs; shape (width,).

    ``weights``: collective id -> share, summing to 1. Raises :class:`UnknownNameError` or :class:`UsageError`.
    """
    place = {group.id: at for at, group in enumerate(groups.groups)}
    for one, weight in weights.items():
        if one not in place:
            raise UnknownNameError("collective of this adapter", one, [known for known in place if known])
        if weight < 0:
            raise UsageError(f"the share of {one!r} in a mixture must not be negative, got {weight}")
    total = sum(weights.values())
    if abs(total - 1) > 1e-6:
        raise UsageError(f"the shares of a mixture must sum to 1, got {total:.6g}: {dict(weights)}")
    return torch.stack([weight * rows[place[one]] for one, weight in weights.items()]).sum(dim=0)


def speak_through_others(
    rows: torch.Tensor, groups: Groups, trained: Sequence[Collective], others: Sequence[Collective]
) -> tuple[torch.Tensor, Groups]:
    """Rows for collectives that were not trained: the mean of the trained ones of their region, else nobody's row.

    Their descriptions then say so.
    """
    rows = rows.clone()
    place = {group.id: at for at, group in enumerate(groups.groups)}
    told = list(groups.groups)
    for one in others:
        near = [other.id for other in trained if one.region and other.region == one.region] or [NOBODY]
        rows[place[one.id]] = mixture(rows, groups, {other: 1 / len(near) for other in near})
        whose = "nobody in particular" if near == [NOBODY] else ", ".join(near)
        told[place[one.id]] = told[place[one.id]].model_copy(
            update={"description": f"not trained: the mean of the rows of {whose}"}
        )
    return rows, groups.model_copy(update={"groups": tuple(told)})


def save_tokens(folder: Path, taught: Taught, rows: torch.Tensor, groups: Groups) -> None:
    """Write rows, ids and tokenizer into an adapter's folder, beside the low-rank weights that may lie there.

    PEFT's own names: an adapter without low-rank weights becomes one of its trainable-tokens adapters.
    """
    ids = [group.token_id for group in groups.groups]
    file, config_file = folder / "adapter_model.safetensors", folder / "adapter_config.json"
    rows = rows.detach().cpu().contiguous()
    name = taught.place.rsplit(".", 1)[-1]
    if config_file.is_file():
        config = json.loads(config_file.read_text(encoding="utf-8"))
        config["trainable_token_indices"] = {name: ids}
        key = f"base_model.model.{taught.place}.token_adapter.{TOKEN_ROWS}"
        tensors = {**load_file(str(file)), key: rows}
    else:
        config = {
            "peft_type": "TRAINABLE_TOKENS",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": None,
            "inference_mode": True,
            "target_modules": [name],
            "token_indices": ids,
        }
        # Where input and output share their rows, PEFT keeps what is trained of them once for each.
        places = [place for place in (taught.place, taught.tied_place) if place]
        tensors = {f"base_model.model.{place}.{TOKEN_ROWS}": rows.clone() for place in places}
    save_file(tensors, str(file), metadata={"format": "pt"})
    config_file.write_text(json.dumps(config, indent=2, sort_keys=True), encoding="utf-8")
    taught.renderer.tokenizer.save_pretrained(str(folder))
    (folder / GROUPS_FILE).write_text(groups.model_dump_json(indent=1) + "\n", encoding="utf-8")


def put_in_rows(model: Any, tokenizer: Any, groups: Groups, *, seed: int) -> dict[str, list[int]]:
    """Put first rows of the tokens into the model's embeddings, for trainers that use PEFT's own trainable tokens.

    Returns that setting, ``trainable_token_indices``. An output layer gets the rows too, so that whoever trains must
    keep the tokens from being said; see :func:`pluralign.train.likelihood.likelihood`. Rows that the model has beyond
    its tokenizer's words are used before the embedding is made longer.
    """
    embedding = model.get_input_embeddings()
    rows = initial_rows(embedding.weight, tokenizer, groups.groups, seed=seed)
    if len(tokenizer) > embedding.num_embeddings:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    ids = [group.token_id for group in groups.groups]
    embedding = model.get_input_embeddings()
    with torch.no_grad():
        embedding.weight[ids] = rows
        model.get_output_embeddings().weight[ids] = rows.to(model.get_output_embeddings().weight.dtype)
    place = next(name for name, part in model.named_modules() if part is embedding)
    return {place.rsplit(".", 1)[-1]: ids}


def keep_only_trained(folder: Path, groups: Groups) -> None:
    """Make an adapter that PEFT saved one of ours: without the embedding, which it copies as it was made longer."""
    file = folder / "adapter_model.safetensors"
    tensors = load_file(str(file))
    trained = {name: weight for name, weight in tensors.items() if "lora_" in name or TOKEN_ROWS in name}
    if len(trained) < len(tensors):
        save_file(trained, str(file), metadata={"format": "pt"})
    (folder / GROUPS_FILE).write_text(groups.model_dump_json(indent=1) + "\n", encoding="utf-8")


class Rows(NamedTuple):
    """How rows of new tokens are trained beside other weights."""

    ids: tuple[int, ...] = ()
    """Their tokens; empty where there are none."""
    rate: float | None = None
    """A learning rate of their own; ``None``: that of the rest."""

    def apart(self, optimiser: torch.optim.Optimizer, model: Any) -> torch.optim.Optimizer:
        """The optimiser, in which the rows have their rate."""
        if self.rate is not None and self.ids:
            rows = [one for name, one in model.named_parameters() if TOKEN_ROWS in name and one.requires_grad]
            theirs = {id(one) for one in rows}
            for group in optimiser.param_groups:
                group["params"] = [one for one in group["params"] if id(one) not in theirs]
            optimiser.add_param_group({"params": rows, "lr": self.rate, "weight_decay": 0.0})
        return optimiser
