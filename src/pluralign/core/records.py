"""Records that teach a model to speak for a collective: what recipes write and trainers read, one JSON object a line.

Every record says who speaks, where the words come from, under which licence, and from what it was made, so that any
training example can be traced to the people behind it. This module knows no recipe, no trainer and no file.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pluralign.core.chat import Message
from pluralign.core.ids import content_hash
from pluralign.core.question import NonEmpty

Scalar = str | int | float | bool | None


class _Noun(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Provenance(_Noun):
    """From what a record was made."""

    recipe: NonEmpty
    """Name of the recipe, such as ``constitutional``."""
    model: str = ""
    """The model that wrote the reply, as its engine names it; empty where people wrote it."""
    templates: dict[str, str] = {}
    """Prompt template file -> content hash, of all that were used."""
    parents: tuple[str, ...] = ()
    """What it was made from, as ``kind:id``: ``principle:…``, ``value:…``, ``question:…``, ``document:…``,
    ``record:…``."""
    details: dict[str, Scalar] = {}
    """Whatever else the recipe wants to keep: seed, temperature, round, judge's verdict."""


class _Record(_Noun):
    collective: str = ""
    """Id of the collective that speaks; empty for nobody in particular."""
    source: NonEmpty
    """Where the words come from, in words or as a citation."""
    licence: NonEmpty
    """Under which terms they may be used."""
    group: str = ""
    """What must not be torn apart by a split: a source document, an author, a question. Empty: the record itself."""
    fold: Annotated[int, Field(ge=0)] | None = None
    """Number of the fold it belongs to, where the file is divided for cross-validation."""
    provenance: Provenance


class SftRecord(_Record):
    """A conversation whose assistant turns are to be learned."""

    kind: Literal["sft"] = "sft"
    messages: tuple[Message, ...]
    """A system turn or none; then user and assistant in turn; the assistant's is the last."""
    weight: Annotated[float, Field(gt=0)] = 1.0
    """How much it counts, against 1 for an ordinary record."""

    @model_validator(mode="after")
    def _is_a_conversation(self) -> Self:
        _check_turns(self.messages, last="assistant")
        return self

    @property
    def id(self) -> str:
        """Content hash of who speaks and what is said; the same words from another source are the same record."""
        return content_hash([self.kind, self.collective, [[turn.role, turn.content] for turn in self.messages]])


class PreferenceRecord(_Record):
    """Two replies to one conversation, of which the collective would rather give the first."""

    kind: Literal["preference"] = "preference"
    prompt: tuple[Message, ...]
    """A system turn or none; then user and assistant in turn; the user's is the last."""
    chosen: NonEmpty
    rejected: NonEmpty
    preference: Annotated[float, Field(ge=0.5, le=1)] = 1.0
    """Probability that a member prefers ``chosen``: a soft label. 1 where nobody counted."""
    margin: float | None = None
    """By how much ``chosen`` is better in the judge's or the people's units, as the recipe says; None if unknown."""
    weight: Annotated[float, Field(gt=0)] = 1.0
    """How much it counts, against 1 for an ordinary record."""

    @model_validator(mode="after")
    def _is_a_choice(self) -> Self:
        _check_turns(self.prompt, last="user")
        if self.chosen == self.rejected:
            raise ValueError("chosen and rejected are the same")
        return self

    @property
    def id(self) -> str:
        """Content hash of who speaks, what was asked and both replies."""
        turns = [[turn.role, turn.content] for turn in self.prompt]
        return content_hash([self.kind, self.collective, turns, self.chosen, self.rejected])


Record = SftRecord | PreferenceRecord


def _check_turns(messages: tuple[Message, ...], *, last: Literal["user", "assistant"]) -> None:
    spoken = messages[1:] if messages and messages[0].role == "system" else messages
    if not spoken:
        raise ValueError("the conversation is empty")
    for position, turn in enumerate(spoken):
        expected = "user" if position % 2 == 0 else "assistant"
        if turn.role != expected:
            raise ValueError(f"turn {position + 1} after the system's is the {turn.role}'s; it should be {expected}'s")
        if not turn.content.strip():
            raise ValueError(f"turn {position + 1} after the system's says nothing")
    if spoken[-1].role != last:
        raise ValueError(f"the last turn is the {spoken[-1].role}'s; it should be the {last}'s")
