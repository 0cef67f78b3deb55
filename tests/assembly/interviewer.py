"""A scripted OpenAI-compatible server that interviews: it can be held in mid-sentence, and it can die there."""

import threading
from typing import Any

from tests.engines.fake_server import FakeServer, refused

CARD = '{"title": "Hearing the quiet", "summary": "I listen.", "policies": ["Faces that turn away", "Pauses", "Doors"]}'
WONDERED = ("apples", "bridges", "candles", "doors", "engines", "fences", "gardens", "houses", "islands", "jackets")


class Interviewer(FakeServer):
    """Asks something new every time, and writes a card where it is asked for JSON."""

    def __init__(self) -> None:
        super().__init__("hosted", model="interviewer")
        self.questions = 0
        self.dies_after: int | None = None
        """Words of the next question after which the connection breaks; from then on the server is down."""
        self.down = False
        self.may_go_on = threading.Event()
        """While it is not set, streams stop after their first sentence has ended."""
        self.may_go_on.set()
        self._words = 0

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if path != "/v1/chat/completions":
            return super().answer(path, body)
        if self.down:
            return refused(503, "down")
        self._words = 0
        text = "".join(self.reply(body)[0]) if not body.get("stream") else ""
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return 200, {"object": "chat.completion", "choices": [choice], "usage": {}}

    def reply(self, body: dict[str, Any]) -> tuple[list[str], str]:
        asked = body["messages"][0]["content"]
        if "JSON" in asked:
            return [CARD], "stop"
        about = WONDERED[self.questions % len(WONDERED)]
        self.questions += 1
        words = f"I see. So what did you notice about {about} before anything else happened?".split(" ")
        return [word if at == 0 else f" {word}" for at, word in enumerate(words)], "stop"

    def said(self, word: str | None) -> None:
        self._words += 1
        if self.dies_after is not None and self._words >= self.dies_after:
            self.down, self.dies_after = True, None
            raise ConnectionAbortedError
        if self._words == 4 and word is not None:
            self.may_go_on.wait(20)
