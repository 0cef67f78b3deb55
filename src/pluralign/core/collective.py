"""A group of people a voice can claim to speak for: a country, a union, a region. Knows no data about them."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from pluralign.core.question import NonEmpty

Slug = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]


class Collective(BaseModel):
    """A named group of people."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Slug
    """Short and unique within a survey, such as ``USA`` or ``union-2026``."""
    name: NonEmpty
    """What readers see, such as ``United States``."""
    adjective: str = ""
    """How a member's background is named in a prompt, such as ``American``; empty: prompts use the name."""
    article: str = ""
    """Indefinite article before the adjective; empty: worked out from its first letter."""
    region: str = ""
    """A larger group it is shown under, such as ``Africa``; empty if none."""

    @property
    def member(self) -> str:
        """A member of the group as a noun phrase: ``a person with an American cultural background``."""
        if not self.adjective:
            return f"a person who belongs to this group: {self.name}"
        article = self.article or ("an" if self.adjective[0].lower() in "aeiou" else "a")
        return f"a person with {article} {self.adjective} cultural background"

    @property
    def culture(self) -> str:
        """The group's culture as a noun phrase: ``American culture``."""
        return f"{self.adjective} culture" if self.adjective else f"the culture of {self.name}"
