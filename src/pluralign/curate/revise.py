"""First answers, and rounds of critique and revision. Each round is a conversation of its own: message, answer,
request, critique, request, revision; so the reviser sees its critique as its own words, as in Bai et al. 2022.
"""

from collections.abc import Generator, Mapping, Sequence
from typing import NamedTuple

from pluralign.core.chat import Message
from pluralign.core.constitution import Principle
from pluralign.core.records import PreferenceRecord, Provenance, Scalar, SftRecord
from pluralign.curate.constitutional_keys import Ready
from pluralign.curate.principles import in_its_place, parents_of
from pluralign.curate.red_team import Case, requests
from pluralign.curate.replies import some_text, without_label
from pluralign.curate.similar import words
from pluralign.curate.work import Dropped, Made, Outcome, Task, Work, filler, seeded

RECIPE = "constitutional"


class Answer(NamedTuple):
    """The first answer to a prompt."""

    case: Case
    text: str


class Revision(NamedTuple):
    """One round."""

    principles: tuple[Principle, ...]
    critique: str
    text: str


class Chain(NamedTuple):
    """An answer and what became of it."""

    answer: Answer
    revisions: tuple[Revision, ...] = ()

    @property
    def last(self) -> str:
        """The answer as it now stands."""
        return self.revisions[-1].text if self.revisions else self.answer.text

    @property
    def parents(self) -> tuple[str, ...]:
        """The prompt's, and the principles that were drawn."""
        drawn = (parent for revision in self.revisions for one in revision.principles for parent in parents_of(one))
        return tuple(dict.fromkeys([*self.answer.case.parents, *drawn]))


def speaking_task(ready: Ready, case: Case, which: str) -> Task[str]:
    """Ask the model to be trained for its own answer."""
    keys = ready.keys
    return Task(
        id=f"{case.id}/{which}",
        stage=which,
        messages=(*_opening(ready), Message("user", case.prompt)),
        read=some_text,
        sample=filler(60, case.id, which),
        role="model",
        sampling=keys.speaking,
        may_decline=keys.refusals == "keep",
        may_be_cut=keys.cut == "keep",
    )


def _opening(ready: Ready) -> tuple[Message, ...]:
    return (Message("system", ready.keys.system),) if ready.keys.system else ()


def answered(ready: Ready, work: Work, cases: Sequence[Case]) -> Generator[Made, None, list[Answer]]:
    """The first answer to every prompt: the model's own, or the bad one that was written along with it."""
    if ready.keys.first_answer == "authored":
        found = []
        for case in cases:
            if case.answer:
                found.append(Answer(case, case.answer))
            else:
                yield Dropped(
                    f"{case.id}/answer", "answer", "missing", "no answer came with the prompt", "", case.parents
                )
        return found
    outcomes = work.ask([speaking_task(ready, case, "answer") for case in cases])
    found = []
    for case, outcome in zip(cases, outcomes, strict=True):
        if outcome.value is None:
            yield outcome.dropped(case.parents)
        else:
            found.append(Answer(case, outcome.value))
    return found


def revised(
    ready: Ready, work: Work, answers: Sequence[Answer], weights: Mapping[str, float]
) -> Generator[Made, None, list[Chain]]:
    """Carry answers through the rounds. One that fails keeps the rounds it has; without any it is left out."""
    going, done = [Chain(answer) for answer in answers], []
    for number in range(1, ready.keys.rounds + 1):
        drawn = [_drawn(ready, chain.answer.case, number, weights) for chain in going]
        critiques = work.ask(
            [_critique_task(ready, chain, own, number) for chain, own in zip(going, drawn, strict=True)]
        )
        criticised = []
        for chain, own, critique in zip(going, drawn, critiques, strict=True):
            if critique.value is None:
                yield critique.dropped(chain.parents)
                done.append(chain)
            else:
                criticised.append((chain, own, critique.value))
        revisions = work.ask([_revision_task(ready, *one, number) for one in criticised])
        going = []
        for (chain, own, critique_text), outcome in zip(criticised, revisions, strict=True):
            problem = _problem(outcome, chain, critique_text)
            if outcome.value is None or problem is not None:
                yield problem or outcome.dropped(chain.parents)
                done.append(chain)
            else:
                revision = Revision(own, critique_text, outcome.value)
                going.append(chain._replace(revisions=(*chain.revisions, revision)))
    finished = {chain.answer.case.id: chain for chain in (*done, *going) if chain.revisions}
    return [finished[answer.case.id] for answer in answers if answer.case.id in finished]


def _drawn(ready: Ready, case: Case, number: int, weights: Mapping[str, float]) -> tuple[Principle, ...]:
    """The principles of a round, each once."""
    keys = ready.keys
    chance = seeded(keys.seed, "principle", case.id, number)
    draw = "own" if keys.published else keys.draw
    left = list(ready.constitution.principles)
    found: list[Principle] = []
    if draw == "own" or (draw == "own first" and number == 1):
        found.append(ready.constitution.principle(case.principle.id))
        left.remove(found[0])
    while left and len(found) < keys.at_once:
        (one,) = chance.choices(left, [weights[principle.id] for principle in left])
        found.append(one)
        left.remove(one)
    return tuple(in_its_place(one, chance) if keys.alternatives else one for one in found)


def _conversation(ready: Ready, chain: Chain, own: Sequence[Principle]) -> tuple[Message, ...]:
    """Message, answer, critique request; behind the conversations that show how, where there are any."""
    asked = "\n\n".join(requests(ready, one)[0] for one in own)
    return (
        *_opening(ready),
        *(turn for chat in ready.chats for turn in chat),
        Message("user", chain.answer.case.prompt),
        Message("assistant", chain.last),
        Message("user", asked),
    )


def _critique_task(ready: Ready, chain: Chain, own: Sequence[Principle], number: int) -> Task[str]:
    case = chain.answer.case
    return Task(
        id=f"{case.id}/critique/{number}",
        stage=f"critique {number}",
        messages=_conversation(ready, chain, own),
        read=without_label,
        sample=filler(100, case.id, "critique", number),
        role="writer",
        sampling=ready.keys.writing,
        may_be_cut=True,  # what is left of it is a critique all the same, and nobody learns to write it
    )


def _revision_task(ready: Ready, chain: Chain, own: Sequence[Principle], critique: str, number: int) -> Task[str]:
    case = chain.answer.case
    asked = "\n\n".join(requests(ready, one)[1] for one in own)
    return Task(
        id=f"{case.id}/revision/{number}",
        stage=f"revision {number}",
        messages=(*_conversation(ready, chain, own), Message("assistant", critique), Message("user", asked)),
        read=without_label,
        sample=filler(80, case.id, "revision", number),
        role="writer",
        sampling=ready.keys.writing,
        may_decline=ready.keys.refusals == "keep",
        may_be_cut=ready.keys.cut == "keep",
    )


def _problem(outcome: Outcome[str], chain: Chain, critique: str) -> Dropped | None:
    """A revision that is none."""
    if outcome.value is None:
        return None
    own = words(outcome.value)
    for text, reason in ((chain.last, "unchanged"), (critique, "critique again"), (chain.answer.case.prompt, "echo")):
        if own == words(text):
            return Dropped(outcome.task.id, outcome.task.stage, reason, "", outcome.value, chain.parents)
    return None


def sft_records(ready: Ready, chain: Chain) -> list[SftRecord]:
    """What is learned from a chain: every revision, or the last."""
    case, count = chain.answer.case, len(chain.revisions)
    numbers = range(1, count + 1) if ready.keys.keep_rounds == "all" else [count]
    return [
        SftRecord(
            collective=ready.collective,
            source=ready.source,
            licence=ready.keys.licence,
            group=f"prompt:{case.id}",
            messages=(
                *_opening(ready),
                Message("user", case.prompt),
                Message("assistant", chain.revisions[number - 1].text),
            ),
            provenance=provenance(
                ready,
                case,
                chain._replace(revisions=chain.revisions[:number]).parents,
                "writer",
                {"round": number, "temperature": ready.keys.writing.temperature},
                [one.id for revision in chain.revisions[:number] for one in revision.principles],
            ),
        )
        for number in numbers
    ]


def revision_pair(ready: Ready, chain: Chain) -> PreferenceRecord | Dropped:
    """The last revision against the first answer."""
    case = chain.answer.case
    drawn = [one.id for revision in chain.revisions for one in revision.principles]
    return pair(
        ready,
        case,
        chosen=chain.last,
        rejected=chain.answer.text,
        made=provenance(
            ready, case, chain.parents, "writer", {"pair": "revision", "round": len(chain.revisions)}, drawn
        ),
    )


def pair(
    ready: Ready,
    case: Case,
    *,
    chosen: str,
    rejected: str,
    made: Provenance,
    preference: float = 1.0,
    margin: float | None = None,
) -> PreferenceRecord | Dropped:
    """A preference record, unless its chosen answer is longer than the recipe allows."""
    ratio = len(chosen) / len(rejected)
    if ready.keys.longest_ratio is not None and ratio > ready.keys.longest_ratio:
        detail = f"the chosen answer has {ratio:.1f} times the characters of the rejected one"
        return Dropped(f"{case.id}/pair", "preference", "length", detail, "", case.parents)
    return PreferenceRecord(
        collective=ready.collective,
        source=ready.source,
        licence=ready.keys.licence,
        group=f"prompt:{case.id}",
        prompt=(*_opening(ready), Message("user", case.prompt)),
        chosen=chosen,
        rejected=rejected,
        preference=preference,
        margin=margin,
        provenance=made,
    )


def provenance(
    ready: Ready,
    case: Case,
    parents: tuple[str, ...],
    role: str,
    details: Mapping[str, Scalar],
    principles: Sequence[str] = (),
) -> Provenance:
    """From what a record was made. ``principles``: ids of those whose requests were put."""
    engines = ready.keys.engines()
    slots: list[str] = []
    if not ready.prompts:
        slots.append("red_team_answered" if ready.keys.first_answer == "authored" else "red_team")
    for one in principles:
        slots += ready.drafted_with.get(one, ())
    return Provenance(
        recipe=RECIPE,
        model=engines[role],
        templates=ready.wordings.hashes(*dict.fromkeys(slots)) if slots else {},
        parents=parents,
        details={
            "constitution": ready.constitution.hash,
            "principle": case.principle.hash,
            "first_answer": engines["model"]
            if ready.keys.first_answer == "model"
            else f"authored by {engines['writer']}",
            "seed": ready.keys.seed,
            **details,
        },
    )
