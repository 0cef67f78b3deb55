"""What organisers do: setting up, phases, teams, quotas, moderation, budgets, dashboards, and the log of all of it."""

import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from pluralign.assembly import tasks
from pluralign.assembly.models import (
    OPENS,
    Assembly,
    Attribute,
    AuditEntry,
    Belonging,
    CanonicalValue,
    Card,
    Deed,
    Draw,
    DrawnTransition,
    Judgement,
    ModelCall,
    Participation,
    Person,
)
from pluralign.assembly.services import (
    dashboards,
    doors,
    importing,
    joining,
    judging,
    moderation,
    phases,
    quotas,
    reckoning,
    results,
    setup,
    similar,
    team,
    transitions,
    voting,
)
from pluralign.assembly.services.joining import Refused
from pluralign.elicit.cards import Draft
from pluralign.elicit.seeds import Found, Seed
from tests.assembly import crowd, journey
from tests.assembly.conftest import signed_in

pytestmark = pytest.mark.django_db
NEW = {
    "title": "The new library", "topic": "We plan a library.", "question_title": "Quiet", "language": "en",
    "question_text": "Somebody asks for a quiet room. How should we respond?", "asks": "form", "is_public": "on",
    "contexts": "When it is full\n\nWhen children are there\nWhen it is full",
}  # fmt: skip


@pytest.fixture
def owner(assembly: Any) -> Any:
    """The owner's browser."""
    return signed_in(assembly.memberships.get().person)


def actions(assembly: Any) -> list[str]:
    return list(assembly.audit.order_by("pk").values_list("action", flat=True))


def test_an_assembly_is_made_from_a_topic_and_opened_when_nothing_is_missing(owner: Any) -> None:
    refused = owner.post("/organise/new/", {**NEW, "title": "", "contexts": "x" * 130, "do": "form"})
    assert refused.status_code == 422
    page = refused.content.decode()
    assert "This field is required." in page
    assert "has 130 letters" in page
    made = owner.post("/organise/new/", {**NEW, "do": "form"})
    assert made.headers["Location"] == "/organise/a/the-new-library/"
    assembly = Assembly.objects.get(slug="the-new-library")
    assert [each.text for each in assembly.contexts.all()] == ["When it is full", "When children are there"]
    assert not assembly.uses_model
    assert Client().get("/a/the-new-library/").status_code == 404, "nobody sees it before it is opened"
    assembly.contexts.update(is_active=False)
    owner.post("/organise/a/the-new-library/phase/move/", {"to": "elicit", "seen": "propose"})
    assembly.refresh_from_db()
    assert assembly.phase == "propose"
    assembly.contexts.update(is_active=True)
    owner.post("/organise/a/the-new-library/phase/move/", {"to": "elicit", "seen": "propose", "note": "Begin"})
    assert Client().get("/a/the-new-library/").status_code == 200
    assert actions(assembly) == ["assembly.create", "phase.move"]
    assert owner.post("/organise/new/", {**NEW, "do": "form"}).headers["Location"] == "/organise/a/the-new-library-2/"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("slug: [", "is no YAML"),
        ("slug: new\ntitle: New\ntopic: T\nquestions: []\ncontexts: [When]", "questions"),
        ("slug: New one\ntitle: N\ntopic: T\nquestions: [{slug: q, title: Q, text: T}]\ncontexts: [When]", "slug"),
        ("slug: example\ntitle: N\ntopic: T\nquestions: [{slug: q, title: Q, text: T}]\ncontexts: [When]", "already"),
        ("slug: n\ntitle: N\ntopic: T\nquestions: [{slug: q, title: Q, text: T}]\ncontexts: [When, When]", "twice"),
        ("slug: n\ntitle: N\ntopic: T\nquestion: x\ncontexts: [When]", "questions"),
    ],
)
def test_a_file_that_cannot_be_planted_is_refused_in_words(text: str, said: str, assembly: Any) -> None:
    with pytest.raises(Refused, match=said):
        setup.plant(text, assembly.memberships.get().person)
    assert Assembly.objects.count() == 1


def test_words_that_people_answered_to_are_not_rewritten_under_them(owner: Any, assembly: Any, joined: Any) -> None:
    question, by = assembly.questions.get(), assembly.memberships.get().person
    setup.save_question(assembly, question, by=by, title="Essay", text="Another text?")
    journey.begin(joined)
    assert joined.get("/a/example/q/essay/stories/").status_code == 200
    with pytest.raises(Refused, match="answered this question"):
        setup.save_question(assembly, question, by=by, title="Essay", text="Yet another?")
    drawn = Draw.objects.get(kind="transition").transition.transition
    with pytest.raises(Refused, match="judged in this situation"):
        setup.save_context(assembly, drawn.context, by=by, text="When else", questions=[question])
    with pytest.raises(Refused, match="shown this seed"):
        setup.save_seed(question, drawn.source, by=by, title="Else", summary="", policies=["Things"])
    free = question.values.exclude(pk__in=[drawn.source_id, drawn.candidate_id])[0]
    setup.save_seed(question, free, by=by, title="Else", summary="", policies=["Things that grow"])
    free.refresh_from_db()
    assert (free.title, free.is_seed) == ("Else", True)
    assert free.content_hash == CanonicalValue.hash_of(free.noun)


class Phases(RuleBasedStateMachine):
    """Whatever is tried, an assembly moves by single steps, and people can do just what its phase opens."""

    def __init__(self) -> None:
        super().__init__()
        self.assembly = Assembly.objects.get(slug="example")
        self.by = self.assembly.memberships.get().person
        self.mine = joining.join(self.assembly, None).participation if self.assembly.is_open else None
        self.moves = self.assembly.audit.filter(action="phase.move").count()

    @rule(to=st.sampled_from([*phases.ORDER, "elsewhere"]), seen=st.sampled_from(phases.ORDER))
    def move(self, to: str, seen: str) -> None:
        before = Assembly.objects.get(pk=self.assembly.pk).phase
        try:
            phases.move(self.assembly, to, by=self.by, seen=seen)
        except Refused:
            assert Assembly.objects.get(pk=self.assembly.pk).phase == before
        else:
            assert seen == before
            assert abs(phases.ORDER.index(to) - phases.ORDER.index(before)) == 1
            self.moves += 1

    @rule(step=st.sampled_from([-1, 1]))
    def step(self, step: int) -> None:
        now = Assembly.objects.get(pk=self.assembly.pk).phase
        to = phases.neighbours(now)[0 if step < 0 else 1]
        if to is not None:
            self.move(to, now)
            assert Assembly.objects.get(pk=self.assembly.pk).phase == to

    @invariant()
    def what_is_open_is_what_the_table_says(self) -> None:
        now = Assembly.objects.get(pk=self.assembly.pk)
        assert now.audit.filter(action="phase.move").count() == self.moves
        before = Participation.objects.count()
        try:
            joining.join(now, None)
        except Refused:
            assert Deed.JOIN not in OPENS[now.phase]
            assert Participation.objects.count() == before
        else:
            assert Deed.JOIN in OPENS[now.phase]
        for mine in Participation.objects.all()[:1]:
            for deed in (Deed.TELL, Deed.JUDGE, Deed.LOOK):
                try:
                    doors.must_be_open(mine, deed)
                except doors.ClosedError:
                    assert deed not in OPENS[now.phase]
                else:
                    assert deed in OPENS[now.phase]


def test_phases_as_a_state_machine(assembly: Any) -> None:
    run_state_machine_as_test(
        Phases,
        settings=settings(
            max_examples=15, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_teams_by_mail_and_by_link_and_the_last_owner_stays(owner: Any, assembly: Any) -> None:
    path = "/organise/a/example/team/"
    owner.post(f"{path}invite/", {"name": "Rosa", "role": "moderator", "email": "rosa@example.org"})
    token = re.findall(r"#(\S+)", mail.outbox[-1].body)[0]
    rosa = Client()
    assert rosa.post("/organise/invited/", {"token": "wrong", "name": "Rosa"}).status_code == 422
    came = rosa.post("/organise/invited/", {"token": token, "name": "Rosa L."})
    assert came.headers["Location"] == "/organise/a/example/"
    assert rosa.get("/organise/a/example/moderation/").status_code == 200
    assert rosa.get("/organise/a/example/settings/").status_code == 404
    assert Client().post("/organise/invited/", {"token": token, "name": "Eve"}).status_code == 422, "it works once"
    assert "rosa@example.org" not in str(list(Person.objects.values_list()))

    owner.post(f"{path}invite/", {"name": "Ana", "role": "owner", "email": ""})
    shown = owner.get(path).content.decode()
    link = re.findall(r"/organise/invited/#([\w-]+)", shown)[0]
    assert link not in owner.get(path).content.decode(), "shown once"
    ana = Client()
    assert ana.post("/organise/invited/", {"token": link, "name": "Ana"}).headers["Location"] == "/organise/code/"
    code = ana.get("/organise/code/").content.decode().split('id="code">')[1].split("<")[0]
    assert str(joining.person_of_return_code(code)) == "Ana"

    first = assembly.memberships.order_by("pk")[0]
    assert owner.post(f"{path}leave/").headers["Location"] == "/"
    assert owner.get(path).status_code == 404
    assert not assembly.memberships.filter(pk=first.pk).exists()
    ana.post(f"{path}leave/")
    mine = assembly.memberships.get(role="owner")
    ana.post(f"{path}{mine.pk}/role/", {"role": "analyst"})
    assert assembly.memberships.get(role="owner") == mine, "the last owner stays"
    log = ana.get("/organise/a/example/log/").content.decode()
    for words in ("Invited somebody", "Came into the team", "Left the team", "Rosa L."):
        assert words in log


def test_an_invitation_that_is_old_or_of_an_owner_who_left_is_worth_nothing(assembly: Any) -> None:
    by = assembly.memberships.get().person
    made = team.invite(assembly, by=by, name="Ina", role="owner", email="", link_of=str)
    other = Person.objects.create_person(name="Ottla")
    assembly.memberships.create(person=other, role="owner")
    team.set_role(assembly, by, "analyst", by=other)
    with pytest.raises(Refused, match="withdrawn"):
        team.accept(made.token, None, "Ina")
    assert made.token not in str(list(AuditEntry.objects.values_list()))


def test_quotas_close_politely_and_small_groups_are_not_told(owner: Any, assembly: Any) -> None:
    form = {"question": "How old are you?", "groups": "Under 30 = 2\n30 or older", "is_active": "on"}
    wrong = owner.post("/organise/a/example/quotas/add/", {**form, "groups": "Under 30 = few"})
    assert "is no number of people" in wrong.content.decode()
    assert owner.post("/organise/a/example/quotas/add/", form).status_code == 302
    attribute = assembly.attributes.get()
    young, old = attribute.groups.all()
    name = f"about-{attribute.pk}"
    for _ in range(2):
        assert Client().post("/a/example/join/", {"agree": "on", name: young.pk}).status_code == 302
    late = Client().post("/a/example/join/", {"agree": "on", name: young.pk})
    assert late.status_code == 422
    assert "as were looked for have joined" in late.content.decode()
    assert Participation.objects.count() == 2, "nobody is left half joined"
    for group in (old.pk, ""):
        assert Client().post("/a/example/join/", {"agree": "on", name: group}).status_code == 302
    assert Belonging.objects.count() == 3
    page = owner.get("/organise/a/example/quotas/").content.decode()
    assert page.count("fewer than 5</td>") == 2
    with pytest.raises(ValueError, match="People belong"):
        quotas.save(assembly, attribute, by=assembly.memberships.get().person, question="How old are you?",
                    groups=[quotas.Wanted("30 or older", 0)], is_active=True)  # fmt: skip


def reported(assembly: Any, question: Any, times: int) -> tuple[CanonicalValue, Card]:
    """Somebody's value in the graph, and people who report it."""
    author = Client()
    author.participation = joining.join(assembly, None).participation
    author.force_login(author.participation.person)
    card = journey.talk_through(author)
    journey.submit(author, card)
    similar.place(card)
    card.refresh_from_db()
    value = card.canonical
    for _ in range(times):
        mine = joining.join(assembly, None).participation
        draw = Draw.objects.create(participation=mine, question=question, kind="cards", method="x")
        draw.cards.create(position=0, value=value, slot="near", propensity=1.0)
        moderation.report(mine, value.pk, "offensive")
        moderation.report(mine, value.pk, "offensive")
    return value, card


def test_what_is_reported_waits_what_is_hidden_is_not_shown_and_comes_back(owner: Any, assembly: Any) -> None:
    question = assembly.questions.get()
    value, card = reported(assembly, question, 2)
    value.refresh_from_db()
    assert value.status == "active"
    assert "reported 2 ×: It is offensive" in owner.get("/organise/a/example/moderation/").content.decode()
    transitions.propose(question)
    mine = joining.join(assembly, None).participation
    draw = voting.open_draw(mine, question)
    assert draw is not None
    if not draw.cards.filter(value=value).exists():
        draw.cards.filter(position=0).update(value=value)
    judged = joining.join(assembly, None).participation
    pair = question.transitions.filter(source=value)[0]
    story = Draw.objects.create(participation=judged, question=question, kind="transition", method="x")
    DrawnTransition.objects.create(draw=story, transition=pair, propensity=1.0, information=0.1)
    judging.judge(judged, str(story.pk), "wiser")
    assert len(results.judgements_of(question)) == 1

    path = f"/organise/a/example/moderation/value/{value.pk}/"
    owner.post(path, {"do": "hide", "reason": " "})
    value.refresh_from_db()
    assert value.moderation == "ok", "hiding needs a reason"
    owner.post(path, {"do": "hide", "reason": "It names a pupil."})
    value.refresh_from_db()
    card.refresh_from_db()
    assert (value.status, value.moderation, card.moderation) == ("hidden", "hidden", "hidden")
    assert value.pk not in voting.to_answer(draw).values_list("value", flat=True)
    assert results.judgements_of(question) == []
    author = signed_in(card.participation.person)
    assert "It names a pupil." in author.get(f"/a/example/card/{card.pk}/").content.decode()
    similar.place(card)
    value.refresh_from_db()
    assert value.status == "hidden", "placing it again brings nothing back"

    owner.post(path, {"do": "accept"})
    value.refresh_from_db()
    assert (value.status, value.moderation) == ("active", "ok")
    assert len(results.judgements_of(question)) == 1
    assert [each for each in actions(assembly) if each.startswith("value.")] == ["value.hide", "value.accept"]
    assert CanonicalValue.objects.filter(pk=value.pk).exists()


def test_the_queue_lists_what_waits_and_what_was_reported_and_says_why(
    owner: Any, assembly: Any, django_capture_on_commit_callbacks: Any, monkeypatch: Any
) -> None:
    question = assembly.questions.get()
    found = Found((Seed("line 2", "", Draft(title="Trees first", policies=("Shade",))),), ())
    importing.bring(assembly, found, by=assembly.memberships.get().person, proposed=True)
    proposed = CanonicalValue.objects.get(title="Trees first")
    seed = question.values.filter(is_seed=True, moderation="ok")[0]
    for kind in ("offensive", "offensive", "personal", "nonsense"):  # seeds are reported only, however often
        mine = joining.join(assembly, None).participation
        drawn = Draw.objects.create(participation=mine, question=question, kind="cards", method="x")
        drawn.cards.create(position=0, value=seed, slot="near", propensity=1.0)
        moderation.report(mine, seed.pk, kind)
    said, _card = reported(assembly, question, 3)
    for value in (seed, said, proposed):
        value.refresh_from_db()
    assert [(each.status, each.moderation) for each in (seed, said, proposed)] == [
        ("active", "ok"), ("hidden", "waiting"), ("hidden", "waiting"),
    ]  # fmt: skip
    waiting = moderation.queue(assembly)
    assert set(waiting.values) == {proposed, seed, said}
    page = owner.get("/organise/a/example/moderation/").content.decode()
    assert "3 things to look at." in page
    for why in ("proposed as a seed, not shown yet", "reported 2 ×: It is offensive", "reported 3 ×: It is offensive"):
        assert f"<li>{why}</li>" in page, why
    assert page.count('<span class="tag">seed</span>') == 2
    assert "3 things wait for a moderator" in owner.get("/organise/a/example/").content.decode()

    assert not question.transitions.filter(source=proposed).exists()
    with monkeypatch.context() as at_once, django_capture_on_commit_callbacks(execute=True):
        at_once.setattr(type(tasks.propose), "enqueue", lambda task, *arguments: task.func(*arguments))
        owner.post(f"/organise/a/example/moderation/value/{proposed.pk}/", {"do": "accept"})
    owner.post(f"/organise/a/example/moderation/value/{seed.pk}/", {"do": "hide", "reason": "It blames people."})
    owner.post(f"/organise/a/example/moderation/value/{said.pk}/", {"do": "accept"})
    for value in (seed, said, proposed):
        value.refresh_from_db()
    assert [each.status for each in (seed, said, proposed)] == ["hidden", "active", "active"]
    page = owner.get("/organise/a/example/moderation/").content.decode()
    assert "Nothing waits." in page
    assert "It blames people." in page
    assert moderation.hidden(assembly).values == [seed]
    assert proposed in question.values.filter(status="active"), "draws are made from these"
    assert question.transitions.filter(source=proposed).exists(), "what was accepted is also compared"


def test_three_who_report_hold_a_card_back_and_only_who_saw_it_can_report(assembly: Any) -> None:
    value, _card = reported(assembly, assembly.questions.get(), 3)
    value.refresh_from_db()
    assert (value.status, value.moderation) == ("hidden", "waiting")
    with pytest.raises(CanonicalValue.DoesNotExist):
        moderation.report(joining.join(assembly, None).participation, value.pk, "offensive")


@pytest.mark.parametrize("how", [{"reviews_cards": True}, {"held_words": "quiet*"}])
def test_a_card_that_is_held_back_is_seen_by_nobody_until_it_is_accepted(how: Any, assembly: Any, owner: Any) -> None:
    Assembly.objects.filter(pk=assembly.pk).update(**how)
    assembly.refresh_from_db()
    value, _card = reported(assembly, assembly.questions.get(), 0)
    assert (value.status, value.moderation) == ("hidden", "waiting")
    assert moderation.queue(assembly).values == [value]
    owner.post(f"/organise/a/example/moderation/value/{value.pk}/", {"do": "accept"})
    value.refresh_from_db()
    assert value.status == "active"


def test_a_reason_with_an_address_waits(joined: Any, assembly: Any, owner: Any) -> None:
    joined.post(journey.story(joined), {"answer": "wiser", "reason": "Ask rosa@example.org."})
    judgement = Judgement.objects.get()
    assert judgement.moderation == "waiting"
    owner.post(f"/organise/a/example/moderation/reason/{judgement.pk}/", {"do": "hide", "reason": "An address"})
    judgement.refresh_from_db()
    assert judgement.moderation == "hidden"
    assert len(results.judgements_of(assembly.questions.get())) == 1, "the judgement itself counts"


@pytest.mark.parametrize(
    "cap", [{"call_budget": 3}, {"token_budget": 30}, {"person_call_budget": 3}, {"uses_model": False}]
)
def test_each_cap_of_the_budget_is_held(cap: Any, joined: Any, assembly: Any, owner: Any, monkeypatch: Any) -> None:
    from pluralign.assembly import machines
    from pluralign.engines.scripted import ScriptedEngine

    monkeypatch.setattr(machines, "engine", lambda: ScriptedEngine(speaker=lambda _request: "?"))
    mine = joined.participation
    assert machines.engine_for(assembly, mine) is not None
    for _ in range(3):
        ModelCall.objects.create(assembly=assembly, participation=mine, purpose="question", engine="x", tokens=10)
    form = {"call_budget": 100, "token_budget": 1000, "person_call_budget": 50}
    if "uses_model" in cap:
        Assembly.objects.filter(pk=assembly.pk).update(**cap)
    else:
        assert owner.post("/organise/a/example/budget/change/", {**form, **cap}).status_code == 302
        entry = assembly.audit.get(action="budget.change")
        name, value = next(iter(cap.items()))
        assert entry.detail["fields"][name][1] == value
    assembly.refresh_from_db()
    assert machines.engine_for(assembly, mine) is None
    someone = joining.join(assembly, None).participation
    assert (machines.engine_for(assembly, someone) is not None) == ("person_call_budget" in cap)
    assert "Calls: 3 of" in owner.get("/organise/a/example/budget/").content.decode()


def test_the_funnel_and_the_reckoning_count_what_people_did(joined: Any, assembly: Any, owner: Any) -> None:
    joining.join(assembly, None)
    Participation.objects.create(person=Person.objects.create_person(), assembly=assembly, is_simulated=True)
    journey.submit(joined, journey.talk_through(joined))
    journey.vote(joined)
    for _ in range(3):
        joined.post(journey.story(joined), {"answer": "wiser"})
    steps = dashboards.funnel(assembly).steps
    assert [step.people for step in steps] == [2, 1, 1, 1, 1, 0]
    assert [step.lost for step in steps] == [0, 1, 0, 0, 0, 1]
    kept, is_current = reckoning.latest(assembly.questions.get())
    assert kept is not None
    assert is_current
    assert sum(each["judgements"] for each in kept.data["contexts"]) == 3
    assert kept.data["coverage"]["judgements"] == 3
    page = owner.get("/organise/a/example/").content.decode()
    assert "Too early to say" in page
    joined.post(journey.story(joined), {"answer": "wiser"})
    assert reckoning.state_of(assembly.questions.get()) != kept.state


def test_the_log_is_filtered_and_holds_no_words_of_participants(owner: Any, assembly: Any, joined: Any) -> None:
    joined.post(journey.story(joined), {"answer": "wiser", "reason": "A secret reason."})
    by = assembly.memberships.get().person
    phases.move(assembly, "judge", by=by, seen="elicit", note="Enough cards")
    team.invite(assembly, by=by, name="Ina", role="moderator", email="", link_of=str)
    page = owner.get("/organise/a/example/log/?action=phase.move").content.decode()
    assert "Enough cards" in page
    assert "<td>Invited somebody</td>" not in page
    assert "A secret reason." not in str(list(AuditEntry.objects.values_list()))
    assert "<td>Moved the phase</td>" not in owner.get("/organise/a/example/log/?until=2020-01-01").content.decode()
    assert owner.get("/organise/a/example/log/?since=yesterday").status_code == 422


@given(share=st.lists(st.floats(0, 1), min_size=2, max_size=9))
def test_curves_stay_inside_their_figure(share: list[float]) -> None:
    from pluralign.assembly.views_organise.charts import HEIGHT, WIDTH, curve

    for across, up in curve([(10 * at, each) for at, each in enumerate(share)], 0.95).dots:
        assert 0 <= across <= WIDTH
        assert 0 <= up <= HEIGHT


def test_the_funnel_by_group_tells_no_group_below_k(assembly: Any, owner: Any) -> None:
    assembly.privacy_threshold = 3
    assembly.save()
    age = Attribute.objects.create(assembly=assembly, slug="age", question="How old are you?")
    young, old, few = (age.groups.create(text=text, order=order) for order, text in enumerate(("Young", "Old", "Few")))
    for group, people, told in ((young, 4, 3), (old, 3, 2), (few, 2, 2), (None, 1, 1)):
        for number in range(people):
            mine = joining.join(assembly, None, groups={age.pk: group.pk} if group else {}).participation
            if number < told:
                crowd.say(mine, f"{group} {number}")
                mine.cards.update(submitted_at=timezone.now())
    (found,) = dashboards.funnel_by_group(assembly)
    assert (found.question, found.groups) == ("How old are you?", ("Young", "Old", "Few"))
    steps = dict(found.steps)
    assert steps["Joined"] == (4, 3, None)
    assert steps["Submitted a card"] == (3, None, None)
    assert steps["Finished"] == (0, 0, 0)
    page = owner.get("/organise/a/example/").content.decode()
    assert "&lt; 3" in page
    age.is_active = False
    age.save()
    assert dashboards.funnel_by_group(assembly) == []
