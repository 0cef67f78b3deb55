"""Constitutions refuse what would make a training record untraceable, and hash by content alone."""

import pytest
from pydantic import ValidationError

from pluralign.core.constitution import (
    Alternative,
    Citation,
    Constitution,
    Contest,
    Origin,
    Principle,
    clean_text,
)
from pluralign.core.documents import parse, validate
from pluralign.core.errors import DataError, UnknownNameError


def principle(principle_id: str = "p1", **changes: object) -> Principle:
    fields: dict[str, object] = {"id": principle_id, "title": "Listening first", "description": "Hear people out."}
    return Principle.model_validate(fields | changes)


def test_a_principle_of_a_plain_list_needs_no_requests_yet() -> None:
    listed = principle()
    assert not listed.drafted
    assert not listed.contested
    assert principle(critique_request="Find …", revision_request="Mend …").drafted


def test_a_principle_may_be_a_pair_of_requests_without_a_title() -> None:
    pair = Principle(id="harmful0", critique_request="Name what harms.", revision_request="Take it out.")
    assert pair.drafted


@pytest.mark.parametrize("fields", [{"id": "p1"}, {"id": " ", "title": "x"}, {"id": "p1", "title": "x", "tilte": "y"}])
def test_a_principle_that_says_nothing_or_something_unknown_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Principle.model_validate(fields)


def test_invisible_characters_go_and_joiners_stay() -> None:
    assert clean_text("\ufeffGod\u200b. \n next\u00adline  ") == "God.\n nextline"
    persian = "می\u200cخواهم"
    assert clean_text(persian) == persian
    assert principle(description="communion\u200b.").description == "communion."


def test_two_principles_of_one_id_are_refused() -> None:
    with pytest.raises(ValidationError, match="two principles have the id 'p1'"):
        Constitution(title="Ours", principles=(principle(), principle()))


def test_a_constitution_without_principles_is_refused() -> None:
    with pytest.raises(ValidationError):
        Constitution(title="Ours", principles=())


def test_an_alternative_says_why_it_stands_there() -> None:
    with pytest.raises(ValidationError):
        Alternative(citation=Citation(card="7"), title="Candour", reasons=())
    contested = principle(
        alternatives=(Alternative(citation=Citation(card="7"), title="Candour", reasons=(Contest.cycle,)),)
    )
    assert contested.contested


def test_the_hash_follows_the_content_and_not_its_origin() -> None:
    ours = Constitution(title="Ours", principles=(principle(),))
    same = Constitution(
        title="Ours", origin=Origin(method="imported", source="list.json"), version="2", principles=(principle(),)
    )
    other = Constitution(title="Ours", principles=(principle(description="Hear everyone out."),))
    assert ours.hash == same.hash
    assert ours.hash != other.hash
    assert ours.principles[0].hash != other.principles[0].hash
    assert len(ours.hash) == 16


def test_it_survives_json_unchanged() -> None:
    ours = Constitution(
        title="Ours",
        participants=12,
        principles=(
            principle(
                context="When in distress",
                citations=(Citation(card="208", title="Later self", people=9, people_exact=False, judgements=12),),
                references=("Article 10",),
            ),
        ),
    )
    again = validate(Constitution, parse(ours.model_dump_json(), "ours.json"))
    assert again == ours
    assert again.hash == ours.hash
    assert again.contexts == ("When in distress",)


def test_a_malformed_file_is_named_to_the_field() -> None:
    text = "title: Ours\nprinciples:\n  - id: p1\n    title: Listening\n    critique: Find fault\n"
    with pytest.raises(DataError, match=r"ours\.yaml:5: principles\[0\]\.critique: unknown key 'critique'"):
        validate(Constitution, parse(text, "ours.yaml"))


def test_a_principle_is_found_by_its_id() -> None:
    ours = Constitution(title="Ours", principles=(principle("care"), principle("truth")))
    assert ours.principle("truth").id == "truth"
    with pytest.raises(UnknownNameError, match="did you mean 'truth'"):
        ours.principle("trueth")
