"""Probabilities of options with gradients, scored exactly as polls score them. Knows requests, no people and no loss.

The same renderer, the same option forms and the same prefix tree as :class:`pluralign.engines.local.LocalEngine`; only
that the whole tree goes through the model in one pass that remembers how it came about. So a question is read once, and
the collectives that answer it hang on it as short branches: each token sees its own ancestors through the mask, and its
place in its own sequence through its position, as if every branch were computed by itself.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from pluralign.core.errors import ModelError
from pluralign.engines import trie
from pluralign.engines.base import ScoreRequest
from pluralign.engines.local import context_length, tree_limit
from pluralign.engines.options import inner_paths
from pluralign.engines.rendering import Rendered, Renderer
from pluralign.train.kept_stems import KeptStems, stem_of

TINY = 1e-12
"""Least probability of a form: what keeps logarithms finite."""

Tokens = tuple[int, ...]


class Laid(NamedTuple):
    """Requests laid out as one tree."""

    parts: tuple[Rendered, ...]
    paths: tuple[tuple[Tokens, ...], ...]
    tree: trie.Tree

    @property
    def tokens(self) -> int:
        """How many tokens pass through the model."""
        return len(self.tree.tokens)

    @property
    def apart(self) -> int:
        """How many would, if every request were read by itself."""
        return sum(len(part.stem) + len(inner_paths(part.forms)) - 1 for part in self.parts)


def lay_out(renderer: Renderer, requests: Sequence[ScoreRequest]) -> Laid:
    """Requests as one prefix tree. Raises :class:`ModelError` for options the model cannot tell apart."""
    parts = renderer.render(requests)
    paths = [inner_paths(part.forms) for part in parts]
    tree = trie.build([part.stem + path for part, found in zip(parts, paths, strict=True) for path in found])
    return Laid(tuple(parts), tuple(tuple(found) for found in paths), tree)


def option_probabilities(model: Any, laid: Laid, kept: KeptStems | None = None) -> list[torch.Tensor]:
    """Per request the probability of each option, shape (options,), as disjoint events: they sum to at most 1.

    Equal to ``exp`` of what the engine scores, to 1e-5, with gradients to whatever is trained. ``kept``: where lower
    layers are frozen, their work on questions from earlier passes. Raises
    :class:`ModelError` for a prompt that is longer than the model reads.
    """
    limit = min(context_length(model), tree_limit(model) - 1)
    longest = int(laid.tree.depth.max()) + 1
    if longest > limit:
        raise ModelError(f"a prompt of {longest} tokens is longer than the {limit} that the model can be trained on")
    count = len(laid.tree.tokens)
    device = model.device
    seen = torch.from_numpy(trie.sight(laid.tree, 0, count)).to(device)
    mask = torch.zeros((count, count), dtype=model.dtype, device=device)
    mask.masked_fill_(~seen, torch.finfo(model.dtype).min)
    nodes, rows = torch.unique(torch.tensor(laid.tree.last), return_inverse=True)
    stem = 0 if kept is None else stem_of(laid.tree)
    if kept is not None and stem > 0:
        logits = kept.logits(laid.tree, stem, nodes.to(device), mask)
    else:
        logits = model(
            input_ids=torch.from_numpy(laid.tree.tokens).to(device)[None],
            attention_mask=mask[None, None],
            position_ids=torch.from_numpy(laid.tree.depth).to(device)[None],
            use_cache=False,
            logits_to_keep=nodes.to(device),
        ).logits[0]
    logprobs = torch.log_softmax(logits.float(), dim=-1)
    found = []
    at = 0
    for part, paths in zip(laid.parts, laid.paths, strict=True):
        row = {path: int(rows[at + place]) for place, path in enumerate(paths)}
        at += len(paths)
        found.append(_credited(part, row, logprobs))
    return found


def _credited(part: Rendered, row: dict[Tokens, int], logprobs: torch.Tensor) -> torch.Tensor:
    """What :func:`pluralign.engines.options.credited` computes, with gradients."""
    plain = {
        tokens: torch.exp(
            torch.stack([logprobs[row[tokens[:length]], tokens[length]] for length in range(len(tokens))]).sum()
        )
        for of_option in part.forms
        for tokens in of_option
    }
    own = dict(plain)
    for tokens in plain:
        shorter = next((tokens[:end] for end in range(len(tokens) - 1, 0, -1) if tokens[:end] in plain), None)
        if shorter is not None:
            own[shorter] = own[shorter] - plain[tokens]
    return torch.stack(
        [torch.stack([own[tokens].clamp_min(TINY) for tokens in set(of_option)]).sum() for of_option in part.forms]
    )
