"""Small tables of judgements made by hand."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pluralign.core.moral_graph import Judgement, Relationship
from pluralign.graph.judgements import JudgementTable, from_judgements

START = datetime(2024, 1, 1, tzinfo=UTC)
W, N, L, D, U = (
    Relationship.WISER,
    Relationship.NOT_WISER,
    Relationship.LESS_WISE,
    Relationship.DIFFERENT,
    Relationship.UNSURE,
)
Row = tuple[str, str, str, Relationship, str]
"""participant, source, candidate, relationship, context"""


def judgements(rows: Sequence[Row]) -> list[Judgement]:
    """The rows a minute apart."""
    return [
        Judgement(
            participant=participant,
            source=source,
            candidate=candidate,
            relationship=relationship,
            context=context,
            judged_at=START + timedelta(minutes=minute),
        )
        for minute, (participant, source, candidate, relationship, context) in enumerate(rows)
    ]


def table(rows: Sequence[Row]) -> JudgementTable:
    """The same as a table."""
    return from_judgements(judgements(rows))


def votes(source: str, candidate: str, answers: Sequence[Relationship], context: str = "c") -> list[Row]:
    """One judgement each of participants p0, p1, …"""
    return [(f"p{person}", source, candidate, answer, context) for person, answer in enumerate(answers)]
