"""What is measured is never learned: by topic, question and people, also where another survey asks the same."""

import pytest

from pluralign.core.errors import UnknownNameError, UsageError

pytest.importorskip("peft")

from pluralign.surveys import load
from pluralign.train.distributional_config import DistributionalConfig
from pluralign.train.learned import check_leaks, learned


def config(**settings: object) -> DistributionalConfig:
    return DistributionalConfig.model_validate({"model": "x", "learn_from": [{"survey": "world-mini"}], **settings})


HELD = {"topics": ["Religion"], "questions": ["happiness"], "collectives": ["DEU", "Kenya"]}


def test_nothing_held_out_is_learned() -> None:
    found = learned(config(held_out=HELD))
    questions = {one.question.id for one in found.figures}
    assert "happiness" not in questions
    assert not {one.question.topic for one in found.figures} & {"Religion"}
    assert {people.id for one in found.figures for people in one.peoples}.isdisjoint({"DEU", "KEN"})
    assert len(found.held_out) == 1 + 6
    assert {question.id for question in found.validation}.isdisjoint(questions)
    assert len(questions) + len(found.validation) + len(found.held_out) == 77
    split = found.split()
    assert split["held_out_peoples"] == ["DEU", "KEN"]


def test_the_mean_is_of_those_that_may_be_learned_only() -> None:
    found = learned(
        config(held_out={"collectives": [one.id for one in load("world-mini").collectives[1:]]}, anchor=None)
    )
    for one in found.figures:
        assert one.mean == pytest.approx(one.shares[0])


def test_leaks_are_found() -> None:
    found = learned(config(held_out=HELD))
    everything = learned(config(held_out={"collectives": HELD["collectives"]}, anchor=None))
    with pytest.raises(UsageError, match="both learned and held out"):
        check_leaks(found._replace(figures=everything.figures))
    peoples = learned(config(held_out={k: v for k, v in HELD.items() if k != "collectives"}))
    with pytest.raises(UsageError, match="both learned from, in world-mini, and held out"):
        check_leaks(found._replace(figures=peoples.figures))


def test_the_same_question_in_another_survey_is_left_out(shared_data: object) -> None:
    sources = [{"survey": "world-mini"}, {"survey": f"wvs7:{shared_data}/wvs7"}]
    found = learned(config(learn_from=sources, held_out=HELD))
    other = {one.question.id: one.question.text for one in found.figures if one.survey != "world-mini"}
    # "Q46" is happiness in the World Values Survey's own words, which share little with ours.
    assert "Q46" not in other
    assert found.left_out["wvs7"] >= len(found.held_out) + len(found.validation)


def test_names_that_are_none() -> None:
    with pytest.raises(UnknownNameError):
        learned(config(held_out={"questions": ["hapiness"]}))
    with pytest.raises(UsageError, match="nothing is left to learn"):
        learned(config(held_out={"collectives": [one.id for one in load("world-mini").collectives]}))


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"identity": None, "lora": None}, "nothing is trained"),
        ({"identity": None}, "must name a collective"),
        ({"asked": "self-alignment"}, "shows other answers"),
        ({"name": "a/b"}, "letters, digits"),
        ({"stepz": 3}, "stepz"),
    ],
)
def test_configurations_that_cannot_be(settings: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        config(**settings)
