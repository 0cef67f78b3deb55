"""What the page says about differences that are more than luck. Knows no HTML; measures nothing."""

from typing import Final, NamedTuple

from pluralign.poll.scores import Measure, Scores, Summary

GAP_KINDS: Final = {
    "telling": "told whom to speak for, against not told",
    "voices": "another way of asking",
    "models": "another model",
}
"""What readers see for each kind of difference."""


class Averaged(NamedTuple):
    """Pairs of voice and people, held against everyone's average."""

    closer: int
    farther: int
    total: int


def averaged(scores: Scores) -> Averaged | None:
    """For how many a voice is closer, after correction for their number; ``None`` where none has a skill."""
    known = [cell.over_average for cell in scores.cells if cell.over_average is not None]
    decided = [one.value for one in known if one.decided and one.value is not None]
    if not known:
        return None
    return Averaged(sum(value > 0 for value in decided), sum(value < 0 for value in decided), len(known))


def varieties(scores: Scores) -> dict[str, Measure]:
    """Voice -> entropy of its answers over the people's."""
    return {one.voice: one.entropy_ratio for one in scores.summaries}


def topical(scores: Scores) -> tuple[Summary, ...]:
    """Voices with intervals over whole topics; none where there is one topic only."""
    if len(scores.topics) < 2:
        return ()
    return tuple(
        one for one in scores.summaries if one.distance_by_topic is not None and one.skill_by_topic is not None
    )
