"""A recipe of two stages, for tests of what all recipes share: a question per topic in JSON, then an answer."""

import json
import random
from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict

from pluralign.core.chat import Message
from pluralign.core.ids import content_hash
from pluralign.core.records import Provenance, SftRecord
from pluralign.curate.recipe import Recipe, Sampling
from pluralign.curate.replies import json_object, some_text
from pluralign.curate.run import Prepared, surveys_of
from pluralign.curate.work import Document, Made, Task, Work
from pluralign.engines.base import ChatRequest
from pluralign.engines.scripted import ScriptedEngine

WORDS = (
    "family",
    "work",
    "trust",
    "river",
    "market",
    "school",
    "music",
    "winter",
    "bread",
    "garden",
    "letter",
    "light",
)


class Small(Recipe):
    topics: tuple[str, ...] = ("tea", "coffee", "bread", "music", "rain")
    temperature: float = 1.0
    judge: str = ""

    def engines(self) -> dict[str, str]:
        return {"model": self.model} | ({"judge": self.judge} if self.judge else {})


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    question: str


def prepare(recipe: Small) -> Prepared:
    def make(work: Work) -> Iterator[Made]:
        sampling = Sampling(temperature=recipe.temperature, max_tokens=60)
        questions = work.ask(
            [
                Task(
                    id=f"{topic}/question",
                    stage="question",
                    messages=(Message("user", f"Write a question about {topic} as JSON."),),
                    read=json_object(Asked),
                    sample='{"question": "Do you drink tea every day?"}',
                    sampling=sampling,
                )
                for topic in recipe.topics
            ]
        )
        answers = []
        for topic, asked in zip(recipe.topics, questions, strict=True):
            if asked.value is None:
                yield asked.dropped((f"topic:{topic}",))
                continue
            messages = (Message("user", asked.value.question),)
            answers.append(
                (topic, Task(f"{topic}/answer", "answer", messages, some_text, "Yes, every day.", sampling=sampling))
            )
        for (topic, task), answer in zip(answers, work.ask([task for _, task in answers]), strict=True):
            if answer.value is None:
                yield answer.dropped((f"topic:{topic}",))
                continue
            yield SftRecord(
                collective=recipe.collective,
                source="a test",
                licence=recipe.licence,
                messages=(*task.messages, Message("assistant", answer.value)),
                provenance=Provenance(recipe="small", parents=(f"topic:{topic}",)),
            )
        yield Document("topics.txt", "\n".join(recipe.topics) + "\n")

    groups = {f"topic:{topic}": topic for topic in recipe.topics}
    return Prepared("small", recipe, make, surveys=surveys_of(recipe), groups=groups)


def small(**keys: object) -> Small:
    fields: dict[str, object] = {"name": "small", "model": "scripted", "licence": "CC0-1.0", "collective": "club"}
    return Small.model_validate(fields | keys)


def speak(request: ChatRequest) -> str:
    """JSON where JSON is asked for, else words that depend on the request alone."""
    text = request.messages[-1].content
    chance = random.Random(content_hash([text, request.seed]))
    said = " ".join(chance.choice(WORDS) for _ in range(12))
    return json.dumps({"question": f"What of {said}?"}) if "JSON" in text else said


def engine() -> ScriptedEngine:
    return ScriptedEngine(speaker=speak, scorer=lambda request: [-1.0, *[-3.0] * (len(request.options) - 1)])
