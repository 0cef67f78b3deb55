"""The tables of a report as rows of plain values, and as CSV files. Knows no page; loses no digit and no ``None``."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pluralign.core.errors import UsageError
from pluralign.poll.scores import DISTANCES, Difference, Measure, Scores

Value = str | int | float | None

_AGREED = ("total_variation", "wasserstein", "rank_correlation")


class Sheet(NamedTuple):
    """One table: what its file is called, its columns, its rows."""

    name: str
    columns: tuple[str, ...]
    rows: list[tuple[Value, ...]]


def voices(scores: Scores) -> Sheet:
    """One row per voice, over all its peoples."""
    measures: tuple[str, ...] = ("distance", "js_distance", "skill", "skill_over_uniform", "entropy_ratio")
    measures += ("agreement", "distance_by_topic", "skill_by_topic")
    columns = ("voice", "label", "way", "method", "told", "headline_distance", *_ends(measures))
    columns += (
        "worth_people",
        "worth_text",
        "captured",
        "refused",
        "replies",
        "worst",
        "best",
        "own_closest",
        "peoples",
    )
    rows: list[tuple[Value, ...]] = []
    for one in scores.summaries:
        ends = _values(one.distance, one.js_distance, one.skill, one.skill_over_uniform, one.entropy_ratio)
        row: tuple[Value, ...] = (one.voice, one.label, one.way or one.voice, one.method, one.sentence, scores.headline)
        none = Measure(value=None)
        row += (*ends, *_values(one.agreement, one.distance_by_topic or none, one.skill_by_topic or none))
        row += (one.worth_people, one.worth_text, one.captured, one.refused)
        row += (one.replies, one.worst, one.best, one.own_closest, one.peoples)
        rows.append(row)
    return Sheet("voices", columns, rows)


def peoples(scores: Scores) -> Sheet:
    """One row per voice and people, with every measure there is."""
    names = {each.id: each.name for each in scores.collectives}
    measures = (*DISTANCES, "skill", "skill_over_uniform", "entropy", "entropy_ratio", "agreement", "alignment")
    columns = ("voice", "method", "collective", "name", "headline_distance", *_ends(measures), "alignment_published")
    columns += tuple(f"shuffled_{name}" for name in DISTANCES)
    columns += ("people_entropy", "worth_people", "worth_text", "skill_note", "questions", "ordered", "nominal")
    columns += ("without_reference", "unanswerable", "captured", "lowest_captured", "people_missing", "order_effect")
    columns += ("refused", "replies", "people_n", "respondents", "design_effect")
    columns += tuple(f"closer_than_average{end}" for end in ("", "_low", "_high", "_p", "_p_corrected"))
    rows: list[tuple[Value, ...]] = []
    for cell in scores.cells:
        found = [cell.distances.get(name, Measure(value=None)) for name in DISTANCES]
        found += [cell.skill, cell.skill_over_uniform, cell.entropy, cell.entropy_ratio, cell.agreement, cell.alignment]
        row: tuple[Value, ...] = (
            cell.voice,
            cell.method,
            cell.collective,
            names.get(cell.collective, ""),
            cell.headline,
        )
        row += (*_values(*found), cell.alignment_published, *(cell.shuffled.get(name) for name in DISTANCES))
        row += (cell.people_entropy, cell.worth_people, cell.worth_text, cell.skill_note)
        row += (cell.questions, cell.ordered, cell.nominal, cell.without_reference, cell.unanswerable)
        row += (cell.captured, cell.lowest_captured, cell.people_missing, cell.order_effect)
        row += (cell.refused, cell.replies, cell.people_n, cell.respondents, cell.design_effect)
        over = cell.over_average or Difference(value=None)
        row += (over.value, over.low, over.high, over.p, over.p_adjusted)
        rows.append(row)
    return Sheet("peoples", columns, rows)


def floors(scores: Scores) -> Sheet:
    """Every floor and ceiling: for each voice and people, and for each voice over all of them."""
    rows: list[tuple[Value, ...]] = []
    groups = [(one.voice, "", one.marks) for one in scores.summaries]
    groups += [(cell.voice, cell.collective, cell.marks) for cell in scores.cells]
    for voice, collective, marks in groups:
        for mark in marks:
            values = tuple(mark.distances.get(name) for name in DISTANCES)
            rows.append((voice, collective, mark.name, mark.kind, *values, mark.sentence))
    return Sheet("floors", ("voice", "collective", "mark", "kind", *DISTANCES, "meaning"), rows)


def closest(scores: Scores) -> Sheet:
    """Mean distance from every voice, speaking for every people, to every people."""
    rows: list[tuple[Value, ...]] = [
        (voice, spoken, compared, scores.headline, value)
        for voice, by_spoken in scores.closest.items()
        for spoken, row in by_spoken.items()
        for compared, value in row.items()
    ]
    return Sheet("closest", ("voice", "speaks_for", "compared_with", "distance", "mean"), rows)


def questions(scores: Scores) -> Sheet:
    """One row per question, option and answerer."""
    columns = ("question", "topic", "scale", "text", "option_position", "option", "answerer", "voice", "collective")
    return Sheet("questions", (*columns, "share"), list(_answers(scores)))


def _answers(scores: Scores) -> Iterator[tuple[Value, ...]]:
    for one in scores.questions:
        answerers = [("people", "", key, shares) for key, shares in one.people.items()]
        answerers += [("voice", voice, key, of) for voice, said in one.voices.items() for key, of in said.items()]
        for answerer, voice, collective, shares in answerers:
            for at, (option, share) in enumerate(zip(one.options, shares, strict=True)):
                row = (one.id, one.topic, one.scale, one.text, at + 1, option, answerer, voice, collective, share)
                yield row


def traits(scores: Scores) -> Sheet:
    """One row per trait of every people and voice; no rows where the survey is no inventory of traits."""
    columns = (
        "trait",
        "voice",
        "collective",
        *_ends(("score", "difference_from_people")),
        "spread",
        "items",
        "highest",
    )
    rows: list[tuple[Value, ...]] = [
        (
            *(one.trait, one.voice, one.collective),
            *_values(one.score, one.difference or Measure(value=None)),
            *(one.spread, one.items, one.top),
        )
        for one in scores.traits
    ]
    return Sheet("traits", columns, rows)


def methods(scores: Scores) -> Sheet:
    """One row per voice and pair of methods: how far they agree."""
    columns = ("voice", "first_method", "second_method", "questions", "answers", *_ends(_AGREED))
    columns += ("by_sampling", "shuffled")
    rows: list[tuple[Value, ...]] = []
    for one in scores.agreements:
        row: tuple[Value, ...] = (one.voice, one.first, one.second, one.questions, one.pairs)
        row += (*_values(one.total_variation, one.wasserstein, one.rank_correlation), one.by_sampling, one.shuffled)
        rows.append(row)
    return Sheet("methods", columns, rows)


def order_effects(scores: Scores) -> Sheet:
    """One row per voice and place, first and last, and per label where labels came apart from places."""
    columns = ("voice", "method", "of", "label", *_ends(("effect",)), "questions", "labels_apart")
    rows: list[tuple[Value, ...]] = []
    for one in scores.order_biases:
        effects = [("first place", "", one.first, one.questions), ("last place", "", one.last, one.questions)]
        effects += [("label", of.label, of.effect, of.questions) for of in one.labels]
        for what, label, effect, count in effects:
            rows.append((one.voice, one.method, what, label, *_values(effect), count, int(one.apart)))
    return Sheet("order_effects", columns, rows)


def temperatures(scores: Scores) -> Sheet:
    """One row per voice: its temperature, and the divergence from the people on the held-out questions."""
    columns = ("voice", *_ends(("temperature",)), "at_bound", "divergence_before", "divergence_after", "answers")
    rows: list[tuple[Value, ...]] = []
    for one in scores.calibrations:
        row: tuple[Value, ...] = (one.voice, *_values(one.temperature), int(one.at_bound))
        row += (one.divergence_before, one.divergence_after, one.answers, " ".join(one.questions))
        rows.append(row)
    return Sheet("temperatures", (*columns, "held_out"), rows)


def differences(scores: Scores) -> Sheet:
    """One row per pair of voices that are held against each other: closer by how much, and is it more than luck?"""
    columns: tuple[str, ...] = ("kind", "first", "second", "headline_distance", "peoples", "questions")
    columns += _ends(("first_distance", "second_distance", "closer_by"))
    columns += ("p", "p_corrected", "by_topic_low", "by_topic_high", "by_topic_p", "by_topic_p_corrected")
    rows: list[tuple[Value, ...]] = []
    for one in scores.gaps:
        row: tuple[Value, ...] = (one.kind, one.first, one.second, scores.headline, one.peoples, one.questions)
        found = Measure(value=one.difference.value, low=one.difference.low, high=one.difference.high)
        row += (*_values(one.before, one.after, found), one.difference.p, one.difference.p_adjusted)
        row += (one.by_topic.low, one.by_topic.high, one.by_topic.p, one.by_topic.p_adjusted)
        rows.append(row)
    return Sheet("differences", columns, rows)


def stereotypes(scores: Scores) -> Sheet:
    """One row per voice that is told whom to speak for: does it exaggerate how peoples differ?"""
    columns = ("voice", "peoples", "questions", "distance_between_peoples", *_ends(("spread", "direction")))
    rows: list[tuple[Value, ...]] = [
        (one.voice, one.peoples, one.questions, one.people, *_values(one.spread, one.direction))
        for one in scores.tellings
    ]
    return Sheet("stereotypes", columns, rows)


def sheets(scores: Scores) -> tuple[Sheet, ...]:
    """All tables of a report; those that not every run has only where they have rows."""
    found = (voices(scores), peoples(scores), floors(scores), closest(scores), questions(scores))
    beside = (
        differences(scores),
        stereotypes(scores),
        traits(scores),
        methods(scores),
        order_effects(scores),
        temperatures(scores),
    )
    return (*found, *(sheet for sheet in beside if sheet.rows))


def csv_text(sheet: Sheet) -> str:
    """A table as CSV (RFC 4180), a missing number as an empty field."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(sheet.columns)
    writer.writerows(sheet.rows)
    return out.getvalue()


def write_csv(scores: Scores, folder: Path) -> list[Path]:
    """Write every table as ``NAME.csv`` into ``folder``, made if need be. Raises :class:`UsageError` if it cannot."""
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for sheet in sheets(scores):
            path = folder / f"{sheet.name}.csv"
            path.write_text(csv_text(sheet), encoding="utf-8", newline="")
            written.append(path)
    except OSError as error:
        raise UsageError(f"cannot write tables into {str(folder)!r}: {error.strerror or error}") from None
    return written


def _ends(measures: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for measure in measures for name in (measure, f"{measure}_low", f"{measure}_high"))


def _values(*measures: Measure) -> tuple[Value, ...]:
    return tuple(value for measure in measures for value in (measure.value, measure.low, measure.high))
