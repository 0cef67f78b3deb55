"""Background work. Every task may run twice, or in two workers at once, and does no harm: it looks before it writes,
and the database refuses what is there already. Arguments are ids; no words of people pass through the queue."""

from django_tasks import task

from pluralign.assembly.models import Card, Question, Transition
from pluralign.assembly.services import reckoning, similar, transitions


@task()
def place_card(card: int) -> None:
    """Find the values that a submitted card may say too, offer them to its author, and put it into the graph."""
    found = Card.objects.filter(pk=card).first()
    if found is not None:
        similar.place(found)
        propose.enqueue(found.question_id)


@task()
def propose(question: int) -> None:
    """Bring the transitions of a question up to date with its values."""
    found = Question.objects.filter(pk=question).first()
    if found is not None:
        transitions.propose(found)


@task()
def write_story(transition: int, language: str) -> None:
    """Have a model write a story for a transition that has none in a language."""
    found = Transition.objects.filter(pk=transition, is_active=True).first()
    if found is not None:
        transitions.write_story(found, language)


@task()
def reckon(question: int) -> None:
    """Bring what dashboards say of a question up to date."""
    found = Question.objects.filter(pk=question).first()
    if found is not None:
        reckoning.reckon(found)
