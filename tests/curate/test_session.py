"""Tasks are asked once, read strictly, asked again a few times, and never fatal."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pluralign.core.chat import Message
from pluralign.core.errors import InterruptedRunError, ModelError
from pluralign.curate.recipe import Recipe, Sampling
from pluralign.curate.replies import json_object, some_text
from pluralign.curate.session import CapReachedError, Progress, Session, Usage
from pluralign.curate.work import Status, Task
from pluralign.engines.base import ChatRequest, Completion, ScoreRequest
from pluralign.engines.scripted import ScriptedEngine
from pluralign.store.answers import AnswerStore
from tests.curate.small import Asked, engine, small

_OPEN: list[AnswerStore] = []


def store(path: Path) -> AnswerStore:
    """The store of a run whose earlier attempts are over."""
    while _OPEN:
        _OPEN.pop().close()
    _OPEN.append(AnswerStore(path / "answers.sqlite"))
    return _OPEN[-1]


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while _OPEN:
        _OPEN.pop().close()


def session(path: Path, engine: ScriptedEngine, recipe: Recipe | None = None, **more: Any) -> Session:
    return Session(recipe or small(batch=2), {"model": engine}, store(path), **more)


def task(name: str, **more: Any) -> Task[Any]:
    fields: dict[str, Any] = {"stage": "say", "read": some_text, "sample": "well"}
    return Task(id=name, messages=(Message("user", f"Say {name}."),), **(fields | more))


def speaking(speak: Callable[[ChatRequest], str]) -> ScriptedEngine:
    return ScriptedEngine(speaker=speak)


def test_outcomes_come_in_order_and_are_asked_for_once(tmp_path: Path) -> None:
    model = speaking(lambda request: request.messages[0].content)
    tasks = [task(name) for name in "edcba"]
    seen: list[Progress] = []
    first = session(tmp_path, model, total=5, on_progress=seen.append).ask(tasks)
    assert [one.value for one in first] == [f"Say {name}." for name in "edcba"]
    assert [len(call) for call in model.said] == [2, 2, 1]
    assert (seen[0].done, seen[-1]) == (0, Progress(5, 5))
    again = session(tmp_path, model)
    assert [one.value for one in again.ask(tasks)] == [one.value for one in first]
    assert len(model.said) == 3, "the second run asked nothing"
    assert again.usage["model"].calls == 5, "what an earlier attempt spent counts"
    assert again.computed == 0


def test_each_task_has_a_draw_of_its_own_that_does_not_depend_on_the_others(tmp_path: Path) -> None:
    model = speaking(lambda request: f"seed {request.seed}")
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    (b,) = session(tmp_path / "a", model).ask([task("b")])
    found = session(tmp_path / "b", model).ask([task("a"), task("b"), task("c")])
    assert found[1].value == b.value
    assert len({one.value for one in found}) == 3
    greedy = session(tmp_path / "b", model).ask([task("x", sampling=Sampling(temperature=0))])
    assert greedy[0].value == "seed 0"


def test_a_reply_that_cannot_be_read_is_asked_for_again_with_another_seed(tmp_path: Path) -> None:
    seeds: list[int] = []

    def speak(request: ChatRequest) -> str:
        seeds.append(request.seed)
        return '{"question": "Why?"}' if len(seeds) == 3 else '{"questions": []}'

    one = session(tmp_path, speaking(speak), small(retries=3))
    (outcome,) = one.ask([task("json", read=json_object(Asked))])
    assert outcome.value == Asked(question="Why?")
    assert outcome.attempts == 3
    assert len(set(seeds)) == 3
    assert one.retries == {"say": 2}


def test_retries_are_capped_and_the_last_reply_is_kept_for_people(tmp_path: Path) -> None:
    model = speaking(lambda _: "no JSON")
    (outcome,) = session(tmp_path, model, small(retries=2)).ask([task("json", read=json_object(Asked))])
    assert len(model.said) == 3
    assert (outcome.status, outcome.value, outcome.reply) == (Status.UNREADABLE, None, "no JSON")
    drop = outcome.dropped(("topic:tea",))
    assert drop[:3] == ("json", "say", "unreadable")
    assert "not JSON" in drop.detail


def test_a_greedy_reply_is_not_asked_for_again(tmp_path: Path) -> None:
    model = speaking(lambda _: "no JSON")
    session(tmp_path, model).ask([task("json", read=json_object(Asked), sampling=Sampling(temperature=0))])
    assert len(model.said) == 1


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({}, Status.REFUSED),
        ({"may_decline": True}, Status.OK),
        ({"read": json_object(Asked)}, Status.REFUSED),
    ],
)
def test_a_refusal_is_an_outcome(tmp_path: Path, more: dict[str, Any], status: Status) -> None:
    model = speaking(lambda _: "I'm sorry, but I cannot help with that.")
    outcomes = session(tmp_path, model).ask([task("a", **more), task("b", **more)])
    assert [one.status for one in outcomes] == [status, status]
    assert len(model.said) == 1, "a refusal is not asked for again"


def test_a_reply_cut_short_counts_only_where_it_may(tmp_path: Path) -> None:
    model = speaking(lambda _: "One two. Three four. Five six.")
    short = Sampling(max_tokens=5)
    cut, allowed = session(tmp_path, model, small(retries=0)).ask(
        [task("a", sampling=short), task("b", sampling=short, may_be_cut=True)]
    )
    assert (cut.status, allowed.value) == (Status.CUT, "One two. Three four.")


class _Choosy(ScriptedEngine):
    """Cannot take some requests."""

    def chat(self, requests: Any) -> list[Completion]:
        if any("long" in request.messages[0].content for request in requests):
            raise ModelError("too long for this model")
        return super().chat(requests)


def test_a_request_that_the_model_cannot_take_marks_one_task(tmp_path: Path) -> None:
    model = _Choosy(speaker=lambda _: "yes")
    outcomes = session(tmp_path, model).ask([task("a"), task("long"), task("b")])
    assert [one.status for one in outcomes] == [Status.OK, Status.FAILED, Status.OK]
    assert (outcomes[1].detail, outcomes[1].reply) == ("too long for this model", "")


def test_a_model_that_takes_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="too long"):
        session(tmp_path, _Choosy(speaker=lambda _: "yes")).ask([task("long 1"), task("long 2")])
    with pytest.raises(ModelError, match="too long"):
        session(tmp_path, _Choosy(speaker=lambda _: "yes"), small(batch=1)).ask([task("long 3")])


@pytest.mark.parametrize(
    ("caps", "answered", "named"),
    [
        ({"calls": 5}, 4, "the cap of 5 calls.*--max-calls"),
        # A prompt of a few tokens and a reply of at most 60: two calls might take 126, four 252 once one has 2 each.
        ({"tokens": 140}, 4, "the cap of 140 tokens.*--max-tokens"),
        # 1 per token of reply: two calls at most 120, and two words each once they are answered.
        ({"cost": 125.0}, 4, "the cap of 125 in cost.*--max-cost"),
    ],
)
def test_a_cap_stops_before_it_is_passed_and_keeps_what_was_answered(
    tmp_path: Path, caps: dict[str, float], answered: int, named: str
) -> None:
    model = speaking(lambda _: "well said")
    tasks = [task(name, sampling=Sampling(max_tokens=60)) for name in "abcdef"]
    prices = {"scripted": {"output": 1e6}}
    with pytest.raises(CapReachedError, match=named):
        session(tmp_path, model, small(batch=2, caps=caps, prices=prices)).ask(tasks)
    assert len(store(tmp_path)) == answered
    free = session(tmp_path, model, small(batch=2))
    free.ask(tasks)
    assert free.computed == 6 - answered


def test_two_roles_are_asked_by_their_own_engines(tmp_path: Path) -> None:
    first, second = speaking(lambda _: "first"), ScriptedEngine(speaker=lambda _: "second", version="2")
    both = Session(small(judge="other"), {"model": first, "judge": second}, store(tmp_path))
    outcomes = both.ask([task("a"), task("a", role="judge"), task("b")])
    assert [one.value for one in outcomes] == ["first", "second", "first"]
    assert (both.usage["model"].calls, both.usage["judge"].calls) == (2, 1)


def test_scores_are_stored_like_replies(tmp_path: Path) -> None:
    model = engine()
    requests = [ScoreRequest((Message("user", f"{name}? A or B"),), (("A",), ("B",))) for name in ("one", "two", "one")]
    first = session(tmp_path, model).score(requests, stage="judge")
    assert first[0] == first[2]
    assert sum(map(len, model.scored)) == 2
    again = session(tmp_path, model)
    assert again.score(requests, stage="judge") == first
    assert sum(map(len, model.scored)) == 2
    assert again.usage["model"] == Usage(2, 2 * first[0].prompt_tokens, 2)
    with pytest.raises(ModelError, match="another way of judging"):
        session(tmp_path, speaking(lambda _: "x")).score(requests, stage="judge")


def test_a_failing_server_interrupts_and_keeps(tmp_path: Path) -> None:
    class Falling(ScriptedEngine):
        def chat(self, requests: Any) -> list[Completion]:
            if len(self.said) == 1:
                raise InterruptedRunError("the server no longer answers")
            return super().chat(requests)

    with pytest.raises(InterruptedRunError, match="no longer answers"):
        session(tmp_path, Falling(speaker=lambda _: "yes")).ask([task(name) for name in "abcd"])
    assert len(store(tmp_path)) == 2


def test_strict_json() -> None:
    read = json_object(Asked)
    assert read('```json\n{"question": "Why?"}\n```') == read(' {"question": "Why?"} ') == Asked(question="Why?")
    for bad in ('Sure: {"question": "Why?"}', '{"question": 1}', json.dumps([]), '{"question": "a", "x": 1}', ""):
        with pytest.raises(ValueError, match="JSON"):
            read(bad)
