"""The rules by which CultureSPA (Xu et al., NAACL 2025) filters generated survey questions. Reads no file.

In order: (1) a question worded exactly as an earlier one, or as one of the survey's, goes; (2) a list of bare numbers
goes unless the question says what they mean; (3) options that are numbered lose their numbers, or the two named ends
of a number scale move into the question, or the question goes. Nothing else about a record is touched.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

PHRASES = ("on a scale", "with 1 being", "where 1 means", "which 1 means")
"""A question that has one of these says what its bare numbers mean."""
SPARED = "Q1879"
"""The one question of the published set (number 1000 x topic + number within the topic) that rule 3 leaves alone:
its options are ranges such as "1-3: …"."""

_NUMBER = re.compile(r"[0-9]+")
_RANGE = re.compile(r"\s*[0-9]+\s*[-–]\s*[0-9]+")
_NUMBERED = re.compile(r"\s*([0-9]+)\s*[-.(]\s*")


class Rule(NamedTuple):
    """Why a question was dropped."""

    number: int
    reason: str


DUPLICATE = Rule(1, "worded as an earlier question")
BARE_NUMBERS = Rule(2, "bare numbers that the question does not explain")
MIXED_NUMBERS = Rule(3, "options numbered in a way that cannot be undone")


class Filtered(NamedTuple):
    """What became of one question."""

    record: dict[str, Any]
    """All its fields; question and options as the rules leave them."""
    dropped: Rule | None
    """The rule that removed it; ``None`` if it stays."""
    bare: bool = False
    """Its options are bare numbers."""
    numbered: bool = False
    """Its options are numbered, so that rule 3 looked at it."""
    change: str = ""
    """``stripped`` or ``moved``, where rule 3 changed it."""


def filter_questions(
    records: Iterable[Mapping[str, Any]], known: Iterable[str] = (), *, published: bool = True
) -> Iterator[Filtered]:
    """Apply the rules to records with ``question`` (text) and ``option_lst`` (texts), in their order.

    ``known``: wordings of the survey's own questions. ``published``: rule 3 spares the one question that the original
    names; else every question whose options are all ranges. Takes and gives records one by one.
    """
    seen = set(known)
    for record in records:
        if record["question"] in seen:
            yield Filtered(dict(record), DUPLICATE)
            continue
        seen.add(record["question"])
        yield _judged(record, published)


def _judged(record: Mapping[str, Any], published: bool) -> Filtered:
    question: str = record["question"]
    options: Sequence[str] = record["option_lst"]
    if options and all(_NUMBER.fullmatch(option) for option in options):
        explained = any(phrase in question.lower() for phrase in PHRASES)
        return Filtered(dict(record), None if explained else BARE_NUMBERS, bare=True)
    spared = merged_id(record) == SPARED if published else all(_RANGE.match(option) for option in options)
    if not options or spared or not all(option[:1].isdigit() for option in options):
        return Filtered(dict(record), None)
    matches = [_NUMBERED.match(option) is not None for option in options]
    if all(matches):
        return Filtered({**record, "option_lst": [_label(option) for option in options]}, None, False, True, "stripped")
    first, last = options[0], options[-1]
    ends_only = matches[0] and matches[-1] and not any(matches[1:-1])
    if ends_only and not any("refuse" in _label(option).lower() for option in (first, last)):
        moved = {
            "question": f"{question} (There is a card on which {_number(first)} means {_label(first)!r} and "
            f"{_number(last)} means {_label(last)!r}.)",
            "option_lst": [_number(first), *options[1:-1], _number(last)],
        }
        return Filtered({**record, **moved}, None, numbered=True, change="moved")
    return Filtered(dict(record), MIXED_NUMBERS, numbered=True)


def merged_id(record: Mapping[str, Any]) -> str:
    """The id a question has once all topics are in one file: 1000 x topic + its number within the topic.

    A record without a number of its topic is taken to have that id already.
    """
    name, topic = str(record.get("Q_id", "")), record.get("topic")
    number = name.removeprefix("Q")
    if isinstance(topic, int) and number.isdigit() and int(number) < 1000:
        return f"Q{1000 * topic + int(number)}"
    return name


def _number(option: str) -> str:
    found = _NUMBERED.match(option)
    assert found is not None, "only numbered options are taken apart"
    return found[1]


def _label(option: str) -> str:
    """The option without number and separator, and without a bracket left over from "1 (label)"."""
    text = _NUMBERED.sub("", option, count=1).strip()
    return text.removesuffix(")") if "(" not in text else text


class Tally(NamedTuple):
    """What the rules did to the questions of one topic."""

    topic: str
    start: int
    duplicates: int
    """Removed by rule 1."""
    bare: int
    """With bare numbers, after rule 1."""
    unexplained: int
    """Removed by rule 2."""
    numbered: int
    """Looked at by rule 3."""
    stripped: int
    moved: int
    undone: int
    """Removed by rule 3."""

    @property
    def left(self) -> int:
        """What stays."""
        return self.start - self.duplicates - self.unexplained - self.undone


def tallies(results: Iterable[Filtered]) -> list[Tally]:
    """Counts per topic, in order of first appearance; the topic is the record's ``class``, else its ``topic``."""
    counts: dict[str, Counter[str]] = {}
    for result in results:
        topic = str(result.record.get("class", result.record.get("topic", "")))
        count = counts.setdefault(topic, Counter())
        count["start"] += 1
        count["bare"] += result.bare
        count["numbered"] += result.numbered
        count[result.change] += 1
        if result.dropped is not None:
            count[result.dropped.reason] += 1
    return [
        Tally(
            topic,
            count["start"],
            count[DUPLICATE.reason],
            count["bare"],
            count[BARE_NUMBERS.reason],
            count["numbered"],
            count["stripped"],
            count["moved"],
            count[MIXED_NUMBERS.reason],
        )
        for topic, count in counts.items()
    ]
