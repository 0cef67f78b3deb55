"""Two answers held against a principle. Every verdict is asked for in both positions, and in both framings where
wanted: which keeps the principle, and which goes against it (C3AI, WWW 2025, found that people and tuned models differ
in which framing suits them). What hangs on position or framing evens out; what is left undecided is dropped.
"""

import math
import re
from collections.abc import Generator, Sequence
from typing import NamedTuple

from pluralign.core.chat import Message
from pluralign.core.records import Scalar
from pluralign.curate.constitutional_keys import Ready
from pluralign.curate.principles import statement
from pluralign.curate.recipe import Sampling
from pluralign.curate.replies import UnreadableReplyError
from pluralign.curate.revise import Answer, pair, provenance, speaking_task
from pluralign.curate.similar import words
from pluralign.curate.work import UNDECIDED, Dropped, Made, Task, Work
from pluralign.engines.base import OptionScores, ScoreRequest

STAGE = "judge"
_LETTER = re.compile(r"^\W*(?:answer\s+)?([AB])\b", re.IGNORECASE)
_LEAST = 1e-6
"""Probabilities are kept this far from 0 and 1 in log-odds."""


class Question(NamedTuple):
    """One way of putting two answers to the judge."""

    id: str
    message: str
    turned: bool
    """Whether "A" speaks for the second answer: because it stands first, or because "A" is the worse one; not both."""


class Verdict(NamedTuple):
    """What the judge holds of two answers."""

    preference: float
    """Probability that the first keeps the principle better, mean over positions and framings, in [0, 1]."""
    log_odds: float
    """The same in nats: mean log-odds, positive where the first is better."""
    position: float
    """How much likelier the answer that stands first is called the better one than the other: 0 is fair, in [-1, 1]."""


def judged(ready: Ready, work: Work, answers: Sequence[Answer]) -> Generator[Made, None, None]:
    """Draw a second answer to each prompt, have both judged by the prompt's principle, and make pairs."""
    seconds = work.ask([speaking_task(ready, answer.case, "second answer") for answer in answers])
    both: list[tuple[Answer, str]] = []
    for answer, second in zip(answers, seconds, strict=True):
        if second.value is None:
            yield second.dropped(answer.case.parents)
        elif words(second.value) == words(answer.text):
            item = second.task.id
            yield Dropped(item, STAGE, "same answers", "", second.value, answer.case.parents)
        else:
            both.append((answer, second.value))
    verdicts = verdicts_of(ready, work, both)
    for (answer, second_text), verdict in zip(both, verdicts, strict=True):
        case = answer.case
        if verdict is None:
            yield Dropped(f"{case.id}/judge", STAGE, "unreadable", "a verdict could not be read", "", case.parents)
            continue
        sure = max(verdict.preference, 1 - verdict.preference)
        if sure < ready.keys.judging.least_preference:
            detail = f"preference {sure:.2f}, position effect {verdict.position:+.2f}"
            yield Dropped(f"{case.id}/judge", STAGE, UNDECIDED, detail, "", case.parents)
            continue
        first_wins = verdict.preference > 0.5
        chosen, rejected = (answer.text, second_text) if first_wins else (second_text, answer.text)
        details: dict[str, Scalar] = {
            "pair": "judged",
            "judge": ready.keys.engines()["judge"],
            "position_effect": round(verdict.position, 6),
            "temperature": ready.keys.speaking.temperature,
        }
        made = provenance(ready, case, case.parents, "model", details)
        slots = ready.wordings.hashes(*(f"judge_{framing}" for framing in ready.keys.judging.framings))
        yield pair(
            ready,
            case,
            chosen=chosen,
            rejected=rejected,
            made=made.model_copy(update={"templates": {**made.templates, **slots}}),
            preference=round(sure, 6),
            margin=round(abs(verdict.log_odds), 6),
        )


def verdicts_of(ready: Ready, work: Work, both: Sequence[tuple[Answer, str]]) -> list[Verdict | None]:
    """What the judge holds of each pair of answers; ``None`` where one of its replies could not be read."""
    asked = [_questions(ready, answer, second) for answer, second in both]
    flat = [question for own in asked for question in own]
    if ready.keys.judging.by == "scores":
        scores = work.score([_scored(question) for question in flat], stage=STAGE, role="judge") if flat else []
        found: list[float | None] = [_probability_of_a(one) for one in scores]
    else:
        found = [outcome.value for outcome in work.ask([_replied(question) for question in flat])]
    verdicts: list[Verdict | None] = []
    place = 0
    for own in asked:
        values = found[place : place + len(own)]
        place += len(own)
        verdicts.append(_verdict(own, [value for value in values if value is not None]))
    return verdicts


def _questions(ready: Ready, answer: Answer, second: str) -> list[Question]:
    case = answer.case
    found = []
    for framing in ready.keys.judging.framings:
        for swapped in (False, True):
            one, other = (second, answer.text) if swapped else (answer.text, second)
            text = ready.wordings.fill(
                f"judge_{framing}", asked=case.prompt, first=one, second=other, statement=statement(case.principle)
            )
            turned = swapped != (framing == "breaks")
            found.append(Question(f"{case.id}/judge/{framing}/{'swapped' if swapped else 'plain'}", text, turned))
    return found


def _scored(question: Question) -> ScoreRequest:
    return ScoreRequest((Message("user", question.message),), (("A", " A"), ("B", " B")))


def _replied(question: Question) -> Task[float]:
    def read(reply: str) -> float:
        found = _LETTER.match(reply)
        if found is None:
            raise UnreadableReplyError("neither A nor B")
        return 1.0 if found[1].upper() == "A" else 0.0

    return Task(
        id=question.id,
        stage=STAGE,
        messages=(Message("user", question.message),),
        read=read,
        sample="A",
        role="judge",
        sampling=Sampling(temperature=0, max_tokens=8),
    )


def _probability_of_a(scores: OptionScores) -> float:
    """Of "A" against "B"; even where neither is at all likely."""
    top = max(scores.logprobs)
    if top == -math.inf:
        return 0.5
    a, b = (math.exp(logprob - top) for logprob in scores.logprobs)
    return a / (a + b)


def _verdict(questions: Sequence[Question], of_a: Sequence[float]) -> Verdict | None:
    if len(of_a) < len(questions):
        return None
    first = [1 - value if question.turned else value for question, value in zip(questions, of_a, strict=True)]
    clipped = [min(max(value, _LEAST), 1 - _LEAST) for value in first]
    # In the "breaks" framing "A" names the worse answer: the one that stands first is called better by "B".
    standing_first = [
        1 - value if "/breaks/" in question.id else value for question, value in zip(questions, of_a, strict=True)
    ]
    return Verdict(
        preference=math.fsum(first) / len(first),
        log_odds=math.fsum(math.log(value / (1 - value)) for value in clipped) / len(clipped),
        position=2 * math.fsum(standing_first) / len(standing_first) - 1,
    )
