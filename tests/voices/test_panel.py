"""A panel's file says who answers with which weight; what it leaves open or gets wrong is said, not guessed."""

import math
from pathlib import Path

import pytest

from pluralign.core.errors import DataError, UnknownNameError, UsageError
from pluralign.engines.base import OptionScores
from pluralign.surveys import load
from pluralign.voices.library import Library
from pluralign.voices.panel import Panel, panel, panel_voices, pick_request, picked

SURVEY = load("world-mini")
KENYA, AMERICA = SURVEY.collective("KEN"), SURVEY.collective("USA")


def written(folder: Path, text: str) -> Panel:
    path = folder / "panel.yaml"
    path.write_text(text)
    return panel(path, SURVEY)


MIXTURE = """
name: Kenya and Japan
kind: distributional
members:
- {voice: persona, as: Kenya, weight: 0.6}
- {voice: persona, as: JPN, weight: 0.4}
"""
ENSEMBLE = "name: both\nkind: distributional\nmembers: [{voice: persona}, {voice: self-alignment}, {voice: plain}]"
CHOICE = """
name: choice
kind: steerable
members: [{voice: persona, as: NGA}, {voice: persona, as: USA}, {voice: persona, as: ETH}]
"""


def test_a_mixture_of_peoples_speaks_for_nobody_in_particular(tmp_path: Path) -> None:
    (voice,) = panel_voices(written(tmp_path, MIXTURE), [KENYA, AMERICA], Library(SURVEY))
    assert voice.collective is None
    assert [(weight, one.id) for weight, one in voice.voices] == [(0.6, "persona@KEN"), (0.4, "persona@JPN")]
    assert voice.name == f"panel:{tmp_path / 'panel.yaml'}"
    assert voice.way.summary == "Kenya (persona) and Japan (persona) answering with their shares"


def test_members_without_a_people_follow_the_one_asked_for(tmp_path: Path) -> None:
    kenya, america = panel_voices(written(tmp_path, ENSEMBLE), [KENYA, AMERICA], Library(SURVEY))
    assert [one.id for _, one in kenya.voices] == ["persona@KEN", "self-alignment@KEN", "plain"]
    assert [weight for weight, _ in america.voices] == pytest.approx([1 / 3] * 3)
    assert america.id.endswith("panel.yaml@USA")
    assert america.draws_on_people


def test_a_steerable_panel_lets_the_groups_own_voice_speak_else_its_region(tmp_path: Path) -> None:
    america, kenya = panel_voices(written(tmp_path, CHOICE), [AMERICA, KENYA], Library(SURVEY))
    assert [one.id for _, one in america.voices] == ["persona@USA"]
    assert [(weight, one.id) for weight, one in kenya.voices] == [(0.5, "persona@NGA"), (0.5, "persona@ETH")]
    nobody = written(tmp_path, CHOICE.replace("as: USA", "as: ZWE"))
    with pytest.raises(UsageError, match="speaks for United States"):
        panel_voices(nobody, [AMERICA], Library(SURVEY))


def test_a_model_may_pick_and_a_pick_that_cannot_be_read_leaves_the_group_without_a_voice(tmp_path: Path) -> None:
    choice = written(tmp_path, CHOICE + "pick: model")
    request = pick_request(choice, KENYA)
    assert "C. Ethiopia (persona)" in request.messages[-1].content
    assert request.options[2] == ("C", " C")
    (voice,) = panel_voices(choice, [KENYA, AMERICA], Library(SURVEY), {"KEN": 2, "USA": None})
    assert [one.id for _, one in voice.voices] == ["persona@ETH"]


@pytest.mark.parametrize(
    ("shares", "expected"),
    [((0.1, 0.5, 0.1), 1), ((0.1, 0.3, 0.05), None), ((0.45, 0.45, 0.0), None), ((0.0, 0.0, 0.5), 2)],
)
def test_a_pick_is_the_likeliest_member_or_none(shares: tuple[float, ...], expected: int | None) -> None:
    logs = tuple(math.log(share) if share else -math.inf for share in shares)
    assert picked(OptionScores(logs, tuple((log,) for log in logs), 1)) == expected


def test_a_changed_weight_is_another_panel(tmp_path: Path) -> None:
    first = written(tmp_path, MIXTURE)
    other = written(tmp_path, MIXTURE.replace("0.6", "0.7").replace("0.4", "0.3"))
    assert first.name == other.name
    assert first.digest != other.digest


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0.4", "0.5", "weights sum to 1.1"),
        (", weight: 0.4", "", "every member a weight, or none"),
        ("weight: 0.4", "wieght: 0.4", "did you mean 'weight'"),
        ("kind: distributional", "kind: steerable", "weights are for distributional panels"),
        ("kind: distributional", "kind: distributional\npick: model", "'pick' is for steerable panels"),
        ("voice: persona, as: JPN", "voice: 'panel:x.yaml', as: JPN", "members are voices, not panels"),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(DataError) as raised:
        written(tmp_path, MIXTURE.replace(old, new))
    assert message in str(raised.value)
    assert "panel.yaml" in str(raised.value)


def test_unknown_names_and_members_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Kenia"):
        written(tmp_path, MIXTURE.replace("Kenya,", "Kenia,"))
    with pytest.raises(UsageError, match="two members are called"):
        written(tmp_path, MIXTURE.replace("JPN", "KEN"))
