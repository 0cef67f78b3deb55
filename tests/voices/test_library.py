"""What a voice may know of peoples: never the answer to the question it is asked."""

import re

import pytest

from pluralign.core.survey import Survey
from pluralign.poll.ask import items
from pluralign.prompts.options import Labels
from pluralign.prompts.strategies import STRATEGIES, strategy
from pluralign.surveys import load
from pluralign.voices.library import Library
from pluralign.voices.voice import speakers
from pluralign.voices.way import of_strategy, way


@pytest.fixture(scope="module")
def survey() -> Survey:
    return load("world-mini")


@pytest.mark.parametrize("name", [name for name, one in STRATEGIES.items() if not one.demonstrates])
def test_no_prompt_shows_a_question_of_the_measured_topic_as_answered(survey: Survey, name: str) -> None:
    topic_of = {question.text: question.topic for question in survey.questions}
    voices = speakers(way(name), survey.collectives[:2], Library(survey))
    for item in items(voices, survey.questions, order_count=1, labels=Labels.NUMBER, seed=0):
        user = item.request.messages[-1].content
        shown = re.findall(r"^Question: (.*)$", user, re.MULTILINE)
        assert shown[-1] == item.question.text
        assert all(topic_of[text] != item.question.topic for text in shown[:-1])
        assert len(shown) == (6 if strategy(name).needs_examples else 1)


def test_examples_carry_the_answer_most_of_the_people_gave(survey: Survey) -> None:
    library = Library(survey)
    kenya = survey.collective("KEN")
    by_text = {question.text: question for question in survey.questions}
    for question in survey.questions:
        for example in library.examples(kenya, question, Labels.NUMBER):
            original = by_text[example.shown.text]
            reference = survey.reference("KEN", original.id)
            assert reference is not None
            assert example.answer == example.shown.labels[reference.mode]


def test_changing_a_peoples_answer_to_a_question_changes_no_prompt_that_asks_it(survey: Survey) -> None:
    """The leak test itself: flip the reference of one question and compare every prompt that measures it."""
    target = survey.questions[10]
    usa = survey.collective("USA")
    before = survey.references["USA"][target.id]
    flipped = before.model_copy(update={"probabilities": before.probabilities[::-1], "first_mode": None})
    assert flipped.mode != before.mode
    changed = survey.model_copy(
        update={"references": {**survey.references, "USA": {**survey.references["USA"], target.id: flipped}}}
    )
    order = tuple(range(len(target.options)))
    for one in STRATEGIES.values():
        prompts = [
            voice.ask(target, order, Labels.LETTER)
            for version in (survey, changed)
            for voice in speakers(of_strategy(one), (usa,), Library(version))
        ]
        assert prompts[0] == prompts[1], one.name


def test_published_mode_leaks_by_name(survey: Survey) -> None:
    topic_of = {question.text: question.topic for question in survey.questions}
    library = Library(survey, published=True)
    usa = survey.collective("USA")
    same_topic = sum(
        topic_of[example.shown.text] == question.topic
        for question in survey.questions
        for example in library.examples(usa, question, Labels.NUMBER)
    )
    assert same_topic > 0


def test_neighbours_are_three_and_three_and_never_oneself(survey: Survey) -> None:
    library = Library(survey)
    for collective in survey.collectives:
        similar, different = library.neighbours(collective, survey.questions[0])
        assert len({*similar, *different}) == 6
        assert collective not in {*similar, *different}


def test_published_neighbours(shared_data: object) -> None:
    """The table of the original, recomputed from the answers: similar and different, nearest and farthest first."""
    library = Library(load(f"wvs7:{shared_data}/wvs7"), published=True)
    expected = {
        "USA": ("CAN GBR NZL", "ZWE NGA IND"),
        "CHN": ("RUS UKR ETH", "BRA NZL GBR"),
        "BOL": ("ZWE IND UKR", "NZL AUS GBR"),
    }
    for country, lists in expected.items():
        found = library.neighbours(library.survey.collective(country), library.survey.questions[0])
        assert tuple(" ".join(one.id for one in side) for side in found) == lists


def test_examples_that_many_prompts_show_come_first_so_that_prompts_begin_alike(survey: Survey) -> None:
    usa = survey.collective("USA")
    shared, nearest = Library(survey), Library(survey, order="nearest")
    assert Library(survey, published=True).order == "nearest"
    shown: dict[str, list[list[str]]] = {"shared": [], "nearest": []}
    for question in survey.questions:
        mine, theirs = (library.examples(usa, question, Labels.NUMBER) for library in (shared, nearest))
        assert set(mine) == set(theirs), "the same examples, in another order"
        shown["shared"].append([example.shown.text for example in mine])
        shown["nearest"].append([example.shown.text for example in theirs])
    distinct = {
        order: len({tuple(texts[:end]) for texts in lists for end in range(1, len(texts) + 1)})
        for order, lists in shown.items()
    }
    assert distinct["shared"] < 0.85 * distinct["nearest"]


def test_the_order_of_examples_depends_on_no_answer(survey: Survey) -> None:
    usa = survey.collective("USA")
    flipped = {
        question: reference.model_copy(update={"probabilities": reference.probabilities[::-1], "first_mode": None})
        for question, reference in survey.references["USA"].items()
    }
    changed = survey.model_copy(update={"references": {**survey.references, "USA": flipped}})
    for question in survey.questions[::10]:
        one, other = (Library(version).examples(usa, question, Labels.NUMBER) for version in (survey, changed))
        assert [example.shown.text for example in one] == [example.shown.text for example in other]
