"""``pluralign compare`` as typed: a sentence, tables that fit, files, and one sentence for bad input."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pluralign.engines.scripted import scripted
from pluralign.poll import records, run
from pluralign.poll.comparison import Comparison
from pluralign.poll.study import Study
from tests.cli.conftest import Said
from tests.poll.conftest import SURVEY

Command = Callable[..., Said]


POLLS = {
    "before": ("first", "world-mini", ["USA", "KEN", "DEU"], ["plain", "persona"]),
    "after": ("hash", "world-mini", ["USA", "KEN", "DEU"], ["plain", "persona"]),
    "uniform": ("uniform", "world-mini", ["KEN", "DEU", "CHN"], ["persona"]),
    "plain": ("hash", "world-mini", ["CHN"], ["plain"]),
    "china": ("hash", "world-mini", ["CHN"], ["persona"]),
    "tea": ("hash", "tea.yaml", ["north", "south"], ["persona"]),
    "talk": ("hash", "talk.yaml", ["north", "south"], ["persona"]),
}


@pytest.fixture(scope="module")
def polled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with finished polls of scripted models."""
    folder = tmp_path_factory.mktemp("polls")
    (folder / "tea.yaml").write_text(SURVEY)
    (folder / "talk.yaml").write_text(
        SURVEY.replace("name: tea", "name: talk").replace("id: tea", "id: t").replace("id: milk", "id: m")
        .replace("id: talk", "id: k")
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, (rule, survey, people, voices) in POLLS.items():
            study = Study.model_validate(
                {"model": f"scripted:{rule}", "survey": survey, "as": people, "voices": voices, "orders": 1}
            )
            prepared, engine = run.prepare(study), scripted(rule)
            record = records.open_run(Path(name), records.specify(prepared, engine), ("pluralign", "poll"))
            run.poll(prepared, engine, Path(name), lambda _: None)
            records.write_run(Path(name), record.model_copy(update={"finished": records.now()}))
    return folder


@pytest.fixture
def runs(polled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the polls, to stand in and to break."""
    folder = tmp_path / "runs"
    shutil.copytree(polled, folder)
    monkeypatch.chdir(folder)
    return folder


def test_it_says_what_changed_and_for_whom(type_command: Command, runs: Path) -> None:
    said = type_command("compare", "before", "after", "--resamples", "200", "--json", "x/c.json", "--out", "x/c.html")
    assert said.code == 0
    assert said.out.startswith("Asked as “persona”, scripted:hash is 0.")
    assert "closer to these 3 peoples than scripted:first (0." in said.out
    assert "scripted:first → scripted:hash, 77 questions" in said.out
    for name in ("Kenya", "Germany", "United States", "skill", "variety", "gain of telling", "between peoples"):
        assert name in said.out
    comparison = Comparison.model_validate_json((runs / "x" / "c.json").read_text())
    assert [run.folder for run in comparison.runs] == ["before", "after"]
    assert comparison.resamples == 200
    assert json.loads((runs / "x" / "c.json").read_text())["schema_version"] == 1
    assert "Kenya" in (runs / "x" / "c.html").read_text(encoding="utf-8")
    assert "Numbers: x/c.json" in said.out
    assert "Page: x/c.html" in said.out


@pytest.mark.usefixtures("runs")
def test_what_is_left_out_is_said(type_command: Command) -> None:
    said = type_command("compare", "before", "uniform", "--resamples", "200")
    assert said.code == 0
    assert "Left out. Not in every run: 1 voice (plain)." in said.err
    assert "Left out. Not measured in every run: 2 peoples (United States, China)." in said.err
    assert "these 2 peoples" in said.out


@pytest.mark.usefixtures("runs")
def test_a_run_with_itself(type_command: Command) -> None:
    said = type_command("compare", "before", "before", "--resamples", "200")
    assert said.out.startswith("Both runs gave the very same answers: there is no difference to report.")
    assert "Both runs are of the same study and the same model." in said.err


@pytest.mark.usefixtures("runs")
def test_several_runs_are_held_against_the_first(type_command: Command) -> None:
    said = type_command("compare", "uniform", "before", "after", "--resamples", "200", "--by-topic")
    assert said.code == 0
    assert "scripted:uniform → scripted:first" in said.out
    assert "scripted:uniform → scripted:hash" in said.out
    assert "resampling whole topics" in " ".join(said.out.split())


@pytest.mark.usefixtures("runs")
def test_voices_of_other_names_are_held_against_each_other(type_command: Command, runs: Path) -> None:
    """Prompting before, something else after: the very numbers of a comparison in which both are called alike."""
    pair = ("--pair", "persona=plain", "--resamples", "200", "--json", "pair.json")
    said = type_command("compare", "before", "after", *pair)
    assert said.code == 0
    assert said.out.startswith("Asked as “persona → plain”, ")
    (voice,) = Comparison.model_validate_json((runs / "pair.json").read_text()).pairs[0].voices
    assert voice.voice == "persona → plain"
    same = ("--pair", "persona=persona", "--resamples", "200", "--json", "same.json")
    assert type_command("compare", "before", "after", *same).code == 0
    assert type_command("compare", "before", "after", "--resamples", "200", "--json", "all.json").code == 0
    (one,) = Comparison.model_validate_json((runs / "same.json").read_text()).pairs[0].voices
    both = Comparison.model_validate_json((runs / "all.json").read_text()).pairs[0].voices
    other = next(found for found in both if found.voice == "persona")
    assert one.overall == other.overall
    assert voice.overall != one.overall
    assert voice.overall["wasserstein"].before == one.overall["wasserstein"].before, "the first run's persona in both"


BAD = {
    "one run": (("before",), "comparing needs at least two runs, and 'before' is one"),
    "no run": (("before", "nowhere"), "there is no run in 'nowhere': run.json is missing"),
    "a file": (("before", "tea.yaml"), "there is no run in 'tea.yaml'"),
    "another survey": (
        ("before", "tea"),
        "was asked 'world-mini' and the run in 'tea' 'tea', and they share no question",
    ),
    "the same survey by other names": (("tea", "talk"), "they share no question"),
    "another voice": (("plain", "china"), "are 'plain' and those of the run in 'china' 'persona'"),
    "another people": (("after", "china"), "speak for no people in common"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_compared_is_one_sentence_and_exit_code_2(type_command: Command, runs: Path, case: str) -> None:
    folders, expected = BAD[case]
    said = type_command("compare", *folders, "--out", "page.html")
    assert said.code == 2
    assert expected in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert not (runs / "page.html").exists()


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        (["persona"], "--pair takes BEFORE=AFTER, such as persona=adapter:runs/kenya, not 'persona'"),
        (["persona=oracle"], "unknown voice of 'after' 'oracle'"),
        (["persona=plain", "persona=plain"], "another pair is called 'persona → plain' too"),
    ],
)
def test_pairs_that_are_none(type_command: Command, pairs: list[str], expected: str) -> None:
    said = type_command("compare", "before", "after", *[word for one in pairs for word in ("--pair", one)])
    assert said.code == 2
    assert expected in said.err


def test_an_unfinished_run(type_command: Command, runs: Path) -> None:
    record = json.loads((runs / "after" / "run.json").read_text())
    (runs / "after" / "run.json").write_text(json.dumps({**record, "finished": None}))
    said = type_command("compare", "before", "after")
    assert said.code == 2
    assert "the run in 'after' is not finished" in said.err


def test_a_run_record_that_is_none(type_command: Command, runs: Path) -> None:
    (runs / "after" / "run.json").write_text("{}")
    said = type_command("compare", "before", "after")
    assert said.code == 2
    assert "after/run.json: is not the record of a run" in said.err


@pytest.mark.usefixtures("runs")
def test_a_page_that_cannot_be_written(type_command: Command) -> None:
    said = type_command("compare", "before", "after", "--resamples", "100", "--out", "tea.yaml/page.html")
    assert said.code == 2
    assert "cannot be made" in said.err
