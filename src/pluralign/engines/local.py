"""A transformer in this process: exact scores of options, and replies. Knows no survey and no voice.

How an option is scored: prompt and option are tokenised together, the options' tokens form a small tree after the
prompt, and the model is asked for the probability of every edge of that tree. Nothing is sampled and nothing is
estimated.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch

from pluralign.core.adapter import mixed
from pluralign.core.errors import ModelError
from pluralign.core.ids import canonical_json
from pluralign.engines import plain, prefix
from pluralign.engines.base import (
    Capabilities,
    ChatRequest,
    Completion,
    OptionScores,
    Plan,
    ScoreRequest,
    by_adapter,
    drawn,
)
from pluralign.engines.batches import distinct, group
from pluralign.engines.generate import BATCH, Reply, replies
from pluralign.engines.options import inner_paths, option_scores
from pluralign.engines.prefix import Question
from pluralign.engines.rendering import Rendered, Renderer
from pluralign.engines.tree_attention import RUN
from pluralign.engines.worn import Wardrobe, Worn

BLOCK_ON_CPU = 512
BLOCK_ON_GPU = 4096
"""Tokens per forward pass: enough for matrix products to run at full speed, few enough that memory stays small."""
TREES = {"tree": RUN, "masked": None}
"""Ways of sharing what prompts have in common -> tokens that look along the tree together."""


class LocalEngine:
    """A causal language model of transformers."""

    def __init__(
        self,
        model: Any,
        renderer: Renderer,
        *,
        name: str,
        digest: str,
        adapter: str | None = None,
        adapter_digest: str | None = None,
        origin: str = "",
        method: Literal["auto", "tree", "masked", "padded", "single"] = "auto",
        block: int | None = None,
        cache_dir: Path | None = None,
        offline: bool = False,
    ):
        """``model`` is in evaluation mode, on its device. ``digest`` changes when its weights do.

        ``method`` is how prompts are computed: ``tree`` shares what they have in common, ``masked`` does so with the
        model's own attention under a mask, ``padded`` puts 16 into a batch as other programs do, ``single`` reads one
        by one; ``auto`` takes the first of them that agrees with ``single`` on this model. Scores are the same to
        1e-4. ``block`` is how many tokens of a tree go through the model at once. ``adapter`` is one that is part of
        the model for good; others come and go with requests, loaded from where they lie, or from the hub unless
        ``offline``.
        """
        self.name = name
        self.can = Capabilities(option_scores="exact", chat=True, stream=True, adapters=True, reply_logprobs=True)
        self.model = model
        self.renderer = renderer
        self.block = block or (BLOCK_ON_CPU if model.device.type == "cpu" else BLOCK_ON_GPU)
        self._digest, self._adapter, self._adapter_digest, self._origin = digest, adapter, adapter_digest, origin
        self._method = method
        self._offline = offline
        self._wardrobe = Wardrobe(model, renderer, name=name, digest=digest, cache_dir=cache_dir)

    @cached_property
    def method(self) -> str:
        """How prompts are computed: ``tree``, ``masked``, ``padded`` or ``single``."""
        return choose_method(self.model) if self._method == "auto" else self._method

    def describe(self) -> dict[str, Any]:
        """Model, adapter, number format, device, chat template and method."""
        return {
            "engine": "local",
            "name": self.name,
            "origin": self._origin,
            "digest": self._digest,
            "adapter": self._adapter,
            "adapter_digest": self._adapter_digest,
            "dtype": str(self.model.dtype).removeprefix("torch."),
            "device": self.model.device.type,
            "chat_template": self.renderer.template_hash,
            "method": self.method,
        }

    def plan(self, requests: Sequence[ScoreRequest]) -> Plan:
        """Group requests by common beginnings. Raises :class:`ModelError` for one that the model cannot read.

        Requests that name different adapters share nothing: each batch wears one.
        """
        rendered = self._render(requests)
        batches: list[tuple[int, ...]] = []
        computed = unique = 0
        for places in by_adapter(requests).values():
            grouping = group([[rendered[at].stem + path for path in inner_paths(rendered[at].forms)] for at in places])
            batches += [tuple(places[at] for at in batch) for batch in grouping.batches]
            computed += grouping.computed_tokens
            unique += grouping.unique_tokens
        if self.method not in TREES:
            computed = sum(len(part.stem) + len(path) for part in rendered for path in inner_paths(part.forms))
        return Plan(
            batches=tuple(batches),
            keys=tuple(self._key(part, request) for part, request in zip(rendered, requests, strict=True)),
            prompt_tokens=sum(part.prompt_tokens for part in rendered),
            computed_tokens=computed,
            unique_tokens=unique,
        )

    def score(self, requests: Sequence[ScoreRequest]) -> list[OptionScores]:
        """Score every request; see :class:`pluralign.engines.base.OptionScores` for what the numbers mean."""
        rendered = self._render(requests)
        results: dict[int, OptionScores] = {}
        for adapter, places in by_adapter(requests).items():
            with self._wardrobe.wearing(self._worn(adapter)):
                results.update(zip(places, self._score([rendered[at] for at in places]), strict=True))
        return [results[at] for at in range(len(requests))]

    def _score(self, rendered: Sequence[Rendered]) -> list[OptionScores]:
        paths = [inner_paths(part.forms) for part in rendered]
        questions: list[Question] = []
        for part, paths_of_part in zip(rendered, paths, strict=True):
            for path in paths_of_part:
                questions.append((part.stem + path, _next_tokens(part, path)))
        answers = iter(self._ask(questions))
        results = []
        for part, paths_of_part in zip(rendered, paths, strict=True):
            edges = {
                (*path, token): logprob
                for path in paths_of_part
                for token, logprob in zip(_next_tokens(part, path), next(answers), strict=True)
            }
            results.append(option_scores(part.forms, edges, prompt_tokens=part.prompt_tokens))
        return results

    def plan_chat(self, requests: Sequence[ChatRequest]) -> Plan:
        """Put equal prompts and prompts of equal length together: they are written in batches of :data:`BATCH`.

        Within a batch equal prompts are read once.
        """
        prompts = self._prompts(requests)
        batches: list[tuple[int, ...]] = []
        for places in by_adapter(requests).values():
            order = sorted(places, key=lambda at: (len(prompts[at]), prompts[at], requests[at].seed))
            batches += [tuple(order[start : start + BATCH]) for start in range(0, len(order), BATCH)]
        return Plan(
            batches=tuple(batches),
            keys=tuple(self._chat_key(prompt, one) for prompt, one in zip(prompts, requests, strict=True)),
            prompt_tokens=sum(map(len, prompts)),
            computed_tokens=sum(sum(map(len, {prompts[at] for at in batch})) for batch in batches),
            unique_tokens=distinct(set(prompts)),
            reply_tokens=sum(request.max_tokens for request in requests),
        )

    def chat(self, requests: Sequence[ChatRequest]) -> list[Completion]:
        """Reply to every request. A reply depends on its own conversation and seed, not on the other requests."""
        found: dict[int, Completion] = {}
        for places in by_adapter(requests).values():
            *_, written = self._replies([requests[at] for at in places])
            found.update(zip(places, [reply.completion() for reply in written], strict=True))
        return [found[at] for at in range(len(requests))]

    def stream(self, request: ChatRequest) -> Iterator[str]:
        """Reply to one request, piece by piece. The pieces together are what :meth:`chat` returns."""
        sent = 0
        for (reply,) in self._replies([request]):
            settled = reply.settled
            if len(settled) > sent:
                yield settled[sent:]
                sent = len(settled)

    def _prompts(self, requests: Sequence[ChatRequest]) -> list[tuple[int, ...]]:
        found: dict[int, tuple[int, ...]] = {}
        for adapter, places in by_adapter(requests).items():
            renderer = self._renderer(adapter, [requests[at].reply_start for at in places])
            # A prompt that is asked for many replies is rendered once.
            texts = {requests[at]: renderer.text(requests[at].messages, requests[at].reply_start) for at in places}
            unique = list(dict.fromkeys(texts.values()))
            tokens = dict(zip(unique, renderer.batch_tokens(unique), strict=True))
            found |= {at: tokens[texts[requests[at]]] for at in places}
        return [found[at] for at in range(len(requests))]

    def _replies(self, requests: Sequence[ChatRequest]) -> Iterator[list[Reply]]:
        """All of ``requests`` name the same adapter."""
        renderer = self._renderer(requests[0].adapter, [one.reply_start for one in requests])
        worn = self._worn(requests[0].adapter)
        prompts = self._prompts(requests)
        # Models that keep something else than keys and values cannot be read in rows of unequal length.
        padded = self.method in TREES
        writing = replies(
            self.model, renderer.tokenizer, prompts, requests, limit=context_length(self.model), padded=padded
        )
        try:
            while True:
                # Taken off between two tokens: whoever reads a stream may ask something else meanwhile.
                with self._wardrobe.wearing(worn):
                    written = next(writing, None)
                if written is None:
                    return
                yield written
        except (torch.OutOfMemoryError, MemoryError):
            raise self._out_of_memory() from None

    def wearing(self, adapter: str) -> AbstractContextManager[None]:
        """Put an adapter on for as long as the context lasts; empty: the model as it was opened."""
        return self._wardrobe.wearing(self._worn(adapter))

    def renderer_of(self, adapter: str, reply_start: str = "") -> Renderer:
        """How conversations are put to the model while it wears this adapter; loads the adapter the first time, and
        makes a token of a mixture that replies begin with.
        """
        return self._renderer(adapter, [reply_start])

    def _worn(self, adapter: str) -> Worn | None:
        if not adapter:
            return None
        if self._adapter is not None:
            raise ModelError(
                f"{self.name!r} was opened with the adapter {self._adapter!r}, so it cannot wear {adapter!r} as well: "
                "leave out --adapter"
            )
        return self._wardrobe.get(adapter, offline=self._offline)

    def _renderer(self, adapter: str, reply_starts: Iterable[str]) -> Renderer:
        """What renders requests that all name this adapter; mixtures of its tokens become tokens first."""
        worn = self._worn(adapter)
        if worn is None:
            return self.renderer
        for token in dict.fromkeys(reply_starts):
            if mixed(token) is not None and not worn.renderer.knows(token):
                worn = self._wardrobe.mix(worn, token)
        return worn.renderer

    def _render(self, requests: Sequence[ScoreRequest]) -> list[Rendered]:
        found: dict[int, Rendered] = {}
        for adapter, places in by_adapter(requests).items():
            mine = [requests[at] for at in places]
            found.update(
                zip(places, self._renderer(adapter, [one.reply_start for one in mine]).render(mine), strict=True)
            )
        rendered = [found[at] for at in range(len(requests))]
        limit = context_length(self.model)
        for part in rendered:
            length = len(part.stem) + max(len(tokens) for of_option in part.forms for tokens in of_option) - 1
            if length > limit:
                raise ModelError(
                    f"a prompt of {length} tokens is too long for {self.name!r}, which reads at most {limit}: "
                    "shorten the question or show fewer examples"
                )
        return rendered

    def _ask(self, questions: Sequence[Question]) -> list[list[float]]:
        if not questions:
            return []
        longest = max(len(tokens) for tokens, _ in questions)
        method = self.method
        if method in TREES and longest >= tree_limit(self.model):
            method = "padded"
        try:
            with torch.inference_mode():
                match method:
                    case "tree" | "masked":
                        return prefix.next_logprobs(self.model, questions, block=self.block, run=TREES[method])
                    case "padded":
                        return plain.next_logprobs(self.model, questions)
                    case _:
                        return plain.next_logprobs(self.model, questions, batch=1)
        except (torch.OutOfMemoryError, MemoryError):
            raise self._out_of_memory() from None

    def _out_of_memory(self) -> ModelError:
        return ModelError(f"out of memory while asking {self.name!r}: use a smaller model, or --dtype bfloat16")

    def _key(self, part: Rendered, request: ScoreRequest) -> str:
        worn = self._worn(request.adapter)
        identity = {
            "model": self._digest,
            "adapter": self._adapter_digest if worn is None else worn.digest,
            "dtype": str(self.model.dtype),
            "stem": part.stem,
            "forms": part.forms,
            **_mixture(request),
        }
        return hashlib.sha256(canonical_json(identity).encode()).hexdigest()

    def _chat_key(self, prompt: Sequence[int], request: ChatRequest) -> str:
        worn = self._worn(request.adapter)
        identity = {
            "model": self._digest,
            "adapter": self._adapter_digest if worn is None else worn.digest,
            "dtype": str(self.model.dtype),
            "prompt": prompt,
            **_mixture(request),
            **drawn(request),
        }
        return hashlib.sha256(canonical_json(identity).encode()).hexdigest()


def _mixture(request: ScoreRequest | ChatRequest) -> dict[str, str]:
    """What a key must say beside token ids: a mixture's id depends on which mixtures were asked for before."""
    return {} if mixed(request.reply_start) is None else {"mixture": request.reply_start}


def _next_tokens(part: Rendered, path: tuple[int, ...]) -> list[int]:
    """The tokens that some form has right after ``path``."""
    length = len(path)
    return sorted(
        {
            tokens[length]
            for of_option in part.forms
            for tokens in of_option
            if len(tokens) > length and tokens[:length] == path
        }
    )


def context_length(model: Any) -> int:
    """How many tokens the model can read."""
    config = model.config.get_text_config()
    return int(getattr(config, "max_position_embeddings", None) or 2**31)


def tree_limit(model: Any) -> int:
    """From which length on a sequence may not be part of a tree: where attention or positions change their rule."""
    config = model.config.get_text_config()
    rope = getattr(config, "rope_parameters", None) or {}
    limits = [
        getattr(config, "sliding_window", None),
        getattr(config, "attention_chunk_size", None),
        # With these, the length of the longest sequence changes how the others are read.
        rope.get("original_max_position_embeddings") or getattr(config, "original_max_position_embeddings", None)
        if rope.get("rope_type") in {"dynamic", "longrope"}
        else None,
    ]
    return min((int(limit) for limit in limits if limit), default=2**31)


def choose_method(model: Any) -> str:
    """The fastest way of computing prompts that gives what one plain pass per prompt gives.

    Some architectures ignore masks or positions; a tree of a few short sequences, computed both ways, tells.
    """
    size = int(model.get_input_embeddings().num_embeddings)
    tokens = [(7 * at * at + 3 * at + 1) % size for at in range(40)]
    stem = tuple(tokens[:6])
    sequences = [stem, stem + tuple(tokens[6:11]), stem + tuple(tokens[11:14]), stem[:3] + tuple(tokens[14:18])]
    wanted = sorted({*tokens, *range(0, size, max(1, size // 50))})
    questions: list[Question] = [(sequence, wanted) for sequence in sequences]
    ways: dict[str, Callable[[], list[list[float]]]] = {
        "tree": lambda: prefix.next_logprobs(model, questions, block=8, run=3),
        "masked": lambda: prefix.next_logprobs(model, questions, block=5),
        "padded": lambda: plain.next_logprobs(model, questions, batch=len(questions)),
    }
    with torch.inference_mode():
        truth = torch.tensor(plain.next_logprobs(model, questions, batch=1))
        # In half precision numbers differ by rounding alone; seeing the wrong tokens changes them as much as asking
        # about other sequences does.
        other = float((truth - truth.roll(1, dims=0)).abs().mean())
        for name, way in ways.items():
            try:
                found = torch.tensor(way())
            except (RuntimeError, ValueError, TypeError, IndexError, AttributeError, KeyError, NotImplementedError):
                continue
            wrong = (found - truth).abs()
            if float(wrong.max()) <= 1e-4 or (model.dtype != torch.float32 and float(wrong.mean()) <= 0.1 * other):
                return name
    return "single"
