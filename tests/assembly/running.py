"""The site as a person starts it, for tests that look at it in a browser."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ANSWERS = (
    "I asked the ones who never come to meetings.",
    "Who went quiet when others spoke.",
    "People came who had not come before.",
    "When there is time to go round.",
    "I used to count hands.",
    "People who fall silent\nWays a place is used already\nSteps that can be taken back",
)


class Running(NamedTuple):
    """A site that was started for the test."""

    address: str
    entry: str
    """The link by which the organiser comes in."""
    folder: Path


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The site as a person starts it, on an empty machine, on a free port, without a model."""
    with started(tmp_path_factory.mktemp("site")) as site:
        yield site


@contextmanager
def started(folder: Path, *further: str) -> Iterator[Running]:
    """Start the site in a folder, with further arguments of ``assembly serve``, and stop it afterwards."""
    port = free_port()
    site, entry = start(folder, port, *further)
    with site:
        yield Running(f"http://127.0.0.1:{port}", entry, folder)
        site.terminate()


def is_there(page: Any) -> None:
    """Wait for the page of Chromium to be whole: a click that leads on returns before the new document has a body."""
    page.wait_for_load_state()
    page.locator("body").wait_for()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def start(folder: Path, port: int, *further: str) -> tuple["subprocess.Popen[str]", str]:
    """Start the site and wait until it listens: its process, and the organiser's link."""
    source = str(Path(__file__).parents[2] / "src")
    command = [sys.executable, "-m", "pluralign", "assembly", "serve", "--folder", str(folder), "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": source, "PLURALIGN_ASSEMBLY_EMBEDDER": "letters"}
    site = subprocess.Popen([*command, *further], stdout=subprocess.PIPE, text=True, env=environment)
    assert site.stdout is not None
    entry = ""
    for line in site.stdout:
        entry = next(iter(re.findall(r"http\S+/organise/enter/#\S+", line)), entry)
        if "Stop with" in line:
            break
    assert site.poll() is None, "the site did not start"
    return site, entry
