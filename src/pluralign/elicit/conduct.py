"""Interviewing by a model: what it is told, and a guard that lets through one question that does not lead.

Works with any engine that streams. Whatever the model says, what comes out ends with exactly one question: the
model's if it passes, else the fixed one. Knows no web page; an error of the model passes through to the caller, who
goes on with the form.
"""

import re
from collections.abc import Iterable, Iterator
from importlib import resources
from typing import Literal, NamedTuple

from pluralign.core.chat import Message
from pluralign.core.ids import content_hash
from pluralign.elicit.interview import QUESTIONS, Interview, Stage
from pluralign.engines.base import ChatRequest

LONGEST_QUESTION = 600
"""Characters of one turn of the model."""
MOST_STATEMENTS, LONGEST_STATEMENT = 1, 160
"""Sentences before the question, and characters of one: what a model was told. Small models lecture."""
TOO_ALIKE = 0.8
"""Share of words in common from which a question counts as asked before."""
SHORT_ANSWER = 6
"""Words. An answer shorter than this is worth a follow-up."""

_SENTENCE = re.compile(r"[^.!?؟。？！\n]*[.!?؟。？！\n]+[\"'”»)]*\s*")
_ENDS_AS_QUESTION = re.compile(r"[?؟？][.!?؟？…\"'”»)\s]*$")
# Questions that carry their answer, in the languages of the site.
_LEADING = re.compile(
    r"(?<!\w)(don['’]t you|doesn['’]t it|didn['’]t you|isn['’]t (it|that)|wasn['’]t it|aren['’]t you|wouldn['’]t you|"
    r"would you agree|do you agree|shouldn['’]t|right\?|correct\?|¿no crees|¿no te parece|¿verdad|¿estás de acuerdo|"
    r"ألا تعتقد|ألا ترى|أليس كذلك|هل توافق)",
    re.IGNORECASE,
)
# A model has no life to tell of.
_PRETENDING = re.compile(
    r"\b(as a (child|parent|mother|father|teacher)|when i was|i remember|i once|in my (own )?(life|experience)|"
    r"mi propia experiencia|cuando yo era|في تجربتي|عندما كنت)",
    re.IGNORECASE,
)

_PURPOSE = {
    Stage.MOMENT: "a particular time when they, or somebody they look up to, chose well in something like this",
    Stage.NOTICED: "what exactly they noticed and looked out for in that moment, concrete enough to be observed",
    Stage.OPENED: "what became possible, for them or for others, because they looked out for it",
    Stage.LIMITS: "when it is right to look out for this, and when they would go by something else",
    Stage.BEFORE: "what they went by earlier, before they knew this, and what changed",
    Stage.LIST: "a list of three to seven things that somebody else should look out for in order to choose as they did",
}


class Conduct(NamedTuple):
    """What a model is asked with, and a hash by which interviews held alike can be told."""

    request: ChatRequest
    prompt_hash: str


def template(name: str) -> str:
    """A prompt's text. One that was used is never edited; a new wording gets the next version number."""
    return (resources.files("pluralign.elicit") / "templates" / name).read_text(encoding="utf-8").strip()


def question_request(interview: Interview, about: str, language: str) -> Conduct:
    """Ask a model for the next question of an interview about ``about``, in the named language (such as "Spanish")."""
    instructions = template("interviewer.v1.txt")
    system = instructions.format(about=about, language=language, purpose=_PURPOSE[interview.stage])
    messages = [Message("system", system)]
    for turn in interview.turns:
        messages.append(Message("assistant", turn.question or QUESTIONS[turn.stage].text))
        messages.append(Message("user", turn.answer if turn.answer is not None else "(I would rather skip this.)"))
    if len(messages) == 1:
        messages.append(Message("user", "(I am ready to begin.)"))
    request = ChatRequest(tuple(messages), max_tokens=160, temperature=0.7, top_p=0.95, seed=len(interview.turns))
    return Conduct(request, content_hash(instructions))


def wants_follow_up(stage: Stage, said: str) -> bool:
    """Whether an answer is too short to go on from. The list is never asked for twice."""
    return stage is not Stage.LIST and len(said.split()) < SHORT_ANSWER


def guarded(pieces: Iterable[str], interview: Interview, fixed: str) -> Iterator[str]:
    """Let a model's words through, sentence by sentence, up to its first question.

    Sentences that tell of a life of its own are left out. A question that leads or was asked before is replaced by
    ``fixed``, the fixed question of the stage in the reader's words; it also stands in where no question comes. What
    is yielded, joined, ends with exactly one question.
    """
    buffer, told, statements = "", 0, 0
    source = iter(pieces)
    open_ended = True
    while open_ended:
        piece = next(source, None)
        open_ended = piece is not None
        buffer += piece or ""
        while (found := _complete_sentence(buffer, final=not open_ended)) is not None:
            sentence, buffer = found
            verdict = judge(sentence, interview)
            if verdict == "fine" and told + len(sentence) <= LONGEST_QUESTION:
                yield sentence.rstrip()
                return
            if verdict in {"leading", "repeated", "fine"}:
                yield fixed
                return
            keep = verdict == "statement" and statements < MOST_STATEMENTS and len(sentence) <= LONGEST_STATEMENT
            if keep and sentence.strip():
                statements, told = statements + 1, told + len(sentence)
                yield sentence.rstrip() + " "
    yield fixed


def _complete_sentence(buffer: str, *, final: bool) -> tuple[str, str] | None:
    """The first whole sentence and the rest. While more may come, a sentence is whole when another has begun."""
    found = _SENTENCE.match(buffer)
    if found is not None and (final or found.end() < len(buffer)):
        return found.group(), buffer[found.end() :]
    if final and buffer.strip():
        return buffer, ""
    return None


def judge(sentence: str, interview: Interview) -> Literal["fine", "leading", "repeated", "unfit", "statement"]:
    """What one sentence of a model is: a question that may be asked, one that may not, a statement, or unfit: it has no
    word, or tells of a life that a model does not have."""
    if _PRETENDING.search(sentence) or not re.search(r"\w", sentence):
        return "unfit"
    if not _ENDS_AS_QUESTION.search(sentence):
        return "statement"
    if _LEADING.search(sentence):
        return "leading"
    if any(alike(sentence, turn.question) >= TOO_ALIKE for turn in interview.turns if turn.question):
        return "repeated"
    return "fine"


def alike(one: str, other: str) -> float:
    """Share of the shorter text's words that the other has too, in [0, 1]; 0 where one has no words."""
    first, second = (set(re.findall(r"\w+", text.casefold())) for text in (one, other))
    return len(first & second) / min(len(first), len(second)) if first and second else 0.0
