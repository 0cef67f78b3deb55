"""Voices over HTTP under load: many streams at once from a script, and chats with a real model, together and in turn.

    python -m benchmarks.serve [--streams 200] [--seconds 60] [--pause 0.25] [--chats 8]

The script says four words a second, as a busy model would, so that the time is the server's own. Client and server are
processes of their own on this machine and share its cores. With SmolLM2, the same chats are held at once and one after
the other, in turns, and compared by processor time, which other work on the machine disturbs least.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np

WORDS = 40
PAUSE = 0.25
QUESTIONS = ("Is divorce acceptable?", "How important is family?", "Can people be trusted?", "What is a good life?")


@dataclass
class Heard:
    """What the clients met."""

    first: list[float] = field(default_factory=list)
    """Seconds from a request to the first piece of its reply."""
    replies: int = 0
    errors: list[str] = field(default_factory=list)
    mixed: int = 0
    """Replies that held a word of another's."""


def serve_script(streams: int, pause: float) -> None:
    """The server's process: a script that repeats the number it was given."""
    import uvicorn

    from pluralign.engines.base import ChatRequest
    from pluralign.engines.live import Threaded
    from pluralign.engines.scripted import ScriptedEngine
    from pluralign.serve.app import create_app
    from pluralign.serve.settings import Options
    from pluralign.serve.shelf import Shelf

    def speak(request: ChatRequest) -> str:
        return " ".join([request.messages[-1].content] * WORDS)

    engine = ScriptedEngine(speaker=speak, name="script", remember=False, pause=pause)
    live = Threaded(engine, concurrency=streams)
    app = create_app(Shelf(lambda _: live, model="script", base="script"), Options())
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", timeout_keep_alive=75)
    listening = config.bind_socket()
    listening.listen(config.backlog)
    print(f"Listening on http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    uvicorn.Server(config).run(sockets=[listening])


@contextlib.contextmanager
def server(*command: str) -> Iterator[tuple[str, int]]:
    """A server in a process of its own: its address and process."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        if found is None:
            raise SystemExit(f"the server did not start: {line!r}")
        yield found[0], process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


def megabytes(process: int) -> float:
    """Memory that the process holds now."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def processor_seconds(process: int) -> float:
    """Processor time that the process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def chat(client: httpx.AsyncClient, body: dict[str, object]) -> tuple[str, float, list[float]]:
    """One streamed reply: text, seconds to its first piece, and when each piece came."""
    started = time.monotonic()
    text, times = "", []
    async with client.stream("POST", "/v1/chat/completions", json={**body, "stream": True}) as answer:
        if answer.status_code != 200:
            raise RuntimeError(f"status {answer.status_code}: {(await answer.aread())[:200]!r}")
        done = False
        async for line in answer.aiter_lines():
            if line == "data: [DONE]":
                done = True
            elif line.startswith("data: "):
                event = json.loads(line[6:])
                if "error" in event:
                    raise RuntimeError(event["error"]["message"])
                piece = event["choices"][0]["delta"].get("content") if event["choices"] else None
                if piece:
                    text += piece
                    times.append(time.monotonic())
        if not done:
            raise RuntimeError("the reply broke off")
    return text, (times[0] if times else time.monotonic()) - started, times


async def listen(host: str, port: int, word: str) -> tuple[str, float]:
    """One streamed reply over a connection of its own: text, and seconds to its first piece.

    Read by hand, as a client library's bookkeeping for hundreds of connections takes longer than the server's work.
    """
    body = json.dumps({"messages": [{"role": "user", "content": word}], "max_tokens": WORDS, "stream": True}).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    started, first, text, done = time.monotonic(), 0.0, "", False
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(head.encode() + body)
        status = await reader.readline()
        if b" 200 " not in status:
            raise RuntimeError(f"{status!r}: {(await reader.read())[-200:]!r}")
        while line := await asyncio.wait_for(reader.readline(), 60):
            if line.startswith(b"data: [DONE]"):
                done = True
            elif line.startswith(b"data: {"):
                event = json.loads(line[6:])
                if "error" in event:
                    raise RuntimeError(event["error"]["message"])
                piece = event["choices"][0]["delta"].get("content") if event["choices"] else None
                first = first or (time.monotonic() if piece else 0.0)
                text += piece or ""
    finally:
        writer.close()
    if not done:
        raise RuntimeError("the reply broke off")
    return text, first - started


async def load(url: str, process: int, streams: int, seconds: float) -> tuple[Heard, list[float]]:
    """Hold so many streams open for so long; memory of the server every few seconds."""
    heard, memory = Heard(), []
    end = time.monotonic() + seconds
    host, _, port = url.removeprefix("http://").partition(":")

    async def one(number: int) -> None:
        turn = 0
        while time.monotonic() < end:
            word = f"s{number}t{turn}"
            turn += 1
            try:
                text, first = await listen(host, int(port), word)
            except (OSError, TimeoutError, RuntimeError) as error:
                heard.errors.append(f"{type(error).__name__}: {error}")
                continue
            heard.replies += 1
            heard.first.append(first)
            heard.mixed += text.split() != [word] * WORDS

    async def watch() -> None:
        while time.monotonic() < end:
            memory.append(megabytes(process))
            await asyncio.sleep(min(5.0, seconds / 6))

    await asyncio.gather(watch(), *(one(number) for number in range(streams)))
    return heard, memory


def many_streams(streams: int, seconds: float, pause: float) -> None:
    """Measure the script and print what came of it."""
    command = (sys.executable, "-m", "benchmarks.serve", "--as-server", str(streams), "--pause", str(pause))
    with server(*command) as (url, process):
        before, own, started = processor_seconds(process), time.process_time(), time.monotonic()
        heard, memory = asyncio.run(load(url, process, streams, seconds))
        took, own = time.monotonic() - started, time.process_time() - own
        used = processor_seconds(process) - before
    first = np.array(heard.first)
    tokens = heard.replies * WORDS
    print(f"{streams} streams for {seconds:.0f} s: {heard.replies:,} replies, {tokens:,} pieces")
    print(f"  errors {len(heard.errors)}, replies with another's words {heard.mixed}")
    for problem in dict.fromkeys(heard.errors[:3]):
        print(f"    {problem}")
    print(
        f"  to the first piece (of which the script waits {1000 * pause:.0f} ms): median {1000 * np.median(first):.0f} "
        f"ms, 95 % {1000 * np.quantile(first, 0.95):.0f} ms, worst {1000 * first.max():.0f} ms"
    )
    settled = memory[len(memory) // 3]
    print(f"  memory {settled:.0f} MB after a third of the time, {memory[-1]:.0f} MB at the end")
    print(f"  load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    cores = os.cpu_count() or 1
    print(
        f"  processor time of the server {used:.1f} s ({used / took / cores:.0%} of the machine, "
        f"{1e6 * used / tokens:.0f} us a piece), of the client {own:.1f} s ({own / took / cores:.0%})"
    )


async def chats(url: str, process: int, count: int, *, together: bool) -> tuple[float, float, list[list[float]]]:
    """Hold chats; processor seconds, seconds, and when each chat's pieces came."""
    async with httpx.AsyncClient(base_url=url, timeout=600, trust_env=False) as client:
        bodies = [
            {
                "messages": [{"role": "user", "content": QUESTIONS[number % len(QUESTIONS)]}],
                "max_tokens": 40,
                "seed": number,
                "temperature": 1.0,
            }
            for number in range(count)
        ]
        before, started = processor_seconds(process), time.monotonic()
        if together:
            said = list(await asyncio.gather(*(chat(client, body) for body in bodies)))
        else:
            said = [await chat(client, body) for body in bodies]
        return processor_seconds(process) - before, time.monotonic() - started, [times for _, _, times in said]


def real_chats(count: int) -> None:
    """Measure SmolLM2 and print what came of it."""
    command = (sys.executable, "-m", "pluralign", "serve", "--model", "smollm2", "--port", "0")
    with server(*command) as (url, process):
        asyncio.run(chats(url, process, 1, together=True))  # warm up
        at_once, in_turn = [], []
        for _ in range(2):
            at_once.append(asyncio.run(chats(url, process, count, together=True)))
            in_turn.append(asyncio.run(chats(url, process, count, together=False)))
    ratio = sum(one[0] for one in in_turn) / sum(one[0] for one in at_once)
    print(f"{count} chats with SmolLM2-135M, 40 tokens each, twice")
    print(f"  processor time one after the other over all at once: {ratio:.1f}")
    for _, seconds, times in at_once:
        shortest = min(each[-1] for each in times if len(each) >= max(map(len, times)) // 2)
        progress = [sum(at <= shortest for at in each) for each in times if each[-1] >= shortest]
        print(
            f"  at once in {seconds:.1f} s; when the first had ended, the others had said "
            f"{min(progress)} to {max(progress)} pieces"
        )


def main() -> None:
    """Both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pause", type=float, default=PAUSE, help="seconds before each word that the script says")
    parser.add_argument("--chats", type=int, default=8, help="with SmolLM2; 0: none")
    parser.add_argument("--as-server", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.as_server:
        serve_script(arguments.as_server, arguments.pause)
        return
    many_streams(arguments.streams, arguments.seconds, arguments.pause)
    if arguments.chats:
        real_chats(arguments.chats)


if __name__ == "__main__":
    main()
