"""What whoever runs a server decides. Read from nowhere: the caller fills it in."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """How a server behaves."""

    title: str = "pluralign"
    cors: tuple[str, ...] = ()
    """Origins of other sites whose pages may use the interface; none by default."""
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    """Host names it answers to; others are refused, so that no page can reach it by a name of its own (DNS
    rebinding). ``*`` answers to all."""
    max_body: int = 1_000_000
    """Bytes of a request."""
    max_tokens: int = 1024
    """Tokens of a reply; a request that wishes more gets as many."""
    default_tokens: int = 256
    """Tokens of a reply where neither request nor voice says."""
    requests_per_minute: int | None = None
    """Per key, or per address where there are no keys; likewise the next."""
    tokens_per_minute: int | None = None
    body_timeout: float = 30.0
    """Seconds in which a request's body must have come."""
    stall_timeout: float = 60.0
    """Seconds a client may leave a reply unread before it is given up."""
    patience: float = 10.0
    """Seconds without a word after which a streamed reply says that it is still alive."""
