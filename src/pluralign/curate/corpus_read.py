"""Files of a community's texts into threads: text, Markdown, CSV, JSON, and dumps of chats and forums.

Reads what export tools write (see ``corpus_dumps.py``) and any table or list of objects whose fields are named. A file
that is not what it is said to be is an error that names file and line; nothing is guessed but the format.
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from markdown_it import MarkdownIt

from pluralign.core.errors import DataError, UsageError
from pluralign.curate.corpus_dumps import DUMPS, detect
from pluralign.curate.corpus_posts import Post, Thread
from pluralign.surveys.files import read_text

FORMATS = ("auto", "text", "markdown", "csv", "json", *DUMPS)
_SUFFIXES = {".md": "markdown", ".markdown": "markdown", ".csv": "csv", ".tsv": "csv"}


class Fields(NamedTuple):
    """Names of columns or keys in tables and lists of objects; empty: there is none."""

    text: str = "text"
    author: str = ""
    thread: str = ""
    id: str = ""
    answers: str = ""
    title: str = ""


def expand(pattern: str) -> list[Path]:
    """Files of a path or pattern, in alphabetical order. Raises :class:`UsageError` where there are none."""
    path = Path(pattern).expanduser()
    anchor, parts = (Path(path.anchor), path.parts[1:]) if path.is_absolute() else (Path(), path.parts)
    found = sorted(one for one in anchor.glob(str(Path(*parts))) if one.is_file()) if parts else []
    if not found:
        raise UsageError(f"no file is named {pattern!r}: give a path or a pattern such as texts/*.md")
    return found


def read_threads(path: Path, form: str, fields: Fields) -> Iterator[Thread]:
    """Threads of one file. ``form``: one of :data:`FORMATS`. Raises :class:`DataError`."""
    text = read_text(path)
    if form == "auto":
        form = _SUFFIXES.get(path.suffix.lower()) or detect(text) or "text"
    name = path.name
    match form:
        case "text":
            yield Thread(name, "", (Post("1", "", text),))
        case "markdown":
            yield _markdown(name, text)
        case "csv":
            dialect = "excel-tab" if path.suffix.lower() == ".tsv" else "excel"
            rows = csv.DictReader(text.splitlines(keepends=True), dialect=dialect, strict=True)
            yield from _rows(str(path), name, fields, list(_numbered(rows, str(path))))
        case "json":
            yield from _rows(str(path), name, fields, list(_objects(text, str(path))))
        case _:
            yield from DUMPS[form](text, name, str(path))


def _numbered(rows: "csv.DictReader[str]", file: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        for row in rows:
            yield rows.line_num, row
    except csv.Error as error:
        raise DataError(f"not valid CSV: {error}", file=file, line=rows.line_num) from None


def _objects(text: str, file: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Objects of a JSON list or of JSON lines, numbered by line or by place in the list."""
    try:
        data = json.loads(text)
    except ValueError:
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                try:
                    yield number, json.loads(line)
                except ValueError:
                    raise DataError("neither a JSON list nor one JSON object a line", file=file, line=number) from None
        return
    yield from enumerate(data if isinstance(data, list) else [data], start=1)


def _rows(file: str, name: str, fields: Fields, rows: Sequence[tuple[int, Mapping[str, Any]]]) -> Iterator[Thread]:
    """Rows of one thread together; without a column of threads each row is one."""
    threads: dict[str, list[Post]] = {}
    titles: dict[str, str] = {}
    for at, (line, row) in enumerate(rows):
        if not isinstance(row, Mapping):
            raise DataError("expected an object with named fields", file=file, line=line)
        for key, column in fields._asdict().items():
            if column and column not in row:
                known = ", ".join(repr(one) for one in row if one)
                raise DataError(f"there is no field {column!r}; there are {known}", file=file, line=line, field=key)

        def value(column: str, row: Mapping[str, Any] = row) -> str:
            found = row[column] if column else ""
            return "" if found is None else str(found)

        thread = value(fields.thread) or str(at + 1)
        titles.setdefault(thread, value(fields.title))
        post = Post(value(fields.id) or str(at + 1), value(fields.author), value(fields.text), value(fields.answers))
        threads.setdefault(thread, []).append(post)
    for thread, posts in threads.items():
        yield Thread(f"{name}#{thread}", titles[thread], tuple(posts))


def _markdown(name: str, text: str) -> Thread:
    """The running text: code, tables, images and HTML are left out, links keep their words."""
    if text.startswith("---\n") and "\n---\n" in text[4:]:  # front matter
        text = text[4:].split("\n---\n", 1)[1]
    title, blocks, heading, under = "", list[str](), False, ""
    for token in MarkdownIt("commonmark", {"html": False}).enable("table").parse(text):
        heading = token.type == "heading_open" or (heading and token.type != "heading_close")
        if token.type != "inline" or (token.level and token.map is None):
            continue
        words = "".join(
            child.content if child.type in {"text", "code_inline"} else " "
            for child in token.children or ()
            if child.type in {"text", "code_inline", "softbreak", "hardbreak"}
        ).strip()
        if heading and not title:
            title = words
        elif heading:
            under = words  # a later heading stays with what stands under it
        elif words:
            blocks.append(f"{under}\n{words}" if under else words)
            under = ""
    return Thread(name, title, (Post("1", "", "\n\n".join(blocks)),))
