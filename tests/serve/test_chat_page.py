"""The chat page in a real browser: several voices at once, how faithful each is, saved here and nowhere else."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pluralign.engines.base import ChatRequest
from pluralign.engines.live import Threaded
from pluralign.serve.keys import Keyring, add_key
from pluralign.serve.topics import Topics
from tests.report.conftest import AXE, browser
from tests.serve.conftest import Running, running, script, shelf_of
from tests.serve.measured import by_words, measured
from tests.serve.pages import Opened

__all__ = ["browser"]  # a fixture

pytestmark = pytest.mark.browser

QUESTION = "Do you find divorce acceptable, ever?"


def speak(request: ChatRequest) -> str:
    found = re.search(r"an? (\w+) cultural background", request.messages[0].content)
    who = found[1] if found else "nobody"
    turns = len([one for one in request.messages if one.role == "user"])
    return f"As {who} I say, in turn {turns}: {request.messages[-1].content} " + "And so on, at some length. " * 6


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    live = Threaded(script(speaker=speak, pause=0.002))
    shelf = shelf_of(live, runs=(measured(tmp_path_factory.mktemp("run")),), default="kenya")
    with running(shelf, live, topics=Topics(by_words(), alike=0.3)) as found:
        yield found


def test_voices_answer_side_by_side_and_say_how_faithful_they_are(browser: Any, chat: Running) -> None:
    with Opened(browser, chat.url) as opened:
        page = opened.page
        assert page.locator("#strip h3").all_inner_texts() == ["Kenya"]
        opened.choose("Kenya", "United States", "Canada", "script, told nothing")
        strip = page.locator("#strip .voice")
        assert "over 77 questions" in strip.nth(0).inner_text()
        assert re.search("Worse than its floor|Closer than its floor", strip.nth(0).inner_text())
        assert "Not measured" in strip.nth(2).inner_text()
        assert "nobody in particular" in strip.nth(3).inner_text()
        opened.ask(QUESTION)
        said = page.locator(".reply .said").all_inner_texts()
        for text, who in zip(said, ("Kenyan", "American", "Canadian", "nobody"), strict=True):
            assert text.startswith(f"As {who} I say, in turn 1: {QUESTION}")
        assert "Right and wrong" in page.locator(".about").inner_text()
        assert "on “Right and wrong”" in page.locator(".reply .faith").nth(0).inner_text()
        assert "Not measured" in page.locator(".reply .faith").nth(2).inner_text()
        opened.ask("And now?")
        assert "in turn 2: And now?" in page.locator(".reply .said").nth(4).inner_text()
        assert "No question of the survey is like this one" in page.locator(".about").nth(1).inner_text()
        assert opened.said == []
        assert all(url.startswith(chat.url) for url in opened.asked), "nothing from elsewhere"


def test_the_question_polled_shows_the_people_beside_the_voice(browser: Any, chat: Running) -> None:
    with Opened(browser, chat.url) as opened:
        opened.ask(QUESTION)
        opened.page.click("details.polled summary")
        table = opened.page.locator("table.poll")
        table.wait_for()
        assert table.locator("thead th").all_inner_texts() == ["Answer", "Kenya", "This voice"]
        shares = table.locator("tbody td.people").all_inner_texts()
        assert sum(int(text.split()[0]) for text in shares) in range(96, 105)
        assert "Measured in the voice's poll." in opened.page.locator("details.polled").inner_text()


PANELS = {
    "overton": "id: three\ntitle: Three peoples\npanel: {kind: overton, members: [kenya, brazil, canada]}\n",
    "nearest": "id: nearest\ntitle: The nearest\npanel: {kind: steerable, members: [kenya, nigeria, brazil]}\n",
}


@pytest.fixture(scope="module")
def panels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("voices")
    for name, text in PANELS.items():
        (folder / f"{name}.yaml").write_text(text)
    live = Threaded(script(speaker=speak, pause=0.002))
    shelf = shelf_of(live, folder=folder, runs=(measured(tmp_path_factory.mktemp("run")),), default="three")
    with running(shelf, live, topics=Topics(by_words(), alike=0.3)) as found:
        yield found


def test_a_panels_reply_is_shown_part_by_part_under_its_voices_names(browser: Any, panels: Running) -> None:
    with Opened(browser, panels.url) as opened:
        page = opened.page
        assert "all of these voices answer" in page.locator("#strip .voice").inner_text()
        assert page.locator("#strip .members li").all_inner_texts()[2] == "Canada\n? Not measured"
        opened.ask(QUESTION)
        parts = page.locator(".reply .part")
        assert parts.locator(".who").all_inner_texts() == ["Kenya", "Brazil", "Canada"]
        for part, who in zip(parts.all_inner_texts(), ("Kenyan", "Brazilian", "Canadian"), strict=True):
            assert f"As {who} I say, in turn 1: {QUESTION}" in part
            assert "**" not in part
        members = page.locator(".reply .faith li").all_inner_texts()
        assert [one.split("\n")[0] for one in members] == ["Kenya", "Brazil", "Canada"]
        assert "Not measured" in members[2]
        parts.locator(".who").nth(1).click()
        page.locator("#card").get_by_text("a Brazilian cultural background").wait_for()
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Whose view is this? Three peoples").first.click()
        card = page.locator("#card")
        card.get_by_role("button", name="Whose view is this? Kenya").press("Enter")
        card.get_by_text("a Kenyan cultural background").wait_for()
        assert page.evaluate("document.activeElement.id") == "card-body", "what was chosen is gone, and focus is kept"
        card.get_by_role("button", name="Back to Three peoples").click()
        card.get_by_text("Who speaks").wait_for()
        page.keyboard.press("Escape")
        page.locator("#strip .members .who").nth(2).click()
        card.get_by_text("a Canadian cultural background").wait_for()
        page.keyboard.press("Escape")
        page.click("details.polled summary")
        page.locator("table.poll").wait_for()
        opened.ask("And now?")
        assert "in turn 2: And now?" in parts.nth(3).inner_text()
        page.reload()
        page.locator("#strip .voice").first.wait_for()
        page.click("#saved")
        page.locator("#conversations .open").click()
        assert parts.locator(".who").all_inner_texts() == ["Kenya", "Brazil", "Canada"] * 2
        assert opened.said == []


def test_a_steerable_panel_asks_for_the_group_and_says_who_answered(browser: Any, panels: Running) -> None:
    with Opened(browser, panels.url) as opened:
        page = opened.page
        opened.choose("The nearest")
        page.fill("#question", QUESTION)
        page.press("#question", "Enter")
        assert "Say which group “The nearest” should speak for." in page.locator("#problem").inner_text()
        page.keyboard.type("Kenya")
        page.press("#question", "Enter")
        opened.heard_all()
        assert page.locator(".by").inner_text() == "Answered by Kenya, who speaks for Kenya."
        assert page.locator(".said").inner_text().startswith("As Kenyan I say")
        page.get_by_label("Your group").fill("Ethiopia")
        page.fill("#question", "Again?")
        page.press("#question", "Enter")
        page.locator(".by").nth(1).wait_for()
        opened.heard_all()
        assert page.locator(".by").nth(1).inner_text() == (
            "Answered by Kenya and Nigeria, in equal parts, of the region of Ethiopia."
        )
        page.click("#export")
        with page.expect_download() as waiting:
            page.click("#as-text")
        assert "- Answered by Kenya and Nigeria for Ethiopia" in Path(waiting.value.path()).read_text(encoding="utf-8")


def test_whose_view_is_this(browser: Any, chat: Running) -> None:
    with Opened(browser, chat.url) as opened:
        page = opened.page
        page.get_by_role("button", name="Whose view is this? Kenya").click()
        card = page.locator("#card")
        card.get_by_text("What the model is told").wait_for()
        text = card.inner_text()
        for expected in ("Kenya", "a Kenyan cultural background", "Training data", "Sources", "By topic", "Licence"):
            assert expected in text
        page.keyboard.press("Escape")
        assert card.is_hidden()
        focused = page.evaluate("document.activeElement.getAttribute('aria-label')")
        assert focused == "Whose view is this? Kenya"


def test_conversations_are_kept_here_and_can_be_taken_along(browser: Any, chat: Running) -> None:
    with Opened(browser, chat.url) as opened:
        page = opened.page
        opened.ask(QUESTION)
        page.reload()
        page.locator("#strip .voice").first.wait_for()
        assert page.locator(".turn").count() == 0
        page.click("#saved")
        page.locator("#conversations .open").click()
        assert page.locator(".asked").inner_text() == QUESTION
        opened.ask("And again?")
        assert "in turn 2" in page.locator(".said").nth(1).inner_text()
        page.click("#export")
        with page.expect_download() as waiting:
            page.click("#as-text")
        text = Path(waiting.value.path()).read_text(encoding="utf-8")
        assert f"## {QUESTION}" in text
        assert "(`script@kenya`)" in text
        assert re.search("(Worse|Closer) than its floor.*: .* from how Kenya answered", text)
        page.click("#export")
        with page.expect_download() as waiting:
            page.click("#as-data")
        data = json.loads(Path(waiting.value.path()).read_text(encoding="utf-8"))
        assert len(data["turns"]) == 2
        page.click("#saved")
        page.get_by_role("button", name=f"Delete {QUESTION}").click()
        assert "None yet." in page.locator("#conversations").inner_text()


def test_all_of_it_by_keyboard(browser: Any, chat: Running) -> None:
    with Opened(browser, chat.url) as opened:
        page = opened.page
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "question"
        page.keyboard.type("First line")
        page.keyboard.press("Shift+Enter")
        page.keyboard.type("second line")
        page.keyboard.press("Enter")
        opened.heard_all()
        assert page.locator(".asked").inner_text() == "First line\nsecond line"
        page.focus("#choose")
        page.keyboard.press("Enter")
        page.focus("#find")
        page.keyboard.type("brazil")
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        assert page.locator("#picked").inner_text() == "2 of at most 4 chosen."
        page.keyboard.press("Escape")
        assert page.locator("#strip h3").all_inner_texts() == ["Kenya", "Brazil"]


def test_a_reply_can_be_stopped(browser: Any, chat: Running) -> None:
    with Opened(browser, chat.url) as opened:
        page = opened.page
        page.fill("#question", "long " * 600)
        page.press("#question", "Enter")
        page.locator(".said:text-matches('.{20}')").wait_for()
        page.click("#stop")
        page.get_by_text("You stopped it.").wait_for()
        chat.idle()


def test_a_key_is_asked_for(browser: Any, tmp_path: Path) -> None:
    secret = add_key(tmp_path / "keys.json", "me").secret
    live = Threaded(script(speaker=speak))
    with running(shelf_of(live), live, keyring=Keyring(tmp_path / "keys.json")) as served:
        context = browser.new_context()
        page = context.new_page()
        page.goto(served.url)
        page.locator("#options[open]").wait_for()
        page.fill("#key", secret)
        page.click("#options .close")
        page.locator("#strip .voice").first.wait_for()
        assert secret not in page.evaluate("JSON.stringify(localStorage)")
        context.close()


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_no_width_scrolls_sideways(browser: Any, chat: Running, width: int) -> None:
    with Opened(browser, chat.url, viewport={"width": width, "height": 800}) as opened:
        opened.choose("Kenya", "United States", "Brazil", "Nigeria")
        opened.ask(QUESTION + " " + "Verylongword" * 12)
        opened.page.click("details.polled summary")
        opened.page.locator("table.poll").first.wait_for()
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Any, chat: Running, panels: Running, scheme: str) -> None:
    if not AXE.exists():
        pytest.skip("needs axe-core: npm install --no-save axe-core")
    with Opened(browser, chat.url, color_scheme=scheme, bypass_csp=True) as opened:
        page = opened.page
        page.evaluate(AXE.read_text(encoding="utf-8"))

        def check(where: str) -> None:
            page.wait_for_timeout(50)
            found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
            assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == [], where

        check("empty")
        opened.choose("Kenya", "United States", "Canada", "script, told nothing")
        opened.ask(QUESTION)
        page.click("details.polled summary")
        page.locator("table.poll").first.wait_for()
        check("conversation")
        page.get_by_role("button", name="Whose view is this? Kenya").first.click()
        page.locator("#card").get_by_text("By topic").wait_for()
        check("card")
        page.keyboard.press("Escape")
        for button in ("choose", "saved", "export", "settings"):
            page.click(f"#{button}")
            check(button)
            page.keyboard.press("Escape")
    with Opened(browser, panels.url, color_scheme=scheme, bypass_csp=True) as opened:
        page = opened.page
        page.evaluate(AXE.read_text(encoding="utf-8"))
        opened.choose("Three peoples", "The nearest")
        page.get_by_label("Your group").fill("Kenya")
        opened.ask(QUESTION)
        check("panels")
        page.get_by_role("button", name="Whose view is this? Three peoples").first.click()
        page.locator("#card").get_by_text("Who speaks").wait_for()
        check("a panel's card")
