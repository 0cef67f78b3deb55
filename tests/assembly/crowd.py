"""Many people who have judged, by services, so that what is told of them can be tested."""

from typing import Any

from pluralign.assembly.models import CanonicalValue, Card, CardStatus, CardVersion, Participation
from pluralign.assembly.services import joining, judging, transitions, voting
from pluralign.core.moral_graph import Relationship
from pluralign.core.value_card import ValueCard


def few_values(assembly: Any, values: int = 3, contexts: int = 1) -> None:
    """Leave so few values and contexts that people judge the same pairs."""
    question = assembly.questions.get()
    question.values.exclude(pk__in=list(question.values.values_list("pk", flat=True)[:values])).delete()
    kept = list(assembly.contexts.values_list("pk", flat=True)[:contexts])
    assembly.contexts.exclude(pk__in=kept).delete()
    transitions.propose(question)


def say(mine: Participation, title: str) -> Card:
    """A submitted card that says a value of its own."""
    question = mine.assembly.questions.get()
    policies = [f"Signs of {title}"]
    words = CanonicalValue.hash_of(ValueCard(id="x", title=title, policies=tuple(policies)))
    value, _made = CanonicalValue.objects.get_or_create(
        question=question, content_hash=words, defaults={"title": title, "policies": policies}
    )
    card = Card.objects.create(participation=mine, question=question, canonical=value, status=CardStatus.SUBMITTED)
    CardVersion.objects.create(card=card, number=1, title=title, policies=value.policies, author="participant")
    return card


def judge_all(mine: Participation, reason: str = "") -> None:
    """Vote on all and judge all there is; the value with the lower key is always found wiser."""
    question = mine.assembly.questions.get()
    draw = voting.open_draw(mine, question)
    if draw is not None:
        voting.vote(mine, str(draw.pk), {card.position: "wise" for card in draw.cards.all()})
    while (asked := judging.open_draw(mine, question, "en")) is not None:
        transition = asked.transition.transition
        wiser = transition.candidate_id < transition.source_id
        judging.judge(mine, str(asked.pk), Relationship.WISER if wiser else Relationship.LESS_WISE, reason)


def people(assembly: Any, count: int, **consent: Any) -> list[Participation]:
    """People who joined and judged all there is."""
    found = []
    for _ in range(count):
        mine = joining.join(assembly, None, **consent).participation
        judge_all(mine)
        found.append(mine)
    return found
