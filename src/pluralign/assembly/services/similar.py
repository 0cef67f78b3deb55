"""Putting a submitted card into the graph, and asking its author about values that are near to it.

The card becomes a value of its own, or that of the very same words. A near value is only offered; the author's answer
decides. Values that were merged keep their votes and judgements: `resolved` says which value they now count for.
"""

from typing import Any

import numpy as np
from django.db import IntegrityError, transaction
from django.utils import timezone

from pluralign.assembly import machines
from pluralign.assembly.models import (
    CanonicalValue,
    Card,
    CardStatus,
    Deed,
    Moderation,
    OfferAnswer,
    Participation,
    Question,
    SimilarOffer,
    ValueStatus,
)
from pluralign.assembly.services import audit
from pluralign.assembly.services.doors import must_be_open
from pluralign.assembly.services.drafts import draft_of, leave_if_nobodys, show_again
from pluralign.core.value_card import ValueCard
from pluralign.elicit.dedupe import nearest
from pluralign.elicit.embeddings import Vectors, card_text
from pluralign.elicit.screen import screen

MOST_OFFERS = 2


def vectors_of(values: list[CanonicalValue]) -> Vectors:
    """The values' vectors, row by row; those that are missing, or of another model, are computed and kept."""
    model = machines.embedder()
    missing = [value for value in values if value.embedding is None or value.embedding_model != model.name]
    if missing:
        for value, vector in zip(missing, model.embed([card_text(value.noun) for value in missing]), strict=True):
            value.embedding, value.embedding_model = vector.astype("<f4").tobytes(), model.name
            CanonicalValue.objects.filter(pk=value.pk).update(embedding=value.embedding, embedding_model=model.name)
    if not values:
        return model.embed([])
    return np.stack([np.frombuffer(bytes(value.embedding), dtype="<f4") for value in values]).astype(np.float32)


def place(card: Card) -> CanonicalValue | None:
    """Give a submitted card its value and its author the near ones to look at. May be done twice or by two at once."""
    version = card.latest
    noun = draft_of(version).card(str(card.pk))
    value = _value_of_words(card, noun)
    others = list(CanonicalValue.objects.filter(question=card.question, status=ValueStatus.ACTIVE).exclude(pk=value.pk))
    mine = vectors_of([value, *others])[0]  # before the lock, which everybody who writes waits for
    with transaction.atomic():
        Question.objects.select_for_update().get(pk=card.question_id)  # nobody merges or splits meanwhile
        value = _value_of_words(card, noun)
        now = Card.objects.select_for_update().get(pk=card.pk)
        if now.status != CardStatus.SUBMITTED or now.moderation == Moderation.HIDDEN:
            leave_if_nobodys(value)
            return None
        if now.latest.pk != version.pk:  # edited meanwhile: the task of that submission comes after this one
            leave_if_nobodys(value)
            return now.canonical
        before = now.canonical
        said_same = now.offers.filter(answer=OfferAnswer.SAME, version=version).first()
        if before is None or now.placed_version != version.number:  # else an organiser has decided
            now.canonical = value if said_same is None else resolved_value(said_same.value)
            now.placed_version = None
        now.save(update_fields=["canonical", "placed_version"])
        show_again(now.canonical.pk)
        for gone in {each.pk: each for each in (before, value) if each is not None}.values():
            if gone.pk != now.canonical.pk:
                leave_if_nobodys(gone)
        others = [other for other in _current(others) if other.pk not in {value.pk, now.canonical.pk}]
        near = nearest(mine, vectors_of(others), count=MOST_OFFERS, within=machines.embedder().distances.alike)
        for neighbour in near:
            SimilarOffer.objects.get_or_create(
                card=card,
                value=others[neighbour.row],
                defaults={"version": version, "distance": neighbour.distance},
            )
    return value


def _current(values: list[CanonicalValue]) -> list[CanonicalValue]:
    """Those that are still active, with the vectors that were found for them."""
    still = set(
        CanonicalValue.objects.filter(pk__in=[value.pk for value in values], status=ValueStatus.ACTIVE).values_list(
            "pk", flat=True
        )
    )
    return [value for value in values if value.pk in still]


def _value_of_words(card: Card, noun: ValueCard) -> CanonicalValue:
    words = CanonicalValue.hash_of(noun)
    fields: dict[str, Any] = {
        "title": noun.title,
        "summary": noun.summary,
        "description": noun.description,
        "policies": list(noun.policies),
        "language": card.participation.person.language,
        "status": ValueStatus.HIDDEN,  # until its card says it, so that nobody is shown their own value
    }
    assembly = card.participation.assembly
    waits = assembly.reviews_cards or card.moderation == Moderation.WAITING
    waits = waits or bool(screen(_texts(noun), assembly.held_words.splitlines()))
    if waits:  # it stays hidden until a moderator has looked
        fields |= {"moderation": Moderation.WAITING}
    try:
        value, _made = CanonicalValue.objects.get_or_create(question=card.question, content_hash=words, defaults=fields)
    except IntegrityError:  # another worker was a moment earlier
        value = CanonicalValue.objects.get(question=card.question, content_hash=words)
    return resolved_value(value)


def _texts(noun: ValueCard) -> list[str]:
    return [noun.title, noun.summary, noun.description, *noun.policies]


def resolved_value(value: CanonicalValue) -> CanonicalValue:
    """The value that this one was merged into, or itself."""
    seen = set()
    while value.merged_into is not None and value.pk not in seen:
        seen.add(value.pk)
        value = value.merged_into
    return value


def resolved(question: Question) -> dict[int, int]:
    """For every value of a question the value that its votes and judgements count for."""
    into = dict(question.values.values_list("pk", "merged_into"))
    found = {}
    for key in into:
        end, seen = key, set()
        while into.get(end) is not None and end not in seen:
            seen.add(end)
            end = into[end]
        found[key] = end
    return found


def answer_offer(mine: Participation, key: int, answer: Any, adds: str = "") -> SimilarOffer:
    """Keep what the author says of a near value. "Same" makes their card a card of that value; else it stays theirs.

    Raises SimilarOffer.DoesNotExist for another's offer, ValueError for an answer there is not.
    """
    if answer not in set(OfferAnswer.values):
        raise ValueError(f"{answer!r} is no answer to an offer")
    with transaction.atomic():
        must_be_open(mine, Deed.TELL)
        offer = (
            SimilarOffer.objects.select_for_update(of=("self",))
            .select_related("card", "value")
            .get(pk=key, card__participation=mine)
        )
        offer.answer, offer.adds, offer.answered_at = answer, adds.strip()[:1000], timezone.now()
        offer.save()
        card = offer.card
        own = CanonicalValue.objects.filter(
            question=card.question, content_hash=CanonicalValue.hash_of(draft_of(card.latest).card("x"))
        ).first()
        before = card.canonical
        target = resolved_value(offer.value) if answer == OfferAnswer.SAME else own
        if card.status == CardStatus.SUBMITTED and target is not None and target != before:
            card.canonical, card.placed_version = target, None  # the author has the last word
            card.save(update_fields=["canonical", "placed_version"])
            show_again(target.pk)
            if before is not None:
                leave_if_nobodys(before)
            audit.record(
                "card.same" if answer == OfferAnswer.SAME else "card.own",
                person=None,
                assembly=mine.assembly,
                subject=f"card {card.pk}",
                before=None if before is None else before.pk,
                after=target.pk,
            )
        return offer
