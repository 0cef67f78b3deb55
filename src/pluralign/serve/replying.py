"""A reply over HTTP, whole or streamed. Whoever leaves, stalls or fails is let go, and the reply with it."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import anyio
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from pluralign.engines.live import End
from pluralign.serve import answers
from pluralign.serve.answers import Choice, Head
from pluralign.serve.counting import Counts
from pluralign.serve.errors import ApiError, explained
from pluralign.serve.hearing import Hearing, Inbox

AT_ONCE = 16_384
"""Bytes of a streamed reply that are sent together at most."""

_log = logging.getLogger("pluralign.serve")


@dataclass(frozen=True)
class Order:
    """Replies to be given."""

    head: Head
    hearing: Hearing
    """Starts the replies, and lets them be heard."""
    replies: int
    voice: str
    """What the counters call it."""
    stream: bool
    scored: bool
    include_usage: bool
    headers: dict[str, str]
    stall_timeout: float
    patience: float
    spend: Callable[[int], None]
    """Told how many tokens it took."""


class Reply(Response):
    """Answers an order."""

    def __init__(self, order: Order, counts: Counts):
        super().__init__()
        self._order, self._counts = order, counts
        self._started = time.monotonic()
        self._counted = self._heard_any = False
        self._choices = [Choice(index) for index in range(order.replies)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Speak until the replies are whole or the client is gone."""
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(_until_gone, receive, group.cancel_scope)
                await self._answer(scope, receive, send)
                group.cancel_scope.cancel()
        finally:
            self._count()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        order = self._order
        try:
            async with order.hearing() as inbox:
                if order.stream:
                    await self._stream(inbox, send)
                    return
                async for _ in self._listen(inbox):
                    pass
        except Exception as error:
            failed = explained(error)
            failed.headers.update(order.headers)
            await failed.response()(scope, receive, send)
            _note(failed, error)
            return
        self._count()
        body = answers.whole(order.head, self._choices, scored=order.scored)
        await JSONResponse(body, headers=order.headers)(scope, receive, send)

    async def _stream(self, inbox: Inbox, send: Send) -> None:
        """Send events. What fails before the first of them is an ordinary error; after it, an event of its own."""
        order = self._order
        opened = False

        async def out(data: bytes) -> None:
            nonlocal opened
            async with asyncio.timeout(order.stall_timeout):
                if not opened:
                    opened = True
                    await send(_start(order.headers))
                await send({"type": "http.response.body", "body": data, "more_body": True})

        try:
            waiting = b""
            async for data in self._events(inbox):
                waiting += data
                if inbox.empty() or len(waiting) >= AT_ONCE:  # what came in the meantime goes out together
                    await out(waiting)
                    waiting = b""
                    if not inbox.empty():
                        await asyncio.sleep(0)  # a reply that is there already must not keep the loop from all others
            self._count()
            await out(waiting + answers.line("[DONE]"))
        except TimeoutError:
            return  # whoever does not read is not read to
        except Exception as error:
            if not opened:
                raise
            failed = explained(error)
            await out(answers.line(failed.body))
            _note(failed, error)
        finally:
            if opened:
                with anyio.move_on_after(order.stall_timeout):
                    await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _events(self, inbox: Inbox) -> AsyncIterator[bytes]:
        order = self._order
        begun: set[int] = set()
        async for choice, heard in self._listen(inbox):
            if heard is None:
                # Proxies close connections on which nothing comes; a line like this means nothing to clients.
                yield b": still waiting\n\n"
                continue
            if choice.index not in begun:
                begun.add(choice.index)
                opening = answers.first(order.head, choice.index)
                if opening is not None:
                    yield answers.line(opening)
            yield answers.line(heard)
        if order.include_usage:
            yield answers.line(answers.total(order.head, self._choices))

    async def _listen(self, inbox: Inbox) -> AsyncIterator[tuple[Choice, dict[str, object] | None]]:
        """Events of the replies as they are heard; ``None`` where nothing was for a while. Raises what went wrong."""
        left = len(self._choices)
        while left:
            try:
                if inbox.empty():
                    async with asyncio.timeout(self._order.patience):
                        index, heard = await inbox.get()
                else:
                    index, heard = inbox.get_nowait()
            except TimeoutError:
                yield self._choices[0], None
                continue
            if isinstance(heard, Exception):
                raise heard
            choice = self._choices[index]
            if not self._heard_any and not isinstance(heard, End):
                self._heard_any = True
                self._counts.first_piece.observe(time.monotonic() - self._started)
            if isinstance(heard, End):
                left -= 1
                choice.hear(heard)
                yield choice, answers.last(self._order.head, choice)
            else:
                event = answers.piece(self._order.head, choice, heard, scored=self._order.scored)
                choice.hear(heard)
                yield choice, event

    def _count(self) -> None:
        """Count what was said, once: before the answer ends, so that limits hold for the very next request."""
        if self._counted:
            return
        self._counted = True
        order = self._order
        spent = answers.usage(self._choices)
        for choice in self._choices:
            ended = choice.end.finish if choice.end is not None else "broken_off"
            self._counts.replies.labels(order.voice, ended).inc()
        said = spent["completion_tokens"] or sum(len(choice.pieces) for choice in self._choices)
        self._counts.prompt_tokens.labels(order.voice).inc(spent["prompt_tokens"])
        self._counts.completion_tokens.labels(order.voice).inc(said)
        self._counts.reply_seconds.observe(time.monotonic() - self._started)
        order.spend(spent["prompt_tokens"] + said)


def _note(failed: ApiError, error: Exception) -> None:
    """Log a defect. Raised, it would cost the client its connection although it has been answered."""
    if failed.status == 500:
        _log.error("a reply failed", exc_info=error)


def _start(headers: dict[str, str]) -> Message:
    told = {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-store",
        "x-accel-buffering": "no",  # nginx would hold events back
        **headers,
    }
    return {
        "type": "http.response.start",
        "status": 200,
        "headers": [(name.lower().encode(), value.encode()) for name, value in told.items()],
    }


async def _until_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    """End everything when the client leaves."""
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
