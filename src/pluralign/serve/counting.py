"""What a server counts, for Prometheus. One registry per server, so that two in one process do not mix."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Counts:
    """Counters of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "pluralign_requests_total", "Requests answered.", ["route", "status"], registry=self.registry
        )
        self.replies = Counter(
            "pluralign_replies_total", "Replies by voice and by why they ended.", ["voice", "finish"],
            registry=self.registry,
        )  # fmt: skip
        self.prompt_tokens = Counter(
            "pluralign_prompt_tokens_total", "Tokens of prompts that were read.", ["voice"], registry=self.registry
        )
        self.completion_tokens = Counter(
            "pluralign_completion_tokens_total", "Tokens that were said.", ["voice"], registry=self.registry
        )
        self.first_piece = Histogram(
            "pluralign_first_piece_seconds", "From a request to the first piece of its reply.", buckets=BUCKETS,
            registry=self.registry,
        )  # fmt: skip
        self.reply_seconds = Histogram(
            "pluralign_reply_seconds", "From a request to the end of its reply.", buckets=BUCKETS,
            registry=self.registry,
        )  # fmt: skip
        self.picks = Counter(
            "pluralign_picks_total", "Members that models picked for steerable panels.", ["panel", "outcome"],
            registry=self.registry,
        )  # fmt: skip
        self.voices = Gauge("pluralign_voices", "Voices on the shelf.", registry=self.registry)
        self.problems = Gauge("pluralign_voice_file_problems", "Voice files that are wrong.", registry=self.registry)

    def watch_load(self, active: Callable[[], int], waiting: Callable[[], int]) -> None:
        """Have the number of replies that are being spoken and that wait read when asked for."""
        Gauge("pluralign_replies_active", "Replies being spoken.", registry=self.registry).set_function(active)
        Gauge("pluralign_replies_waiting", "Replies waiting for a place.", registry=self.registry).set_function(waiting)

    def text(self) -> bytes:
        """All of it in Prometheus' format."""
        return generate_latest(self.registry)
