"""How heavy the pages of a participant's journey are on the wire: compressed, with headers, and what else they load.

python -m benchmarks.assembly_weight
"""

import re
import tempfile
from pathlib import Path
from typing import Any

from pluralign.assembly.settings import Site
from pluralign.assembly.site import prepare

ANSWERS = ("I asked the ones who never come to meetings.",) * 5 + ("People who fall silent\nSteps that can be undone",)
_LOADS = re.compile(r'<(?:script|link)[^>]+(?:src|href)="(/static/[^"]+)"')


def main() -> None:
    """Go through the journey once and print each page."""
    folder = Path(tempfile.mkdtemp())
    prepare(Site(folder=folder, secret_key="only for measuring, only for measuring", embedder="letters"))
    from django.conf import settings
    from django.test import Client

    settings.ALLOWED_HOSTS.append("testserver")
    browser = Client(headers={"Accept-Encoding": "gzip", "Accept-Language": "en"})
    seen: set[str] = set()
    print("page                    bytes   further files (each once)")

    def weigh(name: str, response: Any) -> str:
        assert response.status_code == 200, f"{name}: {response.status_code}"
        text = browser_text(response)
        new = [path for path in _LOADS.findall(text) if path not in seen]
        seen.update(new)
        files = ", ".join(f"{Path(path).name.split('.')[0]} {static(folder, path):,}" for path in new)
        print(f"{name:20} {on_the_wire(response):8,}   {files}")
        return text

    for name, path in (("front page", "/"), ("welcome", "/a/example/"), ("worked example", "/a/example/example/"),
                       ("consent", "/a/example/join/")):  # fmt: skip
        weigh(name, browser.get(path))
    browser.post("/a/example/join/", {"agree": "on"})
    weigh("return code", browser.get("/a/example/return-code/"))
    browser.post("/a/example/return-code/kept/")
    weigh("one's own page", browser.get("/a/example/mine/"))
    place = browser.post("/a/example/q/essay/begin/", {"how": "form"}).headers["Location"]
    text = weigh("dialogue", browser.get(place))
    for number, answer in enumerate(ANSWERS):
        revision = re.findall(r'name="revision" value="(\d+)"', text)[0]
        sent = {"answer": answer, "revision": revision, "do": "answer"}
        response = browser.post(f"{place}answer/", sent, headers={"HX-Request": "true"})
        if number < len(ANSWERS) - 1:
            text = browser_text(response)
            if number in {0, len(ANSWERS) - 2}:
                weigh(f"answer {number + 1}", response)
    place = response.headers["HX-Redirect"]
    weigh("card", browser.get(place))
    browser.post(place, {"version": "1", "title": "Hearing the quiet ones", "do": "submit"})
    weigh("near values", browser.get(f"{place}near/"))
    text = weigh("values of others", browser.get("/a/example/q/essay/values/"))
    vote = re.findall(r'action="(/a/example/values/[^"]+)"', text)[0]
    browser.post(vote, dict.fromkeys(re.findall(r'name="(answer-\d+)"', text), "wise") | {"do": "vote"})
    for number in range(8):
        response = browser.get("/a/example/q/essay/stories/")
        text = weigh("story", response) if number == 0 else browser_text(response)
        browser.post(re.findall(r'action="(/a/example/stories/[0-9a-f-]{36}/)"', text)[0], {"answer": "wiser"})
    weigh("after", browser.get("/a/example/after/"))
    weigh("graph as tables", browser.get("/a/example/q/essay/graph/"))
    weigh("graph as a drawing", browser.get("/a/example/q/essay/graph/drawing/"))


def on_the_wire(response: Any) -> int:
    """Bytes of a response: its body as it was compressed, and its headers."""
    headers = sum(len(f"{name}: {value}\r\n") for name, value in response.items())
    cookies = sum(len(f"Set-Cookie: {cookie.OutputString()}\r\n") for cookie in response.cookies.values())
    return len(response.content) + headers + cookies


def browser_text(response: Any) -> str:
    """The page as a browser reads it."""
    import gzip

    packed = response.get("Content-Encoding") == "gzip"
    return (gzip.decompress(response.content) if packed else response.content).decode()


def static(folder: Path, path: str) -> int:
    """Bytes of a collected file, compressed if it is handed out so."""
    file = folder / "static" / path.removeprefix("/static/")
    packed = file.with_name(f"{file.name}.gz")
    return (packed if packed.exists() else file).stat().st_size


if __name__ == "__main__":
    main()
