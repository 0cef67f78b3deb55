"""Clients that read slowly, leave, send too much or come uninvited: bounded, and answered properly."""

import asyncio
import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import httpx

from pluralign.engines.live import Threaded
from pluralign.serve.keys import Keyring, add_key, read_keys, remove_key
from pluralign.serve.settings import Options
from tests.serve.conftest import Running, running, script, shelf_of

HELLO = [{"role": "user", "content": "Is family important?"}]
LONG = "word " * 100_000


def raw(served: Running, body: dict[str, Any], *, path: str = "/v1/chat/completions", buffer: int = 0) -> socket.socket:
    """Post as a client that then reads or leaves as it likes. ``buffer``: bytes that it takes in unread."""
    connection = socket.socket()
    if buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    host, port = served.url.removeprefix("http://").split(":")
    connection.connect((host, int(port)))
    data = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    connection.sendall(head.encode() + data)
    return connection


def test_a_client_that_leaves_ends_its_reply() -> None:
    live = Threaded(script(speaker=lambda _: LONG, pause=0.002), concurrency=4)
    with running(shelf_of(live), live, Options(max_tokens=100_000)) as served:
        for stream in (True, False):
            connection = raw(served, {"messages": HELLO, "stream": stream, "max_tokens": 100_000})
            deadline = time.monotonic() + 20
            while not live.load().active:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            connection.close()
            served.idle()
        counted = served.client.get("/metrics").text
        assert 'pluralign_replies_total{finish="broken_off",voice="script"} 2.0' in counted


def test_one_who_does_not_read_is_given_up_and_nobody_else_waits() -> None:
    live = Threaded(script(speaker=lambda _: LONG), concurrency=4)
    options = Options(max_tokens=100_000, stall_timeout=1.0)
    with running(shelf_of(live), live, options) as served:
        body = {"messages": HELLO, "stream": True, "max_tokens": 100_000}
        sleepers = [raw(served, body, buffer=4096) for _ in range(3)]
        assert served.post("/v1/chat/completions", messages=HELLO, max_tokens=3).status_code == 200
        served.idle(60)
        for one in sleepers:
            one.close()
        assert served.client.get("/health").json()["active"] == 0


def test_too_many_at_once_are_turned_away_and_the_others_answered() -> None:
    live = Threaded(script(speaker=lambda _: "word " * 50, pause=0.01), concurrency=2, most_waiting=3)
    with running(shelf_of(live), live) as served:

        async def ask_all() -> list[httpx.Response]:
            async with httpx.AsyncClient(base_url=served.url, timeout=60, trust_env=False) as client:
                asking = [client.post("/v1/chat/completions", json={"messages": HELLO}) for _ in range(12)]
                return list(await asyncio.gather(*asking))

        answers = asyncio.run(ask_all())
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [200] * 5 + [503] * 7
        refused = next(answer for answer in answers if answer.status_code == 503)
        assert refused.json()["error"]["code"] == "overloaded"
        assert refused.headers["retry-after"] == "2"


def test_a_body_may_be_so_large_and_take_so_long(served: Running) -> None:
    huge = {"messages": [{"role": "user", "content": "x" * 2_000_000}]}
    answer = served.client.post("/v1/chat/completions", json=huge)
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "request_too_large"

    def endless() -> Any:
        for _ in range(2000):
            yield b" " * 1000

    answer = served.client.post("/v1/chat/completions", content=endless(), headers={"content-type": "application/json"})
    assert answer.status_code == 413, "also where no length was told"


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    live = Threaded(script())
    with running(shelf_of(live), live, Options(body_timeout=0.3)) as served:
        connection = socket.socket()
        host, port = served.url.removeprefix("http://").split(":")
        connection.connect((host, int(port)))
        connection.sendall(
            b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
        connection.settimeout(20)
        assert b"408" in connection.recv(1000).split(b"\r\n")[0]
        connection.close()


def test_the_reply_is_as_long_as_the_server_allows() -> None:
    live = Threaded(script(speaker=lambda _: LONG))
    with running(shelf_of(live), live, Options(max_tokens=7)) as served:
        answer = served.post("/v1/chat/completions", messages=HELLO, max_tokens=99_999).json()
        assert answer["usage"]["completion_tokens"] == 7
        assert answer["choices"][0]["finish_reason"] == "length"


def test_a_defect_is_an_error_without_details() -> None:
    def fails(_: object) -> str:
        raise RuntimeError("secret detail")

    live = Threaded(script(speaker=fails))
    with running(shelf_of(live), live) as served:
        for stream in (True, False):
            answer = served.post("/v1/chat/completions", messages=HELLO, stream=stream)
            assert answer.status_code == 500
            assert answer.json()["error"]["code"] == "internal_error"
            assert "secret" not in answer.text


def test_other_sites_are_kept_out_unless_named(served: Running) -> None:
    foreign = {"Origin": "https://elsewhere.example"}
    assert "access-control-allow-origin" not in served.client.get("/v1/models", headers=foreign).headers
    answer = served.client.get("/v1/models", headers={"Host": "elsewhere.example"})
    assert answer.status_code == 421
    assert answer.json()["error"]["code"] == "misdirected_request"
    assert served.client.get("/health", headers={"Host": "localhost:1234"}).status_code == 200
    live = Threaded(script())
    with running(shelf_of(live), live, Options(cors=("https://elsewhere.example",))) as open_to:
        answer = open_to.client.get("/v1/models", headers=foreign)
        assert answer.headers["access-control-allow-origin"] == "https://elsewhere.example"


# --- keys and limits ------------------------------------------------------------------------------------------------


def test_keys_are_kept_as_hashes_and_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    secret = add_key(file, "website", requests_per_minute=1000).secret
    assert secret not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    live = Threaded(script())
    with running(shelf_of(live), live, keyring=Keyring(file)) as served:
        right = {"Authorization": f"Bearer {secret}"}
        for path in ("/v1/models", "/metrics", "/pluralign/voices/script"):
            assert served.client.get(path).status_code == 401
            assert served.client.get(path, headers={"Authorization": "Bearer pk-wrong"}).status_code == 401
            assert served.client.get(path, headers=right).status_code == 200
        wrong = served.post("/v1/chat/completions", messages=HELLO)
        assert wrong.json()["error"]["code"] == "invalid_api_key"
        assert wrong.headers["www-authenticate"] == "Bearer"
        assert served.client.get("/health").status_code == 200
        assert served.client.get("/").status_code == 200
        assert served.client.post("/v1/chat/completions", json={"messages": HELLO}, headers=right).status_code == 200
        remove_key(file, "website")
        assert served.client.get("/v1/models", headers=right).status_code == 401, "without a restart"
        file.write_text("{", encoding="utf-8")
        assert served.client.get("/v1/models", headers=right).status_code == 401, "a broken file opens nothing"
    assert read_keys(tmp_path / "none.json") == ()


def test_each_key_has_its_own_limit(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    small = {"Authorization": f"Bearer {add_key(file, 'small', requests_per_minute=2).secret}"}
    large = {"Authorization": f"Bearer {add_key(file, 'large').secret}"}
    live = Threaded(script())
    with running(shelf_of(live), live, Options(requests_per_minute=50), keyring=Keyring(file)) as served:

        def ask(key: dict[str, str]) -> httpx.Response:
            return served.client.post("/v1/completions", json={"prompt": "Hello"}, headers=key)

        first, second, third = ask(small), ask(small), ask(small)
        assert (first.status_code, second.status_code, third.status_code) == (200, 200, 429)
        assert first.headers["x-ratelimit-limit-requests"] == "2"
        assert third.json()["error"]["code"] == "rate_limit_exceeded"
        assert int(third.headers["retry-after"]) >= 1
        assert ask(large).status_code == 200
        assert served.client.get("/v1/models", headers=small).status_code == 200, "looking is not asking"


def test_tokens_are_counted_when_they_are_known() -> None:
    live = Threaded(script(speaker=lambda _: "word " * 40))
    with running(shelf_of(live), live, Options(tokens_per_minute=30)) as served:
        assert served.post("/v1/completions", prompt="Hello").status_code == 200, "nothing was said before"
        refused = served.post("/v1/completions", prompt="Hello")
        assert refused.status_code == 429
        assert "tokens a minute" in refused.json()["error"]["message"]


def test_streams_of_many_clients_do_not_mix(served: Running) -> None:
    found: dict[int, str] = {}

    def listen(number: int) -> None:
        text = ""
        messages = [{"role": "user", "content": f"number {number} " * 30}]
        body = {"messages": messages, "stream": True, "max_tokens": 200}
        with served.client.stream("POST", "/v1/chat/completions", json=body) as answer:
            for line in answer.iter_lines():
                if line.startswith("data: {"):
                    for choice in json.loads(line[6:])["choices"]:
                        text += choice["delta"].get("content") or ""
        found[number] = text

    threads = [threading.Thread(target=listen, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 40
    for number, text in found.items():
        assert text == f"Told: nothing Heard: {f'number {number} ' * 30}"
    served.idle()
