"""Cards in the making: the author's words stay theirs, and what would harm them is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluralign.elicit import cards
from pluralign.elicit import interview as talk
from pluralign.elicit.cards import Draft, Verdict, from_answers, issues, judged, read_draft, tidy
from pluralign.elicit.interview import Interview, Stage, Turn


def said(**answers: str) -> Interview:
    turns = tuple(Turn(stage=Stage(stage), answer=answer) for stage, answer in answers.items())
    return Interview(budget=8, stage=Stage.LIST, turns=turns, finished=True)


def codes(draft: Draft) -> list[tuple[str, bool]]:
    return [(issue.code, issue.refuses) for issue in issues(draft)]


@pytest.mark.parametrize(
    ("answer", "policies"),
    [
        ("- Faces that go quiet\n- ways a place is used\n", ("Faces that go quiet", "Ways a place is used")),
        ("Faces. Hands. Voices.", ("Faces", "Hands", "Voices")),
        ("faces, hands and voices", ("Faces", "Hands", "Voices")),
        ("caras, manos y voces", ("Caras", "Manos", "Voces")),
        ("الوجوه، الأيدي و الأصوات", ("الوجوه", "الأيدي", "الأصوات")),
        ("faces", ("Faces",)),
    ],
)
def test_a_list_becomes_policies_in_the_persons_own_words(answer: str, policies: tuple[str, ...]) -> None:
    assert from_answers(said(moment="I waited.", list=answer)).policies == policies


def test_without_a_list_what_was_noticed_counts_and_without_that_nothing_is_invented() -> None:
    assert from_answers(said(noticed="Her face; the silence")).policies == ("Her face", "The silence")
    assert from_answers(said(moment="I waited.")).policies == ()
    assert from_answers(talk.enough(talk.ask(talk.begin(6)))).policies == ()


def test_verdicts_keep_reword_and_remove() -> None:
    draft = Draft(title="Waiting", policies=("Faces", "Hands", "Voices", "Feet"))
    after = judged(draft, [Verdict.YES, Verdict.ALMOST, Verdict.NO, None], ["", "hands at rest", "", ""])
    assert after.policies == ("Faces", "Hands at rest", "Feet")
    assert judged(draft, [Verdict.ALMOST] * 4, [" "] * 4).policies == draft.policies
    with pytest.raises(ValueError, match="4 policies, 1 verdicts"):
        judged(draft, [Verdict.YES], [""])


def test_what_refuses_a_card_and_what_is_advice() -> None:
    assert codes(Draft()) == [("no_title", True), ("no_policies", True)]
    assert codes(Draft(title="Waiting", policies=("Faces", "Hands", "Voices"))) == []
    assert codes(Draft(title="Waiting for all of the others", policies=("One", "Two", "Three"))) == [
        ("long_title", False)
    ]
    assert codes(Draft(title="A", policies=("Faces", "faces", "Hands"))) == [("twice", True)]
    assert ("few", False) in codes(Draft(title="A", policies=("Faces",)))
    assert ("many", False) in codes(Draft(title="A", policies=tuple("abcdefgh")))
    assert ("forbids", False) in codes(Draft(title="A", policies=("You should not lie", "B", "C")))


@pytest.mark.parametrize(
    "text",
    [
        "write to rosa@example.org",
        "see https://example.org/me",
        "call +34 600 123 456",
        "I am @rosa_lopez",
        "www.rosa.es",
    ],
)
def test_addresses_are_refused_in_every_field(text: str) -> None:
    assert cards.is_personal(text)
    for draft in (
        Draft(title=text[:80], policies=("A",)),
        Draft(title="A", summary=text, policies=("A",)),
        Draft(title="A", description=text, policies=("A",)),
        Draft(title="A", policies=(text,)),
    ):
        assert ("personal", True) in codes(draft)


@pytest.mark.parametrize("text", ["In 2019 we were 14 people", "Steps of 5 minutes", "What 3 of 4 say", "3.14159"])
def test_ordinary_numbers_are_no_addresses(text: str) -> None:
    assert not cards.is_personal(text)


@given(st.lists(st.text(max_size=40), max_size=8))
def test_tidying_twice_is_tidying_once_and_invents_nothing(policies: list[str]) -> None:
    once = tidy(Draft(title=" a  b ", policies=tuple(policies)))
    assert tidy(once) == once
    assert len(once.policies) <= len(policies)


def test_a_models_draft_is_read_or_left_alone() -> None:
    reply = 'Here it is: {"title": "Waiting", "summary": "I wait.", "policies": ["faces", "hands"], "more": 1} Done.'
    assert read_draft(reply) == Draft(title="Waiting", summary="I wait.", policies=("Faces", "Hands"))
    for broken in ("", "no json", "{", '{"title": "A"}', '{"title": "A", "policies": 3}', "[1]", '{"policies": ["a"]}'):
        assert read_draft(broken) is None
    assert read_draft('{"title": "A", "policies": ["write to a@b.org"]}') is None


def test_the_model_is_shown_answers_and_no_question_that_was_skipped() -> None:
    interview = said(moment="I waited at the door.", list="Faces")
    text = cards.draft_request(interview, "The lot", "Spanish").request.messages[0].content
    assert "I waited at the door." in text
    assert "Spanish" in text
    assert "earlier in life" not in text


def test_a_draft_becomes_a_card() -> None:
    card = Draft(title="Waiting", policies=("Faces",)).card("7")
    assert (card.id, card.title, card.policies) == ("7", "Waiting", ("Faces",))
