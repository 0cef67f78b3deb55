"""Formatting and filtering of 100,000 texts and questions without a model, and what scrubbing finds on hand-made texts.

Processor time of this process, so that a busy machine does not count. ``python -m benchmarks.curate_texts``
"""

import argparse
import json
import random
import tempfile
import time
from pathlib import Path

from tests.curate.private_set import NAMES, NEGATIVE, POSITIVE, REGIONS

from pluralign.curate.corpus import prepare
from pluralign.curate.corpus_recipe import Corpus
from pluralign.curate.preferences import Preferences
from pluralign.curate.preferences import prepare as prepare_preferences
from pluralign.curate.private import KINDS, Scrubber
from pluralign.curate.question_rules import filter_questions
from pluralign.curate.run import curate

WORDS = (
    "the", "well", "garden", "water", "evening", "people", "plot", "fence", "hens", "ladder", "summer", "rule",
    "board", "gate", "table", "letter", "rain", "path", "key", "we", "they", "you", "think", "keep", "share",
    "ask", "carry", "leave", "never", "always", "together", "quiet", "long", "old", "new", "green", "low", "high",
)  # fmt: skip


def main() -> None:
    """Print a table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=100_000)
    count = options.parse_args().count
    draw = random.Random(0)
    questions = [
        {"Q_id": f"Q{at}", "question": f"{_words(draw, 12)}?", "option_lst": ["1. Yes", "2. Rather", "3. No"]}
        for at in range(count)
    ]
    with tempfile.TemporaryDirectory() as folder:
        _show("filter-questions", count, lambda: sum(1 for _ in filter_questions(questions)))
        _corpus(Path(folder), count, draw)
        _preferences(Path(folder))
    _private()


def _show(what: str, count: int, work: object) -> None:
    assert callable(work)
    started = time.process_time()
    work()
    spent = time.process_time() - started
    print(f"{what:32} {count:>9,} {spent:8.1f} s {1e6 * spent / count:9.0f} µs each", flush=True)


def _words(draw: random.Random, count: int) -> str:
    return " ".join(draw.choices(WORDS, k=count))


def _corpus(folder: Path, count: int, draw: random.Random) -> None:
    with (folder / "posts.jsonl").open("w") as file:
        for at in range(count):
            text = f"{_words(draw, 15)}. {_words(draw, 15)}."
            if at % 20 == 0:  # one in twenty tells how to be reached
                text += f" Call 020 7946 {at % 10_000:04} or m{at}@example.org."
            file.write(json.dumps({"text": text, "who": f"member {at % 500}", "thread": str(at // 5)}) + "\n")
    keys = {
        "name": "speed",
        "collective": "club",
        "licence": "CC0-1.0",
        "consent": "invented",
        "languages": ["en"],
        "folds": 5,
        "private": {"regions": ["GB"]},
        "sources": [
            {
                "files": str(folder / "posts.jsonl"),
                "source": "a",
                "fields": {"text": "text", "author": "who", "thread": "thread"},
            }
        ],
    }
    for what, others in (("corpus, all of it", {}), ("corpus, near-duplicates not asked", {"similar": None})):
        recipe = Corpus.model_validate(keys | others)
        _show(what, count, lambda recipe=recipe: curate(prepare(recipe), {}, folder))


def _preferences(folder: Path) -> None:
    recipe = Preferences.model_validate(
        {"name": "speed", "licence": "-", "survey": "world-mini", "pairs": "all", "teach": "persona"}
    )
    started = time.process_time()
    made = curate(prepare_preferences(recipe), {}, folder).counts["records"]
    spent = time.process_time() - started
    print(f"{'preferences, all pairs':32} {made:>9,} {spent:8.1f} s {1e6 * spent / made:9.0f} µs each", flush=True)


def _private() -> None:
    scrubber = Scrubber(KINDS, REGIONS, NAMES)
    print("\nkind      found  of")
    for kind, examples in POSITIVE.items():
        found = sum(scrubber.scrub(text).text == text.replace(secret, f"[{kind}]") for text, secret in examples)
        print(f"{kind:9} {found:5} {len(examples):3}")
    wrong = sum(scrubber.scrub(text).text != text for text in NEGATIVE)
    print(f"texts without any: {wrong} of {len(NEGATIVE)} changed")


if __name__ == "__main__":
    main()
