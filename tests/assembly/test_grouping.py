"""The dedupe workbench: merging, splitting and undoing, one at a time whoever asks, and never undone by a task."""

from typing import Any

import pytest

from pluralign.assembly.models import AuditEntry, CanonicalValue, Card, Judgement, Vote
from pluralign.assembly.services import cards as card_deeds
from pluralign.assembly.services import grouping, joining, judging, results, similar, voting
from pluralign.assembly.services.joining import Refused
from tests.assembly import crowd
from tests.assembly.conftest import signed_in
from tests.assembly.test_security import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def three(assembly: Any) -> list[Card]:
    """Three people's cards, each a value of its own; no seeds but two."""
    crowd.few_values(assembly, values=2)
    found = []
    for title in ("Hearing the quiet ones", "Hearing the silent ones", "Trees first"):
        card = crowd.say(joining.join(assembly, None).participation, title)
        similar.place(card)
        card.refresh_from_db()
        found.append(card)
    return found


def owner(assembly: Any) -> Any:
    return assembly.memberships.get(role="owner").person


def test_a_merge_moves_cards_keeps_votes_and_is_undone(assembly: Any, three: list[Card]) -> None:
    question = assembly.questions.get()
    keep, gone = three[0].canonical, three[1].canonical
    judge = joining.join(assembly, None).participation
    crowd.judge_all(judge)
    votes, judgements = list(Vote.objects.values()), list(Judgement.objects.values())
    entry = grouping.merge(question, keep.pk, [gone.pk], by=owner(assembly))
    three[1].refresh_from_db()
    gone.refresh_from_db()
    assert (three[1].canonical, gone.status, gone.merged_into) == (keep, "merged", keep)
    assert (list(Vote.objects.values()), list(Judgement.objects.values())) == (votes, judgements)
    assert str(gone.pk) not in {end for row in results.judgements_of(question) for end in (row.source, row.candidate)}
    grouping.undo(question, entry.pk, by=owner(assembly))
    three[1].refresh_from_db()
    gone.refresh_from_db()
    assert (three[1].canonical, gone.status, gone.merged_into) == (gone, "active", None)
    with pytest.raises(Refused, match="already"):
        grouping.undo(question, entry.pk, by=owner(assembly))
    assert [each.action for each in grouping.history(question)] == ["values.undo", "values.merge"]


def test_a_split_takes_cards_out_in_their_own_words_and_is_undone(assembly: Any, three: list[Card]) -> None:
    question = assembly.questions.get()
    keep, gone = three[0].canonical, three[1].canonical
    merged = grouping.merge(question, keep.pk, [gone.pk], by=owner(assembly))
    split = grouping.split(question, keep.pk, [three[1].pk], by=owner(assembly))
    three[1].refresh_from_db()
    assert three[1].canonical == gone, "its words are a value already, which is so again"
    assert three[1].canonical.status == "active"
    with pytest.raises(Refused, match="later change back first"):
        grouping.undo(question, merged.pk, by=owner(assembly))
    grouping.undo(question, split.pk, by=owner(assembly))
    three[1].refresh_from_db()
    gone.refresh_from_db()
    assert (three[1].canonical, gone.status, gone.merged_into) == (keep, "merged", keep)
    grouping.undo(question, merged.pk, by=owner(assembly))
    gone.refresh_from_db()
    assert gone.status == "active"
    with pytest.raises(Refused, match="Choose the cards"):
        grouping.split(question, three[2].canonical.pk, [], by=owner(assembly))
    with pytest.raises(Refused, match="very words"):
        grouping.split(question, three[2].canonical.pk, [three[2].pk], by=owner(assembly))


def test_a_task_that_runs_again_never_undoes_what_a_person_decided(assembly: Any, three: list[Card]) -> None:
    question, by = assembly.questions.get(), owner(assembly)
    keep, gone = three[0].canonical, three[1].canonical
    grouping.merge(question, keep.pk, [gone.pk, three[2].canonical.pk], by=by)
    entry = grouping.split(question, keep.pk, [three[1].pk, three[2].pk], by=by)
    into = CanonicalValue.objects.get(pk=entry.detail["into"])
    assert into.title == "Hearing the silent ones"
    for _ in range(2):
        for card in three:
            similar.place(Card.objects.get(pk=card.pk))
    for card, value in zip(three, (keep, into, into), strict=True):
        card.refresh_from_db()
        assert card.canonical == value, "also the card whose own words are another, merged value"
    said = joining.join(assembly, None).participation
    card = crowd.say(said, "Hearing the quiet people")
    offer = card.offers.create(version=card.latest, value=keep, distance=0.1)
    similar.answer_offer(said, offer.pk, "same")
    grouping.split(question, keep.pk, [card.pk], by=by)
    similar.place(Card.objects.get(pk=card.pk))
    card.refresh_from_db()
    assert card.canonical.title == "Hearing the quiet people", "nor an answer that was given before"
    similar.answer_offer(said, offer.pk, "same")
    card.refresh_from_db()
    assert card.canonical == keep, "but the author may say it again"


def test_new_words_of_an_author_are_placed_anew(assembly: Any, three: list[Card]) -> None:
    question = assembly.questions.get()
    grouping.merge(question, three[0].canonical.pk, [three[1].canonical.pk], by=owner(assembly))
    card = three[1]
    card_deeds.edit(
        card.participation, card.pk, title="Something else", summary="", verdicts=["yes"], wordings=[""],
        added=["Other signs"], number=1,
    )  # fmt: skip
    similar.place(Card.objects.get(pk=card.pk))
    card.refresh_from_db()
    assert card.canonical.title == "Something else"


def test_nobody_is_asked_again_about_what_was_merged(assembly: Any, three: list[Card]) -> None:
    question = assembly.questions.get()
    judge = joining.join(assembly, None).participation
    crowd.judge_all(judge)
    grouping.merge(question, three[0].canonical.pk, [three[1].canonical.pk], by=owner(assembly))
    assert voting.open_draw(judge, question) is None
    assert judging.open_draw(judge, question, "en") is None


def test_two_organisers_and_a_worker_at_once(assembly: Any, three: list[Card]) -> None:
    question, by = assembly.questions.get(), owner(assembly)
    one, two, other = (card.canonical.pk for card in three)
    results_ = at_once(
        lambda: grouping.merge(question, one, [two], by=by),
        lambda: grouping.merge(question, two, [one], by=by),
        lambda: grouping.merge(question, other, [one, two], by=by),
        lambda: similar.place(Card.objects.get(pk=three[0].pk)),
        lambda: similar.place(Card.objects.get(pk=three[1].pk)),
    )
    done = [each for each in results_[:3] if isinstance(each, AuditEntry)]
    refused = [each for each in results_[:3] if isinstance(each, Refused)]
    assert (len(done), len(refused)) == (1, 2), results_
    assert not [each for each in results_[3:] if isinstance(each, Exception)], results_
    into = similar.resolved(question)
    for card in three:
        card.refresh_from_db()
        assert card.canonical.status == "active"
        assert into[card.canonical.pk] == card.canonical.pk
    assert AuditEntry.objects.filter(action="values.merge").count() == 1
    undone = at_once(*[lambda: grouping.undo(question, done[0].pk, by=by)] * 3)
    assert sum(isinstance(each, AuditEntry) for each in undone) == 1, undone
    for card, key in zip(three, (one, two, other), strict=True):
        card.refresh_from_db()
        assert card.canonical.pk == key


def test_a_graph_that_takes_long_is_not_built_for_every_judgement_but_hides_at_once(
    assembly: Any, three: list[Card], monkeypatch: Any
) -> None:
    question = assembly.questions.get()
    people = [joining.join(assembly, None).participation for _ in range(2)]
    crowd.judge_all(people[0])
    first = results.graph_of(question)
    assert results.graph_of(question) is first
    crowd.judge_all(people[1])
    second = results.graph_of(question)
    assert second is not first, "a graph that is built quickly is that of the moment"
    monkeypatch.setattr(results, "QUICK", 0.0)
    monkeypatch.setattr(results, "MOST_TIME", 1e-9)
    crowd.judge_all(joining.join(assembly, None).participation)
    assert results.graph_of(question) is second
    gone = three[0].canonical
    grouping.merge(question, three[1].canonical.pk, [gone.pk], by=owner(assembly))
    third = results.graph_of(question)
    assert third is not None
    assert str(gone.pk) not in {value.id for value in third.values}
    Judgement.objects.filter(participation=people[0]).delete()
    fourth = results.graph_of(question)
    assert fourth is not third, "nor is what somebody took away"
    built = at_once(*[lambda: results.graph_of(question)] * 4)
    assert all(each is fourth for each in built)


def test_an_author_who_leaves_meanwhile_is_in_nobodys_way(assembly: Any, three: list[Card]) -> None:
    question = assembly.questions.get()
    entry = grouping.merge(question, three[0].canonical.pk, [three[1].canonical.pk], by=owner(assembly))
    card_deeds.withdraw(three[1].participation, three[1].pk)
    grouping.undo(question, entry.pk, by=owner(assembly))
    three[1].refresh_from_db()
    assert three[1].canonical is None
    assert CanonicalValue.objects.get(title="Hearing the silent ones").status == "hidden", "nobody says it"


def test_the_pages(assembly: Any, three: list[Card]) -> None:
    browser = signed_in(owner(assembly))
    page = browser.get("/organise/a/example/values/").content.decode()
    assert "1 group" in page
    keep, gone = three[0].canonical, three[1].canonical
    question = assembly.questions.get()
    path = f"/organise/a/example/values/q/{question.pk}/"
    three[0].offers.create(version=three[0].latest, value=gone, distance=0.2, answer="different")
    page = browser.get("/organise/a/example/values/").content.decode()
    assert "1 author said of “Hearing the silent ones”: different" in page
    browser.post(path + "merge/", {"value": [keep.pk, gone.pk], "keep": keep.pk, "do": "merge"})
    page = browser.get("/organise/a/example/values/").content.decode()
    assert "0 groups" in page
    assert "merged “Hearing the silent ones” into “Hearing the quiet ones”" in page
    one = browser.get(f"/organise/a/example/values/{keep.pk}/").content.decode()
    assert "2 cards" in one
    assert "Hearing the silent ones" in one
    three[1].participation.consents.update(share_card=False)
    assert "Hearing the silent ones" not in browser.get(f"/organise/a/example/values/{keep.pk}/").content.decode()
    browser.post(f"/organise/a/example/values/{keep.pk}/split/", {"card": three[1].pk})
    browser.post(path + "merge/", {"value": [keep.pk, gone.pk], "do": "apart"})
    page = browser.get("/organise/a/example/values/").content.decode()
    assert "0 groups" in page, "what an organiser said is different is not suggested again"
    entry = AuditEntry.objects.get(action="values.apart")
    browser.post(path + "undo/", {"entry": entry.pk})
    assert "1 group" in browser.get("/organise/a/example/values/").content.decode()
    answer = browser.post(path + "merge/", {"value": gone.pk, "keep": 99999}, follow=True).content.decode()
    assert "look again" in answer
    for wrong in ("merge/", "undo/"):
        assert browser.post(path + wrong, {"value": "x", "entry": "x"}).status_code == 400
