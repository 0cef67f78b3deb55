"""A picture of a report, as a browser shows it: ``python tools/screenshot.py REPORT.html OUT.png``.

For the README and for looking at the page while working on it. Needs Playwright and Chromium. ``--pdf`` prints instead.
"""

import argparse
from pathlib import Path

from playwright.sync_api import sync_playwright

CHROMIUM = Path("/usr/bin/chromium")


def main() -> None:
    """Take the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("report", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=900)
    parser.add_argument("--full", action="store_true", help="the whole page, not just its top")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--scale", type=float, default=1.0, help="device pixels per CSS pixel")
    parser.add_argument("--at", default="", help="id of a section to scroll to")
    parser.add_argument("--no-script", action="store_true", help="as a reader without JavaScript sees it")
    parser.add_argument("--pdf", action="store_true", help="print to A4 instead")
    arguments = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM) if CHROMIUM.exists() else None)
        context = browser.new_context(
            viewport={"width": arguments.width, "height": arguments.height},
            device_scale_factor=arguments.scale,
            color_scheme="dark" if arguments.dark else "light",
            java_script_enabled=not arguments.no_script,
            reduced_motion="reduce",
        )
        page = context.new_page()
        page.goto(arguments.report.resolve().as_uri() + (f"#{arguments.at}" if arguments.at else ""))
        if arguments.pdf:
            page.pdf(path=str(arguments.out), prefer_css_page_size=True)
        else:
            page.screenshot(path=str(arguments.out), full_page=arguments.full)
        browser.close()


if __name__ == "__main__":
    main()
