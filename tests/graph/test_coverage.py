"""How far judgements reach over what may be asked, counted by hand."""

from datetime import UTC, datetime
from typing import Any

from pluralign.core.moral_graph import Judgement, Relationship
from pluralign.graph.coverage import by_context
from pluralign.graph.judgements import from_judgements

ASKED = [("1", "2", "A"), ("2", "1", "A"), ("10", "9", "A"), ("1", "2", "B")]


def table(*ways: tuple[str, str, str]) -> Any:
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    return from_judgements(
        Judgement(
            participant=f"p{number}", source=source, candidate=candidate, relationship=Relationship.WISER,
            context=context, judged_at=moment,
        )
        for number, (source, candidate, context) in enumerate(ways)
    )  # fmt: skip


def test_pairs_directions_and_depth_are_counted_per_context() -> None:
    # In A two pairs may be asked: {1, 2} was judged three times, both ways; {9, 10} never. {1, 3} is asked no longer.
    judged = table(("1", "2", "A"), ("1", "2", "A"), ("2", "1", "A"), ("1", "3", "A"), ("2", "1", "B"))
    first, second = by_context(ASKED, judged, enough=3)
    assert first == ("A", 2, 1, 1, 1, 4)
    assert second == ("B", 1, 1, 0, 0, 1)


def test_where_nobody_has_judged_everything_may_still_be_asked() -> None:
    assert [each[:3] for each in by_context(ASKED, None)] == [("A", 2, 0), ("B", 1, 0)]
    assert by_context([], table(("1", "2", "C"))) == [("C", 0, 0, 0, 0, 1)]
