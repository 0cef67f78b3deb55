"""GlobalOpinionQA (Durmus et al. 2023, arXiv 2306.16388): Pew Global Attitudes and World Values Survey items.

Reads three forms from disk: the hub's CSV (``question``, ``selections``, ``options``; two of them Python values written
as text, which are parsed and never evaluated), the same as JSON or JSON lines, and the JSON of Modular Pluralism (Feng
et al. 2024), one record for each question and country. ``goqa:hub`` downloads the data set through ``datasets``. Knows
no number of respondents: the source has none. Licence of the data: CC BY-NC-SA 4.0.
"""

import ast
import csv
import importlib
import io
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pluralign.core.collective import Collective
from pluralign.core.distribution import Distribution, Obtained
from pluralign.core.errors import DataError, MissingExtraError
from pluralign.core.question import Option, Question
from pluralign.core.survey import Survey
from pluralign.surveys import countries
from pluralign.surveys.files import read_json, read_text
from pluralign.surveys.scales import MISSING, recognise

HUB = "Anthropic/llm_global_opinions"
CITATION = (
    "Durmus, E., Nguyen, K., Liao, T. I., Schiefer, N., Askell, A., … & Ganguli, D. (2023). Towards Measuring the "
    "Representation of Subjective Global Opinions in Language Models. arXiv:2306.16388"
)
LICENCE = "CC BY-NC-SA 4.0"

# Names of the source that differ from the table's. A note in brackets, such as "(Non-national sample)", is kept apart.
_ALIASES = {
    "Bosnia Herzegovina": "BIH",
    "Britain": "GBR",
    "Czech Rep.": "CZE",
    "Hong Kong SAR": "HKG",
    "Macau SAR": "MAC",
    "Palest. ter.": "PSE",
    "S. Africa": "ZAF",
    "S. Korea": "KOR",
    "Taiwan ROC": "TWN",
}


class _Cell(NamedTuple):
    country: str
    shares: Sequence[Any]


class _Item(NamedTuple):
    id: str
    text: str
    options: tuple[str, ...]
    topic: str
    cells: list[_Cell]


def load_global_opinions(path: Path | str, *, published: bool = False) -> Survey:
    """The data set at ``path`` (.csv, .json or .jsonl), or from the hub where ``path`` is ``hub``.

    By default "don't know", "no answer", refusals and the like are no options: their share is ``refused``, the others
    are renormalised. ``published=True`` keeps every option of the source, as the papers do.

    Scales are recognised from the wording (:mod:`pluralign.surveys.scales`). Rows that cannot be used (fewer than two
    options, shares that do not fit them or do not sum to one within 0.02) are left out and counted in ``notes``.

    Raises :class:`DataError` for a file of another form, naming the record and key.
    """
    items = _from_hub() if str(path) == "hub" else _from_file(Path(path))
    return build(items, published=published, file=HUB if str(path) == "hub" else str(path))


def build(items: Iterable[_Item], *, published: bool, file: str) -> Survey:
    """The survey of parsed items. ``file``: what messages call their source."""
    questions: list[Question] = []
    cells: dict[str, dict[str, Distribution]] = {}
    left_out = Counter[str]()
    for item in items:
        kept = [at for at, option in enumerate(item.options) if published or not MISSING.match(option)]
        texts = [item.options[at] for at in kept]
        if len(set(texts)) < 2 or len(set(texts)) < len(texts):
            left_out["without two different options"] += 1
            continue
        numeric = all(text.isdecimal() for text in texts)
        question = Question(
            id=item.id,
            text=item.text,
            options=tuple(Option(id=int(text) if numeric else at, text=text) for at, text in enumerate(texts, start=1)),
            scale=recognise(texts),
            topic=item.topic,
        )
        questions.append(question)
        for cell in item.cells:
            distribution = _distribution(cell.shares, kept)
            if distribution is None or len(cell.shares) != len(item.options):
                left_out["of shares that do not fit"] += 1
            else:
                cells.setdefault(cell.country, {})[question.id] = distribution
    if not questions:
        raise DataError("no question has two options", file=file)
    # A country's code goes to the name with the most answers: the source has "Britain" and "Great Britain".
    collectives: dict[str, Collective] = {}
    taken: set[str] = set()
    for name in sorted(cells, key=lambda name: (-len(cells[name]), name)):
        collectives[name] = _collective(name, taken)
        taken.add(collectives[name].id)
    order = sorted(cells)
    notes = "Numbers of respondents are not in the source."
    if left_out:
        notes += " Rows left out: " + ", ".join(f"{count} {what}" for what, count in sorted(left_out.items())) + "."
    return Survey(
        name="goqa",
        title="GlobalOpinionQA",
        questions=tuple(questions),
        collectives=tuple(collectives[name] for name in order),
        references={collectives[name].id: cells[name] for name in order},
        citation=CITATION,
        licence=LICENCE,
        notes=notes,
    )


def parse_selections(text: str) -> dict[str, list[float]]:
    """Country -> shares, from the text of a Python ``defaultdict`` or ``dict``. Nothing in it is evaluated.

    >>> parse_selections("defaultdict(<class 'list'>, {'Japan': [0.25, 0.75]})")
    {'Japan': [0.25, 0.75]}

    Raises ValueError for anything else.
    """
    inner = re.fullmatch(r"\s*(?:defaultdict\(\s*<class '[\w.]+'>\s*,)?\s*(\{.*\})\s*\)?\s*", text, re.DOTALL)
    value = _literal(inner[1]) if inner else None
    if not isinstance(value, dict) or not all(
        isinstance(name, str) and isinstance(shares, list) for name, shares in value.items()
    ):
        raise ValueError("expected country -> list of shares, as in defaultdict(<class 'list'>, {'Japan': [0.2, 0.8]})")
    return value


def bare_question(text: str) -> str:
    """The question itself, where the text holds the layout of Modular Pluralism: a cue, the options, another cue."""
    found = re.fullmatch(r"Question:\s*(.*)\nOptions:[^\n]*\nAnswer:\s*", text, re.DOTALL)
    return found[1].strip() if found else text.strip()


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _from_file(path: Path) -> list[_Item]:
    suffix = path.suffix.lower()
    if suffix == ".csv":
        reader = csv.DictReader(io.StringIO(read_text(path)))
        try:
            records: list[Any] = list(reader)
        except csv.Error as error:
            raise DataError(f"not valid CSV: {error}", file=str(path), line=reader.line_num) from None
    elif suffix == ".jsonl":
        records = []
        for number, line in enumerate(read_text(path).splitlines(), start=1):
            try:
                records.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise DataError(f"not valid JSON: {error.msg}", file=str(path), line=number) from None
    elif suffix == ".json":
        records = read_json(path)
    else:
        raise DataError("expected a .csv, .json or .jsonl file, or the word 'hub'", file=str(path))
    if not isinstance(records, list) or not records:
        raise DataError("expected a list of records, at least one", file=str(path))
    return _items(records, str(path))


def _from_hub() -> list[_Item]:
    try:
        datasets = importlib.import_module("datasets")
    except ImportError:
        raise MissingExtraError("GlobalOpinionQA from the hub", "data") from None
    try:
        records = list(datasets.load_dataset(HUB, split="train"))
    except OSError as error:  # no connection, no such data set, no room: all are kinds of it
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            f"cannot be had from the hub ({first}); fetch its CSV file by hand and name it as goqa:FILE", file=HUB
        ) from None
    return _items(records, HUB)


def _items(records: list[Any], file: str) -> list[_Item]:
    for at, record in enumerate(records):
        if not isinstance(record, dict):
            raise DataError("expected an object", file=file, field=f"[{at}]")
    if "selections" in records[0]:
        return [_upstream(at, record, file) for at, record in enumerate(records)]
    return _per_country(records, file)


def _upstream(at: int, record: Mapping[str, Any], file: str) -> _Item:
    """A row of the hub's form. Its id is "Q" and the row's number from 0, as in the papers."""
    options = _field(record, at, "options", file)
    if isinstance(options, str):
        options = _literal(options)
    if not isinstance(options, list):
        raise DataError("expected a list of options", file=file, field=f"[{at}].options")
    selections = _field(record, at, "selections", file)
    if isinstance(selections, str):
        try:
            selections = parse_selections(selections)
        except ValueError as error:
            raise DataError(str(error), file=file, field=f"[{at}].selections") from None
    if not isinstance(selections, dict):
        raise DataError("expected country -> shares", file=file, field=f"[{at}].selections")
    # Where the hub's form was turned into a table, a country that was not asked is there with nothing.
    cells = [_Cell(country, shares) for country, shares in selections.items() if shares]
    text = _text(record, at, "question", file)
    topic = str(record.get("source") or "")
    return _Item(f"Q{at}", bare_question(text), tuple(_option_text(option) for option in options), topic, cells)


def _per_country(records: list[dict[str, Any]], file: str) -> list[_Item]:
    """Records of Modular Pluralism, gathered by question and options; a question's id is its lowest record's."""
    items: dict[tuple[str, tuple[str, ...]], _Item] = {}
    numbers: dict[tuple[str, tuple[str, ...]], int] = {}
    for at, record in enumerate(records):
        options = _field(record, at, "options", file)
        if not isinstance(options, list):
            raise DataError("expected a list of options", file=file, field=f"[{at}].options")
        shares = _field(record, at, "distribution", file)
        if not isinstance(shares, list):
            raise DataError("expected a list of shares", file=file, field=f"[{at}].distribution")
        country = _text(record, at, "country", file)
        key = (_text(record, at, "question", file), tuple(_option_text(option) for option in options))
        number = record.get("id", at)
        numbers[key] = min(number if isinstance(number, int) else at, numbers.get(key, 10**12))
        item = items.setdefault(key, _Item("", bare_question(key[0]), key[1], "", []))
        if any(cell.country == country for cell in item.cells):
            raise DataError(f"{country!r} has this question twice", file=file, field=f"[{at}]")
        item.cells.append(_Cell(country, shares))
    return [item._replace(id=f"Q{numbers[key]}") for key, item in items.items()]


def _field(record: Mapping[str, Any], at: int, key: str, file: str) -> Any:
    if record.get(key) is None:
        raise DataError("the key is missing", file=file, field=f"[{at}].{key}")
    return record[key]


def _text(record: Mapping[str, Any], at: int, key: str, file: str) -> str:
    value = _field(record, at, key, file)
    if not isinstance(value, str) or not value.strip():
        raise DataError("expected text", file=file, field=f"[{at}].{key}")
    return value


def _option_text(option: Any) -> str:
    """Options may be numbers in the source; 3.0 is written 3."""
    return str(int(option)) if isinstance(option, float) and option.is_integer() else str(option).strip()


def _distribution(shares: Sequence[Any], kept: Sequence[int]) -> Distribution | None:
    """The shares of the kept options; ``None`` if they cannot be used."""
    numbers = [float(share) for share in shares if isinstance(share, (int, float)) and math.isfinite(share)]
    if len(numbers) < len(shares) or max(kept) >= len(numbers) or min(numbers) < 0:
        return None
    total, valid = math.fsum(numbers), math.fsum(numbers[at] for at in kept)
    # Percentages were rounded before they became shares; more than this is another kind of number.
    if abs(total - 1) > 0.02 or valid <= 0:
        return None
    return Distribution.from_weights([numbers[at] for at in kept], Obtained.PEOPLE, refused=max(0.0, 1 - valid / total))


def _collective(name: str, taken: set[str]) -> Collective:
    plain = name.partition(" (")[0]
    country = countries.COUNTRIES[_ALIASES[plain]] if plain in _ALIASES else countries.country(plain)
    whole = plain == name or "(Current national" in name
    if country is not None and whole and country.id not in taken:
        return country.model_copy(update={"name": name})
    slug = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")
    if country is None:
        return Collective(id=slug, name=name)
    return country.model_copy(update={"id": slug, "name": name})
