"""From a conversation to tokens, and from options to the tokens that continue it. Knows a tokenizer, no weights."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jinja2

from pluralign.core.chat import Message
from pluralign.core.errors import ModelError
from pluralign.core.ids import text_hash
from pluralign.engines.base import ScoreRequest
from pluralign.engines.batches import common_prefix

PLAIN = "plain"
PLAIN_CUE = "Answer:"
"""What a base model's continuation follows, when messages are put as plain text."""

Tokens = tuple[int, ...]


class Rendered(NamedTuple):
    """A request in tokens."""

    stem: Tokens
    """What the model reads before any option: the prompt, less its last tokens where a form melts into them."""
    forms: tuple[tuple[Tokens, ...], ...]
    """Per option and surface form the tokens that continue the stem; none empty."""
    prompt_tokens: int
    """Length of the prompt by itself."""


class Renderer:
    """Puts conversations as the model was taught to read them."""

    def __init__(self, tokenizer: Any, chat_template: str, *, special_tokens: bool = False):
        """``special_tokens``: whether the tokenizer adds its own start token, which templates write themselves."""
        self.tokenizer = tokenizer
        self.chat_template = chat_template
        self.template_hash = text_hash(chat_template)
        self._special_tokens = special_tokens

    @classmethod
    def of(cls, tokenizer: Any, name: str, chat_template: str | None = None) -> "Renderer":
        """A renderer with the tokenizer's own template, the ``plain`` one, or one in a file."""
        if chat_template == PLAIN:
            return cls(tokenizer, PLAIN, special_tokens=True)
        if chat_template is not None:
            path = Path(chat_template).expanduser()
            if not path.is_file():
                raise ModelError(f"no chat template {chat_template!r}: give 'plain' or a file with a Jinja template")
            return cls(tokenizer, path.read_text(encoding="utf-8"))
        own = tokenizer.chat_template
        if isinstance(own, dict):  # several by name
            own = own.get("default")
        if own is None:
            raise ModelError(
                f"the model {name!r} has no chat template, as base models do not: use --chat-template plain, "
                "or a file with its Jinja template"
            )
        return cls(tokenizer, own)

    def text(self, messages: Sequence[Message], reply_start: str = "") -> str:
        """The conversation as one text, up to and with the beginning of the reply."""
        if not messages or messages[-1].role != "user":
            raise ModelError("a conversation must end with a message of the user, so that the model can reply")
        if self.chat_template == PLAIN:
            return "\n\n".join([*(message.content for message in messages), PLAIN_CUE]) + reply_start
        try:
            return self._apply(messages) + reply_start
        except jinja2.TemplateError as error:
            if messages[0].role != "system":
                raise ModelError(f"the model's chat template refuses this conversation: {error}") from None
        # Some models know no system role: what it says then opens the user's first message.
        system, first, *rest = messages
        joined = Message(first.role, f"{system.content}\n\n{first.content}")
        try:
            return self._apply([joined, *rest]) + reply_start
        except jinja2.TemplateError as error:
            raise ModelError(f"the model's chat template refuses this conversation: {error}") from None

    def tokens(self, text: str) -> Tokens:
        """The tokens of a rendered text."""
        return self.batch_tokens([text])[0]

    def batch_tokens(self, texts: Sequence[str]) -> list[Tokens]:
        """The tokens of many rendered texts."""
        if not texts:
            return []
        encoded = self.tokenizer(
            list(texts), add_special_tokens=self._special_tokens, return_attention_mask=False, verbose=False
        )
        return [tuple(ids) for ids in encoded["input_ids"]]

    def render(self, requests: Sequence[ScoreRequest]) -> list[Rendered]:
        """Requests in tokens. Raises :class:`ModelError` for options that cannot be told apart."""
        texts: list[str] = []
        for request in requests:
            if len(request.options) < 2:
                raise ModelError(f"a question needs at least two options, got {request.options}")
            prompt = self.text(request.messages, request.reply_start)
            texts.append(prompt)
            for forms in request.options:
                if not forms or "" in forms:
                    raise ModelError(f"every option needs at least one form, and none empty: {request.options}")
                texts += [prompt + form for form in forms]
        encoded = iter(self.batch_tokens(texts))
        return [self._rendered(request, encoded) for request in requests]

    def _rendered(self, request: ScoreRequest, encoded: Any) -> Rendered:
        prompt: Tokens = next(encoded)
        whole = [[next(encoded) for _ in forms] for forms in request.options]
        # Tokenising prompt and form together shows how the model would have read them. Where a form melts into the
        # prompt's last token, all forms are scored from before that token, so that they stay comparable.
        stem = min(common_prefix(prompt, tokens) for tokens_of_option in whole for tokens in tokens_of_option)
        stem = min(stem, *(len(tokens) - 1 for tokens_of_option in whole for tokens in tokens_of_option))
        if stem == 0:
            raise ModelError("a prompt needs at least one token before the options")
        forms = tuple(tuple(tokens[stem:] for tokens in tokens_of_option) for tokens_of_option in whole)
        owner: dict[Tokens, int] = {}
        for at, tokens_of_option in enumerate(forms):
            for tokens in tokens_of_option:
                if owner.setdefault(tokens, at) != at:
                    raise ModelError(
                        f"the options {request.options[owner[tokens]]!r} and {request.options[at]!r} have a form that "
                        "is the same to the model: give them different wordings"
                    )
        return Rendered(prompt[:stem], forms, len(prompt))

    def _apply(self, messages: Sequence[Message]) -> str:
        turns = [{"role": message.role, "content": message.content} for message in messages]
        text: str = self.tokenizer.apply_chat_template(
            turns, chat_template=self.chat_template, tokenize=False, add_generation_prompt=True
        )
        return text
