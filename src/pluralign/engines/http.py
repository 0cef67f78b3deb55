"""A model behind an OpenAI-compatible server: replies, and scores as exact as the server allows.

What it can do is asked once, when it is opened: exact scores where log-probabilities of chosen tokens are to be had,
else bounds from the likeliest tokens, else replies only. Knows no survey and no voice.
"""

import math
import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple, TypeVar
from urllib.parse import urlsplit

from pluralign.core.errors import ModelError
from pluralign.core.ids import content_hash
from pluralign.engines.base import (
    Capabilities,
    ChatRequest,
    Completion,
    OptionScores,
    Plan,
    ScoreRequest,
    by_adapter,
)
from pluralign.engines.batches import distinct
from pluralign.engines.http_batch import Carrier
from pluralign.engines.http_bodies import (
    CHAT,
    KEY_LENGTH,
    OPENAI,
    Dialect,
    Identity,
    chat_body,
    chat_key,
    completion,
    finish,
    first_choice,
    first_tokens,
    messages,
    score_key,
    top_body,
    top_scores,
)
from pluralign.engines.http_bounds import unknown
from pluralign.engines.http_exact import PROMPTS, ExactScores
from pluralign.engines.http_replies import pieces
from pluralign.engines.http_server import RequestRefusedError, Server
from pluralign.engines.live import End, Piece
from pluralign.engines.options import check, inner_paths

Asked = TypeVar("Asked", ScoreRequest, ChatRequest)
Got = TypeVar("Got")

BATCH = 64
"""Requests that are scored and stored together: what an interruption costs. More where more are under way at once,
and where several go into one request."""
TOPS = (20, 5)
"""How many likeliest tokens a server is asked to list, the most first; 20 is the most that OpenAI lists."""


class Address(NamedTuple):
    """Where a model is."""

    model: str | None
    """``None``: the only one that the server has."""
    base_url: str


class Found(NamedTuple):
    """What a server can do."""

    exact: ExactScores | None
    top: int | None
    """How many likeliest tokens it lists; ``None`` where it lists none."""
    dialect: Dialect


def address(name: str) -> Address:
    """Read ``http:MODEL``, ``http:MODEL@BASE_URL``, or a base URL by itself, whose only model is meant.

    A base URL without a path is taken to mean ``/v1``. Raises :class:`ModelError` for anything else.
    """
    if re.match(r"https?://", name):
        return Address(None, _base_url(name))
    match re.fullmatch(r"http:(?P<model>.+?)(?:@(?P<url>https?://.*))?", name):
        case re.Match() as found:
            url = found["url"]
            return Address(found["model"], OPENAI if url is None else _base_url(url))
        case _:
            raise ModelError(
                f"{name!r} names no model behind a server: write http:MODEL@BASE_URL, such as "
                "http:llama3@http://127.0.0.1:11434/v1"
            )


def _base_url(url: str) -> str:
    parts = urlsplit(url)
    if not parts.hostname or parts.query or parts.fragment or parts.username or parts.password:
        raise ModelError(
            f"{parts.scheme}://{parts.hostname or ''} … is no base URL: write scheme, host and path only, such as "
            "http://127.0.0.1:8000/v1, and give the key by itself"
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/') or '/v1'}"


def open_http(
    name: str,
    *,
    api_key: str | None = None,
    concurrency: int = 16,
    timeout: float = 120.0,
    retries: int = 6,
) -> "HttpEngine":
    """Connect to the server of that name (see :func:`address`) and ask what it can do.

    ``concurrency`` is how many requests are under way at once, ``timeout`` the seconds one may take, ``retries`` how
    often one that failed for a reason that may pass is tried again. Raises :class:`ModelError` where no server
    answers, where it does not accept the key, and where it does not have the model.
    """
    model, base_url = address(name)
    server = Server(base_url, model or "", api_key=api_key, concurrency=concurrency, timeout=timeout, retries=retries)
    try:
        with server.opening():
            served = server.models() if model is None or base_url != OPENAI else []
            server.model = model or _only(served, base_url)
            try:
                found = _find_out(server)
            except RequestRefusedError as error:
                names = [str(one["id"]) for one in served if one.get("id")]
                if error.status != 404 or not names or server.model in names:
                    raise
                raise ModelError(
                    f"the server at {base_url!r} has no model {server.model!r}: it has {', '.join(names[:20])}"
                ) from None
        root = next((one.get("root") for one in served if one.get("id") == server.model), None)
        identity = Identity(server.model, base_url, root if isinstance(root, str) else None)
    except BaseException:
        server.close()
        raise
    return HttpEngine(server, identity, found, name=name)


def _only(served: Sequence[Mapping[str, Any]], base_url: str) -> str:
    names = [str(one["id"]) for one in served if one.get("id")]
    if len(names) == 1:
        return names[0]
    has = "does not say which models it has" if not names else f"has {', '.join(names[:20])}"
    raise ModelError(f"the server at {base_url!r} {has}: name one, as http:MODEL@{base_url}")


def _find_out(server: Server) -> Found:
    """Ask one question at each level, the best first, until one is answered."""
    exact = None if server.base_url == OPENAI else ExactScores.offered(server)
    if exact is not None:
        return Found(exact, None, Dialect("max_tokens"))
    dialects = (Dialect("max_tokens"), Dialect("max_completion_tokens"), Dialect("max_tokens", seeded=False))
    problem: RequestRefusedError | None = None
    for top in (*TOPS, None):
        for dialect in dialects:
            try:
                answer = server.post(CHAT, _trial(server.model, dialect, top))
            except RequestRefusedError as error:
                if error.status in {401, 403, 404, 405}:
                    raise
                problem = error
                continue
            choice = first_choice(answer)
            # Servers that do not know log-probabilities mostly pass over the wish in silence.
            return Found(None, top if top and first_tokens(choice) else None, dialect)
    raise problem or ModelError(f"the server at {server.base_url!r} does not reply")


def _trial(model: str, dialect: Dialect, top: int | None) -> dict[str, Any]:
    """A short question; with room for a model that must think before it says a word, where no list is wanted."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": "Reply with the number 1."}],
        dialect.limit: 1 if top else 256,
        "temperature": 1.0,
    }
    if top:
        body |= {"top_p": 1.0, "logprobs": True, "top_logprobs": top}
    if dialect.seeded:
        body["seed"] = 0
    return body


class HttpEngine:
    """A model behind a server. Replies and scores stand in the order of the requests, however they came."""

    def __init__(self, server: Server, identity: Identity, found: Found, *, name: str):
        """``found`` is what the server can do."""
        self.name = name
        self.server = server
        scores: Literal["exact", "top_k", "none"] = "exact" if found.exact else "top_k" if found.top else "none"
        self.can = Capabilities(
            option_scores=scores, chat=True, stream=True, adapters=True, reply_logprobs=found.top is not None
        )
        self.identity = identity
        self.found = found
        self._exact, self._top, self._dialect = found
        self._others: dict[str, HttpEngine] = {}

    def wearing(self, adapter: str) -> "HttpEngine":
        """This server with an adapter on, which to a server is another of its models (``--lora-modules`` of vLLM)."""
        if not adapter:
            return self
        if adapter not in self._others:
            server = self.server.for_model(adapter)
            exact = None if self._exact is None else ExactScores(server, self._exact.tail)
            self._others[adapter] = HttpEngine(
                server,
                self.identity._replace(model=adapter, root=None),
                self.found._replace(exact=exact),
                name=f"http:{adapter}@{self.identity.base_url}",
            )
        return self._others[adapter]

    def carrier(self) -> Carrier:
        """Whom batch files with requests to this model are for; keys are those of :meth:`plan`."""
        return Carrier(self.identity, self._dialect, self._top)

    def close(self) -> None:
        """Close the connections to the server."""
        self.server.close()

    def describe(self) -> dict[str, Any]:
        """Model, server, and how scores are obtained.

        Weights behind a server cannot be read: the digest is of names, and a server that puts another model behind
        the same name goes unnoticed.
        """
        return {
            "engine": "http",
            "name": self.name,
            "model": self.identity.model,
            "base_url": self.identity.base_url,
            "served": self.identity.root,
            "digest": self.identity.digest,
            "adapter": None,
            "method": "server",
            "option_scores": self.can.option_scores,
            "top_logprobs": self._top,
            "option_tokens": None if self._exact is None else "in place" if self._exact.tail else "apart",
            "seeded": self._dialect.seeded,
        }

    def plan(self, requests: Sequence[ScoreRequest]) -> Plan:
        """Put requests that begin alike next to each other, so that the server's own cache helps.

        Tokens are counted by the server where it scores exactly; elsewhere they are estimated at four bytes each.
        No server says what it shares, so all tokens that are sent count as computed.
        """
        if any(request.adapter for request in requests):
            return self._plan_each(requests, lambda engine, own: engine.plan(own))
        if self._exact is not None:
            rendered = self._exact.render(requests)
            prompts = [[part.stem + path for path in inner_paths(part.forms)] for part in rendered]
            return Plan(
                batches=self._batches([group[0] for group in prompts]),
                keys=tuple(
                    content_hash({"model": self.identity.digest, "stem": part.stem, "forms": part.forms}, KEY_LENGTH)
                    for part in rendered
                ),
                prompt_tokens=sum(part.prompt_tokens for part in rendered),
                computed_tokens=sum(len(sequence) for group in prompts for sequence in group),
                unique_tokens=distinct(sequence for group in prompts for sequence in group),
                calls=sum(map(len, prompts)),
                reply_tokens=sum(map(len, prompts)),
            )
        for request in requests:
            check(request)
        texts = [_pieces(request) for request in requests]
        total = sum(map(len, texts))
        return Plan(
            batches=self._batches(texts),
            keys=tuple(score_key(request, self.identity, self._top or 0) for request in requests),
            prompt_tokens=total,
            computed_tokens=total,
            unique_tokens=distinct(texts),
            calls=len(texts),
            reply_tokens=len(texts),
        )

    def score(self, requests: Sequence[ScoreRequest]) -> list[OptionScores]:
        """Score every request: exactly, or with lower and upper bounds where the server lists likeliest tokens only.

        Raises :class:`ModelError` where the server gives no log-probabilities.
        """
        if any(request.adapter for request in requests):
            return self._each(requests, lambda engine, own: engine.score(own))
        if self._exact is not None:
            return self._exact.score(requests)
        return self.server.each(self._bounded, requests)

    def plan_chat(self, requests: Sequence[ChatRequest]) -> Plan:
        """Put requests that begin alike next to each other; tokens are estimated at four bytes each."""
        if any(request.adapter for request in requests):
            return self._plan_each(requests, lambda engine, own: engine.plan_chat(own))
        texts = [_pieces(request) for request in requests]
        total = sum(map(len, texts))
        return Plan(
            batches=self._batches([(text, request.seed) for text, request in zip(texts, requests, strict=True)]),
            keys=tuple(chat_key(request, self.identity) for request in requests),
            prompt_tokens=total,
            computed_tokens=total,
            unique_tokens=distinct(set(texts)),
            calls=len(texts),
            reply_tokens=sum(request.max_tokens for request in requests),
        )

    def chat(self, requests: Sequence[ChatRequest]) -> list[Completion]:
        """Reply to every request. A reply that the model or a filter refused is marked so."""
        if any(request.adapter for request in requests):
            return self._each(requests, lambda engine, own: engine.chat(own))
        return self.server.each(self._reply, requests)

    def stream(self, request: ChatRequest) -> Iterator[str]:
        """Reply to one request, piece by piece."""
        for piece in self.pieces(request):
            if isinstance(piece, Piece) and piece.text:
                yield piece.text

    def pieces(self, request: ChatRequest, *, top_logprobs: int | None = None) -> Generator[Piece | End, None, None]:
        """Reply to one request piece by piece; the last says why it ended."""
        engine = self.wearing(request.adapter)
        return pieces(
            engine.server,
            replace(request, adapter=""),
            engine._dialect,
            begins=engine._exact is not None,
            top_logprobs=top_logprobs,
        )

    def _each(self, requests: Sequence[Asked], ask: Callable[["HttpEngine", list[Asked]], list[Got]]) -> list[Got]:
        """Let every adapter answer its own requests; answers in the order of the requests."""
        found: dict[int, Got] = {}
        for adapter, places in by_adapter(requests).items():
            own = [replace(requests[at], adapter="") for at in places]
            found.update(zip(places, ask(self.wearing(adapter), own), strict=True))
        return [found[at] for at in range(len(requests))]

    def _plan_each(self, requests: Sequence[Asked], plan_of: Callable[["HttpEngine", list[Asked]], Plan]) -> Plan:
        keys: dict[int, str] = {}
        batches: list[tuple[int, ...]] = []
        plans = []
        for adapter, places in by_adapter(requests).items():
            plan = plan_of(self.wearing(adapter), [replace(requests[at], adapter="") for at in places])
            keys.update(zip(places, plan.keys, strict=True))
            batches += [tuple(places[at] for at in batch) for batch in plan.batches]
            plans.append(plan)
        return Plan(
            batches=tuple(batches),
            keys=tuple(keys[at] for at in range(len(requests))),
            prompt_tokens=sum(plan.prompt_tokens for plan in plans),
            computed_tokens=sum(plan.computed_tokens for plan in plans),
            unique_tokens=sum(plan.unique_tokens for plan in plans),
        )

    def _bounded(self, request: ScoreRequest) -> OptionScores:
        check(request)
        if self._top is None:
            raise ModelError(
                f"the server at {self.server.base_url!r} gives no log-probabilities of {self.server.model!r}: "
                "ask for samples instead"
            )
        try:
            answer = self.server.post(CHAT, top_body(request, self.server.model, self._dialect, self._top))
        except RequestRefusedError as error:
            if error.filtered:
                return unknown(request, 0)
            raise
        return top_scores(request, answer)

    def _reply(self, request: ChatRequest) -> Completion:
        try:
            return completion(self.server.post(CHAT, chat_body(request, self.server.model, self._dialect)))
        except RequestRefusedError as error:
            if error.filtered:
                return Completion("", finish(None, refused=True), 0, 0)
            raise

    def _batches(self, prompts: Sequence[Any]) -> tuple[tuple[int, ...], ...]:
        size = max(BATCH, (PROMPTS if self._exact else 4) * self.server.concurrency)
        order = sorted(range(len(prompts)), key=lambda at: prompts[at])
        return tuple(tuple(order[start : start + size]) for start in range(0, len(order), size))


def _pieces(request: ScoreRequest | ChatRequest) -> tuple[str, ...]:
    """The prompt in pieces of about a token."""
    text = "\n".join(f"{turn['role']}: {turn['content']}" for turn in messages(request)).encode()
    return tuple(text[4 * at : 4 * at + 4].decode("latin-1") for at in range(math.ceil(len(text) / 4)))
