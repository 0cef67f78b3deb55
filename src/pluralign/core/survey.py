"""A survey: questions, the collectives that answered them, and how they answered. Knows no file format."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from pluralign.core.collective import Collective
from pluralign.core.distribution import Distribution
from pluralign.core.errors import DistributionError, UnknownNameError, UsageError
from pluralign.core.ids import content_hash
from pluralign.core.question import NonEmpty, Question


class Survey(BaseModel):
    """Questions with the answer distributions of real populations, and where they come from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: NonEmpty
    """How users name it, such as ``world-mini``."""
    title: str = ""
    """What readers see."""
    questions: tuple[Question, ...]
    """In the survey's own order."""
    collectives: tuple[Collective, ...] = ()
    """Populations with at least one reference, in the survey's own order."""
    references: Mapping[str, Mapping[str, Distribution]] = {}
    """Collective id -> question id -> the people's answers. A question nobody was asked is absent."""
    traits: Mapping[str, Mapping[str, int]] = {}
    """Trait -> question id -> key, of a personality inventory: 1 where the first option means most of the trait, -1
    where it means least. All questions of a trait have ordered options, equally many."""
    citation: str = ""
    """How the source asks to be cited."""
    licence: str = ""
    """The terms under which the data may be used."""
    notes: str = ""
    """Caveats a reader of any result must know."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not self.questions:
            raise ValueError(f"survey {self.name!r} has no questions")
        by_id = {question.id: question for question in self.questions}
        if len(by_id) < len(self.questions):
            ids = [question.id for question in self.questions]
            raise ValueError(f"question id {next(i for i in ids if ids.count(i) > 1)!r} is used twice")
        known = [collective.id for collective in self.collectives]
        if len(set(known)) < len(known):
            raise ValueError(f"collective id {next(i for i in known if known.count(i) > 1)!r} is used twice")
        for collective_id, answers in self.references.items():
            if collective_id not in known:
                raise UnknownNameError("collective", collective_id, known)
            for question_id, distribution in answers.items():
                if question_id not in by_id:
                    raise UnknownNameError("question", question_id, by_id)
                options = len(by_id[question_id].options)
                if len(distribution) != options:
                    raise DistributionError(
                        f"{collective_id} has {len(distribution)} shares for {question_id}, which has {options} options"
                    )
        for trait, keys in self.traits.items():
            for question_id, key in keys.items():
                if question_id not in by_id:
                    raise UnknownNameError("question", question_id, by_id)
                if key not in (1, -1):
                    raise ValueError(f"the key of {question_id!r} in {trait!r} must be 1 or -1, got {key}")
            items = [by_id[question_id] for question_id in keys]
            if len({len(question.options) for question in items}) != 1 or not all(one.scale.ordered for one in items):
                raise ValueError(f"the questions of {trait!r} must have ordered options, equally many")
        return self

    @cached_property
    def _question_by_id(self) -> dict[str, Question]:
        return {question.id: question for question in self.questions}

    @cached_property
    def _collective_by_id(self) -> dict[str, Collective]:
        return {collective.id: collective for collective in self.collectives}

    @cached_property
    def topics(self) -> tuple[str, ...]:
        """Topic headings in order of first appearance."""
        return tuple(dict.fromkeys(question.topic for question in self.questions))

    @cached_property
    def checksum(self) -> str:
        """Content hash of everything that decides a result: questions, collectives, references and traits."""
        parts = {"questions", "collectives", "references"} | ({"traits"} if self.traits else set())
        return content_hash(self.model_dump(mode="json", include=parts))

    def question(self, question_id: str) -> Question:
        """The question of that id; raises :class:`UnknownNameError`."""
        if question_id not in self._question_by_id:
            raise UnknownNameError("question", question_id, self._question_by_id)
        return self._question_by_id[question_id]

    def collective(self, name: str) -> Collective:
        """The collective of that id or name, in any case of letters; raises :class:`UnknownNameError`."""
        if name in self._collective_by_id:
            return self._collective_by_id[name]
        for collective in self.collectives:
            if name.casefold() in (collective.id.casefold(), collective.name.casefold()):
                return collective
        known = [*self._collective_by_id, *(collective.name for collective in self.collectives)]
        raise UnknownNameError("country or group", name, known)

    def reference(self, collective_id: str, question_id: str) -> Distribution | None:
        """How that population answered, or ``None`` if it was not asked."""
        return self.references.get(collective_id, {}).get(question_id)

    def select(self, *, question_ids: Iterable[str] | None = None, topics: Iterable[str] | None = None) -> "Survey":
        """The same survey with only the named questions and topics, in the survey's order. Raises on unknown names."""
        kept = set(self._question_by_id)
        if question_ids is not None:
            kept &= {self.question(question_id).id for question_id in question_ids}
        if topics is not None:
            folded = {topic.casefold(): topic for topic in self.topics}
            wanted = set()
            for topic in topics:
                if topic.casefold() not in folded:
                    raise UnknownNameError("topic", topic, self.topics)
                wanted.add(folded[topic.casefold()])
            kept &= {question.id for question in self.questions if question.topic in wanted}
        if not kept:
            raise UsageError(f"no question of {self.name!r} is left after selection")
        return self.model_copy(
            update={
                "questions": tuple(question for question in self.questions if question.id in kept),
                "references": {
                    collective_id: {key: value for key, value in answers.items() if key in kept}
                    for collective_id, answers in self.references.items()
                },
                "traits": {
                    trait: left
                    for trait, keys in self.traits.items()
                    if (left := {key: value for key, value in keys.items() if key in kept})
                },
            }
        )

    def balanced(self, per_topic: int) -> "Survey":
        """At most ``per_topic`` questions of every topic, evenly spread over the topic's questions."""
        if per_topic < 1:
            raise UsageError(f"per_topic must be at least 1, got {per_topic}")
        chosen: list[str] = []
        for topic in self.topics:
            ids = [question.id for question in self.questions if question.topic == topic]
            count = min(per_topic, len(ids))
            chosen += [ids[(2 * at + 1) * len(ids) // (2 * count)] for at in range(count)]
        return self.select(question_ids=chosen)
