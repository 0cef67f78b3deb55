"""Prompt texts of a recipe: ours, or a community's own in their place. Knows no recipe."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from pluralign.core.errors import DataError, UnknownNameError
from pluralign.core.ids import text_hash
from pluralign.prompts import templates
from pluralign.surveys.files import read_text


class Wordings:
    """Slots of a recipe -> the text that fills each."""

    def __init__(self, ours: Mapping[str, str], own: Mapping[str, Path]):
        """``ours``: slot -> name of a template in ``prompts/templates``; ``own``: slot -> a user's file.

        Raises :class:`UnknownNameError` for a slot that the recipe does not have.
        """
        for slot in own:
            if slot not in ours:
                raise UnknownNameError("template", slot, ours)
        self._files = {slot: str(own[slot]) if slot in own else ours[slot] for slot in ours}
        self._texts = {
            slot: read_text(own[slot]) if slot in own else templates.source(name) for slot, name in ours.items()
        }
        self._names = {slot: own[slot].name if slot in own else name for slot, name in ours.items()}

    def fill(self, slot: str, /, **values: Any) -> str:
        """The text of a slot, filled in. Raises :class:`DataError` for a file that is no such template."""
        try:
            return templates.fill(self._texts[slot], **values)
        except jinja2.TemplateError as error:
            raise DataError(
                f"is no template for {slot!r}: {error.message}; it may use {', '.join(values)}", file=self._files[slot]
            ) from None

    def hashes(self, *slots: str) -> dict[str, str]:
        """Template name -> content hash, of these slots or of all."""
        return {self._names[slot]: text_hash(self._texts[slot]) for slot in slots or self._texts}
