"""What a recipe for a community's own texts can say. Runs nothing."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from pluralign.core.collective import Slug
from pluralign.core.question import NonEmpty
from pluralign.curate.corpus_read import FORMATS
from pluralign.curate.private import KINDS
from pluralign.curate.recipe import Keys, Recipe, Screening, Share

_DUTIES = {
    "licence": "the terms under which these people let their words be used, such as 'CC-BY-4.0' or 'by agreement with "
    "the association, for this model only'",
    "consent": "how they agreed to it, such as 'posts of members who ticked the box, list of 2026-03-01'",
}


class FieldNames(Keys):
    """Names of columns in a table, or of keys in JSON objects; empty: there is none."""

    text: NonEmpty = "text"
    author: str = ""
    thread: str = ""
    """What holds posts together; without it each row is a text of its own."""
    id: str = ""
    answers: str = ""
    """Id of the post that a post replies to."""
    title: str = ""


class Source(Keys):
    """Files of one origin."""

    files: NonEmpty
    """A path or a pattern such as ``texts/*.md``, seen from the recipe's folder."""
    source: NonEmpty
    """Where the words come from, as it should be cited."""
    format: str = "auto"
    """``text``, ``markdown``, ``csv``, ``json``, or a dump of ``whatsapp``, ``telegram``, ``discord``, ``slack`` or
    ``reddit``; ``auto`` tells by suffix and beginning."""
    fields: FieldNames = FieldNames()
    licence: str = ""
    """Where it differs from the recipe's."""

    @field_validator("format")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in FORMATS:
            raise ValueError(f"there is no format {name!r}; there are {', '.join(FORMATS)}")
        return name


class Private(Keys):
    """What is taken out of the texts; see ``curate/private.py``."""

    kinds: tuple[str, ...] = KINDS
    regions: tuple[str, ...] = ()
    """Countries, by two letters, whose telephone numbers are found without a country code."""
    names: tuple[str, ...] = ()
    """Names to take out besides those of the authors in the files."""

    @field_validator("kinds")
    @classmethod
    def _are_known(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        for kind in kinds:
            if kind not in KINDS:
                raise ValueError(f"there is no kind {kind!r}; there are {', '.join(KINDS)}")
        return kinds


class CorpusScreening(Screening):
    """As for every recipe, but near-duplicates are looked for among texts, not records: replies share what they reply
    to."""

    near_duplicates: Share | None = None


class Corpus(Recipe):
    """Keys of the recipe ``corpus``."""

    FILES = ("sources.*.files",)

    model: str = ""
    """No model is asked."""
    collective: Slug
    """Id of the community."""
    consent: NonEmpty
    """How the people agreed that their words are used."""
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    private: Private = Private()
    languages: tuple[str, ...] = ()
    """Accepted languages, by two letters; empty: all."""
    least_language: Share = 0.5
    """A text is dropped as being in another language where that is told with this probability."""
    similar: Share | None = 0.8
    """A text of 20 words or more is dropped from this Jaccard similarity of word triples to an earlier one on; ``null``
    keeps all."""
    screen: CorpusScreening = CorpusScreening()
    turn_into: Literal["auto", "passages", "dialogues"] = "auto"
    """``passages``: each text in pieces, the model goes on where the piece before stops. ``dialogues``: each post as
    the reply to those before it. ``auto``: dialogues where a thread has several posts."""
    words: Annotated[int, Field(ge=20)] = 200
    """Longest passage, and longest post of a dialogue."""
    least_words: Annotated[int, Field(ge=1)] = 5
    """Shorter replies and passages are dropped."""
    before: Annotated[int, Field(ge=1)] = 40
    """Words of a passage's predecessor that are shown."""
    context: Annotated[int, Field(ge=1)] = 3
    """At most so many posts that a post replies to are shown, along the line of replies where the file knows it."""
    folds: Annotated[int, Field(ge=2)] | None = None
    """Divide records for cross-validation."""
    group: Literal["thread", "author", "both"] = "thread"
    """What folds do not tear apart: threads and documents, all that one person wrote, or all that hangs together by
    either."""

    @model_validator(mode="before")
    @classmethod
    def _says_by_what_right(cls, data: Any) -> Any:
        if isinstance(data, dict):
            for key, meaning in _DUTIES.items():
                if not str(data.get(key) or "").strip():
                    raise ValueError(f"{key!r} is missing, and without it no record is written: say {meaning}")
        return data

    def engines(self) -> dict[str, str]:
        """None."""
        return {}
