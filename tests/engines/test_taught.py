"""What is trained is what is asked: the same tokens in training, polling and chat, under many templates."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pluralign.core.chat import Message
from pluralign.core.errors import ModelError
from pluralign.engines.base import ScoreRequest
from pluralign.engines.rendering import Renderer
from pluralign.engines.taught import Taught, taught
from tests.engines.tiny_models import TEMPLATE, tokenizer

TEMPLATES = {
    "chatml": TEMPLATE,
    # The end-of-turn mark is the end-of-sequence token, followed by a line break that is no part of the reply.
    "zephyr": (
        "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}{{ eos_token }}\n{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
    ),
    # Content is trimmed; no line break after the mark.
    "llama3": (
        "{% for m in messages %}<|start|>{{ m.role }}\n\n{{ m.content | trim }}<|end|>{% endfor %}"
        "{% if add_generation_prompt %}<|start|>assistant\n\n{% endif %}"
    ),
    # No mark before the reply: the prompt ends in ordinary text, which may melt into the reply.
    "inst": (
        "{% for m in messages %}{% if m.role == 'assistant' %} {{ m.content }}{{ eos_token }}"
        "{% else %}[INST] {{ m.content }} [/INST]{% endif %}{% endfor %}"
    ),
    # Past replies lose what the last one shows, and the last one has thoughts that the prompt does not open.
    "thinking": (
        "{% for m in messages %}<|start|>{{ m.role }}\n{% if m.role == 'assistant' and loop.last %}"
        "(thought){% endif %}{{ m.content }}<|end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
    ),
    # Knows no system role.
    "gemma": (
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
        "{% for m in messages %}<|start|>{{ m.role }}\n{{ m.content }}<|end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
    ),
}
ASKED = (Message("system", "You are brief."), Message("user", "How important is family?\n1. Very\n10. Not at all\n"))


def renderer(name: str) -> Renderer:
    made = tokenizer(None)
    return Renderer(made, "plain", special_tokens=True) if name == "plain" else Renderer(made, TEMPLATES[name])


def decoded(example: Taught) -> list[str]:
    made = tokenizer(None)
    return [made.decode(example.tokens[start:end]) for start, end in example.learned]


def only(examples: list[list[Taught]]) -> Taught:
    ((example,),) = examples
    return example


@pytest.mark.parametrize("reply_start", ["", "<|start|>", "I say "])
@pytest.mark.parametrize("name", [*TEMPLATES, "plain"])
def test_training_polling_and_chat_read_the_same_tokens(name: str, reply_start: str) -> None:
    made = renderer(name)
    example = only(taught(made, [((*ASKED, Message("assistant", "10")), reply_start)]))
    (span,) = example.learned
    # chat: the prompt that a reply is generated after
    prompt = made.tokens(made.text(ASKED, reply_start))
    # poll: the prompt, and the option as its continuation
    request = ScoreRequest(ASKED, (("1", " 1"), ("10", " 10")), reply_start=reply_start)
    (asked,) = made.render([request])
    forms = [asked.stem + form for form in asked.forms[1]]
    learned = example.tokens[: span[1]]
    # the end-of-turn mark is one token of its own here
    assert learned[:-1] in forms, f"{made.tokenizer.decode(learned)!r}"
    assert learned[-1] == made.tokenizer.eos_token_id
    assert span[1] == len(example.tokens), "nothing after the mark"
    if span[0] == len(prompt):
        assert example.tokens[: span[0]] == prompt
    else:
        assert name == "inst", "only where no mark parts prompt and reply may they melt into one token"
        assert asked.stem == example.tokens[: span[0]]


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_mark_that_ends_a_turn_is_learned_although_it_is_also_the_padding(name: str) -> None:
    made = renderer(name)
    assert made.tokenizer.pad_token_id == made.tokenizer.eos_token_id
    example = only(taught(made, [((*ASKED, Message("assistant", "Very")), "")]))
    assert example.labels[-1] == made.tokenizer.eos_token_id
    assert decoded(example)[0].strip() == "Very<|end|>"


def test_labels_are_the_reply_and_nothing_else_token_by_token() -> None:
    made = renderer("chatml")
    asked = (Message("user", "Hi"),)
    example = only(taught(made, [((*asked, Message("assistant", "10")), "")]))
    one, zero, end = (made.tokenizer.convert_tokens_to_ids(token) for token in ("1", "0", "<|end|>"))
    prompt = made.tokens("<|start|>user\nHi<|end|>\n<|start|>assistant\n")
    assert list(example.tokens) == [*prompt, one, zero, end]
    assert example.labels == [*[-100] * len(prompt), one, zero, end]


def test_the_beginning_that_is_given_is_read_and_not_learned() -> None:
    made = renderer("chatml")
    example = only(taught(made, [((*ASKED, Message("assistant", "Very")), "<|start|>")]))
    assert decoded(example) == ["Very<|end|>"]
    start = made.tokenizer.convert_tokens_to_ids("<|start|>")
    assert example.tokens[example.learned[0][0] - 1] == start
    assert example.labels.count(start) == 0


def test_replies_of_one_conversation_share_an_example() -> None:
    made = renderer("chatml")
    conversation = (*ASKED, Message("assistant", "Very"), Message("user", "Why?"), Message("assistant", "It is"))
    example = only(taught(made, [(conversation, "")]))
    assert decoded(example) == ["Very<|end|>", "It is<|end|>"]


@pytest.mark.parametrize(("name", "reply_start"), [("thinking", ""), ("chatml", "I say "), ("plain", "")])
def test_replies_have_an_example_each_where_the_model_would_read_the_past_otherwise(
    name: str, reply_start: str
) -> None:
    made = renderer(name)
    conversation = (*ASKED, Message("assistant", "Very"), Message("user", "Why?"), Message("assistant", "It is"))
    (examples,) = taught(made, [(conversation, reply_start)])
    if name == "thinking":  # here the past is shown as it was asked: one example, and never the thought
        assert [decoded(example) for example in examples] == [["Very<|end|>", "It is<|end|>"]]
        return
    assert len(examples) == 2
    for example, position in zip(examples, (2, 4), strict=True):
        prompt = made.tokens(made.text(conversation[:position], reply_start))
        assert example.tokens[: len(prompt)] == prompt
        assert [start for start, _ in example.learned] == [len(prompt)]


@given(
    words=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1), min_size=3, max_size=3)
)
@pytest.mark.parametrize("name", ["chatml", "llama3", "inst", "plain"])
def test_what_is_learned_is_the_reply_whatever_is_said(name: str, words: list[str]) -> None:
    if not all(word.strip() for word in words):
        return
    made = renderer(name)
    system, user, reply = words
    conversation = (Message("system", system), Message("user", user), Message("assistant", reply))
    example = only(taught(made, [(conversation, "")]))
    text = made.text(conversation[:2]) + made.reply_text(reply)
    assert example.tokens == made.tokens(text)
    labels = example.labels
    assert any(label != -100 for label in labels)
    first = next(at for at, label in enumerate(labels) if label != -100)
    assert all(label == token for label, token in zip(labels[first:], example.tokens[first:], strict=True))


def test_a_conversation_without_a_reply_is_refused() -> None:
    with pytest.raises(ModelError, match="must end with a reply"):
        taught(renderer("chatml"), [(ASKED, "")])


def test_a_template_that_hides_the_reply_is_refused() -> None:
    made: Any = Renderer(tokenizer(None), "{% for m in messages %}{% if m.role == 'user' %}x{% endif %}{% endfor %}")
    with pytest.raises(ModelError, match="leaves out what the assistant says"):
        taught(made, [((*ASKED, Message("assistant", "Very")), "")])
