"""Attention inside a block of a prefix tree: short runs of tokens look at their own path and at nothing else.

Under one mask over a whole block, almost all of what is multiplied is masked away again, and the more so the larger the
block is. Cut into runs, attention costs the same per token for any size of block, and the matrices that make up the
rest of a model can have the size that the machine likes. Knows positions, no tokens.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from pluralign.engines import trie

NAME = "pluralign_tree"
RUN = 32
"""Tokens that look together. Fewer waste less on one another's keys, more waste less on copying the path they share."""
_BEYOND = ("softcap", "s_aux", "position_bias")
"""What some models do to the products of queries and keys, besides scaling them. They are asked under a mask."""


class Runs(NamedTuple):
    """Which keys each run of a block sees."""

    columns: torch.Tensor
    """Per run the keys to look at, by their place among path and block; shape (runs, width)."""
    mask: torch.Tensor
    """What is added to the products: 0 where a token sees a key, else a number below all; shape
    (runs, 1, run length, width)."""
    repeated: dict[int, torch.Tensor]
    """How many heads share keys -> the mask for all of them, made once for all layers."""


def runs(tree: trie.Tree, start: int, stop: int, *, length: int, model: Any) -> Runs:
    """The runs of the block from node ``start`` to ``stop``, in the model's number format and on its device."""
    path = int(tree.depth[start])
    cut = [(at, min(at + length, stop)) for at in range(start, stop, length)]
    width = max(int(tree.depth[first]) + last - first for first, last in cut)
    columns = np.zeros((len(cut), width), dtype=np.int64)
    seen = np.zeros((len(cut), length, width), dtype=np.bool_)
    for row, (first, last) in enumerate(cut):
        sees = [*trie.step(tree, start, first), *range(path + first - start, path + last - start)]
        columns[row, : len(sees)] = sees
        seen[row, : last - first, : len(sees)] = trie.sight(tree, first, last)
    return Runs(torch.from_numpy(columns).to(model.device), added(seen, model)[:, None], {})


def added(seen: npt.NDArray[np.bool_], model: Any) -> torch.Tensor:
    """What is added to the products of queries and keys: 0 where a key is seen, else the lowest number there is."""
    mask = torch.zeros(seen.shape, dtype=model.dtype, device=model.device)
    return mask.masked_fill_(~torch.from_numpy(seen).to(model.device), torch.finfo(model.dtype).min)


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    tree: Runs | None = None,
    scaling: float | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """The attention of transformers' models; ``tree`` comes through the model's own keyword arguments.

    ``query``: (1, heads, tokens, size); ``key`` and ``value``: (1, key heads, path + tokens, size). Without ``tree`` it
    is transformers' own.
    """
    if tree is None:
        plain: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **others
        )
        return plain
    unknown = [name for name in _BEYOND if others.get(name) is not None]
    if unknown:
        raise NotImplementedError(f"attention along a tree knows no {unknown[0]}")
    heads, tokens, size = query.shape[1:]
    count, width = tree.columns.shape
    length, shared_by = tree.mask.shape[2], heads // key.shape[1]
    # Heads that share keys are put below one another, as if they were more tokens.
    padded = torch.nn.functional.pad(query[0], (0, 0, 0, count * length - tokens))
    queries = padded.view(-1, shared_by, count, length, size).permute(2, 0, 1, 3, 4).flatten(2, 3)
    keys, values = (
        kept[0].index_select(1, tree.columns.view(-1)).view(-1, count, width, kept.shape[-1]).transpose(0, 1)
        for kept in (key, value)
    )
    if shared_by not in tree.repeated:
        tree.repeated[shared_by] = tree.mask.repeat(1, 1, shared_by, 1)
    found = torch.nn.functional.scaled_dot_product_attention(
        queries, keys, values, attn_mask=tree.repeated[shared_by], scale=scaling
    )
    by_head = found.view(count, -1, shared_by, length, found.shape[-1]).permute(0, 3, 1, 2, 4)
    return by_head.reshape(1, count * length, heads, -1)[:, :tokens], None


@contextmanager
def tree_attention(model: Any) -> Iterator[None]:
    """Within it, a forward pass given ``tree=Runs(...)`` looks along the tree; without, as before."""
    config = model.config.get_text_config()
    before = config._attn_implementation
    config._attn_implementation = NAME
    try:
        yield
    finally:
        config._attn_implementation = before


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, sdpa_mask)
