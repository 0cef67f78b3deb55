"""How faithful voices are on what a text is about: its topic is that of the survey question it is most like."""

from collections.abc import Mapping, Sequence
from typing import Any

from pluralign.core.question import Question
from pluralign.poll.faithfulness import question_of
from pluralign.serve import cards
from pluralign.serve.served import ServedVoice, Spoken
from pluralign.surveys.similar import ALIKE, Embedding, QuestionFinder


class Topics:
    """Finds topics. ``embedding``: ``None`` where none is installed; then no topic is found, and that is said."""

    def __init__(self, embedding: Embedding | None, *, alike: float = ALIKE):
        self._embedding, self._alike = embedding, alike
        self._finders: dict[tuple[str, ...], QuestionFinder] = {}

    def prepare(self, voices: Sequence[ServedVoice]) -> None:
        """Embed the questions of every survey now."""
        if self._embedding is None:
            return
        for questions in {tuple(one.text for one in _questions(voice)): _questions(voice) for voice in voices}.values():
            if questions:
                self._finder(questions).find("How are you?")

    def about(self, text: str, spoken: Mapping[str, Spoken]) -> dict[str, Any]:
        """Which question a text is like, and how faithful each voice is on that question's topic.

        ``spoken``: by the name that was asked for.
        """
        return {
            "voices": {name: self._about(text, one) for name, one in spoken.items()},
            "available": self._embedding is not None,
        }

    def _about(self, text: str, spoken: Spoken) -> dict[str, Any]:
        voice = spoken.parts[0][0]
        questions = _questions(voice)
        matches = self._finder(questions).find(text) if questions and self._embedding is not None else ()
        if not matches:
            return {"topic": None, "questions": [], "measured": None}
        topic = matches[0].question.topic
        whole = spoken.panel or spoken.voice
        members = [
            {"id": one.name, "title": spoken.title_of(one), "measured": _measured(one, topic)}
            for one, _ in (spoken.parts if spoken.panel is not None else ())
        ]
        return {
            "topic": topic,
            "questions": [
                {"id": match.question.id, "text": match.question.text, "similarity": round(match.similarity, 3)}
                for match in matches
            ],
            "measured": None if whole is None else _measured(whole, topic),
            **({"members": members} if members else {}),
        }

    def _finder(self, questions: Sequence[Question]) -> QuestionFinder:
        assert self._embedding is not None
        key = tuple(question.text for question in questions)
        if key not in self._finders:
            self._finders[key] = QuestionFinder(questions, self._embedding, alike=self._alike)
        return self._finders[key]


def _measured(voice: ServedVoice, topic: str) -> dict[str, Any] | None:
    """How faithful a voice is on a topic; ``None`` where nobody knows."""
    if not voice.profiles:
        return None
    return next((cards.topic(one) for one in voice.profiles[0].topics if one.topic == topic), None)


def _questions(voice: ServedVoice) -> tuple[Question, ...]:
    """The questions of a voice's survey, asked or not; where only a run knows the survey, those that it asked."""
    if voice.scores and (voice.survey is None or voice.survey.name != voice.scores[0].survey):
        return tuple(question_of(one) for one in voice.scores[0].questions)
    return voice.survey.questions if voice.survey is not None else ()
