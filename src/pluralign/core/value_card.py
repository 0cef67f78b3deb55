"""A value card: one way of living that matters to someone, told by what they attend to when they choose.

Knows the card only: not who wrote it, how it was found, nor what others think of it. The four text fields are
those of Democratic Fine-Tuning; texts of our own.
"""

from pydantic import AwareDatetime, BaseModel, ConfigDict, field_validator


class ValueCard(BaseModel):
    """One value, a node of a moral graph."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    """Names the card within one graph. Text, also where the source numbers its cards."""
    title: str
    """Two to five words."""
    summary: str = ""
    """One sentence ("instructionsShort" in the published schema)."""
    description: str = ""
    """A few sentences ("instructionsDetailed" in the published schema)."""
    policies: tuple[str, ...] = ()
    """Attention policies: what is attended to ("evaluationCriteria"). Empty only where they are not known, as for a
    statement of a Polis conversation."""
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None

    @field_validator("id", "title")
    @classmethod
    def _not_blank(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("must not be blank")
        return text

    @field_validator("policies")
    @classmethod
    def _policies_differ(cls, policies: tuple[str, ...]) -> tuple[str, ...]:
        if any(not policy.strip() for policy in policies):
            raise ValueError("an attention policy must not be blank")
        if len(set(policies)) != len(policies):
            raise ValueError("the same attention policy stands there twice")
        return policies

    @classmethod
    def unknown(cls, value: str) -> "ValueCard":
        """A card of which nothing is known but its id, for judgements that came without cards."""
        return cls(id=value, title=value)
