"""An engine that answers by rule instead of by model: for tests, examples and trying things out. Knows no network.

>>> from pluralign.core.chat import Message
>>> from pluralign.engines.base import ScoreRequest
>>> engine = scripted("uniform")
>>> question = ScoreRequest((Message("user", "Tea or coffee?"),), (("tea",), ("coffee",)))
>>> [round(math.exp(value), 2) for value in engine.score([question])[0].logprobs]
[0.5, 0.5]
"""

import hashlib
import json
import math
import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any

from pluralign.core.errors import ModelError, UnknownNameError
from pluralign.core.ids import content_hash
from pluralign.engines.base import (
    Capabilities,
    ChatRequest,
    Completion,
    OptionScores,
    Plan,
    ScoreRequest,
    drawn,
    refuse_adapters,
)
from pluralign.engines.batches import REQUESTS, distinct, group
from pluralign.engines.live import End, Piece
from pluralign.engines.options import check

Scorer = Callable[[ScoreRequest], Sequence[float]]
"""From a request to one log-probability per option."""
Speaker = Callable[[ChatRequest], str]
"""From a request to the reply."""

# The numbers of a scale on one line.
_SCALE = re.compile(r"Answers:((?: -?[0-9]+){2,})$", re.MULTILINE)
# Lines such as "1. Agree", "(b) Disagree" or "3: Neither".
_LISTED = re.compile(r"^\s*\(?([0-9]{1,3}|[A-Za-z])[.):]\s", re.MULTILINE)


class ScriptedEngine:
    """Answers with two functions of yours, and remembers what it was asked.

    ``scorer`` gives one natural log-probability per option, whose exponentials sum to at most one. ``speaker`` gives
    the whole reply, of which ``max_tokens`` words are kept. Either may be left out; asking for it then raises
    :class:`ModelError`. ``version`` goes into the keys: change it when the functions change. ``remember=False`` keeps
    no account of what it was asked, which a million questions would fill the memory with. ``adapters``: whether your
    functions heed the adapter that a request names; else such requests are refused. ``pause``: seconds before each word
    that is spoken piece by piece.
    """

    def __init__(
        self,
        scorer: Scorer | None = None,
        speaker: Speaker | None = None,
        *,
        name: str = "scripted",
        version: str = "1",
        remember: bool = True,
        adapters: bool = False,
        pause: float = 0.0,
    ):
        self.name = name
        self.can = Capabilities(
            option_scores="exact" if scorer else "none",
            chat=speaker is not None,
            stream=speaker is not None,
            adapters=adapters,
        )
        self.scored: list[tuple[ScoreRequest, ...]] = []
        """Every call of :meth:`score`, in order."""
        self.said: list[tuple[ChatRequest, ...]] = []
        """Every call of :meth:`chat` or :meth:`stream`, in order."""
        self._remember = remember
        self._scorer = scorer
        self._speaker = speaker
        self._version = version
        self._pause = pause

    @classmethod
    def from_table(
        cls,
        shares: Mapping[str, Sequence[float]] | None = None,
        replies: Mapping[str, str] | None = None,
        *,
        name: str = "scripted",
    ) -> "ScriptedEngine":
        """Answers from tables: a piece of text -> probabilities of the options, or the reply.

        The first entry whose text occurs anywhere in the conversation counts; ``""`` occurs in every one. Where none
        does, asking raises :class:`ModelError`. Probabilities need not sum to one: the rest is no option.
        """
        scores = dict(shares or {})
        texts = dict(replies or {})

        def score(request: ScoreRequest) -> list[float]:
            return [_log(share) for share in scores[_entry(scores, _text(request), name)]]

        def speak(request: ChatRequest) -> str:
            return texts[_entry(texts, _text(request), name)]

        version = content_hash({"shares": {key: list(value) for key, value in scores.items()}, "replies": texts})
        return cls(score if scores else None, speak if texts else None, name=name, version=version)

    def describe(self) -> dict[str, Any]:
        """Name and version: a script has nothing else."""
        return {"engine": "scripted", "name": self.name, "digest": self._version, "adapter": None}

    def plan(self, requests: Sequence[ScoreRequest]) -> Plan:
        """Group requests by common beginnings; a token is a word."""
        self._check(requests)
        prompts = [_words(request) for request in requests]
        grouping = group([[prompt] for prompt in prompts])
        return Plan(
            batches=grouping.batches,
            keys=tuple(self._key(request) for request in requests),
            prompt_tokens=sum(len(prompt) for prompt in prompts),
            computed_tokens=grouping.computed_tokens,
            unique_tokens=grouping.unique_tokens,
        )

    def score(self, requests: Sequence[ScoreRequest]) -> list[OptionScores]:
        """Ask the scorer. Raises :class:`ModelError` if there is none, or if its numbers are no log-probabilities."""
        self._check(requests)
        if self._remember:
            self.scored.append(tuple(requests))
        return [self._score(request) for request in requests]

    def plan_chat(self, requests: Sequence[ChatRequest]) -> Plan:
        """Group requests by common beginnings, at most :data:`REQUESTS` to a batch; a token is a word."""
        self._check(requests)
        prompts = [_words(request) for request in requests]
        order = sorted(range(len(requests)), key=lambda at: (prompts[at], requests[at].seed))
        batches = [tuple(order[start : start + REQUESTS]) for start in range(0, len(order), REQUESTS)]
        return Plan(
            batches=tuple(batches),
            keys=tuple(self._chat_key(request) for request in requests),
            prompt_tokens=sum(len(prompt) for prompt in prompts),
            computed_tokens=sum(distinct({prompts[at] for at in batch}) for batch in batches),
            unique_tokens=distinct(set(prompts)),
            reply_tokens=sum(request.max_tokens for request in requests),
        )

    def chat(self, requests: Sequence[ChatRequest]) -> list[Completion]:
        """Ask the speaker. Raises :class:`ModelError` if there is none."""
        self._check(requests)
        if self._remember:
            self.said.append(tuple(requests))
        return [self._reply(request) for request in requests]

    def stream(self, request: ChatRequest) -> Iterator[str]:
        """The speaker's reply, word by word."""
        self._check([request])
        if self._remember:
            self.said.append((request,))
        yield from _spoken(self._reply(request).text)

    def pieces(self, request: ChatRequest, *, top_logprobs: int | None = None) -> Generator[Piece | End, None, None]:
        """The speaker's reply, word by word, then its end. Raises :class:`ModelError` for log-probabilities."""
        if top_logprobs is not None:
            raise ModelError(f"engine {self.name!r} gives no log-probabilities of what it says")
        self._check([request])
        if self._remember:
            self.said.append((request,))
        reply = self._reply(request)
        for text in _spoken(reply.text):
            if self._pause:
                time.sleep(self._pause)
            yield Piece(text)
        yield End(reply.finish, reply.prompt_tokens, reply.completion_tokens)

    def _check(self, requests: Sequence[ScoreRequest | ChatRequest]) -> None:
        if not self.can.adapters:
            refuse_adapters(f"{self.name!r}", requests)

    def _score(self, request: ScoreRequest) -> OptionScores:
        if self._scorer is None:
            raise ModelError(f"engine {self.name!r} has no scorer: give it one, or ask it to chat")
        check(request)
        logprobs = tuple(float(value) for value in self._scorer(request))
        if len(logprobs) != len(request.options):
            raise ModelError(f"engine {self.name!r} scored {len(logprobs)} of {len(request.options)} options")
        if any(math.isnan(value) for value in logprobs) or math.fsum(map(math.exp, logprobs)) > 1 + 1e-6:
            raise ModelError(f"engine {self.name!r} gave log-probabilities that sum to more than one: {logprobs}")
        # An option's probability is shared evenly by its forms; what begins with "10" also begins with "1".
        exact = [
            (form, math.exp(logprob) / len(forms))
            for forms, logprob in zip(request.options, logprobs, strict=True)
            for form in forms
        ]
        return OptionScores(
            logprobs=logprobs,
            forms=tuple(
                tuple(_log(math.fsum(share for other, share in exact if other.startswith(form))) for form in forms)
                for forms in request.options
            ),
            prompt_tokens=len(_words(request)),
        )

    def _reply(self, request: ChatRequest) -> Completion:
        if self._speaker is None:
            raise ModelError(f"engine {self.name!r} has no speaker: give it one, or ask it to score")
        text = self._speaker(request)
        for stop in request.stop:
            text = text.split(stop, 1)[0]
        words = re.findall(r"\s*\S+", text)
        cut = len(words) > request.max_tokens
        return Completion(
            text="".join(words[: request.max_tokens]) if cut else text,
            finish="length" if cut else "stop",
            prompt_tokens=len(_words(request)),
            completion_tokens=min(len(words), request.max_tokens),
        )

    def _key(self, request: ScoreRequest) -> str:
        identity = {
            "engine": self.describe(),
            "words": _words(request),
            "options": [list(forms) for forms in request.options],
        }
        return content_hash(identity | ({"adapter": request.adapter} if request.adapter else {}))

    def _chat_key(self, request: ChatRequest) -> str:
        identity = {"engine": self.describe(), "words": _words(request), **drawn(request)}
        return content_hash(identity | ({"adapter": request.adapter} if request.adapter else {}))


def scripted(rule: str, *, remember: bool = True) -> ScriptedEngine:
    """A ready-made engine. Raises :class:`UnknownNameError` for a rule that is not in :data:`RULES`."""
    if rule not in RULES:
        raise UnknownNameError("scripted engine", f"scripted:{rule}", [f"scripted:{known}" for known in RULES])
    shares = RULES[rule]

    def score(request: ScoreRequest) -> list[float]:
        order = listed_order(request)
        found = shares(_text(request), [request.options[at] for at in order])
        return [_log(found[order.index(at)]) for at in range(len(order))]

    def speak(request: ChatRequest) -> str:
        text = _text(request)
        labels = _labels(request.messages[-1].content)
        if not labels:
            return "I have nothing to say about that."
        # A greedy reply is the same for every seed.
        seed = request.seed if request.temperature > 0 else 0
        weights = shares(text, [(label,) for label in labels])
        if "JSON" in request.messages[-1].content:
            total = math.fsum(weights)
            return json.dumps({label: weight / total for label, weight in zip(labels, weights, strict=True)})
        if request.temperature == 0:
            return str(labels[weights.index(max(weights))])
        left = _fraction(text, str(seed)) * math.fsum(weights)
        for label, weight in zip(labels, weights, strict=True):
            left -= weight
            if left < 0:
                return str(label)
        return str(labels[-1])

    return ScriptedEngine(score, speak, name=f"scripted:{rule}", remember=remember)


def _uniform(_text: str, options: Sequence[tuple[str, ...]]) -> list[float]:
    """Every option alike."""
    return [1 / len(options)] * len(options)


def _first(_text: str, options: Sequence[tuple[str, ...]]) -> list[float]:
    """Always the option that is listed first."""
    return [float(at == 0) for at in range(len(options))]


def _middle(_text: str, options: Sequence[tuple[str, ...]]) -> list[float]:
    """Always the option in the middle of the list; of an even number the two in the middle, half each."""
    middle = {(len(options) - 1) // 2, len(options) // 2}
    return [float(at in middle) / len(middle) for at in range(len(options))]


def _hash(text: str, options: Sequence[tuple[str, ...]]) -> list[float]:
    """Arbitrary shares that depend on the words of prompt and option alone; one in ten replies is no option."""
    weights = [-math.log(1 - _fraction(text, *forms)) for forms in options]
    return [0.9 * weight / math.fsum(weights) for weight in weights]


RULES: dict[str, Callable[[str, Sequence[tuple[str, ...]]], list[float]]] = {
    "uniform": _uniform,
    "first": _first,
    "middle": _middle,
    "hash": _hash,
}
"""Rule -> shares of the options, given the text of the conversation and the options' forms.

In a chat these engines reply with the label of one of the options listed in the last message (lines such as
``1. Agree``), drawn by the same shares; at temperature 0 the likeliest. A message that asks for JSON is answered with
the shares themselves.
"""


def _labels(text: str) -> list[str]:
    """Labels of the options that the last list in a message has, numbers of a scale on one line included."""
    listed = text[max(text.rfind("Answers:"), 0) :]
    on_one_line = _SCALE.search(listed)
    return on_one_line[1].split() if on_one_line else [str(label) for label in _LISTED.findall(listed)]


def listed_order(request: ScoreRequest) -> list[int]:
    """Which option stands first on the page, which second, and so on.

    Looked for in the last message: a form of each option at the beginning of a line of its own, else all forms on
    one line. Where neither is found, the order of the request.
    """
    lines = request.messages[-1].content.splitlines()

    def first(found: Sequence[int | None]) -> list[int] | None:
        known = [place for place in found if place is not None]
        if len(known) < len(found) or len(set(known)) < len(known):
            return None
        return sorted(range(len(known)), key=lambda at: known[at])

    patterns = [
        re.compile("(?<!\\w)(?:" + "|".join(re.escape(form.strip()) for form in forms) + ")(?!\\w)")
        for forms in request.options
    ]
    starts = [line.lstrip(" \t-*(") for line in lines]
    placed = first([next((at for at, line in enumerate(starts) if p.match(line)), None) for p in patterns])
    for line in lines:
        matches = [pattern.search(line) for pattern in patterns]
        placed = placed or first([match.start() if match else None for match in matches])
    return placed or list(range(len(patterns)))


def _text(request: ScoreRequest | ChatRequest) -> str:
    turns = [f"{message.role}: {message.content}" for message in request.messages]
    if request.reply_start:
        turns.append(request.reply_start)
    return "\n".join(turns)


def _spoken(text: str) -> list[str]:
    return re.findall(r"\s*\S+|\s+$", text)


def _words(request: ScoreRequest | ChatRequest) -> tuple[str, ...]:
    return tuple(_text(request).split())


def _entry(table: Mapping[str, Any], text: str, name: str) -> str:
    for entry in table:
        if entry in text:
            return entry
    raise ModelError(f"engine {name!r} has no entry for {text[-80:]!r}: add one, or one for the empty text")


def _log(share: float) -> float:
    return math.log(share) if share > 0 else -math.inf


def _fraction(*parts: str) -> float:
    """A number in (0, 1) that depends on the texts alone."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return (int.from_bytes(digest[:7], "big") + 0.5) / 2**56
