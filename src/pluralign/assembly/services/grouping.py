"""Which cards say the same value: merging values, splitting them, keeping them apart, and taking any of it back.

Every deed is one transaction under a lock of its question, written down with what undoes it. Votes and judgements are
never moved: readers ask `similar.resolved`. What a person decided about a card is kept on the card, for the words it
then had, so that no background task decides otherwise.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import IntegrityError, transaction
from django.utils import timezone

from pluralign.assembly import machines, tasks
from pluralign.assembly.models import (
    AuditEntry,
    CanonicalValue,
    Card,
    CardStatus,
    OfferAnswer,
    Person,
    Question,
    SimilarOffer,
    ValueStatus,
)
from pluralign.assembly.services import audit
from pluralign.assembly.services.drafts import draft_of, leave_if_nobodys
from pluralign.assembly.services.joining import Refused
from pluralign.assembly.services.similar import vectors_of
from pluralign.core.errors import UsageError
from pluralign.elicit import dedupe

MERGE, SPLIT, APART, UNDO = "values.merge", "values.split", "values.apart", "values.undo"
SINCE = "Somebody else has changed this meanwhile: look again."


@dataclass(frozen=True)
class Suggestion:
    """Values that may be the same."""

    values: tuple[CanonicalValue, ...]
    distances: tuple[tuple[float, ...], ...]
    """Cosine distance of every two."""

    @property
    def rows(self) -> list[tuple[CanonicalValue, tuple[float, ...]]]:
        """Each value with its distances to all."""
        return list(zip(self.values, self.distances, strict=True))


@dataclass(frozen=True)
class Overview:
    """All active values of a question, and which of them may be the same."""

    within: float
    suggestions: tuple[Suggestion, ...]
    others: tuple[CanonicalValue, ...]
    agreement: dedupe.Agreement
    """How well the distance tells what authors call the same."""
    said: dict[tuple[int, int], dict[str, int]]
    """For two values, what authors of cards of the one said of the other: answer -> how often."""


def overview(question: Question, within: float | None = None) -> Overview:
    """Group active values nearer than ``within`` (default: what the embedder calls alike), but not those that an
    organiser said are different."""
    reach = machines.embedder().distances.alike if within is None else within
    values = list(question.values.filter(status=ValueStatus.ACTIVE).order_by("pk"))
    place = {value.pk: row for row, value in enumerate(values)}
    vectors = vectors_of(values)
    apart = [(place[a], place[b]) for a, b in kept_apart(question) if a in place and b in place]
    square = dedupe.distances(vectors, vectors) if values else np.zeros((0, 0))
    groups = dedupe.clusters(vectors, reach, apart=apart)
    inside = {row for group in groups for row in group}
    answers, pairs = _answers(question)
    return Overview(
        within=reach,
        suggestions=tuple(
            Suggestion(
                tuple(values[row] for row in group),
                tuple(tuple(float(square[row, other]) for other in group) for row in group),
            )
            for group in groups
        ),
        others=tuple(value for row, value in enumerate(values) if row not in inside),
        agreement=dedupe.agreement(pairs, reach),
        said=answers,
    )


def _answers(question: Question) -> tuple[dict[tuple[int, int], dict[str, int]], list[tuple[float, bool]]]:
    found: dict[tuple[int, int], dict[str, int]] = {}
    pairs = []
    offers = SimilarOffer.objects.filter(card__question=question).exclude(answer="")
    for own, other, answer, distance in offers.values_list("card__canonical", "value", "answer", "distance"):
        pairs.append((distance, answer == OfferAnswer.SAME))
        if own is not None and own != other:
            counts = found.setdefault((min(own, other), max(own, other)), {})
            counts[answer] = counts.get(answer, 0) + 1
    return found, pairs


def kept_apart(question: Question) -> set[tuple[int, int]]:
    """Pairs of values of which an organiser said that they are different, the lower key first."""
    entries = AuditEntry.objects.filter(
        assembly=question.assembly, action=APART, undone_at=None, subject=_subject(question)
    )
    return {
        (min(one, other), max(one, other))
        for entry in entries
        for one in entry.detail["values"]
        for other in entry.detail["values"]
        if one != other
    }


def neighbours(value: CanonicalValue, count: int = 8) -> list[tuple[CanonicalValue, float]]:
    """The nearest active values, with their distances."""
    others = list(value.question.values.filter(status=ValueStatus.ACTIVE).exclude(pk=value.pk))
    near = dedupe.nearest(vectors_of([value])[0], vectors_of(others), count=count, within=2.1)
    return [(others[each.row], each.distance) for each in near]


def merge(question: Question, keep: int, absorb: Collection[int], *, by: Person) -> AuditEntry:
    """Make the cards of some values cards of the one that is kept. Raises Refused if one is active no longer."""
    with transaction.atomic():
        question = _locked(question)
        values = _active(question, [keep, *absorb])
        if not absorb or keep in absorb:
            raise Refused("Choose the value to keep, and at least one other to merge into it.")
        grouping = _grouping(question, [keep, *absorb])
        moves = dedupe.merge(grouping, str(keep), [str(key) for key in absorb])
        _move(moves)
        CanonicalValue.objects.filter(pk__in=absorb).update(
            merged_into=values[keep], status=ValueStatus.MERGED, updated_at=timezone.now()
        )
        # What was merged into these before follows by `resolved`, link by link, so that each can be undone alone.
        return _written(MERGE, question, by, moves, keep=keep, absorb=sorted(absorb))


def split(question: Question, value: int, cards: Collection[int], *, by: Person) -> AuditEntry:
    """Take some cards out of a value into one of their own, in the words of the first of them whose words are others.

    Raises Refused unless some leave and some stay (a seed may stay alone), and where all have the value's own words.
    """
    with transaction.atomic():
        question = _locked(question)
        old = _active(question, [value])[value]
        grouping = _grouping(question, [value])
        chosen = [str(key) for key in sorted(cards)]
        if not chosen:
            raise Refused("Choose the cards to split off.")
        into, before = _own_words(old, chosen)
        try:
            if old.is_seed and set(chosen) == set(grouping.cards_of(str(value))):
                moves = tuple(dedupe.Move(card, str(value), str(into.pk)) for card in chosen)
            else:
                moves = dedupe.split(grouping, str(value), chosen, str(into.pk))
        except UsageError as error:
            raise Refused(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
        _move(moves)
        return _written(SPLIT, question, by, moves, value=value, into=into.pk, before=before)


def _own_words(old: CanonicalValue, cards: list[str]) -> tuple[CanonicalValue, dict[str, Any]]:
    """A value with the words of one of the cards, active, and what it was before."""
    for card in Card.objects.filter(pk__in=cards, status=CardStatus.SUBMITTED).order_by("pk"):
        draft = draft_of(card.latest)
        words = CanonicalValue.hash_of(draft.card("x"))
        if words == old.content_hash:
            continue
        fields = {
            "title": draft.title, "summary": draft.summary, "description": draft.description,
            "policies": list(draft.policies), "language": card.participation.person.language,
        }  # fmt: skip
        try:
            with transaction.atomic():
                found, made = CanonicalValue.objects.get_or_create(
                    question=old.question, content_hash=words, defaults=fields
                )
        except IntegrityError:
            found, made = CanonicalValue.objects.get(question=old.question, content_hash=words), False
        if not made and found.status == ValueStatus.ACTIVE:
            raise Refused(f"“{found.title}” is a value of its own already: merge the cards' value into it instead.")
        before = {"made": made, "status": str(found.status), "merged_into": found.merged_into_id}
        CanonicalValue.objects.filter(pk=found.pk).update(
            status=ValueStatus.ACTIVE, merged_into=None, updated_at=timezone.now()
        )
        return found, before
    raise Refused("These cards have the very words of the value: there is nothing to split.")


def keep_apart(question: Question, values: Collection[int], *, by: Person) -> AuditEntry:
    """Say that values are different: they are no longer suggested as the same."""
    with transaction.atomic():
        question = _locked(question)
        if len(set(values)) < 2:
            raise Refused("Choose at least two values.")
        _active(question, values)
        return audit.record(APART, person=by, assembly=question.assembly, subject=_subject(question),
                            values=sorted(set(values)))  # fmt: skip


def undo(question: Question, entry: int, *, by: Person) -> AuditEntry:
    """Take a merge, a split or a word of difference back. Raises Refused where something was built on it since."""
    with transaction.atomic():
        question = _locked(question)
        found = AuditEntry.objects.select_for_update().filter(
            pk=entry, assembly=question.assembly, subject=_subject(question), action__in=(MERGE, SPLIT, APART)
        ).first()  # fmt: skip
        if found is None or found.undone_at is not None:
            raise Refused("This was taken back already." if found is not None else SINCE)
        detail = found.detail
        moves = [dedupe.Move(*move) for move in detail.get("moves", [])]
        there = dict(Card.objects.filter(pk__in=[move.card for move in moves]).exclude(canonical=None)
                     .values_list("pk", "canonical"))  # fmt: skip
        # Cards that their authors withdrew or deleted meanwhile are no longer anybody's to move.
        back = [move for move in dedupe.inverse(moves) if int(move.card) in there]
        try:
            dedupe.Grouping({str(card): str(value) for card, value in there.items()}).moved(back)
        except UsageError:
            raise Refused("A card of these has gone elsewhere since: take the later change back first.") from None
        if found.action == MERGE:
            _unmerge(question, detail, back)
        elif found.action == SPLIT:
            _unsplit(question, detail, back)
        found.undone_at = timezone.now()
        found.save(update_fields=["undone_at"])
        return _written(UNDO, question, by, back, of=found.pk)


def _unmerge(question: Question, detail: dict[str, Any], back: list[dedupe.Move]) -> None:
    absorbed = list(question.values.filter(pk__in=detail["absorb"]).exclude(content_hash__startswith="erased"))
    if any(each.merged_into_id != detail["keep"] for each in absorbed):
        raise Refused(SINCE)
    CanonicalValue.objects.filter(pk__in=[each.pk for each in absorbed]).update(
        status=ValueStatus.ACTIVE, merged_into=None, updated_at=timezone.now()
    )
    _move(back)
    for value in question.values.filter(pk__in=[*detail["absorb"], detail["keep"]]):
        leave_if_nobodys(value)


def _unsplit(question: Question, detail: dict[str, Any], back: list[dedupe.Move]) -> None:
    into = question.values.get(pk=detail["into"])
    if into.status == ValueStatus.MERGED or into.cards.exclude(pk__in=[move.card for move in back]).exists():
        raise Refused("Other cards have come to the new value since: merge the two instead.")
    _move(back)
    before = detail["before"]
    status = ValueStatus.MERGED if before["merged_into"] else ValueStatus.HIDDEN
    CanonicalValue.objects.filter(pk=into.pk).update(
        status=status, merged_into=before["merged_into"], updated_at=timezone.now()
    )


def history(question: Question, count: int = 30) -> list[AuditEntry]:
    """What was done to the values of a question, the latest first."""
    entries = AuditEntry.objects.filter(
        assembly=question.assembly, subject=_subject(question), action__in=(MERGE, SPLIT, APART, UNDO)
    )
    return list(entries.select_related("person")[:count])


def _locked(question: Question) -> Question:
    """One deed on a question's values at a time; on SQLite a transaction has the whole database anyway."""
    found: Question = Question.objects.select_for_update().get(pk=question.pk)
    return found


def _active(question: Question, keys: Collection[int]) -> dict[int, CanonicalValue]:
    found = {value.pk: value for value in question.values.filter(pk__in=keys, status=ValueStatus.ACTIVE)}
    if set(found) != set(keys):
        raise Refused(SINCE)
    return found


def _grouping(question: Question, values: Collection[int]) -> dedupe.Grouping:
    rows = Card.objects.filter(question=question, canonical__in=values).order_by("pk").values_list("pk", "canonical")
    return dedupe.Grouping({str(card): str(value) for card, value in rows})


def _move(moves: Collection[dedupe.Move]) -> None:
    for move in moves:
        card = Card.objects.select_for_update().get(pk=move.card)
        if str(card.canonical_id) != move.before:  # its author withdrew it, or answered, this very moment
            raise Refused(SINCE)
        card.canonical_id = int(move.after) if move.after is not None else None
        card.placed_version = card.latest.number
        card.save(update_fields=["canonical", "placed_version"])


def _written(action: str, question: Question, by: Person, moves: Collection[dedupe.Move], **detail: Any) -> AuditEntry:
    entry = audit.record(action, person=by, assembly=question.assembly, subject=_subject(question),
                         moves=[list(move) for move in moves], **detail)  # fmt: skip
    transaction.on_commit(lambda: tasks.propose.enqueue(question.pk))
    return entry


def _subject(question: Question) -> str:
    return f"question {question.pk}"
