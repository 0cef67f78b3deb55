"""From words to tokens: templates, the seam between prompt and option, and options that are the same."""

from pathlib import Path

import pytest

pytest.importorskip("torch")

from pluralign.core.chat import Message
from pluralign.core.errors import ModelError
from pluralign.engines.base import ScoreRequest
from pluralign.engines.rendering import Renderer
from tests.engines import tiny_models

TALK = (Message("system", "Be brief."), Message("user", "Agree?"))


def renderer(template: str | None = None) -> Renderer:
    return Renderer.of(tiny_models.tokenizer(), "tiny", template)


def test_the_models_own_template_is_used() -> None:
    text = renderer().text(TALK, "I say")
    assert text == "<|start|>system\nBe brief.<|end|>\n<|start|>user\nAgree?<|end|>\n<|start|>assistant\nI say"


def test_plain_needs_no_template() -> None:
    base = tiny_models.tokenizer(None)
    with pytest.raises(ModelError, match=r"no chat template.*--chat-template plain"):
        Renderer.of(base, "tiny")
    assert Renderer.of(base, "tiny", "plain").text(TALK) == "Be brief.\n\nAgree?\n\nAnswer:"


def test_a_template_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.jinja"
    file.write_text("{% for message in messages %}[{{ message['content'] }}]{% endfor %}>")
    assert renderer(str(file)).text(TALK) == "[Be brief.][Agree?]>"
    assert renderer(str(file)).template_hash != renderer().template_hash
    with pytest.raises(ModelError, match=r"no chat template 'nowhere\.jinja'"):
        renderer("nowhere.jinja")


def test_a_model_that_knows_no_system_role_reads_it_before_the_first_question(tmp_path: Path) -> None:
    file = tmp_path / "strict.jinja"
    file.write_text(
        "{% for message in messages %}{% if message['role'] == 'system' %}{{ raise_exception('no system role') }}"
        "{% endif %}[{{ message['content'] }}]{% endfor %}"
    )
    assert renderer(str(file)).text(TALK) == "[Be brief.\n\nAgree?]"


def test_a_conversation_must_wait_for_a_reply() -> None:
    with pytest.raises(ModelError, match="must end with a message of the user"):
        renderer().text((Message("user", "Agree?"), Message("assistant", "Yes.")))


@pytest.mark.parametrize("reply_start", ["", "My answer: ", "I agree"], ids=["bare", "space", "word"])
@pytest.mark.parametrize("template", [None, "plain"])
def test_options_are_tokenised_as_continuations(reply_start: str, template: str | None) -> None:
    """Stem and form together are the tokens of the whole text, also where they melt into one another."""
    options = (("1", " 1"), ("10",), (" strongly", "strongly"))
    one = renderer(template)
    [rendered] = one.render([ScoreRequest(TALK, options, reply_start)])
    prompt = one.text(TALK, reply_start)
    assert rendered.prompt_tokens == len(one.tokens(prompt))
    for forms, tokens in zip(options, rendered.forms, strict=True):
        for form, continued in zip(forms, tokens, strict=True):
            assert rendered.stem + continued == one.tokens(prompt + form)
            assert continued


def test_a_form_that_melts_into_the_prompt_moves_the_seam_for_all() -> None:
    # " strongly" is one token: the space that ends the prompt belongs to it, and so every option starts before it.
    one = renderer()
    [rendered] = one.render([ScoreRequest(TALK, (("strongly",), ("1",)), "Agree ")])
    prompt = one.tokens(one.text(TALK, "Agree "))
    assert rendered.stem == prompt[:-1]
    assert [len(forms[0]) for forms in rendered.forms] == [1, 2]
    assert rendered.forms[1][0][0] == prompt[-1]


def test_options_that_are_the_same_to_the_model_are_refused() -> None:
    with pytest.raises(ModelError, match=r"\('yes', 'y'\) and \('no', 'y'\) have a form that is the same"):
        renderer().render([ScoreRequest(TALK, (("yes", "y"), ("no", "y")))])
