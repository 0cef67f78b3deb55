"""Several runs on one page: models times voices, held against each other, and what does not fit is said."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pluralign.poll.scores import Scores
from pluralign.poll.together import together
from tests.cli.conftest import Said

Command = Callable[..., Said]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def poll(type_command: Command) -> Command:
    def run(rule: str, *more: object, out: str | None = None) -> Said:
        said = type_command(
            "poll", "--model", f"scripted:{rule}", "--survey", "world-mini", "--voice", "plain,persona",
            "--as", "USA,KEN", "--per-topic", "2", "--resamples", "200", "--out", out or rule, *more,
        )  # fmt: skip
        assert said.code == 0, said.err
        return said

    return run


def scores(folder: str) -> Scores:
    return Scores.model_validate_json(Path(folder, "scores.json").read_text())


def test_one_page_has_every_models_voices(type_command: Command, poll: Command) -> None:
    for rule in ("hash", "uniform", "first"):
        poll(rule)
    said = type_command("report", "hash", "uniform", "first", "--out", "all.html", "--csv", "tables")
    assert said.code == 0, said.err
    page = Path("all.html").read_text()
    for rule in ("hash", "uniform", "first"):
        for voice in ("plain", "persona"):
            assert f"scripted:{rule} · {voice}" in page
        assert f"pluralign poll --model scripted:{rule}" in page, "every run can be done again"
    rows = list(csv.DictReader(Path("tables/voices.csv").read_text().splitlines()))
    assert len(rows) == 6
    for row in rows:
        name = row["voice"].split(" · ")[0].removeprefix("scripted:")
        alone = {one.voice: one for one in scores(name).summaries}[row["way"]]
        assert float(row["distance"]) == pytest.approx(alone.distance.value)
    kinds = [row["kind"] for row in csv.DictReader(Path("tables/differences.csv").read_text().splitlines())]
    assert {"telling", "models"} <= set(kinds)


def test_a_difference_between_models_is_that_of_their_distances(poll: Command) -> None:
    poll("hash")
    poll("uniform")
    both = together([(one, scores(one)) for one in ("hash", "uniform")])
    gap = next(one for one in both.gaps if one.kind == "models" and "persona" in one.first)
    alone = {one.voice: one.distance.value for one in both.summaries}
    assert gap.difference.value == pytest.approx((alone[gap.first] or 0) - (alone[gap.second] or 0))
    assert gap.difference.p_adjusted is not None
    assert len(both.runs) == 2
    assert Scores.model_validate_json(both.model_dump_json()) == both


def test_two_runs_of_one_model_are_told_apart(poll: Command) -> None:
    poll("hash", "--seed", "1", "--name", "early", out="a")
    poll("hash", "--seed", "2", "--name", "late", out="b")
    both = together([(one, scores(one)) for one in ("a", "b")])
    assert [one.name for one in both.runs] == ["scripted:hash, early", "scripted:hash, late"]


def test_what_does_not_fit_is_said(type_command: Command, poll: Command) -> None:
    poll("hash")
    poll("uniform", "--per-topic", "1")
    other = type_command("report", "hash", "uniform", "--out", "x.html")
    assert other.code == 2
    assert "not put the same questions" in other.err
    assert type_command("report", "hash", "hash", "--out", "x.html").code == 2
    homeless = type_command("report", "hash", "uniform")
    assert homeless.code == 2
    assert "say where with --out" in homeless.err
    assert not Path("x.html").exists()


def test_methods_that_differ_are_a_caveat(poll: Command) -> None:
    poll("hash", "--orders", "1")
    poll("uniform", "--orders", "2")
    both = together([(one, scores(one)) for one in ("hash", "uniform")])
    assert any("different option orders" in one for one in both.caveats)
    assert json.loads(both.model_dump_json())["asked"]["orders"].startswith("scripted:hash: ")
