"""What an adapter says of itself: on which model it sits, how it was taught to be asked, for whom it can speak.

Two files lie beside the adapter's weights: ``pluralign.json`` (an :class:`AdapterManifest`) and, where it has identity
tokens, ``groups.json`` (:class:`Groups`). Knows neither weights nor tokenizers.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pluralign.core.collective import Collective, Slug
from pluralign.core.errors import UnknownNameError, UsageError
from pluralign.core.question import NonEmpty

MANIFEST_FILE = "pluralign.json"
GROUPS_FILE = "groups.json"

IDENTITY = re.compile(r"<\|collective(?::[^|]*)?\|>")
"""Any identity token, known or not: see :func:`identity_token` and :func:`mixture_token`."""

_MIXTURE = re.compile(r"<\|collective:[a-z0-9_.-]+=[0-9.e-]+(?:\+[a-z0-9_.-]+=[0-9.e-]+)*\|>")

NOBODY = ""
"""Id of the group of those that no group was named for: the adapter's default voice."""


def identity_token(collective_id: str) -> str:
    """The special token that stands for a collective, such as ``<|collective:ken|>``; of nobody, for the empty id."""
    return f"<|collective:{collective_id.lower()}|>" if collective_id else "<|collective|>"


def mixture_token(weights: Mapping[str, float]) -> str:
    """The token of several collectives at once, such as ``<|collective:ken=0.6+usa=0.4|>``: its row is the weighted
    mean of theirs.

    ``weights``: collective id -> share. Raises :class:`UsageError` unless shares are positive and sum to 1.
    """
    if any(weight <= 0 for weight in weights.values()) or abs(sum(weights.values()) - 1) > 1e-6:
        raise UsageError(f"the shares of a mixture must be positive and sum to 1, got {dict(weights)}")
    parts = "+".join(f"{one.lower()}={weight:.6g}" for one, weight in sorted(weights.items()))
    return f"<|collective:{parts}|>"


def mixed(token: str) -> dict[str, float] | None:
    """Slug -> share of a mixture's token; ``None`` for any other text."""
    if not _MIXTURE.fullmatch(token):
        return None
    parts = token.removeprefix("<|collective:").removesuffix("|>").split("+")
    return {slug: float(weight) for slug, weight in (part.rsplit("=", 1) for part in parts)}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Group(_Part):
    """One collective that an adapter has a token for."""

    id: Slug | Literal[""]
    """The collective's id; empty for nobody in particular."""
    name: NonEmpty
    description: NonEmpty
    """What the token's row was made from before it was trained."""
    source: str = ""
    """Where the words or figures come from that taught it."""
    licence: str = ""
    token: NonEmpty
    token_id: Annotated[int, Field(ge=0)]


class Groups(_Part):
    """Who has a token, in the order of token ids: adding a group never changes the ids of those before it."""

    schema_version: Literal[1] = 1
    placement: Literal["late", "early"] = "late"
    """Where the token stands: right before the reply, so that all groups share the question; or before everything."""
    groups: tuple[Group, ...]

    @model_validator(mode="after")
    def _are_distinct(self) -> Self:
        for what in ("id", "token", "token_id"):
            seen = [str(getattr(group, what)).lower() for group in self.groups]
            twice = next((one for one in seen if seen.count(one) > 1), None)
            if twice is not None:
                raise ValueError(f"the {what} {twice!r} is used twice")
        ids = [group.token_id for group in self.groups]
        if ids != list(range(ids[0], ids[0] + len(ids)) if ids else []):
            raise ValueError("token ids must follow one another")
        return self

    def token(self, collective: Collective | None) -> str:
        """The token of a collective, or of nobody. Raises :class:`UnknownNameError` for one without."""
        wanted = NOBODY if collective is None else collective.id
        for group in self.groups:
            if group.id == wanted:
                return group.token
        raise UnknownNameError("collective of this adapter", wanted, [group.id for group in self.groups if group.id])

    @classmethod
    def of(
        cls,
        collectives: Iterable[Collective],
        first_id: int,
        *,
        placement: Literal["late", "early"] = "late",
        source: str = "",
        licence: str = "",
        descriptions: Mapping[str, str] | None = None,
    ) -> Self:
        """Nobody first, then the collectives in their order, with token ids from ``first_id`` on.

        ``descriptions``: collective id -> other words for its member.
        """
        nobody = Group(
            id=NOBODY,
            name="nobody in particular",
            description="a person",
            token=identity_token(NOBODY),
            token_id=first_id,
        )
        return cls(
            placement=placement,
            groups=(
                nobody,
                *(
                    Group(
                        id=one.id,
                        name=one.name,
                        description=(descriptions or {}).get(one.id, one.member),
                        source=source,
                        licence=licence,
                        token=identity_token(one.id),
                        token_id=first_id + at,
                    )
                    for at, one in enumerate(collectives, start=1)
                ),
            ),
        )


class Lessons(_Part):
    """What an adapter was trained on, so that a poll can say what of it the voice has seen."""

    survey: str = ""
    questions: tuple[str, ...] = ()
    """Ids of that survey's questions whose answers were learned."""
    peoples: tuple[str, ...] = ()
    """Ids of the collectives whose answers were learned."""


class AdapterManifest(_Part):
    """Beside an adapter's weights: what they belong to and how they were made."""

    schema_version: Literal[1] = 1
    name: NonEmpty
    """What readers see."""
    method: NonEmpty
    """How it was trained, such as ``sft``, ``dpo`` or ``distributional``."""
    summary: str = ""
    """One plain sentence for reports: what was done."""
    base: NonEmpty
    """The base model as the user named it."""
    base_digest: NonEmpty
    """Content hash of the base's configuration and weights."""
    template_hash: NonEmpty
    """Content hash of the chat template it was trained with."""
    asked: str = ""
    """The way of asking it was trained on, as in ``pluralign poll --voice``; empty if none in particular."""
    lessons: Lessons = Lessons()
    """Whose answers to what were learned; empty where it was trained on something else."""
    version: str = ""
    """Of pluralign."""
    created: str = ""
    """UTC, ISO 8601."""
    config: Mapping[str, Any] = {}
    """The configuration it was trained with, defaults filled in."""
    training: Mapping[str, Any] = {}
    """What training found out: steps, examples, losses, seconds, splits, manifests of records."""
