"""One OpenAI-compatible server and one model on it: posts bodies, keeps several under way, says what went wrong.

Waiting, retrying and time limits are the ``openai`` client's. Knows no survey and no option.
"""

import copy
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Self, TypeVar

import openai
from openai.types.chat import ChatCompletionChunk

from pluralign.core.errors import InterruptedRunError, ModelError, PluralignError
from pluralign.engines.http_bodies import FILTERED, OPENAI

Item = TypeVar("Item")
Result = TypeVar("Result")

_GO_ON = "what was answered is kept: run the same command again to go on"


class RequestRefusedError(ModelError):
    """The server said no: a wrong key, an unknown path, model or parameter, or a prompt it does not answer."""

    def __init__(self, message: str, *, status: int, filtered: bool):
        super().__init__(message)
        self.status = status
        self.filtered = filtered
        """Whether a filter refused the prompt for what it says."""


class Server:
    """A connection. Safe to use from several threads."""

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: str | None = None,
        concurrency: int = 16,
        timeout: float = 120.0,
        retries: int = 6,
    ):
        """``concurrency`` is how many requests are under way at once, ``timeout`` the seconds one of them may take.

        What fails for a reason that may pass (a dropped connection, a time-out, a busy or broken server) is tried
        ``retries`` times more, after the seconds the server names, else after waits that double up to eight seconds.
        """
        if concurrency < 1 or retries < 0 or not (timeout > 0 and math.isfinite(timeout)):
            raise ModelError(
                f"asking a server needs a concurrency of at least 1 and a time-out above 0, "
                f"not {concurrency} and {timeout:g}"
            )
        if base_url == OPENAI and api_key is None:
            raise ModelError(f"the server at {OPENAI!r} needs an API key: give one, or name another server")
        self.base_url = base_url
        self.root = base_url.removesuffix("/v1")
        """Where servers keep what is not part of the API, such as ``/tokenize``."""
        self.model = model
        self.concurrency = concurrency
        self.timeout = timeout
        # A server that asks for no key is sent a placeholder, so that the client does not look for one elsewhere.
        self._client = openai.OpenAI(
            base_url=base_url,
            api_key=api_key or "none",
            timeout=openai.Timeout(timeout, connect=min(timeout, 10.0)),
            max_retries=retries,
        )
        self._patience = retries
        self._opening = False

    @contextmanager
    def opening(self) -> Iterator[None]:
        """While a server is asked for the first time: fewer retries, and whatever fails is a :class:`ModelError`."""
        patient = self._client
        self._client, self._opening = patient.with_options(max_retries=min(2, self._patience)), True
        try:
            yield
        finally:
            self._client, self._opening = patient, False

    def for_model(self, model: str) -> Self:
        """The same server and connections, for another of its models."""
        other = copy.copy(self)
        other.model = model
        return other

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, path: str) -> dict[str, Any]:
        """The JSON object at a path under the base URL."""
        with self._explained():
            return self._object(self._client.get(path, cast_to=object))

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Post JSON and give the JSON object that comes back; ``path`` may be a whole address.

        Raises :class:`RequestRefusedError` where the server says no or is no such server, and
        :class:`InterruptedRunError` where it failed although it was tried again.
        """
        with self._explained():
            return self._object(self._client.post(path, cast_to=object, body=dict(body)))

    def pieces(self, path: str, body: Mapping[str, Any]) -> Iterator[ChatCompletionChunk]:
        """Post JSON and give the events that come back as they come."""
        with self._explained():
            stream = self._client.post(
                path,
                cast_to=ChatCompletionChunk,
                body={**body, "stream": True},
                stream=True,
                stream_cls=openai.Stream[ChatCompletionChunk],
            )
            with stream:
                yield from stream

    def each(self, function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Apply a function to every item, several at once; results in the order of the items.

        The first error stops what has not begun and is raised.
        """
        if len(items) < 2 or self.concurrency == 1:
            return [function(item) for item in items]
        pool = ThreadPoolExecutor(max_workers=min(self.concurrency, len(items)), thread_name_prefix="pluralign-http")
        try:
            waiting = [pool.submit(function, item) for item in items]
            return [one.result() for one in waiting]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def models(self) -> list[dict[str, Any]]:
        """What the server says it serves; empty where it does not say."""
        try:
            served = self.get("/models").get("data")
        except RequestRefusedError:
            return []
        return [one for one in served if isinstance(one, dict)] if isinstance(served, list) else []

    def _object(self, answer: object) -> dict[str, Any]:
        if isinstance(answer, dict):
            return answer
        raise self._stranger()

    def _stranger(self) -> RequestRefusedError:
        return RequestRefusedError(
            f"what answers at {self.base_url!r} does not answer as an OpenAI-compatible server: give its base URL, "
            "which mostly ends in /v1",
            status=200,
            filtered=False,
        )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what the client raises into one sentence."""
        try:
            yield
        except openai.APIError as error:
            raise self._explain(error) from None
        except json.JSONDecodeError:
            # A body that is no JSON although it says so.
            raise self._stranger() from None

    def _explain(self, error: openai.APIError) -> PluralignError:
        where = f"the server at {self.base_url!r}"
        match error:
            case openai.APITimeoutError():
                return self._stopped(
                    f"{where} did not answer within {self.timeout:g} seconds: allow it more time, or ask less at once"
                )
            case openai.APIConnectionError() if self._opening:
                return ModelError(f"no server answers at {self.base_url!r}: start it, or correct the address")
            case openai.APIConnectionError():
                return self._stopped(f"{where} no longer answers")
            case openai.AuthenticationError() | openai.PermissionDeniedError():
                return RequestRefusedError(
                    f"{where} does not accept the API key ({_said(error)}): give the right one",
                    status=error.status_code,
                    filtered=False,
                )
            case openai.RateLimitError():
                return self._stopped(f"{where} takes no more requests for now ({_said(error)})")
            case openai.APIStatusError() if error.status_code in {404, 405, 501}:
                return RequestRefusedError(
                    f"{where} has no model {self.model!r}, or no such path ({_said(error)}): correct the name "
                    "or the address",
                    status=error.status_code,
                    filtered=False,
                )
            case openai.APIStatusError() if error.status_code < 500 and error.status_code not in {408, 409}:
                return RequestRefusedError(
                    f"{where} refused a request to {self.model!r}: {_said(error)}",
                    status=error.status_code,
                    filtered=error.code in FILTERED,
                )
            case _:
                return self._stopped(f"{where} failed ({_said(error)})")

    def _stopped(self, problem: str) -> PluralignError:
        return ModelError(problem) if self._opening else InterruptedRunError(f"{problem}; {_GO_ON}")


def _said(error: openai.APIError) -> str:
    """The server's own words, on one line."""
    body = error.body
    if isinstance(body, dict):
        for key in ("message", "detail", "error"):
            if isinstance(body.get(key), str):
                return _line(body[key])
    if isinstance(error, openai.APIStatusError):
        return _line(body) if isinstance(body, str) and body.strip() else f"status {error.status_code}"
    return _line(error.message)


def _line(text: str) -> str:
    joined = " ".join(text.split())
    return joined if len(joined) <= 300 else joined[:299] + "…"
