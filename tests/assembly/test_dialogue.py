"""The dialogue with a model that works, fails, or dies in the middle; and the same things asked without one."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from pluralign.assembly.models import Dialogue, Message, ModelCall
from pluralign.assembly.services import dialogues
from pluralign.core.errors import ModelError
from pluralign.engines.base import ChatRequest
from pluralign.engines.scripted import ScriptedEngine
from tests.assembly import journey

pytestmark = pytest.mark.django_db
CARD = '{"title": "Hearing the quiet", "summary": "I listen.", "policies": ["Faces that turn away", "Pauses", "Doors"]}'


class Model(ScriptedEngine):
    """Asks a new question every time, writes a card when asked for one, and goes down when told to."""

    down = False
    asked = 0

    def __init__(self) -> None:
        super().__init__(speaker=self._speak, name="scripted interviewer")

    def _speak(self, request: ChatRequest) -> str:
        if "JSON" in request.messages[0].content:
            return CARD
        self.asked += 1
        return f"I see. What about number {self.asked} of the {'abcdefghijkl'[self.asked]} things did you notice?"

    def stream(self, request: ChatRequest) -> Iterator[str]:
        for number, piece in enumerate(super().stream(request)):
            if self.down and number == 3:
                raise ModelError("the server hung up")
            yield piece


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[Model]:
    found = Model()
    object.__setattr__(settings.PLURALIGN, "engine_instance", found)
    yield found
    object.__setattr__(settings.PLURALIGN, "engine_instance", None)


def streamed(browser: Any, dialogue: Dialogue) -> str:
    response = browser.get(f"/a/example/dialogue/{dialogue.pk}/stream/")
    assert response["Content-Type"] == "text/event-stream"
    return b"".join(response.streaming_content).decode()


def test_a_model_asks_one_question_at_a_time_and_drafts_the_card(joined: Any, model: Model) -> None:
    dialogue = journey.begin(joined, "model")
    assert dialogue.mode == "model"
    page = joined.get(f"/a/example/dialogue/{dialogue.pk}/").content.decode()
    assert "An AI asks you" in page
    for answer in journey.ANSWERS:
        if dialogues.interview_of(dialogue).standing == "to_ask":
            events = streamed(joined, dialogue)
            assert events.endswith("event: done\ndata: done\n\n")
            assert events.count("event: piece") >= 1
        response = journey.say(joined, dialogue, answer)
    assert response.headers["Location"] == f"/a/example/dialogue/{dialogue.pk}/drafting/"
    assert model.asked == 5, "the first question is fixed"
    card = dialogue.card
    assert card.latest.policies[0] == "People who fall silent when others speak", "own words first"
    joined.post(f"/a/example/dialogue/{dialogue.pk}/draft/")
    assert (card.latest.title, card.latest.author) == ("Hearing the quiet", "ai")
    joined.post(f"/a/example/dialogue/{dialogue.pk}/draft/")
    assert card.versions.count() == 2
    assert [message.author for message in dialogue.messages.all()][:4] == ["form", "participant", "ai", "participant"]
    assert set(ModelCall.objects.values_list("purpose", flat=True)) == {"question", "card"}


def test_when_the_model_dies_in_mid_sentence_the_form_takes_over_and_nothing_is_lost(joined: Any, model: Model) -> None:
    dialogue = journey.begin(joined, "model")
    journey.say(joined, dialogue, journey.ANSWERS[0])
    model.down = True
    events = streamed(joined, dialogue)
    assert "In that moment, what did you look out for?" in events
    dialogue.refresh_from_db()
    assert dialogue.mode == "form"
    assert dialogue.model_failed_at is not None
    page = joined.get(f"/a/example/dialogue/{dialogue.pk}/").content.decode()
    assert "Nothing you said is lost" in page
    assert journey.ANSWERS[0] in page
    for answer in journey.ANSWERS[1:]:
        journey.say(joined, dialogue, answer)
    assert len(dialogue.card.latest.policies) == 3
    assert ModelCall.objects.get().succeeded is False


def test_a_reader_who_goes_away_while_the_model_speaks_is_asked_again(joined: Any, model: Model) -> None:
    dialogue = journey.begin(joined, "model")
    journey.say(joined, dialogue, journey.ANSWERS[0])
    words = dialogues.next_words(joined.participation, str(dialogue.pk))
    next(words)
    words.close()  # type: ignore[attr-defined]  # the connection broke, or the process was killed
    dialogue.refresh_from_db()
    assert dialogues.interview_of(dialogue).standing == "to_ask"
    assert dialogue.messages.filter(author="participant").count() == 1
    streamed(joined, dialogue)
    dialogue.refresh_from_db()
    assert dialogues.interview_of(dialogue).standing == "asked"


def test_two_windows_make_one_question_and_one_answer(joined: Any, model: Model) -> None:
    dialogue = journey.begin(joined, "model")
    revision = dialogue.revision
    url = f"/a/example/dialogue/{dialogue.pk}/answer/"
    joined.post(url, {"answer": "I waited for her.", "revision": revision})
    joined.post(url, {"answer": "I waited for her.", "revision": revision})  # double click
    assert Message.objects.filter(author="participant").count() == 1
    other_tab = joined.post(url, {"answer": "Something else", "revision": revision})
    assert other_tab.status_code == 422
    assert Message.objects.filter(author="participant").count() == 1
    one = dialogues.next_words(joined.participation, str(dialogue.pk))
    two = dialogues.next_words(joined.participation, str(dialogue.pk))
    next(one), next(two)
    list(one), list(two)
    assert Message.objects.filter(author="ai").count() == 1


def test_without_script_the_question_is_in_the_page(joined: Any, model: Model) -> None:
    dialogue = journey.begin(joined, "model")
    journey.say(joined, dialogue, journey.ANSWERS[0])
    assert joined.get(f"/a/example/dialogue/{dialogue.pk}/?wait").status_code == 302
    assert "What about number 1" in joined.get(f"/a/example/dialogue/{dialogue.pk}/").content.decode()


def test_a_spent_budget_means_the_form(joined: Any, model: Model, assembly: Any) -> None:
    assembly.call_budget = 1
    assembly.save()
    dialogue = journey.begin(joined, "model")
    journey.say(joined, dialogue, journey.ANSWERS[0])
    streamed(joined, dialogue)
    journey.say(joined, dialogue, journey.ANSWERS[1])
    events = streamed(joined, dialogue)
    assert "What became possible" in events
    assert model.asked == 1


def test_enough_takes_what_stands_in_the_box_or_says_why_not(joined: Any) -> None:
    dialogue = journey.begin(joined)
    journey.say(joined, dialogue, journey.ANSWERS[0])
    refused = journey.say(joined, dialogue, "a" * 4001, do="enough")
    assert refused.status_code == 422
    assert "shorten your answer" in refused.content.decode()
    assert "a" * 4001 in refused.content.decode(), "it is still in the box"
    assert dialogue.ended_at is None
    journey.say(joined, dialogue, "Who went quiet.", do="enough")
    assert dialogue.ended_at is not None
    assert dialogue.messages.filter(author="participant").last().text == "Who went quiet."


def test_going_on_without_ai_at_any_time(joined: Any, model: Model) -> None:
    dialogue = journey.begin(joined, "model")
    journey.say(joined, dialogue, journey.ANSWERS[0])
    journey.say(joined, dialogue, "", do="form")
    assert dialogue.mode == "form"
    assert dialogues.interview_of(dialogue).standing == "asked"
    assert model.asked == 0


def test_thats_enough_keeps_what_stands_in_the_box(joined: Any) -> None:
    dialogue = journey.begin(joined)
    journey.say(joined, dialogue, journey.ANSWERS[0])
    response = journey.say(joined, dialogue, "Faces; hands; doors", do="enough")
    assert response.headers["Location"] == f"/a/example/card/{dialogue.card.pk}/"
    assert dialogue.card.latest.policies == ["Faces", "Hands", "Doors"]
    again = journey.begin(joined)
    assert again.pk != dialogue.pk, "another value is another dialogue"


def test_blank_and_endless_answers_say_what_is_wrong_and_keep_the_text(joined: Any) -> None:
    dialogue = journey.begin(joined)
    assert "write something" in journey.say(joined, dialogue, " ").content.decode()
    page = journey.say(joined, dialogue, "y" * 4001)
    assert page.status_code == 422
    assert "y" * 4001 in page.content.decode()
    journey.say(joined, dialogue, "", do="skip")
    assert dialogues.interview_of(dialogue).turns[0].skipped


def test_nobody_else_reads_or_writes_a_dialogue(joined: Any, assembly: Any) -> None:
    from pluralign.assembly.services import joining

    dialogue = journey.begin(joined)
    stranger = Client()
    stranger.force_login(joining.join(assembly, None).participation.person)
    base = f"/a/example/dialogue/{dialogue.pk}/"
    for path in ("", "stream/", "drafting/"):
        assert stranger.get(base + path).status_code == 404
        assert Client().get(base + path).status_code == 302
    for path in ("answer/", "draft/"):
        assert stranger.post(base + path, {"answer": "x"}).status_code == 404
    assert Message.objects.count() == 1
