"""Moral graphs at a million judgements, and a thousand resamples, beside a plain loop over the same rows.

    python -m benchmarks.graph

The plain loop is what the published method does, one judgement at a time, with Python's csv and dictionaries; its
edges are compared with ours before any time is printed. Each side runs in a process of its own, so that peak memory is
its own. Resampling uses the published judgements where they lie beside the checkout, else as many made-up ones.
"""

import csv
import math
import multiprocessing
import random
import resource
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pluralign.graph.aggregate import passes, published_entropy
from pluralign.graph.bootstrap import bootstrap
from pluralign.graph.read import read_judgements
from pluralign.graph.tally import Method, tally

JUDGEMENTS, VALUES, PAIRS, PEOPLE, CONTEXTS = 1_000_000, 10_000, 60_000, 40_000, 12
PUBLISHED = Path(__file__).parents[2] / "shared" / "data" / "moral_graph" / "judgements.csv"
ANSWERS = ("upgrade", "not_sure", "no_upgrade")
Edge = tuple[str, str]


class Measured(NamedTuple):
    """One run in a process of its own."""

    seconds: float
    megabytes: float
    """Peak memory of the process, interpreter and packages included."""
    kept: frozenset[Edge]


def write_judgements(path: Path, rows: int, values: int, pairs: int, people: int, seed: int = 0) -> None:
    """Made-up judgements: as in life a few pairs get most answers, and most answers are "wiser"."""
    draw = np.random.default_rng(seed)
    ends = draw.integers(0, values, size=(2 * pairs, 2))
    ends = np.unique(ends[ends[:, 0] != ends[:, 1]], axis=0)
    draw.shuffle(ends)
    ends = ends[:pairs]
    weight = 1 / np.arange(10, len(ends) + 10) ** 0.7
    pair = draw.choice(len(ends), size=rows, p=weight / weight.sum())
    person = draw.integers(0, people, size=rows)
    answer = draw.choice(3, size=rows, p=[0.68, 0.21, 0.11])
    context = pair % CONTEXTS
    second = np.sort(draw.integers(0, 10_000_000, size=rows))
    stamps = np.datetime_as_string(np.datetime64("2024-01-01T00:00:00.000") + second.astype("timedelta64[s]"))
    # One judgement per person and pair: the plain loop, like the original, relies on its database for that.
    _, first = np.unique(person * len(ends) + pair, return_index=True)
    with path.open("w") as file:
        file.write("user,from_value,to_value,relationship,context,created_at\n")
        for i in np.sort(first).tolist():
            source, candidate = ends[pair[i]]
            file.write(f"{person[i]},{source},{candidate},{ANSWERS[answer[i]]},When {context[i]},{stamps[i]}Z\n")


def ours(path: Path) -> frozenset[Edge]:
    """Read and count with pluralign, published formulas."""
    counted = tally(read_judgements(path), Method(published=True))
    names, pairs = counted.table.value_names, counted.pairs.where(counted.kept)
    return frozenset(
        (names[source], names[wiser])
        for source, wiser in zip(pairs.source.tolist(), pairs.candidate.tolist(), strict=True)
    )


def plain(path: Path) -> frozenset[Edge]:
    """Read and count one judgement at a time."""
    with path.open(newline="") as file:
        return count_plainly(csv.DictReader(file))


def count_plainly(rows: Iterable[dict[str, str]]) -> frozenset[Edge]:
    """The published rule over dictionaries."""
    said: defaultdict[Edge, Counter[str]] = defaultdict(Counter)
    contexts: defaultdict[Edge, dict[str, None]] = defaultdict(dict)
    for row in rows:
        pair = (row["from_value"], row["to_value"])
        said[pair][row["relationship"]] += 1
        contexts[pair][row["context"]] = None
        contexts[pair[1], pair[0]][row["context"]] = None
    kept = set()
    for (source, wiser), here in said.items():
        there = said.get((wiser, source), Counter())
        counts = [here["upgrade"], here["no_upgrade"], there["upgrade"], here["not_sure"], here.total() + there.total()]
        whole = sum(counts)
        entropy = -sum(count / whole * math.log2(count / whole) for count in counts if count)
        likelihood = (counts[0] - counts[2]) / sum(counts[:4])
        if counts[0] >= 2 and likelihood >= 0.33 and entropy <= 1.69:
            kept.add((source, wiser))
    return frozenset(kept)


def _child(work: Callable[[Path], frozenset[Edge]], path: Path) -> Measured:
    began = time.perf_counter()
    kept = work(path)
    seconds = time.perf_counter() - began
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux kibibytes
    return Measured(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, kept)


def alone(work: Callable[[Path], frozenset[Edge]], path: Path) -> Measured:
    """Run in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_child, (work, path))


def resample_plainly(path: Path, resamples: int) -> float:
    """Seconds for so many resamples by the plain loop: draw people, gather their rows, count again."""
    by_person: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            by_person[row["user"]].append(row)
    people, draw = list(by_person), random.Random(0)
    began = time.perf_counter()
    for _ in range(resamples):
        count_plainly([row for person in draw.choices(people, k=len(people)) for row in by_person[person]])
    return time.perf_counter() - began


def resample_ours(path: Path, resamples: int) -> float:
    """Seconds for so many resamples by pluralign, page ranks and intervals included."""
    method = Method(published=True)
    counted = tally(read_judgements(path), method)
    kept = passes(counted.pairs, method.rule, published_entropy(counted.pairs))
    began = time.perf_counter()
    bootstrap(counted.table, counted.pairs, kept, method.rule, published=True, resamples=resamples)
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "judgements.csv"
        write_judgements(path, JUDGEMENTS, VALUES, PAIRS, PEOPLE)
        rows = sum(1 for _ in path.open()) - 1
        print(f"aggregate: {rows:,} judgements, {VALUES:,} values, {path.stat().st_size / 1e6:.0f} MB of CSV")
        mine, theirs = alone(ours, path), alone(plain, path)
        assert mine.kept == theirs.kept, "the two sides keep different edges"
        print(f"  pluralign   {mine.seconds:6.2f} s  {mine.megabytes:6,.0f} MB  {len(mine.kept):,} edges")
        print(f"  plain loop  {theirs.seconds:6.2f} s  {theirs.megabytes:6,.0f} MB  the same edges")
        faster, memory = theirs.seconds / mine.seconds, mine.megabytes / theirs.megabytes
        print(f"  {faster:.1f} times faster, with {memory:.1f} times the memory")
        if PUBLISHED.exists():
            sample, what = PUBLISHED, "published judgements"
        else:
            sample, what = Path(folder) / "small.csv", "made-up judgements"
            write_judgements(sample, 1600, 100, 130, 500)
        thousand, twenty = resample_ours(sample, 1000), resample_plainly(sample, 20)
        print(f"bootstrap by participant, 1,000 resamples of the {what}")
        print(f"  pluralign   {thousand:6.2f} s, with page ranks, winners and intervals")
        print(f"  plain loop  {twenty * 50:6.2f} s, edges alone (20 resamples took {twenty:.2f} s)")
        print(f"  {twenty * 50 / thousand:.1f} times faster")


if __name__ == "__main__":
    main()
