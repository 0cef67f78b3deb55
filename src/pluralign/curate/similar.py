"""Words and word triples of texts, and near-duplicates among them. Knows no record and no model.

Candidates are found with MinHash and locality-sensitive hashing (Broder 1997; the ``datasketch`` library); each is
then compared exactly, so that nothing is called a near-duplicate by chance.
"""

import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from pluralign.core.errors import MissingExtraError

# Scripts that put no space between words are compared character by character.
_WORD = re.compile(
    r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W_\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"
)
PERMUTATIONS = 64
SEED = 1


def words(text: str) -> list[str]:
    """Words of a text without case, punctuation and differences of encoding.

    >>> words("Don't you — trust “them”?")
    ['don', 't', 'you', 'trust', 'them']
    """
    return _WORD.findall(text.casefold() if text.isascii() else unicodedata.normalize("NFKC", text).casefold())


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
    kept: dict[int, np.ndarray[tuple[int], np.dtype[np.uint32]]] = {}
    for position, (group, text) in enumerate(texts):
        # CRC-32 of every triple: collisions are a few in a billion, and it is the fastest hash the library ships.
        own = words(text)
        joined = [" ".join(three).encode() for three in triples(own)]
        shingles = np.unique(np.fromiter((zlib.crc32(one) for one in joined), dtype=np.uint32, count=len(joined)))
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


def _bands(threshold: float) -> tuple[int, int]:
    """Bands and rows: as many rows as still find a pair at the threshold with probability 0.95."""
    rows = 1
    for more in range(2, PERMUTATIONS // 2 + 1):
        if 1 - (1 - threshold**more) ** (PERMUTATIONS // more) >= 0.95:
            rows = more
    return PERMUTATIONS // rows, rows
