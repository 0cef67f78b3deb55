"""Exact scores from a server that gives log-probabilities of chosen tokens, as vLLM does since 2026.

The server's ``/tokenize`` says how the model reads prompt and options; ``/completions`` then takes the tokens of the
prompt, every beginning of an option after it, and the ids whose log-probabilities are wanted
(``logprob_token_ids``), for several questions in one request. Knows no weights.
"""

import math
import threading
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self, TypeVar

from pluralign.core.errors import ModelError
from pluralign.engines.base import OptionScores, ScoreRequest
from pluralign.engines.batches import common_prefix
from pluralign.engines.http_bodies import messages
from pluralign.engines.http_server import RequestRefusedError, Server
from pluralign.engines.options import check, inner_paths, option_scores
from pluralign.engines.rendering import Rendered, Tokens, join

CHOSEN = 128
"""How many chosen tokens one request may name; vLLM allows no more."""
PROMPTS = 16
"""How many prompts one request holds: enough that posting them costs little, few enough that several requests are
under way at once."""

Key = TypeVar("Key")

_REMEMBERED = 10_000
# What servers write for minus infinity, which JSON does not have.
_NOTHING = -9000.0
_TRIAL = ("Is family important?", "Do you like tea or coffee better?")


class Asked(NamedTuple):
    """A prompt and the tokens that may come after it."""

    part: int
    """Which of the requests it belongs to."""
    path: Tokens
    """What of an option stands before."""
    chosen: tuple[int, ...]


class Tail(NamedTuple):
    """What every prompt ends with: the cue that the model is to reply."""

    text: str
    tokens: Tokens


class ExactScores:
    """Scores options through one server. Safe to use from several threads."""

    def __init__(self, server: Server, tail: Tail | None):
        """Without ``tail`` options are tokenised by themselves, else together with what stands before them."""
        self.server = server
        self.tail = tail
        self._prompts: dict[tuple[tuple[str, str], ...], Tokens] = {}
        self._texts: dict[str, Tokens] = {}
        self._lock = threading.Lock()

    @classmethod
    def offered(cls, server: Server) -> Self | None:
        """Ask the server once whether it can; ``None`` if not."""
        try:
            prompts = [_ids(server, {"messages": [{"role": "user", "content": text}]}) for text in _TRIAL]
            tail = _tail(server, prompts)
            digits = _ids(server, {"prompt": "17", "add_special_tokens": False})
            if not prompts[0] or not digits:
                return None
            # Two tokens of which one at least is not what the model would have said.
            chosen = sorted({prompts[0][0], *digits})
            [found] = _ask(server, [prompts[0]], chosen, clipped=False)
        except (RequestRefusedError, KeyError, TypeError, ValueError):
            return None
        if any(value > 1e-3 for value in found.values()):
            raise ModelError(
                f"the server at {server.base_url!r} gives scores that are no log-probabilities: "
                "start it with --logprobs-mode raw_logprobs"
            )
        return cls(server, tail) if set(chosen) <= found.keys() else None

    def render(self, requests: Sequence[ScoreRequest]) -> list[Rendered]:
        """Requests in tokens. Raises :class:`ModelError` for options that the model cannot tell apart."""
        for request in requests:
            check(request)
        with self._lock:
            self._learn(requests)
            return [self._rendered(request) for request in requests]

    def score(self, requests: Sequence[ScoreRequest]) -> list[OptionScores]:
        """Score every request; in the order of the requests."""
        parts = self.render(requests)
        calls = _calls(parts)
        edges: list[dict[Tokens, float]] = [{} for _ in parts]
        for call, answers in zip(calls, self.server.each(lambda call: self._answers(parts, call), calls), strict=True):
            for asked, found in zip(call, answers, strict=True):
                edges[asked.part].update({(*asked.path, token): found[token] for token in asked.chosen})
        return [
            option_scores(part.forms, edges_of_part, prompt_tokens=part.prompt_tokens)
            for part, edges_of_part in zip(parts, edges, strict=True)
        ]

    def _answers(self, parts: Sequence[Rendered], call: Sequence[Asked]) -> list[dict[int, float]]:
        chosen = sorted({token for asked in call for token in asked.chosen})
        answers = _ask(self.server, [parts[asked.part].stem + asked.path for asked in call], chosen)
        for found in answers:
            if not set(chosen) <= found.keys():
                raise ModelError(f"the server at {self.server.base_url!r} left out log-probabilities it was asked for")
        return answers

    def _rendered(self, request: ScoreRequest) -> Rendered:
        prompt = self._prompts[_turns(request)]
        tail = self._tail_of(prompt)
        head = prompt[: len(prompt) - len(tail.tokens)]
        before = tail.text + request.reply_start
        continued = [[self._texts[before + form] for form in forms] for forms in request.options]
        return join(request, head, self._texts[before] if before else (), continued)

    def _tail_of(self, prompt: Tokens) -> Tail:
        if self.tail is not None and prompt[-len(self.tail.tokens) :] == self.tail.tokens:
            return self.tail
        return Tail("", ())

    def _learn(self, requests: Sequence[ScoreRequest]) -> None:
        """Have the server tokenise what it has not yet; the same few options come again and again."""
        asked = {_turns(request): {"messages": messages(request)} for request in requests}
        self._complete(self._prompts, asked)
        texts: set[str] = set()
        for request in requests:
            before = self._tail_of(self._prompts[_turns(request)]).text + request.reply_start
            texts |= {before + form for forms in request.options for form in ("", *forms)}
        self._complete(self._texts, {text: {"prompt": text, "add_special_tokens": False} for text in texts - {""}})

    def _complete(self, known: dict[Key, Tokens], asked: Mapping[Key, Mapping[str, Any]]) -> None:
        if len(known) > _REMEMBERED and not asked.keys() <= known.keys():
            known.clear()
        new = [key for key in asked if key not in known]
        known.update(zip(new, self.server.each(lambda key: _ids(self.server, asked[key]), new), strict=True))


def _turns(request: ScoreRequest) -> tuple[tuple[str, str], ...]:
    return tuple((message.role, message.content) for message in request.messages)


def _ids(server: Server, what: Mapping[str, Any]) -> Tokens:
    """The tokens of a text or, with the cue to reply, of a conversation."""
    tokens = server.post(f"{server.root}/tokenize", {"model": server.model, **what})["tokens"]
    return tuple(int(token) for token in tokens)


def _tail(server: Server, prompts: Sequence[Tokens]) -> Tail | None:
    """What two prompts end with alike, if its text reads as the same tokens again; else ``None``.

    Not every tokenizer reads a part of a text as it reads the whole: some put a space before whatever they are
    given, and some never read a special token out of a text.
    """
    first, second = prompts
    tokens = first[len(first) - common_prefix(first[::-1], second[::-1]) :]
    if not tokens:
        return None
    try:
        text = server.post(f"{server.root}/detokenize", {"model": server.model, "tokens": list(tokens)})["prompt"]
    except (RequestRefusedError, KeyError):
        return None
    if not isinstance(text, str) or _ids(server, {"prompt": text, "add_special_tokens": False}) != tokens:
        return None
    return Tail(text, tokens)


def _calls(parts: Sequence[Rendered]) -> list[list[Asked]]:
    """Everything to be asked, in requests that the server takes."""
    calls: list[list[Asked]] = []
    named: set[int] = set()
    for at, part in enumerate(parts):
        for path in inner_paths(part.forms):
            tokens = sorted(_next_tokens(part, path))
            for first in range(0, len(tokens), CHOSEN):
                asked = Asked(at, path, tuple(tokens[first : first + CHOSEN]))
                if not calls or len(calls[-1]) >= PROMPTS or len(named | set(asked.chosen)) > CHOSEN:
                    calls.append([])
                    named = set()
                calls[-1].append(asked)
                named |= set(asked.chosen)
    return calls


def _ask(
    server: Server, prompts: Sequence[Tokens], chosen: Sequence[int], *, clipped: bool = True
) -> list[dict[int, float]]:
    """Per prompt the log-probabilities of the chosen tokens after it; rounding errors above 0 are clipped."""
    answer = server.post(
        "/completions",
        {
            "model": server.model,
            "prompt": [list(prompt) for prompt in prompts],
            "max_tokens": 1,
            "logprobs": len(chosen),
            "logprob_token_ids": list(chosen),
            "return_tokens_as_token_ids": True,
            # The model's own distribution, whatever its makers recommend for sampling.
            "temperature": 1.0,
            "top_p": 1.0,
            "top_k": 0,
            "min_p": 0.0,
            "repetition_penalty": 1.0,
        },
    )
    choices = sorted(answer["choices"], key=lambda choice: int(choice["index"]))
    ceiling = 0.0 if clipped else math.inf
    if len(choices) != len(prompts):
        raise ModelError(f"the server at {server.base_url!r} answered {len(choices)} of {len(prompts)} prompts")
    return [
        {
            int(name.removeprefix("token_id:")): (min(float(value), ceiling) if value > _NOTHING else -math.inf)
            for name, value in choice["logprobs"]["top_logprobs"][0].items()
            if name.removeprefix("token_id:").isdecimal() and name.startswith("token_id:")
        }
        for choice in choices
    ]


def _next_tokens(part: Rendered, path: Tokens) -> set[int]:
    """The tokens that some form has right after ``path``."""
    return {
        tokens[len(path)]
        for of_option in part.forms
        for tokens in of_option
        if len(tokens) > len(path) and tokens[: len(path)] == path
    }
