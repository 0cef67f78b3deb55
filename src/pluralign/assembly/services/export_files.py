"""The files of an export, written from what `exporting.gather` found; and the README that says what is not in them."""

import csv
import io
import json
import secrets
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.db import transaction

from pluralign.assembly.models import Assembly, Person
from pluralign.assembly.services import audit
from pluralign.assembly.services.exporting import (
    KINDS,
    LARGEST_K,
    Judged,
    Material,
    authors_of,
    gather,
    groups_of,
    people_rows,
    rounded,
    shown_to,
)
from pluralign.core.errors import UsageError
from pluralign.core.moral_graph import Judgement as JudgementNoun
from pluralign.core.moral_graph import MoralGraph, Relationship
from pluralign.graph.anonymous import small
from pluralign.graph.build import build
from pluralign.graph.export import write_graph, write_published
from pluralign.graph.judgements import from_judgements, latest_only
from pluralign.store.sheets import safe_cell

ZIP_DATE = (1980, 1, 1, 0, 0, 0)
"""Of every file in the archive: when it was made is nobody's business."""


@dataclass(frozen=True)
class Export:
    """What is handed out."""

    files: dict[str, bytes]
    """By name. All text is UTF-8."""
    edges: int
    """Edges of all graphs together."""

    def archive(self) -> bytes:
        """All files in one ZIP."""
        found = io.BytesIO()
        with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self.files.items():
                archive.writestr(zipfile.ZipInfo(name, ZIP_DATE), content, zipfile.ZIP_DEFLATED)
        return found.getvalue()


def export(assembly: Assembly, *, k: int, by: Person | None, linked: bool = False) -> Export:
    """Make all files. ``linked`` gives every person a random number in the judgements, new in each export, so that the
    graph can be built again with intervals; such an export is not anonymous, and says so.

    Raises UsageError for a ``k`` out of 1 to 100.
    """
    if not 1 <= k <= LARGEST_K:
        raise UsageError(f"k = {k} is not possible: choose from 1 (nothing is withheld) to {LARGEST_K}")
    with transaction.atomic():
        material = gather(assembly, k)
        graphs = _graphs(material)
        files: dict[str, bytes] = {}
        for slug, graph in graphs.items():
            files |= _graph_files(slug, graph)
        files["values.json"] = _json([_published_card(material, key) for key in sorted_values(material)])
        files["contexts.json"] = _json(
            [
                {"context": context.text, "case": question.slug}
                for question in assembly.questions.all()
                for context in question.contexts.all()
            ]
        )
        files["values.csv"] = _values(material)
        files["votes.csv"] = _votes(material)
        files["judgements.csv"] = _judgements(material, linked=linked)
        files["transitions.csv"] = _transitions(material)
        files["reasons.csv"] = _reasons(material)
        files["groups.csv"] = _groups(material)
        rows, blanks = people_rows(assembly, k)
        files["people.csv"] = _csv(["of", "group", "joined", "told", "voted", "judged"], rows)
        edges = sum(len(graph.edges) for graph in graphs.values())
        files = {"README.md": _readme(material, graphs, blanks, linked=linked).encode(), **files}
        audit.record("assembly.export", person=by, assembly=assembly, k=k, linked=linked, edges=edges)
    return Export(files, edges)


def sorted_values(material: Material) -> list[int]:
    """Keys of the values in the order of their numbers."""
    return sorted(material.values, key=material.numbers.__getitem__)


def _graphs(material: Material) -> dict[str, MoralGraph]:
    """A graph per question, from the judgements that are handed out with their context; none where there are none."""
    by_question: dict[str, list[JudgementNoun]] = defaultdict(list)
    for row in material.whole:
        by_question[row.question].append(
            JudgementNoun(
                participant=str(row.person),
                source=str(material.numbers[row.source]),
                candidate=str(material.numbers[row.candidate]),
                relationship=Relationship(row.relationship),
                context=row.context,
                judged_at=row.moment,
            )
        )
    cards = [material.card(key) for key in sorted_values(material)]
    found = {}
    for question in material.assembly.questions.all():
        rows = by_question[question.slug]
        if rows:
            table = latest_only(from_judgements(rows, name=question.slug), per_context=True)
            cases = tuple((context.text, question.slug) for context in question.contexts.all())
            found[question.slug] = build(table, cards=cards, cases=cases)
    return found


def _graph_files(slug: str, graph: MoralGraph) -> dict[str, bytes]:
    with TemporaryDirectory() as folder:
        published, whole = Path(folder) / "published.json", Path(folder) / "whole.json"
        write_published(graph, published, page_rank=True)
        write_graph(graph, whole)
        return {f"graph-{slug}.json": published.read_bytes(), f"graph-{slug}-with-intervals.json": whole.read_bytes()}


def _published_card(material: Material, key: int) -> dict[str, Any]:
    card = material.card(key)
    return {
        "id": int(card.id),
        "title": card.title,
        "instructionsShort": card.summary,
        "instructionsDetailed": card.description,
        "evaluationCriteria": list(card.policies),
    }


def _json(content: Any) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A table, its rows in an order that tells nothing: sorted by what they hold."""
    found = io.StringIO()
    writer = csv.writer(found, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(sorted([_harmless(cell) for cell in row] for row in rows))
    return found.getvalue().encode()


def _harmless(cell: Any) -> str:
    """Text as a spreadsheet may open it: what it would take for a formula begins with an apostrophe."""
    text = str(cell)
    return safe_cell(text) if isinstance(cell, str) else text


def _values(material: Material) -> bytes:
    authors, shown = authors_of(material.assembly), shown_to(material.assembly)
    votes: Counter[tuple[int, str]] = Counter()
    for place in material.votes.whole:
        votes[material.voted[place].value, material.voted[place].answer] += 1
    voted = {value for value, _ in votes}

    def blank(count: int) -> Any:
        return "" if 0 < count < material.k else count

    rows = []
    for key in sorted_values(material):
        card = material.card(key)
        answers = [votes[key, answer] if key in voted else "" for answer in ("wise", "not_for_me", "unsure")]
        rows.append(
            [material.numbers[key], material.values[key].question.slug, card.title, card.summary, card.description,
             "\n".join(card.policies), "yes" if material.values[key].is_seed else "no", blank(authors[key]),
             blank(shown[key]), *answers]
        )  # fmt: skip
    header = ["value", "question", "title", "summary", "description", "policies", "seed", "people", "shown",
              "wise", "not_for_me", "unsure"]  # fmt: skip
    return _csv(header, rows)


def _votes(material: Material) -> bytes:
    rows = (material.voted[place] for place in material.votes.whole)
    return _csv(
        ["value", "answer", "slot", "propensity"],
        ([material.numbers[row.value], row.answer, row.slot, rounded(row.propensity)] for row in rows),
    )


def _judgements(material: Material, *, linked: bool) -> bytes:
    names: dict[int, str] = defaultdict(lambda: secrets.token_hex(4))
    header = ["question", "from_value", "to_value", "relationship", "context", "propensity"]

    def line(row: Judged) -> list[Any]:
        found = [row.question, material.numbers[row.source], material.numbers[row.candidate], row.relationship,
                 row.context, rounded(row.propensity)]  # fmt: skip
        return [*found, names[row.person], f"{row.moment:%Y-%m}-01"] if linked else found

    if linked:  # a reader of judgements needs a context for each
        return _csv([*header, "user", "created_at"], map(line, material.whole))
    return _csv(header, map(line, [*material.whole, *material.coarsened]))


def _transitions(material: Material) -> bytes:
    counts: dict[tuple[str, str, int, int], Counter[str]] = defaultdict(Counter)
    for row in material.whole:
        counts[row.question, row.context, row.source, row.candidate][row.relationship] += 1
    rows = [
        [question, context, material.numbers[source], material.numbers[candidate], *(found[kind] for kind in KINDS)]
        for (question, context, source, candidate), found in counts.items()
    ]
    return _csv(["question", "context", "from_value", "to_value", *KINDS], rows)


def _reasons(material: Material) -> bytes:
    rows = [
        [row.question, row.context, material.numbers[row.source], material.numbers[row.candidate], row.relationship,
         row.reason]
        for row in material.whole if row.reason
    ]  # fmt: skip
    return _csv(["question", "context", "from_value", "to_value", "relationship", "reason"], rows)


def _groups(material: Material) -> bytes:
    """Answers by group, for pairs and contexts in which no group is so small, nor can be worked out from the rest."""
    rows = []
    for attribute, group_of in groups_of(material.assembly).items():
        cells: dict[tuple[str, str, tuple[int, int]], dict[str, list[Judged]]] = defaultdict(lambda: defaultdict(list))
        for row in material.whole:
            cells[row.question, row.context, row.pair][group_of.get(row.person, "")].append(row)
        for (question, context, _), groups in cells.items():
            blank = small({name: len({row.person for row in found}) for name, found in groups.items()}, material.k)
            for name, found in groups.items():
                if name and name not in blank:
                    ways: dict[tuple[int, int], Counter[str]] = defaultdict(Counter)
                    for row in found:
                        ways[row.source, row.candidate][row.relationship] += 1
                    rows += [
                        [question, context, material.numbers[source], material.numbers[candidate], attribute, name,
                         *(answers[kind] for kind in KINDS)]
                        for (source, candidate), answers in ways.items()
                    ]  # fmt: skip
    return _csv(["question", "context", "from_value", "to_value", "attribute", "group", *KINDS], rows)


_FILES = """
| file | what |
|---|---|
| `graph-QUESTION.json` | the moral graph of a question in the published schema: `pluralign graph charter` reads it |
| `graph-QUESTION-with-intervals.json` | the same with intervals and rankings: `pluralign graph rank` reads it |
| `values.json`, `contexts.json` | the values' words; situations and their questions |
| `values.csv` | the values' words, how many people's cards say them, how many people saw and answered them |
| `votes.csv` | one row per vote on a value, with the probability of its being drawn |
| `judgements.csv` | one row per judgement: what was said of `to_value`, and the probability of its being drawn |
| `transitions.csv` | the judgements counted, by direction and situation |
| `groups.csv` | the same by what people said of themselves |
| `reasons.csv` | reasons of those who agreed to be quoted |
| `people.csv` | how many people came how far |

Values are numbered anew in an order that tells nothing; rows are sorted by what they hold. A text that a spreadsheet
would take for a formula begins with an apostrophe. Propensities have two significant digits (an error of at most 5 %).
"""


def _readme(material: Material, graphs: dict[str, MoralGraph], blanks: int, *, linked: bool) -> str:
    k, votes = material.k, material.votes
    edges = sum(len(graph.edges) for graph in graphs.values())
    times = (
        "judgements carry the first day of their month." if linked else "that of joining, by month, in `people.csv`."
    )
    total, all_votes = len(material.judged), len(material.voted)
    reasons = sum(bool(row.reason) for row in material.whole)
    lines = [
        f"# {material.assembly.title}: results",
        "",
        "Written by pluralign. " + (
            "**Not anonymous**: in `judgements.csv` each person has a random number, so that what one person answered "
            "can be put together. For those who run the assembly only; do not publish it."
            if linked else
            "**Nothing is withheld but ids** (k = 1). Do not publish it without thinking of who could be recognised."
            if k == 1 else
            f"k-anonymous with k = {k}: no row and no number is told apart that fewer than {k} people share."
        ),
        _FILES,
        "## What was left out",
        "",
        f"- Judgements: {total} in all. {len(material.whole)} are given with their situation. "
        f"{len(material.coarsened)} are given without it, because fewer than {k} people judged that pair in it"
        f"{' (left out of an export with numbered people)' if linked else ''}. "
        f"{material.withheld} are withheld. {material.turned} are told of the reverse pair (wiser and less wise change "
        f"places), because fewer than {k} people were asked in that direction.",
        f"- Graphs are built from the judgements with their situation, so they are not the whole graph: {edges} edges "
        f"of {material.edges} pairs in a situation that {k} or more people judged.",
        f"- Votes: {all_votes} in all, {len(votes.withheld)} withheld because fewer than {k} people voted on "
        "the value.",
        f"- Reasons: {reasons} given; only of people who agreed to be quoted, accepted by a moderator where that is "
        "asked for.",
        f"- Values: {material.without_consent} withheld because no author agreed to publication. Values that were "
        "hidden or withdrawn, and what was answered about them, are not counted anywhere here.",
        f"- `people.csv`: {blanks} numbers are blank because fewer than {k} people are in them, or to hide such ones.",
        f"- Times: {times}",
        "- Transcripts, names, addresses, codes and ids of people: never exported. People played by programs: not "
        "counted.",
        "",
        "## What this does not do",
        "",
        "- E-mail addresses, links, account names and telephone numbers are taken out of all texts. Names of people "
        "cannot be found by a program: read `values.csv` and `reasons.csv` before you publish them.",
        f"- k-anonymity hides who of {k} gave an answer, not an answer that all of them gave.",
        "- Two exports of different days can be subtracted from one another: publish one, at the end.",
        "",
    ]  # fmt: skip
    return "\n".join(lines)
