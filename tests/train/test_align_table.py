"""The table under `make align`: floors, cuts and ranks of finished runs, against what they must be."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from benchmarks.align import ranks, rows, table

from pluralign.poll.finished import Finished, read_finished
from pluralign.surveys import load
from tests.cli.conftest import Said, type_command

__all__ = ["type_command"]

QUESTIONS = "questions: {ids: [feeling-safe, democracy, divorce, trust-neighbours, petition]}"


@pytest.fixture
def polled(type_command: Callable[..., Said], tmp_path: Path) -> Callable[..., Finished]:
    """A poll of five questions, of all peoples unless said otherwise."""

    def poll(engine: str, voices: str, peoples: str = "") -> Finished:
        study = tmp_path / "study.yaml"
        asked = peoples or ", ".join(one.id for one in load("world-mini").collectives)
        study.write_text(f"name: five\nsurvey: world-mini\nas: [{asked}]\nvoices: [{voices}]\n{QUESTIONS}\n")
        out = tmp_path / engine.replace(":", "-")
        said = type_command("poll", str(study), "--model", engine, "--out", str(out))
        assert said.code == 0, said.err
        return read_finished(out)

    return poll


def test_answering_every_option_alike_is_its_own_floor(polled: Callable[..., Finished]) -> None:
    found = {one.label: one for one in rows([polled("scripted:uniform", "plain")])}
    np.testing.assert_allclose(found["plain"].distances, found["every option alike"].distances, atol=1e-12)


def test_who_says_the_same_for_everybody_is_at_the_middle_over_all(polled: Callable[..., Finished]) -> None:
    (plain, *_) = rows([polled("scripted:hash", "plain")])
    place = ranks(np.ones((1, 5)), plain)
    assert place.shape == (1, 18)
    assert place.mean() == pytest.approx(9.5)
    assert sorted(place[0]) == list(range(1, 19))


def test_a_rank_counts_those_who_are_closer(polled: Callable[..., Finished]) -> None:
    (persona, *_) = rows([polled("scripted:hash", "persona", "KEN, USA")])
    weights = np.array([[1.0, 0, 0, 0, 0], [1, 2, 0, 1, 1]])
    found = ranks(weights, persona)
    for at, one in enumerate(persona.own):
        for draw, weight in enumerate(weights):
            means = persona.apart[at] @ weight / weight.sum()
            assert found[draw, at] == 1 + (means < means[one]).sum()


def test_cuts_are_against_the_best_prompting_voice(polled: Callable[..., Finished]) -> None:
    run = polled("scripted:hash", "plain, persona", "KEN, USA")
    distances = {one.label: float(one.distances.mean()) for one in rows([run])}
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table([run]).splitlines() if "|" in line]
    cut = {line[0]: line[2] for line in lines[2:]}
    best = min(("plain", "persona"), key=lambda one: distances[one])
    assert cut[best] == "the best of prompting"
    for label in {*cut} - {best}:
        expected = 1 - distances[label] / distances[best]
        assert cut[label].split(" ")[0] == f"{expected:.0%}"
