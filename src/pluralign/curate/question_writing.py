"""Has a model write new survey questions after those of a survey: the first step of CultureSPA.

Topic by topic the model is shown a few questions, the survey's and some of its own, and asked for one more as JSON.
Topics go on side by side in rounds: what is asked together cannot be an example of each other. Knows no culture.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, model_validator

from pluralign.core.chat import Message
from pluralign.core.ids import content_hash
from pluralign.core.question import Question
from pluralign.curate.culturespa_recipe import Writing
from pluralign.curate.leaks import LeakScreen
from pluralign.curate.question_files import as_question
from pluralign.curate.question_rules import filter_questions
from pluralign.curate.replies import json_object
from pluralign.curate.similar import triples, words
from pluralign.curate.work import Dropped, Outcome, Status, Task, Work, seeded
from pluralign.prompts import templates

SYSTEM, USER = "curate_question_system.v1", "curate_question_user.v1"
MOST_OPTIONS = 11
"""A scale from 0 to 10 is the longest that is asked."""

_NO_OPINION = re.compile(
    r"""^\W*(?:
        (?:i\s+)?(?:do\s+not|don['’]t)\s+know | not\s+sure | unsure | (?:i\s+)?(?:am|['’]m)\s+not\s+sure
        | (?:i\s+)?(?:refuse|decline)\b.* | (?:i\s+)?(?:would\s+)?prefer\s+not\b.* | rather\s+not\b.*
        | (?:i\s+have\s+)?no\s+opinion | no\s+answer | can(?:not|['’]t)\s+(?:say|choose|decide) | undecided
        | other(?:\s*[(:,\-–].*|\s+(?:please\s+)?specify.*)? | not\s+applicable | n/a
    )\W*$""",
    re.IGNORECASE | re.VERBOSE,
)


class Written(BaseModel):
    """What the model is asked for."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    question: str
    options: list[str]

    @model_validator(mode="before")
    @classmethod
    def _in_any_case(cls, data: object) -> object:
        """The original takes "Question" and "Options" as well."""
        if not isinstance(data, dict):
            return data
        return {key.casefold() if isinstance(key, str) else key: value for key, value in data.items()}

    @model_validator(mode="after")
    def _says_something(self) -> "Written":
        if not self.question.strip():
            raise ValueError("the question is empty")
        if len(self.options) < 2 or not all(option.strip() for option in self.options):
            raise ValueError("a question needs at least two options, none of them empty")
        return self


class NewQuestion(NamedTuple):
    """A question that was written or read from a file, ready to be asked."""

    question: Question
    record: Mapping[str, Any]
    """As files of questions have it."""
    parents: tuple[str, ...]
    """Questions it was written after."""


class Sifted(NamedTuple):
    """What filtering made of a question: the one or the other."""

    question: Question | None
    record: Mapping[str, Any]
    reason: str = ""


class Sieve:
    """Filters questions as they come; remembers those it let through."""

    def __init__(self, known: Sequence[str], filter_name: str, similar: float | None, leaks: LeakScreen):
        """``known``: wordings of the survey's own. ``filter_name``: ``sound``, ``published`` or ``none``."""
        self._seen = set(known)
        self._sound, self._none = filter_name == "sound", filter_name == "none"
        self._similar = similar if self._sound else None
        self._leaks = leaks
        self._index: dict[tuple[str, ...], list[int]] = {}
        self._sizes: list[int] = []
        if self._similar is not None:
            for text in known:
                self._remember(text)

    def sift(self, record: Mapping[str, Any], id_: str, topic: str) -> Sifted:
        """Filter one record with ``question`` and ``option_lst``."""
        missing: dict[int, str] = {}
        if not self._none:
            result = next(filter_questions([record], self._seen, published=not self._sound))
            record = result.record
            if result.dropped is not None:
                return Sifted(None, record, result.dropped.reason)
            self._seen.add(record["question"])
        options = [str(option).strip() for option in record["option_lst"]]
        if self._sound:
            left = [option for option in options if not _NO_OPINION.match(option)]
            missing = {-1 - at: option for at, option in enumerate(o for o in options if o not in left)}
            options = left
            if not 2 <= len(options) <= MOST_OPTIONS:
                return Sifted(None, record, "too few or too many options")
            if len({option.casefold() for option in options}) < len(options):
                return Sifted(None, record, "an option twice")
            if self._leaks.find((record["question"],)) is not None:
                return Sifted(None, record, "a question that will be measured")
            if self._similar is not None and self._nearest(record["question"]) >= self._similar:
                return Sifted(None, record, "like an earlier question")
        try:
            question = as_question(id_, record["question"], options, topic, missing)
        except ValueError:
            return Sifted(None, record, "options that cannot be told apart")
        if self._similar is not None:
            self._remember(record["question"])
        return Sifted(question, record)

    def _nearest(self, text: str) -> float:
        """Greatest Jaccard similarity of word triples to a question let through before."""
        own = triples(words(text))
        shared: dict[int, int] = {}
        for triple in own:
            for other in self._index.get(triple, ()):
                shared[other] = shared.get(other, 0) + 1
        return max((count / (len(own) + self._sizes[other] - count) for other, count in shared.items()), default=0.0)

    def _remember(self, text: str) -> None:
        own = triples(words(text))
        for triple in own:
            self._index.setdefault(triple, []).append(len(self._sizes))
        self._sizes.append(len(own))


def write_questions(
    recipe: Writing, seed: int, seeds: Sequence[Question], sieve: Sieve, work: Work
) -> Iterator[NewQuestion | Dropped]:
    """Ask for questions on every topic of ``seeds`` until each has as many as wanted or is given up."""
    topics = [_Topic(name, recipe, seed, seeds) for name in dict.fromkeys(question.topic for question in seeds)]
    while open_topics := [topic for topic in topics if topic.wants]:
        asked = [(topic, task) for topic in open_topics for task in topic.tasks()]
        outcomes = work.ask([task for _, task in asked])
        for (topic, _), outcome in zip(asked, outcomes, strict=True):
            yield from topic.take(outcome, sieve)
    for topic in topics:
        if len(topic.found) < recipe.per_topic:
            detail = f"{len(topic.found)} of {recipe.per_topic} questions after {topic.asked} requests"
            yield Dropped(f"topic:{topic.name}", "write", "given up", detail)


class _Topic:
    """One topic while its questions are being written."""

    def __init__(self, name: str, recipe: Writing, seed: int, seeds: Sequence[Question]):
        self.name, self._recipe, self._seed = name, recipe, seed
        self.found: list[Question] = []
        self.asked = 0
        self._parents: dict[str, tuple[str, ...]] = {}
        own = [question for question in seeds if question.topic == name]
        self._seeds = own if recipe.seeds == "all" else [seeded(seed, "seed", name).choice(own)]

    @property
    def wants(self) -> bool:
        """Whether to ask once more."""
        return len(self.found) < self._recipe.per_topic and self.asked < self._recipe.tries * self._recipe.per_topic

    def tasks(self) -> list[Task[Written]]:
        """The next round's requests."""
        left = self._recipe.tries * self._recipe.per_topic - self.asked
        count = min(self._recipe.at_once, self._recipe.per_topic - len(self.found), left)
        numbers = range(self.asked, self.asked + count)
        self.asked += count
        return [self._task(number) for number in numbers]

    def _task(self, number: int) -> Task[Written]:
        id_ = f"{self.name}/{number}"
        examples = self._examples(id_)
        self._parents[id_] = tuple(f"question:{one.id}" for one in examples)
        listed = [
            {"text": one.text, "options": json.dumps([o.text for o in one.options], ensure_ascii=False)}
            for one in examples
        ]
        return Task(
            id=id_,
            stage="write",
            messages=(
                Message("system", templates.render(SYSTEM)),
                Message("user", templates.render(USER, topic=self.name, examples=listed)),
            ),
            read=json_object(Written),
            sample=_sample(id_),
            sampling=self._recipe.sampling,
        )

    def _examples(self, id_: str) -> list[Question]:
        """Some earlier ones and some of the survey's; more earlier ones where the survey has too few."""
        draw = seeded(self._seed, "examples", id_)
        count = self._recipe.examples
        earlier = min(self._recipe.earlier, len(self.found), count)
        seeds = min(count - earlier, len(self._seeds))
        earlier = min(count - seeds, len(self.found))
        examples = draw.sample(self._seeds, seeds) + draw.sample(self.found, earlier)
        draw.shuffle(examples)
        return examples

    def take(self, outcome: Outcome[Written], sieve: Sieve) -> Iterator[NewQuestion | Dropped]:
        """What came of a request."""
        parents = self._parents.pop(outcome.task.id)
        if outcome.status is not Status.OK or outcome.value is None:
            yield outcome.dropped(parents)
            return
        if len(self.found) == self._recipe.per_topic:
            return
        record = {
            "Q_id": f"Q{len(self.found)}",
            "class": self.name,
            "question": outcome.value.question.strip(),
            "option_lst": outcome.value.options,
        }
        own = content_hash([self.name, record["question"], record["option_lst"]])
        sifted = sieve.sift(record, own, self.name)
        if sifted.question is None:
            yield Dropped(outcome.task.id, "write", sifted.reason, str(record["question"]), outcome.reply, parents)
            return
        self.found.append(sifted.question)
        yield NewQuestion(sifted.question, sifted.record, parents)


def _sample(id_: str) -> str:
    """A reply for forecasts, unlike any other one's."""
    draw = content_hash(id_, 60)
    return json.dumps(
        {"question": " ".join(draw[at : at + 5] for at in range(0, 60, 5)) + "?", "options": ["yes", "rather", "no"]}
    )
