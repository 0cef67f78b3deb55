"""The whole journey in Chromium on a telephone's screen, without a model: no complaint of the browser or of axe."""

from typing import Any

import pytest

from tests.assembly.running import ANSWERS, Running, running
from tests.report.conftest import AXE, browser

__all__ = ["browser", "running"]
pytestmark = pytest.mark.browser


def test_the_journey_on_a_telephone(browser: Any, running: Running) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)

    def look() -> None:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, f"{page.url} scrolls sideways"
        if AXE.exists():
            page.evaluate(AXE.read_text())
            found = page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})")
            assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == [], page.url

    page.goto(f"{running.address}/a/example/")
    look()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip", "the first stop of the keyboard skips the bar"
    page.goto(f"{running.address}/a/example/join/")
    look()
    page.focus("[name=agree]")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    page.wait_for_selector("#code")
    look()
    page.click("main button.main")
    look()
    page.click("main button.main")
    for number, answer in enumerate(ANSWERS):
        page.fill("#answer", answer)
        if number in {0, 3}:
            look()
        said = page.locator("#dialogue li").count()
        page.click("button[value=answer]")
        if number < len(ANSWERS) - 1:
            page.locator("#dialogue li").nth(said + 1).wait_for()
    page.wait_for_url("**/card/*/")
    page.fill("#title", "Hearing the quiet ones")
    look()
    page.click("button[value=submit]")
    page.wait_for_selector("text=Go on to the values")
    look()
    page.click("text=Go on to the values")
    look()
    for number in range(6):
        page.focus(f"[name=answer-{number}]")
        page.keyboard.press("Space")
    page.click("text=Keep my votes")
    look()
    for _ in range(8):
        page.focus("[name=answer]")
        page.keyboard.press("Space")
        page.click("text=Keep and go on")
    page.wait_for_url("**/after/")
    look()
    page.goto(f"{running.address}/a/example/q/essay/graph/")
    look()
    for language in ("ar", "es"):
        page.goto(f"{running.address}/a/example/mine/")
        page.select_option("#language", language)
        page.wait_for_selector(f"html[lang={language}]")
        look()
    assert complaints == []
    page.close()
