"""OpenAI's interface, as its own client, curl and front ends use it."""

import json
from typing import Any

import pytest

from tests.serve.conftest import Running

openai = pytest.importorskip("openai")

HELLO = [{"role": "user", "content": "Is family important?"}]


@pytest.fixture
def client(served: Running) -> Any:
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="unused", max_retries=0) as made:
        yield made


def test_the_openai_client_chats_with_a_voice(client: Any) -> None:
    answer = client.chat.completions.create(model="script@kenya", messages=HELLO, max_tokens=200)
    assert answer.model == "script@kenya"
    [choice] = answer.choices
    assert "a Kenyan cultural background" in choice.message.content
    assert choice.message.content.endswith("Heard: Is family important?")
    assert choice.finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0


def test_the_openai_client_streams(client: Any) -> None:
    events = list(
        client.chat.completions.create(
            model="script@kenya", messages=HELLO, max_tokens=5, stream=True, stream_options={"include_usage": True}
        )
    )
    assert events[0].choices[0].delta.role == "assistant"
    said = [event.choices[0].delta.content for event in events if event.choices and event.choices[0].delta.content]
    assert "".join(said) == "Told: You are a person"
    assert len(said) == 5
    assert events[-2].choices[0].finish_reason == "length"
    assert events[-1].choices == []
    assert events[-1].usage.completion_tokens == 5
    assert len({event.id for event in events}) == 1


def test_several_choices_are_told_apart(client: Any) -> None:
    answer = client.chat.completions.create(model="script", messages=HELLO, n=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    events = client.chat.completions.create(model="script", messages=HELLO, n=3, stream=True)
    texts = {0: "", 1: "", 2: ""}
    for event in events:
        for choice in event.choices:
            texts[choice.index] += choice.delta.content or ""
    assert set(texts.values()) == {"Told: nothing Heard: Is family important?"}


def test_completions(client: Any) -> None:
    answer = client.completions.create(model="script", prompt=["one", "two"])
    assert [choice.text for choice in answer.choices] == ["Told: nothing Heard: one", "Told: nothing Heard: two"]
    streamed = client.completions.create(model="script", prompt="one", stream=True)
    assert "".join(event.choices[0].text for event in streamed) == "Told: nothing Heard: one"


def test_the_list_of_voices(client: Any, served: Running) -> None:
    listed = client.models.list().data
    assert [one.id for one in listed][:2] == ["script", "script@united-states"]
    assert len(listed) == 19
    assert client.models.retrieve("script@kenya").title == "Kenya"
    mixed = served.client.get("/v1/models/script@{kenya:3,japan:1}").json()
    assert "japan" in mixed["error"]["message"], "world-mini has no answers of Japan"
    mixed = served.client.get("/v1/models/script@{kenya:3,nigeria:1}").json()
    assert mixed["parts"] == [{"id": "script@kenya", "weight": 0.75}, {"id": "script@nigeria", "weight": 0.25}]


@pytest.mark.parametrize("name", ["script@KEN", "SCRIPT@Kenya", " script@kenya "])
def test_other_names_of_a_voice(served: Running, name: str) -> None:
    assert served.post("/v1/chat/completions", model=name, messages=HELLO).json()["model"] == "script@kenya"


@pytest.mark.parametrize("body", [{}, {"model": ""}])
def test_no_name_means_the_default_voice(served: Running, body: dict[str, str]) -> None:
    assert served.post("/v1/chat/completions", messages=HELLO, **body).json()["model"] == "script"


def test_a_mixture_speaks_as_its_voices_by_their_weights(served: Running) -> None:
    """Each reply of a mixture behind such an engine is one voice's, drawn by weight: of 200, 0.75 x 200 = 150."""
    kenyan = 0
    for seed in range(0, 200, 8):
        answer = served.post(
            "/v1/chat/completions", model="script@{kenya:3,nigeria:1}", messages=HELLO, n=8, seed=seed, max_tokens=99
        ).json()
        assert answer["model"] == "script@{kenya:0.75,nigeria:0.25}"
        kenyan += sum("Kenyan" in choice["message"]["content"] for choice in answer["choices"])
    assert abs(kenyan - 150) < 19, "three standard deviations"


def test_system_messages_come_after_the_voices_own(served: Running) -> None:
    messages = [{"role": "developer", "content": "Be brief."}, *HELLO]
    answer = served.post("/v1/chat/completions", model="script@kenya", messages=messages, max_tokens=99).json()
    said = answer["choices"][0]["message"]["content"]
    assert said.index("Kenyan") < said.index("Be brief.")


def test_messages_in_parts(served: Running) -> None:
    parts = [{"type": "text", "text": "Hello"}, {"type": "text", "text": "there"}]
    answer = served.post("/v1/chat/completions", messages=[{"role": "user", "content": parts}]).json()
    assert answer["choices"][0]["message"]["content"].endswith("Hello\nthere")


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        ({"messages": []}, 400, "invalid_value", "messages"),
        ({}, 400, "invalid_value", "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, 400, "invalid_value", "messages[0].role"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, 400, "invalid_value", "messages"),
        ({"messages": HELLO, "temperature": 3}, 400, "invalid_value", "temperature"),
        ({"messages": HELLO, "n": 99}, 400, "invalid_value", "n"),
        ({"messages": HELLO, "stream": "yes"}, 400, "invalid_value", "stream"),
        ({"messages": HELLO, "model": "script@atlantis"}, 404, "model_not_found", "model"),
        ({"messages": HELLO, "model": "script@{kenya:0.5"}, 400, "invalid_value", None),
        ({"messages": HELLO, "model": "script@{kenya:0.5,KEN:0.5}"}, 400, "invalid_value", None),
        ({"messages": HELLO, "tools": [{}], "tool_choice": "required"}, 400, "unsupported_parameter", "tool_choice"),
        ({"messages": HELLO, "tool_choice": {"type": "function"}}, 400, "unsupported_parameter", "tool_choice"),
        ({"messages": HELLO, "response_format": {"type": "json"}}, 400, "unsupported_parameter", "response_format"),
        ({"messages": HELLO, "logit_bias": {"1": 5}}, 400, "unsupported_parameter", "logit_bias"),
        ({"messages": HELLO, "presence_penalty": 0.5}, 400, "unsupported_parameter", "presence_penalty"),
        ({"messages": HELLO, "logprobs": True}, 400, "unsupported_parameter", "logprobs"),
        ({"messages": HELLO, "top_logprobs": 2}, 400, "invalid_value", "top_logprobs"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            400,
            "unsupported_parameter",
            "messages[0].content[0]",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
def test_errors_are_openais(
    served: Running, body: dict[str, Any], status: int, code: str, param: str | None, stream: bool
) -> None:
    if stream:
        body = {"stream": True, **body}
    answer = served.client.post("/v1/chat/completions", json=body)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == (code, param)
    assert error["type"] == "invalid_request_error"
    assert error["message"]


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"null", b"[]", b'{"messages": NaN}', b"\xff\xfe", b"[" * 100_000, b'{"messages":"\\ud800"}', b'"x"'],
)
def test_malformed_json_is_answered_properly(served: Running, data: bytes) -> None:
    for path in ("/v1/chat/completions", "/v1/completions", "/pluralign/topic", "/pluralign/poll"):
        answer = served.client.post(path, content=data, headers={"content-type": "application/json"})
        assert answer.status_code == 400
        assert answer.json()["error"]["type"] == "invalid_request_error"


def test_what_front_ends_send_besides_is_passed_over(served: Running) -> None:
    """What Open WebUI, LibreChat and the like add to a request."""
    answer = served.post(
        "/v1/chat/completions", model="script", messages=HELLO, chat_id="1", session_id="2", keep_alive=5,
        metadata={"a": 1}, store=False, user="me", parallel_tool_calls=True, reasoning_effort="low",
        tools=[{"type": "function", "function": {"name": "search_web"}}], tool_choice="auto",
        presence_penalty=0, frequency_penalty=0.0, logit_bias=None, response_format={"type": "text"},
    )  # fmt: skip
    assert answer.status_code == 200


def test_other_addresses_and_methods(served: Running) -> None:
    assert served.client.get("/nowhere").json()["error"]["type"] == "invalid_request_error"
    assert served.client.get("/nowhere").status_code == 404
    assert served.client.get("/v1/chat/completions").status_code == 405
    assert served.client.get("/v1/chat/completions").headers["allow"] == "POST"
    answer = served.client.post("/v1/chat/completions", content=json.dumps({"messages": HELLO}))
    assert answer.status_code == 415


def test_health_and_metrics(served: Running) -> None:
    assert served.client.get("/health").json()["status"] == "ok"
    before = served.client.get("/metrics").text
    served.post("/v1/chat/completions", model="script@kenya", messages=HELLO)
    after = served.client.get("/metrics").text

    def counted(text: str, name: str) -> float:
        return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))

    name = 'pluralign_replies_total{finish="stop",voice="script@kenya"}'
    assert counted(after, name) == counted(before, name) + 1
    assert counted(after, 'pluralign_completion_tokens_total{voice="script@kenya"}') > 0
    assert "pluralign_replies_active 0.0" in after


def test_a_voices_card_says_whose_view_it_is(served: Running) -> None:
    card = served.client.get("/pluralign/voices/script@kenya").json()
    assert card["collective"] == {"id": "KEN", "name": "Kenya"}
    assert "a Kenyan cultural background" in card["system"]
    assert card["sources"][0]["title"]
    assert card["profiles"] == []
    assert served.client.get("/pluralign/voices/script@nobody").status_code == 404


def test_the_same_question_polled(served: Running) -> None:
    found = served.post("/pluralign/poll", model="script@kenya", question="divorce").json()
    assert found["people"]["who"] == "Kenya"
    assert sum(found["people"]["shares"]) == pytest.approx(1)
    assert found["voice"]["shares"] == pytest.approx([1 / len(found["question"]["options"])] * 10)
    assert found["how"] == "now"
    assert found["distance"] == pytest.approx(found["uniform_distance"]), "this voice is uniform"
    mixed = served.post("/pluralign/poll", model="script@{kenya:1,nigeria:1}", question="divorce").json()
    nigeria = served.post("/pluralign/poll", model="script@nigeria", question="divorce").json()
    both = [(a + b) / 2 for a, b in zip(found["people"]["shares"], nigeria["people"]["shares"], strict=True)]
    assert mixed["people"]["shares"] == pytest.approx(both)
    assert served.post("/pluralign/poll", model="script@kenya", question="nothing").status_code == 404
    assert served.post("/pluralign/poll", model="script", question="divorce").json()["people"] is None
