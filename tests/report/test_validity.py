"""Agreement of methods, order effects and temperatures: on the page, in the terminal, as tables."""

import csv
import io
from pathlib import Path

import lxml.html  # type: ignore[import-untyped]
import pytest
from rich.console import Console

from pluralign.poll.scores import Calibrated, LabelEffect, Measure, MethodAgreement, OrderBias, Scores
from pluralign.report import export, page, validity
from pluralign.report.headline import closest_voice
from tests.report.poll_scores import make_scores


def agreement(**changes: object) -> MethodAgreement:
    return MethodAgreement.model_validate(
        {
            "voice": "persona",
            "label": "persona",
            "first": "exact",
            "second": "samples",
            "questions": 9,
            "pairs": 18,
            "total_variation": {"value": 0.21, "low": 0.15, "high": 0.28},
            "wasserstein": {"value": 0.1, "low": 0.05, "high": 0.2},
            "rank_correlation": {"value": 0.62, "low": 0.31, "high": 0.8},
            "by_sampling": 0.12,
            "shuffled": 0.37,
            **changes,
        }
    )


def full(*, apart: bool = True) -> Scores:
    label = LabelEffect(label="<2>", effect=Measure(value=-0.031, low=-0.05, high=-0.01), questions=9)
    bias = OrderBias(
        voice="persona",
        label="persona (exact)",
        method="exact",
        questions=9,
        apart=apart,
        first=Measure(value=0.052, low=0.01, high=0.094),
        last=Measure(value=-0.0001),
        moved=0.08,
        labels=(label,) if apart else (),
    )
    fitted = Calibrated(
        voice="persona",
        label="persona",
        questions=("Q1", "Q2"),
        answers=4,
        temperature=Measure(value=20.0, low=2.0, high=20.0),
        at_bound=True,
        divergence_before=0.3,
        divergence_after=0.2,
    )
    none = agreement(second="verbalised", by_sampling=None, rank_correlation={"value": None}, shuffled=None)
    return make_scores(peoples=3, voices=2, questions=5).model_copy(
        update={
            "methods": ("exact", "samples", "verbalised"),
            "agreements": (agreement(), none),
            "order_biases": (bias,),
            "calibrations": (fitted,),
        }
    )


def test_the_page_shows_what_there_is_and_nothing_where_there_is_none() -> None:
    plain = page.render(make_scores(peoples=3, voices=2, questions=5))
    assert 'id="validity"' not in plain
    found = lxml.html.fromstring(page.render(full()))
    [section] = found.xpath("//section[@id='validity']")
    text = " ".join(section.text_content().split())
    assert "exact and samples" in text
    assert "0.210 95% interval 0.150 to 0.280" in text
    assert "+5.2" in text
    assert "+1.0 to +9.4" in text
    assert "<2> −3.1" in text, "a label is text, never markup"
    assert "or beyond" in text
    assert "Q1, Q2" in text
    assert "--permute-labels" not in text
    picture = section.xpath(".//svg[@role='img']")[0].get("aria-label")
    assert "a, as few replies of the very same answers: 0.120" in " ".join(picture.split())
    assert found.xpath("//nav//a[@href='#validity']")


def test_where_labels_stay_with_their_places_the_page_says_so() -> None:
    text = page.render(full(apart=False))
    assert "--permute-labels" in text
    assert "under the label of that place" in text


def test_points_have_a_sign_and_nothing_is_no_minus_nothing() -> None:
    assert validity.points(Measure(value=0.052)) == "+5.2"
    assert validity.points(Measure(value=-0.052)) == "−5.2"
    assert validity.points(Measure(value=-0.0001)) == "0.0"
    assert validity.points(Measure(value=None)) == "–"
    assert validity.points_interval(Measure(value=0.1)) == ""


@pytest.mark.parametrize("apart", [True, False])
def test_the_terminals_tables_fit_80_columns(apart: bool) -> None:
    console = Console(width=80, file=io.StringIO())
    found = validity.tables(full(apart=apart))
    assert found is not None
    console.print(found)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    assert "…" not in text
    assert "0.15" in text
    assert validity.tables(make_scores(peoples=2, voices=1, questions=4)) is None


def test_tables_of_values_are_written_where_there_are_any(tmp_path: Path) -> None:
    paths = {path.name: path for path in export.write_csv(full(), tmp_path)}
    rows = {
        name: list(csv.DictReader(io.StringIO(paths[f"{name}.csv"].read_text(encoding="utf-8"))))
        for name in ("methods", "order_effects", "temperatures")
    }
    assert rows["methods"][0]["rank_correlation_low"] == "0.31"
    assert rows["methods"][1]["by_sampling"] == ""
    assert [row["of"] for row in rows["order_effects"]] == ["first place", "last place", "label"]
    assert rows["temperatures"][0]["held_out"] == "Q1 Q2"
    assert all(len(row) == len(sheet.columns) for sheet in export.sheets(full()) for row in sheet.rows)


def test_the_headline_is_about_the_first_method_only() -> None:
    base = make_scores(peoples=3, voices=2, questions=5)
    first, second = base.summaries
    better = second.model_copy(update={"method": "samples", "distance": Measure(value=0.0001, low=0.0, high=0.0002)})
    found = base.model_copy(update={"methods": ("exact", "samples"), "summaries": (first, better)})
    best = closest_voice(found)
    assert best is not None
    assert best.voice == first.voice
