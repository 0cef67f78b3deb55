"""Participants' journey in Chromium, against a scripted OpenAI-compatible server: by keyboard alone on a telephone's
screen without AI, and with the AI on a laptop, which dies in the middle of a sentence.

No complaint of the browser or of axe. Set PLURALIGN_SCREENSHOTS to a folder to keep what was seen.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.assembly.interviewer import CARD, Interviewer
from tests.assembly.running import ANSWERS, Running, is_there, started
from tests.engines.fake_server import serving
from tests.report.conftest import AXE, browser

__all__ = ["browser"]
pytestmark = pytest.mark.browser
RULES = "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})"
STOPS = """() => {
  const radios = new Set();
  const able = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
  return [...document.querySelectorAll(able)].filter((each) => {
    if (each.disabled || !each.checkVisibility({visibilityProperty: true})) return false;
    if (each.type !== "radio") return true;
    const chosen = document.querySelector(`[name="${each.name}"]:checked`);
    if (radios.has(each.name) || (chosen && chosen !== each)) return false;
    radios.add(each.name);
    return true;
  }).map((each, at) => { each.dataset.stop = at; return each.outerHTML.slice(0, 120); });
}"""
"""Everything that the keyboard must stop at, in the order of the page; a group of radio buttons is one stop."""
HERE = """() => {
  const at = document.activeElement, shown = at.matches(".choices input") ? at.nextElementSibling : at;
  const style = getComputedStyle(shown), box = shown.getBoundingClientRect();
  return {stop: at.dataset.stop ?? null, outline: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    seen: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth && box.width > 0};
}"""


@pytest.fixture(scope="module")
def interviewer() -> Iterator[Interviewer]:
    with serving(Interviewer()) as server:
        assert isinstance(server, Interviewer)
        yield server


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, interviewer: Interviewer) -> Iterator[Running]:
    """One site for all tests here, with a model that asks."""
    with started(tmp_path_factory.mktemp("site"), "--engine", f"http:interviewer@{interviewer.url}") as site:
        yield site


class Person:
    """A participant's browser, in which every complaint is written down."""

    def __init__(self, browser: Any, running: Running, width: int, height: int) -> None:
        size = {"width": width, "height": height}
        self.page = browser.new_context(viewport=size, reduced_motion="reduce").new_page()
        self.address, self.width, self.height = running.address, width, height
        self.complaints: list[str] = []
        self.page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type in {"error", "warning"} else None
        )

    def go(self, path: str) -> None:
        self.page.goto(f"{self.address}{path}")

    def look(self, name: str) -> None:
        """The page does not scroll sideways, not at four times the size of a laptop's either, and axe finds nothing."""
        is_there(self.page)
        for width in (320, self.width):
            self.page.set_viewport_size({"width": width, "height": self.height})
            wide = self.page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{self.page.url}: {wide} wide on {width}"
        if folder := os.environ.get("PLURALIGN_SCREENSHOTS"):
            self.page.screenshot(path=f"{folder}/{name}.png", full_page=True)
        if AXE.exists():
            self.page.evaluate(AXE.read_text())
            found = self.page.evaluate(RULES)
            assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == [], self.page.url

    def walk(self) -> None:
        """The keyboard comes to everything, in the order of the page, sees where it is, and gets out at the end."""
        stops = self.page.evaluate(STOPS)
        assert "skip" in stops[0]
        self.page.focus(".skip")
        for at, stop in enumerate(stops):
            here = self.page.evaluate(HERE)
            assert here == {"stop": str(at), "outline": True, "seen": True}, f"{self.page.url}: {stop}"
            self.page.keyboard.press("Tab")
        assert self.page.evaluate(HERE)["stop"] in {None, "0"}, f"{self.page.url} lets nobody out"

    def press_to(self, selector: str, key: str = "") -> None:
        """Go on with the Tab key until something is reached, and press a key there."""
        for _ in range(90):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
                break
        else:
            raise AssertionError(f"{self.page.url}: the keyboard does not come to {selector}")
        if key:
            self.page.keyboard.press(key)

    def follow(self, selector: str, where: str) -> None:
        """Press Enter on a link or a button and wait for the page that follows."""
        self.press_to(selector)
        with self.page.expect_navigation(url=where):
            self.page.keyboard.press("Enter")

    def text(self) -> str:
        return str(self.page.locator("main").inner_text())


def test_by_keyboard_alone_on_a_telephone_without_ai(browser: Any, running: Running) -> None:
    person = Person(browser, running, 390, 844)
    page = person.page
    person.go("/a/example/")
    person.look("welcome")
    person.walk()
    page.focus(".skip")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content", "past the bar"
    person.follow("main a.main", "**/example/")
    person.look("worked-example")
    person.follow("main a.main", "**/join/")
    person.look("consent")
    person.walk()
    page.focus(".skip")
    person.press_to("[name=agree]", "Space")
    person.follow("main button.main", "**/return-code/")
    code = page.locator("#code").inner_text()
    person.look("return-code")
    person.walk()
    page.focus(".skip")
    person.follow("main button.main", "**/mine/")
    person.look("home")
    person.follow("main button[value=form]", "**/dialogue/*/")
    for number, answer in enumerate(ANSWERS):
        assert page.evaluate("document.activeElement.id") == "answer", "one can write at once"
        if number in {0, 3}:
            person.look(f"form-{number}")
            person.walk()
            page.focus("#answer")
        page.keyboard.type(answer)
        said = page.locator("#dialogue li").count()
        person.press_to("button[value=answer]", "Enter")
        if number < len(ANSWERS) - 1:
            page.locator("#dialogue li").nth(said + 1).wait_for()
            page.locator("#answer:focus").wait_for()
    page.wait_for_url("**/card/*/")
    person.look("card")
    person.walk()
    page.focus(".skip")
    person.press_to("#title")
    page.keyboard.type("Hearing the quiet ones")
    person.press_to("[name=verdict-0]", "ArrowRight")
    assert page.evaluate("document.activeElement.value") == "almost"
    person.press_to("#wording-0")
    page.keyboard.press("End")
    page.keyboard.type(" in a group")
    person.follow("button[value=submit]", "**/near/")
    page.wait_for_selector("text=Go on to the values")
    person.look("near")
    person.follow("a[href$='/values/']", "**/values/")
    person.look("values")
    person.walk()
    page.focus(".skip")
    for number in range(page.locator("section.vote").count()):
        person.press_to(f"[name=answer-{number}]", "Space")
    person.follow("button[value=vote]", "**/stories/")
    person.look("story")
    person.walk()
    page.focus(".skip")
    for _ in range(8):
        person.press_to("[name=answer]", "Space")
        person.press_to("main button.main")
        with page.expect_navigation():
            page.keyboard.press("Enter")
    page.wait_for_url("**/after/")
    person.look("after")
    person.walk()
    person.go("/a/example/q/essay/graph/")
    person.look("graph")
    person.walk()
    for language in ("ar", "es"):
        person.go("/a/example/mine/")
        person.press_to("#language")
        for _ in range(3):
            page.keyboard.press("ArrowDown" if language == "ar" else "ArrowUp")
        if language == "es":
            page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement.value") == language, "passing over a choice sends nothing"
        person.press_to(".bar button")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        assert page.evaluate("document.documentElement.lang") == language
        person.look(f"home-{language}")
        person.walk()
    assert person.complaints == []

    elsewhere = Person(browser, running, 1280, 900)
    elsewhere.go("/a/example/")
    elsewhere.page.click("main a[href^='/come-back/']")
    elsewhere.page.fill("[name=code]", code.lower())
    elsewhere.page.click("main button.main")
    elsewhere.page.wait_for_url("**/mine/")
    assert "You have done everything." in elsewhere.text(), "everything is there on another device"


def join(person: Person) -> None:
    person.go("/a/example/join/")
    assert "An AI asks the questions." in person.text()
    person.page.check("[name=agree]")
    person.page.check("[name=share_transcript]")
    person.page.click("main button.main")
    person.page.click("main button.main")
    person.page.wait_for_url("**/mine/")


def reply(person: Person, text: str, do: str = "answer") -> None:
    person.page.fill("#answer", text)
    person.page.click(f"button[value={do}]")


def the_model_dies(person: Person, interviewer: Interviewer) -> None:
    """A question comes in pieces; the next breaks off; the form goes on, and nothing that was said is gone."""
    page = person.page
    page.click("button[value=model]")
    page.wait_for_url("**/dialogue/*/")
    assert "An AI asks you. It is not a person, and it can be wrong." in person.text()
    assert page.locator("#dialogue .them").count() == 1, "the first question is there at once"
    interviewer.may_go_on.clear()
    reply(person, ANSWERS[0])
    page.wait_for_selector("#dialogue .waiting:has-text('I see.')")
    assert "?" not in page.locator("#dialogue .them").last.inner_text(), "the question is not whole yet"
    assert page.locator("#answer").count() == 0, "one thing at a time"
    assert page.locator("button[value=enough]").is_visible(), "that is enough, also while it speaks"
    person.look("ai-speaks")
    interviewer.may_go_on.set()
    page.wait_for_selector("#answer")
    asked = page.locator("#dialogue .them").last.inner_text()
    assert asked.startswith("AI")
    assert asked.count("?") == 1, "one question at a time"
    person.look("ai-asked")
    interviewer.dies_after = 6
    reply(person, ANSWERS[1])
    page.wait_for_selector("text=From here on a fixed form asks the same things. Nothing you said is lost.")
    assert interviewer.down
    for said in (*ANSWERS[:2], asked.removeprefix("AI").strip()):
        assert said in person.text()
    assert page.locator("#dialogue .them").last.inner_text().startswith("Question")
    person.look("form-took-over")
    page.reload()
    assert ANSWERS[1] in person.text()
    for answer in ANSWERS[2:]:
        said = page.locator("#dialogue li").count()
        reply(person, answer)
        if answer != ANSWERS[-1]:
            page.locator("#dialogue li").nth(said + 1).wait_for()
    page.wait_for_url("**/card/*/")
    assert page.locator("legend >> text=Ways a place is used already").count() == 1, "their own words"
    page.fill("#title", "Hearing the quiet ones")
    page.context.set_offline(True)
    page.click("button[value=save]")
    page.wait_for_url("chrome-error://**")
    page.context.set_offline(False)
    page.go_back()
    assert page.input_value("#title") == "Hearing the quiet ones", "what could not be sent is there again"
    person.complaints = [each for each in person.complaints if "ERR_INTERNET_DISCONNECTED" not in each]
    page.click("button[value=submit]")
    page.wait_for_selector("text=Go on to the values")
    assert drafts(page) == [], "what was sent does not stay on the device"


def drafts(page: Any) -> Any:
    return page.evaluate("Object.keys(localStorage).filter((each) => each.startsWith('draft '))")


def vote_and_judge(person: Person) -> None:
    page = person.page
    page.click("text=Go on to the values")
    for field in page.locator("input[value=wise]").all():
        field.check(force=True)
    page.click("text=Keep my votes")
    first = page.locator("main h1").inner_text(), page.locator(".pair").inner_text()
    page.check("[name=answer][value=less_wise]", force=True)
    page.fill("#reason", "It forgets the tired ones.")
    page.click("text=Keep and go on")
    assert (page.locator("main h1").inner_text(), page.locator(".pair").inner_text()) != first
    page.click("text=Take my last answer back")
    assert "Here is the story again." in person.text()
    assert (page.locator("main h1").inner_text(), page.locator(".pair").inner_text()) == first
    for _ in range(8):
        page.check("[name=answer][value=wiser]", force=True)
        page.click("text=Keep and go on")
    page.wait_for_url("**/after/")
    assert "Hearing the quiet ones" in person.text()
    assert "Nobody has read it yet." in person.text()


def all_questions_of_the_budget(person: Person) -> None:
    """Answers too short to go on from are asked about once more each, up to the budget; then the AI drafts the card."""
    page = person.page
    person.go("/a/example/mine/")
    page.click("text=Add another value")
    for number in range(8):
        page.wait_for_selector("#answer")
        assert f"{number} of at most 8 questions" in person.text()
        reply(person, f"I waited {number}.")
        page.locator("#dialogue .me").nth(number).or_(page.locator("#title")).first.wait_for()
    page.wait_for_url("**/card/*/")
    assert "An AI wrote this version from your answers. It may have got you wrong." in person.text()
    assert page.input_value("#title") == json.loads(CARD)["title"]
    person.look("card-by-ai")
    page.click("text=Earlier versions")
    assert "from your answers" in person.text()


def enough_after_one_answer(person: Person) -> None:
    page = person.page
    person.go("/a/example/mine/")
    page.click("text=Add another value")
    page.wait_for_selector("#answer")
    reply(person, "I asked who was missing.")
    page.locator("#dialogue .them").nth(1).wait_for()
    reply(person, "And I waited for them.", do="enough")
    page.wait_for_url("**/card/*/")


def take_away_and_delete(person: Person) -> None:
    page = person.page
    person.go("/a/example/after/")
    with page.expect_download() as coming:
        page.click("text=Download all that I gave")
    mine = json.loads(Path(coming.value.path()).read_text(encoding="utf-8"))
    assert len(mine["cards"]) == len(mine["dialogues"]) == 3
    assert len(mine["judgements"]) == 8
    assert "And I waited for them." in json.dumps(mine), "what stood in the box was said"
    person.go("/a/example/q/essay/stories/")
    page.fill("#reason", "Half a thought")
    assert len(drafts(page)) == 1
    person.go("/a/example/after/")
    page.click("text=Delete all that I gave")
    person.look("delete")
    page.click("text=Delete everything")
    page.wait_for_url("**/a/example/")
    assert drafts(page) == [], "nor on the device"
    person.go("/a/example/mine/")
    assert page.url.endswith("/a/example/"), "nobody is there any longer"


def test_with_an_ai_that_dies_in_mid_sentence(browser: Any, running: Running, interviewer: Interviewer) -> None:
    person = Person(browser, running, 1280, 900)
    join(person)
    the_model_dies(person, interviewer)
    vote_and_judge(person)
    interviewer.down = False
    all_questions_of_the_budget(person)
    enough_after_one_answer(person)
    take_away_and_delete(person)
    assert person.complaints == []
