"""The page of a poll in a real browser: quiet, offline, narrow, sortable, and whole without scripts."""

from pathlib import Path
from typing import Any

import pytest

from pluralign.report import page as report
from tests.report.conftest import AXE
from tests.report.poll_scores import hard_scores, make_scores

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(report.render(make_scores(compared=18)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def huge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "huge.html"
    scores = make_scores(peoples=18, voices=6, questions=26)
    copies = [one.model_copy(update={"id": f"{one.id}-{copy}"}) for copy in range(10) for one in scores.questions]
    path.write_text(report.render(scores.model_copy(update={"questions": tuple(copies[:259])})), encoding="utf-8")
    return path


class Opened:
    """A page with everything it said and asked for."""

    def __init__(self, browser: Any, path: Path, **options: Any):
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())

    def __enter__(self) -> "Opened":
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


def test_it_opens_quietly_and_asks_the_network_for_nothing(browser: Any, demo: Path) -> None:
    with Opened(browser, demo) as opened:
        assert opened.page.locator("h1").inner_text()
        assert opened.page.locator("article.question").count() == 12
        opened.page.locator("#more").click()
        opened.page.locator("#more").click()
        assert opened.page.locator("article.question").count() == 26
        assert opened.page.locator("#more").is_hidden()
        assert opened.said == []
        assert opened.asked == [demo.as_uri()]


def test_questions_can_be_filtered_and_sorted(browser: Any, demo: Path) -> None:
    with Opened(browser, demo) as opened:
        page = opened.page
        page.select_option("#f-sort", "order")
        assert page.locator("article.question .meta").first.inner_text().startswith("Q1 ")
        page.select_option("#f-topic", label="Trust")
        metas = page.locator("article.question .meta").all_inner_texts()
        assert metas
        assert all(" · Trust · " in meta for meta in metas)
        assert (
            page.locator("#means")
            .inner_text()
            .startswith(f"Apart on average over these {len(metas)} questions: Plain ")
        )
        page.select_option("#f-topic", "")
        page.select_option("#f-people", label="Canada")
        assert page.locator("article.question .bar-row.people").first.inner_text().startswith("Canada")
        page.select_option("#f-sort", "far:2")
        third = "article.question .bar-row:nth-of-type(4) .apart"
        apart = [int(text.removesuffix("% apart").strip("<>")) for text in page.locator(third).all_inner_texts()]
        assert apart == sorted(apart, reverse=True)
        page.fill("#f-text", "no such words anywhere")
        assert page.locator("#shown").inner_text() == "No question matches."
        page.fill("#f-text", "police")
        assert page.locator("article.question h3").count() > 0
        assert all("police" in text for text in page.locator("article.question h3").all_inner_texts())
        assert opened.said == []


def test_tables_sort_by_any_column_with_the_keyboard(browser: Any, demo: Path) -> None:
    with Opened(browser, demo) as opened:
        page = opened.page
        button = page.locator("#voices-table thead th").nth(1).get_by_role("button")
        button.focus()
        page.keyboard.press("Enter")
        cells = page.locator("#voices-table tbody td[data-label=Distance] .value")
        assert cells.all_inner_texts() == sorted(cells.all_inner_texts())
        page.keyboard.press("Enter")
        assert cells.all_inner_texts() == sorted(cells.all_inner_texts(), reverse=True)
        assert page.locator("#voices-table [aria-sort=descending]").count() == 1


def test_one_ranking_shows_at_a_time(browser: Any, demo: Path) -> None:
    with Opened(browser, demo) as opened:
        opened.page.select_option("#ranking-voice", label="Plain")
        shown = opened.page.locator("details.ranking:visible h3")
        assert shown.all_inner_texts() == ["Plain"]
        shown.first.click()
        assert opened.page.locator("details.ranking table:visible").count() == 1, "a click must not hide the only one"


def test_tables_and_figures_can_be_saved(browser: Any, demo: Path) -> None:
    with Opened(browser, demo) as opened:
        for name, first in (
            ("voices", "voice,label"),
            ("questions", "question,topic"),
            ("closest", "voice,speaks_for"),
        ):
            with opened.page.expect_download() as download:
                opened.page.locator(f"[data-csv={name}]").click()
            text = Path(download.value.path()).read_text(encoding="utf-8")
            assert text.startswith(first)
            assert download.value.suggested_filename == f"demo-{name}.csv"
            assert len({line.count(",") for line in text.splitlines() if '"' not in line}) == 1
        with opened.page.expect_download() as download:
            opened.page.locator("[data-svg=voices-table]").click()
        drawing = Path(download.value.path()).read_text(encoding="utf-8")
        assert drawing.startswith("<svg xmlns=")
        assert "Self-alignment" in drawing
        assert "var(" not in drawing
        opened.page.locator("article.question summary").first.click()
        with opened.page.expect_download() as download:
            opened.page.locator("article.question button").first.click()
        drawing = Path(download.value.path()).read_text(encoding="utf-8")
        assert drawing.count("<rect") > 4 * 3
        assert "apart" in drawing
        assert opened.said == []


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("scripts", [True, False])
def test_no_page_scrolls_sideways(browser: Any, demo: Path, tmp_path: Path, width: int, scripts: bool) -> None:
    hard = tmp_path / "hard.html"
    hard.write_text(report.render(hard_scores()), encoding="utf-8")
    for path in (demo, hard):
        viewport = {"width": width, "height": 800}
        with Opened(browser, path, viewport=viewport, java_script_enabled=scripts) as opened:
            assert opened.page.locator("main").bounding_box()["width"] <= width
            scroll = opened.page.evaluate("document.documentElement.scrollWidth")
            assert scroll <= width, path.name


def test_without_scripts_everything_is_listed(browser: Any, demo: Path) -> None:
    with Opened(browser, demo, java_script_enabled=False) as opened:
        page = opened.page
        assert page.locator("table.plain-question").count() == 26
        assert page.locator("#filters").is_hidden()
        assert page.locator("[data-csv]:visible").count() == 0
        assert page.locator("details.ranking").count() == 3


def test_a_huge_run_opens_at_once(browser: Any, huge: Path) -> None:
    with Opened(browser, huge) as opened:
        page = opened.page
        ready = page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
        assert ready < 5000, "far more than it takes, for slow machines"
        page.locator("#questions").scroll_into_view_if_needed()
        page.locator("article.question").first.wait_for()
        assert page.locator("article.question").count() == 12
        page.select_option("#f-sort", "near")
        assert page.locator("article.question").count() == 12
        assert opened.said == []


def test_print_shows_what_is_folded_away(browser: Any, demo: Path) -> None:
    with Opened(browser, demo) as opened:
        page = opened.page
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator("details.ranking table:visible").count() == 3
        assert page.locator("details.prompt pre:visible").count() == 6
        assert page.locator("button:visible").count() == page.locator("button.sort:visible").count()
        assert page.locator("article.question").count() == 26
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.locator("details.prompt[open]").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Any, demo: Path, scheme: str) -> None:
    if not AXE.exists():
        pytest.skip("needs axe-core: npm install --no-save axe-core")
    with Opened(browser, demo, color_scheme=scheme, bypass_csp=True) as opened:
        opened.page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        opened.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = opened.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == []
