"""Holding a dialogue: every answer is kept before anything is done with it, and nothing depends on a model's health.

The state machine is `elicit.interview`; here it is stored. `revision` makes each step happen once: a second press of
the button, a retry or another tab finds that the step was made.
"""

from collections.abc import Iterator

from django.db import transaction
from django.utils import timezone
from django.utils.translation import get_language, get_language_info, gettext

from pluralign.assembly import machines
from pluralign.assembly.models import (
    Author,
    Card,
    CardVersion,
    Deed,
    Dialogue,
    DialogueMode,
    Message,
    Participation,
    Question,
)
from pluralign.assembly.services import calls
from pluralign.assembly.services.doors import must_be_open
from pluralign.elicit import cards as making
from pluralign.elicit import conduct
from pluralign.elicit import interview as talk
from pluralign.elicit.interview import QUESTIONS, Interview, Stage


class StaleError(Exception):
    """Another tab or an earlier press has gone on; look again."""


def start(mine: Participation, question: Question, *, with_model: bool) -> Dialogue:
    """The dialogue about a question that is under way, or a new one. Its first question is fixed, so that it is there
    at once whoever asks the rest."""
    with transaction.atomic():
        must_be_open(mine, Deed.TELL)
        Participation.objects.select_for_update().get(pk=mine.pk)
        open_one = mine.dialogues.filter(question=question, ended_at=None).first()
        if open_one is not None:
            return open_one
        engine = machines.engine_for(mine.assembly, mine) if with_model else None
        dialogue = Dialogue(
            participation=mine,
            question=question,
            mode=DialogueMode.FORM if engine is None else DialogueMode.MODEL,
            engine="" if engine is None else engine.name[:200],
            state=_dump(talk.begin(mine.assembly.turn_budget)),
        )
        dialogue.save()
        _ask(dialogue, "")
        return dialogue


def interview_of(dialogue: Dialogue) -> Interview:
    """Where it stands."""
    return Interview.model_validate(dialogue.state)


def fixed_question(interview: Interview) -> str:
    """The fixed question of the stage, in the reader's language."""
    return gettext(QUESTIONS[interview.stage].text)


def answer(mine: Participation, key: str, revision: int, text: str) -> Dialogue:
    """Take an answer. The same answer to the same question again changes nothing.

    Raises :class:`StaleError`, ValueError for a blank or endless answer, Dialogue.DoesNotExist for another's dialogue.
    """
    with transaction.atomic():
        must_be_open(mine, Deed.TELL)
        dialogue = _locked(mine, key)
        if dialogue.revision != revision:
            if _said_already(dialogue, text):
                return dialogue
            raise StaleError
        before = interview_of(dialogue)
        follow_up = dialogue.mode == DialogueMode.MODEL and conduct.wants_follow_up(before.stage, text)
        after = talk.answer(before, text, follow_up=follow_up)
        _say(dialogue, Message.Author.PARTICIPANT, text.strip(), before.stage)
        _go_on(dialogue, after)
        return dialogue


def skip(mine: Participation, key: str, revision: int) -> Dialogue:
    """Leave a question out."""
    with transaction.atomic():
        must_be_open(mine, Deed.TELL)
        dialogue = _locked(mine, key)
        if dialogue.revision == revision:
            _go_on(dialogue, talk.skip(interview_of(dialogue)))
        return dialogue


def enough(mine: Participation, key: str) -> Dialogue:
    """ "That's enough": end it now, with a card of what was said."""
    with transaction.atomic():
        dialogue = _locked(mine, key)
        if dialogue.ended_at is None:
            _go_on(dialogue, talk.enough(interview_of(dialogue)))
        return dialogue


def go_on_by_form(mine: Participation, key: str) -> Dialogue:
    """From here on the form asks: the person wishes it, or the model is down."""
    with transaction.atomic():
        dialogue = _locked(mine, key)
        _take_over(dialogue)
        return dialogue


def next_words(mine: Participation, key: str) -> Iterator[str]:
    """The model's next question, piece by piece; afterwards it is kept. Does nothing where none is due.

    If the model is down, or its budget is spent, the form takes over: what comes is the fixed question, and
    everything said before is still there. If the reader goes away in the middle, the question is asked anew.
    """
    dialogue = mine.dialogues.select_related("question", "participation__assembly").get(pk=key)
    interview = interview_of(dialogue)
    if interview.standing != "to_ask":
        return
    assembly = mine.assembly
    engine = machines.engine_for(assembly, mine)
    if engine is None or dialogue.mode != DialogueMode.MODEL:
        yield fixed_question(interview)
        go_on_by_form(mine, key)
        return
    asked = conduct.question_request(interview, dialogue.question.text, language_name())
    pieces = calls.streamed(
        engine, asked.request, assembly=assembly, purpose="question", prompt_hash=asked.prompt_hash, mine=mine
    )
    said = ""
    try:
        for piece in conduct.guarded(pieces, interview, fixed_question(interview)):
            said += piece
            yield piece
    except calls.ModelDownError:
        yield f"\n{fixed_question(interview)}" if said else fixed_question(interview)
        go_on_by_form(mine, key)
        return
    with transaction.atomic():
        again = _locked(mine, key)
        if again.revision == dialogue.revision:
            again.prompt_hash = asked.prompt_hash
            _ask(again, said)


def draft_by_model(mine: Participation, key: str) -> Card:
    """Let the model put the answers into a card, as one more version; without it the person's own words stand."""
    dialogue = mine.dialogues.select_related("question").get(pk=key)
    card: Card = dialogue.card
    interview = interview_of(dialogue)
    engine = machines.engine_for(mine.assembly, mine)
    if engine is None or dialogue.mode != DialogueMode.MODEL or card.versions.count() > 1 or not interview.answers:
        return card
    asked = making.draft_request(interview, dialogue.question.text, language_name())
    try:
        reply = calls.whole(
            engine, asked.request, assembly=mine.assembly, purpose="card", prompt_hash=asked.prompt_hash, mine=mine
        )
    except calls.ModelDownError:
        return card
    draft = making.read_draft(reply)
    if draft is not None:
        CardVersion.objects.get_or_create(
            card=card,
            number=2,
            defaults={**draft.model_dump(), "policies": list(draft.policies), "author": Author.AI},
        )
    return card


def turns(dialogue: Dialogue) -> list[dict[str, object]]:
    """What was said, in order: by whom (``mine``: the participant; ``ai``), and the text. Fixed questions are in the
    reader's language."""
    return [
        {
            "mine": message.author == Message.Author.PARTICIPANT,
            "ai": message.author == Message.Author.AI,
            "text": gettext(QUESTIONS[Stage(message.stage)].text)
            if message.author == Message.Author.FORM
            else message.text,
        }
        for message in dialogue.messages.all()
    ]


def language_name() -> str:
    """The reader's language, in English, as a model is told it."""
    return str(get_language_info(get_language() or "en")["name"])


def _locked(mine: Participation, key: str) -> Dialogue:
    return Dialogue.objects.select_for_update(of=("self",)).select_related("question").get(pk=key, participation=mine)


def _go_on(dialogue: Dialogue, interview: Interview) -> None:
    """Keep the state; where the form asks, ask at once; where it is over, make the card."""
    _keep(dialogue, interview)
    if interview.finished:
        dialogue.ended_at = timezone.now()
        dialogue.save()
        _make_card(dialogue, interview)
    elif interview.standing == "to_ask" and dialogue.mode == DialogueMode.FORM:
        _ask(dialogue, "")


def _take_over(dialogue: Dialogue) -> None:
    if dialogue.mode == DialogueMode.MODEL:
        dialogue.mode, dialogue.model_failed_at = DialogueMode.FORM, timezone.now()
        dialogue.save()
    if interview_of(dialogue).standing == "to_ask":
        _ask(dialogue, "")


def _ask(dialogue: Dialogue, words: str) -> None:
    """Ask in a model's words, or (none) by the fixed question of the stage."""
    interview = talk.ask(interview_of(dialogue), words)
    author = Message.Author.AI if words else Message.Author.FORM
    _say(dialogue, author, words or interview.stage, interview.stage)
    _keep(dialogue, interview)


def _say(dialogue: Dialogue, author: str, text: str, stage: str) -> None:
    Message.objects.create(
        dialogue=dialogue, position=dialogue.messages.count(), author=author, text=text, stage=str(stage)
    )


def _keep(dialogue: Dialogue, interview: Interview) -> None:
    dialogue.state = _dump(interview)
    dialogue.revision += 1
    dialogue.save()


def _dump(interview: Interview) -> dict[str, object]:
    return interview.model_dump(mode="json")


def _said_already(dialogue: Dialogue, text: str) -> bool:
    last = dialogue.messages.filter(author=Message.Author.PARTICIPANT).last()
    return last is not None and last.text == text.strip()


def _make_card(dialogue: Dialogue, interview: Interview) -> Card:
    draft = making.from_answers(interview)
    card, made = Card.objects.get_or_create(
        dialogue=dialogue, defaults={"participation": dialogue.participation, "question": dialogue.question}
    )
    if made:
        CardVersion.objects.create(card=card, number=1, policies=list(draft.policies), author=Author.FORM)
    return card
