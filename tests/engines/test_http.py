"""Servers of every kind: what they can do, what comes back, and what is said when they fail."""

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

pytest.importorskip("openai")

from pluralign.core.chat import Message
from pluralign.core.errors import InterruptedRunError, ModelError
from pluralign.engines.base import ChatRequest, Engine, ScoreRequest
from pluralign.engines.http import HttpEngine, address, open_http
from pluralign.engines.http_bodies import OPENAI
from pluralign.engines.live import End
from pluralign.engines.open import open_engine
from pluralign.poll import run
from pluralign.poll.study import Study
from tests.engines.fake_server import FakeServer, refused, serving, truth

LABELS = (("1", " 1"), ("2", " 2"), ("3",), ("10",))
TEXTS = (("Agree",), ("Agree strongly",), ("Disagree",), ("Disagree strongly", "Somewhat disagree"))
# Ask again at once; the client's own waits are half a second and more.
AT_ONCE = {"retry-after-ms": "5"}
BUSY = (429, AT_ONCE, {"error": {"message": "Rate limit reached.", "code": "rate_limit_exceeded"}})
BROKEN = (500, AT_ONCE, {"error": {"message": "The engine is on fire."}})

REPLIES = {"vllm": "/v1/completions", "hosted": "/v1/chat/completions"}

Opened = Callable[..., HttpEngine]


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Opens engines, and closes them before their servers."""
    with ExitStack() as stack:

        def opening(server: FakeServer, *, name: str | None = None, **arguments: object) -> HttpEngine:
            stack.enter_context(serving(server))
            engine = open_http(name or f"http:tiny@{server.url}", **arguments)  # type: ignore[arg-type]
            stack.callback(engine.close)
            server.asked.clear()
            return engine

        yield opening


def question(options: tuple[tuple[str, ...], ...] = LABELS, text: str = "Is family important?") -> ScoreRequest:
    return ScoreRequest((Message("user", text),), options)


def questions(count: int) -> list[ScoreRequest]:
    return [question(text=f"Is number {at} important?") for at in range(count)]


def chat(text: str = "Is family important?", **arguments: object) -> ChatRequest:
    return ChatRequest((Message("user", text),), **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "model", "base_url"),
    [
        ("http:gpt-4o-mini", "gpt-4o-mini", OPENAI),
        ("http:llama3:8b@http://127.0.0.1:11434/v1", "llama3:8b", "http://127.0.0.1:11434/v1"),
        ("http:llama3@http://127.0.0.1:11434", "llama3", "http://127.0.0.1:11434/v1"),
        ("http:org/model@https://host/openai/v1/", "org/model", "https://host/openai/v1"),
        ("http:@cf/meta/llama@https://host/v1", "@cf/meta/llama", "https://host/v1"),
        ("http:claude@001", "claude@001", OPENAI),
        ("http://127.0.0.1:8000/v1", None, "http://127.0.0.1:8000/v1"),
        ("https://host", None, "https://host/v1"),
    ],
)
def test_names_of_models_behind_servers(name: str, model: str | None, base_url: str) -> None:
    assert address(name) == (model, base_url)


@pytest.mark.parametrize(
    "name", ["http:", "http:x@http://", "http:x@https://me:secret@host/v1", "https://host/v1?key=1"]
)
def test_names_that_mean_nothing_are_refused_and_no_secret_is_repeated(name: str) -> None:
    with pytest.raises(ModelError, match=r"base URL|BASE_URL") as caught:
        address(name)
    assert "secret" not in str(caught.value)


def test_the_default_server_needs_a_key() -> None:
    with pytest.raises(ModelError, match="needs an API key"):
        open_engine("http:gpt-4o-mini")


@pytest.mark.parametrize(
    ("kind", "scores", "top"),
    [("vllm", "exact", None), ("hosted", "top_k", 20), ("silent", "none", None), ("reasoning", "none", None)],
)
def test_what_a_server_can_do_is_asked_once_and_told(opened: Opened, kind: str, scores: str, top: int | None) -> None:
    engine = opened(FakeServer(kind))
    assert isinstance(engine, Engine)
    assert engine.can.option_scores == scores
    described = engine.describe()
    assert described["option_scores"] == scores
    assert described["top_logprobs"] == top
    assert described["served"] == "/models/tiny"
    assert described == engine.describe()
    assert engine.server.model == "tiny"


def test_a_server_that_lists_fewer_tokens_is_asked_for_fewer(opened: Opened) -> None:
    server = FakeServer("hosted", top=5)
    engine = opened(server)
    assert engine.describe()["top_logprobs"] == 5
    engine.score([question()])
    assert [body["top_logprobs"] for body in server.asked_for("/v1/chat/completions")] == [5]


def test_a_server_with_one_model_is_named_by_its_address(opened: Opened) -> None:
    server = FakeServer("hosted", model="the-only-one")
    engine = opened(server, name=server.url)
    assert engine.describe()["model"] == "the-only-one"
    assert engine.chat([chat()])[0].text


@pytest.mark.parametrize("kind", ["vllm", "hosted"])
def test_opening_by_name(kind: str) -> None:
    with serving(FakeServer(kind, key="right")) as server:
        engine = open_engine(f"http:tiny@{server.url}", api_key="right", concurrency=2, timeout=5)
        assert isinstance(engine, HttpEngine)
        assert len(engine.score(questions(3))) == 3
        assert "right" not in str(engine.describe())
        engine.close()


# Exact scores.


def test_questions_share_requests_and_name_every_token_of_their_options(opened: Opened) -> None:
    server = FakeServer("vllm")
    engine = opened(server)
    asked = [*questions(20), *(question(TEXTS, f"Is number {at} important?") for at in range(5))]
    for request, scores in zip(asked, engine.score(asked), strict=True):
        assert scores.logprobs == pytest.approx(truth(server, request), abs=1e-9)
        assert scores.low is scores.high is None
    bodies = server.asked_for("/v1/completions")
    prompts = sum(len(body["prompt"]) for body in bodies)
    assert prompts > len(asked), "options of several tokens take several prompts"
    assert len(bodies) == -(-prompts // 16)


def test_the_same_options_are_tokenised_once(opened: Opened) -> None:
    server = FakeServer("vllm")
    engine = opened(server)
    engine.plan(questions(5))
    before = len(server.asked_for("/tokenize"))
    # Five prompts, the cue by itself, and the cue with six forms.
    assert before == 5 + 1 + 6
    engine.score(questions(5))
    assert len(server.asked_for("/tokenize")) == before


def test_more_tokens_than_a_request_may_name_take_several(opened: Opened) -> None:
    server = FakeServer("vllm")
    engine = opened(server)
    letters = [chr(code) for code in range(33, 127)]
    many = question((*((letter,) for letter in letters), ("—", "Dis", " is", " strongly")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pluralign.engines.http_exact.CHOSEN", 40)
        patch.setattr("pluralign.engines.http_exact.PROMPTS", 2)
        [scores] = engine.score([many])
    assert scores.logprobs == pytest.approx(truth(server, many), abs=1e-9)
    assert all(len(body["logprob_token_ids"]) <= 40 for body in server.asked_for("/v1/completions"))


def test_a_tokenizer_that_reads_no_special_tokens_is_asked_about_options_by_themselves(opened: Opened) -> None:
    server = FakeServer("vllm")
    server.reads_special_tokens = False
    engine = opened(server)
    assert engine.describe()["option_tokens"] == "apart"
    one = question((("1",), ("2",)))
    assert engine.score([one])[0].logprobs == pytest.approx(truth(server, one), abs=1e-9)


def test_a_server_that_gives_logits_is_told_apart() -> None:
    server = FakeServer("vllm")
    given = server._chosen

    def shifted(body: dict[str, object]) -> dict[str, object]:
        answer = given(body)
        for choice in answer["choices"]:
            [top] = choice["logprobs"]["top_logprobs"]
            top.update({token: value + 30 for token, value in top.items()})
        return answer

    server._chosen = shifted  # type: ignore[method-assign]
    with serving(server), pytest.raises(ModelError, match="no log-probabilities"):
        open_http(f"http:tiny@{server.url}")


# Likeliest tokens.


@pytest.mark.parametrize("top", [20, 5])
@pytest.mark.parametrize("options", [LABELS, TEXTS], ids=["labels", "texts"])
def test_the_truth_lies_between_the_bounds(opened: Opened, top: int, options: tuple[tuple[str, ...], ...]) -> None:
    server = FakeServer("hosted", top=top)
    engine = opened(server)
    asked = [question(options, f"Is number {at} important?") for at in range(60)]
    open_ended = 0
    for request, scores in zip(asked, engine.score(asked), strict=True):
        assert scores.low is not None
        assert scores.high is not None
        assert scores.logprobs == scores.low
        assert math.fsum(map(math.exp, scores.low)) <= 1 + 1e-9
        for low, exact, high in zip(scores.low, truth(server, request), scores.high, strict=True):
            assert low - 1e-9 <= exact <= high + 1e-9
            open_ended += high > low
    assert open_ended, "every option was listed: nothing was tested"


def test_plan_and_keys_without_a_tokenizer(opened: Opened) -> None:
    server = FakeServer("hosted")
    engine = opened(server, concurrency=2)
    asked = [*questions(70), *questions(70)]
    plan = engine.plan(asked)
    assert not server.asked, "planning costs nothing"
    assert plan == engine.plan(asked)
    assert plan.keys[:70] == plan.keys[70:]
    assert len(set(plan.keys)) == 70
    assert sorted(at for batch in plan.batches for at in batch) == list(range(140))
    assert max(map(len, plan.batches)) == 64
    assert 0 < plan.unique_tokens <= plan.computed_tokens == plan.prompt_tokens
    other = open_http(f"http:tiny@{server.url}")
    assert other.plan(asked).keys == plan.keys
    other.close()


def test_a_reply_that_must_begin_with_something_is_refused(opened: Opened) -> None:
    engine = opened(FakeServer("hosted"))
    with pytest.raises(ModelError, match="cannot be made to begin"):
        engine.score([ScoreRequest((Message("user", "?"),), LABELS, "I choose")])


def test_a_server_without_log_probabilities_says_so(opened: Opened) -> None:
    engine = opened(FakeServer("silent"))
    with pytest.raises(ModelError, match="samples"):
        engine.score([question()])
    assert engine.score([]) == []


def test_a_model_that_thinks_first_is_given_what_it_understands(opened: Opened) -> None:
    server = FakeServer("reasoning")
    engine = opened(server)
    assert engine.chat([chat()])[0].text
    [body] = server.asked_for("/v1/chat/completions")
    assert body["max_completion_tokens"] == 256


# Replies.


def test_replies_stand_in_the_order_of_the_requests(opened: Opened) -> None:
    server = FakeServer("hosted")
    engine = opened(server, concurrency=4)
    asked = [chat(f"Is number {at} important?", temperature=1.0, seed=at) for at in range(20)]
    together = engine.chat(asked)
    assert together == [engine.chat([request])[0] for request in asked]
    assert len({reply.text for reply in together}) > 10


def test_no_more_than_so_many_requests_are_under_way(opened: Opened) -> None:
    server = FakeServer("hosted")
    engine = opened(server, concurrency=3)
    gates = [threading.Event() for _ in range(3)]
    server.faults.extend(gates)

    def open_gates() -> None:
        for gate in gates:
            gate.set()

    release = threading.Timer(0.3, open_gates)
    release.start()
    engine.chat([chat(str(at)) for at in range(12)])
    release.join()
    assert server.busiest == 3


def _answer(message: dict[str, object], reason: str) -> tuple[int, dict[str, str], dict[str, object]]:
    return 200, {}, {"choices": [{"index": 0, "message": message, "finish_reason": reason}], "usage": None}


def test_refusals_are_counted_as_refusals(opened: Opened) -> None:
    server = FakeServer("hosted")
    engine = opened(server, concurrency=1)
    status, body = refused(400, "The prompt was filtered.", "content_filter")
    server.faults.extend(
        [
            _answer({"content": None, "refusal": "I cannot say."}, "stop"),
            _answer({"content": "Well"}, "content_filter"),
            (status, {}, body),
        ]
    )
    replies = engine.chat([chat(str(at)) for at in range(4)])
    assert [reply.finish for reply in replies[:3]] == ["refused", "refused", "refused"]
    assert [reply.text for reply in replies[:3]] == ["I cannot say.", "Well", ""]
    assert replies[3].finish != "refused"


def test_a_reply_in_parts(opened: Opened) -> None:
    server = FakeServer("hosted")
    engine = opened(server)
    parts = [{"type": "thinking", "thinking": []}, {"type": "text", "text": "Yes"}, {"type": "text", "text": "."}]
    server.faults.append(_answer({"content": parts}, "stop"))
    assert engine.chat([chat()])[0].text == "Yes."


def test_of_a_question_that_was_refused_nothing_is_known(opened: Opened) -> None:
    server = FakeServer("hosted")
    engine = opened(server, concurrency=1)
    status, body = refused(400, "The prompt was filtered.", "content_filter")
    server.faults.extend([_answer({"content": None, "refusal": "I cannot say."}, "stop"), (status, {}, body)])
    for scores in engine.score(questions(2)):
        assert set(scores.logprobs) == {-math.inf}
        assert scores.high == (0.0, 0.0, 0.0, 0.0)


# Failures.


@pytest.mark.parametrize("kind", ["vllm", "hosted"])
def test_what_may_pass_is_tried_again(opened: Opened, kind: str) -> None:
    server = FakeServer(kind)
    engine = opened(server, concurrency=2)
    undisturbed = engine.score(questions(6))
    server.faults.extend(["drop", "half", BUSY, BROKEN, BUSY])
    assert engine.score(questions(6)) == undisturbed
    assert not server.faults


@pytest.mark.parametrize(
    ("fault", "says"),
    [(BUSY, "takes no more requests"), (BROKEN, "The engine is on fire"), ("drop", "no longer"), ("half", "no longer")],
)
def test_what_does_not_pass_stops_the_run_and_says_how_to_go_on(opened: Opened, fault: object, says: str) -> None:
    server = FakeServer("hosted")
    engine = opened(server, concurrency=2, retries=0)
    server.faults.extend([fault] * 4)
    with pytest.raises(InterruptedRunError, match=says) as caught:
        engine.score(questions(50))
    assert "run the same command again" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(server.asked) < 10, "what had not begun was not begun"


def test_a_server_that_takes_too_long(opened: Opened) -> None:
    server = FakeServer("hosted")
    engine = opened(server, timeout=0.2, retries=0)
    gate = threading.Event()
    server.faults.append(gate)
    with pytest.raises(InterruptedRunError, match=r"within 0\.2 seconds"):
        engine.chat([chat()])
    gate.set()


def test_a_stream_that_breaks_off(opened: Opened) -> None:
    server = FakeServer("hosted")
    engine = opened(server, retries=0)
    server.faults.append("drop")
    with pytest.raises(InterruptedRunError, match="no longer answers"):
        list(engine.stream(chat()))
    server.breaks_off = True
    with pytest.raises(InterruptedRunError, match="no longer answers"):
        list(engine.stream(chat(max_tokens=100)))


def test_a_request_the_server_refuses_says_why(opened: Opened) -> None:
    server = FakeServer("hosted")
    engine = opened(server)
    server.faults.append((400, {}, refused(400, "This model's context is 10 tokens,\n you asked for 20.")[1]))
    with pytest.raises(ModelError, match="context is 10 tokens, you asked for 20"):
        engine.chat([chat()])


def test_no_server_no_key_no_model() -> None:
    with serving(FakeServer("hosted", key="right")) as server:
        url = server.url
        with pytest.raises(ModelError, match="does not accept the API key") as caught:
            open_http(f"http:tiny@{url}", api_key="wrong-key")
        assert "wrong-key" not in str(caught.value)
        with pytest.raises(ModelError, match="has no model 'huge': it has tiny"):
            open_http(f"http:huge@{url}", api_key="right")
        with pytest.raises(ModelError, match="correct the name or the address"):
            open_http(f"http:tiny@{url}/elsewhere", api_key="right")
    with pytest.raises(ModelError, match="no server answers"):
        open_http(f"http:tiny@{url}", retries=0)


def test_a_page_where_a_server_should_be(opened: Opened) -> None:
    server = FakeServer("hosted")
    engine = opened(server)
    server.faults.append((200, {}, "<html>Welcome</html>"))
    with pytest.raises(ModelError, match="OpenAI-compatible"):
        engine.chat([chat()])
    server.faults.append((200, {}, {"choices": []}))
    with pytest.raises(ModelError, match="without a reply"):
        engine.chat([chat()])


@pytest.mark.parametrize("arguments", [{"concurrency": 0}, {"timeout": 0.0}, {"timeout": math.inf}, {"retries": -1}])
def test_impossible_settings_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ModelError, match="concurrency"):
        open_http("http:tiny@http://127.0.0.1:9/v1", **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["vllm", "hosted"])
def test_a_poll_that_the_server_broke_off_goes_on_and_ends_as_an_undisturbed_one(
    opened: Opened, kind: str, tmp_path: Path
) -> None:
    server = FakeServer(kind)
    engine = opened(server, concurrency=4, retries=0)
    study = Study.model_validate(
        {"model": "http", "survey": "world-mini", "voices": ["persona"], "as": ["USA", "KEN"], "orders": 1}
    )
    # A little more than a batch of 64 questions takes.
    apart = {"vllm": 14, "hosted": 70}[kind]
    prepared = run.prepare(study)
    folders = {name: tmp_path / name for name in ("undisturbed", "disturbed")}
    for folder in folders.values():
        folder.mkdir()
    run.poll(prepared, engine, folders["undisturbed"], lambda _: None)
    asked = len(server.asked_for(REPLIES[kind]))
    server.asked.clear()
    for _ in range(2):
        server.faults.extend([None] * apart + ["drop"])
        with pytest.raises(InterruptedRunError, match="run the same command again"):
            run.poll(prepared, engine, folders["disturbed"], lambda _: None)
    run.poll(prepared, engine, folders["disturbed"], lambda _: None)
    repeated = len(server.asked_for(REPLIES[kind])) - asked
    assert 0 < repeated < 2 * apart, "no batch that was finished is asked for again"
    for table in ("answers.parquet", "prompts.parquet"):
        one, other = ((folder / table).read_bytes() for folder in folders.values())
        assert one == other


def test_an_adapter_behind_a_server_is_another_of_its_models(opened: Opened) -> None:
    """As vLLM serves them: one base, one name per adapter (--lora-modules)."""
    server = FakeServer("vllm", adapters=("kenya",))
    engine = opened(server)
    turns = (Message("user", "Tea or coffee?"),)
    asked = [ChatRequest(turns, adapter="kenya"), ChatRequest(turns)]
    assert [reply.text for reply in engine.chat(asked)] == [engine.chat([one])[0].text for one in asked]
    assert {body["model"] for body in server.asked_for("/v1/chat/completions")} == {"kenya", "tiny"}
    plan = engine.plan_chat(asked)
    assert len(set(plan.keys)) == 2
    options = (("tea",), ("coffee",))
    scored = [ScoreRequest(turns, options, adapter="kenya"), ScoreRequest(turns, options)]
    assert len(engine.score(scored)) == 2
    assert {body["model"] for body in server.asked_for("/v1/completions")} == {"kenya", "tiny"}
    assert len(set(engine.plan(scored).keys)) == 2
    with pytest.raises(ModelError, match="has no model 'japan'"):
        engine.chat([ChatRequest(turns, adapter="japan")])


def test_a_streamed_reply_says_why_it_ended(opened: Opened) -> None:
    engine = opened(FakeServer("hosted"))
    *pieces, end = engine.pieces(ChatRequest((Message("user", "Speak."),), max_tokens=3))
    assert isinstance(end, End)
    assert end.finish == "length"
    assert end.completion_tokens == 3
    assert len(pieces) == 3


def test_a_reply_begins_with_given_words_where_the_server_allows(opened: Opened) -> None:
    request = ChatRequest((Message("user", "Speak."),), reply_start="<|collective:ken|>")
    server = FakeServer("vllm")
    list(opened(server).pieces(request))
    [body] = [body for body in server.asked_for("/v1/chat/completions") if "continue_final_message" in body]
    assert body["messages"][-1] == {"role": "assistant", "content": "<|collective:ken|>"}
    assert body["add_generation_prompt"] is False
    with pytest.raises(ModelError, match="cannot be made to begin"):
        list(opened(FakeServer("hosted")).pieces(request))
