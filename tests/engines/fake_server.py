"""A small OpenAI-compatible server on this machine, whose model's distribution is known.

Its tokens are single characters, a few longer pieces and two special tokens; the probability of the next token
depends on the tokens before it through a hash. It can play vLLM, a hosted API, an older server, and one that fails.
"""

import hashlib
import json
import math
import random
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pluralign.engines.base import ScoreRequest
from pluralign.engines.options import credited

START, END = "<|start|>", "<|end|>"
# Several options begin with the same piece, and one piece ("10") is a token of the hosted model only.
VOCABULARY = (START, END, "\n", *map(chr, range(32, 127)), " 1", " 2", " is", "ree", "Dis", "Agree", " strongly", "—")
HOSTED = (*VOCABULARY, "10", "1.")
WORDS = [
    "yes",
    "no",
    "maybe",
    "family",
    "work",
    "very",
    "rather",
    "important",
    "not",
    "agree",
    "disagree",
    "strongly",
    "1",
    "2",
    "3",
    "10",
]


def tokenize(text: str, vocabulary: Sequence[str] = VOCABULARY) -> tuple[int, ...]:
    """Always the longest token that fits."""
    ids = []
    at = 0
    while at < len(text):
        best = max((token for token in vocabulary if text.startswith(token, at)), key=len)
        ids.append(vocabulary.index(best))
        at += len(best)
    return tuple(ids)


def render(messages: Sequence[Mapping[str, str]]) -> str:
    turns = "".join(f"{START}{turn['role']}\n{turn['content']}{END}\n" for turn in messages)
    return f"{turns}{START}assistant\n"


@lru_cache(maxsize=20_000)
def next_logprobs(ids: tuple[int, ...], size: int) -> tuple[float, ...]:
    """Log-probabilities of every token after these."""
    chance = random.Random(hashlib.sha256(str(ids).encode()).digest())
    logits = [3 * chance.gauss(0, 1) + (3 if 16 <= at <= 25 else 0) for at in range(size)]
    top = max(logits)
    total = top + math.log(math.fsum(math.exp(value - top) for value in logits))
    return tuple(value - total for value in logits)


class FakeServer(ThreadingHTTPServer):
    """What it is asked is kept in ``asked``; ``faults`` are played first, one per request for a reply."""

    daemon_threads = True

    def __init__(
        self,
        kind: str = "vllm",
        *,
        model: str = "tiny",
        key: str | None = None,
        top: int = 20,
        adapters: tuple[str, ...] = (),
    ):
        """``kind``: ``vllm``, ``hosted`` (likeliest tokens only), ``silent`` (passes over wishes for
        log-probabilities), ``reasoning`` (refuses them, and knows ``max_completion_tokens`` only)."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.kind, self.model, self.key, self.top = kind, model, key, top
        self.adapters = adapters
        self.vocabulary = VOCABULARY if kind == "vllm" else HOSTED
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.faults: deque[Any] = deque()
        """Each a ``(status, headers, body)``, ``drop``, ``half`` (of an answer), or an event to wait for."""
        self.breaks_off = False
        """Whether streams end in the middle."""
        self.sampled: str | None = None
        """The token that comes first, instead of the likeliest."""
        self.reads_special_tokens = True
        self.busy = self.busiest = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, *_: Any) -> None:
        """A client that went away is none of our business."""

    def asked_for(self, path: str) -> list[dict[str, Any]]:
        return [body for asked, body in self.asked if asked == path]

    def said(self, word: str | None) -> None:
        """Called after every word of a stream. What it raises breaks the stream off there."""

    def tokenize(self, text: str) -> tuple[int, ...]:
        return tokenize(text, self.vocabulary)

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if path == "/v1/models":
            return 200, {"object": "list", "data": [{"id": self.model, "root": "/models/tiny"}]}
        if body.get("model") not in {self.model, *self.adapters}:
            return refused(404, f"The model `{body.get('model')}` does not exist.")
        match path:
            case "/tokenize" if self.kind == "vllm":
                ids = self.tokenize(body["prompt"] if "prompt" in body else render(body["messages"]))
                if not self.reads_special_tokens and "prompt" in body:
                    ids = tuple(token for letter in body["prompt"] for token in self.tokenize(letter))
                return 200, {"count": len(ids), "max_model_len": 4096, "tokens": list(ids)}
            case "/detokenize" if self.kind == "vllm":
                return 200, {"prompt": "".join(self.vocabulary[token] for token in body["tokens"])}
            case "/v1/completions" if self.kind == "vllm":
                return 200, self._chosen(body)
            case "/v1/chat/completions":
                return self._chat(body)
        return refused(404, f"no path {path}")

    def _chosen(self, body: dict[str, Any]) -> dict[str, Any]:
        assert body["max_tokens"] == 1
        assert len(body["logprob_token_ids"]) <= 128
        choices = []
        for at, prompt in enumerate(body["prompt"]):
            logprobs = next_logprobs(tuple(prompt), len(self.vocabulary))
            chosen = {logprobs.index(max(logprobs)), *body["logprob_token_ids"]}
            top = {f"token_id:{token}": max(logprobs[token], -9999.0) for token in chosen}
            choices.append({"index": at, "text": "?", "finish_reason": "length", "logprobs": {"top_logprobs": [top]}})
        # Nothing says that they come in order.
        return {"object": "text_completion", "choices": choices[::-1], "usage": {"prompt_tokens": 1}}

    def _chat(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.kind == "reasoning" and "max_tokens" in body:
            return refused(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        if self.kind == "reasoning" and "logprobs" in body:
            return refused(400, "logprobs are not supported with this model.")
        if body.get("top_logprobs", 0) > self.top:
            return refused(400, f"top_logprobs must be at most {self.top}")
        prompt = self.tokenize(render(body["messages"]))
        words, reason = self.reply(body)
        choice: dict[str, Any] = {
            "index": 0,
            "message": {"role": "assistant", "content": "".join(words), "refusal": None},
            "finish_reason": reason,
        }
        if body.get("logprobs") and self.kind == "hosted":
            choice["logprobs"] = {"content": [self._position(prompt, body["top_logprobs"])]}
        return 200, {
            "object": "chat.completion",
            "choices": [choice],
            "usage": {"prompt_tokens": len(prompt), "completion_tokens": len(words)},
        }

    def _position(self, prompt: tuple[int, ...], count: int) -> dict[str, Any]:
        logprobs = next_logprobs(prompt, len(self.vocabulary))
        order = sorted(range(len(logprobs)), key=lambda token: -logprobs[token])

        def entry(token: int) -> dict[str, Any]:
            text = self.vocabulary[token]
            return {"token": text, "logprob": logprobs[token], "bytes": list(text.encode())}

        came = order[0] if self.sampled is None else self.vocabulary.index(self.sampled)
        return {**entry(came), "top_logprobs": [entry(token) for token in order[:count]]}

    def reply(self, body: dict[str, Any]) -> tuple[list[str], str]:
        """Words, and why there are no more."""
        limit = int(body["max_completion_tokens"] if "max_completion_tokens" in body else body["max_tokens"])
        seed = body.get("seed") if body.get("temperature") else None
        chance = random.Random(json.dumps([body["messages"], seed], sort_keys=True))
        words = [(" " if at else "") + chance.choice(WORDS) for at in range(chance.randint(4, 16))]
        text = "".join(words)
        for stop in body.get("stop") or []:
            if stop in text:
                text = text[: text.index(stop)]
        pieces = [(" " if at else "") + word for at, word in enumerate(text.split(" "))] if text else []
        return pieces[:limit], "length" if len(pieces) > limit else "stop"


def refused(status: int, message: str, code: str | None = None) -> tuple[int, dict[str, Any]]:
    return status, {"error": {"message": message, "type": "invalid_request_error", "code": code, "param": None}}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeServer

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._serve({})

    def do_POST(self) -> None:
        self._serve(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _serve(self, body: dict[str, Any]) -> None:
        server = self.server
        with server.lock:
            server.asked.append((self.path, body))
            server.busy += 1
            server.busiest = max(server.busiest, server.busy)
            replies = self.path in {"/v1/chat/completions", "/v1/completions"}
            fault = server.faults.popleft() if replies and server.faults else None
        try:
            self._play(body, fault)
        finally:
            with server.lock:
                server.busy -= 1

    def _play(self, body: dict[str, Any], fault: Any) -> None:
        if fault == "drop":
            self.close_connection = True
            return
        if fault == "half":
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"choices": [')
            self.close_connection = True
            return
        if isinstance(fault, threading.Event):
            fault.wait(5)
        elif fault is not None:
            self._send(*fault)
            return
        if self.server.key is not None and self.headers["Authorization"] != f"Bearer {self.server.key}":
            status, answer = refused(401, "Incorrect API key provided.", "invalid_api_key")
        else:
            status, answer = self.server.answer(self.path, body)
        if body.get("stream") and status == 200:
            self._stream(body)
        else:
            self._send(status, {}, answer)

    def _send(self, status: int, headers: Mapping[str, str], answer: Any) -> None:
        data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if isinstance(answer, str) else "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, body: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        words, reason = self.server.reply(body)
        for word in [*words, None]:
            delta = {} if word is None else {"content": word}
            choice = {"index": 0, "delta": delta, "finish_reason": reason if word is None else None}
            event = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "tiny", "choices": [choice]}
            self._chunk(f"data: {json.dumps(event)}\n\n".encode())
            self.server.said(word)
            if self.server.breaks_off:
                self.close_connection = True
                return
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))


def truth(server: FakeServer, request: ScoreRequest) -> tuple[float, ...]:
    """What exact scoring must find: every form by its own tokens, and none credited with a longer one."""
    turns = [{"role": message.role, "content": message.content} for message in request.messages]
    text = render(turns) + request.reply_start
    prompt = server.tokenize(text)
    forms = []
    logprobs: list[list[float]] = []
    for option in request.options:
        forms.append([server.tokenize(text + form)[len(prompt) :] for form in option])
        logprobs.append([])
        for tokens in forms[-1]:
            steps = [
                next_logprobs(prompt + tokens[:at], len(server.vocabulary))[token] for at, token in enumerate(tokens)
            ]
            logprobs[-1].append(math.fsum(steps))
    return credited(forms, logprobs)


def start(server: FakeServer) -> threading.Thread:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    return thread


@contextmanager
def serving(server: FakeServer) -> Iterator[FakeServer]:
    """Run the server in a thread, and put it away afterwards."""
    thread = start(server)
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
