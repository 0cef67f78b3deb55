"""A participant's whole journey without a model, and each promise on the way."""

import json
from typing import Any

import pytest
from django.db import connection

from pluralign.assembly import machines
from pluralign.assembly.models import (
    CanonicalValue,
    CardStatus,
    Dialogue,
    Draw,
    DrawnCard,
    DrawnTransition,
    Judgement,
    OfferAnswer,
    Participation,
    Person,
    Vote,
)
from pluralign.assembly.services import joining, similar
from tests.assembly import journey

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def other(assembly: Any) -> Any:
    """A second participant."""
    from django.test import Client

    client = Client()
    found = joining.join(assembly, None)
    client.force_login(found.participation.person)
    client.participation = found.participation
    return client


def test_the_whole_way_by_the_form(joined: Any) -> None:
    card = journey.talk_through(joined)
    assert card.latest.policies == [
        "People who fall silent when others speak",
        "Ways in which a place is used already",
        "Steps that can be taken back",
    ]
    page = joined.get(f"/a/example/card/{card.pk}/").content.decode()
    assert "People who fall silent" in page
    assert journey.submit(joined, card).headers["Location"] == f"/a/example/card/{card.pk}/near/"
    journey.work()
    card.refresh_from_db()
    assert card.canonical.title == "Hearing the quiet ones"
    assert not card.canonical.is_seed

    assert journey.vote(joined).headers["Location"] == "/a/example/q/essay/stories/"
    assert Vote.objects.count() == 6
    for number in range(8):
        where = journey.story(joined)
        response = joined.post(where, {"answer": "wiser", "reason": "It holds more." if number == 0 else ""})
    assert response.headers["Location"] == "/a/example/after/"
    assert Judgement.objects.count() == 8

    after = joined.get("/a/example/after/").content.decode()
    assert "Hearing the quiet ones" in after
    assert "judgements of 1 person" in joined.get("/a/example/q/essay/graph/").content.decode()
    drawing = joined.get("/a/example/q/essay/graph/drawing/")
    assert "Content-Security-Policy" not in drawing.headers
    assert "Content-Security-Policy" in drawing.content.decode()
    assert joined.get("/a/example/mine/").content.decode().count("done</span>") == 4


def test_everything_that_was_drawn_was_kept_with_its_chance_before_it_was_shown(joined: Any) -> None:
    journey.submit(joined, journey.talk_through(joined))
    journey.work()
    joined.get("/a/example/q/essay/values/")
    first = list(DrawnCard.objects.values_list("draw", "position", "value", "propensity"))
    assert len(first) == 6
    assert all(0 < propensity <= 1 for *_, propensity in first)
    joined.get("/a/example/q/essay/values/")
    assert list(DrawnCard.objects.values_list("draw", "position", "value", "propensity")) == first, (
        "reloading draws nothing"
    )
    journey.vote(joined)
    where = journey.story(joined)
    assert journey.story(joined) == where
    drawn = DrawnTransition.objects.get()
    assert 0 < drawn.propensity < 1
    assert drawn.information > 0


def test_a_vote_that_was_not_drawn_for_this_person_is_refused(joined: Any, other: Any) -> None:
    journey.submit(joined, journey.talk_through(joined))
    journey.work()
    joined.get("/a/example/q/essay/values/")
    draw = Draw.objects.get()
    assert other.post(f"/a/example/values/{draw.pk}/", {"answer-0": "wise"}).status_code == 404
    assert joined.post(f"/a/example/values/{draw.pk}/", {"answer-9": "wise"}).status_code == 400
    assert joined.post(f"/a/example/values/{draw.pk}/", {"answer-0": "splendid"}).status_code == 400
    assert not Vote.objects.exists()
    journey.vote(joined)
    where = journey.story(joined)
    assert other.post(where, {"answer": "wiser"}).status_code == 404
    joined.post(where, {"answer": "much wiser"})
    assert not Judgement.objects.exists()


def test_pressing_twice_counts_once_and_the_later_answer_counts(joined: Any) -> None:
    journey.submit(joined, journey.talk_through(joined))
    journey.work()
    journey.vote(joined)
    draw = Draw.objects.get()
    joined.post(f"/a/example/values/{draw.pk}/", {"answer-0": "unsure", "do": "vote"})
    assert Vote.objects.count() == 6
    assert Vote.objects.get(drawn__position=0).answer == "unsure"
    where = journey.story(joined)
    for answer in ("wiser", "wiser", "different"):
        joined.post(where, {"answer": answer})
    assert Judgement.objects.get().relationship == "different"


def test_undo_brings_the_same_story_back_and_keeps_what_waited(joined: Any) -> None:
    journey.submit(joined, journey.talk_through(joined))
    journey.work()
    journey.vote(joined)
    first = journey.story(joined)
    joined.post(first, {"answer": "wiser"})
    second = journey.story(joined)
    assert second != first
    joined.post("/a/example/stories/undo/")
    assert not Judgement.objects.exists()
    assert journey.story(joined) == first
    joined.post(first, {"answer": "less_wise"})
    assert journey.story(joined) == second
    joined.post("/a/example/stories/undo/")
    assert joined.post("/a/example/stories/undo/").status_code == 302


def test_nobody_is_asked_twice_about_a_pair_in_a_context(joined: Any) -> None:
    CanonicalValue.objects.exclude(pk__in=CanonicalValue.objects.values("pk")[:3]).delete()
    seen = 0
    while where := journey.story(joined):
        joined.post(where, {"answer": "unsure"})
        seen += 1
    pairs = set(Judgement.objects.values_list("pair", "context"))
    assert seen == len(pairs) == Judgement.objects.count()
    assert seen in {8, 12}, "two or three pairs of three values, four contexts"


def test_none_of_these_and_missing_answers(joined: Any) -> None:
    joined.get("/a/example/q/essay/values/")
    draw = Draw.objects.get()
    half = joined.post(f"/a/example/values/{draw.pk}/", {"answer-0": "wise", "answer-1": "unsure", "do": "vote"})
    assert half.status_code == 422
    assert Vote.objects.count() == 2, "what was answered is kept"
    joined.post(f"/a/example/values/{draw.pk}/", {"do": "none"})
    draw.refresh_from_db()
    assert draw.none_of_these
    assert set(Vote.objects.values_list("answer", flat=True)) == {"not_for_me"}


def test_a_card_is_edited_by_field_with_all_versions_kept(joined: Any, other: Any) -> None:
    card = journey.talk_through(joined)
    url = f"/a/example/card/{card.pk}/"
    form = {
        "version": 1,
        "title": "Hearing the quiet ones",
        "summary": "I listen first.",
        "verdict-0": "yes",
        "verdict-1": "almost",
        "wording-1": "uses that nobody planned",
        "verdict-2": "no",
        "added": ["Children at the fence", ""],
        "do": "save",
    }
    assert joined.post(url, form).status_code == 302
    assert card.latest.policies == [
        "People who fall silent when others speak",
        "Uses that nobody planned",
        "Children at the fence",
    ]
    assert card.versions.count() == 2
    assert card.versions.get(number=1).policies[2] == "Steps that can be taken back"
    same = {"version": 2, "title": "Hearing the quiet ones", "summary": "I listen first.", "do": "save"}
    joined.post(url, same | {"verdict-0": "yes", "verdict-1": "almost", "wording-1": "Uses that nobody planned",
                             "verdict-2": "yes"})  # fmt: skip
    assert card.versions.count() == 2, "nothing changed"
    assert joined.post(url, same | {"title": "x" * 99}).status_code == 422
    assert joined.post(url, {"version": 77}).status_code == 400
    assert other.get(url).status_code == 404
    assert other.post(url, form).status_code == 404


def test_a_card_without_a_name_or_with_an_address_is_not_submitted(joined: Any) -> None:
    card = journey.talk_through(joined)
    page = journey.submit(joined, card, title=" ")
    assert page.status_code == 422
    assert "Give your card a name" in page.content.decode()
    page = journey.submit(joined, card, title="Ask rosa@example.org")
    assert page.status_code == 422
    card.refresh_from_db()
    assert card.status == CardStatus.DRAFT


def test_a_near_value_is_offered_and_never_put_in_the_cards_place(joined: Any, other: Any) -> None:
    for browser in (joined, other):
        journey.submit(browser, journey.talk_through(browser), title=f"Hearing {browser.participation.pk}")
        journey.work()
    mine = other.participation.cards.get()
    offer = mine.offers.get()
    assert offer.value == joined.participation.cards.get().canonical
    assert mine.canonical.title == f"Hearing {other.participation.pk}", "an own value until the author says otherwise"
    page = other.get(f"/a/example/card/{mine.pk}/near/").content.decode()
    assert "Is it the same?" in page
    assert joined.post(f"/a/example/near/{offer.pk}/", {"answer": "same"}).status_code == 404
    assert other.post(f"/a/example/near/{offer.pk}/", {"answer": "perhaps"}).status_code == 400

    own = mine.canonical
    other.post(f"/a/example/near/{offer.pk}/", {"answer": "same"})
    mine.refresh_from_db()
    own.refresh_from_db()
    assert mine.canonical == offer.value
    assert mine.latest.title == f"Hearing {other.participation.pk}", "the card keeps its words"
    assert own.status == "hidden"
    other.post(f"/a/example/near/{offer.pk}/", {"answer": "nearly", "adds": "Time."})
    mine.refresh_from_db()
    own.refresh_from_db()
    offer.refresh_from_db()
    assert (mine.canonical, own.status) == (own, "active"), "a changed mind is followed"
    assert (offer.answer, offer.adds) == (OfferAnswer.NEARLY, "Time.")


def test_a_card_is_compared_before_the_lock_and_nobody_is_shown_their_own_value_meanwhile(
    joined: Any, monkeypatch: Any
) -> None:
    card = journey.talk_through(joined)
    journey.submit(joined, card)
    question = card.question
    question.values.update(embedding=None, embedding_model="")
    embedder, inside, shown = machines.embedder(), [], []
    plain = type(embedder).embed

    def slow(self: Any, texts: Any) -> Any:
        inside.append(connection.in_atomic_block)
        shown.append(question.values.filter(title="Hearing the quiet ones", status="active").exists())
        return plain(self, texts)

    monkeypatch.setattr(type(embedder), "embed", slow)
    similar.place(card)
    assert set(inside) == {False}, "a model that takes its time holds no lock"
    assert set(shown) == {False}
    card.refresh_from_db()
    assert card.canonical.status == "active"


def test_a_withdrawn_card_leaves_the_graph_and_may_come_back(joined: Any) -> None:
    card = journey.talk_through(joined)
    journey.submit(joined, card)
    journey.work()
    value = CanonicalValue.objects.get(is_seed=False)
    joined.post(f"/a/example/card/{card.pk}/withdraw/")
    value.refresh_from_db()
    card.refresh_from_db()
    assert (value.status, card.status, card.canonical) == ("hidden", "withdrawn", None)
    journey.submit(joined, card)
    journey.work()
    value.refresh_from_db()
    assert value.status == "active"


def test_the_graph_waits_until_one_has_judged(joined: Any, other: Any, assembly: Any, client: Any) -> None:
    journey.submit(joined, journey.talk_through(joined))
    journey.work()
    journey.vote(joined)
    graph = "/a/example/q/essay/graph/"
    for browser in (joined, other, client):
        assert browser.get(graph).status_code == 404
    for _ in range(8):
        joined.post(journey.story(joined), {"answer": "wiser"})
    assert joined.get(graph).status_code == 200
    assert other.get(graph).status_code == 404
    assembly.phase = "publish"
    assembly.save()
    assert client.get(graph).status_code == 200


def test_all_that_one_gave_can_be_taken_along_and_deleted(joined: Any, other: Any) -> None:
    for browser in (joined, other):
        journey.submit(browser, journey.talk_through(browser), title=f"Hearing {browser.participation.pk}")
        journey.work()
        journey.vote(browser)
        browser.post(journey.story(browser), {"answer": "wiser", "reason": "Because of the river."})
    found = json.loads(joined.get("/a/example/mine/export/").content)
    assert found["cards"][0]["versions"][-1]["title"] == f"Hearing {joined.participation.pk}"
    assert found["judgements"][0]["reason"] == "Because of the river."
    assert len(found["dialogues"][0]["messages"]) == 12
    assert len(found["votes"]) == 6
    assert str(other.participation.code) not in json.dumps(found)

    person = joined.participation.person.pk
    assert joined.post("/a/example/mine/delete/").status_code == 422, "asked once more"
    joined.post("/a/example/mine/delete/", {"sure": "yes"})
    assert not Participation.objects.filter(pk=joined.participation.pk).exists()
    assert not Person.objects.filter(pk=person).exists()
    assert joining.person_of_return_code(joined.return_code) is None
    everywhere = str([list(model.objects.values_list()) for model in (CanonicalValue, Judgement, Vote)])
    assert f"Hearing {joined.participation.pk}'" not in everywhere
    assert Judgement.objects.count() == 1
    assert other.get("/a/example/after/").status_code == 200


@pytest.mark.parametrize("phase", ["propose", "review", "publish"])
def test_a_closed_phase_closes_the_doors_and_says_so(joined: Any, assembly: Any, phase: str) -> None:
    card = journey.talk_through(joined)
    journey.vote(joined)
    story = journey.story(joined)
    joined.post(story, {"answer": "wiser"})
    later = journey.story(joined)
    assembly.phase = phase
    assembly.save()
    for path in ("/a/example/q/essay/values/", "/a/example/q/essay/stories/"):
        assert joined.get(path).headers["Location"] == "/a/example/mine/"
    posts: dict[str, dict[str, Any]] = {
        "/a/example/q/essay/begin/": {"how": "form"},
        f"/a/example/card/{card.pk}/": {"version": 1, "title": "Hearing", "do": "submit"},
        later: {"answer": "wiser"},
        story: {"answer": "less_wise"},
        "/a/example/stories/undo/": {},
    }
    for path, form in posts.items():
        assert joined.post(path, form).headers["Location"] == "/a/example/mine/", path
    page = joined.get("/a/example/mine/")
    assert "this part is closed now" in page.content.decode()
    card.refresh_from_db()
    assert card.status == "draft"
    assert list(Judgement.objects.values_list("relationship", flat=True)) == ["wiser"]
    assert joined.get("/a/example/mine/export/").status_code == 200


def test_while_judging_nobody_tells_but_everybody_judges(joined: Any, assembly: Any) -> None:
    assembly.phase = "judge"
    assembly.save()
    refused = joined.post("/a/example/q/essay/begin/", {"how": "form"})
    assert refused.headers["Location"] == "/a/example/mine/"
    assert not Dialogue.objects.exists()
    assert journey.vote(joined).status_code == 302
    assert joined.post(journey.story(joined), {"answer": "wiser"}).status_code == 302
    assert Judgement.objects.count() == 1
