"""Ways in and back: consent first, return codes, e-mail codes with limits, recruitment links that prove nothing."""

import copy
import dataclasses
import hashlib
import hmac
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from pluralign.assembly import digests
from pluralign.assembly.models import Attribute, Consent, LoginCode, Participation, Person, Recruitment
from pluralign.assembly.services import joining
from tests.assembly.conftest import signed_in

pytestmark = pytest.mark.django_db


def six_digits(text: str) -> str:
    return re.findall(r"\d{6}", text)[0]


def test_an_anonymous_person_reads_consents_gets_a_code_and_comes_back_on_another_device(assembly: Any) -> None:
    browser = Client()
    assert "Homework" in browser.get("/").content.decode()
    assert browser.get("/a/example/").status_code == 200
    assert "invented example" in browser.get("/a/example/example/").content.decode()
    assert browser.get("/a/example/mine/").headers["Location"] == "/a/example/"

    refused = browser.post("/a/example/join/", {})
    assert refused.status_code == 422
    assert not Participation.objects.exists()

    assert browser.post("/a/example/join/", {"agree": "on", "share_reasons": "on"}).status_code == 302
    page = browser.get("/a/example/return-code/").content.decode()
    code = page.split('id="code">')[1].split("<")[0]
    consent = Consent.objects.get()
    assert (consent.share_reasons, consent.share_transcript, consent.version) == (True, False, 1)
    browser.post("/a/example/return-code/kept/")
    assert code not in browser.get("/a/example/mine/").content.decode()
    assert browser.get("/a/example/return-code/").status_code == 302, "a code that was kept is never shown again"

    telephone = Client()
    assert telephone.post("/come-back/", {"code": "AAAA-BBBB"}).status_code == 422
    back = telephone.post("/come-back/", {"code": code.lower().replace("-", " "), "next": "/a/example/mine/"})
    assert back.headers["Location"] == "/a/example/mine/"
    assert telephone.get("/a/example/mine/").status_code == 200
    assert Participation.objects.count() == 1


def test_neither_code_nor_address_is_in_the_database(assembly: Any) -> None:
    joined = joining.join(assembly, None)
    joining.send_login_code("Rosa@Example.org ")
    code = six_digits(mail.outbox[0].body)
    person = joining.person_of_login_code("rosa@example.org", code)
    assert person is not None
    kept = [
        str(value)
        for model in (Person, LoginCode, Participation)
        for row in model.objects.values_list()
        for value in row
    ]
    for secret in (str(joined.return_code), code, "rosa@example.org", "Rosa@Example.org"):
        assert all(secret not in value for value in kept)


def test_a_code_works_once_and_wears_out_after_five_tries(db: Any) -> None:
    joining.send_login_code("rosa@example.org")
    code = six_digits(mail.outbox[-1].body)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    for _ in range(joining.CODE_ATTEMPTS):
        assert joining.person_of_login_code("rosa@example.org", wrong) is None
    assert joining.person_of_login_code("rosa@example.org", code) is None, "worn out, though right"

    joining.send_login_code("rosa@example.org")
    code = six_digits(mail.outbox[-1].body)
    rosa = joining.person_of_login_code("ROSA@example.org", code)
    assert rosa is not None
    assert joining.person_of_login_code("rosa@example.org", code) is None, "used"

    joining.send_login_code("rosa@example.org")
    code = six_digits(mail.outbox[-1].body)
    LoginCode.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert joining.person_of_login_code("rosa@example.org", code) is None, "too old"


def test_only_the_newest_code_counts_and_few_are_sent_in_an_hour(db: Any) -> None:
    for _ in range(joining.CODES_PER_HOUR):
        joining.send_login_code("rosa@example.org")
    with pytest.raises(joining.Refused):
        joining.send_login_code("rosa@example.org")
    codes = [six_digits(message.body) for message in mail.outbox]
    older = [code for code in codes[:-1] if code != codes[-1]]
    assert joining.person_of_login_code("rosa@example.org", older[0]) is None
    assert joining.person_of_login_code("rosa@example.org", codes[-1]) is not None


def test_signing_in_by_mail_in_a_browser(assembly: Any) -> None:
    browser = Client()
    browser.post("/sign-in/", {"email": "rosa@example.org", "next": "/a/example/mine/"})
    code = six_digits(mail.outbox[-1].body)
    assert browser.post("/sign-in/code/", {"code": "12"}).status_code == 422
    assert browser.post("/sign-in/code/", {"code": code}).headers["Location"] == "/a/example/mine/"
    session = browser.session
    assert "address" not in session


def test_an_address_is_added_to_somebody_who_joined_without(joined: Any) -> None:
    joining.send_login_code("rosa@example.org")
    code = six_digits(mail.outbox[-1].body)
    person = joining.person_of_login_code("rosa@example.org", code, current=joined.participation.person)
    assert person == joined.participation.person


def test_where_to_go_next_never_leads_to_another_site(joined: Any) -> None:
    browser = Client()
    back = browser.post("/come-back/", {"code": joined.return_code, "next": "https://evil.example/"})
    assert back.headers["Location"] == "/"


@pytest.fixture
def panel(assembly: Any) -> Recruitment:
    return Recruitment.objects.create(assembly=assembly, name="Panel", return_code="DONE77", limit=2)


def test_a_panels_id_in_a_link_does_not_sign_anybody_in(assembly: Any, panel: Recruitment) -> None:
    link = f"/a/example/via/{panel.token}/?PROLIFIC_PID=abc123"
    first = Client()
    assert first.get(link).headers["Location"] == "/a/example/"
    first.post("/a/example/join/", {"agree": "on"})
    mine = Participation.objects.get()
    assert mine.recruitment == panel
    assert "abc123" not in str(list(Participation.objects.values_list()))
    assert first.get(link).headers["Location"] == "/a/example/mine/"

    stranger = Client()
    assert stranger.get(link).headers["Location"].startswith("/come-back/")
    assert stranger.get("/a/example/mine/").headers["Location"] == "/a/example/"


def test_a_link_that_is_full_or_wrongly_signed_lets_nobody_in(assembly: Any, panel: Recruitment) -> None:
    for number in range(2):
        browser = Client()
        browser.get(f"/a/example/via/{panel.token}/?PROLIFIC_PID=n{number}")
        assert browser.post("/a/example/join/", {"agree": "on"}).status_code == 302
    quota = Attribute.objects.create(assembly=assembly, slug="age", question="How old are you?")
    quota.groups.create(text="Under 30", limit=50)
    late = Client()
    turned_away = late.get(f"/a/example/via/{panel.token}/?PROLIFIC_PID=n3")
    assert turned_away.status_code == 403
    assert "As many people as were looked for" in turned_away.content.decode()
    again = late.post("/a/example/join/", {"agree": "on", f"about-{quota.pk}": str(quota.groups.get().pk)})
    assert again.status_code == 422, "nor by the door beside it, where numbers of a group are looked for"
    assert Participation.objects.count() == 2

    panel.signing_key, panel.limit = "shared with the panel", 0
    panel.save()
    good = hmac.new(b"shared with the panel", b"n9", hashlib.sha256).hexdigest()
    base = f"/a/example/via/{panel.token}/?PROLIFIC_PID=n9&signature="
    assert Client().get(base + "0" * 64).status_code == 404
    assert Client().get(base + good).status_code == 302


def test_who_comes_by_a_full_link_to_an_assembly_that_is_open_to_all_may_come_as_anybody_may(
    assembly: Any, panel: Recruitment
) -> None:
    link = f"/a/example/via/{panel.token}/?PROLIFIC_PID="
    early, slow = Client(), Client()
    for browser, number in ((early, 1), (slow, 2)):
        browser.get(link + f"n{number}")
    panel.limit = 1
    panel.save()
    early.post("/a/example/join/", {"agree": "on"})
    refused = slow.post("/a/example/join/", {"agree": "on"})  # the last place went while they read
    assert refused.status_code == 422
    assert "You can still take part" in refused.content.decode()
    late = Client()
    page = late.get(link + "n3", follow=True).content.decode()
    assert "Whoever sent you here does not learn of it" in page
    for browser in (slow, late):
        assert browser.post("/a/example/join/", {"agree": "on"}).status_code == 302
    assert Participation.objects.filter(recruitment=None, external_digest="").count() == 2
    assert "DONE77" not in late.get("/a/example/after/").content.decode(), "the panel's code is for those it counts"
    assembly.is_public = False
    assembly.save()
    assert Client().get(link + "n4").status_code == 403


def test_who_has_said_a_group_that_is_full_cannot_come_in_by_not_saying_it(assembly: Any) -> None:
    quota = Attribute.objects.create(assembly=assembly, slug="age", question="How old are you?")
    full, other = quota.groups.create(text="Under 30", limit=1), quota.groups.create(text="Older")
    joining.join(assembly, None, groups={quota.pk: full.pk})
    browser = Client()
    assert browser.post("/a/example/join/", {"agree": "on", f"about-{quota.pk}": str(full.pk)}).status_code == 422
    silent = browser.post("/a/example/join/", {"agree": "on", f"about-{quota.pk}": ""})
    assert silent.status_code == 422
    assert "a group that is full" in silent.content.decode()
    assert Client().post("/a/example/join/", {"agree": "on", f"about-{quota.pk}": ""}).status_code == 302
    slip = browser.post("/a/example/join/", {"agree": "on", f"about-{quota.pk}": str(other.pk)})
    assert slip.status_code == 302, "whoever chose the wrong line may choose the right one"


def test_a_form_that_is_sent_twice_makes_one_person_who_has_one_return_code(assembly: Any) -> None:
    first, second = Client(), Client()
    first.get("/a/example/join/")
    second.cookies = copy.deepcopy(first.cookies)
    codes = []
    for browser in (first, second):  # the second press leaves before the first is answered
        assert browser.post("/a/example/join/", {"agree": "on"}).headers["Location"] == "/a/example/return-code/"
        codes += re.findall(r'id="code">([^<]+)<', browser.get("/a/example/return-code/").content.decode())
    mine = Participation.objects.get()
    assert len(codes) == 2
    assert codes[0] == codes[1]
    assert joining.person_of_return_code(codes[0]) == mine.person
    stranger = Client()
    stranger.get("/a/example/join/")
    stranger.post("/a/example/join/", {"agree": "on"})
    assert Participation.objects.count() == 2
    second.cookies = copy.deepcopy(first.cookies)
    second.cookies.pop("assembly")  # whoever signs out and joins anew is somebody new: coming in changed the secret
    second.post("/a/example/join/", {"agree": "on"})
    assert Participation.objects.count() == 3


def test_a_form_that_is_sent_again_much_later_makes_somebody_new(assembly: Any) -> None:
    one = joining.join(assembly, None, attempt="a secret of the browser")
    again = joining.join(assembly, None, attempt="a secret of the browser")
    assert (again.participation, again.return_code) == (one.participation, one.return_code)
    Person.objects.update(created_at=timezone.now() - joining.SAME_ATTEMPT * 2)
    late = joining.join(assembly, None, attempt="a secret of the browser")
    assert late.participation != one.participation
    assert late.return_code not in {None, one.return_code}
    assert joining.join(assembly, None).participation != joining.join(assembly, None).participation


def test_an_assembly_that_is_not_public_is_not_there_without_an_invitation(assembly: Any, panel: Recruitment) -> None:
    assembly.is_public = False
    assembly.save()
    assert Client().get("/a/example/").status_code == 404
    assert Client().get("/a/example/mine/").status_code == 404
    assert "Homework" not in Client().get("/").content.decode()
    invited = Client()
    invited.get(f"/a/example/via/{panel.token}/?PROLIFIC_PID=x")
    assert invited.get("/a/example/").status_code == 200


def test_a_closed_assembly_takes_nobody_new(assembly: Any) -> None:
    assembly.phase = "publish"
    assembly.save()
    browser = Client()
    assert browser.post("/a/example/join/", {"agree": "on"}).status_code == 422
    assert not Participation.objects.exists()


def test_return_codes_are_long_and_differ() -> None:
    codes = {digests.new_return_code() for _ in range(200)}
    assert len(codes) == 200
    assert all(re.fullmatch(r"([A-HJKMNP-TV-Z2-9]{4}-){4}[A-HJKMNP-TV-Z2-9]{4}", code) for code in codes)
    assert digests.return_digest("ABCD-EF23") == digests.return_digest("abcd ef23")


def test_an_organiser_comes_in_once_by_a_link(db: Any) -> None:
    from pluralign.assembly.services import organising

    token = organising.entry_token(organising.first_organiser())
    browser = Client()
    assert browser.get("/organise/enter/").status_code == 200
    assert browser.post("/organise/enter/", {"token": token}).headers["Location"] == "/organise/"
    assert browser.get("/organise/").status_code == 200
    assert Client().post("/organise/enter/", {"token": token}).status_code == 422
    assert Client().post("/organise/enter/", {"token": "forged"}).status_code == 422


def test_the_command_prints_a_way_in_where_the_site_was_served_last(db: Any, tmp_path: Any, monkeypatch: Any) -> None:
    from django.conf import settings
    from typer.testing import CliRunner

    from pluralign.assembly import site
    from pluralign.cli import assembly as command
    from pluralign.cli.main import app

    def told(_folder: Any, *, public_url: str) -> Any:
        return dataclasses.replace(settings.PLURALIGN, public_url=public_url)

    (tmp_path / command.ADDRESS).write_text("http://127.0.0.1:8123")
    monkeypatch.setattr(command, "site", told)
    monkeypatch.setattr(site, "prepare", lambda *_, **__: None)
    for flags, address in (([], "http://127.0.0.1:8123"), (["--public-url", "https://a.example"], "https://a.example")):
        result = CliRunner().invoke(app, ["assembly", "enter", "--folder", str(tmp_path), *flags])
        assert result.output.startswith(f"{address}/organise/enter/#")


def test_who_is_in_no_team_finds_nothing_to_organise(joined: Any, assembly: Any) -> None:
    assert joined.get("/organise/").status_code == 404
    owner = assembly.memberships.get().person
    assert signed_in(owner).get("/organise/").status_code == 200
    assert Client().get("/organise/").status_code == 302
    assert signed_in(owner).get("/admin/").status_code == 302, "an owner of an assembly is no superuser"
