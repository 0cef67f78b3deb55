"""Who asks, by which name they reached the server, and how large what they send may be. Knows no voice."""

from typing import NamedTuple

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from pluralign.serve.errors import ApiError
from pluralign.serve.limits import Allowance
from pluralign.serve.settings import Options


class Who(NamedTuple):
    """One who asks."""

    client: str
    """Key or address: whom places and limits are counted for."""
    allowance: Allowance
    headers: dict[str, str]
    """What is left of the allowance."""


def client_of(request: Request) -> str:
    """The address a request came from."""
    return request.client.host if request.client else "unknown"


async def read_limited(request: Request, options: Options) -> bytes:
    """A request's body. Raises :class:`ApiError` for one that is too large, too slow, or not JSON by its own account.

    Only ``application/json`` is taken: a page of another site can post anything else without being asked.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ApiError(415, "Send the body as application/json.", code="unsupported_media_type")
    told = request.headers.get("content-length", "0")
    too_large = ApiError(413, f"The request is larger than {options.max_body:,} bytes.", code="request_too_large")
    if told.isdecimal() and int(told) > options.max_body:
        raise too_large
    parts: list[bytes] = []
    size = 0
    try:
        with anyio.fail_after(options.body_timeout):
            async for part in request.stream():
                size += len(part)
                if size > options.max_body:
                    raise too_large
                parts.append(part)
    except TimeoutError:
        raise ApiError(408, "The request's body did not come in time.", code="timeout") from None
    except ClientDisconnect:
        raise ApiError(400, "The request broke off.", code="disconnected") from None
    return b"".join(parts)


class AllowedHosts:
    """Refuses requests that reached the server by a name it does not know.

    Otherwise any web page could have its own name point at this machine and read what is answered (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]):
        self._app = app
        self._hosts = {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what came by a known name."""
        if scope["type"] == "http" and "*" not in self._hosts:
            header = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
            if _host(header) not in self._hosts:
                refused = ApiError(
                    421, f"This server does not answer to the name {_host(header)[:200]!r}: start it with --host-name.",
                    code="misdirected_request",
                )  # fmt: skip
                await refused.response()(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _host(header: str) -> str:
    """A host header without its port."""
    host = header.strip().lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
