"""What a reply comes to: shares of the options, a refusal, or nothing that can be read. Asks nothing.

Nothing is guessed: what is no option is counted as such, and never shared out.
"""

import math
from typing import NamedTuple

import numpy as np

from pluralign.core.question import Question
from pluralign.engines.base import Completion, OptionScores, ScoreRequest
from pluralign.poll.heard import probabilities
from pluralign.prompts.answers import Kind, declines, read_strict
from pluralign.prompts.options import Labels, Layout, show
from pluralign.prompts.reader import reading_prompt
from pluralign.prompts.shares import read_shares


class Read(NamedTuple):
    """One reply, read."""

    kind: Kind
    shares: tuple[float, ...] | None = None
    """Over the options in the survey's order, summing to 1; ``None`` unless something was read."""
    captured: float = 0.0
    """How much of the reply the options hold: 1 or 0; of a text read by a model what is not "none of these"."""

    @property
    def refused(self) -> float:
        """1 for a refusal."""
        return float(self.kind is Kind.REFUSED)


def read_sample(reply: Completion, question: Question, layout: Layout, labels: Labels) -> Read:
    """A reply that should name one option as it was listed."""
    if reply.finish == "refused":
        return Read(Kind.REFUSED)
    shown = show(question, layout.order, labels, layout.marks)
    found = read_strict(reply.text, question, () if shown.label_name == "wording" else shown.keys)
    if found.option is None:
        return Read(found.kind)
    return Read(found.kind, tuple(float(at == found.option) for at in range(len(question.options))), 1.0)


def read_statement(reply: Completion, question: Question, layout: Layout, labels: Labels) -> Read:
    """A reply that should state the share of every option."""
    if reply.finish == "refused":
        return Read(Kind.REFUSED)
    found = read_shares(reply.text, question, show(question, layout.order, labels, layout.marks))
    return Read(found.kind, found.shares, float(found.shares is not None))


def to_reader(reply: Completion, question: Question, layout: Layout) -> ScoreRequest | None:
    """What the reader is asked about a free text; ``None`` where there is nothing to read: a refusal, or no text."""
    if reply.finish == "refused" or not reply.text.strip() or declines(reply.text):
        return None
    prompt = reading_prompt(question, reply.text, layout.order)
    return ScoreRequest(prompt.messages, prompt.forms)


def read_text(reply: Completion, scores: OptionScores | None) -> Read:
    """A free text, by what the reader made of it: the options' share is what is not "none of these"."""
    if scores is None:
        refused = reply.finish == "refused" or declines(reply.text)
        return Read(Kind.REFUSED if refused else Kind.UNREADABLE)
    everything = probabilities(scores)
    if everything is None:
        return Read(Kind.UNREADABLE)
    captured = math.fsum(everything[:-1].tolist())
    if not captured > 0:
        return Read(Kind.UNREADABLE)
    return Read(Kind.ANSWER, tuple((np.asarray(everything[:-1]) / captured).tolist()), min(1.0, captured))
