"""What a text is about is looked for in the whole survey, also where a run asked only a part of it."""

from pathlib import Path

import pytest

from pluralign.engines.live import Threaded
from pluralign.poll.scores import Scores
from pluralign.serve.topics import Topics
from pluralign.surveys import load
from tests.serve.conftest import script, shelf_of
from tests.serve.measured import by_words, measured

SURVEY = load("world-mini")


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that asked about family and work, and nothing else."""
    folder = measured(tmp_path_factory.mktemp("run"))
    scores = Scores.model_validate_json((folder / "scores.json").read_bytes())
    kept = tuple(one for one in scores.questions if one.topic != "Right and wrong")
    assert 0 < len(kept) < len(scores.questions)
    (folder / "scores.json").write_text(scores.model_copy(update={"questions": kept}).model_dump_json())
    return folder


def test_a_topic_that_the_run_did_not_ask_about_is_found_and_nothing_is_claimed_of_it(part: Path) -> None:
    contents = shelf_of(Threaded(script()), runs=(part,)).contents
    topics = Topics(by_words(), alike=0.3)
    kenya = contents.find("script@kenya")
    assert kenya.voice is not None
    assert kenya.voice.profiles, "the run measured this voice"
    found = topics.about(SURVEY.question("divorce").text, {"kenya": kenya})["voices"]["kenya"]
    assert (found["topic"], found["measured"]) == ("Right and wrong", None)
    assert found["questions"][0]["id"] == "divorce"
    asked = topics.about(SURVEY.question("trust-neighbours").text, {"kenya": kenya})["voices"]["kenya"]
    assert asked["measured"]["topic"] == SURVEY.question("trust-neighbours").topic


def test_where_no_survey_is_at_hand_the_runs_questions_are_looked_through(part: Path, tmp_path: Path) -> None:
    people = "collective: {id: KEN, name: Kenya, adjective: Kenyan}"
    (tmp_path / "kenya.yaml").write_text(
        f"id: kenya\ntitle: Kenya\n{people}\nmeasured: [{{run: '{part}', voice: persona, collective: KEN}}]\n"
    )
    contents = shelf_of(Threaded(script()), survey=None, folder=tmp_path).contents
    assert contents.problems == {}
    topics = Topics(by_words(), alike=0.3)
    kenya = contents.find("script@kenya")
    found = topics.about(SURVEY.question("divorce").text, {"": kenya})["voices"][""]
    assert found["topic"] != "Right and wrong"
    asked = topics.about(SURVEY.question("trust-neighbours").text, {"": kenya})["voices"][""]
    assert asked["measured"] is not None
