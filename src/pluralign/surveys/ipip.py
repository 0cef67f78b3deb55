"""The Machine Personality Inventory (Jiang et al. 2023): 120 IPIP statements with facet, trait and key.

Reads the tab-separated item file, and the people's answers from Johnson's IPIP-NEO-120 response file (2014; OSF tbmh5),
which has one line per person and the 120 answers in its last 120 columns. Ships neither. IPIP items are in the public
domain. Knows no trait scores: those are made of the distributions and of the survey's keys.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pluralign.core.collective import Collective
from pluralign.core.distribution import Distribution, Obtained
from pluralign.core.errors import DataError
from pluralign.core.question import Option, Question, Scale
from pluralign.core.survey import Survey
from pluralign.surveys.files import read_text

TRAITS = {
    "O": "Openness",
    "C": "Conscientiousness",
    "E": "Extraversion",
    "A": "Agreeableness",
    "N": "Neuroticism",
}
OPTIONS = (
    "Very accurate",
    "Moderately accurate",
    "Neither accurate nor inaccurate",
    "Moderately inaccurate",
    "Very inaccurate",
)
"""From 5 to 1 in the response file."""
ANSWERS = 120
COLLECTIVE = Collective(id="internet-sample", name="Johnson's internet sample")
CITATION = (
    "Johnson, J. A. (2014). Measuring thirty facets of the Five Factor Model with a 120-item public domain inventory. "
    "Journal of Research in Personality 51, 78–89; items as in Jiang, G. et al. (2023), arXiv:2206.07550"
)
LICENCE = "IPIP items: public domain. Responses: as their host states."
_NOTE = "The people answered online, of their own accord: they stand for no population."
_WRONG = (
    "Their shares are those of a published notebook, which dropped the most frequent answer to every statement and "
    "lost the order of the others: for reproducing its figures only."
)


class Item(NamedTuple):
    """One statement."""

    id: str
    """``I1`` to ``I120``, in the order of the file and of the response file's columns."""
    text: str
    """Without its subject: ``Worry about things``."""
    facet: str
    """One of 30."""
    trait: str
    """A letter of OCEAN."""
    key: int
    """1: agreement means more of the trait; -1: less."""


def load_published(target: Path | str) -> Survey:
    """:func:`load_ipip` with the people as "A Roadmap to Pluralistic Alignment" (2024) had them, which is wrong."""
    return load_ipip(target, published=True)


def load_ipip(target: Path | str, *, published: bool = False) -> Survey:
    """``ITEMS``, or ``ITEMS,RESPONSES`` with the people of the response file for a reference.

    Answers are ratings of the statement as it stands: the file stores the answers to negatively keyed statements turned
    round, and they are turned back. 0 means "no answer" there and becomes ``refused``. ``published``: the people's
    shares are :func:`published_shares`, the most frequent answer dropped and the others in an order of their own.

    Raises :class:`DataError` with file and line for anything that is not like that.
    """
    items_name, _, responses_name = str(target).partition(",")
    items = read_items(Path(items_name))
    questions = tuple(
        Question(
            id=item.id,
            text=f'Someone says of you: "You {item.text[:1].lower()}{item.text[1:]}." How accurate is that?',
            options=tuple(Option(id=at, text=text) for at, text in enumerate(OPTIONS, start=1)),
            scale=Scale.ORDINAL,
            topic=TRAITS[item.trait],
        )
        for item in items
    )
    references: dict[str, dict[str, Distribution]] = {}
    if responses_name:
        if len(items) != ANSWERS:
            raise DataError(f"the responses are to {ANSWERS} items, not to {len(items)}", file=items_name)
        counts = read_responses(Path(responses_name))
        references[COLLECTIVE.id] = {
            item.id: (_published if published else people_of)(counts[at].tolist(), item.key)
            for at, item in enumerate(items)
            if (counts[at, 1:] > 0).sum() > int(published)  # the notebook drops one answer; another must be left
        }
    return Survey(
        name="mpi-published" if published else "mpi",
        title="Machine Personality Inventory, 120 items" + (", people as once published" if published else ""),
        questions=questions,
        collectives=(COLLECTIVE,) if references else (),
        references=references,
        traits={
            name: {item.id: item.key for item in items if item.trait == letter}
            for letter, name in TRAITS.items()
            if any(item.trait == letter for item in items)
        },
        citation=CITATION,
        licence=LICENCE,
        notes=f"{_NOTE} {_WRONG if published else ''}".strip() if references else "",
    )


def read_items(path: Path) -> tuple[Item, ...]:
    """The statements of a table with the columns ``label_raw``, ``text``, ``label_ocean``, ``key``, parted by tabs."""
    reader = csv.DictReader(io.StringIO(read_text(path)), delimiter="\t", quoting=csv.QUOTE_NONE)
    for column in ("label_raw", "text", "label_ocean", "key"):
        if column not in (reader.fieldnames or ()):
            raise DataError(f"the column {column!r} is missing; columns are parted by tabs", file=str(path), line=1)
    items = []
    for at, row in enumerate(reader, start=1):
        for column, allowed in (("label_ocean", tuple(TRAITS)), ("key", ("1", "-1"))):
            if row[column] not in allowed:
                problem = f"expected one of {', '.join(allowed)}, got {row[column]!r}"
                raise DataError(problem, file=str(path), line=reader.line_num, field=column)
        if not row["text"]:
            raise DataError("the cell is empty", file=str(path), line=reader.line_num, field="text")
        items.append(Item(f"I{at}", row["text"], row["label_raw"], row["label_ocean"], int(row["key"])))
    if not items:
        raise DataError("there is no row below the header", file=str(path))
    return tuple(items)


def read_responses(path: Path) -> npt.NDArray[np.int64]:
    """How often each code was given: shape (120, 6), column 0 for "no answer". Memory does not grow with the file."""
    counts = np.zeros((ANSWERS, 6), dtype=np.int64)
    try:
        with path.open("rb") as file:
            number = 0
            while lines := list(islice(file, 50_000)):
                counts += _count(lines, number, path)
                number += len(lines)
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})", file=str(path)) from None
    if not counts.any():
        raise DataError("the file is empty", file=str(path))
    return counts


def people_of(counts: Sequence[int] | npt.NDArray[np.int64], key: int) -> Distribution:
    """Shares of the five options, from :data:`OPTIONS`' first to last, of the counts of codes 0 to 5 of one item."""
    codes = np.asarray(counts, dtype=np.float64)
    valid = codes[1:]  # 1 to 5, for negative keys turned round
    answered = float(valid.sum())
    return Distribution.from_weights(
        valid[::-1] if key > 0 else valid,
        Obtained.PEOPLE,
        n=answered,
        refused=float(codes[0]) / float(codes.sum()),
    )


def published_shares(counts: Sequence[int], key: int) -> tuple[float, ...]:
    """What "A Roadmap to Pluralistic Alignment" (2024) compared with, for reproducing its figures; not a distribution.

    Its notebook drops the most frequent code in the belief that it is "no answer", keeps the real "no answer" for
    positive keys, and puts the rest into a set, which loses the order and merges equal shares. ``counts``: of the
    codes 0 to 5. Returns the shares in descending order.
    """
    codes = [count for code, count in enumerate(counts) if count > 0 and (key > 0 or code > 0)]
    rest = sorted(codes, reverse=True)[1:]
    return tuple(sorted({count / sum(rest) for count in rest}, reverse=True))


def _published(counts: Sequence[int], key: int) -> Distribution:
    """:func:`published_shares` laid on the five options, from the first on."""
    shares = published_shares(counts, key)
    return Distribution.from_weights([*shares, *[0.0] * (len(OPTIONS) - len(shares))], Obtained.PEOPLE)


def _count(lines: Iterable[bytes], before: int, path: Path) -> npt.NDArray[np.int64]:
    answers = []
    for number, line in enumerate(lines, start=before + 1):
        text = line.rstrip(b"\r\n")
        if not text.strip(b" \x1a"):
            continue
        last = text[-ANSWERS:]
        if len(last) < ANSWERS or last.strip(b"012345"):
            raise DataError(f"the last {ANSWERS} columns must be answers from 0 to 5", file=str(path), line=number)
        answers.append(last)
    codes = np.frombuffer(b"".join(answers), dtype=np.uint8).reshape(-1, ANSWERS) - ord("0")
    return np.stack([(codes == code).sum(axis=0) for code in range(6)], axis=1).astype(np.int64)
