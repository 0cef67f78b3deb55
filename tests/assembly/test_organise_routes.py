"""Every route of the team, and what each kind of reader gets. Nothing of another assembly can be reached."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import pytest
from django.test import Client
from django.urls import reverse

from pluralign.assembly.access import CAN
from pluralign.assembly.models import (
    Attribute,
    CanonicalValue,
    Context,
    Dialogue,
    Invitation,
    Membership,
    Person,
    Question,
    Recruitment,
    Role,
)
from pluralign.assembly.services import dialogues, joining, organising, seeding, team
from tests.assembly.conftest import signed_in
from tests.assembly.test_routes import routes, undone

pytestmark = pytest.mark.django_db
ROLES = tuple(Role.values)
TEAM_ROUTES = {route.name: route.callback.access for route in routes() if route.callback.access.kind == "team"}


class Row(NamedTuple):
    """What a route does."""

    method: str = "get"
    about: Callable[[Any], Any] | None = None
    """Id, in an assembly, of what its path names."""
    form: dict[str, Any] | None = None


def first(name: str) -> Callable[[Any], int]:
    def found(assembly: Any) -> int:
        return int(getattr(assembly, name).order_by("pk")[0].pk)

    return found


def seed(assembly: Any) -> int:
    return int(CanonicalValue.objects.filter(question__assembly=assembly, is_seed=True).order_by("pk")[0].pk)


def member(assembly: Any) -> int:
    return int(assembly.memberships.get(role="analyst").pk)


def dialogue(assembly: Any) -> Any:
    return Dialogue.objects.get(participation__assembly=assembly).pk


TABLE: dict[str, Row] = {
    "organise-overview": Row(),
    "organise-phase": Row(),
    "organise-phase-move": Row("post", form={"to": "judge", "seen": "elicit"}),
    "organise-export": Row(),
    "organise-values": Row(),
    "organise-values-one": Row(about=seed),
    "organise-values-split": Row("post", seed, {"card": []}),
    "organise-values-merge": Row("post", first("questions"), {"do": "apart"}),
    "organise-values-undo": Row("post", first("questions"), {"entry": "0"}),
    "organise-settings": Row(),
    "organise-texts": Row(),
    "organise-texts-question": Row(),
    "organise-texts-question-change": Row(about=first("questions")),
    "organise-texts-question-open": Row("post", first("questions"), {"open": "no"}),
    "organise-texts-context": Row(),
    "organise-texts-context-change": Row(about=first("contexts")),
    "organise-texts-context-open": Row("post", first("contexts"), {"open": "no"}),
    "organise-seeds": Row(),
    "organise-seeds-bring": Row(),
    "organise-seeds-add": Row(about=first("questions")),
    "organise-seeds-change": Row(about=seed),
    "organise-seeds-show": Row("post", seed, {"open": "no"}),
    "organise-recruitment": Row(),
    "organise-recruitment-add": Row(),
    "organise-recruitment-change": Row(about=first("recruitments")),
    "organise-team": Row(),
    "organise-team-invite": Row("post", form={"name": "Mo", "role": "moderator"}),
    "organise-team-withdraw": Row("post", first("invitations")),
    "organise-team-role": Row("post", member, {"role": "moderator"}),
    "organise-team-transcripts": Row("post", member, {"allowed": "yes"}),
    "organise-team-leave": Row("post"),
    "organise-transcripts": Row(),
    "organise-transcripts-read": Row(about=dialogue),
    "organise-moderation": Row(),
    "organise-moderation-decide": Row("post", seed, {"do": "accept"}),
    "organise-quotas": Row(),
    "organise-quotas-add": Row(),
    "organise-quotas-change": Row(about=first("attributes")),
    "organise-budget": Row(),
    "organise-budget-change": Row("post", form={"call_budget": 1, "token_budget": 1, "person_call_budget": 1}),
    "organise-log": Row(),
}

RIGHTS = {
    "see": {"organise-overview", "organise-phase", "organise-team", "organise-team-leave", "organise-quotas",
            "organise-budget"},
    "own": {"organise-team-invite", "organise-team-withdraw", "organise-team-role", "organise-team-transcripts"},
    "moderate": {"organise-moderation", "organise-moderation-decide"},
    "transcripts": {"organise-transcripts", "organise-transcripts-read"},
}  # fmt: skip
"""What each route asks for; all others ask for "organise". Said here once more, so that no page opens to more people
by a change of its decorator alone."""
OUTSIDE = {
    "organise-new": {"owner": 200, "elsewhere": 200, "organiser": 404, "participant": 404, "anonymous": 302},
    "organise-invited": {"owner": 200, "participant": 200, "anonymous": 200},
    "organise-code": {"owner": 302, "participant": 302, "anonymous": 302},
}
"""Organisers' pages that belong to no assembly, and what readers get."""


@pytest.fixture
def readers(assembly: Any) -> dict[str, Any]:
    """Two assemblies with the same things in them, and a reader of every kind for the first."""
    elsewhere = seeding.plant(
        seeding.example().model_copy(update={"slug": "elsewhere"}), Person.objects.create_person(name="Oscar")
    )
    found: dict[str, Any] = {"anonymous": Client(), "elsewhere": signed_in(elsewhere.memberships.get().person)}
    for each in (assembly, elsewhere):
        Recruitment.objects.create(assembly=each, name="Panel")
        Attribute.objects.create(assembly=each, slug="age", question="How old are you?")
        owner = each.memberships.get(role="owner").person
        team.invite(each, by=owner, name="Ina", role="moderator", email="", link_of=str)
        told = joining.join(each, None, share_transcript=True).participation
        begun = dialogues.start(told, each.questions.get(), with_model=False)
        dialogues.answer(told, str(begun.pk), begun.revision, "I waited until she had finished.")
        for role in ROLES[1:]:
            person = Person.objects.create_person(name=role)
            Membership.objects.create(person=person, assembly=each, role=role)
            if each == assembly:
                found[role] = signed_in(person)
    Membership.objects.create(person=Person.objects.create_person(name="Second"), assembly=assembly, role="owner")
    reader = Person.objects.create_person(name="Reader")
    Membership.objects.create(person=reader, assembly=assembly, role="moderator", reads_transcripts=True)
    found["reader of transcripts"] = signed_in(reader)
    found["site's owner"] = signed_in(organising.first_organiser())
    found["owner"] = signed_in(assembly.memberships.filter(role="owner").order_by("pk")[0].person)
    found["participant"] = signed_in(joining.join(assembly, None).participation.person)
    found["other assembly"] = elsewhere
    return found


def allowed(reader: str, right: str) -> bool:
    """Whether a kind of reader has a right. That to read transcripts comes with no role, and not with the site."""
    if right == "transcripts":
        return reader == "reader of transcripts"
    role = {"reader of transcripts": "moderator", "site's owner": "owner"}.get(reader, reader)
    return role in CAN[right]


def path_of(name: str, assembly: Any, of: Any = None) -> str:
    about = TABLE[name].about
    kind = ["value"] if name == "organise-moderation-decide" else []
    return reverse(name, args=[assembly.slug, *kind, *([] if about is None else [about(of or assembly)])])


def test_every_route_of_the_team_is_in_the_table() -> None:
    assert set(TABLE) == set(TEAM_ROUTES), "a new page of the team needs a row"
    asked = {name: access.right for name, access in TEAM_ROUTES.items()}
    assert asked == dict.fromkeys(TABLE, "organise") | {name: each for each, names in RIGHTS.items() for name in names}
    others = {str(route.name) for route in routes() if route.callback.access.kind != "team"}
    assert {name for name in others if name.startswith("organise-")} == {*OUTSIDE, "organise-enter"}
    for name, row in TABLE.items():
        deed = row.method == "post"
        assert TEAM_ROUTES[name].right != "see" or not deed or name == "organise-team-leave", name


def test_what_each_reader_gets(readers: dict[str, Any], assembly: Any) -> None:
    wrong = []
    for name, row in TABLE.items():
        path = path_of(name, assembly)
        for reader in (*ROLES, "reader of transcripts", "site's owner", "participant", "elsewhere", "anonymous"):
            if (reader, name) == ("site's owner", "organise-team-leave"):
                continue  # is in no team that could be left
            ask = getattr(readers[reader], row.method)
            got = undone(readers[reader], partial(ask, path, row.form)).status_code
            may = allowed(reader, TEAM_ROUTES[name].right)
            expected = 302 if reader == "anonymous" else 404 if not may else 200 if row.method == "get" else 302
            if got != expected:
                wrong.append(f"{reader}: {got}, not {expected}, from {row.method} {path}")
    assert not wrong


def test_what_is_in_another_assembly_cannot_be_reached_through_ones_own(readers: dict[str, Any], assembly: Any) -> None:
    for name, row in TABLE.items():
        if row.about is not None:
            path = path_of(name, assembly, of=readers["other assembly"])
            who = readers["reader of transcripts" if TEAM_ROUTES[name].right == "transcripts" else "owner"]
            got = undone(who, partial(getattr(who, row.method), path, row.form)).status_code
            assert got == 404 or name == "organise-team-withdraw", path
    theirs = Invitation.objects.get(assembly=readers["other assembly"])
    readers["owner"].post(reverse("organise-team-withdraw", args=["example", theirs.pk]))
    theirs.refresh_from_db()
    assert theirs.withdrawn_at is None
    assert Question.objects.filter(is_open=False).count() == Context.objects.filter(is_active=False).count() == 0


def test_deeds_are_not_done_by_following_a_link_nor_by_a_form_of_another_site(
    readers: dict[str, Any], assembly: Any
) -> None:
    careful = Client(enforce_csrf_checks=True)
    owner = assembly.memberships.filter(role="owner").order_by("pk")[0]
    owner.reads_transcripts = True
    owner.save()
    careful.force_login(owner.person)
    for name, row in TABLE.items():
        path = path_of(name, assembly)
        if row.method == "post":
            assert readers["owner"].get(path).status_code == 405, path
        assert careful.post(path, row.form).status_code in {403, 405}, path


@pytest.mark.parametrize("route", OUTSIDE)
def test_pages_that_belong_to_no_assembly(route: str, readers: dict[str, Any]) -> None:
    for reader, status in OUTSIDE[route].items():
        assert readers[reader].get(reverse(route)).status_code == status, reader
