"""The commands, as a person types them: output, files and exit codes."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pluralign.cli import main
from pluralign.core.moral_graph import Relationship
from pluralign.graph.export import read_graph
from tests.graph.handmade import N, U, W, judgements, votes

SPELLED = {W: "upgrade", N: "no_upgrade", U: "not_sure"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [*votes("1", "2", [W] * 8 + [N] * 2, "home"), *votes("2", "3", [W] * 7 + [U] * 3, "work")]
    rows += votes("3", "1", [W, W, W, W, N, N], "home")
    lines = ["user,from_value,to_value,relationship,context,created_at"]
    for row in judgements(rows):
        answer = SPELLED[Relationship(row.relationship)]
        lines.append(f"{row.participant},{row.source},{row.candidate},{answer},{row.context},{row.judged_at:%FT%TZ}")
    (tmp_path / "judgements.csv").write_text("\n".join(lines) + "\n")
    cards = [{"id": number, "title": f"Value {number}", "evaluationCriteria": ["P"]} for number in (1, 2, 3)]
    (tmp_path / "cards.json").write_text(json.dumps(cards))
    (tmp_path / "contexts.json").write_text('[{"context": "home", "case": "family"}]')
    people = "\n".join(f"p{i},{'red' if i % 2 else 'blue'}" for i in range(10))
    (tmp_path / "people.csv").write_text("user,party\n" + people + "\n")
    return tmp_path


def run(folder: Path, *words: str) -> str:
    arguments = [str(folder / word) if (folder / word).is_file() else word for word in words]
    result = CliRunner().invoke(main.app, ["graph", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_build_writes_our_format_and_says_what_came_of_it(folder: Path) -> None:
    out = folder / "g.json"
    said = run(folder, "build", "judgements.csv", "--cards", "cards.json", "--json", str(out), "--bootstrap", "20")
    assert "3 edges between 3 values" in said
    assert "26 judgements of 10 people in 2 contexts, kept apart" in said
    assert "Value 2" in said
    graph = read_graph(out)
    assert graph.construction.bootstrap == 20
    assert {edge.contexts for edge in graph.edges} == {("home",), ("work",)}


def test_build_published_writes_the_published_schema(folder: Path) -> None:
    out = folder / "g.json"
    run(folder, "build", "judgements.csv", "--cards", "cards.json", "--published", "--json", str(out))
    data = json.loads(out.read_text())
    assert set(data) == {"values", "edges"}
    assert data["values"][0]["id"] == 1
    run(folder, "build", "judgements.csv", "--published", "--schema", "pluralign", "--json", str(out))
    assert read_graph(out).construction.mode == "published"
    run(folder, "build", "judgements.csv", "--published", "--json", str(out), "--with-page-rank", "--all-edges")
    data = json.loads(out.read_text())
    assert "allEdges" in data
    assert "pageRank" in data["values"][0]


def test_build_filters(folder: Path) -> None:
    common = ("build", "judgements.csv", "--bootstrap", "0")
    assert "16 judgements" in run(folder, *common, "--context", "home")
    assert "16 judgements" in run(folder, *common, "--contexts", "contexts.json", "--case", "family")
    assert "13 judgements of 5" in run(folder, *common, "--participants", "people.csv", "--group", "party=red")
    assert "10 judgements" in run(folder, *common, "--until", "2024-01-01T00:10:00Z")
    assert "16 judgements" in run(folder, *common, "--since", "2024-01-01T00:10:00")
    (folder / "users.txt").write_text("p0\np1\n")
    assert "6 judgements of 2 people" in run(folder, *common, "--users", "users.txt")


def test_build_thresholds(folder: Path) -> None:
    common = ("build", "judgements.csv", "--bootstrap", "0")
    assert "2 edges" in run(folder, *common, "--min-wiser", "5")
    assert "0 edges" in run(folder, *common, "--min-total", "11")
    assert "1 edges" in run(folder, *common, "--min-likelihood", "0.75")
    assert "entropy" not in run(folder, *common, "--max-entropy", "none")
    assert "lower end of Wilson's interval > 0.4" in run(folder, *common, "--min-support", "0.4")


def test_rank_orders_by_what_is_asked(folder: Path) -> None:
    out = folder / "g.json"
    run(folder, "build", "judgements.csv", "--cards", "cards.json", "--pool", "--json", str(out), "--bootstrap", "20")
    by_wisdom = run(folder, "rank", "g.json")
    assert by_wisdom.index("Value 2") < by_wisdom.index("Value 3") < by_wisdom.index("Value 1")
    for by in ("page-rank", "strength"):
        assert "Value 1" in run(folder, "rank", "g.json", "--by", by)
    assert "Value 1" not in run(folder, "rank", "g.json", "--top", "1")


def test_report_tells_how_far_the_graph_can_be_trusted(folder: Path) -> None:
    out = folder / "r.json"
    said = run(
        folder, "report", "judgements.csv", "--cards", "cards.json", "--participants", "people.csv",
        "--pool", "--bootstrap", "50", "--json", str(out),
    )  # fmt: skip
    for heading in (
        "26 judgements of 10 people",
        "Is it an order?",
        "Each threshold moved",
        "More judgements",
        "across party",
    ):
        assert heading in said
    data = json.loads(out.read_text())
    (whole,) = data["structure"]
    assert whole["feedback"]["edges"] == [["3", "1"]]  # 4 answers, the cheapest of the circle
    assert whole["feedback"]["wiser_answers"] == 4
    assert data["bootstrap"]["resamples"] == 50
    assert {row["threshold"] for row in data["sensitivity"]} >= {"min_wiser", "max_entropy"}
    assert data["convergence"]["further_judgements"][0]["context"] is None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["build", "none.csv"], "none.csv: cannot be read: No such file or directory"),
        (["build", "judgements.csv", "--until", "soon"], "--until 'soon' is not a date, such as 2023-10-18"),
        (["build", "judgements.csv", "--until", "2020-01-01"], "no judgement of the 26 in judgements.csv is left"),
        (["build", "judgements.csv", "--context", "hom"], "unknown context 'hom': did you mean 'home'?"),
        (["build", "judgements.csv", "--group", "red"], "--group 'red' is not of the form attribute=group"),
        (["build", "judgements.csv", "--max-entropy", "low"], "--max-entropy 'low' is neither a number nor 'none'"),
        (["build", "judgements.csv", "--cards", "contexts.json"], "contexts.json, card 1: id: Field required"),
        (["rank", "cards.json"], "cards.json: is no moral graph"),
        (["report", "judgements.csv", "--bootstrap", "0"], "the report needs resamples"),
        (["report", "judgements.csv", "--target", "95"], "--target 95.0 is not between 0 and 1"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    arguments = [str(folder / word) if (folder / word).is_file() else word for word in words]
    monkeypatch.setattr(sys, "argv", ["pluralign", "graph", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main.main()
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.startswith("pluralign: ")
    assert said.count("\n") == 1


def test_what_was_set_aside_is_said(folder: Path) -> None:
    path = folder / "judgements.csv"
    path.write_text(path.read_text() + "p0,1,1,upgrade,home,2024-01-02\np0,1,2,upgrade,home,2024-01-03\n")
    said = " ".join(run(folder, "build", "judgements.csv", "--bootstrap", "0").split())
    assert "set aside: 1 (a value judged against itself; the first: judgements.csv, data row 27)" in said
    assert "set aside: 1 (judged again later by the same participant; the first: judgements.csv, data row 1)" in said
