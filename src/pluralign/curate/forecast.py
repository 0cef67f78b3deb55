"""What a recipe will take, before it runs: the recipe itself is carried out, with sample replies in place of a model's.

No call is made. Tokens are reckoned at four characters each; what will be refused, unreadable or retried is not known
beforehand and not counted.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from pluralign.core.ids import content_hash
from pluralign.core.records import PreferenceRecord, SftRecord
from pluralign.curate.recipe import Recipe
from pluralign.curate.session import CHARACTERS_PER_TOKEN, Usage, estimated_tokens, read_reply, total_cost
from pluralign.curate.work import UNDECIDED, Dropped, Made, Outcome, Task, Work
from pluralign.engines.base import OptionScores, ScoreRequest

T = TypeVar("T")


class Stage(NamedTuple):
    """One kind of task."""

    name: str
    engine: str
    """Name of the model that is asked."""
    usage: Usage
    longest: int
    """Tokens of replies, were each as long as it may be."""


class Forecast(NamedTuple):
    """The size of a run."""

    stages: tuple[Stage, ...]
    """In the order in which they are first asked."""
    usage: Usage
    cost: float | None
    """By the recipe's prices; ``None`` without any."""
    most_cost: float | None
    """The same, were every reply as long as it may be."""
    sft: int
    """Records before screening, were nothing dropped."""
    preferences: int


class _Pretence:
    """Answers every task with its sample, and counts."""

    def __init__(self) -> None:
        self.usage: dict[tuple[str, str], Usage] = {}
        self.longest: dict[tuple[str, str], int] = {}

    def ask(self, tasks: Sequence[Task[T]]) -> list[Outcome[T]]:
        for task in tasks:
            words = len(task.sample) // CHARACTERS_PER_TOKEN + 1
            completion = min(words, task.sampling.max_tokens)
            self._count(task.stage, task.role, estimated_tokens(task.messages), completion, task.sampling.max_tokens)
        return [read_reply(task, {"text": task.sample, "finish": "stop"}) for task in tasks]

    def score(self, requests: Sequence[ScoreRequest], *, stage: str, role: str = "model") -> list[OptionScores]:
        scores = []
        for request in requests:
            tokens = estimated_tokens(request.messages)
            self._count(stage, role, tokens, 1, 1)
            # The first option likelier, by how much depends on the prompt: neither ties nor answers that never change.
            lot = int(content_hash([message.content for message in request.messages], 8), 16) / 16**8
            shares = [2.0 + 8.0 * lot, *[1.0] * (len(request.options) - 1)]
            logprobs = tuple(math.log(share / sum(shares)) for share in shares)
            scores.append(OptionScores(logprobs, tuple((one,) for one in logprobs), tokens))
        return scores

    def _count(self, stage: str, role: str, prompt: int, completion: int, longest: int) -> None:
        key = (stage, role)
        self.usage[key] = self.usage.get(key, Usage()).plus(Usage(1, prompt, completion))
        self.longest[key] = self.longest.get(key, 0) + longest


def forecast(recipe: Recipe, make: Callable[[Work], Iterator[Made]]) -> Forecast:
    """Carry the recipe out without a model and count."""
    pretence = _Pretence()
    sft = preferences = 0
    for made in make(pretence):
        sft += isinstance(made, SftRecord)
        preferences += isinstance(made, PreferenceRecord)
        preferences += isinstance(made, Dropped) and made.reason == UNDECIDED
    names = recipe.engines()
    stages = tuple(
        Stage(stage, names[role], usage, pretence.longest[stage, role])
        for (stage, role), usage in pretence.usage.items()
    )
    total = Usage()
    by_engine: dict[str, Usage] = {}
    at_most: dict[str, Usage] = {}
    for stage in stages:
        total = total.plus(stage.usage)
        by_engine[stage.engine] = by_engine.get(stage.engine, Usage()).plus(stage.usage)
        full = stage.usage._replace(completion_tokens=stage.longest)
        at_most[stage.engine] = at_most.get(stage.engine, Usage()).plus(full)
    own_names = {name: name for name in by_engine}
    priced = bool(recipe.prices)
    return Forecast(
        stages=stages,
        usage=total,
        cost=total_cost(by_engine, own_names, recipe.prices) if priced else None,
        most_cost=total_cost(at_most, own_names, recipe.prices) if priced else None,
        sft=sft,
        preferences=preferences,
    )
