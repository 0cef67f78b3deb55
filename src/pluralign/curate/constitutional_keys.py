"""The keys of ``pluralign curate constitutional``, and the recipe with its files read. Runs nothing.

What each option called ``published`` does is said beside it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from pluralign.core.chat import Message
from pluralign.core.constitution import Constitution
from pluralign.curate.leaks import LeakScreen
from pluralign.curate.mixing import Part
from pluralign.curate.recipe import Keys, Recipe, Sampling
from pluralign.curate.texts import GivenPrompt
from pluralign.curate.wordings import Wordings

SLOTS = {
    "draft": "curate_draft.v1",
    "critique_request": "curate_critique_request.v1",
    "revision_request": "curate_revision_request.v1",
    "red_team": "curate_red_team.v1",
    "red_team_answered": "curate_red_team_answered.v1",
    "judge_keeps": "curate_judge_keeps.v1",
    "judge_breaks": "curate_judge_breaks.v1",
}
"""Slot -> our template; each may be replaced under ``templates``."""


class Prompts(Keys):
    """The prompts that put principles to the test."""

    per_principle: Annotated[int, Field(ge=1)] = 10
    """How many are wanted for each principle."""
    per_call: Annotated[int, Field(ge=1)] = 5
    """How many are asked for at once."""
    file: Path | None = None
    """Prompts to use instead of writing any: text lines, JSONL with ``prompt`` and ``principle``, or the published
    red-team JSON. Without a principle one is drawn."""
    few_shot: Path | None = None
    """Example prompts, in any of the same forms."""
    examples: Annotated[int, Field(ge=0)] = 3
    """How many of them are drawn for each call."""
    variance: tuple[str, ...] = ()
    """Settings, such as "the writer is in a hurry": each call is given the next."""
    held_out: Annotated[int, Field(ge=0)] = 0
    """Of each principle's prompts so many, the last ones, are kept out of training and written to
    ``held_out.jsonl``."""


class Judging(Keys):
    """How two answers are held against a principle."""

    by: Literal["scores", "reply"] = "scores"
    """``scores``: by how probable "A" and "B" are; ``reply``: by what the judge says, where a server gives no
    scores."""
    framings: Annotated[tuple[Literal["keeps", "breaks"], ...], Field(min_length=1)] = ("keeps", "breaks")
    """Whether the judge is asked which answer keeps the principle, which goes against it, or both."""
    least_preference: Annotated[float, Field(ge=0.5, le=1)] = 0.6
    """Pairs that the judge is less sure of are dropped as undecided."""


class Constitutional(Recipe):
    """The recipe's YAML."""

    FILES: ClassVar[tuple[str, ...]] = (
        "constitution",
        "prompts.file",
        "prompts.few_shot",
        "mix.*.file",
        "templates.*",
    )

    constitution: Path
    """A constitution in any form of :mod:`pluralign.curate.constitutions`."""
    principles: tuple[str, ...] = ()
    """Ids of those to use; empty: all."""
    writer: str = ""
    """The model that writes prompts, critiques and revisions; empty: ``model`` itself."""
    judge: str = ""
    """The model that judges pairs; empty: the writer. One of another family judges more freely."""
    draft: Literal["model", "fixed"] = "model"
    """How principles without requests get them: written by the writer, or by a fixed sentence around the
    principle. A draft that fails falls back to the sentence, and is counted."""
    prompts: Prompts = Prompts()
    system: str = ""
    """System turn of every conversation; empty: none."""
    first_answer: Literal["model", "authored"] = "model"
    """``authored``: a deliberately bad answer that the writer gives along with the prompt, as the ``cai`` project
    had it."""
    rounds: Annotated[int, Field(ge=1)] = 2
    """Rounds of critique and revision."""
    draw: Literal["own first", "own", "any"] = "own first"
    """Which principle a round goes by: the prompt's own, any of the constitution, or its own in the first round and
    any later."""
    at_once: Annotated[int, Field(ge=1)] = 1
    """Principles per round."""
    weigh: Literal["equally", "people"] = "equally"
    """``people``: a principle is drawn in proportion to the people behind it, where the constitution counts them."""
    alternatives: bool = False
    """Whether values that contest a principle are used in its place, in proportion to how often each wins."""
    keep_rounds: Literal["all", "last"] = "all"
    """Which revisions become supervised records."""
    pairs: tuple[Literal["revision", "judged"], ...] = ("revision", "judged")
    """``revision``: the last revision against the first answer; ``judged``: two answers judged by the principle."""
    split: Literal["halves", "both"] = "halves"
    """``halves``: one random half of the prompts for supervised records, the other for pairs; ``both``: every prompt
    for both."""
    judging: Judging = Judging()
    longest_ratio: Annotated[float, Field(ge=1)] | None = None
    """Pairs whose chosen answer has more than so many times the characters of the rejected one are dropped."""
    refusals: Literal["drop", "keep"] = "drop"
    """Whether answers that decline may become records."""
    cut: Literal["drop", "keep"] = "drop"
    """Whether answers that ran into ``max_tokens`` may become records, up to their last whole sentence."""
    speaking: Sampling = Sampling()
    """How first answers are drawn."""
    writing: Sampling = Sampling(max_tokens=1000)
    """How prompts, critiques and revisions are drawn."""
    mix: tuple[Part, ...] = ()
    """Other records that go in with ours, such as helpfulness data."""
    templates: Mapping[str, Path] = {}
    """Slot -> a file of your own, for instance in the community's language."""
    published: bool = False
    """Halves are the first and the second half instead of random ones, mixing takes the first rows and shuffles
    everything (Hugging Face), and a prompt's own principle goes for every round (``cai``)."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.prompts.held_out >= self.prompts.per_principle and self.prompts.file is None:
            raise ValueError("prompts.held_out leaves no prompt to learn from: it must be less than per_principle")
        return self

    def engines(self) -> dict[str, str]:
        """The model, the writer and the judge."""
        writer = self.writer or self.model
        return {"model": self.model, "writer": writer, "judge": self.judge or writer}


class Ready(NamedTuple):
    """The recipe with its files read."""

    keys: Constitutional
    constitution: Constitution
    """With the principles that are used."""
    chats: tuple[tuple[Message, ...], ...]
    """Conversations that show how to critique and revise, where the constitution's file has them."""
    collective: str
    source: str
    wordings: Wordings
    leaks: LeakScreen
    prompts: tuple[GivenPrompt, ...]
    """Given ones; empty: they are to be written."""
    examples: tuple[str, ...]
    """Example prompts."""
    drafted_with: Mapping[str, tuple[str, ...]] = {}
    """Principle id -> template slots that its requests were made with."""
