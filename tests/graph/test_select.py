"""Filters: by context, case, people, date and group, and what is said of a name that is not there."""

from datetime import timedelta

import pytest

from pluralign.core.errors import UnknownNameError, UsageError
from pluralign.core.moral_graph import Filters
from pluralign.graph.judgements import JudgementTable, Participants, select
from pluralign.graph.tally import Method, tally
from tests.graph.handmade import START, N, W, table

CASES = (("home", "family"), ("work", "jobs"), ("road", "family"), ("road", "jobs"), ("never judged", "family"))
PEOPLE = Participants({"party": {"p": "red", "q": "blue", "r": "red"}, "age": {"p": "young", "q": "young"}})


@pytest.fixture
def judged() -> JudgementTable:
    return table(
        [("p", "a", "b", W, "home"), ("q", "a", "b", N, "work"), ("r", "b", "c", W, "road"), ("s", "a", "c", W, "home")]
    )


def people(judged: JudgementTable, filters: Filters, **sources: object) -> str:
    return "".join(row.participant for row in select(judged, filters, **sources).judgements())  # type: ignore[arg-type]


def test_by_context(judged: JudgementTable) -> None:
    assert people(judged, Filters(contexts=("home", "road"))) == "prs"
    with pytest.raises(UnknownNameError, match=r"unknown context 'hme': did you mean 'home'\?"):
        people(judged, Filters(contexts=("hme",)))


def test_a_context_of_two_cases_counts_in_each(judged: JudgementTable) -> None:
    assert people(judged, Filters(case="family"), cases=CASES) == "prs"
    assert people(judged, Filters(case="jobs"), cases=CASES) == "qr"
    with pytest.raises(UnknownNameError, match="unknown case 'family life'"):
        people(judged, Filters(case="family life"), cases=CASES)
    with pytest.raises(UsageError, match="--contexts"):
        people(judged, Filters(case="family"))


def test_by_people(judged: JudgementTable) -> None:
    assert people(judged, Filters(), people={"q", "s"}) == "qs"
    with pytest.raises(UnknownNameError, match="unknown participant 'z'"):
        people(judged, Filters(), people={"q", "z"})


def test_by_date_from_the_first_moment_included_to_the_first_excluded(judged: JudgementTable) -> None:
    second, fourth = START + timedelta(minutes=1), START + timedelta(minutes=3)
    assert people(judged, Filters(since=second, until=fourth)) == "qr"


def test_groups_of_one_attribute_are_alternatives_and_attributes_must_all_hold(judged: JudgementTable) -> None:
    assert people(judged, Filters(groups=(("party", "red"),)), participants=PEOPLE) == "pr"
    assert people(judged, Filters(groups=(("party", "red"), ("party", "blue"))), participants=PEOPLE) == "pqr"
    assert people(judged, Filters(groups=(("party", "red"), ("age", "young"))), participants=PEOPLE) == "p"
    with pytest.raises(UnknownNameError, match="unknown attribute 'sex'"):
        people(judged, Filters(groups=(("sex", "f"),)), participants=PEOPLE)
    with pytest.raises(UnknownNameError, match="unknown group of 'party' 'reed'"):
        people(judged, Filters(groups=(("party", "reed"),)), participants=PEOPLE)
    with pytest.raises(UsageError, match="--participants"):
        people(judged, Filters(groups=(("party", "red"),)))


def test_nothing_left_is_said(judged: JudgementTable) -> None:
    with pytest.raises(UsageError, match="no judgement of the 4 in judgements is left"):
        tally(judged, Method(filters=Filters(until=START)))
