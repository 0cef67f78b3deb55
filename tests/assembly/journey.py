"""One participant's journey by the test client, in pieces that tests put together."""

import re
from typing import Any

from django.core.management import call_command

from pluralign.assembly.models import Card, Dialogue

ANSWERS = (
    "I asked the ones who never come to meetings before we chose.",
    "Who went quiet when others spoke, and what people did there already.",
    "People came who had not come before, and stayed.",
    "When there is time to go round. In a fire I would not go round.",
    "I used to count hands. Then I saw that the loud counted twice.",
    "People who fall silent when others speak\nWays in which a place is used already\nSteps that can be taken back",
)


def begin(browser: Any, how: str = "form") -> Dialogue:
    """Start a dialogue and return it."""
    browser.post("/a/example/q/essay/begin/", {"how": how})
    found: Dialogue = Dialogue.objects.filter(participation=browser.participation, ended_at=None).get()
    return found


def say(browser: Any, dialogue: Dialogue, text: str, do: str = "answer") -> Any:
    """Answer the question that is open."""
    dialogue.refresh_from_db()
    response = browser.post(
        f"/a/example/dialogue/{dialogue.pk}/answer/", {"answer": text, "revision": dialogue.revision, "do": do}
    )
    dialogue.refresh_from_db()
    return response


def talk_through(browser: Any) -> Card:
    """The whole dialogue by form."""
    dialogue = begin(browser)
    for answer in ANSWERS:
        say(browser, dialogue, answer)
    found: Card = dialogue.card
    return found


def submit(browser: Any, card: Card, title: str = "Hearing the quiet ones") -> Any:
    """Say yes to all and submit."""
    form = {"version": card.latest.number, "title": title, "summary": "", "do": "submit"}
    return browser.post(f"/a/example/card/{card.pk}/", form)


def work() -> None:
    """Let a worker do all that waits."""
    call_command("db_worker", batch=True, interval=0.05, startup_delay=False, reload=False, verbosity=0)


def vote(browser: Any, answer: str = "wise") -> Any:
    """Vote on the cards that are shown."""
    page = browser.get("/a/example/q/essay/values/").content.decode()
    action = re.findall(r'action="(/a/example/values/[^"]+)"', page)[0]
    return browser.post(action, dict.fromkeys(re.findall(r'name="(answer-\d+)"', page), answer) | {"do": "vote"})


def story(browser: Any) -> str:
    """Where the answer to the story that is shown goes; empty where there is none."""
    page = browser.get("/a/example/q/essay/stories/").content.decode()
    found = re.findall(r'action="(/a/example/stories/[0-9a-f-]{36}/)"', page)
    return found[0] if found else ""
