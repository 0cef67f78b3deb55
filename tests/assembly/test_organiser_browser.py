"""The organiser's way in Chromium, from an empty machine to a charter, on a laptop and on a telephone.

No complaint of the browser or of axe. Set PLURALIGN_SCREENSHOTS to a folder to keep what was seen. The steps are
functions that other tests go on from.
"""

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.assembly.running import ANSWERS, Running, is_there, running
from tests.report.conftest import AXE, browser

__all__ = ["browser", "running"]
pytestmark = pytest.mark.browser
LAPTOP, TELEPHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
RULES = "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})"
SLUG = "the-new-library"
SEEDS = (
    ("Hearing the quiet ones", "People who fall silent when others speak\nPauses before somebody answers"),
    ("Room for noise", "Children who have nowhere else to be loud\nHours in which nobody is disturbed"),
    ("What lasts", "Things that will still be used in ten years\nRepairs that people can do themselves"),
    ("Open doors", "People who have not come before\nReasons for which somebody turns around"),
)


class Eyes:
    """A page in which every complaint is written down, and which can be looked at on both screens."""

    def __init__(self, browser: Any, address: str) -> None:
        self.page = browser.new_context(viewport=LAPTOP).new_page()
        self.address = address
        self.complaints: list[str] = []
        self.page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type in {"error", "warning"} else None
        )

    def go(self, path: str) -> None:
        self.page.goto(f"{self.address}{path}")

    def look(self, name: str) -> None:
        """No page scrolls sideways, axe finds nothing, on either screen; nor sideways on the smallest."""
        is_there(self.page)
        self.page.set_viewport_size({"width": 320, "height": 640})
        assert self.page.evaluate("document.documentElement.scrollWidth") <= 320, f"{self.page.url} on 320"
        folder = os.environ.get("PLURALIGN_SCREENSHOTS")
        for screen, size in (("laptop", LAPTOP), ("telephone", TELEPHONE)):
            self.page.set_viewport_size(size)
            width = self.page.evaluate("document.documentElement.scrollWidth")
            assert width <= size["width"], f"{self.page.url} scrolls sideways on a {screen}"
            if folder:
                self.page.screenshot(path=f"{folder}/{name}-{screen}.png", full_page=True)
            if AXE.exists():
                self.page.evaluate(AXE.read_text())
                found = self.page.evaluate(RULES)
                assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == [], self.page.url
        self.page.set_viewport_size(LAPTOP)


def come_in(eyes: Eyes, entry: str) -> None:
    eyes.page.goto(entry)
    eyes.page.click("main button.main")
    eyes.page.wait_for_url("**/organise/")


def make_an_assembly(eyes: Eyes) -> None:
    """From a topic, with a mistake on the way."""
    page = eyes.page
    eyes.look("home")
    page.click("text=Make a new assembly")
    page.fill("[name=title]", "The new library")
    page.click("text=Make the assembly")
    page.wait_for_selector(".error")
    eyes.look("new-with-errors")
    page.fill("[name=topic]", "The city plans a library and asks what to look out for.")
    page.fill("[name=question_title]", "Quiet and loud")
    page.fill("[name=question_text]", "Somebody asks for a quiet room in the middle of the day. How should we respond?")
    page.fill("[name=contexts]", "When it is full\nWhen children are there")
    page.click("text=Make the assembly")
    page.wait_for_url(f"**/organise/a/{SLUG}/")
    eyes.look("before-opening")


def add_seeds(eyes: Eyes) -> None:
    for title, policies in SEEDS:
        eyes.go(f"/organise/a/{SLUG}/seeds/")
        eyes.page.click("text=Add a seed")
        eyes.page.fill("[name=title]", title)
        eyes.page.fill("[name=policies]", policies)
        eyes.page.click("main button.main")
    eyes.look("seeds")


def add_a_link_and_a_group(eyes: Eyes) -> None:
    eyes.go(f"/organise/a/{SLUG}/links/add/")
    eyes.page.fill("[name=name]", "Panel, first wave")
    eyes.page.fill("[name=limit]", "50")
    eyes.page.fill("[name=return_code]", "C0MPL3T3")
    eyes.look("link")
    eyes.page.click("main button.main")
    eyes.look("links")
    eyes.go(f"/organise/a/{SLUG}/quotas/add/")
    eyes.page.fill("[name=question]", "How old are you?")
    eyes.page.fill("[name=groups]", "Under 30 = 20\n30 to 60 = 20\nOver 60 = 20")
    eyes.page.click("main button.main")
    eyes.look("quotas")


def invite(eyes: Eyes) -> str:
    """Invite a moderator by link; returns the link."""
    eyes.go(f"/organise/a/{SLUG}/team/")
    eyes.page.fill("[name=name]", "Rosa")
    eyes.page.select_option("form:has([name=email]) [name=role]", "moderator")
    eyes.page.click("text=Invite >> nth=-1")
    link = str(eyes.page.locator("#made").inner_text())
    eyes.look("team")
    return link


def move_on(eyes: Eyes) -> None:
    """To the next phase."""
    eyes.go(f"/organise/a/{SLUG}/phase/")
    eyes.page.fill("[name=note]", "As planned")
    eyes.page.click("main button.main")
    eyes.page.wait_for_selector("main .note[role=status]")


def take_part(eyes: Eyes, title: str = "Asking who is absent") -> None:
    """A participant's whole way, by form."""
    page = eyes.page
    eyes.go(f"/a/{SLUG}/join/")
    page.check("[name=agree]")
    page.check("[name=share_transcript]")
    page.select_option("select[name^=about-]", label="30 to 60")
    page.click("main button.main")
    page.wait_for_selector("#code")
    page.click("main button.main")
    page.click("main button.main")
    for number, answer in enumerate(ANSWERS):
        page.fill("#answer", answer)
        said = page.locator("#dialogue li").count()
        page.click("button[value=answer]")
        if number < len(ANSWERS) - 1:
            page.locator("#dialogue li").nth(said + 1).wait_for()
    page.wait_for_url("**/card/*/")
    page.fill("#title", title)
    page.click("button[value=submit]")
    page.click("text=Go on to the values")
    for field in page.locator("input[value=wise]").all():
        field.check(force=True)
    page.click("text=Keep my votes")
    for answer in ("wiser", "less_wise", "wiser", "different", "wiser", "unsure", "wiser", "wiser"):
        page.wait_for_selector("[name=answer]")
        page.check(f"[name=answer][value={answer}]", force=True)
        page.click("text=Keep and go on")
    page.wait_for_url("**/after/")


def come_into_the_team(eyes: Eyes, link: str) -> None:
    eyes.page.goto(link)
    eyes.look("invited")
    eyes.page.fill("[name=name]", "Rosa")
    eyes.page.click("main button.main")
    eyes.page.wait_for_selector("#code")
    eyes.look("code")


def look_for_same_values(eyes: Eyes) -> None:
    """The workbench: values near one another, one value, and bringing seeds."""
    eyes.go(f"/organise/a/{SLUG}/values/?within=2")
    eyes.look("values-in-groups")
    eyes.go(f"/organise/a/{SLUG}/values/")
    eyes.look("values")
    eyes.page.locator("main summary").last.click()
    eyes.page.locator(f"main details[open] a[href^='/organise/a/{SLUG}/values/']").first.click()
    eyes.look("value")
    eyes.go(f"/organise/a/{SLUG}/seeds/bring/")
    eyes.look("bring")


def read_the_conversation(eyes: Eyes, person: Eyes) -> None:
    """An owner lets herself read it, and says why; the participant sees that."""
    eyes.go(f"/organise/a/{SLUG}/team/")
    eyes.page.click("text=Let read")
    eyes.page.click("text=Conversations >> nth=0")
    eyes.look("conversations")
    eyes.page.click("main td a")
    assert ANSWERS[0] not in eyes.page.locator("main").inner_text()
    eyes.page.fill("[name=why]", "To learn where people stop.")
    eyes.page.click("main button.main")
    assert ANSWERS[0] in eyes.page.locator("main").inner_text()
    eyes.look("conversation")
    person.go(f"/a/{SLUG}/after/")
    assert "To learn where people stop." in person.page.locator("main").inner_text()


def many_come(folder: Path) -> None:
    """Six more people judge all there is, by the services: nobody watches forty windows."""
    root = Path(__file__).parents[2]
    environment = {
        **os.environ,
        "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}",
        "PLURALIGN_ASSEMBLY_EMBEDDER": "letters",
    }
    subprocess.run([sys.executable, "-m", "tests.assembly.fill", str(folder), SLUG, "6"], env=environment, check=True)


def export_the_graph(eyes: Eyes, folder: Path) -> Path:
    """With the assembly's own k of five people. Returns the graph."""
    eyes.go(f"/organise/a/{SLUG}/export/")
    eyes.look("export")
    with eyes.page.expect_download() as coming:
        eyes.page.click("text=Download the archive")
    with zipfile.ZipFile(coming.value.path()) as archive:
        archive.extractall(folder)
    return next(folder.rglob("graph-quiet-and-loud.json"))


def test_from_a_topic_to_a_charter(browser: Any, running: Running, tmp_path: Path) -> None:
    organiser = Eyes(browser, running.address)
    come_in(organiser, running.entry)
    make_an_assembly(organiser)
    add_seeds(organiser)
    add_a_link_and_a_group(organiser)
    link = invite(organiser)
    organiser.go(f"/organise/a/{SLUG}/phase/")
    organiser.look("phase")
    move_on(organiser)

    rosa = Eyes(browser, running.address)
    come_into_the_team(rosa, link)
    rosa.go(f"/organise/a/{SLUG}/settings/")
    assert rosa.page.locator("text=There is nothing here").count() == 1, "a moderator changes no settings"

    person = Eyes(browser, running.address)
    take_part(person)
    person.go(f"/a/{SLUG}/q/quiet-and-loud/stories/")
    person.page.click("details summary")
    person.page.click("text=Report this card >> nth=0")
    person.look("report")
    person.page.check("[name=kind][value=nonsense]", force=True)
    person.page.click("main button.main")

    rosa.go(f"/organise/a/{SLUG}/moderation/")
    rosa.look("moderation")
    rosa.page.fill("[name=reason]", "It says nothing that one can notice.")
    rosa.page.click("button.bad")
    rosa.page.wait_for_selector("text=Restore")
    rosa.page.click("text=Restore")

    read_the_conversation(organiser, person)
    many_come(running.folder)
    organiser.go(f"/organise/a/{SLUG}/")
    organiser.look("overview")
    said = organiser.page.locator("main").inner_text()
    assert "1 of 50" not in said
    assert "Finished" in said
    for name in ("texts", "budget", "log", "settings"):
        organiser.go(f"/organise/a/{SLUG}/{name}/")
        organiser.look(name)
    look_for_same_values(organiser)
    for phase in ("Judging", "Review", "Published"):
        move_on(organiser)
        assert phase in organiser.page.locator("h1").inner_text()
    organiser.look("phase-published")
    person.go(f"/a/{SLUG}/q/quiet-and-loud/stories/")
    assert "this part is closed now" in person.page.locator("main").inner_text()
    graph = export_the_graph(organiser, tmp_path)
    charter = subprocess.run(
        [sys.executable, "-m", "pluralign", "graph", "charter", str(graph)], capture_output=True, text=True, check=False
    )
    assert charter.returncode == 0, charter.stderr
    assert SEEDS[0][0] in charter.stdout, "what all of them found wiser"
    for situation in ("When it is full", "When children are there"):
        assert situation in charter.stdout
    organiser.go("/organise/a/example/")
    organiser.look("overview-empty")
    expected = [each for each in rosa.complaints if "404" not in each and "422" not in each]
    assert expected == []
    assert [each for each in organiser.complaints + person.complaints if "422" not in each] == []
