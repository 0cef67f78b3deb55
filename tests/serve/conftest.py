"""A server on this machine, in a thread, whose voices speak by a script."""

import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")

import httpx
import uvicorn

from pluralign.engines.base import ChatRequest
from pluralign.engines.live import Live, Load, Threaded
from pluralign.engines.scripted import ScriptedEngine
from pluralign.serve.app import create_app
from pluralign.serve.settings import Options
from pluralign.serve.shelf import Shelf
from pluralign.surveys import load


def speak(request: ChatRequest) -> str:
    """Says who it was told to be, and what it was told last."""
    first = request.messages[0]
    told = first.content if first.role == "system" else "nothing"
    return f"Told: {told} Heard: {request.messages[-1].content}"


def script(**settings: Any) -> ScriptedEngine:
    """An engine whose option scores are uniform and whose replies are :func:`speak`'s."""
    return ScriptedEngine(
        lambda request: [math.log(1 / len(request.options))] * len(request.options),
        settings.pop("speaker", speak),
        name="script",
        remember=False,
        adapters=True,
        **settings,
    )


def shelf_of(live: Live, **settings: Any) -> Shelf:
    """A shelf of voices that all speak through one engine."""
    told = {"model": "script", "base": "script", "survey": load("world-mini"), **settings}
    return Shelf(lambda _: live, load_survey=load, **told)


@dataclass
class Running:
    """A server that runs."""

    url: str
    client: httpx.Client
    live: Live
    shelf: Shelf

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self.client.post(path, json=body)

    def idle(self, seconds: float = 20) -> None:
        """Wait until nobody speaks; fails if somebody goes on."""
        deadline = time.monotonic() + seconds
        while self.live.load() != Load(0, 0):
            assert time.monotonic() < deadline, f"still speaking: {self.live.load()}"
            time.sleep(0.02)


@contextmanager
def running(shelf: Shelf, live: Live, options: Options | None = None, **settings: Any) -> Iterator[Running]:
    """Serve on a free port of this machine."""
    app = create_app(shelf, options or Options(), **settings)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        while not server.started:
            time.sleep(0.01)
        yield Running(url, client, live, shelf)
    server.should_exit = True
    thread.join(timeout=20)
    live.close()


@pytest.fixture(scope="module")
def served() -> Iterator[Running]:
    """The survey's voices, spoken by the script."""
    live = Threaded(script(), concurrency=32)
    with running(shelf_of(live), live) as found:
        yield found


Write = Callable[[str, str], Path]


@pytest.fixture
def voices(tmp_path: Path) -> Write:
    """Writes voice files."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write
