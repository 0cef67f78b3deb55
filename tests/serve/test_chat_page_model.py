"""The chat page with SmolLM2 behind it: the whole of a conversation, as a person has it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.report.conftest import AXE, browser
from tests.serve import real
from tests.serve.conftest import Running
from tests.serve.pages import Opened

__all__ = ["browser"]  # a fixture

pytestmark = [pytest.mark.browser, pytest.mark.model]

DIVORCE, GOD = "Is divorce acceptable?", "How important is God in your life?"


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with real.served(tmp_path_factory.mktemp("voices")) as found:
        yield found


def brief(opened: Opened, tokens: int) -> None:
    """Have replies end after a few tokens, by the page's own settings."""
    opened.page.click("#settings")
    opened.page.get_by_label("Longest reply, in tokens").fill(str(tokens))
    opened.page.keyboard.press("Tab")
    opened.page.keyboard.press("Escape")


def test_a_conversation_with_two_peoples(browser: Any, voices: Running) -> None:
    with Opened(browser, voices.url) as opened:
        page = opened.page
        brief(opened, 8)
        opened.choose("Kenya", "Brazil")
        strip = page.locator("#strip .voice")
        for at, who in enumerate(("Kenya", "Brazil")):
            assert re.search(rf"0\.\d{{3}} from how {who} answered, over 8 questions", strip.nth(at).inner_text())

        # Both speak at once.
        page.fill("#question", DIVORCE)
        page.press("#question", "Enter")
        said = page.locator(".reply .said")
        for at in range(2):
            said.nth(at).filter(has_text=re.compile(r"\w")).wait_for()
        opened.heard_all()
        first = said.all_inner_texts()
        assert first[0] != first[1]
        assert "About Right and wrong" in page.locator(".about").inner_text()
        for note in page.locator(".reply .faith").all_inner_texts():
            assert re.search(r"Closer than its floor.* on “Right and wrong”: 0\.\d{3} \(between", note)

        # Where the voice is worse than its floor, it says so.
        opened.ask(GOD)
        kenya, brazil = page.locator(".turn").nth(1).locator(".faith").all_inner_texts()
        assert "Closer than its floor" in kenya
        assert "Worse than its floor" in brazil
        assert "Do not take it for their view." in brazil

        # The same question polled.
        page.locator("details.polled summary").nth(1).click()
        table = page.locator("table.poll")
        table.nth(1).wait_for()
        assert table.nth(1).locator("thead th").all_inner_texts() == ["Answer", "Brazil", "This voice"]
        people, voice = (
            [int(text.split()[0]) for text in table.nth(1).locator(f"tbody td.{kind}").all_inner_texts()]
            for kind in ("people", "own")
        )
        assert people[9] == max(people) > 50, "most of Brazil says 10"
        assert 95 <= sum(voice) <= 105
        assert "Measured in the voice's poll." in page.locator(".polled").nth(1).inner_text()

        # Kept here, and taken along.
        page.reload()
        strip.first.wait_for()
        page.click("#saved")
        page.locator("#conversations .open").click()
        assert said.all_inner_texts()[:2] == first
        for name, ending in (("#as-text", "md"), ("#as-data", "json")):
            page.click("#export")
            with page.expect_download() as waiting:
                page.click(name)
            assert waiting.value.suggested_filename.endswith(ending)
            text = Path(waiting.value.path()).read_text(encoding="utf-8")
            assert first[0].split("\n")[0] in (
                text if ending == "md" else json.loads(text)["turns"][0]["replies"]["smollm2@kenya"]["text"]
            )
        assert re.search(
            r"- Worse than its floor.*: 0\.\d{3} from how Brazil answered.*\(Religion\)", _markdown(opened)
        )
        assert opened.said == []


def _markdown(opened: Opened) -> str:
    opened.page.click("#export")
    with opened.page.expect_download() as waiting:
        opened.page.click("#as-text")
    return Path(waiting.value.path()).read_text(encoding="utf-8")


def test_the_card_says_all_that_is_known(browser: Any, voices: Running) -> None:
    with Opened(browser, voices.url) as opened:
        page = opened.page
        opened.choose("Kenya", "Harbour Street tenants")
        card = page.locator("#card")
        for title, expected in {
            "Kenya": (
                "Speaks for\nKenya", "CC-BY-4.0", "voices@example.org", "a Kenyan cultural background",
                "World Values Survey, wave 7", "was not trained", "Over 8 questions of World mini", "By topic",
                "Religion", "Right and wrong", "Uniform answers (floor)", "Defined in\nkenya.yaml",
            ),
            "Harbour Street tenants": (
                "Constitution: What the Harbour Street tenants ask", "Stand together", "2,000 preference pairs",
                "Minutes of the tenants' meeting", "CC0-1.0", "Nobody has measured it yet",
            ),
        }.items():  # fmt: skip
            page.get_by_role("button", name=f"Whose view is this? {title}").click()
            card.get_by_text("How faithful it was measured to be").wait_for()
            text = card.inner_text()
            for words in expected:
                assert words in text, (title, words)
            page.keyboard.press("Escape")


def test_by_keyboard_and_for_a_screen_reader(browser: Any, voices: Running) -> None:
    """From the first key to a stopped reply without a pointer, and what is announced on the way."""
    with Opened(browser, voices.url, bypass_csp=True) as opened:
        page = opened.page

        def focus(element: str) -> None:
            """Go there by the tab key alone."""
            for _ in range(40):
                page.keyboard.press("Tab")
                if page.evaluate("(wanted) => document.activeElement.matches(wanted)", element):
                    return
            raise AssertionError(f"{element} cannot be reached by the tab key")

        focus("#choose")
        page.keyboard.press("Enter")
        focus("#find")
        page.keyboard.type("brazil")
        focus("#choices input")
        page.keyboard.press("Space")
        page.keyboard.press("Escape")
        assert page.locator("#strip h3").all_inner_texts() == ["Kenya", "Brazil"]
        assert page.evaluate("document.activeElement.id") == "choose"
        focus("#question")
        page.keyboard.type("Tell me a long story about your family.")
        page.keyboard.press("Enter")
        assert page.locator("#status").inner_text() == "Kenya, Brazil are answering."
        page.locator(".reply .said").first.filter(has_text=re.compile(r"\w")).wait_for()
        focus("#stop")
        page.keyboard.press("Enter")
        opened.heard_all()
        assert page.locator(".reply .end").all_inner_texts() == ["You stopped it."] * 2
        voices.idle(60)
        tree = page.locator("body").aria_snapshot()
        for heard in (
            '- heading "Whose voice answers?"',
            '- article "Kenya replies"',
            '- article "Brazil replies"',
            '- textbox "Your question"',
            '- button "Ask"',
            '- list "Chosen voices"',
            '- button "Whose view is this? Brazil"',
        ):
            assert heard in tree, tree
        if AXE.exists():
            page.evaluate(AXE.read_text(encoding="utf-8"))
            found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
            assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == []


def test_on_a_phone_in_the_dark(browser: Any, voices: Running) -> None:
    with Opened(
        browser,
        voices.url,
        viewport={"width": 360, "height": 740},
        color_scheme="dark",
        has_touch=True,
        is_mobile=True,
        bypass_csp=True,
    ) as opened:
        page = opened.page
        brief(opened, 6)
        opened.choose("Kenya", "Brazil")
        page.fill("#question", GOD)
        page.tap("#send")
        opened.heard_all()
        page.tap("details.polled summary")
        page.locator("table.poll").nth(1).wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        light = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
        assert max(light[:3]) < 60
        page.get_by_role("button", name="Whose view is this? Brazil").first.tap()
        page.locator("#card").get_by_text("By topic").wait_for()
        close = page.locator("#card .close").bounding_box()
        assert close is not None
        assert close["height"] < 50, "the button's word is in one piece"
        body = page.locator("#card-body")
        assert body.evaluate("(one) => one.scrollWidth <= one.clientWidth")
        if AXE.exists():
            page.evaluate(AXE.read_text(encoding="utf-8"))
            found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
            assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == []
