"""A constitution: the principles a community wants a model to keep, each traceable to the people behind it.

Nouns only: how a constitution is written from a moral graph is the business of `pluralign.graph`, how records are
made from it that of `pluralign.curate`. This module knows no file and no model.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from pluralign.core.errors import UnknownNameError
from pluralign.core.ids import content_hash

# Characters without width that word processors leave behind: zero-width space, word joiner, byte-order mark, soft
# hyphen. The zero-width joiner and non-joiner stay: Persian, Hindi and emoji need them.
_INVISIBLE = re.compile("[\u200b\u2060\ufeff\u00ad]")

Scalar = str | int | float | bool | None


def clean_text(text: str) -> str:
    """``text`` without invisible characters and without white space at its ends and at the ends of its lines.

    >>> clean_text(" a principle\u200b ")
    'a principle'
    """
    return "\n".join(line.rstrip() for line in _INVISIBLE.sub("", text).strip().splitlines())


def has_invisible(text: str) -> bool:
    """Whether there are invisible characters in it, such as :func:`clean_text` takes out.

    >>> has_invisible("a principle\u200b")
    True
    """
    return _INVISIBLE.search(text) is not None


def _clean(value: Any) -> Any:
    return clean_text(value) if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_clean)]
SomeText = Annotated[str, BeforeValidator(_clean), StringConstraints(min_length=1)]
Count = Annotated[int, Field(ge=0)]
Probability = Annotated[float, Field(ge=0, le=1)]


class _Noun(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Citation(_Noun):
    """A value card that a principle rests on, and how many people stand behind it."""

    card: SomeText
    """Id of the value card in its moral graph."""
    title: Text = ""
    """The card's title, for readers without the graph."""
    people: Count | None = None
    """Distinct people who judged the value wiser than another one; None where nobody counted."""
    people_exact: bool = True
    """False where the source gives judgements only: then ``people`` is the least number they can come from."""
    judgements: Count | None = None
    """Number of their judgements. One person can give several."""


class Contest(StrEnum):
    """Why a value stands beside the winner instead of below it."""

    not_outranked = "not_outranked"
    """No chain of judgements says that the winner is wiser than it."""
    cycle = "cycle"
    """Chains of judgements lead both ways: each was found wiser than the other."""
    close = "close"
    """Its score is near the winner's."""
    wins_resamples = "wins_resamples"
    """With other people drawn from the same crowd it would often have won."""
    group_divided = "group_divided"
    """A group of participants supports it more than the winner, and the winner by less than half."""


class Alternative(_Noun):
    """A value that contests the winner. Kept with its own requests, so that it can be used in the winner's place."""

    citation: Citation
    title: SomeText
    description: Text = ""
    critique_request: Text = ""
    revision_request: Text = ""
    reasons: Annotated[tuple[Contest, ...], Field(min_length=1)]
    win_probability: Probability | None = None
    """Share of resamples of the participants in which this value wins; None where none were drawn."""


class Principle(_Noun):
    """One thing the community asks for, and the requests that turn it into critique and revision."""

    id: SomeText
    """Stable and unique within its constitution, also when principles are added or reordered."""
    title: Text = ""
    description: Text = ""
    category: Text = ""
    context: Text = ""
    """The situation in which it holds, such as "When in distress"; empty: in all."""
    critique_request: Text = ""
    """Asks a model to find fault with a response. Empty until drafted."""
    revision_request: Text = ""
    """Asks a model to mend a response. Empty until drafted."""
    references: tuple[SomeText, ...] = ()
    """Where else it is written, such as an article of a law."""
    citations: tuple[Citation, ...] = ()
    """The value cards it was written from."""
    alternatives: tuple[Alternative, ...] = ()
    """Values that contest it in the same context, the strongest first."""
    win_probability: Probability | None = None
    """As for :class:`Alternative`."""
    source: Text = ""
    """Where it comes from, if elsewhere than the constitution as a whole."""
    licence: Text = ""
    """Terms of its wording, if other than those of the constitution as a whole."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.title or self.description or self.critique_request):
            raise ValueError("a principle needs a title, a description or a critique request")
        return self

    @property
    def contested(self) -> bool:
        """Whether other values stand beside it."""
        return bool(self.alternatives)

    @property
    def drafted(self) -> bool:
        """Whether both requests are there, so that records can be made from it."""
        return bool(self.critique_request and self.revision_request)

    @property
    def hash(self) -> str:
        """16 hex digits of its content; in every record made from it."""
        return content_hash(self.model_dump(mode="json"))


class Origin(_Noun):
    """How a constitution came to be: all that is needed to make it again."""

    method: Literal["written", "imported", "moral_graph"]
    tool: Text = ""
    """Such as "pluralign 0.1.0"."""
    source: Text = ""
    """The file or publication it was made from."""
    source_hash: Text = ""
    """16 hex digits of that source's content."""
    parameters: Mapping[str, Scalar] = {}
    """Choices that shaped it, such as thresholds."""
    wording: Text = ""
    """The template's name and version, and the model that polished the words, if one did."""


class Constitution(_Noun):
    """A community's principles, with where they come from."""

    format: Literal["pluralign.constitution/1"] = "pluralign.constitution/1"
    title: SomeText
    version: SomeText = "1"
    """The authors' own version; the content itself is named by :attr:`hash`."""
    collective: Text = ""
    """Id of the community it speaks for."""
    language: Text = "en"
    """BCP 47 tag of the wording."""
    licence: Text = ""
    origin: Origin = Origin(method="written")
    participants: Count | None = None
    """Distinct people whose judgements shaped it; None where not counted."""
    principles: Annotated[tuple[Principle, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        seen: set[str] = set()
        for principle in self.principles:
            if principle.id in seen:
                raise ValueError(f"two principles have the id {principle.id!r}")
            seen.add(principle.id)
        return self

    def principle(self, principle_id: str) -> Principle:
        """The principle of that id. Raises :class:`pluralign.core.errors.UnknownNameError`."""
        for principle in self.principles:
            if principle.id == principle_id:
                return principle
        raise UnknownNameError("principle", principle_id, [principle.id for principle in self.principles])

    @property
    def hash(self) -> str:
        """16 hex digits of title, language, community and principles.

        Equal texts and citations give equal hashes, whoever wrote the file and with which version of the program.
        """
        content = self.model_dump(mode="json", include={"title", "collective", "language", "principles"})
        return content_hash(content)

    @property
    def contexts(self) -> tuple[str, ...]:
        """The situations named by its principles, in order of first appearance."""
        return tuple(dict.fromkeys(principle.context for principle in self.principles if principle.context))
