"""The scripted engine: what it answers, what it remembers, and how it says no."""

import math

import pytest

from pluralign.core.chat import Message
from pluralign.core.errors import ModelError, UnknownNameError
from pluralign.engines.base import ChatRequest, Engine, ScoreRequest
from pluralign.engines.open import open_engine
from pluralign.engines.scripted import RULES, ScriptedEngine, listed_order

OPTIONS = (("1", " 1"), ("2",), ("3",), ("10",))


def ask(text: str = "Which?", options: tuple[tuple[str, ...], ...] = OPTIONS) -> ScoreRequest:
    return ScoreRequest((Message("user", text),), options)


def shares(rule: str, request: ScoreRequest) -> list[float]:
    return [math.exp(value) for value in open_engine(f"scripted:{rule}").score([request])[0].logprobs]


def test_the_rules_do_what_they_say() -> None:
    assert shares("uniform", ask()) == pytest.approx([0.25] * 4)
    assert shares("first", ask()) == [1, 0, 0, 0]
    assert shares("middle", ask()) == [0, 0.5, 0.5, 0]
    assert shares("middle", ask(options=OPTIONS[:3])) == [0, 1, 0]


def test_hash_depends_on_the_words_alone() -> None:
    once = shares("hash", ask())
    assert once == shares("hash", ask())
    assert once != shares("hash", ask("Which one?"))
    assert math.fsum(once) == pytest.approx(0.9)
    assert shares("hash", ask(options=OPTIONS[::-1]))[::-1] == pytest.approx(once)


def test_a_form_that_begins_another_has_its_probability_too() -> None:
    engine = ScriptedEngine.from_table({"": [0.4, 0.2, 0.0, 0.3]})
    forms = engine.score([ask()])[0].forms
    # "1" has half of its option's 0.4, and everything that begins with "10" begins with "1".
    assert math.exp(forms[0][0]) == pytest.approx(0.4 / 2 + 0.3)
    assert math.exp(forms[0][1]) == pytest.approx(0.4 / 2)
    assert forms[2] == (-math.inf,)


def test_a_table_answers_by_the_first_entry_that_occurs() -> None:
    engine = ScriptedEngine.from_table({"tea": [1, 0], "coffee": [0, 1]}, {"tea": "Tea, please."})
    yes_no = (("yes",), ("no",))
    assert engine.score([ask("coffee?", yes_no), ask("coffee or tea?", yes_no)])[0].logprobs == (-math.inf, 0.0)
    assert engine.chat([ChatRequest((Message("user", "Some tea?"),))])[0].text == "Tea, please."
    with pytest.raises(ModelError, match="no entry for"):
        engine.score([ask("water?", yes_no)])
    assert [len(call) for call in engine.scored] == [2, 1]
    assert len(engine.said) == 1


def test_numbers_that_are_no_probabilities_are_refused() -> None:
    with pytest.raises(ModelError, match="more than one"):
        ScriptedEngine(lambda _: [0.0, 0.0]).score([ask(options=OPTIONS[:2])])
    with pytest.raises(ModelError, match="scored 1 of 2 options"):
        ScriptedEngine(lambda _: [0.0]).score([ask(options=OPTIONS[:2])])
    with pytest.raises(ModelError, match="no speaker"):
        ScriptedEngine(lambda _: [0.0]).chat([ChatRequest((Message("user", "Hello"),))])
    with pytest.raises(ModelError, match="no scorer"):
        ScriptedEngine(speaker=lambda _: "Hello").score([ask()])


def test_unknown_rules_name_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="scripted:uniform"):
        open_engine("scripted:unifrom")


@pytest.mark.parametrize("rule", RULES)
def test_in_a_chat_they_reply_with_a_listed_label(rule: str) -> None:
    engine = open_engine(f"scripted:{rule}")
    text = "Which?\n1. Tea\n2. Coffee\n3. Water"
    requests = [ChatRequest((Message("user", text),), temperature=1.0, seed=seed) for seed in range(40)]
    replies = [completion.text for completion in engine.chat(requests)]
    assert set(replies) <= {"1", "2", "3"}
    assert replies == [completion.text for completion in engine.chat(requests)]
    assert len(set(replies)) == {"uniform": 3, "hash": 3, "first": 1, "middle": 1}[rule]
    greedy = engine.chat([ChatRequest((Message("user", text),), seed=seed) for seed in range(5)])
    assert len({completion.text for completion in greedy}) == 1


def test_replies_stop_where_they_should_and_stream_in_pieces() -> None:
    engine = ScriptedEngine(speaker=lambda _: "one two three. four")
    hello = (Message("user", "Hello"),)
    cut = engine.chat([ChatRequest(hello, max_tokens=2)])[0]
    assert (cut.text, cut.finish, cut.completion_tokens) == ("one two", "length", 2)
    stopped = engine.chat([ChatRequest(hello, stop=(".",))])[0]
    assert (stopped.text, stopped.finish) == ("one two three", "stop")
    assert "".join(engine.stream(ChatRequest(hello))) == "one two three. four"


def test_the_plan_counts_words_and_shared_beginnings() -> None:
    engine = open_engine("scripted:uniform")
    assert isinstance(engine, Engine)
    # "user:" and four words each; the first three words and "user:" are shared.
    plan = engine.plan(
        [ask("the same beginning here"), ask("the same beginning there"), ask("the same beginning here")]
    )
    assert (plan.prompt_tokens, plan.unique_tokens, plan.computed_tokens) == (15, 6, 6)
    assert sorted(plan.batches[0]) == [0, 1, 2]
    assert plan.keys[0] == plan.keys[2] != plan.keys[1]


@pytest.mark.parametrize(
    ("listing", "options", "order"),
    [
        ("\n1. Agree\n2. Disagree", (("2",), ("1",)), [1, 0]),
        ("\n- Disagree\n- Agree", (("Agree", " Agree"), ("Disagree", " Disagree")), [1, 0]),
        ("\nAnswers: 10 5 1", (("1", " 1"), ("5", " 5"), ("10", " 10")), [2, 1, 0]),
        ("\n(b) No\n(a) Yes", (("a",), ("b",)), [1, 0]),
        ("", (("a",), ("b",)), [0, 1]),
    ],
    ids=["numbers", "wordings", "one line", "letters", "not listed"],
)
def test_first_is_what_stands_first_on_the_page(
    listing: str, options: tuple[tuple[str, ...], ...], order: list[int]
) -> None:
    request = ask("What is a good answer in 1 word?" + listing, options)
    assert listed_order(request) == order
    assert shares("first", request)[order[0]] == 1
