"""Content identifiers: the same content gives the same id on every machine."""

import hashlib
import json
import math
from typing import Any


def canonical_json(value: Any) -> str:
    """Render plain data as JSON with sorted keys, no white space and no NaN, so that equal data are equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def content_hash(value: Any, length: int = 16) -> str:
    """First ``length`` hex digits of the SHA-256 of the canonical JSON of ``value``."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:length]


def text_hash(text: str, length: int = 16) -> str:
    """First ``length`` hex digits of the SHA-256 of the UTF-8 bytes of ``text``."""
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def finite_or_none(number: float | None) -> float | None:
    """A number that JSON can carry: NaN and infinities become ``None`` ("undefined")."""
    return None if number is None or not math.isfinite(number) else float(number)
