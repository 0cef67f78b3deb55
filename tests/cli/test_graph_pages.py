"""``pluralign graph show``, ``charter`` and ``polis``, as typed."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pluralign.cli import graph_charter
from pluralign.cli.main import app, main
from pluralign.core.constitution import Constitution
from pluralign.core.documents import parse, validate
from pluralign.engines.scripted import ScriptedEngine

COUNTS = {"markedNotWiser": 1, "markedLessWise": 0, "markedUnsure": 0}


def published(folder: Path) -> Path:
    """A graph in the published schema: 2 wins at home, contested by 3."""

    def edge(source: int, wiser: int, votes: int) -> dict[str, object]:
        return {
            "sourceValueId": source,
            "wiserValueId": wiser,
            "contexts": ["When at home"],
            "counts": {"markedWiser": votes, **COUNTS, "impressions": votes + 1},
            "summary": {"wiserLikelihood": votes / (votes + 1), "entropy": 0.9},
        }

    values = [
        {
            "id": number,
            "title": f"Value {number}",
            "instructionsShort": "Short.",
            "instructionsDetailed": f"Detailed {number}.",
            "evaluationCriteria": [f"SIGNS of {number}", "WORDS that calm"],
        }
        for number in (1, 2, 3)
    ]
    path = folder / "graph.json"
    path.write_text(json.dumps({"values": values, "edges": [edge(1, 2, 9), edge(1, 3, 4)]}))
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["graph", *arguments], catch_exceptions=False)


def exit_of(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["pluralign", "graph", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    return int(stopped.value.code or 0)


def test_show_writes_one_page(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    result = run("show", str(published(tmp_path)), "--out", str(page), "--title", "Ours")
    assert result.stdout.startswith(f"{page}: 3 values, 2 links, ")
    assert "<title>Ours</title>" in page.read_text()


def test_charter_goes_to_the_screen_and_can_be_read_back(tmp_path: Path) -> None:
    result = run("charter", str(published(tmp_path)))
    constitution = validate(Constitution, parse(result.stdout, "charter.json"))
    (principle,) = constitution.principles
    assert principle.id == "2@when-at-home"
    assert (principle.citations[0].people, principle.citations[0].people_exact) == (9, False)
    assert [alternative.citation.card for alternative in principle.alternatives] == ["3"]
    assert constitution.origin.source == "graph.json"
    assert "1 principles, 1 of them contested." in result.stderr


def test_charter_writes_files_for_programs_and_for_people(tmp_path: Path) -> None:
    out, text = tmp_path / "charter.json", tmp_path / "charter.md"
    result = run("charter", str(published(tmp_path)), "--out", str(out), "--text", str(text), "--collective", "town")
    assert result.stdout == ""
    assert validate(Constitution, parse(out.read_text(), "charter.json")).collective == "town"
    read = text.read_text()
    assert "## When at home" in read
    assert "Value 2, at least 9 people, 9 judgements." in read
    assert "- **Value 3**: nobody found the first value wiser than it" in read


def test_a_model_polishes_and_what_it_loses_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def speak(request: object) -> str:
        text = str(request.messages[-1].content).split("\n\n", 1)[1]  # type: ignore[attr-defined]
        return "I would rather not." if "SIGNS of 3" in text else text.replace("Rewrite", "Write anew")

    engine = ScriptedEngine(speaker=speak)
    monkeypatch.setattr("pluralign.engines.open.open_engine", lambda *_, **__: engine)
    assert graph_charter.charter is not None
    plain = run("charter", str(published(tmp_path))).stdout
    result = run("charter", str(published(tmp_path)), "--model", "scripted:mine")
    before = validate(Constitution, parse(plain, "before"))
    after = validate(Constitution, parse(result.stdout, "after"))
    assert "2 texts polished by scripted:mine, 2 left as they were." in result.stderr
    assert "2@when-at-home, critique_request of card 3: numbers were changed" in result.stderr
    assert after.principles[0].revision_request.count("Write anew") == 1
    assert after.principles[0].alternatives == before.principles[0].alternatives
    assert after.principles[0].citations == before.principles[0].citations
    assert after.origin.wording == "charter/1, polished by scripted:mine"


def test_a_mistake_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = str(published(tmp_path))
    assert exit_of("charter", graph, "--context", "When at sea", monkeypatch=monkeypatch) == 2
    assert "no context 'When at sea'" in capsys.readouterr().err
    assert exit_of("show", graph, "--out", str(tmp_path / "no" / "page.html"), monkeypatch=monkeypatch) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert exit_of("polis", str(tmp_path), monkeypatch=monkeypatch) == 2
    assert "comments.csv is not in it" in capsys.readouterr().err
    assert exit_of("polis", str(tmp_path), "--groups", "export", "--number", "2", monkeypatch=monkeypatch) == 2
    assert "leave out --number" in capsys.readouterr().err


def test_polis_tells_what_groups_agree_on_and_writes_seeds(tmp_path: Path) -> None:
    people = range(20)
    lines = ["participant,group-id,n-comments,n-votes,n-agree,n-disagree,0,1,2,3,4,5,6"]
    for who in people:
        side = 1 if who < 12 else -1
        votes = [side, side, -side, side, -side, side, 1]
        lines.append(
            f"{who},{0 if side == 1 else 1},0,7,{votes.count(1)},{votes.count(-1)},{','.join(map(str, votes))}"
        )
    (tmp_path / "participants-votes.csv").write_text("\n".join(lines) + "\n")
    agrees = [12, 12, 8, 12, 8, 12, 20]
    rows = [f"1,x,{n},0,{a},{20 - a},1,Statement {n}" for n, a in enumerate(agrees)]
    header = "timestamp,datetime,comment-id,author-id,agrees,disagrees,moderated,comment-body"
    (tmp_path / "comments.csv").write_text("\n".join([header, *rows]) + "\n")
    out = tmp_path / "seeds.json"
    shown = run("polis", str(tmp_path), "--out", str(out)).stdout
    assert "20 voted, 20 of them often enough" in shown
    assert "0.84  Statement 6  [A 93%, B 90%]" in shown  # 13/14 of A times 9/10 of B
    assert "Group A, 12 people" in shown
    found = json.loads(out.read_text())
    assert [group["size"] for group in found["groups"]] == [12, 8]
    assert found["statements"][0]["card"]["title"] == "Statement 6"
    again = run("polis", str(tmp_path), "--groups", "export").stdout
    assert "Group B, 8 people" in again


def test_the_published_graph_gives_a_charter_and_a_page(shared_data: Path, tmp_path: Path) -> None:
    graph = shared_data / "moral_graph" / "moral-graph-all-participants.json"
    constitution = validate(Constitution, parse(run("charter", str(graph)).stdout, "charter.json"))
    # Eleven contexts have an edge; in "When seeking support" value 304 has the greatest wisdom, 283 nothing above it.
    assert len(constitution.principles) == 11
    support = constitution.principle("304@when-seeking-support")
    assert {alternative.citation.card for alternative in support.alternatives} >= {"283"}
    assert support.citations[0].judgements == 68
    assert all(principle.drafted and principle.citations for principle in constitution.principles)
    page = tmp_path / "page.html"
    assert "60 values, 69 links" in run("show", str(graph), "--out", str(page)).stdout
