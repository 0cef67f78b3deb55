"""Words and word triples of texts, and near-duplicates among them. Knows no record and no model.

Candidates are found with MinHash and locality-sensitive hashing (Broder 1997; the ``datasketch`` library); each is
then compared exactly, so that nothing is called a near-duplicate by chance.
"""

import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from pluralign.core.errors import MissingExtraError

# Scripts that put no space between words are compared character by character.
_WORD = re.compile(
    r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W_\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"
)
_ASCII_WORD = re.compile(r"[a-z0-9]+")
PERMUTATIONS = 64
SEED = 1
# Odd, so that no word's hash is lost in the product; from the golden ratio and xxHash.
_FACTORS = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D)
_Hashes = np.ndarray[tuple[int], np.dtype[np.uint32]]


def words(text: str) -> list[str]:
    """Words of a text without case, punctuation and differences of encoding.

    >>> words("Don't you — trust “them”?")
    ['don', 't', 'you', 'trust', 'them']
    """
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def triples(own: list[str]) -> set[tuple[str, ...]]:
    """Every three words in a row; of a shorter text the text itself.

    >>> sorted(triples(["a", "b", "c", "d"]))
    [('a', 'b', 'c'), ('b', 'c', 'd')]
    """
    return set(zip(own, own[1:], own[2:], strict=False)) if len(own) >= 3 else {tuple(own)}


class Twin(NamedTuple):
    """A text that nearly repeats an earlier one."""

    position: int
    of: int
    """Position of the earlier one, which is itself no near-duplicate."""
    similarity: float
    """Jaccard similarity of their word triples, in [0, 1]."""


def near_duplicates(texts: Iterable[tuple[str, str]], threshold: float) -> Iterator[Twin]:
    """Texts that nearly repeat an earlier one of their group, in order; compared with texts that stay only.

    ``texts``: (group, text) pairs; texts of different groups are never compared. ``threshold``: least Jaccard
    similarity of word triples, in (0, 1]. Equal texts are found for certain; others by MinHash, which misses at
    most one in twenty at ``threshold`` itself and fewer above it.
    """
    try:
        from datasketch import MinHash, MinHashLSH
    except ModuleNotFoundError:
        raise MissingExtraError("looking for near-duplicates", "curate") from None
    blank = MinHash(num_perm=PERMUTATIONS, seed=SEED, hashfunc=int)
    index: dict[str, MinHashLSH] = {}
    kept: dict[int, _Hashes] = {}
    for position, (group, text) in enumerate(texts):
        shingles = _hashed_triples(words(text))
        sketch = blank.copy()
        sketch.update_batch(shingles.tolist())
        lsh = index.get(group)
        if lsh is None:
            lsh = index[group] = MinHashLSH(num_perm=PERMUTATIONS, params=_bands(threshold))
        best: Twin | None = None
        for other in sorted(lsh.query(sketch)):
            theirs = kept[other]
            shared = len(np.intersect1d(shingles, theirs, assume_unique=True))
            similarity = shared / (len(shingles) + len(theirs) - shared)
            if similarity >= threshold and (best is None or similarity > best.similarity):
                best = Twin(position, other, similarity)
        if best is not None:
            yield best
            continue
        lsh.insert(position, sketch, check_duplication=False)
        kept[position] = shingles


def _hashed_triples(own: list[str]) -> _Hashes:
    """The word triples of a text as 32-bit hashes, each once, ascending: the same on every machine."""
    while (
        len(own) < 3
    ):  # a text of one or two words is one triple, and another one than the same words in a longer text
        own = [*own, ""]
    hashes = np.array([_word_hash(word) for word in own], dtype=np.uint32)
    first, second, third = (np.uint32(factor) for factor in _FACTORS)
    found: _Hashes = hashes[:-2] * first + hashes[1:-1] * second + hashes[2:] * third
    found.sort()  # faster here than numpy.unique
    distinct: _Hashes = found[np.concatenate(([True], found[1:] != found[:-1]))]
    return distinct


@lru_cache(maxsize=1 << 17)
def _word_hash(word: str) -> int:
    return zlib.crc32(word.encode())


def _bands(threshold: float) -> tuple[int, int]:
    """Bands and rows: as many rows as still find a pair at the threshold with probability 0.95."""
    rows = 1
    for more in range(2, PERMUTATIONS // 2 + 1):
        if 1 - (1 - threshold**more) ** (PERMUTATIONS // more) >= 0.95:
            rows = more
    return PERMUTATIONS // rows, rows
