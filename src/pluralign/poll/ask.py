"""Questions times voices times option orders: everything a poll puts to an engine. Asks nothing itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from pluralign.core.chat import Message
from pluralign.core.ids import content_hash, text_hash
from pluralign.core.question import Question
from pluralign.engines.base import ChatRequest, ScoreRequest
from pluralign.poll.study import Method, Study
from pluralign.prompts.options import Labels, Layout, Order, layouts
from pluralign.prompts.strategies import Task
from pluralign.voices.panel import Asked

Request = TypeVar("Request", ScoreRequest, ChatRequest)

TASKS = {
    Method.EXACT: Task.CHOOSE,
    Method.SAMPLES: Task.CHOOSE,
    Method.VERBALISED: Task.STATE,
    Method.FREE_TEXT: Task.TELL,
}
"""What a voice is asked to do, method by method."""
_SEEDS = 2**31
"""Seeds lie below: what every server takes."""


@dataclass(frozen=True, slots=True)
class Item(Generic[Request]):
    """One question put to one voice with its options laid out in one way."""

    voice: Asked
    question: Question
    layout: Layout
    requests: tuple[Request, ...]
    """One; of a panel's scores one per member, of demonstrations one per draw."""
    weights: tuple[float, ...] = (1.0,)
    """How much the answer to each request counts; they sum to one."""
    at: int = 0
    """Which of the question's layouts this is."""
    sample: int | None = None
    """Which of several replies this is; ``None`` where an answer is not a reply."""

    @property
    def request(self) -> Request:
        """The request, or the first of several."""
        return self.requests[0]

    @property
    def order(self) -> Order:
        """Place on the page -> position of the option in the survey."""
        return self.layout.order

    @property
    def prompt_hash(self) -> str:
        """Content hash of the conversation and of the beginning of the reply, as stored with the answer; of several
        requests a hash of their hashes."""
        hashes = [prompt_hash(request.messages, request.reply_start) for request in self.requests]
        return hashes[0] if len(hashes) == 1 else content_hash(hashes)


def prompt_hash(messages: Sequence[Message], reply_start: str = "") -> str:
    """Content hash of a conversation and of what the reply is made to begin with."""
    turns = [[message.role, message.content] for message in messages]
    return content_hash([*turns, ["assistant", reply_start]] if reply_start else turns)


def items(
    voices: Sequence[Asked],
    questions: Sequence[Question],
    *,
    order_count: int | Literal["all"],
    labels: Labels,
    seed: int,
    permute_labels: bool = False,
) -> Iterator[Item[ScoreRequest]]:
    """Every option to score: voice by voice, question by question, order by order."""
    for voice in voices:
        for question in questions:
            for at, layout in enumerate(layouts(question, order_count, seed, permute_labels=permute_labels)):
                parts = voice.parts(question, layout.order, labels, marks=layout.marks)
                weights = tuple(part.weight for part in parts)
                yield Item(voice, question, layout, tuple(part.request for part in parts), weights, at)


def scored(study: Study, voices: Sequence[Asked], questions: Sequence[Question]) -> Iterator[Item[ScoreRequest]]:
    """:func:`items` as a study has them."""
    return items(
        voices,
        questions,
        order_count=study.orders,
        labels=study.labels,
        seed=study.seed,
        permute_labels=study.permute_labels,
    )


def laid_out(study: Study, question: Question) -> tuple[Layout, ...]:
    """All the ways in which a study lays out a question."""
    return layouts(question, study.orders, study.seed, permute_labels=study.permute_labels)


def replies(
    method: Method, study: Study, voices: Sequence[Asked], questions: Sequence[Question]
) -> Iterator[Item[ChatRequest]]:
    """Every reply to ask for: voice by voice, question by question, sample by sample.

    Samples go through the layouts in turn, so that each has as many as the others, give or take one. A statement is
    asked for once in every layout, greedily. A free text sees no options: there the layout is the reader's. A panel's
    members take turns, layout by layout, so that every layout meets every member.
    """
    for voice in voices:
        for question in questions:
            chosen = laid_out(study, question)
            asked: dict[tuple[int, str, int], ScoreRequest] = {}
            count = reply_count(method, study, len(chosen))
            for sample in range(count):
                at = sample % len(chosen)
                shown = 0 if method is Method.FREE_TEXT else at
                before = sum(len(range(earlier, count, len(chosen))) for earlier in range(at))
                member = voice.member(before + sample // len(chosen))
                if (shown, member.id, member.draw) not in asked:
                    asked[shown, member.id, member.draw] = member.ask(
                        question, chosen[shown].order, study.labels, marks=chosen[shown].marks, task=TASKS[method]
                    )
                reply = _reply(method, study, question, asked[shown, member.id, member.draw], sample)
                yield Item(voice, question, chosen[at], (reply,), at=at, sample=sample)


def reply_count(method: Method, study: Study, layouts: int) -> int:
    """How many replies to a question are asked of a voice."""
    return layouts if method is Method.VERBALISED else study.samples


def answer_count(method: Method, study: Study, question: Question) -> int:
    """How many answers to a question a voice takes: a free text is written and then read."""
    layouts = len(laid_out(study, question))
    if method is Method.EXACT:
        return layouts
    return reply_count(method, study, layouts) * (2 if method is Method.FREE_TEXT else 1)


def _reply(method: Method, study: Study, question: Question, asked: ScoreRequest, sample: int) -> ChatRequest:
    drawn = method is not Method.VERBALISED
    # Equal seeds would give all questions the same luck, and errors that do not average out.
    first = int(text_hash(f"{study.seed}/{prompt_hash(asked.messages, asked.reply_start)}"), 16)
    return ChatRequest(
        asked.messages,
        max_tokens=study.reply_tokens or reply_tokens(method, question),
        temperature=study.temperature if drawn else 0.0,
        seed=(first + sample) % _SEEDS if drawn else 0,
        reply_start=asked.reply_start,
        adapter=asked.adapter,
    )


def reply_tokens(method: Method, question: Question) -> int:
    """How long a reply may be where the study does not say."""
    if method is Method.SAMPLES:
        return 32
    return 64 + 24 * len(question.options) if method is Method.VERBALISED else 96
