"""How a second model is asked which option a free text comes to. Knows no model and no voice.

The reader is shown the question, its options and "none of these", and the text; how probable it finds each is its
reading. Options are lettered, so that a number in the text is not taken for a label.
"""

from typing import NamedTuple

from pluralign.core.chat import Message
from pluralign.core.errors import UsageError
from pluralign.core.question import Question
from pluralign.prompts import templates
from pluralign.prompts.options import Labels, Order, show

SYSTEM, USER = "system_reader.v1", "user_reader.v1"
NONE_OF_THESE = "None of these, or it does not say"
LONGEST = 2000
"""Characters of a text that are read; the rest is cut off."""


class ReadingPrompt(NamedTuple):
    """What the reader is asked."""

    messages: tuple[Message, ...]
    forms: tuple[tuple[str, ...], ...]
    """Per option in the survey's order, and then for "none of these", the beginnings of a reply that name it."""


def reading_prompt(question: Question, text: str, order: Order) -> ReadingPrompt:
    """Ask which option ``text`` comes to, with the options listed in this order and "none of these" last.

    Raises :class:`pluralign.core.errors.UsageError` for more options than there are letters.
    """
    if len(question.options) > 25:
        raise UsageError(
            f"question {question.id!r} has {len(question.options)} options; a reader's letters reach only to 25: "
            "leave it out, or ask without free-text"
        )
    shown = show(question, order, Labels.LETTER)
    last = chr(ord("A") + len(question.options))
    messages = (
        Message("system", templates.render(SYSTEM)),
        Message(
            "user",
            templates.render(
                USER, shown=shown, last=last, none_of_these=NONE_OF_THESE, text=" ".join(text[:LONGEST].split())
            ),
        ),
    )
    return ReadingPrompt(messages, (*shown.forms, (last, f" {last}")))


def template_hashes() -> dict[str, str]:
    """Template file -> content hash."""
    return {name: templates.template_hash(name) for name in (SYSTEM, USER)}
