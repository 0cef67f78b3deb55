"""The chat page, opened in a browser."""

import re
from typing import Any


class Opened:
    """A page with everything it said and asked for."""

    def __init__(self, browser: Any, url: str, **options: Any):
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        self.context.set_default_timeout(180_000)  # a busy machine is no defect
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(url)
        self.page.locator("#strip .voice, #problem:not(:empty)").first.wait_for()

    def ask(self, text: str) -> None:
        self.page.fill("#question", text)
        self.page.press("#question", "Enter")
        self.heard_all()

    def heard_all(self) -> None:
        self.page.locator("#status:text-is('All replies are there.')").wait_for(state="attached")

    def choose(self, *titles: str) -> None:
        self.page.click("#choose")
        while self.page.locator("#choices input:checked").count():
            self.page.locator("#choices input:checked").first.uncheck()
        for title in titles:
            self.page.locator("#choices").get_by_label(re.compile(f"^{title}")).check()
        self.page.click("#picker .close")

    def __enter__(self) -> "Opened":
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()
