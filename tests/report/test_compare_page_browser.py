"""The before/after page in a real browser: quiet, offline, narrow, on paper, and for screen readers."""

from pathlib import Path
from typing import Any

import pytest

from pluralign.poll.paired import compare_runs
from pluralign.report import compare_page
from tests.poll.two_runs import finished, made_answers, made_survey
from tests.report.conftest import AXE

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", params=[2, 3])
def page_file(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    survey = made_survey(30, 8, seed=2)
    long = survey.collectives[0].model_copy(update={"name": "Donaudampfschifffahrtsgesellschaftskapitänsland " * 2})
    survey = survey.model_copy(update={"collectives": (long, *survey.collectives[1:])})
    runs = [
        finished(survey, made_answers(survey, seed=at, truth=0.3 + 0.2 * at), f"run-with-a-long-name-{at}")
        for at in range(request.param)
    ]
    path = tmp_path_factory.mktemp("compare") / "compare.html"
    path.write_text(compare_page.render(compare_runs(runs, resamples=200)), encoding="utf-8")
    return path


def opened(browser: Any, path: Path, **options: Any) -> Any:
    """A page that keeps what it said and asked for in ``said`` and ``asked``."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    page = context.new_page()
    page.said, page.asked = [], []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(path.as_uri())
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_quietly_and_asks_the_network_for_nothing(browser: Any, page_file: Path, scheme: str) -> None:
    page = opened(browser, page_file, color_scheme=scheme)
    assert page.locator("h1").first.inner_text()
    assert page.locator("table.moves:visible").count() >= 2
    assert page.said == []
    assert page.asked == [page_file.as_uri()]
    page.context.close()


@pytest.mark.parametrize("width", [320, 375, 768, 1024, 1280])
def test_it_does_not_scroll_sideways(browser: Any, page_file: Path, width: int) -> None:
    page = opened(browser, page_file, viewport={"width": width, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.context.close()


def test_numbers_do_not_run_into_each_other(browser: Any, page_file: Path) -> None:
    for width in (1000, 1280):
        page = opened(browser, page_file, viewport={"width": width, "height": 900})
        overflowing = page.evaluate(
            """[...document.querySelectorAll('table.moves td.num')].filter((cell) => cell.offsetParent
               && cell.scrollWidth > cell.clientWidth + 1).map((cell) => cell.textContent)"""
        )
        assert overflowing == []
        page.context.close()


def test_paper_shows_what_is_folded_away(browser: Any, page_file: Path) -> None:
    page = opened(browser, page_file)
    page.emulate_media(media="print")
    assert page.locator("table.moves").count() == page.locator("table.moves:visible").count()
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    page.context.close()


def test_a_screen_reader_gets_tables_and_pictures_in_words(browser: Any, page_file: Path) -> None:
    page = opened(browser, page_file, viewport={"width": 375, "height": 800})
    table = page.locator("table.moves").first
    assert page.get_by_role("table").count() >= 2
    assert table.get_by_role("row").count() == 3
    assert table.get_by_role("columnheader").count() == 8
    assert table.get_by_role("img").first.get_attribute("aria-label").startswith("Before 0.")
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Any, page_file: Path, scheme: str) -> None:
    if not AXE.exists():
        pytest.skip("needs axe-core: npm install --no-save axe-core")
    page = opened(browser, page_file, color_scheme=scheme, bypass_csp=True)
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == []
    page.context.close()
