"""Texts of a community made fit to be learned: cleaned, checked for their language, cut into passages. Pure.

Languages are told by ``py3langid`` (a naive Bayes classifier over byte sequences, 97 languages, in the package).
"""

import html
import re
import unicodedata
from typing import Any, NamedTuple

from pluralign.core.errors import MissingExtraError

LANGUAGE_CHARACTERS = 600
"""So much of a text is looked at to tell its language."""
LEAST_LETTERS = 20
"""Of shorter texts the language cannot be told, and is not asked."""

_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>|<!--.*?-->", re.DOTALL)
_BREAK = re.compile(r"<\s*(?:br|/p|/div|/li)\s*/?\s*>", re.IGNORECASE)
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_QUOTED = re.compile(r"^\s*(?:>|&gt;).*$\n?", re.MULTILINE)
_SPACES = re.compile(r"[ \t\u00a0\u2000-\u200a\u202f\u3000]+")
_GAPS = re.compile(r"\n{3,}")
_SIGNATURE = re.compile(r"^--\s*$.*", re.MULTILINE | re.DOTALL)
_GONE = re.compile(r"^\W*(?:deleted|removed|message deleted|this message was deleted|media omitted)\W*$", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?…])[\"'”’)]*\s+|(?<=[。！？])")


def clean(text: str) -> str:
    """The words alone: no mark-up, no invisible characters, no quotation of others, no signature; tidy white space.

    Empty where a moderator or the author had removed it.
    """
    if "<" in text:
        text = _TAG.sub("", _BREAK.sub("\n", text))
    if "&" in text:
        text = html.unescape(text)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _INVISIBLE.sub("", text)
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if ">" in text:
        text = _QUOTED.sub("", text)
    if "\n--" in text:
        text = _SIGNATURE.sub("", text)
    text = _GAPS.sub("\n\n", "\n".join(line.strip() for line in _SPACES.sub(" ", text).split("\n"))).strip()
    return "" if _GONE.match(text) else text


class Language(NamedTuple):
    """What a text seems to be written in."""

    code: str
    """ISO 639-1, such as ``en``; empty where it is too short to tell."""
    probability: float


class LanguageTeller:
    """Tells languages apart. Raises :class:`MissingExtraError` without the library."""

    def __init__(self) -> None:
        try:
            from py3langid.langid import MODEL_FILE, LanguageIdentifier
        except ModuleNotFoundError:
            raise MissingExtraError("telling languages apart", "curate") from None
        self._model: Any = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

    def tell(self, text: str) -> Language:
        """The likeliest language."""
        start = text[:LANGUAGE_CHARACTERS]
        if sum(map(str.isalpha, start)) < LEAST_LETTERS:
            return Language("", 0.0)
        code, probability = self._model.classify(start)
        return Language(str(code), float(probability))


def passages(text: str, words: int) -> list[str]:
    """A text in passages of about so many words, cut between paragraphs, else between sentences, never within one.

    No passage has more than ``words`` words but for a sentence that is longer by itself. Put together they hold the
    text's words in their order.
    """
    found: list[str] = []
    current: list[str] = []
    size = 0
    for paragraph in text.split("\n\n"):
        long = len(paragraph.split()) > words
        for position, piece in enumerate(_SENTENCE.split(paragraph) if long else [paragraph]):
            count = len(piece.split())
            if not count:
                continue
            if current and size + count > words:
                found.append("".join(current))
                current, size = [], 0
            joint = "" if not current else " " if position else "\n\n"
            current.append(joint + piece.strip())
            size += count
    if current:
        found.append("".join(current))
    return found


def last_words(text: str, count: int) -> str:
    """The end of a text, from the beginning of a sentence where one begins within so many words."""
    words = text.split()
    if len(words) <= count:
        return text
    end = " ".join(words[-count:])
    sentences = _SENTENCE.split(end, maxsplit=1)
    return sentences[1] if len(sentences) > 1 and len(sentences[1].split()) >= 3 else end
