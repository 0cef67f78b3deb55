"""Judging transitions: drawn and kept before they are shown, judged once per person, pair and context, undone."""

from collections import Counter, defaultdict

import numpy as np
from django.db import transaction
from django.utils import timezone

from pluralign.assembly.models import (
    Context,
    Deed,
    Draw,
    DrawKind,
    DrawnTransition,
    Judgement,
    Moderation,
    Participation,
    Question,
    Story,
    StoryFlag,
    StoryStatus,
    Transition,
    ValueStatus,
)
from pluralign.assembly.services import moderation
from pluralign.assembly.services.doors import must_be_open
from pluralign.assembly.services.similar import resolved
from pluralign.core.moral_graph import Relationship
from pluralign.elicit.draws import METHOD, Cell, draw_pair

ANSWERS = (Relationship.WISER, Relationship.LESS_WISE, Relationship.DIFFERENT, Relationship.UNSURE)
"""What people may answer. "Not wiser", without saying how, is for imported judgements only."""
LONGEST_REASON = 1000
FLAGS_TO_RETIRE = 3
"""People who must find a story offensive before it is not shown until somebody has looked at it."""


def open_draw(mine: Participation, question: Question, language: str) -> Draw | None:
    """The transition that waits for this person; newly drawn if none waits. None where nothing is left to ask."""
    while True:
        must_be_open(mine, Deed.JUDGE)
        waiting = _waiting(mine, question, language)
        if waiting is not None:
            return waiting
        drawn = draw_pair(_cells(mine, question), np.random.default_rng())  # before the lock, which others wait for
        if drawn is None:
            return None
        with transaction.atomic():
            must_be_open(mine, Deed.JUDGE)
            Participation.objects.select_for_update().get(pk=mine.pk)
            waiting = _waiting(mine, question, language)
            if waiting is not None:  # another window was a moment earlier
                return waiting
            pair = Judgement.pair_of(drawn.source, drawn.candidate)
            if mine.judgements.filter(pair=pair, context=drawn.context).exists():
                continue
            transition = Transition.objects.get(
                question=question, context_id=drawn.context, source_id=drawn.source, candidate_id=drawn.candidate
            )
            draw = Draw.objects.create(participation=mine, question=question, kind=DrawKind.TRANSITION, method=METHOD)
            DrawnTransition.objects.create(
                draw=draw,
                transition=transition,
                story=_story(transition, language),
                propensity=drawn.propensity,
                information=drawn.information,
            )
            return draw


def _waiting(mine: Participation, question: Question, language: str) -> Draw | None:
    """What was drawn for this person and not answered; what was hidden meanwhile is not shown."""
    found = (
        mine.draws.filter(
            kind=DrawKind.TRANSITION,
            question=question,
            answered_at=None,
            transition__transition__source__status=ValueStatus.ACTIVE,
            transition__transition__candidate__status=ValueStatus.ACTIVE,
        )
        .select_related("transition__story", "transition__transition")
        .order_by("created_at")
        .first()
    )
    if found is not None:
        _not_hidden(found.transition, language)
    return found


def _not_hidden(drawn: DrawnTransition, language: str) -> None:
    """Another story in place of one that was hidden after it was drawn."""
    if drawn.story is not None and drawn.story.status != StoryStatus.ACTIVE:
        drawn.story = _story(drawn.transition, language)
        drawn.save(update_fields=["story"])


def _story(transition: Transition, language: str) -> Story | None:
    return transition.stories.filter(language=language, status=StoryStatus.ACTIVE).order_by("-version").first()


def _cells(mine: Participation, question: Question) -> list[Cell]:
    """What this person has not judged, with what all people answered and were shown.

    Asked for every story that somebody opens: rows come plain, without joins, and are counted here.
    """
    into = resolved(question)  # what was said of merged values counts for the one they went into
    active = set(question.values.filter(status=ValueStatus.ACTIVE).values_list("pk", flat=True))
    contexts = set(Context.objects.filter(assembly=question.assembly_id, is_active=True).values_list("pk", flat=True))
    mine_done = {
        (*_ordered(into[source], into[candidate]), context)
        for source, candidate, context in mine.judgements.filter(question=question).values_list(
            "source", "candidate", "context"
        )
    }
    rows = question.transitions.order_by().values_list("pk", "source", "candidate", "context", "is_active")
    ways: dict[tuple[int, int, int], list[bool]] = defaultdict(lambda: [False, False])
    ends = {}
    for key, source, candidate, context, is_active in rows:
        ends[key] = source, candidate, context
        if is_active and source in active and candidate in active and context in contexts:
            cell = (*_ordered(source, candidate), context)
            if cell not in mine_done:
                ways[cell][source > candidate] = True
    shown: dict[tuple[int, int, int], list[int]] = defaultdict(lambda: [0, 0])
    drawn = DrawnTransition.objects.filter(draw__question=question).values_list("transition", flat=True)
    for key, times in Counter(drawn).items():
        source, candidate, context = into[ends[key][0]], into[ends[key][1]], ends[key][2]
        shown[*_ordered(source, candidate), context][source > candidate] += times
    counts: dict[tuple[int, int, int], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    said = Judgement.objects.filter(question=question).order_by()
    answers = Counter(said.values_list("source", "candidate", "context", "relationship"))
    for (said_source, said_candidate, context, relationship), times in answers.items():
        source, candidate = into[said_source], into[said_candidate]
        outcome = _outcome(relationship, upward=source < candidate)
        counts[*_ordered(source, candidate), context][outcome] += times
    return [
        Cell(
            low=low,
            high=high,
            context=context,
            counts=(counts[low, high, context][0], counts[low, high, context][1],
                    counts[low, high, context][2], counts[low, high, context][3]),
            upward=shown[low, high, context][0],
            downward=shown[low, high, context][1],
            can_go_up=up,
            can_go_down=down,
        )
        for (low, high, context), (up, down) in sorted(ways.items())
    ]  # fmt: skip


def _ordered(one: int, other: int) -> tuple[int, int]:
    return (one, other) if one < other else (other, one)


def _outcome(relationship: str, *, upward: bool) -> int:
    """Place in `Cell.counts` of an answer to a story that went up (low to high) or down."""
    match relationship:
        case Relationship.WISER:
            return 0 if upward else 1
        case Relationship.LESS_WISE:
            return 1 if upward else 0
        case Relationship.UNSURE:
            return 3
        case _:
            return 2


def judge(mine: Participation, draw_key: str, answer: str, reason: str = "") -> Judgement:
    """Keep an answer to this person's own draw. Sent twice, it is kept once; sent otherwise, the later counts.

    Everything but the answer and the reason comes from the stored draw. Raises Draw.DoesNotExist for another's draw,
    ValueError for an answer there is not.
    """
    if answer not in set(ANSWERS):
        raise ValueError(f"{answer!r} is no answer")
    with transaction.atomic():
        must_be_open(mine, Deed.JUDGE)
        draw = (
            Draw.objects.select_for_update(of=("self",))  # PostgreSQL locks no side of an outer join
            .select_related("transition__transition")
            .get(pk=draw_key, participation=mine, kind=DrawKind.TRANSITION)
        )
        drawn = draw.transition
        transition = drawn.transition
        said = reason.strip()[:LONGEST_REASON]
        kept, _made = Judgement.objects.update_or_create(
            participation=mine,
            pair=Judgement.pair_of(transition.source_id, transition.candidate_id),
            context_id=transition.context_id,
            defaults={
                "question_id": draw.question_id,
                "drawn": drawn,
                "source_id": transition.source_id,
                "candidate_id": transition.candidate_id,
                "relationship": answer,
                "reason": said,
                "moderation": Moderation.WAITING if moderation.held(mine.assembly, said) else Moderation.OK,
            },
        )
        if draw.answered_at is None:
            draw.answered_at = timezone.now()
            draw.save(update_fields=["answered_at"])
        if mine.transitions_finished_at is None and mine.judgements.count() >= mine.assembly.transitions_per_person:
            finish(mine)
        return kept


def finish(mine: Participation) -> None:
    """The person has judged as much as they were asked to, or as there is."""
    if mine.transitions_finished_at is None:
        mine.transitions_finished_at = timezone.now()
        mine.save(update_fields=["transitions_finished_at"])


def undo(mine: Participation) -> Draw | None:
    """Take the last judgement back and ask it again. None where there is nothing to take back."""
    with transaction.atomic():
        must_be_open(mine, Deed.JUDGE)
        Participation.objects.select_for_update().get(pk=mine.pk)
        last = mine.judgements.select_related("drawn__draw").order_by("-updated_at", "-pk").first()
        if last is None:
            return None
        draw: Draw = last.drawn.draw
        last.delete()
        # What waits meanwhile was drawn later, and so comes after it.
        draw.answered_at = None
        draw.save(update_fields=["answered_at"])
        return draw


def flag(mine: Participation, draw_key: str, kind: str) -> None:
    """Say that a story is unrealistic or offensive. A story that several find offensive waits for a moderator."""
    if kind not in set(StoryFlag.Kind.values):
        raise ValueError(f"{kind!r} is no way to flag a story")
    with transaction.atomic():
        drawn = DrawnTransition.objects.select_related("story").get(draw_id=draw_key, draw__participation=mine)
        StoryFlag.objects.update_or_create(participation=mine, drawn=drawn, defaults={"kind": kind})
        if drawn.story is None:
            return
        found = StoryFlag.objects.filter(drawn__story=drawn.story, kind=StoryFlag.Kind.OFFENSIVE)
        if found.values("participation").distinct().count() >= FLAGS_TO_RETIRE:
            Story.objects.filter(pk=drawn.story.pk).update(status=StoryStatus.WAITING)
