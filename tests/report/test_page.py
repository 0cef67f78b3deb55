"""The page of a poll: complete, well-formed, self-contained, and deaf to what others put into it."""

import csv
import importlib
import io
import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from pluralign.cli.main import app
from pluralign.core.errors import DataError, UsageError
from pluralign.poll.scores import Measure, Scores
from pluralign.report import export, page, tables, view, words
from pluralign.report.figure import axis, plot
from tests.report.poll_scores import hard_scores, make_scores

HTML: Any = importlib.import_module("lxml.html")  # has no type stubs
EVIL = """</script><script>alert(1)</script><!-- <img src=x onerror=alert(1)> ' " &amp; \u2028 {{ 7*7 }}"""


def parsed(html: str) -> Any:
    return HTML.document_fromstring(html)


def text_of(html: str) -> str:
    tree = parsed(html)
    for element in tree.xpath("//script|//style"):
        element.drop_tree()
    return " ".join(tree.text_content().split())


@pytest.fixture(scope="module")
def scores() -> Scores:
    return make_scores(compared=18)


@pytest.fixture(scope="module")
def html(scores: Scores) -> str:
    return page.render(scores)


CASES: dict[str, Callable[[], Scores]] = {
    "usual": lambda: make_scores(compared=18),
    "one people": lambda: make_scores(peoples=1),
    "one voice": lambda: make_scores(voices=1),
    "one of each": lambda: make_scores(peoples=1, voices=1, questions=1),
    "hard": hard_scores,
    "nothing compared": lambda: make_scores(questions=3).model_copy(
        update={"summaries": (), "cells": (), "closest": {}, "unscored": ("USA",)}
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_page_is_well_formed_and_reachable(case: str) -> None:
    html = page.render(CASES[case]())
    tree = parsed(html)
    ids = tree.xpath("//@id")
    assert len(ids) == len(set(ids)), "an id is used twice"
    for reference in tree.xpath("//@aria-labelledby | //label/@for"):
        assert reference in ids, reference
    assert len(tree.xpath("//h1")) == 1
    assert tree.xpath("/html/@lang") == ["en"]
    for table in tree.xpath("//table"):
        assert table.find("caption") is not None, HTML.tostring(table)[:200]
        assert not table.xpath(".//th[not(@scope)]")
    widths = {
        len(row.xpath("th|td"))
        for table in tree.xpath("//table[contains(@class, 'dense')]")
        for row in table.iter("tr")
    }
    assert len(widths) <= 1, "a row of the table of all measures lacks cells"


@pytest.mark.parametrize("case", CASES)
def test_the_page_needs_nothing_but_itself(case: str) -> None:
    html = page.render(CASES[case]())
    tree = parsed(html)
    assert not tree.xpath("//@src | //link | //iframe | //object | //base | //form/@action")
    for target in tree.xpath("//@href"):
        assert target.startswith("#"), target
    for style in tree.xpath("//style/text()"):
        assert "url(" not in style
        assert "@import" not in style
    assert not [name for element in tree.iter() for name in element.attrib if name.startswith("on")]
    policy = tree.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")[0]
    assert policy.startswith("default-src 'none'")
    assert "script-src 'sha256-" in policy
    assert "'unsafe-inline'" not in policy.partition("script-src")[2]


def test_nothing_from_outside_becomes_markup() -> None:
    base = make_scores(questions=4)
    one = base.questions[0]
    evil = base.model_copy(
        update={
            "study": EVIL,
            "survey_title": EVIL,
            "citation": EVIL,
            "licence": EVIL,
            "survey_notes": EVIL,
            "caveats": (EVIL,),
            "topics": (EVIL,),
            "unscored": (EVIL,),
            "collectives": tuple(each.model_copy(update={"name": EVIL, "region": EVIL}) for each in base.collectives),
            "summaries": tuple(each.model_copy(update={"label": EVIL, "sentence": EVIL}) for each in base.summaries),
            "cells": tuple(each.model_copy(update={"skill_note": EVIL}) for each in base.cells),
            "questions": (
                one.model_copy(update={"id": EVIL, "text": EVIL, "topic": EVIL, "options": (EVIL, *one.options[1:])}),
            ),
            "asked": base.asked.model_copy(
                update={
                    "model": EVIL,
                    "engine": {EVIL: EVIL, "list": [EVIL]},
                    "examples": tuple(
                        each.model_copy(update={"system": EVIL, "user": EVIL}) for each in base.asked.examples
                    ),
                }
            ),
        }
    )
    html = page.render(evil, command=EVIL)
    tree = parsed(html)
    assert len(tree.xpath("//script")) == 3
    assert not tree.xpath("//img")
    assert html.count("</script>") == 3
    assert "<!-- <img" not in html
    assert "49" not in " ".join(tree.xpath("//h3/text()"))
    data = json.loads(tree.get_element_by_id("explorer-data").text)
    assert data["questions"][0][1] == EVIL, "escaping must not change what was asked"
    assert EVIL.split("\u2028")[0].strip() in tree.xpath("//footer")[0].text_content()


def test_what_a_reader_must_see_is_there(scores: Scores, html: str) -> None:
    text = text_of(html)
    asked = scores.asked
    expected = [scores.study, scores.run, scores.version, scores.survey, scores.survey_title, scores.citation]
    expected += [scores.licence, scores.survey_notes, scores.created, *scores.topics, *scores.caveats, asked.model]
    expected += [asked.method, asked.orders, "184,230", "41,877", "float32", "cpu", "run.json"]
    expected += [each.name for each in scores.collectives]
    for example in asked.examples:
        expected += [" ".join(example.system.split()), " ".join(example.user.split())]
    for one in scores.summaries:
        expected += [one.label, one.sentence, words.number(one.distance.value, 3), words.number(one.skill.value)]
        expected += [words.interval(one.distance.low, one.distance.high, 3), words.number(one.js_distance.value, 3)]
        expected += [words.number(one.skill_over_uniform.value), words.number(one.entropy_ratio.value)]
        expected += [one.worth_text, words.percent(one.agreement.value)]
        for mark in one.marks:
            expected += [mark.label, mark.sentence]
    for cell in scores.cells:
        for name, measure in cell.distances.items():
            expected += [words.number(measure.value, 3), words.number(cell.shuffled[name], 3)]
        for measure in (cell.skill, cell.entropy, cell.entropy_ratio, cell.alignment, cell.skill_over_uniform):
            expected.append(words.number(measure.value))
        expected += [words.number(cell.people_entropy), words.number(cell.alignment_published)]
        expected += [words.percent(cell.people_missing, 1), words.percent(cell.lowest_captured)]
    for question in scores.questions:
        expected += [question.text, *question.options]
    missing = [each for each in expected if each not in text]
    assert not missing


def test_hard_cases_are_said_not_hidden() -> None:
    text = text_of(page.render(hard_scores()))
    assert "Asked, but not scored: Japan" in text
    assert "the whole sample is no farther away than chance" in text
    assert "20%low" in text or "20% low" in text
    assert "Only 20% of the reply fell on the options" in text
    assert "هل تثق في جيرانك؟" in text
    leak = make_scores(questions=2)
    leak = leak.model_copy(update={"asked": leak.asked.model_copy(update={"published_leak": True})})
    assert "The numbers flatter the voices." in text_of(page.render(leak))


def test_names_in_any_script_set_their_own_direction(html: str) -> None:
    assert 'dir="auto"' in html
    assert all(name.get("dir") == "auto" for name in parsed(html).xpath("//*[@class='name']"))


def test_plots_say_in_words_what_they_draw(scores: Scores, html: str) -> None:
    pictures = parsed(html).xpath("//svg[@role='img' and @class='plot']/@aria-label")
    assert len(pictures) == len(scores.summaries) + len(scores.cells)
    maps = parsed(html).xpath("//figure[@class='map']//svg/@aria-label")
    assert len(maps) == len(scores.summaries)
    assert all("every number is in the table below" in each for each in maps)
    letters = {line.letter: line.mark.label for line in view.arrange(scores, None).legend}
    for said in pictures:
        assert re.match(r"Distance 0\.\d{3}\.", said)
        assert all(f"{letter}, {label}:" in said for letter, label in letters.items())


def test_the_page_of_the_demo_is_light(html: str) -> None:
    assert len(html.encode()) < 300_000


def test_marks_stay_apart_and_on_the_axis(scores: Scores) -> None:
    arranged = view.arrange(scores, None)
    for row in arranged.voices:
        for mark in row.plot.marks:
            assert 0 <= mark.at <= 100
        for line in range(row.plot.lines):
            places = [mark.at for mark in row.plot.marks if mark.line == line]
            assert all(right - left >= 4.5 for left, right in pairwise(places))
    assert axis([None]).top == 1.0
    assert axis([0.31]).ticks == (0.0, 0.1, 0.2, 0.3, 0.4)
    assert axis([0.3]).top == pytest.approx(0.3)
    nothing = plot(Measure(value=None), (), "wasserstein", axis([0.3]), {})
    assert nothing.at is None
    assert nothing.marks == ()


def test_rankings_go_from_the_best_served_to_the_worst_and_end_with_the_undefined() -> None:
    scores = hard_scores()
    for ranking in view.arrange(scores, None).rankings:
        known = [row.cell.skill.value for row in ranking.rows if row.cell.skill.value is not None]
        assert known == sorted(known, reverse=True)
        assert [row.rank is None for row in ranking.rows] == sorted(row.rank is None for row in ranking.rows)


def test_the_matrix_marks_the_closest_and_ties() -> None:
    base = make_scores(peoples=3, voices=2, questions=4)
    tied = {"plain": {"": {"USA": 0.2, "CAN": 0.2, "BOL": 0.3}}, "persona": {"USA": {"USA": 0.3, "CAN": 0.1}}}
    matrices = view.arrange(base.model_copy(update={"closest": tied}), None).matrices
    assert matrices[0].rows[0].closest == ("United States", "Canada")
    assert matrices[0].rows[0].right is None
    assert matrices[1].rows[0].right is False
    assert matrices[1].rows[0].cells[2].value is None


def test_tables_lose_nothing(scores: Scores, tmp_path: Path) -> None:
    paths = export.write_csv(scores, tmp_path / "deep" / "tables")
    assert [path.name for path in paths] == ["voices.csv", "peoples.csv", "floors.csv", "closest.csv", "questions.csv"]
    peoples = list(csv.DictReader(io.StringIO(paths[1].read_text(encoding="utf-8"))))
    assert len(peoples) == len(scores.cells)
    assert float(peoples[0]["skill"]) == scores.cells[0].skill.value
    questions = list(csv.DictReader(io.StringIO(paths[4].read_text(encoding="utf-8"))))
    first = scores.questions[0]
    shares = [
        float(row["share"])
        for row in questions
        if row["question"] == first.id and row["answerer"] == "people" and row["collective"] == "USA"
    ]
    assert tuple(shares) == first.people["USA"]
    hard = export.peoples(hard_scores())
    assert hard.rows[0][hard.columns.index("skill")] is None
    assert ",," in export.csv_text(hard)
    assert all(len(row) == len(sheet.columns) for sheet in export.sheets(scores) for row in sheet.rows)


def test_tables_that_cannot_be_written_are_a_users_error(scores: Scores, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write tables"):
        export.write_csv(scores, tmp_path / "file")


@pytest.mark.parametrize("case", CASES)
def test_the_terminal_table_fits_80_columns(case: str) -> None:
    console = Console(width=80, file=io.StringIO())
    console.print(tables.headline(CASES[case]()))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert max(len(line.rstrip()) for line in lines) <= 80
    assert not any("…" in line for line in lines)


def test_a_label_is_no_markup_in_the_terminal() -> None:
    base = make_scores(questions=4, voices=1)
    label = "[red]danger[/red]"
    odd = base.model_copy(update={"summaries": (base.summaries[0].model_copy(update={"label": label}),)})
    console = Console(width=120, file=io.StringIO())
    console.print(tables.headline(odd))
    assert label in console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(None, 2, "–"), (-0.4, 2, "−0.40"), (-0.001, 2, "0.00"), (1234.5, 1, "1,234.5"), (0.0, 3, "0.000")],
)
def test_numbers_as_readers_see_them(value: float | None, digits: int, text: str) -> None:
    assert words.number(value, digits) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0.0, "0%"), (1.0, "100%"), (0.004, "under 1%"), (0.996, "over 99%"), (0.5, "50%")]
)
def test_shares_are_never_rounded_to_none_or_all(value: float | None, text: str) -> None:
    assert words.percent(value) == text


def test_lists_as_readers_say_them() -> None:
    assert words.listed([]) == ""
    assert words.listed(["A"]) == "A"
    assert words.listed(["A", "B", "C"]) == "A, B and C"


def test_the_command_draws_the_page_again(scores: Scores, tmp_path: Path) -> None:
    (tmp_path / "scores.json").write_text(scores.model_dump_json(), encoding="utf-8")
    result = CliRunner().invoke(app, ["report", str(tmp_path), "--csv", str(tmp_path / "csv")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page.render(scores)
    assert (tmp_path / "csv" / "closest.csv").exists()
    out = tmp_path / "elsewhere" / "page.html"
    assert CliRunner().invoke(app, ["report", str(tmp_path / "scores.json"), "--out", str(out)]).exit_code == 0
    assert out.exists()


def test_what_is_no_run_is_said_in_one_sentence(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert isinstance(result.exception, UsageError)
    (tmp_path / "scores.json").write_text('{"run": 1}', encoding="utf-8")
    result = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert isinstance(result.exception, DataError)
    assert "scores.json" in str(result.exception)
    (tmp_path / "scores.json").write_bytes(b"\xff\xfe")
    assert isinstance(CliRunner().invoke(app, ["report", str(tmp_path)]).exception, DataError)
