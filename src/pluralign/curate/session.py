"""Carries out a recipe's tasks: stored replies are taken from the store, the rest is asked for batch by batch.

A reply is stored as the model gave it, under a hash of the model and the request; what it says is read anew each time.
Batches are cut from the recipe's own lists and stored whole, so a run resumed after ``kill -9`` asks in the very
batches an undisturbed one would have, and no finished one twice.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar, cast

from pluralign.core.errors import InterruptedRunError, ModelError
from pluralign.core.ids import content_hash
from pluralign.curate.recipe import Caps, Price, Recipe
from pluralign.curate.replies import UnreadableReplyError, declines, whole_sentences
from pluralign.curate.work import Outcome, Status, Task
from pluralign.engines.base import ChatRequest, Completion, Engine, OptionScores, ScoreRequest
from pluralign.poll.answer import packed, unpacked
from pluralign.store.answers import AnswerStore
from pluralign.store.shared import Batch, compute, lacking

T = TypeVar("T")

RETRIED = frozenset({Status.UNREADABLE, Status.CUT})
CHARACTERS_PER_TOKEN = 4
"""Of English text, about: what tokens are reckoned with before a model has counted them."""


class Usage(NamedTuple):
    """What was spent, stored answers included."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def plus(self, other: "Usage") -> "Usage":
        """Both together."""
        return Usage(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def cost(self, price: Price) -> float:
        """In the unit of the price."""
        return (self.prompt_tokens * price.input + self.completion_tokens * price.output) / 1e6


class Progress(NamedTuple):
    """How far a run has come."""

    done: int
    """Answers in hand, resumed ones included."""
    total: int
    """Answers to come in all, by the forecast; retries and drops shift it a little."""
    waiting: int = 0


class CapReachedError(InterruptedRunError):
    """The next batch might go over a cap. What was answered is kept."""


def estimated_tokens(messages: Iterable[Any]) -> int:
    """Tokens of a conversation by its length."""
    return sum(len(message.content) for message in messages) // CHARACTERS_PER_TOKEN + 1


def total_cost(usage: Mapping[str, Usage], names: Mapping[str, str], prices: Mapping[str, Price]) -> float:
    """What all roles cost together. ``names``: role -> engine name."""
    return sum(spent.cost(prices.get(names[role], Price())) for role, spent in usage.items())


class Session:
    """Engines, a store and an account of what was spent. Raises :class:`CapReachedError` before a cap is passed."""

    def __init__(
        self,
        recipe: Recipe,
        engines: Mapping[str, Engine],
        store: AnswerStore,
        *,
        total: int = 0,
        on_progress: Callable[[Progress], None] = lambda _: None,
    ):
        """``engines``: role -> engine. ``total``: answers to come, for the estimate of what is left."""
        self.usage: dict[str, Usage] = {role: Usage() for role in engines}
        """Role -> what was spent on it in this run, interrupted attempts included."""
        self.statuses: Counter[tuple[str, Status]] = Counter()
        """(Stage, status) -> tasks."""
        self.retries: Counter[str] = Counter()
        """Stage -> replies that were asked for again."""
        self.computed = 0
        """Answers that this process computed."""
        self._recipe, self._engines, self._store = recipe, engines, store
        self._identity = {role: content_hash(engine.describe(), 32) for role, engine in engines.items()}
        self._total, self._tell = total, on_progress
        self._counted: set[str] = set()

    def ask(self, tasks: Sequence[Task[T]]) -> list[Outcome[T]]:
        """Ask for every task; what cannot be read is asked for again, as often as the recipe says."""
        outcomes: list[Outcome[T] | None] = [None] * len(tasks)
        pending = list(range(len(tasks)))
        for attempt in range(self._recipe.retries + 1):
            again = []
            for at, reply in zip(pending, self._replies(tasks, pending, attempt), strict=True):
                outcomes[at] = outcome = read_reply(tasks[at], reply, attempt + 1)
                if outcome.status in RETRIED and tasks[at].sampling.temperature > 0:
                    again.append(at)
            pending = again
            if not pending or attempt == self._recipe.retries:
                break
            self.retries.update(tasks[at].stage for at in pending)
        found = cast(list[Outcome[T]], outcomes)
        self.statuses.update((outcome.task.stage, outcome.status) for outcome in found)
        return found

    def score(self, requests: Sequence[ScoreRequest], *, stage: str, role: str = "model") -> list[OptionScores]:
        """Score every request. Raises :class:`ModelError` where the engine does not score options."""
        engine = self._engines[role]
        if engine.can.option_scores == "none":
            raise ModelError(
                f"{engine.name!r} does not tell how probable options are, which {stage!r} needs: use a local model or "
                "a server that does, or choose another way of judging in the recipe"
            )
        unique = list(dict.fromkeys(requests))
        plan = engine.plan(unique)
        request_of = dict(zip(reversed(plan.keys), reversed(unique), strict=True))

        def work(batch: Batch) -> dict[str, Any]:
            asked = [request_of[key] for key in batch.keys]
            self._allow(role, [(estimated_tokens(one.messages), 1) for one in asked])
            return dict(zip(batch.keys, map(packed, engine.score(asked)), strict=True))

        def spent(payload: Mapping[str, Any]) -> Usage:
            return Usage(1, int(payload["prompt_tokens"]), 1)

        stored = self._through(role, [[plan.keys[at] for at in batch] for batch in plan.batches], work, spent)
        key_of = dict(zip(unique, plan.keys, strict=True))
        self.statuses[stage, Status.OK] += len(requests)
        return [unpacked(stored[key_of[request]]) for request in requests]

    def _replies(self, tasks: Sequence[Task[T]], which: Sequence[int], attempt: int) -> list[dict[str, Any]]:
        """Replies to the tasks of these positions, batches cut at the same places in every attempt."""
        requests: dict[str, ChatRequest] = {}
        keys: dict[int, str] = {}
        batches: dict[tuple[str, int], list[str]] = {}
        for at in which:
            task = tasks[at]
            request = self._request(task, attempt)
            key = content_hash([self._identity[task.role], _plain(request)], 32)
            keys[at] = key
            requests.setdefault(key, request)
            batches.setdefault((task.role, at // self._recipe.batch), []).append(key)
        found: dict[str, dict[str, Any]] = {}
        for role in dict.fromkeys(role for role, _ in batches):

            def work(batch: Batch, role: str = role) -> dict[str, Any]:
                asked = [requests[key] for key in batch.keys]
                self._allow(role, [(estimated_tokens(one.messages), one.max_tokens) for one in asked])
                return dict(zip(batch.keys, _said(self._engines[role], asked, self.computed > 0), strict=True))

            def spent(payload: Mapping[str, Any]) -> Usage:
                return Usage(1, int(payload["prompt_tokens"]), int(payload["completion_tokens"]))

            found |= self._through(role, [own for (whose, _), own in batches.items() if whose == role], work, spent)
        return [found[keys[at]] for at in which]

    def _request(self, task: Task[T], attempt: int) -> ChatRequest:
        how = task.sampling
        # A greedy reply is the same for every seed.
        seed = int(content_hash([self._recipe.seed, task.id, attempt], 8), 16) >> 1 if how.temperature > 0 else 0
        return ChatRequest(task.messages, how.max_tokens, how.temperature, how.top_p, seed)

    def _through(
        self,
        role: str,
        batches: Sequence[Sequence[str]],
        work: Callable[[Batch], Mapping[str, Any]],
        spent: Callable[[Mapping[str, Any]], Usage],
    ) -> dict[str, Any]:
        """Key -> stored data of all batches, computing what is in no store."""
        found: dict[str, Any] = {}

        def take(fresh: Mapping[str, Any], mine: bool) -> None:
            found.update(fresh)
            self.computed += len(fresh) if mine else 0
            for key in fresh.keys() - self._counted:
                self.usage[role] = self.usage[role].plus(spent(fresh[key]))
            self._counted.update(fresh)
            self._show()

        take(self._store.get([key for batch in batches for key in batch]), False)
        compute(self._store, lacking(batches, found), work, on_batch=take, on_wait=self._show)
        return found

    def _show(self, waiting: int = 0) -> None:
        done = sum(usage.calls for usage in self.usage.values())
        self._tell(Progress(done, max(self._total, done), waiting))

    def _allow(self, role: str, requests: Sequence[tuple[int, int]]) -> None:
        """Raise before a batch that might go over a cap. ``requests``: (prompt tokens, longest reply) of each."""
        caps = self._recipe.caps
        batch = Usage(len(requests), sum(asked for asked, _ in requests), sum(longest for _, longest in requests))
        after = {**self.usage, role: self.usage[role].plus(batch)}
        would_be = {
            "calls": sum(usage.calls for usage in after.values()),
            "tokens": sum(usage.prompt_tokens + usage.completion_tokens for usage in after.values()),
            "cost": total_cost(after, self._recipe.engines(), self._recipe.prices),
        }
        for name, cap in _caps(caps):
            if would_be[name] > cap:
                raise CapReachedError(
                    f"stopped before the cap of {cap:,g} {'in cost' if name == 'cost' else name}; what was answered is "
                    f"kept: raise it with --max-{name} and run the same command again to go on"
                )


def _caps(caps: Caps) -> list[tuple[str, float]]:
    return [(name, cap) for name, cap in caps.model_dump().items() if cap is not None]


def _plain(request: ChatRequest) -> list[Any]:
    turns = [[message.role, message.content] for message in request.messages]
    return [turns, request.max_tokens, request.temperature, request.top_p, request.seed]


def _said(engine: Engine, requests: Sequence[ChatRequest], has_worked: bool) -> list[dict[str, Any]]:
    """Replies as plain data. A request that the engine cannot take is marked; that it takes none is an error."""
    try:
        return [_reply(one) for one in engine.chat(requests)]
    except ModelError as error:
        if len(requests) == 1 and not has_worked:
            raise
        if len(requests) == 1:
            return [_failed(error)]
    replies = []
    problem: ModelError | None = None
    for request in requests:
        try:
            replies.append(_reply(engine.chat([request])[0]))
        except ModelError as error:
            problem = error
            replies.append(_failed(error))
    if problem is not None and all(reply["finish"] == Status.FAILED.value for reply in replies):
        raise problem
    return replies


def _reply(completion: Completion) -> dict[str, Any]:
    return {
        "text": completion.text,
        "finish": completion.finish,
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
    }


def _failed(error: ModelError) -> dict[str, Any]:
    return {"text": str(error), "finish": Status.FAILED.value, "prompt_tokens": 0, "completion_tokens": 0}


def read_reply(task: Task[T], reply: Mapping[str, Any], attempts: int = 1) -> Outcome[T]:
    """What a stored reply says. A refusal is a refusal also where JSON was asked for."""
    text, finish = str(reply["text"]), reply["finish"]

    def outcome(status: Status, detail: str = "", value: T | None = None) -> Outcome[T]:
        kept = "" if finish == Status.FAILED.value else text
        return Outcome(task, status, value, detail, kept, attempts)

    if finish == Status.FAILED.value:
        return outcome(Status.FAILED, text)
    if finish == "refused":
        return outcome(Status.REFUSED, "the model or a filter before it refused")
    if not task.may_decline and declines(text):
        return outcome(Status.REFUSED, "the reply declines")
    said = text
    if finish == "length":
        said = whole_sentences(text) if task.may_be_cut else ""
        if not said:
            return outcome(Status.CUT, f"longer than {task.sampling.max_tokens} tokens")
    try:
        return outcome(Status.OK, value=task.read(said))
    except UnreadableReplyError as error:
        return outcome(Status.UNREADABLE, str(error))
