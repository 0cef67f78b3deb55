"""From a conversation to tokens, and from options to the tokens that continue it. Knows a tokenizer, no weights."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import jinja2

from pluralign.core.adapter import IDENTITY
from pluralign.core.chat import Message
from pluralign.core.errors import ModelError
from pluralign.core.ids import text_hash
from pluralign.engines.base import ScoreRequest
from pluralign.engines.batches import common_prefix
from pluralign.engines.options import check
from pluralign.engines.quiet import quiet

PLAIN = "plain"
PLAIN_CUE = "Answer:"
"""What a base model's continuation follows, when messages are put as plain text."""
BARE = "bare"
"""The messages and nothing else, for prompts that bring their own cue."""
_TEXTS = (PLAIN, BARE)

Tokens = tuple[int, ...]

_REMEMBERED = 100_000
_STAND_IN = "the reply stands here"


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
        # With a start token of its own the tokenizer cannot be asked about a part of a text.
        added = {} if special_tokens else tokenizer.added_tokens_decoder
        self._cutting = sorted({token.content for token in added.values() if token.special})
        self._controls = tuple(token.content for token in tokenizer.added_tokens_decoder.values() if token.special)
        self._vocabulary = frozenset(token.content for token in tokenizer.added_tokens_decoder.values())
        self._known: dict[str, Tokens] = {}

    @classmethod
    def of(cls, tokenizer: Any, name: str, chat_template: str | None = None) -> "Renderer":
        """A renderer with the tokenizer's own template, the ``plain`` or the ``bare`` one, or one in a file."""
        if chat_template in _TEXTS:
            return cls(tokenizer, chat_template, special_tokens=True)
        if chat_template is not None:
            path = Path(chat_template).expanduser()
            if not path.is_file():
                raise ModelError(
                    f"no chat template {chat_template!r}: give 'plain', 'bare' or a file with a Jinja template"
                )
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

    def with_tokenizer(self, tokenizer: Any) -> "Renderer":
        """The same template over another tokenizer, as an adapter with tokens of its own brings one."""
        return Renderer(tokenizer, self.chat_template, special_tokens=self._special_tokens)

    def knows(self, token: str) -> bool:
        """Whether the tokenizer has this text as a token of its own."""
        return token in self._vocabulary

    def text(self, messages: Sequence[Message], reply_start: str = "") -> str:
        """The conversation as one text, up to and with the beginning of the reply."""
        if not messages or messages[-1].role != "user":
            raise ModelError("a conversation must end with a message of the user, so that the model can reply")
        for token in IDENTITY.findall(reply_start):
            if token not in self._vocabulary:
                raise ModelError(
                    f"the model does not know the identity token {token!r}: ask it with the adapter that was trained "
                    "with it"
                )
        if self.chat_template in _TEXTS:
            cue = [PLAIN_CUE] if self.chat_template == PLAIN else []
            return "\n\n".join([*(message.content for message in messages), *cue]) + reply_start
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

    def refuse_controls_in(self, messages: Sequence[Message]) -> None:
        """The same of a conversation, but for the identity token that opens a system message.

        It is the voice's own: what strangers say never stands there.
        """
        for at, message in enumerate(messages):
            opening = IDENTITY.match(message.content) if at == 0 and message.role == "system" else None
            self.refuse_control_tokens(message.content[opening.end() :] if opening else message.content)

    def refuse_control_tokens(self, text: str) -> None:
        """Raise :class:`ModelError` for a text with which a stranger could end their turn and begin another's."""
        found = next((token for token in self._controls if token in text), None)
        if found is None and (spoken := IDENTITY.search(text)) is not None:
            found = spoken.group()  # an adapter may know it, where the base does not
        if found is not None:
            raise ModelError(f"a message may not hold {found!r}, which has a meaning of its own to the model")

    @cached_property
    def end_of_turn(self) -> str:
        """What the model is to write when its reply is over: the template's mark, up to its first special token."""
        eos = str(self.tokenizer.eos_token or "")
        if self.chat_template in _TEXTS:
            return eos
        answered = [{"role": "user", "content": "Yes?"}, {"role": "assistant", "content": _STAND_IN}]
        try:
            text: str = self.tokenizer.apply_chat_template(
                answered, chat_template=self.chat_template, tokenize=False, add_generation_prompt=False
            )
        except jinja2.TemplateError as error:
            raise ModelError(f"the model's chat template refuses a conversation with a reply: {error}") from None
        if _STAND_IN not in text:
            raise ModelError("the model's chat template leaves out what the assistant says: nothing could be learned")
        after = text[text.rindex(_STAND_IN) + len(_STAND_IN) :]
        marks = {eos, *(token.content for token in self.tokenizer.added_tokens_decoder.values() if token.special)}
        ends = [after.index(mark) + len(mark) for mark in marks if mark and mark in after]
        return after[: min(ends)] if ends else after.rstrip() + eos

    def reply_text(self, reply: str) -> str:
        """What follows :meth:`text` where the model replies: the reply, and the mark that ends its turn."""
        return (f" {reply}" if self.chat_template in _TEXTS else reply) + self.end_of_turn

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
        for request in requests:
            check(request)
        texts = [self.text(request.messages, request.reply_start) for request in requests]
        prompts = self.batch_tokens(texts)
        tails = [self._tail(text) for text in texts]
        self._learn(
            {tail + form for tail, request in zip(tails, requests, strict=True) for form in ("", *_forms(request))}
        )
        rendered = []
        for request, text, prompt, tail in zip(requests, texts, prompts, tails, strict=True):
            end = self._known[tail]
            head, last = prompt[: len(prompt) - len(end)], prompt[len(prompt) - len(end) :]
            if last == end and (head or tail == text):
                continued = [[self._known[tail + form] for form in forms] for forms in request.options]
            else:  # the tail reads differently by itself, as it may where no special token opens it
                head, last = (), prompt
                whole = iter(self.batch_tokens([text + form for form in _forms(request)]))
                continued = [[next(whole) for _ in forms] for forms in request.options]
            rendered.append(join(request, head, last, continued))
        return rendered

    def _tail(self, text: str) -> str:
        """The text from its last special token on. Special tokens cut the text: none is formed across one."""
        return text[max((text.rfind(token) for token in self._cutting), default=-1) :] if self._cutting else text

    def _learn(self, texts: set[str]) -> None:
        """Tokenise what follows the last special token; the same few texts come again and again."""
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        new = sorted(texts - self._known.keys())
        self._known.update(zip(new, self.batch_tokens(new), strict=True))

    def _apply(self, messages: Sequence[Message]) -> str:
        turns = [{"role": message.role, "content": message.content} for message in messages]
        text: str = self.tokenizer.apply_chat_template(
            turns, chat_template=self.chat_template, tokenize=False, add_generation_prompt=True
        )
        return text


def tokenizer_in(folder: Path) -> Any:
    """The tokenizer in a folder. Raises :class:`ModelError` where there is none that can be used."""
    from transformers import AutoTokenizer

    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError, ImportError, TypeError) as error:
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise ModelError(f"cannot load a tokenizer from {str(folder)!r}: {reason}") from None
    if not tokenizer.is_fast:
        raise ModelError(f"the tokenizer in {str(folder)!r} is of the slow kind: save it with a tokenizer.json")
    return tokenizer


def _forms(request: ScoreRequest) -> list[str]:
    return [form for forms in request.options for form in forms]


def join(request: ScoreRequest, head: Tokens, prompt: Tokens, continued: Sequence[Sequence[Tokens]]) -> Rendered:
    """``head`` is what all share for certain; ``prompt`` is the rest of the prompt, alone and with every form."""
    # Tokenising prompt and form together shows how the model would have read them. Where a form melts into the
    # prompt's last token, all forms are scored from before that token, so that they stay comparable.
    everything = [tokens for of_option in continued for tokens in of_option]
    stem = min(min(common_prefix(prompt, tokens), len(tokens) - 1) for tokens in everything)
    if len(head) + stem == 0:
        raise ModelError("a prompt needs at least one token before the options")
    forms = tuple(tuple(tokens[stem:] for tokens in of_option) for of_option in continued)
    owner: dict[Tokens, int] = {}
    for at, of_option in enumerate(forms):
        for tokens in of_option:
            if owner.setdefault(tokens, at) != at:
                raise ModelError(
                    f"the options {request.options[owner[tokens]]!r} and {request.options[at]!r} have a form that is "
                    "the same to the model: give them different wordings"
                )
    return Rendered(head + prompt[:stem], forms, len(head) + len(prompt))
