"""Lint, screen and format 100,000 records: processor time of each step, and beside it what a plain loop would take.

python -m benchmarks.curate            # 100,000 records
python -m benchmarks.curate --records 10000
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pluralign.core.chat import Message
from pluralign.core.records import Provenance, Record, SftRecord
from pluralign.curate.leaks import LeakScreen
from pluralign.curate.lint_files import lint_files
from pluralign.curate.screen import screen
from pluralign.store.records import read_records, write_records
from pluralign.surveys import load


def records(count: int) -> list[Record]:
    """Made-up records of the published files' lengths: 22 words asked, 85 words answered; one in fifty a near-copy."""
    chance = random.Random(0)
    vocabulary = ["".join(chance.choices("abcdefghijklmnoprstuvw", k=chance.randint(2, 9))) for _ in range(20_000)]
    made: list[Record] = []
    for at in range(count):
        asked = " ".join(chance.choices(vocabulary, k=22))
        said = " ".join(chance.choices(vocabulary, k=85))
        if at % 50 == 49:
            before = made[-1]
            assert isinstance(before, SftRecord)
            asked, said = before.messages[0].content, before.messages[1].content + " indeed"
        made.append(
            SftRecord(
                collective="club",
                messages=(Message("user", asked), Message("assistant", said)),
                source="made up",
                licence="CC0-1.0",
                provenance=Provenance(recipe="benchmark", model="none", parents=(f"principle:{at % 20}",)),
            )
        )
    return made


def main() -> None:
    """Run the steps one after another and print a row for each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=100_000)
    count = parser.parse_args().records
    made = records(count)
    leaks = LeakScreen([load("world-mini")], 0.8)
    total = 0.0

    def timed(name: str, step: Callable[[], object]) -> None:
        nonlocal total
        wall, processor = time.perf_counter(), time.process_time()
        step()
        processor = time.process_time() - processor
        total += processor
        print(f"{name:<34} {processor:7.1f} s processor {time.perf_counter() - wall:7.1f} s wall", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sft.jsonl"
        timed("screen: leaks, near-duplicates", lambda: screen(made, leaks, 0.8))
        timed("format: write JSONL", lambda: write_records(path, made))
        timed("read JSONL", lambda: sum(1 for _ in read_records(path)))
        timed("lint, with leaks", lambda: lint_files([path], leaks=leaks))
    print(f"{count:,} records: {total:.1f} s of processor time in all")


if __name__ == "__main__":
    main()
