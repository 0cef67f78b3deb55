"""Interviewing by a model: whatever it says, the person gets one question that neither leads nor repeats."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluralign.elicit import interview as talk
from pluralign.elicit.conduct import alike, guarded, judge, question_request, wants_follow_up
from pluralign.elicit.interview import STAGES, Stage
from pluralign.engines.scripted import ScriptedEngine

FIXED = "What did you look out for?"
FRESH = talk.begin(8)


def heard(text: str, *, size: int = 3, interview: talk.Interview = FRESH) -> str:
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    return "".join(guarded(pieces, interview, FIXED))


def test_one_question_comes_through_as_it_was_worded() -> None:
    assert heard("Thank you for telling me. What made you stop there?") == (
        "Thank you for telling me. What made you stop there?"
    )


@pytest.mark.parametrize(
    ("said", "comes_through"),
    [
        ("What did you see? And how did it feel? And why?", "What did you see?"),
        ("Don't you think honesty matters most?", FIXED),
        ("Surely that was kind, right?", FIXED),
        ("¿No crees que fue lo correcto?", FIXED),
        ("ألا تعتقد أن هذا صحيح؟", FIXED),
        ("¿Qué notaste en ese momento?", "¿Qué notaste en ese momento?"),
        ("ما الذي لاحظته في تلك اللحظة؟", "ما الذي لاحظته في تلك اللحظة؟"),
        ("When I was young I did the same. What did you notice?", "What did you notice?"),
        ("That is all.", "That is all. " + FIXED),
        ("", FIXED),
        ("One. Two. Three. Four. What now?", "One. What now?"),
        ("A lecture " * 20 + "ends. What now?", "What now?"),
        ("word " * 400, FIXED),
        ("no end of a sentence", "no end of a sentence " + FIXED),
    ],
)
def test_what_comes_through(said: str, comes_through: str) -> None:
    assert heard(said) == comes_through


def test_a_question_that_was_asked_before_is_replaced() -> None:
    asked = talk.answer(talk.ask(FRESH, "What did you notice in that moment?"), "Her face.")
    assert heard("What did you notice in that very moment?", interview=asked) == FIXED
    assert heard("What became possible after that?", interview=asked) == "What became possible after that?"


@given(text=st.text(alphabet="ab ?.!\n؟", max_size=200), size=st.integers(1, 9))
def test_anything_a_model_says_ends_in_one_question_however_it_is_cut(text: str, size: int) -> None:
    result = heard(text, size=size)
    assert result == heard(text, size=200), "pieces make no difference"
    assert re.search(r"[?؟][.!?؟\s]*$", result)
    assert len(re.findall(r"[?؟][.!?؟\s]*", result)) == 1


def test_nothing_is_held_back_longer_than_a_sentence() -> None:
    given_out: list[str] = []

    def model() -> Iterator[str]:
        yield "I see. "
        yield "What "
        given_out.append("after two pieces")
        yield "then?"

    parts = guarded(model(), FRESH, FIXED)
    assert next(parts) == "I see. "
    assert given_out == []
    assert list(parts) == ["What then?"]


def test_an_error_of_the_model_comes_through_to_the_caller() -> None:
    def broken() -> Iterator[str]:
        yield "What "
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        list(guarded(broken(), FRESH, FIXED))


@pytest.mark.parametrize("stage", STAGES)
def test_the_model_is_told_the_question_the_stage_and_the_language(stage: Stage) -> None:
    interview = talk.Interview(
        budget=8, stage=stage, turns=(talk.Turn(stage=Stage.MOMENT, question="What happened?", answer="I waited."),)
    )
    conduct = question_request(interview, "How to use the lot?", "Spanish")
    system = conduct.request.messages[0].content
    assert "How to use the lot?" in system
    assert "Spanish" in system
    assert "exactly one question" in system
    assert [message.role for message in conduct.request.messages] == ["system", "assistant", "user"]
    assert conduct.prompt_hash == question_request(FRESH, "Other", "Arabic").prompt_hash


def test_it_works_with_an_engine() -> None:
    engine = ScriptedEngine(speaker=lambda _: "What did you notice? And why?")
    asked = "".join(guarded(engine.stream(question_request(FRESH, "The lot", "English").request), FRESH, FIXED))
    assert asked == "What did you notice?"


def test_short_answers_are_worth_a_follow_up_but_never_a_list() -> None:
    assert wants_follow_up(Stage.NOTICED, "Her face")
    assert not wants_follow_up(Stage.NOTICED, "Her face, and that nobody else was looking at it")
    assert not wants_follow_up(Stage.LIST, "Faces")


def test_alike_counts_words_in_common() -> None:
    assert alike("What did you see?", "what did YOU see") == 1
    assert alike("a b c d", "a b x y") == 0.5
    assert alike("", "a") == 0
    assert judge("Tell me more.", FRESH) == "statement"
