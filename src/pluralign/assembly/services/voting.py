"""The values vote: about six cards, drawn and kept before they are shown, each answered once."""

import numpy as np
from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from pluralign.assembly.models import (
    CardStatus,
    Deed,
    Draw,
    DrawKind,
    DrawnCard,
    Participation,
    Question,
    ValueStatus,
    Vote,
    VoteAnswer,
)
from pluralign.assembly.services.doors import must_be_open
from pluralign.assembly.services.similar import resolved, vectors_of
from pluralign.elicit.draws import CardDraw, Shown, bridging_scores, draw_cards

METHOD = "mixed-cards/1"


def open_draw(mine: Participation, question: Question) -> Draw | None:
    """The cards that wait for this person's answer; newly drawn if none wait. None where all were voted on."""
    while True:
        must_be_open(mine, Deed.JUDGE)
        waiting = _waiting(mine, question)
        if waiting is not None:
            return waiting
        drawn = _drawn(mine, question)  # before the lock, which others wait for
        if not drawn:
            return None
        with transaction.atomic():
            must_be_open(mine, Deed.JUDGE)
            Participation.objects.select_for_update().get(pk=mine.pk)
            waiting = _waiting(mine, question)
            if waiting is not None:  # another window was a moment earlier
                return waiting
            if mine.votes.filter(value__in=[card.value for card in drawn]).exists():
                continue
            draw = Draw.objects.create(participation=mine, question=question, kind=DrawKind.CARDS, method=METHOD)
            DrawnCard.objects.bulk_create(
                DrawnCard(draw=draw, position=position, value_id=card.value, slot=card.slot, propensity=card.propensity)
                for position, card in enumerate(drawn)
            )
            return draw


def _waiting(mine: Participation, question: Question) -> Draw | None:
    for draw in mine.draws.filter(kind=DrawKind.CARDS, question=question, answered_at=None):
        if to_answer(draw).exists():
            return draw
    return None


def _drawn(mine: Participation, question: Question) -> list[CardDraw]:
    """Cards that this person has not voted on, with the probability of each; none where none are left."""
    # In this order: what is found active and is one's own is known as such, and every key read before leads on.
    active = list(question.values.filter(status=ValueStatus.ACTIVE).annotate(shown=Count("drawn")))
    own = set(mine.cards.filter(question=question).exclude(canonical=None).values_list("canonical", flat=True))
    voted = set(mine.votes.filter(value__question=question).values_list("value", flat=True))
    into = resolved(question)
    seen = {into[key] for key in own | voted}
    values = [value for value in active if value.pk not in seen]
    if not values:
        return []
    votes = {
        (person, into.get(value, value)): answer == VoteAnswer.WISE
        for person, value, answer in Vote.objects.filter(value__question=question)
        .exclude(answer=VoteAnswer.UNSURE)
        .values_list("participation", "value", "answer")
    }
    bridging = bridging_scores(votes, [value.pk for value in values])
    mine_values = [
        card.canonical
        for card in mine.cards.filter(question=question, status=CardStatus.SUBMITTED).select_related("canonical")
        if card.canonical is not None
    ]
    return draw_cards(
        [Shown(value.pk, value.shown, bridging[value.pk]) for value in values],
        vectors_of(values),
        vectors_of(mine_values),
        mine.assembly.cards_per_vote,
        np.random.default_rng(),
    )


def to_answer(draw: Draw) -> QuerySet[DrawnCard]:
    """The cards of a draw without those that were hidden after it; cards that were merged meanwhile stay."""
    return draw.cards.exclude(value__status=ValueStatus.HIDDEN)


def vote(mine: Participation, draw_key: str, answers: dict[int, str], *, none_of_these: bool = False) -> Draw:
    """Keep answers to cards of this person's own draw, by position. Sent again, they replace themselves.

    ``none_of_these`` answers every card that has no other answer with "not for me". Raises Draw.DoesNotExist for
    another's draw, ValueError for an answer or a position there is not.
    """
    with transaction.atomic():
        must_be_open(mine, Deed.JUDGE)
        draw = Draw.objects.select_for_update().get(pk=draw_key, participation=mine, kind=DrawKind.CARDS)
        cards = {card.position: card for card in to_answer(draw)}
        if none_of_these:
            answers = {position: str(VoteAnswer.NOT_FOR_ME) for position in cards}
        for position, answer in answers.items():
            if position not in cards or answer not in set(VoteAnswer.values):
                raise ValueError(f"answer {answer!r} to card {position} is not possible")
            card = cards[position]
            Vote.objects.update_or_create(
                participation=mine, value_id=card.value_id, defaults={"answer": answer, "drawn": card}
            )
        done = Vote.objects.filter(drawn__in=cards.values()).count() == len(cards)
        draw.none_of_these = none_of_these
        if done and draw.answered_at is None:
            draw.answered_at = timezone.now()
            if mine.votes_finished_at is None:
                mine.votes_finished_at = draw.answered_at
                mine.save(update_fields=["votes_finished_at"])
        draw.save()
        return draw
