"""From replies that are spoken in threads to what an event loop can wait for. Knows no HTTP.

Whoever stops listening calls the replies off, however it came to stop.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple

from pluralign.engines.live import Heard, Live, Utterance

Inbox = asyncio.Queue[tuple[int, Heard]]
"""Which of the replies, and what was heard of it."""

Hearing = Callable[[], AbstractAsyncContextManager[Inbox]]
"""Starts replies when it is entered, and calls them off when it is left."""


class Begun(NamedTuple):
    """A reply to be spoken, and the engine that speaks it."""

    live: Live
    utterance: Utterance


@asynccontextmanager
async def hearing(replies: Sequence[Begun]) -> AsyncIterator[Inbox]:
    """Start replies and listen to them. What a reply cannot be begun for is raised here."""
    loop = asyncio.get_running_loop()
    inbox: Inbox = asyncio.Queue()
    cancels: list[Callable[[], None]] = []
    stopped = False

    def ear(index: int) -> Callable[[Heard], None]:
        def hear(heard: Heard) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(inbox.put_nowait, (index, heard))

        return hear

    def begin(index: int, one: Begun) -> None:
        cancel = one.live.begin(one.utterance, ear(index))
        cancels.append(cancel)
        if stopped:  # the client left while the reply was being begun
            cancel()

    try:
        for index, one in enumerate(replies):
            if one.live.begins_at_once:
                begin(index, one)
            else:
                await asyncio.to_thread(begin, index, one)
        yield inbox
    finally:
        stopped = True
        for cancel in list(cancels):
            cancel()
