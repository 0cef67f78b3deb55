"""The names requests give voices: ``smollm2@kenya``, ``smollm2@{kenya:0.6,japan:0.4}``, ``smollm2``. Knows no voice."""

import math
import re
import unicodedata
from typing import NamedTuple

from pluralign.core.errors import UsageError

MOST_PARTS = 8
"""Voices in one mixture."""


class Mixture(NamedTuple):
    """Voices of one base model with the weight of each; weights sum to 1."""

    base: str
    parts: tuple[tuple[str, float], ...]
    """At least two, each voice once, in the order written."""

    @property
    def name(self) -> str:
        """How the mixture is written, with its weights as they are used."""
        return f"{self.base}@{{{','.join(f'{voice}:{weight:.4g}' for voice, weight in self.parts)}}}"


def slug(name: str) -> str:
    """A collective's name as it stands in a voice's: ``United States`` becomes ``united-states``."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def read_mixture(name: str) -> Mixture | None:
    """The mixture of that name; ``None`` where the name is of a single voice. Weights are divided by their sum.

    Raises :class:`UsageError` for a mixture that is written wrongly.
    """
    base, at, rest = name.partition("@{")
    if not at:
        return None
    form = "write a mixture as MODEL@{VOICE:WEIGHT,VOICE:WEIGHT}, such as smollm2@{kenya:0.6,japan:0.4}"
    if not rest.endswith("}"):
        raise UsageError(f"the mixture {name[:200]!r} does not end with '}}': {form}")
    pieces = [piece.strip() for piece in rest[:-1].split(",")]
    if not 2 <= len(pieces) <= MOST_PARTS:
        raise UsageError(f"a mixture has 2 to {MOST_PARTS} voices, not {len(pieces)}: {form}")
    parts: list[tuple[str, float]] = []
    for piece in pieces:
        voice, colon, weight = piece.rpartition(":")
        try:
            value = float(weight)
        except ValueError:
            value = math.nan
        if not colon or not voice or not (math.isfinite(value) and value > 0):
            raise UsageError(f"{piece[:100]!r} is no voice with a weight above 0: {form}")
        parts.append((voice.strip(), value))
    voices = [voice.casefold() for voice, _ in parts]
    twice = next((voice for voice in voices if voices.count(voice) > 1), None)
    if twice is not None:
        raise UsageError(f"the voice {twice!r} stands in the mixture twice: add its weights up")
    total = math.fsum(weight for _, weight in parts)
    return Mixture(base, tuple((voice, weight / total) for voice, weight in parts))
