"""Many people going through the assembly's whole journey at once, on SQLite and on PostgreSQL, with nothing lost.

    python -m benchmarks.assembly [--people 200] [--pause 2] [--database sqlite|postgresql|both]

The site is started as `pluralign assembly serve` starts it, with its rate limits and its worker, in a new folder;
PostgreSQL is a server of this script's own, where one is installed. The people (locust) come from an address each, as a
proxy of one's own would tell it, and begin in the same second. Each consents, answers the guided form, edits and
submits a card, looks at near values, votes, judges eight stories, and looks at what came of it. Every third sends each
form twice at once, as a double click does; every third sends each answer, vote and judgement again, as a retry does;
every fifth takes a judgement back. What they sent is then compared with what the database holds, by plain SQL. Ends
with 1 where anything is missing, is there twice, or was answered with an error.
"""

import argparse
import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.serve import processor_seconds

ANSWERS = (
    "I asked the ones who never come to meetings, said person {n}.",
    "Who went quiet when others spoke, in room {n}.",
    "People came who had not come before, {n} of them.",
    "When there is time to go round, as on day {n}.",
    "I used to count hands, {n} of them.",
    "People who fall silent in room {n}\nWays in which place {n} is used already\nSteps that can be taken back",
)
SUBJECTS = ("Hearing", "Trees", "Rest", "Trust", "Craft", "Play", "Doubt", "Roots", "Thrift", "Welcome", "Candour")
OUTCOMES = ("wiser", "less_wise", "different", "unsure")
VOTES = ("wise", "not_for_me", "unsure")
TASKS = "django_tasks_database_dbtaskresult"
PATIENCE = 300
"""Seconds that the worker may take with what the people left it."""


class Database(NamedTuple):
    """Where a site keeps what it was given."""

    name: str
    url: str
    """Empty for SQLite in the site's folder."""


# ------------------------------------------------------------------------------------------------ the people (locust)


def clients(url: str, people: int, pause: float) -> None:
    """The people's process: go through the journey, then print as JSON what was sent and how long pages took."""
    import gevent
    from locust import FastHttpUser, task
    from locust.env import Environment
    from locust.exception import StopUser

    told: list[dict[str, Any]] = []
    problems: Counter[str] = Counter()

    class Person(FastHttpUser):
        """One participant, in a browser that follows redirects by hand, so that each page is timed by itself."""

        host = url

        def on_start(self) -> None:
            self.number = len(told)
            self.sent: dict[str, Any] = {"votes": {}, "judgements": {}, "answers": [], "title": "", "finished": False}
            told.append(self.sent)
            self.twice, self.again = self.number % 3 == 0, self.number % 3 == 1
            self.address = {
                "X-Forwarded-For": f"10.{self.number // 65536}.{self.number // 256 % 256}.{self.number % 256}"
            }
            self.client.client.redirect_response_codes = frozenset()  # type: ignore[misc]
            self.path, self.page = "", ""

        @task
        def come(self) -> None:
            try:
                self.journey()
            except AssertionError as problem:
                problems[f"person stopped: {problem}"] += 1
            raise StopUser

        def ask(self, kind: str, path: str, form: dict[str, Any] | None = None) -> tuple[str, str]:
            """One request: where it leads (empty: nowhere), and the page."""
            method, data = ("GET", None) if form is None else ("POST", form)
            with self.client.request(
                method, path, data=data, name=kind, headers=self.address, catch_response=True
            ) as answer:
                page = answer.text or ""
                if answer.status_code not in (200, 302):
                    answer.failure(f"{answer.status_code}")
                    problems[f"{kind}: {answer.status_code} {answer.error or ''} {_said(page)}"] += 1
                return (answer.headers or {}).get("Location", "") if answer.status_code == 302 else "", page

        def look(self, kind: str, path: str) -> None:
            """Open a page, after a while, and stay on it."""
            gevent.sleep(pause * (0.5 + (self.number * 7919 + len(self.page)) % 1000 / 1000))
            for _ in range(4):
                leads, page = self.ask(kind, path)
                if not leads:
                    break
                path = leads
            self.path, self.page = path, page

        def send(self, kind: str, path: str, form: dict[str, Any], *, again: bool = False) -> str:
            """Send the form of the open page; twice at once, or once more, where this person does so. Where it led."""
            token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.page)
            assert token, f"{self.path} has no form"
            whole = {"csrfmiddlewaretoken": token[1], **form}
            gevent.sleep(pause * (0.5 + (self.number * 104729 + len(path)) % 1000 / 1000))
            if self.twice:
                both = [gevent.spawn(self.ask, kind, path, whole) for _ in range(2)]
                gevent.joinall(both)
                return str(both[1].get()[0])
            leads = self.ask(kind, path, whole)[0]
            if again and self.again:
                leads = self.ask(kind, path, whole)[0]
            return leads

        def found(self, pattern: str) -> str:
            match = re.search(pattern, self.page)
            assert match, f"{self.path} lacks {pattern}: {_said(self.page)}"
            return match[1]

        def journey(self) -> None:
            site, n = "/a/example/", self.number
            self.look("first page", "/")
            self.look("what it is about", site)
            self.look("worked example", f"{site}example/")
            self.look("consent", f"{site}join/")
            agreed = {"agree": "on", "share_reasons": "on", "version": self.found(r'name="version" value="(\d+)"')}
            leads = self.send("consent, sent", f"{site}join/", agreed)
            assert leads, "nobody joined"
            self.look("return code", leads)
            self.sent["code"] = self.found(r'id="code">([^<]+)<')
            self.look("where I stand", self.send("return code, kept", f"{site}return-code/kept/", {}))
            leads = self.send("dialogue, begun", f"{site}q/essay/begin/", {"how": "form"})
            self.look("dialogue", leads)
            for text in ANSWERS:
                said = text.format(n=n)
                form = {"answer": said, "revision": self.found(r'name="revision" value="(\d+)"'), "do": "answer"}
                leads = self.send("answer, sent", f"{self.path}answer/", form, again=True)
                assert leads, f"the answer led nowhere: {_said(self.page)}"
                self.sent["answers"].append(said)
                self.look("card" if text is ANSWERS[-1] else "dialogue", leads)
            card, subject = self.path, f"{SUBJECTS[n % len(SUBJECTS)]} in the room {n}"
            form = {"version": self.found(r'name="version" value="(\d+)"'), "title": subject, "do": "submit"}
            form |= {"verdict-0": "yes", "verdict-1": "almost", "wording-1": f"How place {n} is used"}
            leads = self.send("card, submitted", card, form)
            self.sent["title"] = subject
            self.look("near values", leads)
            for offer in re.findall(r'action="(/a/example/near/\d+/)"', self.page)[:1]:
                self.look("near values", self.send("near value, answered", offer, {"answer": "different"}))
            self.look("values of others", f"{site}q/essay/values/")
            self.vote()
            self.judge()
            self.look("afterwards", self.path)
            self.look("the graph", f"{site}q/essay/graph/")
            self.look("my data", f"{site}mine/export/")
            self.sent["finished"] = True

        def vote(self) -> None:
            path = self.found(r'action="(/a/example/values/[^"]+)"')
            draw = path.split("/")[-2]
            cards = sorted({int(found) for found in re.findall(r'name="answer-(\d+)"', self.page)})
            votes = {card: VOTES[(self.number + card) % 3] for card in cards}
            leads = self.send(
                "votes, sent", path, {"do": "vote", **{f"answer-{c}": a for c, a in votes.items()}}, again=True
            )
            assert leads, "the votes led nowhere"
            self.sent["votes"][draw] = votes
            self.look("story", leads)

        def judge(self) -> None:
            undone = self.number % 5 != 0
            while "/after/" not in self.path:
                path = self.found(r'action="(/a/example/stories/[0-9a-f-]{36}/)"')
                draw, turn = path.split("/")[-2], len(self.sent["judgements"])
                answer, reason = OUTCOMES[(self.number + turn) % 4], f"as person {self.number} sees it, {turn}"
                leads = self.send("judgement, sent", path, {"answer": answer, "reason": reason}, again=True)
                assert leads, "the judgement led nowhere"
                self.sent["judgements"][draw] = [answer, reason]
                if turn == 2 and not undone:
                    undone = True
                    self.look("story", leads)
                    gone = self.send_once("judgement, taken back", "/a/example/stories/undo/")
                    self.sent["judgements"].pop(draw)
                    leads = gone
                self.path = leads
                if "/after/" not in leads:
                    self.look("story", leads)
                assert turn < 60, "there is no end of stories"

        def send_once(self, kind: str, path: str) -> str:
            """Send a form that does something else the second time."""
            kept, self.twice = self.twice, False
            try:
                return self.send(kind, path, {})
            finally:
                self.twice = kept

    environment = Environment(user_classes=[Person])
    runner = environment.create_local_runner()
    began = time.monotonic()
    runner.start(people, spawn_rate=people)
    while len(told) < people or runner.user_count:
        gevent.sleep(0.2)
    seconds = time.monotonic() - began
    kinds = [
        {"kind": entry.name, "requests": entry.num_requests, "errors": entry.num_failures,
         "p50": entry.get_response_time_percentile(0.5), "p95": entry.get_response_time_percentile(0.95),
         "worst": entry.max_response_time}
        for entry in environment.stats.entries.values()
    ]  # fmt: skip
    total = environment.stats.total
    print(json.dumps({
        "seconds": seconds, "kinds": kinds, "sent": told, "problems": dict(problems), "processor": time.process_time(),
        "p50": total.get_response_time_percentile(0.5), "p95": total.get_response_time_percentile(0.95),
        "requests": total.num_requests, "errors": total.num_failures,
    }))  # fmt: skip


def _said(page: str) -> str:
    """The heading and first sentence of a page, for whoever looks for what went wrong."""
    text = re.sub(r"<[^>]+>", " ", page[page.find("<h1") :]) if "<h1" in page else page
    return re.sub(r"\s+", " ", text).strip()[:160]


# ------------------------------------------------------------------------------------------------------- the site


@contextlib.contextmanager
def site(folder: Path, database: Database) -> Iterator[tuple[str, int]]:
    """The site as it ships, on a free port: its address and process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "pluralign", "assembly", "serve", "--folder", str(folder), "--port", str(port)]
    told = {"PLURALIGN_ASSEMBLY_DATABASE_URL": database.url, "PLURALIGN_ASSEMBLY_BEHIND_PROXY": "1"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env={**os.environ, **told}, text=True)
        try:
            assert process.stdout is not None
            if not any("Stop with" in line for line in process.stdout):
                raise SystemExit(f"the site did not start:\n{(folder / 'log').read_text()[-3000:]}")
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            process.terminate()
            process.wait(timeout=60)


@contextlib.contextmanager
def query(folder: Path, database: Database) -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
    """Ask the database by itself, past the site."""
    if database.url:
        import psycopg

        with psycopg.connect(database.url) as connection:
            yield lambda sql: list(connection.execute(sql))
    else:
        import sqlite3

        with contextlib.closing(sqlite3.connect(folder / "assembly.sqlite3", timeout=60)) as connection:
            yield lambda sql: list(connection.execute(sql))


def databases(which: str) -> Iterator[Database]:
    """Those that were asked for and that there are, each as long as it is looked at."""
    from tests.assembly import postgres

    if which in ("sqlite", "both"):
        yield Database("SQLite", "")
    if which in ("postgresql", "both"):
        if postgres.programs() is None:
            print(f"PostgreSQL: left out, {postgres.MISSING}")
            return
        with postgres.cluster(durable=True) as url:
            yield Database("PostgreSQL", url)


# ------------------------------------------------------------------------------------------- what the database holds


VOTES_KEPT = """SELECT c.draw_id, c.position, v.answer FROM assembly_vote v
    JOIN assembly_drawncard c ON c.id = v.drawn_id"""
JUDGEMENTS_KEPT = """SELECT t.draw_id, j.relationship, j.reason FROM assembly_judgement j
    JOIN assembly_drawntransition t ON t.id = j.drawn_id"""
CARDS_KEPT = """SELECT v.title FROM assembly_card c JOIN assembly_cardversion v ON v.card_id = c.id
    AND v.number = (SELECT MAX(number) FROM assembly_cardversion WHERE card_id = c.id)
    WHERE c.status = 'submitted' AND c.canonical_id IS NOT NULL"""
AT_MOST_ONE = {
    "votes of one person on one value": "assembly_vote GROUP BY participation_id, value_id",
    "judgements of one person on one pair": "assembly_judgement GROUP BY participation_id, pair, context_id",
    "dialogues of one person": "assembly_dialogue GROUP BY participation_id",
    "draws that wait for one person":
        "assembly_draw WHERE answered_at IS NULL GROUP BY participation_id, question_id, kind",
}  # fmt: skip


def faults(sent: list[dict[str, Any]], folder: Path, database: Database) -> list[str]:
    """What is missing, is there twice, or differs from what was sent, in sentences. Waits for the worker first."""
    found = [] if _settled(folder, database) else ["the worker did not finish"]
    with query(folder, database) as ask:
        failed = ask(f"SELECT task_path FROM {TASKS} WHERE status = 'FAILED'")
        found += [f"the task {path} failed" for (path,) in failed]
        people = ask("SELECT COUNT(*) FROM assembly_participation")[0][0]
        if people != len(sent):
            found.append(f"{people} participations of {len(sent)} people")
        votes = {
            (_plain(draw), int(position)): answer
            for person in sent
            for draw, answers in person["votes"].items()
            for position, answer in answers.items()
        }
        found += _compared("votes", votes, {(_plain(key), place): said for key, place, said in ask(VOTES_KEPT)})
        judgements = {_plain(draw): tuple(said) for person in sent for draw, said in person["judgements"].items()}
        found += _compared("judgements", judgements, {_plain(key): tuple(said) for key, *said in ask(JUDGEMENTS_KEPT)})
        answers = Counter(text for person in sent for text in person["answers"])
        messages = ask("SELECT text FROM assembly_message WHERE author = 'participant'")
        found += _compared("answers", answers, Counter(text for (text,) in messages))
        cards = Counter(person["title"] for person in sent if person["title"])
        found += _compared("cards", cards, Counter(title for (title,) in ask(CARDS_KEPT)))
        for what, rows in AT_MOST_ONE.items():
            found += [f"{count} {what}" for (count,) in ask(f"SELECT COUNT(*) FROM {rows} HAVING COUNT(*) > 1")]
        if not database.url and ask("PRAGMA integrity_check") != [("ok",)]:
            found.append("SQLite finds its file damaged")
    return found


def _settled(folder: Path, database: Database) -> bool:
    """Wait until no background task is left. Whether that came about."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with query(folder, database) as ask:
            if not ask(f"SELECT 1 FROM {TASKS} WHERE status IN ('READY', 'RUNNING') LIMIT 1"):
                return True
        time.sleep(0.5)
    return False


def _plain(key: Any) -> str:
    return str(key).replace("-", "")


def _compared(what: str, sent: dict[Any, Any], kept: dict[Any, Any]) -> list[str]:
    lost = sum(1 for key in sent if key not in kept)
    more = sum(1 for key in kept if key not in sent)
    other = sum(1 for key in sent if key in kept and kept[key] != sent[key])
    sentences = ((lost, "lost"), (more, "that nobody sent"), (other, "kept otherwise than sent"))
    return [f"{count} {what} {fault}" for count, fault in sentences if count]


# --------------------------------------------------------------------------------------------------------- telling


def measured(database: Database, people: int, pause: float) -> bool:
    """Run the people against a new site on this database and print what came of it. Whether all was well."""
    with tempfile.TemporaryDirectory(prefix="assembly-load-") as name:
        folder = Path(name)
        with site(folder, database) as (url, process):
            before = processor_seconds(process)
            command = [sys.executable, "-m", "benchmarks.assembly", "--as-people", url, "--people", str(people),
                       "--pause", str(pause)]  # fmt: skip
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
            if done.returncode:
                raise SystemExit("the people did not come through")
            told = json.loads(done.stdout.splitlines()[-1])
            used = processor_seconds(process) - before
            wrong = faults(told["sent"], folder, database)
        wrong += [f"{count} x {problem}" for problem, count in told["problems"].items()]
        wrong += [f"person {n} did not finish" for n, each in enumerate(told["sent"]) if not each["finished"]]
        log = (folder / "log").read_text().strip()
    votes = sum(len(answers) for each in told["sent"] for answers in each["votes"].values())
    judgements = sum(len(each["judgements"]) for each in told["sent"])
    requests, seconds = told["requests"], told["seconds"]
    lines = (
        f"{database.name}: {people} people at once, {pause:g} s between two requests of one person",
        f"  {requests:,} requests in {seconds:.0f} s, {requests / seconds:.0f} a second, {told['errors']} errors; "
        f"p50 {told['p50']:.0f} ms, p95 {told['p95']:.0f} ms",
        f"  {votes:,} votes and {judgements:,} judgements; of three people one sent each form twice at once, one each "
        "answer once more",
        f"  processor time: the site {used:.0f} s, {1000 * used / requests:.1f} ms a request; the people "
        f"{told['processor']:.0f} s; load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores",
    )
    print("\n".join(lines))
    print(f"  {'page':26}{'requests':>9}{'p50 ms':>9}{'p95 ms':>9}{'worst ms':>10}")
    for row in told["kinds"]:
        print(f"  {row['kind']:26}{row['requests']:9,}{row['p50']:9,.0f}{row['p95']:9,.0f}{row['worst']:10,.0f}")
    for sentence in wrong[:40]:
        print(f"  WRONG: {sentence}")
    if log:
        print(f"  the site's log: {log[-3000:]}")
    if not wrong:
        print("  all that was sent is kept, and once", flush=True)
    return not wrong


def main() -> None:
    """Every database in turn."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--pause", type=float, default=2, help="seconds between two requests of one person, on average")
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--as-people", metavar="URL", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.as_people:
        clients(arguments.as_people, arguments.people, arguments.pause)
        return
    well = [measured(database, arguments.people, arguments.pause) for database in databases(arguments.database)]
    if not all(well):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
