"""Writes replies token by token, many at once, each with its own seed. Knows tokens and text, no survey.

The own loop, instead of the library's, is what makes a reply depend on its own prompt and seed and not on what else
is in the batch, and what lets several replies to one prompt read it once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from transformers import DynamicCache

from pluralign.core.errors import ModelError
from pluralign.engines.base import ChatRequest, Completion

Tokens = tuple[int, ...]

BATCH = 16


@dataclass
class Reply:
    """A reply while it is written."""

    prompt: Tokens
    request: ChatRequest
    generator: torch.Generator
    tokens: list[int] = field(default_factory=list)
    text: str = ""
    finish: Literal["stop", "length"] | None = None

    @property
    def settled(self) -> str:
        """The part of the text that no later token can change or take back."""
        if self.finish is not None:
            return self.text
        # A character may come in several tokens, and the end may be the beginning of a stop string.
        text = self.text.rstrip("\ufffd")
        held = max(
            (end for stop in self.request.stop for end in range(1, len(stop)) if text.endswith(stop[:end])), default=0
        )
        return text[: len(text) - held]

    def completion(self) -> Completion:
        """The finished reply."""
        return Completion(
            text=self.text,
            finish=self.finish or "length",
            prompt_tokens=len(self.prompt),
            completion_tokens=len(self.tokens),
        )


def replies(
    model: Any, tokenizer: Any, prompts: Sequence[Tokens], requests: Sequence[ChatRequest], *, limit: int, padded: bool
) -> Iterator[list[Reply]]:
    """Write replies; yields them all after every token, the same objects each time.

    ``limit`` is the model's context length. ``padded`` says whether prompts of different lengths may be read together.
    Raises :class:`ModelError` for a prompt that leaves no room for a reply.
    """
    for prompt in prompts:
        if len(prompt) >= limit:
            raise ModelError(
                f"a conversation of {len(prompt)} tokens leaves no room for a reply: the model reads {limit}"
            )
    everything = [
        Reply(prompt, request, torch.Generator().manual_seed(request.seed))
        for prompt, request in zip(prompts, requests, strict=True)
    ]
    ends = end_tokens(model, tokenizer)
    # Equal prompts stand together, so that they are read once; similar lengths, so that little is padded.
    order = sorted(range(len(prompts)), key=lambda at: (len(prompts[at]), prompts[at]))
    size = BATCH if padded else 1
    for start in range(0, len(order), size):
        active = [everything[at] for at in order[start : start + size] if everything[at].request.max_tokens > 0]
        if not active:
            continue
        logits, cache, real = _read(model, active)
        while True:
            for reply, row in zip(active, logits, strict=True):
                add_token(reply, choose_token(row, reply), tokenizer, ends, limit)
            yield everything
            going = [row for row, reply in enumerate(active) if reply.finish is None]
            if not going:
                break
            if len(going) < len(active):
                rows = torch.tensor(going, device=model.device)
                cache.batch_select_indices(rows)
                real = real[rows]
                active = [active[row] for row in going]
            logits, real = _continue(model, active, cache, real)


def end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """The tokens that end a reply."""
    configured = getattr(model.generation_config, "eos_token_id", None)
    found = configured if isinstance(configured, list) else [configured]
    return frozenset(token for token in [*found, tokenizer.eos_token_id] if token is not None)


@torch.inference_mode()
def _read(model: Any, active: Sequence[Reply]) -> tuple[torch.Tensor, Any, torch.Tensor]:
    """Read the prompts, each distinct one once: next-token logits, cache, and which positions are no padding."""
    prompts = list(dict.fromkeys(reply.prompt for reply in active))
    longest = max(map(len, prompts))
    ids = torch.zeros((len(prompts), longest), dtype=torch.long)
    real = torch.zeros((len(prompts), longest), dtype=torch.long)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :] = torch.tensor(prompt)
        real[row, longest - len(prompt) :] = 1
    real = real.to(model.device)
    cache = DynamicCache(config=model.config)
    logits = model(
        input_ids=ids.to(model.device),
        attention_mask=real,
        position_ids=(real.cumsum(dim=-1) - 1).clamp(min=0),
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    ).logits[:, -1]
    rows = torch.tensor([prompts.index(reply.prompt) for reply in active], device=model.device)
    if len(prompts) < len(active):
        cache.batch_select_indices(rows)
    return logits[rows].float().cpu(), cache, real[rows]


@torch.inference_mode()
def _continue(model: Any, active: Sequence[Reply], cache: Any, real: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    real = torch.cat([real, torch.ones_like(real[:, :1])], dim=-1)
    logits = model(
        input_ids=torch.tensor([[reply.tokens[-1]] for reply in active], device=model.device),
        attention_mask=real,
        position_ids=real.sum(dim=-1, keepdim=True) - 1,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    ).logits[:, -1]
    return logits.float().cpu(), real


def choose_token(logits: torch.Tensor, reply: Reply) -> int:
    """The next token: the likeliest at temperature 0, else a draw with the reply's own generator."""
    request = reply.request
    if request.temperature <= 0:
        return int(logits.argmax())
    probabilities = torch.softmax(logits.double() / request.temperature, dim=-1)
    ranked, tokens = probabilities.sort(descending=True, stable=True)
    cumulative = ranked.cumsum(dim=-1)
    if request.top_p < 1:
        # The smallest set of likeliest tokens that together reach top_p; never empty.
        kept = 1 + int((cumulative < request.top_p).sum())
        cumulative = cumulative[:kept]
    point = torch.rand((), generator=reply.generator, dtype=torch.float64) * cumulative[-1]
    chosen = int(torch.searchsorted(cumulative, point, right=True))
    return int(tokens[min(chosen, len(cumulative) - 1)])


def add_token(reply: Reply, token: int, tokenizer: Any, ends: frozenset[int], limit: int) -> None:
    """Append a token, and see whether the reply ends there."""
    if token in ends:
        reply.finish = "stop"
        reply.text = reply.text.rstrip("\ufffd")
        return
    reply.tokens.append(token)
    reply.text = tokenizer.decode(reply.tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    found = [at for at in (reply.text.find(stop) for stop in reply.request.stop if stop) if at >= 0]
    if found:
        reply.text = reply.text[: min(found)]
        reply.finish = "stop"
    elif len(reply.tokens) >= reply.request.max_tokens or len(reply.prompt) + len(reply.tokens) >= limit:
        reply.finish = "length"
