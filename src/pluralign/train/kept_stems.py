"""Work of frozen layers on questions, done once and kept: what makes training on a few questions many times cheap.

Where only upper layers and rows of new tokens are trained, the lower layers say the same of a question every time it
comes. Their keys and values, and what they hand to the first trained layer, are kept; from then on only the branches
pass through them, and gradients flow where they would flow anyway. For models built as Llama is; whoever uses this
checks against a plain pass. Knows no options and no people.
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from transformers import DynamicCache

from pluralign.engines import trie

Tokens = tuple[int, ...]

KEPT_BYTES = 2 << 30
"""Most memory for kept stems; the longest unused go first."""


class _Kept(NamedTuple):
    handed_on: torch.Tensor
    """What the last frozen layer gives, shape (1, stem, width)."""
    keys: tuple[torch.Tensor, ...]
    values: tuple[torch.Tensor, ...]

    @property
    def size(self) -> int:
        return sum(one.numel() * one.element_size() for one in (self.handed_on, *self.keys, *self.values))


class KeptStems:
    """Runs a tree through a model whose first ``frozen`` layers never change."""

    def __init__(self, model: Any, frozen: int, *, most_bytes: int = KEPT_BYTES):
        """``model``: a causal language model, bare or wrapped by PEFT."""
        self._whole = model.get_base_model() if hasattr(model, "get_base_model") else model
        self._body = self._whole.model
        self._frozen = frozen
        self._kept: OrderedDict[Tokens, _Kept] = OrderedDict()
        self._bytes, self._most = 0, most_bytes

    @staticmethod
    def fits(model: Any) -> bool:
        """Whether the model is built in a way that can be cut between layers."""
        whole = model.get_base_model() if hasattr(model, "get_base_model") else model
        return str(getattr(whole.config, "model_type", "")) in {"llama", "smollm3", "qwen2", "qwen3", "mistral"}

    def logits(self, tree: trie.Tree, stem: int, nodes: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Logits at nodes of the tree, shape (nodes, vocabulary).

        ``stem``: number of the first nodes that form a single chain, before any of ``nodes``. ``mask``: what each node
        sees, as numbers to be added, shape (all nodes, all nodes).
        """
        device = self._whole.device
        tokens = torch.from_numpy(tree.tokens).to(device)[None]
        places = torch.from_numpy(tree.depth).to(device)[None]
        kept = self._stem(tuple(tree.tokens[:stem].tolist()), tokens[:, :stem], places[:, :stem])
        cache = DynamicCache()
        for layer, (keys, values) in enumerate(zip(kept.keys, kept.values, strict=True)):
            cache.update(keys, values, layer)
        embedded = self._whole.get_input_embeddings()(tokens[:, stem:])
        with self._only(slice(0, self._frozen), normed=self._frozen == len(self._body.layers)):
            branches = self._body(
                inputs_embeds=embedded,
                attention_mask=mask[None, None, stem:],
                position_ids=places[:, stem:],
                past_key_values=cache if self._frozen else None,
                use_cache=bool(self._frozen),
            ).last_hidden_state
        if self._frozen == len(self._body.layers):
            return self._whole.get_output_embeddings()(branches[0, nodes - stem])  # type: ignore[no-any-return]
        with self._only(slice(self._frozen, None), normed=True):
            hidden = self._body(
                inputs_embeds=torch.cat([kept.handed_on, branches], dim=1),
                attention_mask=mask[None, None],
                position_ids=places,
                use_cache=False,
            ).last_hidden_state
        return self._whole.get_output_embeddings()(hidden[0, nodes])  # type: ignore[no-any-return]

    def _stem(self, key: Tokens, tokens: torch.Tensor, places: torch.Tensor) -> _Kept:
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        cache = DynamicCache()
        with torch.no_grad(), self._only(slice(0, self._frozen), normed=False):
            handed_on = self._body(
                inputs_embeds=self._whole.get_input_embeddings()(tokens),
                position_ids=places,
                past_key_values=cache,
                use_cache=True,
            ).last_hidden_state
        layers = cache.layers[: self._frozen]
        kept = _Kept(handed_on, tuple(one.keys for one in layers), tuple(one.values for one in layers))
        self._kept[key] = kept
        self._bytes += kept.size
        while self._bytes > self._most and len(self._kept) > 1:
            self._bytes -= self._kept.popitem(last=False)[1].size
        return kept

    @contextmanager
    def _only(self, which: slice, *, normed: bool) -> Iterator[None]:
        """Let the model consist of some of its layers for a moment, with or without its last norm."""
        layers, norm = self._body.layers, self._body.norm
        self._body.layers = layers[which]
        if not normed:
            self._body.norm = torch.nn.Identity()
        try:
            yield
        finally:
            self._body.layers, self._body.norm = layers, norm


def stem_of(tree: trie.Tree) -> int:
    """How many of the tree's first nodes form a single chain that ends before anything is asked; at least 0."""
    children = [0] * len(tree.tokens)
    for parent in tree.parent.tolist():
        if parent >= 0:
            children[parent] += 1
    chain = 0
    while chain < len(tree.tokens) - 1 and int(tree.parent[chain]) == chain - 1:
        if chain and children[chain - 1] > 1:
            break
        chain += 1
    return min(chain, min(tree.last))
