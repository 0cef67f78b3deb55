"""What an inventory says of voices and of people: the same sums on both sides, and the difference item by item."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from pluralign.core.distribution import Distribution, Obtained
from pluralign.core.question import Option, Question, Scale
from pluralign.core.survey import Survey
from pluralign.engines.scripted import scripted
from pluralign.poll.scores import TraitScore
from pluralign.poll.study import Study
from pluralign.poll.traits import trait_scores
from pluralign.report import export, page, tables
from pluralign.report.profile import profiles
from tests.poll.conftest import carry_out
from tests.surveys.test_ipip import items_file


def people(*shares: float) -> Distribution:
    return Distribution(probabilities=shares, obtained=Obtained.PEOPLE)


def survey(**changes: object) -> Survey:
    options = tuple(Option(id=at, text=text) for at, text in enumerate(("Accurate", "Neither", "Inaccurate"), 1))
    talk, hide = (Question(id=key, text=f"{key}?", options=options, scale=Scale.ORDINAL) for key in ("talk", "hide"))
    return Survey.model_validate(
        {
            "name": "traits",
            "questions": (talk, hide),
            "collectives": ({"id": "north", "name": "North"},),
            "references": {"north": {"talk": people(0.5, 0.5, 0), "hide": people(0, 0, 1)}},
            "traits": {"Extraversion": {"talk": 1, "hide": -1}},
            **changes,
        }
    )


def found(scores: tuple[TraitScore, ...]) -> dict[tuple[str, str], TraitScore]:
    return {(one.voice, one.collective): one for one in scores}


def test_people_and_voices_by_hand() -> None:
    said = {"talk": people(0, 0, 1), "hide": people(0, 0, 1)}
    by_bearer = found(trait_scores(survey(), [("plain", "", said), ("gone", "", {})], seed=0, resamples=200))
    north, plain, gone = by_bearer["", "north"], by_bearer["plain", ""], by_bearer["gone", ""]
    # Talking is accurate (3) or neither (2): 2.5. Hiding is inaccurate, and counts against the trait: 3.
    assert (north.score.value, north.items, north.top, north.difference) == (2.75, 2, 3, None)
    assert north.spread == pytest.approx(0.5 / 2**0.5)
    # The voice does not talk (1) and does not hide (3). It is held against the only people there is: (1 - 2.5 + 0) / 2.
    assert plain.score.value == 2
    assert plain.difference is not None
    assert plain.difference.value == -0.75
    assert (gone.score.value, gone.items) == (None, 0)


def test_a_selection_keeps_the_keys_of_what_is_left() -> None:
    whole = survey()
    assert whole.select(question_ids=["hide"]).traits == {"Extraversion": {"hide": -1}}
    assert whole.checksum != survey(traits={}).checksum


@pytest.mark.parametrize(
    ("traits", "message"),
    [({"E": {"shout": 1}}, "shout"), ({"E": {"talk": 2}}, "the key of 'talk' in 'E' must be 1 or -1, got 2")],
)
def test_keys_that_fit_nothing_are_refused(traits: dict[str, dict[str, int]], message: str) -> None:
    with pytest.raises(Exception, match=message):
        survey(traits=traits)


def test_an_inventory_polled_is_a_profile_in_the_table_on_the_page_and_as_csv(tmp_path: Path) -> None:
    responses = tmp_path / "IPIP120.dat"
    responses.write_text("".join(f"{at}{'54321'[at % 5]}{'3' * 119}\n" for at in range(10)))
    study = Study.model_validate(
        {
            "model": "scripted:first",
            "survey": f"mpi:{items_file(tmp_path)},{responses}",
            "voices": ["plain"],
            "resamples": 100,
        }
    )
    _, _, scores = carry_out(study, scripted("first"), tmp_path / "run")
    by_trait = {(one.voice, one.trait): one for one in scores.traits}
    assert len(by_trait) == 10
    # The people answer 3 to all but the first statement, whose answers have the mean 3 too.
    assert by_trait["", "Neuroticism"].score.value == pytest.approx(3)
    arranged = profiles(scores)
    assert arranged is not None
    assert [row.is_people for row in arranged.rows] == [True, False]
    assert arranged.rows[1].cells[0].people == 50.0
    html = page.render(scores)
    assert 'id="traits-table"' in html
    assert len(export.traits(scores).rows) == 10
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(tables.headline(scores))
    assert "Traits, from 1 to 5" in console.export_text()
