"""The page of a moral graph in Chromium: filters, search, keyboard, permalinks, and no word to the network."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pluralign.report.graph_page import graph_page
from tests.report.conftest import AXE
from tests.report.graph_example import HOME, example

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (apt-get install chromium)"),
]
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
DRAWN = "() => [...new Set(pluralignGraph.cy.edges().map((edge) => edge.data('ref').slice(2)))].sort()"
LISTED = (
    "() => [...document.querySelectorAll('#links tbody tr')]"
    ".filter((row) => !row.hidden).map((row) => row.dataset.link).sort()"
)
VALUES_DRAWN = (
    "() => [...new Set(pluralignGraph.cy.nodes('[ref ^= \"v:\"]').map((node) => node.data('ref').slice(2)))].sort()"
)
VALUES_LISTED = (
    "() => [...document.querySelectorAll('#values tbody tr')]"
    ".filter((row) => !row.hidden).map((row) => row.dataset.value).sort()"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("page") / "graph.html"
    path.write_text(graph_page(example(), title="Ours"), encoding="utf-8")
    return path.as_uri()


class Seen:
    """What a page said and asked for while it was open."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def page(browser, address: str, seen: Seen):  # type: ignore[no-untyped-def]
    context = browser.new_context(viewport={"width": 1300, "height": 900}, reduced_motion="reduce")
    opened = context.new_page()
    opened.on("request", lambda request: seen.requests.append(request.url))
    opened.on("console", lambda message: seen.complaints.append(message.text))
    opened.on("pageerror", lambda error: seen.complaints.append(str(error)))
    opened.goto(address)
    opened.wait_for_function("() => window.pluralignGraph && pluralignGraph.cy.nodes().length > 0")
    yield opened
    context.close()


def test_it_opens_without_a_complaint_and_without_the_network(page, seen: Seen, address: str) -> None:  # type: ignore[no-untyped-def]
    assert seen.requests == [address]
    assert seen.complaints == []
    assert page.locator("#status").inner_text() == "All 4 links between 4 values."


def test_tables_and_drawing_show_the_same_under_every_filter(page) -> None:  # type: ignore[no-untyped-def]
    def same() -> int:
        drawn = page.evaluate(DRAWN)
        assert drawn == page.evaluate(LISTED)
        assert page.evaluate(VALUES_DRAWN) == page.evaluate(VALUES_LISTED)
        return len(drawn)

    assert same() == 4
    page.locator("#context").select_option(HOME)
    assert same() == 2
    page.locator("#rejected").check()
    assert same() == 3
    page.locator("#least").select_option("10")
    assert same() == 1
    page.locator("#context").select_option("")
    page.locator("#case").select_option("labour")
    assert same() == 1
    page.locator("#case").select_option("")
    page.locator("#least").select_option("")
    page.locator("#join").check()
    assert same() == 5


def test_search_looks_into_attention_policies_and_says_how_many(page) -> None:  # type: ignore[no-untyped-def]
    page.locator("#query").fill("fifty YEARS")
    page.wait_for_function("() => pluralignGraph.shown().length === 2")
    assert page.locator("#status").inner_text() == "Showing 2 links between 3 values."
    assert page.evaluate("() => pluralignGraph.cy.nodes('.match').map((node) => node.data('label'))") == [
        "Care for those who come after"
    ]
    page.locator("#query").fill("nothing like this")
    page.locator("#clear").click()
    assert page.evaluate("() => pluralignGraph.shown().length") == 4


def test_a_group_shows_its_own_answers(page) -> None:  # type: ignore[no-untyped-def]
    page.locator("#group").select_option("area: north")
    assert page.evaluate("() => pluralignGraph.cy.edges().map((edge) => edge.data('label')).sort()") == [
        "2 of 8",
        "4 of 4",
    ]
    against = page.evaluate("() => pluralignGraph.cy.edges('.against').map((edge) => edge.data('label'))")
    assert against == ["2 of 8"], "the north mostly does not find it wiser"


def test_width_grows_with_evidence_and_lines_fade_with_disagreement(page) -> None:  # type: ignore[no-untyped-def]
    found = page.evaluate(
        "() => Object.fromEntries(pluralignGraph.cy.edges().map((edge) => "
        "[edge.data('label'), [edge.data('width'), edge.data('fade'), edge.hasClass('thin')]]))"
    )
    assert found["30 of 40"][0] > found["20 of 30"][0] > found["9 of 9"][0] > found["2 of 3"][0]
    assert found["9 of 9"][1] == 1, "all agree"
    assert found["20 of 30"][1] < found["30 of 40"][1] < 1
    assert [label for label, (_, _, thin) in found.items() if thin] == ["2 of 3"]


def test_evidence_is_reached_by_keyboard_alone(page) -> None:  # type: ignore[no-untyped-def]
    page.locator("#query").focus()
    while page.evaluate("() => document.activeElement.id") != "graph":
        page.keyboard.press("Tab")
    tip = page.locator("#tip")
    assert tip.is_visible(), "the first value is told as soon as the drawing has the focus"
    heard = set()
    for key in ("ArrowLeft", "ArrowLeft", "ArrowDown", "ArrowRight", "ArrowUp", "ArrowRight"):
        page.keyboard.press(key)
        heard.add(page.locator("#status").inner_text())
    assert any("judgements found" in sentence and "95" in sentence for sentence in heard), heard
    assert any("Found wiser than" in sentence for sentence in heard), heard
    page.keyboard.press("Enter")
    assert page.locator("#panel .back").is_visible()
    assert page.evaluate("() => document.activeElement.closest('#panel') !== null")
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.activeElement.id") == "graph"


def test_hover_shows_evidence_and_escape_takes_it_away(page) -> None:  # type: ignore[no-untyped-def]
    at = page.evaluate(
        "() => { const node = pluralignGraph.cy.nodes('[label = \"Patience\"]')[0].renderedPosition(); "
        "const box = document.getElementById('graph').getBoundingClientRect(); "
        "return [box.left + node.x, box.top + node.y]; }"
    )
    page.mouse.move(*at)
    page.locator("#tip").wait_for(state="visible")
    assert "About Patience." in page.locator("#tip").inner_text()
    page.keyboard.press("Escape")
    page.locator("#tip").wait_for(state="hidden")


def test_the_address_gives_the_view_back(page, browser) -> None:  # type: ignore[no-untyped-def]
    page.locator("#context").select_option(HOME)
    page.locator("#query").fill("patience")
    page.wait_for_function("() => location.hash.includes('patience')")
    page.locator("#panel .list button").first.click()
    heading = page.locator("#panel h2").inner_text()
    other = browser.new_page()
    other.goto(page.url)
    other.wait_for_function("() => window.pluralignGraph")
    assert other.locator("#context").input_value() == HOME
    assert other.locator("#query").input_value() == "patience"
    assert other.locator("#panel h2").inner_text() == heading
    assert other.evaluate(DRAWN) == page.evaluate(DRAWN)
    other.close()


def test_an_address_that_names_nothing_shows_everything(page, address: str) -> None:  # type: ignore[no-untyped-def]
    page.goto(f"{address}#context=nowhere&select=link:9>9@x&group=a:b")
    page.reload()
    page.wait_for_function("() => window.pluralignGraph")
    assert page.evaluate("() => pluralignGraph.shown().length") == 4
    assert page.locator("#panel .back").count() == 0


def test_wicked_titles_stay_text(page, seen: Seen) -> None:  # type: ignore[no-untyped-def]
    page.locator("#panel .list button").first.click()
    assert page.locator("#panel h2").inner_text().startswith("</script>")
    assert page.locator("#panel b, #panel script").count() == 0
    assert seen.complaints == []


def test_a_telephone_gets_one_column_and_nothing_runs_over(browser, address: str) -> None:  # type: ignore[no-untyped-def]
    phone = browser.new_page(viewport={"width": 360, "height": 740})
    phone.goto(address)
    phone.wait_for_function("() => window.pluralignGraph && pluralignGraph.cy.nodes().length > 0")
    assert phone.evaluate("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    columns = phone.evaluate(
        "() => new Set(pluralignGraph.cy.nodes('[ref ^= \"v:\"]').map((n) => n.position('x'))).size"
    )
    assert columns == 1
    assert phone.evaluate("() => pluralignGraph.cy.zoom()") >= 0.8
    phone.close()


def test_without_javascript_the_tables_are_there(browser, address: str) -> None:  # type: ignore[no-untyped-def]
    context = browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(address)
    assert plain.locator("#links tbody tr").count() == 5
    assert not plain.locator("#filters").is_visible()
    assert not plain.locator("#drawing").is_visible()
    context.close()


def test_dark_and_light_are_told_apart_and_can_be_chosen(page) -> None:  # type: ignore[no-untyped-def]
    ground = "() => getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.locator("#theme").click()
    page.locator("#theme").click()
    assert page.locator("#theme").inner_text() == "Theme: dark"
    assert page.evaluate(ground) != light


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1300, 390])
def test_axe_finds_no_barrier(browser, address: str, scheme: str, width: int) -> None:  # type: ignore[no-untyped-def]
    if not AXE.exists():
        pytest.skip("needs axe-core: npm install --no-save axe-core")
    # Half-way through a transition a button has colours it will not keep.
    context = browser.new_context(
        color_scheme=scheme, bypass_csp=True, viewport={"width": width, "height": 850}, reduced_motion="reduce"
    )
    opened = context.new_page()
    for view in ("", "#select=value:2", "#view=table", "#q=nothing"):
        opened.goto(address + view)
        opened.reload()
        opened.wait_for_function("() => window.pluralignGraph")
        opened.evaluate(AXE.read_text(encoding="utf-8"))
        found = opened.evaluate("axe.run(document, {resultTypes: ['violations']})")
        assert [(each["id"], each["nodes"][0]["html"]) for each in found["violations"]] == []
    context.close()


def test_print_holds_the_whole_drawing_in_light_colours(page) -> None:  # type: ignore[no-untyped-def]
    page.locator("#theme").click()
    page.locator("#theme").click()
    page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("() => document.getElementById('paper').src.length") > 5000
    assert page.evaluate("() => document.documentElement.dataset.theme") == "light"
    page.evaluate("() => window.dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("() => document.documentElement.dataset.theme") == "dark"
