"""The bundled survey: its structure everywhere, its figures against the source where that lies beside the checkout."""

import importlib.util
import json
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from pluralign.core.question import Scale
from pluralign.core.survey import Survey
from pluralign.surveys import load, world_mini, wvs

TOOL = Path(__file__).parent.parent.parent / "tools" / "build_world_mini.py"


@pytest.fixture(scope="module")
def survey() -> Survey:
    return load("world-mini")


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_world_mini", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_all_thirteen_topics_have_five_questions_or_more(survey: Survey) -> None:
    counts = Counter(question.topic for question in survey.questions)
    assert len(survey.questions) == 77
    assert len(counts) == 13
    assert min(counts.values()) >= 5
    # Each of our headings gathers items of one WVS heading, in the same order.
    headings = {question.topic: wvs.topic_of(world_mini.source_ids()[question.id]) for question in survey.questions}
    assert tuple(headings.values()) == wvs.TOPICS
    for question in survey.questions:
        assert wvs.topic_of(world_mini.source_ids()[question.id]) == headings[question.topic]


def test_every_country_answered_every_question(survey: Survey) -> None:
    assert tuple(collective.id for collective in survey.collectives) == wvs.PUBLISHED_COUNTRIES
    for collective in survey.collectives:
        assert survey.references[collective.id].keys() == {question.id for question in survey.questions}
        for distribution in survey.references[collective.id].values():
            assert distribution.n is not None
            assert distribution.n == int(distribution.n) >= 500
            assert 0 <= distribution.refused < 0.4


def test_it_has_scales_of_every_kind(survey: Survey) -> None:
    scales = Counter(question.scale for question in survey.questions)
    assert min(scales[scale] for scale in Scale) >= 10
    assert {len(question.options) for question in survey.questions} == {2, 3, 4, 5, 7, 10, 11}
    for question in survey.questions:
        assert question.is_numeric is (question.scale is Scale.INTERVAL)
        if question.is_numeric:  # the text must say what the ends mean
            assert "from 1 (" in question.text
            assert "to 10 (" in question.text
            assert ("or 0 if" in question.text) is (question.options[0].id == 0)


def test_sources_are_named_once_and_survive_selection(survey: Survey) -> None:
    sources = world_mini.source_ids()
    assert sources.keys() == {question.id for question in survey.questions}
    assert len(set(sources.values())) == len(sources)
    assert sources["happiness"] == "Q46"
    assert len(survey.balanced(2).questions) == 26
    assert "Haerpfer" in survey.citation
    assert "doi:10.14281/18241.20" in survey.citation
    assert "non-commercial" in survey.licence


def test_hand_checked_cell(survey: Survey) -> None:
    reference = survey.reference("USA", "family-matters")
    assert reference is not None
    assert reference.n == 2593  # 2316 + 221 + 48 + 8; 3 of 2596 gave no answer
    assert reference.probabilities[0] == pytest.approx(2316 / 2593)
    assert reference.refused == pytest.approx(3 / 2596)


def test_every_count_is_the_sources(survey: Survey, shared_data: Path) -> None:
    original = load(f"wvs7:{shared_data / 'wvs7'}")
    for question_id, source in world_mini.source_ids().items():
        assert survey.question(question_id).scale is original.question(source).scale
        for collective in survey.collectives:
            assert survey.reference(collective.id, question_id) == original.reference(collective.id, source)


def test_the_file_is_what_the_tool_writes(tool: ModuleType, shared_data: Path) -> None:
    text = tool.DATA.read_text(encoding="utf-8")
    data = json.loads(text)
    assert tool.layout(tool.filled(data, wvs.load_wvs(shared_data / "wvs7"))) == text


def test_the_wording_is_our_own(tool: ModuleType, shared_data: Path) -> None:
    data = json.loads(tool.DATA.read_text(encoding="utf-8"))
    rows = tool.overlaps(data, wvs.load_wvs(shared_data / "wvs7"))
    assert len(rows) == 77
    assert max(row.words for row in rows) < 6
    # Two questions about the same thing share its name: freedom, police, alcohol. Copies score 100.
    assert max(row.chrf for row in rows) < 60
    assert sum(row.chrf for row in rows) / len(rows) < 30
    assert sum(row.options for row in rows) == 0


def test_longest_common_run(tool: ModuleType) -> None:
    assert tool.longest_common_run(tool.words("a b c d, e"), tool.words("x B C D y")) == 3
    assert tool.longest_common_run(["a"], []) == 0
