"""Fill the bundled survey's figures from a folder of WVS files, and report how far its wording is from theirs.

::

    python tools/build_world_mini.py path/to/wvs7            # rewrites the figures in place
    python tools/build_world_mini.py path/to/wvs7 --check    # changes nothing; exit code 1 if they differ

The wording in ``world_mini.json`` is written by hand and is left as it stands. The folder is the one that
``wvs7:DIR`` reads; its files may not be passed on, counts of answers may, with citation.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

from pluralign.core.survey import Survey
from pluralign.surveys.wvs import COUNTRIES, load_wvs

DATA = Path(__file__).parent.parent / "src" / "pluralign" / "surveys" / "data" / "world_mini.json"


class Overlap(NamedTuple):
    """How much a question's text shares with the original's."""

    question: str
    words: int
    """Length of the longest run of words that also stands in any question of the file, punctuation and case aside."""
    chrf: float
    """chrF++ (sacrebleu) of our text against the original, 0 to 100; 100 is the same text."""
    options: int
    """How many option texts are the original's word for word, numbers aside."""


def filled(data: dict[str, Any], survey: Survey) -> dict[str, Any]:
    """The data with every country's counts of valid answers, in the order of the options."""
    references = {}
    for collective in survey.collectives:
        respondents = COUNTRIES[collective.id].respondents
        counts = {}
        for question in data["questions"]:
            reference = survey.reference(collective.id, question["source"])
            if reference is None:
                continue
            if reference.n is None or len(reference.modes) > 1:
                raise SystemExit(f"{collective.id} {question['source']}: no counts, or a tie that counts cannot order")
            counts[question["id"]] = [round(share * reference.n) for share in reference.probabilities]
        references[collective.id] = {"respondents": respondents, "counts": counts}
    return {**data, "references": references}


def layout(data: dict[str, Any]) -> str:
    """JSON that people can read and compare: one line for each question's options and each row of counts."""
    text = json.dumps(data, indent=1, ensure_ascii=False)
    return re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda row: "[" + re.sub(r",\s+", ", ", row[1]) + "]", text) + "\n"


def overlaps(data: dict[str, Any], survey: Survey) -> list[Overlap]:
    """One row per question. ``survey``: the original's wording."""
    from sacrebleu.metrics.chrf import CHRF

    chrf = CHRF(word_order=2)
    originals = [words(question.text) for question in survey.questions]
    rows = []
    for question in data["questions"]:
        original = survey.question(question["source"])
        same = {option.text.casefold() for option in original.options if not option.text.isdigit()}
        rows.append(
            Overlap(
                question["id"],
                max(longest_common_run(words(question["text"]), other) for other in originals),
                chrf.sentence_score(question["text"], [original.text]).score,
                sum(str(option).casefold() in same for option in question.get("options", ())),
            )
        )
    return rows


def words(text: str) -> list[str]:
    """Lower-case words without punctuation."""
    return re.findall(r"[\w']+", text.casefold())


def longest_common_run(first: list[str], second: list[str]) -> int:
    """Length of the longest run of words that stands in both."""
    best = 0
    ends = [0] * (len(second) + 1)
    for word in first:
        ends = [0, *(ends[at] + 1 if word == other else 0 for at, other in enumerate(second))]
        best = max(best, *ends)
    return best


def main() -> int:
    """Rewrite or compare the figures, then print the overlap."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    survey = load_wvs(arguments.folder)
    old = DATA.read_text(encoding="utf-8")
    data = json.loads(old)
    new = layout(filled(data, survey))
    if arguments.check and new != old:
        sys.stderr.write(f"{DATA} differs from what the folder gives\n")
        return 1
    DATA.write_text(new, encoding="utf-8")
    rows = overlaps(data, survey)
    for row in sorted(rows, key=lambda row: -row.chrf)[:10]:
        sys.stdout.write(f"{row.question:28} words {row.words}  chrF++ {row.chrf:5.1f}  options {row.options}\n")
    sys.stdout.write(
        f"{len(rows)} questions: longest common run {max(row.words for row in rows)} words, "
        f"chrF++ mean {sum(row.chrf for row in rows) / len(rows):.1f}, highest {max(row.chrf for row in rows):.1f}, "
        f"option texts taken over {sum(row.options for row in rows)}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
