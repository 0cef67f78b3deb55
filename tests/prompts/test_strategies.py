"""The six ways of asking."""

from collections import Counter

import pytest

from pluralign.core.collective import Collective
from pluralign.core.errors import UnknownNameError, UsageError
from pluralign.core.question import Option, Question, Scale
from pluralign.prompts import templates
from pluralign.prompts.demonstrations import DRAWS, demonstrations
from pluralign.prompts.options import Labels, show
from pluralign.prompts.strategies import STRATEGIES, Context, Example, Task, strategy

QUESTION = Question(
    id="Q1",
    text="Do you trust your neighbours?",
    options=(Option(id=1, text="Yes"), Option(id=2, text="No")),
    scale=Scale.NOMINAL,
)
KENYA = Collective(id="KEN", name="Kenya", adjective="Kenyan")
OTHERS = tuple(Collective(id=f"C{at}", name=f"Country {at}", adjective=f"Adjective{at}") for at in range(6))
EXAMPLE = Example(show(QUESTION), "2. No")
FULL = Context(KENYA, OTHERS[:3], OTHERS[3:], (EXAMPLE,) * 5)


STATING = [name for name, one in STRATEGIES.items() if not one.demonstrates]
"""Those that can be asked for more than a choice."""


def texts(name: str, context: Context = FULL) -> tuple[str, str]:
    if strategy(name).demonstrates:
        [user] = strategy(name).messages(show(QUESTION, labels=Labels.LETTER), context)
        return "", user.content
    system, user = strategy(name).messages(show(QUESTION), context)
    assert (system.role, user.role) == ("system", "user")
    return system.content, user.content


@pytest.mark.parametrize("name", [name for name in STATING if name != "persona-last"])
def test_every_strategy_asks_the_question_and_lists_the_options(name: str) -> None:
    _, user = texts(name)
    assert user.endswith(
        "Question: Do you trust your neighbours?\nAnswers:\n1. Yes\n2. No\n\nThe number of your answer:"
    )


@pytest.mark.parametrize("name", STRATEGIES)
def test_only_strategies_that_say_so_name_the_collective(name: str) -> None:
    assert ("Kenyan" in "".join(texts(name))) is STRATEGIES[name].names_collective


def test_persona_last_shares_the_whole_question_between_collectives() -> None:
    kenya, other = (texts("persona-last", Context(one)) for one in (KENYA, OTHERS[0]))
    assert kenya[0] == other[0] == texts("plain")[0]
    shared = kenya[1][: kenya[1].index("Answer as")]
    assert other[1].startswith(shared)
    assert "Question: Do you trust your neighbours?\nAnswers:\n1. Yes\n2. No\n" in shared


def test_plain_and_persona_share_the_whole_question() -> None:
    assert texts("plain")[1] == texts("persona")[1]


def test_self_alignment_shows_five_answered_questions_and_names_nobody() -> None:
    system, user = texts("P3")
    assert user.count("Your answer: 2. No") == 5
    assert system == texts("plain")[0]


def test_cross_culture_names_three_similar_and_three_different_cultures() -> None:
    system, _ = texts("P2")
    near, far = system.split("differs")
    assert [f"Adjective{at} culture" in near for at in range(6)] == [True, True, True, False, False, False]
    assert [f"Adjective{at} culture" in far for at in range(6)] == [False, False, False, True, True, True]


def test_a_group_without_an_adjective_is_named_by_its_name() -> None:
    union = Collective(id="union-2026", name="Dock workers' union")
    system, _ = texts("persona", Context(union))
    assert "a person who belongs to this group: Dock workers' union" in system


@pytest.mark.parametrize(
    ("adjective", "article", "expected"),
    [
        ("American", "", "an American"),
        ("Kenyan", "", "a Kenyan"),
        ("Ukrainian", "a", "a Ukrainian"),
        ("New Zealand", "", "a New Zealand"),
    ],
)
def test_articles(adjective: str, article: str, expected: str) -> None:
    one = Collective(id="70d70e2398d18263", name="70d70e2398d18263", adjective=adjective, article=article)
    assert one.member == f"a person with {expected} cultural background"


@pytest.mark.parametrize("paper", ["unaware", "P1", "p2", "P3", "P1+P3", "P2+P3"])
def test_the_papers_names_are_understood(paper: str) -> None:
    assert strategy(paper).paper.casefold() == paper.casefold()


def test_an_unknown_voice_lists_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="unknown voice 'persna': did you mean 'persona'"):
        strategy("persna")


@pytest.mark.parametrize(
    ("name", "context", "missing"),
    [
        ("persona", Context(), "needs a collective"),
        ("cross-culture", Context(KENYA), "compares with 6 other populations"),
        ("self-alignment", Context(KENYA), "needs answered questions"),
    ],
)
def test_what_a_strategy_lacks_is_said(name: str, context: Context, missing: str) -> None:
    with pytest.raises(UsageError, match=missing):
        strategy(name).messages(show(QUESTION), context)


def test_template_texts_are_frozen() -> None:
    """A text that was used is never edited: a new wording is a new file with the next version number."""
    assert {
        name: templates.template_hash(name) for name in sorted({s.system for s in STRATEGIES.values() if s.system})
    } == {
        "system_cross_culture.v1": "27e789af4f3890e4",
        "system_persona.v1": "b61efe60ee656c16",
        "system_plain.v1": "ceee74a1bb0134ed",
    }
    assert {name: templates.template_hash(name) for name in sorted({s.user for s in STRATEGIES.values()})} == {
        "user_demonstrations.v1": "70d70e2398d18263",
        "user_demonstrations_statements.v1": "94be95863212b7c5",
        "user_persona_last.v1": "0a8c08d4e8667ba2",
        "user_plain.v1": "07e8ea0684fe0b2a",
        "user_self_alignment.v1": "801ed2caf10d14b6",
    }


def test_demonstrations_are_laid_out_as_the_roadmap_laid_them_out() -> None:
    drawn = demonstrations("Q1", 0)
    system, user = texts("demonstrations", Context(examples=drawn))
    assert system == ""
    assert strategy("Roadmap").name == "demonstrations"
    *shown, item = user.split("\n\n ")
    assert item == "Do you trust your neighbours? A. Yes B. No \n Answer Choice:"
    for text, example in zip(shown, drawn, strict=True):
        options = " ".join(example.shown.labels)
        assert text == f"{example.shown.text} {options} \n Answer Choice:{example.answer}"
    assert [len(example.shown.labels) for example in drawn] == [3, 4, 5]


def test_demonstrations_are_answered_at_random_and_always_in_the_same_way() -> None:
    assert demonstrations("Q1", 0) == demonstrations("Q1", 0)
    every = [demonstrations(f"Q{at}", draw) for at in range(200) for draw in range(DRAWS)]
    for place, options in enumerate((3, 4, 5)):
        found = Counter(drawn[place].answer for drawn in every)
        assert sorted(found) == list("ABCDE"[:options])
        # 1000 draws: 6 standard deviations are less than 6 * sqrt(1000 / 4) = 95
        assert all(abs(count - 1000 / options) < 95 for count in found.values())


def test_statements_are_laid_out_as_the_roadmap_laid_out_the_inventory() -> None:
    """Lead-in and statement, a line that asks, five options a line of which the last three lack a space, the cue."""
    ratings = ("Very accurate", "Moderately accurate", "Neither", "Moderately inaccurate", "Very inaccurate")
    worry = Question(
        id="I1",
        text='Someone says of you: "You worry about things." How accurate is that?',
        options=tuple(Option(id=at, text=text) for at, text in enumerate(ratings, start=1)),
        scale=Scale.ORDINAL,
    )
    drawn = demonstrations("I1", 0, statements=True)
    [user] = strategy("MPI").messages(show(worry, labels=Labels.LETTER), Context(examples=drawn))
    *shown, item = user.content.split("\n\n\n\n ")
    assert item == (
        'Someone says of you: "You worry about things."\nHow accurate is that?\nA. Very accurate\n'
        "B. Moderately accurate\nC.Neither\nD.Moderately inaccurate\nE.Very inaccurate\nAnswer Choice:"
    )
    assert [text[-1] for text in shown] == [example.answer for example in drawn]
    assert all(text[:-1].endswith("\nE.Very inaccurate\nAnswer Choice:") for text in shown)
    for draw in range(DRAWS):
        answers = [example.answer for example in demonstrations("I1", draw, statements=True)]
        assert len(set(answers)) == 3
        assert set(answers) <= set("ABCDE")


def test_demonstrations_only_choose_and_only_by_letters() -> None:
    one = strategy("demonstrations")
    with pytest.raises(UsageError, match="add --labels letter"):
        one.messages(show(QUESTION), Context())
    with pytest.raises(UsageError, match="exact or samples"):
        one.messages(show(QUESTION, labels=Labels.LETTER), Context(), Task.STATE)


@pytest.mark.parametrize("name", STATING)
def test_every_strategy_can_ask_for_shares_and_for_words(name: str) -> None:
    one = STRATEGIES[name]
    system, shares = one.messages(show(QUESTION), FULL, Task.STATE)
    assert system.content == texts(name)[0]
    assert "Question: Do you trust your neighbours?\nAnswers:\n1. Yes\n2. No\n" in shares.content
    assert "one JSON object" in shares.content
    _, words = one.messages(show(QUESTION), FULL, Task.TELL)
    asked = words.content[words.content.rindex("Question: ") :]
    assert asked.startswith("Question: Do you trust your neighbours?\n")
    assert "1. Yes" not in asked, "in words of its own means without seeing the options"
    for user in (shares, words):
        assert ("Kenyan" in system.content + user.content) is one.names_collective
        assert (user.content.count("Your answer: 2. No") == 5) is one.needs_examples
    assert len(one.hashes_for((Task.CHOOSE, Task.STATE, Task.TELL))) == 4
