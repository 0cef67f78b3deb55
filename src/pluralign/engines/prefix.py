"""Computes a prefix tree of prompts with a transformer, every distinct token once. Knows tokens, no options.

The tree's nodes, in depth-first order, are cut into blocks; a block is one forward pass of batch size one. Each
token sees its ancestors: those in the block, and the earlier ones in a key-value cache that holds the path from the
root to the block's first token and nothing else. There is no padding and nothing is computed twice, matrices have the
size that the machine likes, and memory grows with block and path, not with the number of prompts.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch
from transformers import DynamicCache

from pluralign.engines import trie
from pluralign.engines.faster import Asked, Products, only_asked
from pluralign.engines.tree_attention import Runs, added, runs, tree_attention

Tokens = tuple[int, ...]
Question = tuple[Tokens, Sequence[int]]
"""Tokens to read, and the tokens whose probability of coming next is asked for."""


def next_logprobs(
    model: Any, questions: Sequence[Question], *, block: int, run: int | None = None
) -> list[list[float]]:
    """Per question the natural log-probabilities of its next tokens, each normalised over the whole vocabulary.

    Up to ``block`` tokens go through the model at once. Of these, ``run`` at a time look at their own path, in models
    that let attention be replaced; where ``run`` is ``None``, one mask over the block shows every token its path.
    """
    with nullcontext() if run is None else tree_attention(model), only_asked(model) as asked, Products():
        return _walk(model, questions, asked, block, run)


def _walk(
    model: Any, questions: Sequence[Question], asked_rows: Asked, block: int, run: int | None
) -> list[list[float]]:
    """One tree from its root on, block by block."""
    tree = trie.build([tokens for tokens, _ in questions])
    asked: dict[int, list[int]] = {}
    for at, node in enumerate(tree.last):
        asked.setdefault(node, []).append(at)
    answers: list[list[float]] = [[] for _ in questions]
    device = model.device
    # Without a config every layer keeps everything: a sliding window would drop tokens in the order of computation.
    cache = DynamicCache()
    for start, stop in trie.cuts(tree, block):
        nodes = [node for node in range(start, stop) if node in asked]
        rows = torch.tensor([node - start for node in nodes], dtype=torch.long, device=device)
        with asked_rows(rows):
            logits = model(
                input_ids=torch.from_numpy(tree.tokens[start:stop]).to(device)[None],
                position_ids=torch.from_numpy(tree.depth[start:stop]).to(device)[None],
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=rows,
                **_sight(model, tree, start, stop, run),
            ).logits[0]
        for row, node in zip(log_softmax_rows(logits), nodes, strict=True):
            for at in asked[node]:
                answers[at] = row[list(questions[at][1])].tolist()
        if stop < len(tree.tokens):
            keep = torch.tensor(trie.step(tree, start, stop), dtype=torch.long, device=device)
            for layer in cache.layers:
                layer.keys = layer.keys.index_select(2, keep)
                layer.values = layer.values.index_select(2, keep)
    return answers


def _sight(model: Any, tree: trie.Tree, start: int, stop: int, run: int | None) -> dict[str, torch.Tensor | Runs]:
    """What tells the model which tokens each token of a block sees."""
    if run is not None:
        # A mask of four dimensions keeps the model from making one of its own; attention along the tree ignores it.
        none = torch.zeros((1, 1, 1, 1), dtype=model.dtype, device=model.device)
        return {"attention_mask": none, "tree": runs(tree, start, stop, length=run, model=model)}
    return {"attention_mask": added(trie.sight(tree, start, stop), model)[None, None]}


def log_softmax_rows(logits: torch.Tensor) -> torch.Tensor:
    """Log-probabilities, shape as ``logits``; normalised in float64 where the device has it."""
    return torch.log_softmax(logits.float() if logits.device.type == "mps" else logits.double(), dim=-1)
