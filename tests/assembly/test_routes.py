"""Every route of the site, and what each kind of reader gets. A route that is in no row, or has no guard, fails."""

import copy
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from pluralign.assembly.models import (
    Card,
    CardStatus,
    Dialogue,
    Draw,
    DrawnCard,
    Membership,
    Person,
    Recruitment,
    SimilarOffer,
)
from pluralign.assembly.services import joining, seeding, similar, transitions
from tests.assembly import journey

pytestmark = pytest.mark.django_db
READERS = ("anonymous", "mine", "other", "organiser", "stranger")
"""Nobody; the participant whose things are asked for; another participant; the assembly's owner; another's owner."""


class Row(NamedTuple):
    """One route: its method, and the status that each of `READERS` gets."""

    method: str
    statuses: tuple[int, int, int, int, int]


GUEST = 302  # sent to sign in, or to the assembly's first page
OWN_THING = Row("get", (GUEST, 200, 404, GUEST, GUEST))
OWN_DEED = Row("post", (GUEST, 302, 404, GUEST, GUEST))
OWN_PAGE = Row("get", (GUEST, 200, 200, GUEST, GUEST))
OPEN_PAGE = Row("get", (200, 200, 200, 200, 200))
TABLE: dict[str, Row] = {
    "front": OPEN_PAGE,
    "language": Row("post", (302, 302, 302, 302, 302)),
    "sign-in": OPEN_PAGE,
    "sign-in-code": Row("get", (302, 302, 302, 302, 302)),
    "sign-out": Row("post", (302, 302, 302, 302, 302)),
    "come-back": OPEN_PAGE,
    "welcome": OPEN_PAGE,
    "example": OPEN_PAGE,
    "consent": OPEN_PAGE,
    "recruited": Row("get", (302, 302, 302, 302, 302)),
    "return-code": Row("get", (302, 302, 302, 302, 302)),
    "return-code-kept": Row("post", (302, 302, 302, 302, 302)),
    "return-code-new": Row("post", (302, 302, 302, 302, 302)),
    "home": OWN_PAGE,
    "dialogue-start": Row("post", (GUEST, 302, 302, GUEST, GUEST)),
    "dialogue": OWN_THING,
    "dialogue-answer": OWN_DEED,
    "dialogue-stream": OWN_THING,
    "drafting": OWN_THING,
    "draft": OWN_DEED,
    "card": OWN_THING,
    "card-withdraw": OWN_DEED,
    "similar": OWN_THING,
    "similar-answer": OWN_DEED,
    "report": OWN_THING,
    "values": OWN_PAGE,
    "vote": OWN_DEED,
    "transitions": OWN_PAGE,
    "judge": OWN_DEED,
    "flag": OWN_DEED,
    "undo": Row("post", (GUEST, 302, 302, GUEST, GUEST)),
    "graph": Row("get", (404, 404, 404, 200, 404)),
    "graph-drawing": Row("get", (404, 404, 404, 404, 404)),  # nobody has judged yet
    "after": OWN_PAGE,
    "export": OWN_PAGE,
    "delete": OWN_PAGE,
    "organise": Row("get", (302, 404, 404, 200, 200)),
    "organise-enter": OPEN_PAGE,
}
"""Participants' routes and the two that lead in. Organisers' routes have a table of their own."""


def routes(patterns: Any = None) -> Iterator[URLPattern]:
    """All routes but those of Django's admin, which guards itself."""
    for found in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(found, URLResolver):
            if found.app_name != "admin":
                yield from routes(found.url_patterns)
        else:
            yield found


def test_every_view_says_who_may_open_it() -> None:
    for route in routes():
        assert hasattr(route.callback, "access"), f"{route.pattern} has no guard: use a decorator of access.py"


def test_every_route_that_is_not_the_teams_is_in_the_table() -> None:
    found = {route.name for route in routes() if route.callback.access.kind != "team"}
    missing = {name for name in found if name not in TABLE and not str(name).startswith("organise-")}
    assert not missing
    assert set(TABLE) <= {route.name for route in routes()}


@pytest.fixture
def things(assembly: Any) -> dict[str, Any]:
    """An assembly with a participant who has something of every kind, and the other readers."""
    readers: dict[str, Any] = {"anonymous": Client()}
    for name in ("mine", "other"):
        client = Client()
        client.participation = joining.join(assembly, None).participation
        client.force_login(client.participation.person)
        readers[name] = client
    owner = Client()
    owner.force_login(assembly.memberships.get().person)
    readers["organiser"] = owner
    other_owner = Person.objects.create_person(name="Oscar")
    seeding.plant(seeding.example().model_copy(update={"slug": "elsewhere"}), other_owner)
    stranger = Client()
    stranger.force_login(other_owner)
    readers["stranger"] = stranger

    card = journey.talk_through(readers["mine"])
    card.status = CardStatus.SUBMITTED
    card.save()
    card.versions.update(title="Hearing the quiet ones")
    similar.place(card)
    question = assembly.questions.get()
    transitions.propose(question)
    SimilarOffer.objects.create(card=card, version=card.latest, value=question.values.first(), distance=0.05)
    readers["mine"].get("/a/example/q/essay/values/")
    readers["mine"].get("/a/example/q/essay/stories/")
    Recruitment.objects.create(assembly=assembly, name="Panel")
    readers["open dialogue"] = journey.begin(readers["mine"])
    return readers


def path_of(name: str) -> str:
    from django.urls import reverse

    open_dialogue = Dialogue.objects.get(ended_at=None).pk
    done_dialogue = Dialogue.objects.exclude(ended_at=None).get().pk
    arguments: dict[str, list[Any]] = {
        "dialogue": [open_dialogue],
        "dialogue-answer": [open_dialogue],
        "dialogue-stream": [open_dialogue],
        "drafting": [done_dialogue],
        "draft": [done_dialogue],
        "card": [Card.objects.get().pk],
        "card-withdraw": [Card.objects.get().pk],
        "similar": [Card.objects.get().pk],
        "similar-answer": [SimilarOffer.objects.first().pk],
        "report": [DrawnCard.objects.order_by("pk")[0].value_id],
        "vote": [Draw.objects.filter(kind="cards").first().pk],
        "judge": [Draw.objects.filter(kind="transition").first().pk],
        "flag": [Draw.objects.filter(kind="transition").first().pk],
        "recruited": [Recruitment.objects.get().token],
    }
    for each in ("dialogue-start", "values", "transitions", "graph", "graph-drawing"):
        arguments[each] = ["essay"]
    plain = {"front", "language", "sign-in", "sign-in-code", "sign-out", "come-back", "organise", "organise-enter"}
    return reverse(name, args=[] if name in plain else ["example", *arguments.get(name, [])])


FORMS = {
    "dialogue-answer": {"answer": "I waited.", "revision": "1"},
    "similar-answer": {"answer": "different"},
    "vote": {"do": "none"},
    "judge": {"answer": "unsure"},
    "flag": {"kind": "unrealistic"},
    "dialogue-start": {"how": "form"},
}


def undone(browser: Client, deed: Callable[[], Any]) -> Any:
    """Do something and take it back, cookies too, so that the next reader finds things as they were."""
    cookies = copy.deepcopy(browser.cookies)
    with transaction.atomic():
        result = deed()
        transaction.set_rollback(True)
    browser.cookies = cookies
    return result


def test_what_each_reader_gets(things: dict[str, Any]) -> None:
    wrong = []
    for name, row in TABLE.items():
        path = path_of(name)
        for reader, expected in zip(READERS, row.statuses, strict=True):
            ask = getattr(things[reader], row.method)
            response = undone(things[reader], partial(ask, path, FORMS.get(name, {})))
            if response.status_code != expected:
                wrong.append(f"{reader}: {response.status_code}, not {expected}, from {row.method} {path}")
            if reader not in {"mine", "other"} and row in (OWN_THING, OWN_DEED, OWN_PAGE):
                assert response.headers["Location"] == "/a/example/"
    assert not wrong


def test_deeds_are_not_done_by_following_a_link_nor_by_a_form_of_another_site(things: dict[str, Any]) -> None:
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(things["mine"].participation.person)
    for name, row in TABLE.items():
        if row.method == "post":
            path = path_of(name)
            assert things["mine"].get(path).status_code == (302 if name == "language" else 405), path
            assert careful.post(path, FORMS.get(name, {})).status_code == 403, path


@pytest.mark.parametrize("role", ["analyst", "moderator"])
def test_a_role_is_of_one_assembly_only(role: str, assembly: Any) -> None:
    from pluralign.assembly.access import CAN, team_role

    person = Person.objects.create_person()
    Membership.objects.create(person=person, assembly=assembly, role=role)
    elsewhere = seeding.plant(seeding.example().model_copy(update={"slug": "elsewhere"}), None)

    class Asking:
        user = person

    assert team_role(Asking(), assembly) == role
    assert team_role(Asking(), elsewhere) is None
    assert role in CAN["see"]
    assert role not in CAN["organise"]
    assert (role in CAN["moderate"]) == (role == "moderator")
