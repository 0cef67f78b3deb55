"""Words and word triples of texts, and near-duplicates among them. Knows no record and no model.

Candidates are found with MinHash and locality-sensitive hashing (Broder 1997; the ``rensa`` library); each is then
compared exactly, so that nothing is called a near-duplicate by chance.
"""

import re
import unicodedata
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pluralign.core.errors import MissingExtraError

# Scripts that put no space between words are compared character by character.
_WORD = re.compile(
    r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W_\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"
)
_ASCII_WORD = re.compile(r"[a-z0-9]+")
PERMUTATIONS = 64
SEED = 1
BLOCK = 4096
# Odd, so that no word's hash is lost in the product; from the golden ratio and xxHash.
_FACTORS = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D)
_MIX = 0x9E3779B97F4A7C15
_Hashes = npt.NDArray[np.uint32]
_Keys = npt.NDArray[np.uint64]
_Starts = npt.NDArray[np.int64]


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
    most one in twenty at ``threshold`` itself and fewer above it. All texts are read before the first twin comes;
    what is kept of each is its hashed triples, four bytes each.
    """
    shingles: list[_Hashes] = []
    keys: list[_Keys] = []
    for block in _blocks(texts):
        hashes, starts = _hashed_triples([words(text) for _, text in block])
        groups = np.array([_word_hash(group) for group, _ in block], dtype=np.uint64)
        keys.append(_band_keys(_sketches(hashes, starts), groups, threshold))
        shingles += np.split(hashes, starts[1:-1])
    if not shingles:
        return
    buckets = _shared_buckets(np.concatenate(keys))
    staying: dict[int, list[int]] = defaultdict(list)
    for position in sorted(buckets):
        mine = shingles[position]
        best: Twin | None = None
        for other in sorted({one for bucket in buckets[position] for one in staying[bucket]}):
            theirs = shingles[other]
            shared = len(np.intersect1d(mine, theirs, assume_unique=True))
            similarity = shared / (len(mine) + len(theirs) - shared)
            if similarity >= threshold and (best is None or similarity > best.similarity):
                best = Twin(position, other, similarity)
        if best is not None:
            yield best
        else:
            for bucket in buckets[position]:
                staying[bucket].append(position)


def _blocks(texts: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """Texts by the few thousand: enough to be computed at once, few enough to need little memory."""
    left = iter(texts)
    while block := list(islice(left, BLOCK)):
        yield block


def _hashed_triples(texts: Sequence[list[str]]) -> tuple[_Hashes, _Starts]:
    """The word triples of texts as 32-bit hashes, the same on every machine, and where each text's begin.

    Of each text every hash once, ascending. A text of one or two words is one triple, and another one than the same
    words in a longer text.
    """
    padded = [own if len(own) >= 3 else [*own, *[""] * (3 - len(own))] for own in texts]
    hashes = np.fromiter(map(_word_hash, chain.from_iterable(padded)), dtype=np.uint32)
    owner = np.repeat(np.arange(len(padded), dtype=np.uint64), [len(own) for own in padded])
    first, second, third = (np.uint32(factor) for factor in _FACTORS)
    found = hashes[:-2] * first + hashes[1:-1] * second + hashes[2:] * third
    inside = owner[:-2] == owner[2:]  # a triple does not reach into the next text
    keyed = (owner[:-2][inside] << np.uint64(32)) | found[inside]
    keyed.sort()
    keyed = keyed[np.concatenate(([True], keyed[1:] != keyed[:-1]))]
    starts = np.searchsorted(keyed, np.arange(len(padded) + 1, dtype=np.uint64) << np.uint64(32))
    return keyed.astype(np.uint32), starts


@lru_cache(maxsize=1 << 17)
def _word_hash(word: str) -> int:
    return zlib.crc32(word.encode())


def _sketches(hashes: _Hashes, starts: _Starts) -> _Hashes:
    """MinHash of each text: (texts, PERMUTATIONS)."""
    try:
        from rensa import RMinHash
    except ModuleNotFoundError:
        raise MissingExtraError("looking for near-duplicates", "curate") from None
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(
        hashes.astype(np.uint64), starts.astype(np.uint64), PERMUTATIONS, SEED
    )
    return np.array(matrix.to_rows(), dtype=np.uint32)


def _band_keys(sketches: _Hashes, groups: _Keys, threshold: float) -> _Keys:
    """A number for each band of each text, (texts, bands): equal where group and band are, else hardly ever."""
    bands, rows = _bands(threshold)
    keys = np.repeat(groups[:, None], bands, axis=1)
    banded = sketches[:, : bands * rows].reshape(len(sketches), bands, rows).astype(np.uint64)
    for row in range(rows):
        keys = (keys ^ banded[:, :, row]) * np.uint64(_MIX)
        keys ^= keys >> np.uint64(29)
    return keys


def _shared_buckets(keys: _Keys) -> dict[int, list[int]]:
    """Position -> numbers of the buckets (texts with one key in one band) it shares with others; only where it does."""
    found: dict[int, list[int]] = defaultdict(list)
    number = 0
    for band in keys.T:
        order = np.argsort(band, kind="stable")
        edges = np.flatnonzero(np.diff(band[order])) + 1
        starts, ends = np.concatenate(([0], edges)), np.concatenate((edges, [len(order)]))
        for start, end in zip(starts[ends - starts > 1], ends[ends - starts > 1], strict=True):
            for position in order[start:end].tolist():
                found[position].append(number)
            number += 1
    return found


def _bands(threshold: float) -> tuple[int, int]:
    """Bands and rows: as many rows as still find a pair at the threshold with probability 0.95."""
    rows = 1
    for more in range(2, PERMUTATIONS // 2 + 1):
        if 1 - (1 - threshold**more) ** (PERMUTATIONS // more) >= 0.95:
            rows = more
    return PERMUTATIONS // rows, rows
