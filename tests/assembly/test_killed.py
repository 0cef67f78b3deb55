"""The real server is killed while answers are on their way: after it kept one, before it said so. Nothing is lost or
counted twice, and everybody goes on where they were."""

import re
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.assembly.running import free_port, start

MOST_KILLS = 10
KEPT = {
    "vote": "SELECT COUNT(*) FROM assembly_vote v JOIN assembly_drawncard c ON c.id = v.drawn_id WHERE c.draw_id = ?",
    "judgement": "SELECT COUNT(*) FROM assembly_judgement j JOIN assembly_drawntransition t ON t.id = j.drawn_id "
                 "WHERE t.draw_id = ?",
    "answer": "SELECT COUNT(*) FROM assembly_message WHERE author = 'participant' AND text = ?",
}  # fmt: skip
"""Rows that one answer leaves, by its key: the draw, or the words."""


class Site:
    """A site that can be killed and started again on the same folder and port."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.process: subprocess.Popen[str] | None = None

    def up(self) -> None:
        self.process, _entry = start(self.folder, self.port, "--no-worker")

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.communicate()

    def rows(self, sql: str, *keys: str) -> int:
        with closing(sqlite3.connect(self.folder / "assembly.sqlite3", timeout=30)) as database:
            return int(database.execute(sql, keys).fetchone()[0])


class Person:
    """Somebody in a browser, with the form that lies before them."""

    def __init__(self, site: Site, kind: str, number: int) -> None:
        self.kind, self.number, self.turn = kind, number, 0
        self.browser = httpx.Client(base_url=f"http://127.0.0.1:{site.port}", follow_redirects=True, timeout=60)
        page = self.browser.get("/a/example/join/").text
        version = re.findall(r'name="version" value="(\d+)"', page)
        self._send("/a/example/join/", page, agree="on", version=version[0])
        if kind == "answer":
            self.dialogue = str(self._send("/a/example/q/essay/begin/", self.look("mine/"), how="form").url)

    def look(self, path: str) -> str:
        return self.browser.get(f"/a/example/{path}").text

    def _send(self, path: str, page: str, **form: str) -> httpx.Response:
        token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[0]
        return self.browser.post(path, data={"csrfmiddlewaretoken": token, **form})

    def prepare(self) -> None:
        """Open the next form and fill it in. ``key`` is what the database will know the answer by."""
        self.turn += 1
        if self.kind == "vote":
            page = self.look("q/essay/values/")
            self.path = re.findall(r'action="(/a/example/values/[^"]+)"', page)[0]
            self.form = dict.fromkeys(re.findall(r'name="(answer-\d+)"', page), "wise") | {"do": "vote"}
            self.key, self.rows = self.path.split("/")[-2].replace("-", ""), len(self.form) - 1
        elif self.kind == "judgement":
            page = self.look("q/essay/stories/")
            self.path = re.findall(r'action="(/a/example/stories/[0-9a-f-]{36}/)"', page)[0]
            self.form = {"answer": "wiser", "reason": f"as {self.number} sees it"}
            self.key, self.rows = self.path.split("/")[-2].replace("-", ""), 1
        else:
            page = self.browser.get(self.dialogue).text
            self.key, self.rows = f"Person {self.number} says this in turn {self.turn}.", 1
            self.path = f"{self.dialogue}answer/"
            revision = re.findall(r'name="revision" value="(\d+)"', page)[0]
            self.form = {"answer": self.key, "revision": revision, "do": "answer"}
        token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[0]
        self.form["csrfmiddlewaretoken"] = token
        self.answered: int | None = None

    def send(self) -> None:
        """Send it, without following where it leads. ``answered`` stays None where no answer comes."""
        try:
            self.answered = self.browser.post(self.path, data=self.form, follow_redirects=False).status_code
        except httpx.TransportError:
            self.answered = None


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    found = Site(tmp_path)
    found.up()
    yield found
    found.kill()


def kill_when_one_is_kept(site: Site, people: list[Person]) -> None:
    """Send all at once and kill the server at the moment in which the database holds one more row."""
    with closing(sqlite3.connect(site.folder / "assembly.sqlite3", timeout=30)) as database:
        count = "SELECT (SELECT COUNT(*) FROM assembly_vote) + (SELECT COUNT(*) FROM assembly_judgement) + (" \
                "SELECT COUNT(*) FROM assembly_message WHERE author = 'participant')"  # fmt: skip
        before = database.execute(count).fetchone()
        senders = [threading.Thread(target=person.send) for person in people]
        for sender in senders:
            sender.start()
        while database.execute(count).fetchone() == before and any(sender.is_alive() for sender in senders):
            time.sleep(0)
    site.kill()
    for sender in senders:
        sender.join()


@pytest.fixture
def people(site: Site) -> Iterator[list[Person]]:
    """Somebody for every kind of answer, and one more."""
    found = [Person(site, kind, number) for number, kind in enumerate(["answer", "judgement", "vote", "judgement"])]
    yield found
    for person in found:
        person.browser.close()


def test_a_server_that_is_killed_between_keeping_and_answering_loses_and_doubles_nothing(
    site: Site, people: list[Person]
) -> None:
    kept_unsaid = 0
    for _ in range(MOST_KILLS):
        for person in people:
            person.prepare()
        kill_when_one_is_kept(site, people)
        for person in people:
            kept = site.rows(KEPT[person.kind], person.key)
            assert kept in (0, person.rows), "an answer is kept whole or not at all"
            assert kept or person.answered is None, "what the server said it kept, it kept"
            kept_unsaid += kept > 0 and person.answered is None
        site.up()
        for person in people:
            person.send()  # the browser's retry
            assert person.answered == 302
            assert site.rows(KEPT[person.kind], person.key) == person.rows
        if kept_unsaid:
            break
    assert kept_unsaid, "no kill met the moment between keeping and answering"
    for person in people:
        if person.kind != "vote":  # the vote was on all cards there are
            before: Any = person.key
            person.prepare()
            assert person.key != before, "everybody goes on with what comes next"
            person.send()
            assert person.answered == 302
    with closing(sqlite3.connect(site.folder / "assembly.sqlite3")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
