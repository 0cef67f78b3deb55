"""Who reads a conversation: nobody without consent, a right given by name, and a reason that is kept."""

from typing import Any

import pytest
from django.test import Client

from pluralign.assembly.models import AuditEntry, Membership, Participation, Person
from pluralign.assembly.services import erasure, export_files, joining, transcripts
from tests.assembly import journey
from tests.assembly.conftest import signed_in

pytestmark = pytest.mark.django_db
SECRET = "I asked the ones who never come to meetings before we chose."
LIST = "/organise/a/example/conversations/"


@pytest.fixture
def told(joined: Any) -> Any:
    """A participant who has told of a choice and allows that it is read."""
    dialogue = journey.begin(joined)
    journey.say(joined, dialogue, SECRET)
    joined.post("/a/example/join/", {"agree": "on", "share_transcript": "on"})
    joined.dialogue = dialogue
    return joined


@pytest.fixture
def owner(assembly: Any) -> Any:
    return signed_in(assembly.memberships.get().person)


def let_read(owner: Any, membership: Membership, allowed: str = "yes") -> None:
    path = f"/organise/a/example/team/{membership.pk}/conversations/"
    assert owner.post(path, {"allowed": allowed}).status_code == 302


def read(client: Any, told: Any, why: str = "To see why the form confused people.") -> Any:
    return client.post(f"{LIST}{told.dialogue.pk}/", {"why": why})


def test_no_role_reads_until_an_owner_gives_the_right_by_name(assembly: Any, owner: Any, told: Any) -> None:
    moderator = Membership.objects.create(
        person=Person.objects.create_person(name="Mo"), assembly=assembly, role="moderator"
    )
    mo = signed_in(moderator.person)
    for client in (owner, mo):
        assert client.get(LIST).status_code == read(client, told).status_code == 404
        assert "Conversations</a>" not in client.get("/organise/a/example/").content.decode()
    assert mo.post(f"/organise/a/example/team/{moderator.pk}/conversations/", {"allowed": "yes"}).status_code == 404
    let_read(owner, moderator)
    assert read(owner, told).status_code == 404, "the right is of one person"
    listed = mo.get(LIST).content.decode()
    assert transcripts.pseudonym(told.participation) in listed
    asked = mo.get(f"{LIST}{told.dialogue.pk}/").content.decode()
    assert SECRET not in listed + asked
    assert SECRET in read(mo, told).content.decode()
    let_read(owner, moderator, "no")
    assert read(mo, told).status_code == mo.get(LIST).status_code == 404
    given = AuditEntry.objects.filter(action="team.transcripts").order_by("pk")
    assert [each.detail["allowed"] for each in given] == [True, False]


def test_every_reading_is_written_down_with_its_reason_and_the_participant_sees_it(
    assembly: Any, owner: Any, told: Any
) -> None:
    let_read(owner, assembly.memberships.get())
    for nothing in ("", "   ", "because"):
        refused = read(owner, told, nothing)
        assert refused.status_code == 422
        assert SECRET not in refused.content.decode()
    assert not AuditEntry.objects.filter(action=transcripts.READ).exists()
    assert "Nobody has read it yet." in told.get("/a/example/after/").content.decode()
    page = read(owner, told)
    assert SECRET in page.content.decode()
    assert page["Cache-Control"] == "no-store"
    read(owner, told, "To answer <b>their</b> complaint.")
    first, second = AuditEntry.objects.filter(action=transcripts.READ).order_by("pk")
    assert first.person == assembly.memberships.get().person
    assert first.subject == f"dialogue {told.dialogue.pk}"
    assert first.detail == {
        "whose": transcripts.pseudonym(told.participation),
        "role": "owner",
        "why": "To see why the form confused people.",
    }
    log = owner.get(f"/organise/a/example/log/?action={transcripts.READ}").content.decode()
    assert log.count("<td>Read a conversation</td>") == 2
    assert "To see why the form confused people." in log
    assert SECRET not in log
    mine = told.get("/a/example/after/").content.decode()
    assert "To see why the form confused people." in mine
    assert "To answer &lt;b&gt;their&lt;/b&gt; complaint." in mine
    assert "Olive" not in mine, "participants are told the role, not the name"
    taken = erasure.everything_of(told.participation)["readings_of_dialogues"]
    assert [each["why"] for each in taken] == [second.detail["why"], first.detail["why"]]
    someone_else = Client()
    someone_else.force_login(joining.join(assembly, None).participation.person)
    assert "confused people" not in someone_else.get("/a/example/after/").content.decode()


def test_consent_that_is_taken_back_closes_the_conversation_at_once(assembly: Any, owner: Any, told: Any) -> None:
    let_read(owner, assembly.memberships.get())
    assert read(owner, told).status_code == 200
    told.post("/a/example/join/", {"agree": "on"})
    assert read(owner, told).status_code == 404
    assert "Nobody has allowed it yet." in owner.get(LIST).content.decode()
    assert "confused people" in told.get("/a/example/after/").content.decode(), "what was done stays told"
    pseudonym = transcripts.pseudonym(told.participation)
    told.post("/a/example/mine/delete/", {"sure": "yes"})
    assert not Participation.objects.filter(pk=told.participation.pk).exists()
    entry = AuditEntry.objects.get(action=transcripts.READ)
    assert entry.detail["whose"] == pseudonym, "the log keeps that a conversation was read, not whose it was"


def test_a_conversation_is_in_no_export_even_where_it_may_be_read(assembly: Any, owner: Any, told: Any) -> None:
    let_read(owner, assembly.memberships.get())
    read(owner, told)
    for k, linked in ((1, True), (5, False)):
        made = export_files.export(assembly, k=k, by=None, linked=linked)
        everything = b"".join(made.files.values()).decode()
        for secret in (SECRET, "confused people", transcripts.pseudonym(told.participation), str(told.dialogue.pk)):
            assert secret not in everything


def test_participants_are_told_before_they_agree(assembly: Any) -> None:
    del assembly
    page = Client().get("/a/example/join/").content.decode()
    assert "They must say why, and you see when it was read and for what reason." in page
