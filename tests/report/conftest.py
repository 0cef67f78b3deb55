"""What tests of pages share: a real browser, and where the accessibility checker lies if it is installed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = Path("/usr/bin/chromium")
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, of the system or of Playwright; skips where there is neither."""
    driver = pytest.importorskip("playwright.sync_api")
    with driver.sync_playwright() as playwright:
        path = str(CHROMIUM) if CHROMIUM.exists() else None
        if path is None and not Path(playwright.chromium.executable_path).exists():
            pytest.skip("needs Chromium")
        found = playwright.chromium.launch(executable_path=path)
        yield found
        found.close()
