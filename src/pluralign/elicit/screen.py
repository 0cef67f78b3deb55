"""What holds a text back until somebody has looked at it: what tells who a person is, words that the organisers named,
and what is no language. Holds back, never refuses and never rewrites. Knows texts only.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from pluralign.elicit.cards import is_personal

LONGEST_RUN = 6
"""The same sign more often than this in a row is no language."""


class Finding(NamedTuple):
    """One thing that was found."""

    kind: Literal["personal", "word", "no_language"]
    word: str = ""
    """Of kind "word": the organisers' word that was met."""


def screen(texts: Iterable[str], words: Sequence[str] = ()) -> list[Finding]:
    """What holds these texts back; nothing for texts that may be shown.

    ``words`` are met whole, letters' case apart, in any script; a word that ends with * also meets what begins so.
    Blank texts hold nothing back.
    """
    found: dict[Finding, None] = {}
    patterns = [(word.strip(), _pattern(word.strip())) for word in words if word.strip(" *")]
    for text in texts:
        if not text.strip():
            continue
        if is_personal(text):
            found[Finding("personal")] = None
        for word, pattern in patterns:
            if pattern.search(text):
                found[Finding("word", word)] = None
        if _is_no_language(text):
            found[Finding("no_language")] = None
    return list(found)


def _pattern(word: str) -> re.Pattern[str]:
    end = r"" if word.endswith("*") else r"(?!\w)"
    return re.compile(rf"(?<!\w){re.escape(word.rstrip('*'))}{end}", re.IGNORECASE)


def _is_no_language(text: str) -> bool:
    """One sign over and over, or hardly any letters."""
    stripped = re.sub(r"\s", "", text)
    letters = sum(sign.isalpha() for sign in stripped)
    return re.search(rf"([^\W\d_.])\1{{{LONGEST_RUN},}}", text) is not None or letters < len(stripped) / 2
