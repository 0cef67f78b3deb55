"""The interview as a state machine: whatever people do, it ends within its budget and loses nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pluralign.elicit import interview as talk
from pluralign.elicit.interview import QUESTIONS, STAGES, Interview, Stage, WrongMoveError

WORDS = st.text(min_size=1, max_size=60).filter(lambda text: bool(text.strip()))


class Talking(RuleBasedStateMachine):
    """Any person, any model: questions, answers, skips, stops, reloads."""

    def __init__(self) -> None:
        super().__init__()
        self.now = talk.begin(8)
        self.said: list[str] = []

    @precondition(lambda self: self.now.standing == "to_ask")
    @rule(text=st.one_of(st.just(""), WORDS))
    def ask(self, text: str) -> None:
        self.now = talk.ask(self.now, text)

    @precondition(lambda self: self.now.standing == "asked")
    @rule(text=WORDS, follow_up=st.booleans())
    def answer(self, text: str, follow_up: bool) -> None:
        self.now = talk.answer(self.now, text, follow_up=follow_up)
        self.said.append(text.strip())

    @precondition(lambda self: self.now.standing == "asked")
    @rule()
    def skip(self) -> None:
        self.now = talk.skip(self.now)

    @rule()
    def reload(self) -> None:
        self.now = Interview.model_validate_json(self.now.model_dump_json())

    @precondition(lambda self: self.now.turns)
    @rule()
    def enough(self) -> None:
        self.now = talk.enough(self.now)

    @precondition(lambda self: self.now.standing != "asked")
    @rule(text=WORDS)
    def answering_what_was_not_asked_is_refused(self, text: str) -> None:
        with pytest.raises(WrongMoveError):
            talk.answer(self.now, text)
        with pytest.raises(WrongMoveError):
            talk.skip(self.now)

    @precondition(lambda self: self.now.standing != "to_ask")
    @rule()
    def asking_twice_is_refused(self) -> None:
        with pytest.raises(WrongMoveError):
            talk.ask(self.now)

    @invariant()
    def nothing_said_is_lost(self) -> None:
        assert [turn.answer for turn in self.now.answers] == self.said

    @invariant()
    def it_stays_within_its_budget(self) -> None:
        assert 0 <= len(self.now.turns) <= self.now.budget
        assert all(self.now.asked_in(stage) <= talk.MOST_PER_STAGE for stage in STAGES)

    @invariant()
    def stages_only_go_forward(self) -> None:
        order = [STAGES.index(turn.stage) for turn in self.now.turns]
        assert order == sorted(order)

    @invariant()
    def it_is_in_one_standing(self) -> None:
        assert self.now.standing in {"to_ask", "asked", "finished"}
        assert (self.now.pending is not None) == (self.now.standing == "asked")
        if self.now.finished:
            assert talk.enough(self.now) == self.now


TestTalking = Talking.TestCase
TestTalking.settings = settings(max_examples=60, stateful_step_count=25)


def everything_answered(budget: int, *, follow_up: bool) -> Interview:
    now = talk.begin(budget)
    while not now.finished:
        now = talk.answer(talk.ask(now), "Something I said.", follow_up=follow_up)
    return now


@given(budget=st.integers(0, 30), follow_up=st.booleans())
def test_it_always_ends_and_asks_for_the_list(budget: int, follow_up: bool) -> None:
    done = everything_answered(budget, follow_up=follow_up)
    assert len(done.turns) <= max(budget, talk.LEAST_BUDGET)
    assert done.turns[-1].stage is Stage.LIST
    assert done.turns[0].stage is Stage.MOMENT


def test_a_small_budget_leaves_the_middle_out_and_a_large_one_allows_follow_ups() -> None:
    assert [turn.stage for turn in everything_answered(3, follow_up=False).turns] == [
        Stage.MOMENT,
        Stage.NOTICED,
        Stage.LIST,
    ]
    assert [turn.stage for turn in everything_answered(6, follow_up=False).turns] == list(STAGES)
    # Eight questions for six stages: two follow-ups, and every stage has its question.
    eight = everything_answered(8, follow_up=True)
    assert len(eight.turns) == 8
    assert {turn.stage for turn in eight.turns} == set(STAGES)
    assert len(everything_answered(30, follow_up=True).turns) == 2 * len(STAGES)


def test_blank_and_endless_answers_are_refused_whole() -> None:
    asked = talk.ask(talk.begin(6))
    with pytest.raises(ValueError, match="blank"):
        talk.answer(asked, " \n")
    with pytest.raises(ValueError, match="4000 characters, not 4001"):
        talk.answer(asked, "x" * 4001)
    assert asked.standing == "asked"


def test_a_state_that_somebody_tampered_with_is_refused() -> None:
    with pytest.raises(ValueError, match="passed over"):
        Interview.model_validate(
            {"budget": 6, "turns": [{"stage": "moment"}, {"stage": "noticed", "answer": "Their faces"}]}
        )
    with pytest.raises(ValueError, match="allowed"):
        Interview.model_validate({"budget": 3, "turns": [{"stage": "moment", "answer": "x"}] * 4})


def test_every_stage_has_a_question_that_is_one_question() -> None:
    assert set(QUESTIONS) == set(STAGES)
    for stage, fixed in QUESTIONS.items():
        assert fixed.text.count("?") == 1, stage
        assert fixed.hint
