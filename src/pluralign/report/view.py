"""Scores arranged as the page shows them: rows, ranks, matrices. Knows no HTML; rounds nothing, measures nothing."""

from collections.abc import Iterator
from typing import NamedTuple

from pluralign.poll.scores import Cell, Mark, QuestionAnswers, Scores, Summary
from pluralign.report.figure import Axis, Plot, axis, letters, plot
from pluralign.report.tile_map import TileMap, tile_map

HEAT_STEPS = 5
"""Shades of the matrix, from 0 (farthest in its row) to this (closest)."""


class MarkLine(NamedTuple):
    """One line of the legend."""

    letter: str
    mark: Mark
    value: float | None
    """Mean over peoples, of the first voice that has it."""


class VoiceRow(NamedTuple):
    """One voice in the main table."""

    summary: Summary
    plot: Plot
    best: bool


class PeopleRow(NamedTuple):
    """One people in a voice's ranking."""

    rank: int | None
    """By skill, 1 is the best; ``None`` where skill is undefined."""
    id: str
    name: str
    region: str
    cell: Cell
    plot: Plot


class Ranking(NamedTuple):
    """One voice's peoples, the best served first."""

    summary: Summary
    rows: tuple[PeopleRow, ...]
    map: TileMap | None
    """Where its peoples live, by skill; ``None`` where few of them are countries."""


class Heat(NamedTuple):
    """One cell of a matrix."""

    value: float | None
    shade: int
    own: bool
    """Whether the people compared with is the one spoken for."""
    closest: bool


class MatrixRow(NamedTuple):
    """A voice speaking for one people, compared with all."""

    id: str
    name: str
    cells: tuple[Heat, ...]
    closest: tuple[str, ...]
    """Names of the closest people, more than one in case of a tie."""
    right: bool | None
    """Whether it is closest to the people it speaks for; ``None`` if it speaks for nobody or they were not compared."""


class Matrix(NamedTuple):
    """Whose people a voice is closest to."""

    voice: str
    label: str
    steered: bool
    open: bool
    """Whether a reader sees it at once: voices that name nobody, and the closest of those that do."""
    rows: tuple[MatrixRow, ...]


class Losses(NamedTuple):
    """What one voice's numbers leave out."""

    label: str
    captured: float | None
    lowest_captured: float | None
    unanswerable: int
    without_reference: int
    asked: int
    """Pairs of question and people that were put to the voice."""
    order_effect: float | None
    refused: float
    """Share of replies that declined; 0 where options were scored."""


class View(NamedTuple):
    """All that the page shows beside the scores themselves."""

    axis: Axis
    legend: tuple[MarkLine, ...]
    voices: tuple[VoiceRow, ...]
    rankings: tuple[Ranking, ...]
    compared: tuple[tuple[str, str], ...]
    """Id and name of every people of the matrices' columns."""
    matrices: tuple[Matrix, ...]
    losses: tuple[Losses, ...]
    refused: bool
    """Whether any reply declined."""
    people_missing: float | None
    unscored: tuple[str, ...]
    """Names of the peoples spoken for that the survey has no answers of."""
    names: dict[str, str]
    labels: dict[str, str]
    """Voice -> label."""


def arrange(scores: Scores, best: Summary | None) -> View:
    """Everything the page shows, in its order."""
    names = {each.id: each.name for each in scores.collectives}
    regions = {each.id: each.region for each in scores.collectives}
    labels = {summary.voice: summary.label for summary in scores.summaries}
    groups = [summary.marks for summary in scores.summaries] + [cell.marks for cell in scores.cells]
    key = letters(groups, scores.headline)
    scale = axis(_on_axis(scores))
    rankings = tuple(_ranking(scores, summary, names, regions, scale, key) for summary in scores.summaries)
    compared = tuple(dict.fromkeys(each for by in scores.closest.values() for row in by.values() for each in row))
    steered = [one for one in scores.summaries if any(scores.closest.get(one.voice, {}))]
    foremost = min(steered, key=lambda one: (one.distance.value is None, one.distance.value or 0.0), default=None)
    missing = {cell.collective: cell.people_missing for cell in scores.cells}
    return View(
        axis=scale,
        legend=_legend(scores, key),
        voices=tuple(
            VoiceRow(one, plot(one.distance, one.marks, scores.headline, scale, key), one is best)
            for one in scores.summaries
        ),
        rankings=rankings,
        compared=tuple((each, names.get(each, each)) for each in compared),
        matrices=tuple(
            _matrix(voice, labels, by, compared, names, foremost is not None and voice == foremost.voice)
            for voice, by in scores.closest.items()
            if by
        ),
        losses=tuple(_losses(scores, summary) for summary in scores.summaries),
        refused=any(cell.refused for cell in scores.cells),
        people_missing=sum(missing.values()) / len(missing) if missing else None,
        unscored=tuple(names.get(each, each) for each in scores.unscored),
        names=names,
        labels=labels,
    )


def _on_axis(scores: Scores) -> Iterator[float | None]:
    for summary in scores.summaries:
        yield from (summary.distance.value, summary.distance.high)
        yield from (mark.distances.get(scores.headline) for mark in summary.marks)
    for cell in scores.cells:
        distance = cell.distances.get(scores.headline)
        if distance is not None:
            yield from (distance.value, distance.high)
        yield from (mark.distances.get(scores.headline) for mark in cell.marks)


def _legend(scores: Scores, key: dict[str, str]) -> tuple[MarkLine, ...]:
    first: dict[str, MarkLine] = {}
    for marks in [summary.marks for summary in scores.summaries] + [cell.marks for cell in scores.cells]:
        for mark in marks:
            line = MarkLine(key[mark.name], mark, mark.distances.get(scores.headline))
            if mark.name not in first or first[mark.name].value is None:
                first[mark.name] = line
    return tuple(sorted(first.values(), key=lambda line: line.letter))


def _ranking(
    scores: Scores,
    summary: Summary,
    names: dict[str, str],
    regions: dict[str, str],
    scale: Axis,
    key: dict[str, str],
) -> Ranking:
    mine = [cell for cell in scores.cells if cell.voice == summary.voice]
    known = [cell for cell in mine if cell.skill.value is not None]
    unknown = [cell for cell in mine if cell.skill.value is None]
    known.sort(key=lambda cell: -(cell.skill.value or 0.0))
    rows = []
    for at, cell in enumerate([*known, *unknown]):
        distance = cell.distances[cell.headline]
        rows.append(
            PeopleRow(
                rank=at + 1 if at < len(known) else None,
                id=cell.collective,
                name=names.get(cell.collective, cell.collective),
                region=regions.get(cell.collective, ""),
                cell=cell,
                plot=plot(distance, cell.marks, cell.headline, scale, key),
            )
        )
    skills = {cell.collective: cell.skill.value for cell in mine}
    return Ranking(summary, tuple(rows), tile_map(skills))


def _matrix(
    voice: str,
    labels: dict[str, str],
    by_spoken: dict[str, dict[str, float]],
    compared: tuple[str, ...],
    names: dict[str, str],
    foremost: bool,
) -> Matrix:
    rows = []
    for spoken, row in by_spoken.items():
        nearest = min(row.values(), default=0.0)
        farthest = max(row.values(), default=0.0)
        reach = farthest - nearest
        winners = [each for each in compared if each in row and row[each] <= nearest + 1e-12]
        cells = []
        for each in compared:
            value = row.get(each)
            shade = 0
            if value is not None:
                shade = HEAT_STEPS if reach <= 0 else round(HEAT_STEPS * (farthest - value) / reach)
            cells.append(Heat(value, shade, each == spoken, each in winners))
        right = spoken in winners if spoken and spoken in row else None
        closest = tuple(names.get(each, each) for each in winners)
        rows.append(MatrixRow(spoken, names.get(spoken, spoken), tuple(cells), closest, right))
    steered = any(by_spoken)
    return Matrix(voice, labels.get(voice, voice), steered, foremost or not steered, tuple(rows))


def _losses(scores: Scores, summary: Summary) -> Losses:
    mine = [cell for cell in scores.cells if cell.voice == summary.voice]
    effects = [cell.order_effect for cell in mine if cell.order_effect is not None]
    without = sum(cell.without_reference for cell in mine)
    unanswerable = sum(cell.unanswerable for cell in mine)
    return Losses(
        label=summary.label,
        captured=summary.captured if mine else None,
        lowest_captured=min((cell.lowest_captured for cell in mine), default=None),
        unanswerable=unanswerable,
        without_reference=without,
        asked=sum(cell.questions for cell in mine) + without + unanswerable,
        order_effect=sum(effects) / len(effects) if effects else None,
        refused=sum(cell.refused for cell in mine) / len(mine) if mine else 0.0,
    )


class Shares(NamedTuple):
    """One question as a reader without scripts sees it: every answerer over all measured peoples."""

    question: QuestionAnswers
    answerers: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float | None, ...]], ...]
    """Option, and its share with each answerer."""


def measured_peoples(scores: Scores) -> list[str]:
    """Ids of the peoples any voice was measured against, in the survey's order."""
    measured = {cell.collective for cell in scores.cells}
    return [each.id for each in scores.collectives if each.id in measured]


def plain_questions(scores: Scores) -> Iterator[Shares]:
    """Every question with the mean answer of the measured peoples and of each voice, each people counting alike."""
    labels = {summary.voice: summary.label for summary in scores.summaries}
    measured = measured_peoples(scores)
    for one in scores.questions:
        asked = [each for each in measured if each in one.people]
        columns = [_mean([one.people[each] for each in asked])]
        for said in one.voices.values():
            columns.append(_mean([said[key] for key in ("", *asked) if key in said]))
        names = ("People", *(labels.get(voice, voice) for voice in one.voices))
        rows = tuple(
            (option, tuple(None if column is None else column[at] for column in columns))
            for at, option in enumerate(one.options)
        )
        yield Shares(one, names, rows)


def _mean(answers: list[tuple[float, ...]]) -> tuple[float, ...] | None:
    return tuple(sum(shares) / len(answers) for shares in zip(*answers, strict=True)) if answers else None


def explorer(scores: Scores) -> dict[str, object]:
    """Questions and answers as the page's script wants them: short, shares in ten-thousandths, names by position.

    Peoples no voice was measured against are left out: there is nothing of theirs to hold a voice against.
    """
    names = {each.id: each.name for each in scores.collectives}
    spoken = {key for one in scores.questions for said in one.voices.values() for key in said if key}
    measured = measured_peoples(scores)
    everyone = [*measured, *(each for each in names if each in spoken and each not in measured)]
    labels = {summary.voice: summary.label for summary in scores.summaries}
    voices = list(dict.fromkeys([*labels, *(voice for one in scores.questions for voice in one.voices)]))
    layouts = list(dict.fromkeys(one.options for one in scores.questions))
    place = {options: at for at, options in enumerate(layouts)}
    return {
        "peoples": [[each, names[each]] for each in everyone],
        "measured": len(measured),
        "voices": [[voice, labels.get(voice, voice)] for voice in voices],
        "topics": list(dict.fromkeys(one.topic for one in scores.questions)),
        "options": layouts,
        "questions": [
            [
                one.id,
                one.text,
                one.topic,
                one.scale,
                place[one.options],
                [_short(one.people.get(each)) for each in everyone],
                [_said(one, voice, everyone) for voice in voices],
            ]
            for one in scores.questions
        ],
    }


def _said(one: QuestionAnswers, voice: str, everyone: list[str]) -> object:
    said = one.voices.get(voice, {})
    if "" in said:
        return {"all": _short(said[""])}
    return [_short(said.get(each)) for each in everyone]


def _short(shares: tuple[float, ...] | None) -> list[int] | None:
    return None if shares is None else [round(10_000 * share) for share in shares]
