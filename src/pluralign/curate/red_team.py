"""From principles to prompts: requests for critique and revision where they lack, and prompts that test a principle.

Prompts that repeat an example or another prompt, and those that quote a question to be measured, are dropped before
anything is asked about them.
"""

from collections.abc import Generator, Mapping
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from pluralign.core.chat import Message
from pluralign.core.constitution import Constitution, Principle, SomeText
from pluralign.curate.constitutional_keys import Ready
from pluralign.curate.principles import parents_of, statement
from pluralign.curate.replies import json_object
from pluralign.curate.screen import LEAK, NEAR_DUPLICATE
from pluralign.curate.similar import near_duplicates
from pluralign.curate.work import Dropped, Made, Task, Work, filler, seeded

STAGE = "red-team"


class Case(NamedTuple):
    """A prompt that puts a principle to the test."""

    id: str
    """Principle and number, such as ``dignity/3``."""
    principle: Principle
    prompt: str
    answer: str = ""
    """An answer that goes against the principle, where one was written along with it."""

    @property
    def parents(self) -> tuple[str, ...]:
        """What it was made from, as records name it, and itself."""
        return (*parents_of(self.principle), f"prompt:{self.id}")


class _Draft(BaseModel):
    model_config = ConfigDict(extra="forbid")

    critique_request: SomeText
    revision_request: SomeText


class _Messages(BaseModel):
    model_config = ConfigDict(extra="forbid")

    messages: Annotated[list[SomeText], Field(min_length=1)]


class _Answered(BaseModel):
    model_config = ConfigDict(extra="forbid")

    message: SomeText
    answer: SomeText


class _AnsweredMessages(BaseModel):
    model_config = ConfigDict(extra="forbid")

    messages: Annotated[list[_Answered], Field(min_length=1)]


class Drafted(NamedTuple):
    """A constitution whose principles all have their requests."""

    constitution: Constitution
    templates: Mapping[str, tuple[str, ...]]
    """Principle id -> template slots that its requests were made with; none where people wrote them."""


def drafted(ready: Ready, work: Work) -> Generator[Made, None, Drafted]:
    """Give every principle its critique and revision request; what people wrote stays as it is."""
    lacking = [one for one in ready.constitution.principles if not one.drafted]
    tasks = [_draft_task(ready, one) for one in lacking] if ready.keys.draft == "model" else []
    by_model = {}
    for principle, outcome in zip(lacking, work.ask(tasks) if tasks else [], strict=bool(tasks)):
        if outcome.value is not None:
            by_model[principle.id] = outcome.value
        else:
            yield outcome.dropped(parents_of(principle))._replace(
                detail=f"{outcome.detail}; the fixed wording is used instead"
            )
    principles, templates = [], {}
    for principle in ready.constitution.principles:
        own: tuple[str, ...] = ()
        if not principle.drafted:
            critique, revision = requests(ready, principle)
            own = ("critique_request", "revision_request")
            if principle.id in by_model:
                draft = by_model[principle.id]
                critique = principle.critique_request or draft.critique_request
                revision = principle.revision_request or draft.revision_request
                own = ("draft",)
            principle = principle.model_copy(update={"critique_request": critique, "revision_request": revision})
        principles.append(principle)
        templates[principle.id] = own
    return Drafted(ready.constitution.model_copy(update={"principles": tuple(principles)}), templates)


def requests(ready: Ready, principle: Principle) -> tuple[str, str]:
    """Critique and revision request of a principle: its own, else the fixed sentences around its words."""
    said = statement(principle)
    return (
        principle.critique_request or ready.wordings.fill("critique_request", statement=said),
        principle.revision_request or ready.wordings.fill("revision_request", statement=said),
    )


def _draft_task(ready: Ready, principle: Principle) -> Task[_Draft]:
    sample = _Draft(critique_request=filler(40, "critique"), revision_request=filler(40, "revision"))
    return Task(
        id=f"{principle.id}/draft",
        stage="draft",
        messages=(Message("user", ready.wordings.fill("draft", statement=statement(principle))),),
        read=json_object(_Draft),
        sample=sample.model_dump_json(),
        role="writer",
        sampling=ready.keys.writing,
    )


def written_prompts(ready: Ready, work: Work) -> Generator[Made, None, list[Case]]:
    """Prompts for every principle: those that were given, else written; in the constitution's order."""
    if ready.prompts:
        cases = _given(ready)
    else:
        cases = yield from _written(ready, work)
    return (yield from _screened(ready, cases))


def _given(ready: Ready) -> list[Case]:
    principles = ready.constitution.principles
    counts: dict[str, int] = {}
    cases = []
    for at, one in enumerate(ready.prompts):
        if one.principle:
            principle = ready.constitution.principle(one.principle)
        else:
            principle = seeded(ready.keys.seed, "principle of prompt", at).choice(principles)
        counts[principle.id] = counts.get(principle.id, 0) + 1
        cases.append(Case(one.id or f"{principle.id}/{counts[principle.id]}", principle, one.prompt, one.answer))
    return cases


def _written(ready: Ready, work: Work) -> Generator[Made, None, list[Case]]:
    wanted = ready.keys.prompts
    asked: list[tuple[Principle, Task[list[tuple[str, str]]]]] = []
    for principle in ready.constitution.principles:
        for call, start in enumerate(range(0, wanted.per_principle, wanted.per_call)):
            count = min(wanted.per_call, wanted.per_principle - start)
            asked.append((principle, _prompt_task(ready, principle, call, count, len(asked))))
    cases: list[Case] = []
    counts: dict[str, int] = {}
    for (principle, _), outcome in zip(asked, work.ask([task for _, task in asked]), strict=True):
        if outcome.value is None:
            yield outcome.dropped(parents_of(principle))
            continue
        for prompt, answer in outcome.value:
            counts[principle.id] = counts.get(principle.id, 0) + 1
            cases.append(Case(f"{principle.id}/{counts[principle.id]}", principle, prompt, answer))
    return cases


def _prompt_task(ready: Ready, principle: Principle, call: int, count: int, place: int) -> Task[list[tuple[str, str]]]:
    """``place`` is that of the call among all calls: settings go round."""
    keys = ready.keys
    chance = seeded(keys.seed, "examples", principle.id, call)
    examples = chance.sample(ready.examples, min(keys.prompts.examples, len(ready.examples)))
    authored = keys.first_answer == "authored"
    text = ready.wordings.fill(
        "red_team_answered" if authored else "red_team",
        statement=statement(principle),
        count=count,
        examples=examples,
        variance=keys.prompts.variance[place % len(keys.prompts.variance)] if keys.prompts.variance else "",
    )
    own = (principle.id, call)
    sample: BaseModel
    if authored:
        both = [_Answered(message=filler(22, *own, at), answer=filler(22, *own, at, "answer")) for at in range(count)]
        sample = _AnsweredMessages(messages=both)
    else:
        sample = _Messages(messages=[filler(22, *own, at) for at in range(count)])

    def read(reply: str) -> list[tuple[str, str]]:
        # More than were asked for are left out; fewer are taken as they are.
        if authored:
            return [(one.message, one.answer) for one in json_object(_AnsweredMessages)(reply).messages[:count]]
        return [(one, "") for one in json_object(_Messages)(reply).messages[:count]]

    return Task(
        id=f"{principle.id}/prompts/{call + 1}",
        stage=STAGE,
        messages=(Message("user", text),),
        read=read,
        sample=sample.model_dump_json(),
        role="writer",
        sampling=keys.writing,
    )


def _screened(ready: Ready, cases: list[Case]) -> Generator[Made, None, list[Case]]:
    """Drop prompts that leak or repeat an example or one another."""
    near = ready.keys.screen.near_duplicates
    texts = [*ready.examples, *(case.prompt for case in cases)]
    twins = (
        {} if near is None else {twin.position: twin for twin in near_duplicates((("", text) for text in texts), near)}
    )
    kept = []
    for place, case in enumerate(cases, start=len(ready.examples)):
        leak = ready.leaks.find([case.prompt])
        twin = twins.get(place)
        if leak is not None:
            detail = f"{leak.share:.0%} of question {leak.question} of {leak.survey}"
            yield Dropped(case.id, STAGE, LEAK, detail, case.prompt, case.parents)
        elif twin is not None:
            at = twin.of - len(ready.examples)
            other = f"prompt:{cases[at].id}" if at >= 0 else f"example {twin.of + 1}"
            yield Dropped(
                case.id, STAGE, NEAR_DUPLICATE, f"{twin.similarity:.0%} like {other}", case.prompt, case.parents
            )
        else:
            kept.append(case)
    return kept
