"""Conversations as training examples: the very tokens that polling and chat would read, and which are learned.

The prompt of every reply is rendered by :meth:`Renderer.text`, as it is when the model is asked, never by a second
rendering of the whole conversation. Knows a tokenizer, no weights and no record.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pluralign.core.chat import Message
from pluralign.core.errors import ModelError
from pluralign.engines.batches import common_prefix
from pluralign.engines.rendering import Renderer, Tokens

_AT_ONCE = 1000


class Taught(NamedTuple):
    """A training example."""

    tokens: Tokens
    learned: tuple[tuple[int, int], ...]
    """Half-open spans of the tokens whose prediction is learned: the assistant's words and the mark that ends its
    turn. Never the prompt, never the beginning of the reply that was given. In order, none empty."""

    @property
    def labels(self) -> list[int]:
        """The tokens to be predicted, -100 where nothing is learned; as long as :attr:`tokens`."""
        labels = [-100] * len(self.tokens)
        for start, end in self.learned:
            labels[start:end] = self.tokens[start:end]
        return labels


class _Draft(NamedTuple):
    text: str
    spans: tuple[tuple[int, int], ...]
    """Characters of the replies."""


def taught(renderer: Renderer, conversations: Sequence[tuple[Sequence[Message], str]]) -> list[list[Taught]]:
    """Per conversation its training examples: one, or one per reply where the template needs it.

    A conversation comes with the beginning that each of its replies is made to have, such as an identity token; it is
    read, not learned. Replies share one example where the text up to an earlier reply is the beginning of the text up
    to a later one; a template that shows past turns differently, or a given beginning (which past turns do not show),
    makes an example per reply. Either way every reply is learned after exactly what the model reads when it is asked.

    Raises :class:`ModelError` for a conversation whose last turn is not the assistant's.
    """
    drafts = [_drafts(renderer, messages, reply_start) for messages, reply_start in conversations]
    examples = iter(_tokenised(renderer, [draft for of_one in drafts for draft in of_one]))
    return [[next(examples) for _ in of_one] for of_one in drafts]


def _drafts(renderer: Renderer, messages: Sequence[Message], reply_start: str) -> list[_Draft]:
    if not messages or messages[-1].role != "assistant":
        raise ModelError("a conversation to learn from must end with a reply of the assistant")
    drafts: list[_Draft] = []
    for position, message in enumerate(messages):
        if message.role != "assistant":
            continue
        prompt = renderer.text(messages[:position], reply_start)
        text = prompt + renderer.reply_text(message.content)
        span = (len(prompt), len(text))
        if drafts and prompt.startswith(drafts[-1].text):
            drafts[-1] = _Draft(text, (*drafts[-1].spans, span))
        else:
            drafts.append(_Draft(text, (span,)))
    return drafts


def _tokenised(renderer: Renderer, drafts: Sequence[_Draft]) -> list[Taught]:
    examples: list[Taught] = []
    for start in range(0, len(drafts), _AT_ONCE):
        some = drafts[start : start + _AT_ONCE]
        # Where a span begins is asked of the tokenizer, as polling does: characters and tokens need not part alike.
        cuts = [draft.text[:cut] for draft in some for span in draft.spans for cut in span]
        parts = iter(renderer.batch_tokens(cuts))
        for draft in some:
            pieces = [(next(parts), next(parts)) for _ in draft.spans]
            whole = pieces[-1][1]
            spans = [(common_prefix(prompt, whole), common_prefix(replied, whole)) for prompt, replied in pieces]
            examples.append(Taught(whole, tuple((first, last) for first, last in spans if first < last)))
    return examples
