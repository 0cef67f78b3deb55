"""What people agreed to: its versions, being asked again when it changes, and taking it back."""

from typing import Any

import pytest
from django.test import Client

from pluralign.assembly.models import Assembly, Consent, ConsentText, Judgement
from pluralign.assembly.services import consents, results, setup
from tests.assembly import crowd, journey
from tests.assembly.conftest import signed_in

pytestmark = pytest.mark.django_db
JOIN = "/a/example/join/"


def change(assembly: Any, words: str) -> None:
    """As an organiser does on the settings' page."""
    now = Assembly.objects.get(pk=assembly.pk)
    by = assembly.memberships.get().person
    setup.change(now, {"consent_text": words}, by=by, assembly=now, action="assembly.change")


def test_a_change_asks_everybody_again_before_they_go_on(assembly: Any, joined: Any) -> None:
    before = Assembly.objects.get().consent_text
    dialogue = journey.begin(joined)
    journey.say(joined, dialogue, journey.ANSWERS[0])
    assert joined.get("/a/example/mine/").status_code == 200
    change(assembly, "We keep it for two years now.")
    for path in ("mine/", f"dialogue/{dialogue.pk}/", "q/essay/values/", "q/essay/stories/"):
        assert joined.get(f"/a/example/{path}").headers["Location"] == JOIN, path
    page = joined.get(JOIN).content.decode()
    assert "We keep it for two years now." in page
    assert "agree again before you go on" in page
    assert before.strip()[:40] in page, "what they had agreed to is there to compare"
    assert joined.post(JOIN, {"version": "2"}).status_code == 422, "nobody agrees without the tick"
    assert joined.get("/a/example/mine/").status_code == 302
    assert joined.post(JOIN, {"agree": "on", "version": "2"}).status_code == 302
    assert joined.get(f"/a/example/dialogue/{dialogue.pk}/").status_code == 200
    assert list(Consent.objects.values_list("version", flat=True)) == [1, 2], "the earlier consent keeps its version"
    assert dict(ConsentText.objects.values_list("version", "text")) == {1: before}
    told = joined.get("/a/example/mine/export/").json()["consents"]
    assert [each["organisers_words"] for each in told] == [before, "We keep it for two years now."]


def test_what_is_sent_meanwhile_is_kept_until_one_has_agreed(assembly: Any, joined: Any) -> None:
    dialogue = journey.begin(joined)
    change(assembly, "Other words.")
    sent = joined.post(
        f"/a/example/dialogue/{dialogue.pk}/answer/",
        {"answer": "I <b>waited</b>.", "revision": dialogue.revision, "do": "answer"},
        headers={"HX-Request": "true"},
    )
    assert (sent.status_code, sent.headers["HX-Redirect"]) == (204, JOIN)
    assert "What you have just sent is kept" in joined.get(JOIN).content.decode()
    assert not dialogue.messages.filter(author="participant").exists()
    joined.post(JOIN, {"agree": "on", "version": "2"})
    home = joined.get("/a/example/mine/").content.decode()
    assert f'action="/a/example/dialogue/{dialogue.pk}/answer/"' in home
    assert 'value="I &lt;b&gt;waited&lt;/b&gt;."' in home
    journey.say(joined, dialogue, "I <b>waited</b>.")
    assert dialogue.messages.get(author="participant").text == "I <b>waited</b>."
    assert "Hand it in now" not in joined.get("/a/example/mine/").content.decode()


def test_who_does_not_agree_gives_nothing_more_and_keeps_every_way_out(assembly: Any, joined: Any) -> None:
    crowd.few_values(assembly)
    card = crowd.say(joined.participation, "Hearing the quiet ones")
    crowd.judge_all(joined.participation)
    given = Judgement.objects.count()
    assert given
    change(assembly, "Other words.")
    refused = joined.post(f"/a/example/card/{card.pk}/", {"version": "1", "title": "Another", "do": "save"})
    assert refused.headers["Location"] == JOIN
    assert card.versions.count() == 1
    assert len(results.judgements_of(assembly.questions.get())) == given, "what was given before stays"
    for path in ("after/", f"card/{card.pk}/", "mine/export/", "mine/delete/"):
        assert joined.get(f"/a/example/{path}").status_code == 200, path
    assert joined.post(f"/a/example/card/{card.pk}/withdraw/").status_code == 302
    card.refresh_from_db()
    assert card.status == "withdrawn"
    assert joined.post("/a/example/mine/delete/", {"sure": "yes"}).headers["Location"] == "/a/example/"
    assert Judgement.objects.count() == 0


def test_nobody_agrees_to_words_that_they_have_not_read(assembly: Any) -> None:
    reader = Client()
    assert '<input type="hidden" name="version" value="1">' in reader.get(JOIN).content.decode()
    change(assembly, "Other words.")
    late = reader.post(JOIN, {"agree": "on", "version": "1"})
    assert late.status_code == 422
    assert "The text has changed while you read it." in late.content.decode()
    assert not Consent.objects.exists()


def test_the_same_words_are_no_new_version_and_organisers_see_how_many_agreed(assembly: Any, joined: Any) -> None:
    change(assembly, Assembly.objects.get().consent_text)
    assert Assembly.objects.get().consent_version == 1
    owner = signed_in(assembly.memberships.get().person)
    for words in ("Second.", "Third."):
        change(assembly, words)
    now = Assembly.objects.get()
    assert (now.consent_version, consents.words_of(now, 2), consents.words_of(now, 3)) == (3, "Second.", "Third.")
    assert "version 3: 0 of 1 person has agreed" in owner.get("/organise/a/example/settings/").content.decode()
    joined.post(JOIN, {"agree": "on", "version": "3"})
    assert consents.agreed(now) == (1, 1)
    assert "You agreed to this on" in joined.get(JOIN).content.decode()
