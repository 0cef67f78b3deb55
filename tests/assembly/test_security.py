"""Headers, cookies, limits, logs; two workers at once, two people at once, a process that is killed."""

import gzip
import logging
import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import caches
from django.db import Error, connection, connections, transaction
from django.test import Client
from django.utils import timezone

from pluralign.assembly.middleware import NoPersonalWords, redact
from pluralign.assembly.models import (
    CanonicalValue,
    Counted,
    Draw,
    Judgement,
    Participation,
    Recruitment,
    SimilarOffer,
    Transition,
    Vote,
)
from pluralign.assembly.services import joining, judging, similar, transitions, voting
from pluralign.assembly.settings import HERE, Site, values
from tests.assembly import journey

VALUES, STORIES = "/a/example/q/essay/values/", "/a/example/q/essay/stories/"

STATIC = HERE / "static" / "assembly"


def site(**told: Any) -> dict[str, Any]:
    return values(Site(folder=Path("/nowhere"), secret_key="x" * 50, **told))


def test_by_https_cookies_are_secure_and_browsers_are_told_to_stay_with_it() -> None:
    found = site(public_url="https://assembly.example.org", behind_proxy=True)
    for name in ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "LANGUAGE_COOKIE_SECURE", "SECURE_SSL_REDIRECT"):
        assert found[name] is True
    assert found["SECURE_HSTS_SECONDS"] > 0
    assert found["CSRF_COOKIE_HTTPONLY"]
    assert found["SECURE_PROXY_SSL_HEADER"] == ("HTTP_X_FORWARDED_PROTO", "https")
    assert site()["SECURE_PROXY_SSL_HEADER"] is None, "a header that anybody can send is not trusted by itself"


def test_secrets_are_not_shown_with_the_site() -> None:
    assert "hidden words" not in repr(Site(folder=Path(), secret_key="hidden words", engine_key="hidden words"))


def test_databases_and_mail_servers_come_from_one_url_each() -> None:
    postgres = site(database_url="postgres://anna:p%40ss@db.example/assembly")["DATABASES"]["default"]
    assert (postgres["USER"], postgres["PASSWORD"], postgres["NAME"]) == ("anna", "p@ss", "assembly")
    mail = site(email_url="smtp://anna:p%40ss@mail.example:587")
    assert (mail["EMAIL_HOST"], mail["EMAIL_HOST_PASSWORD"], mail["EMAIL_USE_TLS"]) == ("mail.example", "p@ss", True)
    from pluralign.core.errors import UsageError

    for wrong in ({"database_url": "mysql://db/x"}, {"database_url": "nonsense"}, {"email_url": "mail.example"}):
        with pytest.raises(UsageError):
            site(**wrong)


@pytest.mark.django_db
def test_every_page_forbids_foreign_scripts_framing_and_being_kept(assembly: Any) -> None:
    page = Client().get("/a/example/")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["X-Frame-Options"] == "DENY"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert page.headers["Cache-Control"] == "no-store"
    assert "noindex" in page.headers["X-Robots-Tag"]
    text = page.content.decode()
    assert "<script>" not in text
    assert " style=" not in text
    assert " onclick=" not in text


@pytest.mark.django_db
def test_a_defect_is_said_in_the_readers_language_without_the_database(monkeypatch: Any) -> None:
    from django.core.handlers import base

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(base.BaseHandler, "resolve_request", broken)
    page = Client(raise_request_exception=False, headers={"Accept-Language": "ar"}).get("/a/example/")
    assert page.status_code == 500
    assert '<html lang="ar" dir="rtl">' in page.content.decode()
    assert "a defect" not in page.content.decode()


def test_pages_are_light(joined: Any) -> None:
    shared = [STATIC / name for name in ("site.css", "site.js")]
    assert sum(len(gzip.compress(each.read_bytes())) for each in shared) < 6_500
    for path in ("", "a/example/", "a/example/join/", "a/example/mine/", "a/example/q/essay/values/"):
        page = joined.get(f"/{path}", headers={"Accept-Encoding": "gzip"})
        assert page["Content-Encoding"] == "gzip"
        assert len(page.content) < 3_000, f"{path}: {len(page.content)} bytes"
        assert len(re.findall(r'(?:src|href)="/static/', gzip.decompress(page.content).decode())) == 2


def test_what_people_write_is_shown_as_text(joined: Any) -> None:
    dialogue = journey.begin(joined)
    journey.say(joined, dialogue, "<script>alert(1)</script>")
    page = joined.get(f"/a/example/dialogue/{dialogue.pk}/").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.django_db
def test_a_workshop_behind_one_address_can_be_let_in(assembly: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RATELIMIT_ENABLE = True
    for allowed in (settings.PLURALIGN.joins_per_hour, 4):
        monkeypatch.setattr(settings, "PLURALIGN", replace(settings.PLURALIGN, joins_per_hour=allowed))
        caches["limits"].clear()
        tried = [Client().post(f"/a/{assembly.slug}/join/", {}).status_code for _ in range(allowed + 1)]
        assert tried == [422] * allowed + [429]


@pytest.mark.django_db
def test_more_than_a_person_sends_is_refused_and_said(assembly: Any) -> None:
    settings.RATELIMIT_ENABLE = True
    caches["limits"].clear()
    browser = Client()
    answers = [browser.post("/come-back/", {"code": "AAAA"}).status_code for _ in range(22)]
    assert answers[:20] == [422] * 20
    assert answers[20:] == [429, 429]
    last = browser.post("/come-back/", {"code": "AAAA"})
    assert last.headers["Retry-After"] == "60"
    assert "nothing is lost" in last.content.decode()
    caches["limits"].clear()


@pytest.mark.django_db(transaction=True)
def test_processes_count_together_and_keep_no_address(assembly: Any) -> None:
    name = str(connection.settings_dict["NAME"])
    command = [sys.executable, "-m", "tests.assembly.another_process", name, "15"]
    others = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = Counter(word for other in others for word in other.communicate()[0].split())
    assert answers == {"422": 20, "429": 10}, "20 in an hour, whichever process answers"
    (kept,) = Counted.objects.values_list("digest", "times")
    assert kept[1] == 30
    assert re.fullmatch("[0-9a-f]{64}", kept[0])
    plain = caches["limits"].make_key("x")
    caches["limits"].add("x", 1, 60)
    assert plain not in str(list(Counted.objects.values_list("digest")))


@pytest.mark.django_db(transaction=True)
def test_counts_end_with_their_time_and_none_is_lost_between_threads() -> None:
    counts = caches["limits"]
    assert counts.get("x") is None
    with pytest.raises(ValueError, match="nothing is counted"):
        counts.incr("x")
    assert at_once(*[lambda: counts.add("x", 0, 60)] * 4).count(True) == 1
    results = at_once(*[lambda: counts.incr("x")] * 8)
    assert sorted(results) == list(range(1, 9))
    Counted.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert counts.get("x", "none") == "none"
    assert counts.add("x", 1, 60)
    assert counts.get("x") == 1


def test_logs_hold_no_address_no_parameter_and_no_token() -> None:
    line = 'GET /a/x/via/s3cr3t-token/?PROLIFIC_PID=5f3e&signature=ab12 for "rosa.l@mail.example.org"'
    clean = redact(line)
    for secret in ("s3cr3t", "5f3e", "ab12", "rosa"):
        assert secret not in clean
    record = logging.LogRecord("django", 30, "", 0, "mail to %s failed", ("rosa@example.org",), None)
    assert NoPersonalWords().filter(record)
    assert record.getMessage() == "mail to [address] failed"
    handler = site()["LOGGING"]["handlers"]["console"]
    assert handler["filters"] == ["no_words"]


@pytest.mark.django_db
def test_a_story_that_several_find_offensive_waits_for_a_moderator(assembly: Any) -> None:
    question = assembly.questions.get()
    transitions.propose(question)
    first = question.transitions.first()
    question.transitions.exclude(pk=first.pk).delete()
    story = first.stories.create(language="en", text="A story.", author="ai")
    for _ in range(judging.FLAGS_TO_RETIRE):
        mine = joining.join(assembly, None).participation
        draw = judging.open_draw(mine, question, "en")
        assert draw is not None
        last = str(draw.pk)
        assert draw.transition.story == story
        judging.flag(mine, last, "offensive")
        judging.flag(mine, last, "offensive")
    story.refresh_from_db()
    assert story.status == "waiting"
    with pytest.raises(ValueError, match="boring"):
        judging.flag(mine, last, "boring")


def at_once(*deeds: Any) -> list[Any]:
    """Do things in threads that start together; returns what each gave or raised."""
    gate = threading.Barrier(len(deeds))
    results: list[Any] = [None] * len(deeds)

    def run(place: int, deed: Any) -> None:
        gate.wait()
        try:
            results[place] = deed()
        except Exception as error:
            results[place] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(deeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_two_workers_that_place_cards_at_once_make_each_value_once(assembly: Any) -> None:
    cards = []
    for _ in range(2):
        client = Client()
        client.participation = joining.join(assembly, None).participation
        client.force_login(client.participation.person)
        card = journey.talk_through(client)
        journey.submit(client, card, title="The very same")
        cards.append(card)
    question = assembly.questions.get()
    results = at_once(
        lambda: similar.place(cards[0]),
        lambda: similar.place(cards[0]),
        lambda: similar.place(cards[1]),
        lambda: transitions.propose(question),
        lambda: transitions.propose(question),
    )
    assert [each for each in results if isinstance(each, Exception)] == []
    assert CanonicalValue.objects.filter(title="The very same").count() == 1
    for card in cards:
        card.refresh_from_db()
    assert cards[0].canonical == cards[1].canonical is not None
    assert SimilarOffer.objects.filter(value__title="The very same").count() == 0, "nobody is offered their own value"
    keys = list(Transition.objects.values_list("context", "source", "candidate"))
    assert len(keys) == len(set(keys))


@pytest.mark.django_db(transaction=True)
def test_pressing_in_two_windows_at_once_draws_and_counts_once(assembly: Any) -> None:
    question = assembly.questions.get()
    transitions.propose(question)
    mine = joining.join(assembly, None).participation
    draws = at_once(*[lambda: voting.open_draw(mine, question)] * 3)
    assert len({draw.pk for draw in draws}) == 1
    votes = at_once(*[lambda: voting.vote(mine, str(draws[0].pk), {0: "wise", 1: "unsure"})] * 4)
    assert [each for each in votes if isinstance(each, Exception)] == []
    assert Vote.objects.count() == 2
    stories = at_once(*[lambda: judging.open_draw(mine, question, "en")] * 3)
    assert len({draw.pk for draw in stories}) == 1
    judged = at_once(*[lambda: judging.judge(mine, str(stories[0].pk), "wiser")] * 4)
    assert [each for each in judged if isinstance(each, Exception)] == []
    assert Judgement.objects.count() == 1
    assert Draw.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_joining_by_a_double_click_takes_one_place_and_forms_pressed_twice_count_once(assembly: Any) -> None:
    Recruitment.objects.create(assembly=assembly, name="Panel", limit=1)
    link = Recruitment.objects.get()
    came = at_once(*[lambda: joining.join(assembly, None, recruitment=link, attempt="of this browser")] * 4)
    assert [each for each in came if isinstance(each, Exception)] == []
    assert len({each.return_code for each in came}) == Participation.objects.count() == 1
    transitions.propose(assembly.questions.get())
    browsers = [Client() for _ in range(3)]
    for browser in browsers:
        browser.force_login(Participation.objects.get().person)
    action = re.findall(r'action="(/a/example/values/[^"]+)"', browsers[0].get(VALUES).content.decode())[0]
    pressed = at_once(*[lambda browser=browser: browser.post(action, {"do": "none"}) for browser in browsers])
    assert [each.status_code for each in pressed] == [302] * 3
    assert Vote.objects.count() == 6
    story = re.findall(r'action="(/a/example/stories/[^"/]+/)"', browsers[0].get(STORIES).content.decode())[0]
    pressed = at_once(*[lambda browser=browser: browser.post(story, {"answer": "wiser"}) for browser in browsers])
    assert [each.status_code for each in pressed] == [302] * 3
    assert Judgement.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_answer_outlives_a_process_that_is_killed_before_it_could_respond(joined: Any, monkeypatch: Any) -> None:
    from pluralign.assembly.views import dialogue as view

    dialogue = journey.begin(joined)
    revision = dialogue.revision

    def killed(*_: Any, **__: Any) -> None:
        raise SystemExit("killed")

    monkeypatch.setattr(view, "_page", killed)
    monkeypatch.setattr(view, "redirect", killed)
    with pytest.raises(SystemExit):
        journey.say(joined, dialogue, "I asked the quiet ones.")
    monkeypatch.undo()
    page = joined.get(f"/a/example/dialogue/{dialogue.pk}/").content.decode()
    assert "I asked the quiet ones." in page
    again = joined.post(
        f"/a/example/dialogue/{dialogue.pk}/answer/", {"answer": "I asked the quiet ones.", "revision": revision}
    )
    assert again.status_code == 302, "the browser's retry finds it kept"
    assert dialogue.messages.filter(author="participant").count() == 1


@pytest.mark.django_db(transaction=True)
def test_threads_that_write_to_sqlite_wait_for_each_other_not_for_sqlite(assembly: Any) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("about SQLite")

    def write() -> None:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 0")  # SQLite itself refuses at once
        with transaction.atomic():
            joining.join(assembly, None)
            time.sleep(0.02)
        with pytest.raises(RuntimeError, match="on the way"), transaction.atomic():
            raise RuntimeError("on the way")
        connection.close()
        joining.join(assembly, None)

    @transaction.atomic
    def lose_the_connection() -> None:
        connection.close()
        Vote.objects.count()

    def close_in_between() -> None:
        with pytest.raises(Error):
            lose_the_connection()

    results = at_once(*[write] * 6, close_in_between)
    assert [each for each in results if isinstance(each, Exception)] == []
    assert Participation.objects.count() == 12


@pytest.mark.django_db(transaction=True)
def test_sqlite_waits_its_turn_and_survives_a_crash() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("about SQLite")
    connection.ensure_connection()
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert cursor.execute("PRAGMA busy_timeout").fetchone()[0] == 30000
    assert isinstance(connection.connection, sqlite3.Connection)
