"""The filter of CultureSPA's generated questions against the counts of its authors, topics 0 to 5.

Source of every number: the specification of WVS-7 and CultureSPA, section 6.3, where the rules were found to reproduce
the authors' counts.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pluralign.curate.question_rules import MIXED_NUMBERS, Filtered, filter_questions, merged_id, tallies

# start, removed by 1, pure-digit lists, removed by 2, numbered lists, stripped, labels moved, dropped by 3, left
TOPICS = [
    (1000, 1, 0, 0, 0, 0, 0, 0, 999),
    (1000, 22, 14, 0, 32, 25, 3, 4, 974),
    (1000, 0, 0, 0, 0, 0, 0, 0, 1000),
    (1000, 2, 18, 14, 934, 934, 0, 0, 984),
    (1000, 1, 23, 1, 2, 0, 2, 0, 998),
    (1000, 2, 0, 0, 0, 0, 0, 0, 998),
]


@pytest.fixture(scope="module")
def generated(shared_data: Path) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads(
        (shared_data / "wvs7" / "generated_questions_topics_0_5.json").read_text(encoding="utf-8")
    )
    return records


@pytest.fixture(scope="module")
def filtered(shared_data: Path, generated: list[dict[str, Any]]) -> list[Filtered]:
    questions = json.loads((shared_data / "wvs7" / "wvs_questions.json").read_text(encoding="utf-8"))
    return list(filter_questions(generated, [question["question"] for question in questions]))


def test_counts_of_every_topic(filtered: list[Filtered]) -> None:
    assert [(*tally[1:], tally.left) for tally in tallies(filtered)] == TOPICS
    assert sum(result.dropped is None for result in filtered) == 5953


def test_which_questions_rule_3_touches(filtered: list[Filtered]) -> None:
    dropped = [merged_id(result.record) for result in filtered if result.dropped is MIXED_NUMBERS]
    moved = [merged_id(result.record) for result in filtered if result.change == "moved"]
    assert dropped == ["Q1055", "Q1715", "Q1905", "Q1927"]
    assert moved == ["Q1062", "Q1616", "Q1803", "Q4798", "Q4965"]


def test_option_counts_before_and_after(generated: list[dict[str, Any]], filtered: list[Filtered]) -> None:
    before = Counter(len(record["option_lst"]) for record in generated)
    after = Counter(len(result.record["option_lst"]) for result in filtered if result.dropped is None)
    assert before == {2: 4, 3: 252, 4: 1791, 5: 3560, 6: 297, 7: 58, 8: 2, 9: 1, 10: 30, 11: 5}
    assert after == {2: 4, 3: 252, 4: 1784, 5: 3539, 6: 294, 7: 57, 8: 2, 9: 1, 10: 16, 11: 4}


def test_other_fields_and_untouched_questions_stay_as_they_were(
    generated: list[dict[str, Any]], filtered: list[Filtered]
) -> None:
    for before, after in zip(generated, filtered, strict=True):
        others = {key: value for key, value in before.items() if key not in {"question", "option_lst"}}
        assert {key: after.record[key] for key in others} == others
        if not after.change:
            assert after.record == before


def test_sparing_ranges_spares_just_the_question_the_original_names(generated: list[dict[str, Any]]) -> None:
    published = [result.record for result in filter_questions(generated) if result.dropped is None]
    by_content = [result.record for result in filter_questions(generated, published=False) if result.dropped is None]
    assert published == by_content
